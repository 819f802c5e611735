"""Web and worker processes of a stack, forked from one process that has imported everything they need.

Importing costs a process most of three seconds of a core, and tests of faults start dozens. What is forked is a process
of its own all the same: its own session, environment, and log, signals as anywhere, and it ends with its parent.
`coldframe dev`, the demo, and `tests/workflows/test_worker.py` start theirs as users do.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from engine.cli.stack import Stack
from engine.embedded.process import Child, prepare_log

ROOT = Path(__file__).resolve().parents[2]
LOADED = (
    "engine.cli.main", "engine.cli.web", "worker", "web.app", "web.http.heads", "uvicorn.lifespan.on",
    "uvicorn.loops.uvloop", "uvicorn.protocols.http.httptools_impl",
)  # fmt: skip
_DIE_WITH_PARENT = 1
"""PR_SET_PDEATHSIG"""


class Nursery:
    """The process that forks, and the conversation with it: one line of JSON each way. It ends when nobody can ask it
    any more, and its children with it."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self._turn = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.nursery", str(theirs.fileno())], pass_fds=[theirs.fileno()],
            cwd=ROOT, stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        theirs.close()
        self._line = ours.makefile("rwb")
        ours.close()

    def ask(self, **question: Any) -> Any:
        with self._turn:
            self._line.write(json.dumps(question).encode() + b"\n")
            self._line.flush()
            return json.loads(self._line.readline())


@cache
def nursery() -> Nursery:
    """The one of this session of tests; it ends with it."""
    return Nursery()


@dataclass
class Forked:
    """As much of `subprocess.Popen` as a stack asks for."""

    pid: int
    returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = nursery().ask(ended=self.pid)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        deadline = time.monotonic() + (timeout if timeout is not None else 1e9)
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("forked", timeout or 0.0)
            time.sleep(0.02)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class ForkedChild(Child):
    """A child of the nursery."""

    def start(self) -> None:
        prepare_log(self.log)
        arguments = list(self.command[self.command.index("engine.cli.main") + 1 :])
        environment = dict(self.environment or os.environ)
        pid = nursery().ask(arguments=arguments, environment=environment, log=str(self.log))
        self.process = Forked(pid)  # type: ignore[assignment]


class ForkingStack(Stack):
    """A stack whose web and worker processes are forked."""

    def _child(self, name: str, extra: Mapping[str, str]) -> Child:
        child = super()._child(name, extra)
        return ForkedChild(child.name, child.command, child.log, environment=child.environment)


# ── in the process that forks ────────────────────────────────────────────────────────────────────────────────────────
def serve(descriptor: int) -> None:
    """Answer until the other side is gone. `arguments`, `environment`, `log` → pid; `ended` → exit code or null."""
    _load()
    with socket.socket(fileno=descriptor) as link, link.makefile("rwb") as line:
        for text in line:
            question = json.loads(text)
            known = question.get("ended")
            answer = _ended(known) if known else os.fork() or _child(descriptor, **question)
            line.write(json.dumps(answer).encode() + b"\n")
            line.flush()


def _load() -> None:
    """What web and workers import, also what they import late. It must not start a thread, which no fork would have."""
    for name in LOADED:
        import_module(name)
    assert threading.active_count() == 1
    gc.collect()
    gc.freeze()


def _ended(pid: int) -> int | None:
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def _child(descriptor: int, arguments: Sequence[str], environment: Mapping[str, str], log: str) -> NoReturn:
    """Become that command."""
    from engine.cli.main import main

    code = 1
    try:
        os.setsid()
        os.umask(0o077)
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGTERM)
        os.close(descriptor)
        said = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.dup2(said, 1)
        os.dup2(said, 2)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = ["coldframe", *arguments]
        main(arguments)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(int(sys.argv[1]))

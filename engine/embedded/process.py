"""Child processes: start one with a log, wait until it answers, stop it by its id."""

from __future__ import annotations

import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from engine.embedded.launch import launcher
from engine.platform.private import opener, private_folder

_LOG_LIMIT = 5_000_000
"""Bytes after which a log is set aside at the next start, so that at most twice as much is kept."""


class EmbeddedError(RuntimeError):
    """A part of the embedded stack could not be started; the text says which, why, and shows the end of its log."""


@dataclass
class Child:
    """One running child process. `name` is for people, `stop_signal` is what makes it end in good order."""

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    uid: int | None = None
    cwd: Path | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def pid(self) -> int | None:
        return None if self.process is None else self.process.pid

    def start(self) -> None:
        """Start it in a session of its own, so that Ctrl-C reaches only the supervisor, which stops all in order."""
        prepare_log(self.log)
        front = launcher(signal=self.stop_signal, uid=self.uid, cwd=self.cwd)
        with open(self.log, "ab", opener=opener) as log:
            self.process = subprocess.Popen(
                [*front, *self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=None if self.environment is None else dict(self.environment),
            )

    def exit_code(self) -> int | None:
        """None while it runs; otherwise how it ended."""
        return None if self.process is None else self.process.poll()

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self, *, seconds: float = 30.0) -> None:
        """Ask it to end, wait, and kill it when it has not ended after `seconds`."""
        self.ask_to_stop()
        self.wait_or_kill(seconds=seconds)

    def ask_to_stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            with suppress(ProcessLookupError):
                self.process.send_signal(self.stop_signal)

    def wait_or_kill(self, *, seconds: float) -> None:
        if self.process is None:
            return
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def failed(self, why: str) -> EmbeddedError:
        """The error that says why this child is not there, with the end of its log."""
        return EmbeddedError(f"{self.name} {why}\n{tail(self.log)}".rstrip())


def wait_until_ready(child: Child, probe: Callable[[], bool], *, seconds: float = 60.0) -> None:
    """Call `probe` until it is true. Raises EmbeddedError when the child ends first or the time is over."""
    deadline = time.monotonic() + seconds
    pause = 0.02
    while not probe():
        if not child.running():
            raise child.failed(f"exited immediately (exit code {child.exit_code()}); the end of its log:")
        if time.monotonic() > deadline:
            raise child.failed(f"did not answer within {seconds:.0f} s; the end of its log:")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.25)


def prepare_log(log: Path) -> None:
    private_folder(log.parent)
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.replace(log.with_suffix(".old.log"))


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, indented; empty when there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8192))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])


def free_port(preferred: int | None = None) -> int:
    """A port on 127.0.0.1 that nothing listens on: the preferred one where possible.

    The others lie below those that systems give to outgoing connections, which could take one before it is used.
    """
    for port in (preferred, *random.sample(range(20_000, 32_000), 20), 0):
        if port is None:
            continue
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise EmbeddedError("no free port on 127.0.0.1")

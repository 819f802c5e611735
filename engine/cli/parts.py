"""One supervised part of a stack: start it, know when it answers, start it again when it ends by itself."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from engine.embedded.process import Child, EmbeddedError

_LONGEST_PAUSE = 30.0
_STEADY = 60.0
"""Seconds after which a part that runs counts as healthy again."""
_PATIENCE = 60.0


@dataclass
class Part:
    """`ready` says whether it answers, `before` runs before each start. `ours`: web and workers, not the servers."""

    name: str
    child: Child
    ready: Callable[[], bool]
    before: Callable[[], None] = lambda: None
    ours: bool = True
    address: str = ""
    held: bool = False
    """While set, nobody starts it again."""
    failures: int = 0
    started_at: float = 0.0
    again_at: float | None = None

    def start(self) -> None:
        """Start it from this thread: on Linux the child ends when the thread that started it does."""
        self.before()
        self.started_at = time.monotonic()
        self.again_at = None
        self.child.start()

    async def until_ready(self) -> None:
        """Raises EmbeddedError, with the end of its log, when it ends or does not answer in time."""
        deadline = time.monotonic() + _PATIENCE
        pause = 0.03
        while not await asyncio.to_thread(self.ready):
            if not self.child.running():
                raise self.child.failed(f"exited immediately (exit code {self.child.exit_code()}); the end of its log:")
            if time.monotonic() > deadline:
                raise self.child.failed(f"did not respond within {_PATIENCE:.0f} s; the end of its log:")
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.3)

    async def end(self, by: signal.Signals) -> None:
        if self.child.process is not None and self.child.running():
            self.child.process.send_signal(by)
        await asyncio.to_thread(self.child.wait_or_kill, seconds=60)

    def look_after(self) -> Iterator[str]:
        """Start it again when it has ended, at growing intervals; gives a line about what happened."""
        if self.held or self.child.process is None:
            return
        now = time.monotonic()
        if self.child.running():
            if self.failures and now - self.started_at > _STEADY:
                self.failures = 0
        elif self.again_at is None:
            yield self._wait(now, f"exited (exit code {self.child.exit_code()})")
        elif now >= self.again_at:
            try:
                self.start()
                yield f"restarted {self.name}"
            except (OSError, EmbeddedError) as error:
                yield self._wait(now, f"could not start ({error})")

    def _wait(self, now: float, why: str) -> str:
        pause = min(_LONGEST_PAUSE, 0.5 * 2 ** min(self.failures, 10))
        self.failures += 1
        self.again_at = now + pause
        return f"{self.name} {why}; restarting it in {pause:g} s"

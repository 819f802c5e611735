"""Keeps the mail queue's worker polling only while the mail provider takes mail.

A closed gate costs nothing: what may send waits on its queue, and no activity fails for a lead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
from prometheus_client import Gauge
from temporalio.worker import Worker

log = structlog.get_logger(__name__)

CLOSED = Gauge("coldframe_mail_gate_closed", "1 while the mail provider takes no mail and the mail queue is not polled")
LOOK_EVERY = 1.0
"""Seconds between two looks at the gate."""


class GatedWorker:
    """Runs a worker made by `make` while `closed()` gives no reason.

    A worker cannot be started again, so each opening makes a new one. When the gate cannot be read, nothing changes.
    """

    def __init__(
        self, make: Callable[[], Worker], closed: Callable[[], Awaitable[str | None]], look_every: float = LOOK_EVERY
    ) -> None:
        self._make = make
        self._closed = closed
        self._look_every = look_every
        self._worker: Worker | None = None
        self._running: asyncio.Task[None] | None = None

    @property
    def polling(self) -> bool:
        return self._running is not None and not self._running.done()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set; then drain. Raises what the worker raised when it broke."""
        try:
            while not stop.is_set():
                await self._look()
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), self._look_every)
        finally:
            await self._halt()

    async def _look(self) -> None:
        if self._running is not None and self._running.done():
            running, self._running = self._running, None
            running.result()
        try:
            reason = await self._closed()
        except Exception as error:
            log.warning("gate.unreadable", error=type(error).__name__)
            return
        CLOSED.set(0 if reason is None else 1)
        if reason is None and self._running is None:
            log.info("gate.open")
            self._worker = self._make()
            self._running = asyncio.create_task(self._worker.run())
        elif reason is not None and self._running is not None:
            log.warning("gate.closed", reason=reason)
            await self._halt()

    async def _halt(self) -> None:
        worker, running = self._worker, self._running
        self._worker = self._running = None
        if worker is not None and running is not None:
            await worker.shutdown()
            await running

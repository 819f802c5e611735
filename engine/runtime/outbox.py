"""Hands committed outbox rows to the run server, and sweeps up what nobody delivered.

A row is born leased to the process that wrote it. Delivered rows are deleted in batches, only where `seq` is still the
one that was sent. While the server is away a breaker keeps callers from waiting for it; the rows stay.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import text

from engine.model.ports import Clock, Runs, Unreachable, Wake
from engine.store.db import Database
from engine.store.record import LEASE

log = structlog.get_logger(__name__)

_CLAIM = text("""
UPDATE outbox SET real_leased_until = :until WHERE run_id IN (
    SELECT run_id FROM outbox WHERE real_leased_until <= :now ORDER BY real_leased_until
    FOR UPDATE SKIP LOCKED LIMIT :many)
RETURNING run_id, kind, seq, gen, queue""")
_DELETE = """
DELETE FROM outbox USING (
    SELECT o.run_id, o.seq FROM outbox o JOIN unnest(%(runs)s::uuid[], %(seqs)s::bigint[]) AS sent(run, seq)
    ON o.run_id = sent.run AND o.seq = sent.seq FOR UPDATE OF o SKIP LOCKED) AS gone
WHERE outbox.run_id = gone.run_id AND outbox.seq = gone.seq"""
"""A row that somebody holds is about to get a newer seq; waiting for several of them could end in a deadlock."""

AT_ONCE = 32
MOST = 1_000
"""So many may wait for their delivery in memory; what a mass start makes beyond that waits in the table."""
GATHER = 0.25
"""Seconds over which delivered rows are gathered before they are deleted together."""
BATCH = 100


class Outbox:
    """The Delivery port over Postgres and a `Runs` port."""

    def __init__(self, db: Database, runs: Runs, clock: Clock) -> None:
        self._db = db
        self._runs = runs
        self._clock = clock
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._delivered: list[tuple[Wake, int]] = []
        self._flushing: asyncio.Task[None] | None = None
        self._closed_until: datetime | None = None
        self._pause = timedelta(seconds=1)

    def push(self, wakes: Sequence[Wake]) -> None:
        """Deliver in the background; a row that cannot be delivered now is left to the sweeper."""
        for wake in wakes:
            if not self._open() or len(self._tasks) >= MOST:
                return
            task = asyncio.create_task(self._deliver(wake))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def sweep(self) -> int:
        """Deliver rows whose lease ran out; how many were claimed. A start is repeated as a wake, which does both."""
        if not self._open():
            return 0
        now = self._clock.real()
        async with self._db.engine.begin() as connection:
            values = {"now": now, "until": now + LEASE, "many": BATCH}
            rows = (await connection.execute(_CLAIM, values)).all()
        wakes = [Wake(row.run_id, row.kind, start=False, seq=row.seq, gen=row.gen, queue=row.queue) for row in rows]
        await asyncio.gather(*map(self._deliver, wakes))
        return len(rows)

    async def sweep_all(self) -> None:
        """Deliver what nobody has delivered until no full batch is left."""
        while await self.sweep() >= BATCH:
            pass

    async def settle(self) -> None:
        """Wait until everything pushed so far is delivered or given up, and its rows are deleted."""
        while self._tasks or self._delivered or self._flushing:
            pending = [*self._tasks, *([self._flushing] if self._flushing else [])]
            if pending:
                await asyncio.wait(pending)
            elif self._delivered:
                await self._flush()

    def _open(self) -> bool:
        return self._closed_until is None or self._clock.real() >= self._closed_until

    async def _deliver(self, wake: Wake) -> None:
        async with self._slots:
            if not self._open():
                return
            try:
                await self._runs.deliver(wake)
            except Unreachable as problem:
                self._closed_until = self._clock.real() + self._pause
                self._pause = min(self._pause * 2, timedelta(seconds=30))
                log.warning("runs.unreachable", reason=str(problem), retry_at=self._closed_until.isoformat())
                return
            except Exception as problem:
                log.error("runs.not_delivered", run=str(wake.run), kind=type(problem).__name__)
                return
        self._closed_until, self._pause = None, timedelta(seconds=1)
        self._delivered.append((wake, wake.seq))
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush_soon())

    async def _flush_soon(self) -> None:
        try:
            await asyncio.sleep(GATHER)
            await self._flush()
        finally:
            self._flushing = None

    async def _flush(self) -> None:
        batch, self._delivered = self._delivered, []
        if not batch:
            return
        values = {"runs": [wake.run for wake, _ in batch], "seqs": [seq for _, seq in batch]}
        try:
            async with self._db.hot() as hot:
                await hot.run(_DELETE, values)
                await hot.commit()
        except Exception:
            log.exception("outbox.delete_failed", rows=len(batch))

"""What a process does beside its calls: due lead clocks, lost outbox rows, stalled runs. Safe in any number at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import text

from engine.opening import open_ledger
from engine.runtime import Runtime
from engine.store import leads
from engine.store.record import record
from engine.store.writes import Writes

log = structlog.get_logger(__name__)

LATE = timedelta(minutes=2)
"""A run this long (real time) past its due instant has lost its timer or its wake, and is woken again."""
AGAIN = timedelta(minutes=10)
"""How long the watchdog leaves a run alone once it has woken it."""
SILENT = timedelta(minutes=5)
"""A run this long (real time) past its due instant needs a person's attention."""
MANY = 100

_DUE = text("""
SELECT lead_id FROM lead_clock WHERE what = 'expiry' AND due_at <= :now ORDER BY due_at LIMIT :many""")

_EXPIRING = """
SELECT p.cause, p.rule, p.model, p.amount, p.thing, p.expires_at FROM points p
WHERE p.lead_id = %(lead)s AND p.expires_at IS NOT NULL AND NOT EXISTS (
    SELECT FROM points x WHERE x.lead_id = p.lead_id AND x.cause = 'x:' || p.cause AND x.rule = 'expired:' || p.rule)
ORDER BY p.expires_at"""

_STALLED = text("""
WITH late AS (
    SELECT id, lead_id, 'enrolment' AS kind, gen FROM enrolments
    WHERE state <> 'ended' AND due_at < :late AND coalesce(real_woken_at, '-infinity') < :again
        AND NOT EXISTS (SELECT FROM gates WHERE real_closed_until > :real)
    UNION ALL
    SELECT id, lead_id, 'handoff', gen FROM handoffs
    WHERE due_at < :late AND coalesce(real_woken_at, '-infinity') < :again
    LIMIT :many),
enrolled AS (UPDATE enrolments SET real_woken_at = :real FROM late WHERE enrolments.id = late.id),
handed AS (UPDATE handoffs SET real_woken_at = :real FROM late WHERE handoffs.id = late.id)
INSERT INTO outbox (run_id, kind, start, seq, gen, queue, real_leased_until)
SELECT late.id, kind, false, leads.seq, gen, 'mail', :real FROM late JOIN leads ON leads.id = late.lead_id
ON CONFLICT (run_id) DO NOTHING""")

_LATE = text("""
UPDATE enrolments SET attention = 'its run does not answer' WHERE state <> 'ended' AND due_at < :late
    AND attention IS NULL AND NOT EXISTS (SELECT FROM gates WHERE real_closed_until > :real)""")

_SILENT = text("""
UPDATE enrolments SET attention = 'it rests on nothing' WHERE state = 'live' AND due_at IS NULL AND attention IS NULL
    AND NOT EXISTS (SELECT FROM waits w WHERE w.enrolment_id = enrolments.id)""")


async def run(rt: Runtime) -> None:
    """Sweep until cancelled."""
    jobs: list[tuple[float, Callable[[Runtime], Awaitable[object]]]] = [
        (1, lambda rt: rt.delivery.sweep()), (1, expire_points), (30, wake_stalled)
    ]  # fmt: skip
    async with asyncio.TaskGroup() as group:
        for every, job in jobs:
            group.create_task(_repeat(rt, every, job))


async def _repeat(rt: Runtime, every: float, job: Callable[[Runtime], Awaitable[object]]) -> None:
    while True:
        try:
            await job(rt)
        except Exception as problem:
            log.warning("sweep.failed", job=getattr(job, "__name__", "outbox"), kind=type(problem).__name__)
        await asyncio.sleep(every)


async def wake_stalled(rt: Runtime) -> int:
    """The watchdog: put lost runs back into the outbox, mark what does not answer or rests on nothing. How many woke.

    A wake starts a run that Temporal has lost; one that is alive and has seen everything does not mind it. While a
    provider's gate is closed mails are late on purpose.
    """
    now, real, day = rt.clock.now(), rt.clock.real(), timedelta(days=1)
    pace = (rt.clock.to_real(now + day) - rt.clock.to_real(now)) / day
    async with rt.db.engine.begin() as connection:
        values = {"late": now - LATE / pace, "real": real, "again": real - AGAIN, "many": MANY}
        woken = await connection.execute(_STALLED, values)
        await connection.execute(_LATE, {"late": now - SILENT / pace, "real": real})
        await connection.execute(_SILENT)
    return woken.rowcount


async def expire_points(rt: Runtime) -> int:
    """Take back points whose time is over. How many leads were looked at."""
    async with rt.db.engine.connect() as connection:
        due = (await connection.execute(_DUE, {"now": rt.clock.now(), "many": MANY})).scalars().all()
    for lead_id in due:
        try:
            await _expire(rt, lead_id)
        except Exception as problem:  # one lead's trouble must not keep the others' points
            log.warning("sweep.not_expired", lead=str(lead_id), kind=type(problem).__name__)
    return len(due)


async def _expire(rt: Runtime, lead_id: UUID) -> None:
    async with rt.turn(str(lead_id)), rt.db.hot() as hot:
        locked = await leads.lock(hot, lead_id)
        if locked is None:
            return
        ledger, _ = await open_ledger(rt, hot, locked)
        writes, following = Writes(), None
        for row in await hot.all(_EXPIRING, {"lead": lead_id}):
            if row.expires_at > ledger.now:
                following = row.expires_at
                break
            cause, rule = f"x:{row.cause}", f"expired:{row.rule}"
            ledger.book(cause, rule, row.model, -float(row.amount), row.thing, earned_at=row.expires_at)
        dues = [due for due in (following, ledger.clocks.pop("expiry", None)) if due is not None]
        following = min(dues, default=None)
        record(ledger, writes, rt.clock.real())
        await writes.flush(hot)
        if following is None:
            await hot.run("DELETE FROM lead_clock WHERE lead_id = %(lead)s AND what = 'expiry'", {"lead": lead_id})
        else:
            await hot.run(
                "UPDATE lead_clock SET due_at = %(due)s WHERE lead_id = %(lead)s AND what = 'expiry'",
                {"due": following, "lead": lead_id},
            )
        await hot.commit()
    rt.delivery.push(list(ledger.wakes.values()))

"""What a process does beside its calls: due lead clocks, lost outbox rows, stalled runs. Safe in any number at once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import text

from engine.deploying import jobs
from engine.leads.lead_clocks import ring, take_due
from engine.runtime.outbox import BATCH
from engine.runtime.runtime import Runtime
from engine.runtime.transaction import commit, open_ledger
from engine.store import leads
from engine.store.writes import Writes

log = structlog.get_logger(__name__)

LATE = timedelta(minutes=2)
"""A run this long (real time) past its due instant has lost its timer or its wake, and is woken again."""
AGAIN = timedelta(minutes=10)
"""How long the watchdog leaves a run alone once it has woken it."""
SILENT = timedelta(minutes=5)
"""A run this long (real time) past its due instant needs a person's attention."""
MANY = 100
OFF = timedelta(minutes=10)
"""How long (domain time) a lead is left alone whose clock could not be looked at."""

# A lead that could not be looked at has a row `refresh` that says when it is tried again; its other rows stay as they
# are, since the instant at which one was due tells which occurrence it stands for. A subquery in the list of conditions
# is looked up in the primary key row by row, where an anti-join would read the whole table for the first hundred.
_PUT_OFF_UNTIL = "(SELECT o.due_at FROM lead_clock o WHERE o.lead_id = {} AND o.what = 'refresh')"

_DUE = text(f"""
SELECT lead_id FROM lead_clock c
WHERE due_at <= :now AND coalesce({_PUT_OFF_UNTIL.format("c.lead_id")}, '-infinity') <= :now
ORDER BY due_at LIMIT :many""")

_BEHIND = text(f"""
SELECT id FROM leads l WHERE epoch < :epoch AND {_PUT_OFF_UNTIL.format("l.id")} IS NULL ORDER BY epoch LIMIT :many""")

_PUT_OFF = text("""
INSERT INTO lead_clock (lead_id, what, due_at) VALUES (:lead, 'refresh', :later)
ON CONFLICT (lead_id, what) DO UPDATE SET due_at = excluded.due_at""")

_AT_REST = """(EXISTS (
    SELECT FROM campaign_states s WHERE s.until IS NULL AND s.campaign IN ('', lower(enrolments.campaign))
        AND (s.state = 'paused' OR s.at > :late))
    OR EXISTS (SELECT FROM jobs j WHERE j.finished_at IS NULL AND j.campaign IN ('', lower(enrolments.campaign))))"""
"""Its campaign is paused, or went on so lately that not every run has been told."""

_STALLED = text(f"""
WITH late AS (
    SELECT id, lead_id, 'enrolment' AS kind, gen FROM enrolments
    WHERE state <> 'ended' AND due_at < :late AND coalesce(real_woken_at, '-infinity') < :again
        AND NOT EXISTS (SELECT FROM gates WHERE real_closed_until > :real) AND NOT {_AT_REST}
    UNION ALL
    SELECT id, lead_id, 'handoff', gen FROM handoffs
    WHERE due_at < :late AND coalesce(real_woken_at, '-infinity') < :again
    LIMIT :many),
enrolled AS (UPDATE enrolments SET real_woken_at = :real FROM late WHERE enrolments.id = late.id),
handed AS (UPDATE handoffs SET real_woken_at = :real FROM late WHERE handoffs.id = late.id)
INSERT INTO outbox (run_id, kind, start, seq, gen, queue, real_leased_until)
SELECT late.id, kind, false, leads.seq, gen, 'mail', :real FROM late JOIN leads ON leads.id = late.lead_id
ON CONFLICT (run_id) DO NOTHING""")

_LATE = text(f"""
UPDATE enrolments SET attention = 'its run does not answer' WHERE state <> 'ended' AND due_at < :late
    AND attention IS NULL AND NOT EXISTS (SELECT FROM gates WHERE real_closed_until > :real) AND NOT {_AT_REST}""")

_SILENT = text(f"""
UPDATE enrolments SET attention = 'it rests on nothing' WHERE state = 'live' AND due_at IS NULL AND attention IS NULL
    AND NOT EXISTS (SELECT FROM waits w WHERE w.enrolment_id = enrolments.id) AND NOT {_AT_REST}""")


async def run(rt: Runtime) -> None:
    """Sweep until cancelled."""
    work: list[tuple[float, Callable[[Runtime], Awaitable[object]]]] = [
        (1, deliver_all), (1, jobs.sweep), (1, ring_all), (30, wake_stalled)
    ]  # fmt: skip
    async with asyncio.TaskGroup() as group:
        for every, job in work:
            group.create_task(_repeat(rt, every, job))


async def _repeat(rt: Runtime, every: float, job: Callable[[Runtime], Awaitable[object]]) -> None:
    while True:
        try:
            await job(rt)
        except Exception as problem:
            log.warning("sweep.failed", job=getattr(job, "__name__", ""), kind=type(problem).__name__)
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
        await connection.execute(_SILENT, {"late": now - SILENT / pace})
    return woken.rowcount


async def deliver_all(rt: Runtime) -> None:
    """Deliver what nobody has delivered until no full batch is left."""
    while await rt.delivery.sweep() >= BATCH:
        pass


async def ring_all(rt: Runtime) -> None:
    """Look at clocks until no full batch is left: a schedule or midnight makes those of all leads due at once."""
    while await ring_clocks(rt) >= MANY:
        pass


async def ring_clocks(rt: Runtime) -> int:
    """Look at the leads whose clocks are due, and at some that have not seen the deployment. How many there were.

    Each process takes them in an order of its own, so that many share the work instead of waiting for one another.
    """
    current = await rt.catalog.refresh()
    epoch = current.epoch if current is not None and current.rules.index.refreshes else 0
    async with rt.db.engine.connect() as connection:
        due = (await connection.execute(_DUE, {"now": rt.clock.now(), "many": MANY})).scalars().all()
        behind = (await connection.execute(_BEHIND, {"epoch": epoch, "many": MANY})).scalars().all()
    waiting = list(dict.fromkeys([*due, *behind]))
    random.shuffle(waiting)
    for lead_id in waiting:
        try:
            await _ring(rt, lead_id)
        except Exception as problem:  # one lead's trouble must not keep the others waiting
            log.warning("sweep.clock", lead=str(lead_id), kind=type(problem).__name__)
            await _put_off(rt, lead_id)
    return len(waiting)


async def _ring(rt: Runtime, lead_id: UUID) -> None:
    async with rt.turn(str(lead_id)), rt.db.hot() as hot:
        locked = await leads.lock(hot, lead_id)
        if locked is None:
            await hot.run("DELETE FROM lead_clock WHERE lead_id = %(lead)s", {"lead": lead_id})
            await hot.commit()
            return
        due = await take_due(hot, lead_id, rt.clock.now())
        if not due and locked.lead.epoch == locked.epoch:
            return  # another process was here first
        ledger, _ = await open_ledger(rt, hot, locked)
        await ring(hot, ledger, due)
        await commit(rt, hot, ledger, Writes())


async def _put_off(rt: Runtime, lead_id: UUID) -> None:
    """Try a lead that cannot be looked at again in a while, and not every second."""
    values = {"lead": lead_id, "later": rt.clock.now() + OFF}
    async with rt.db.engine.begin() as connection:
        await connection.execute(_PUT_OFF, values)

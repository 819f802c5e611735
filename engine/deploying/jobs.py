"""Work that goes over many runs, a few at a time: by the command that asked for it, by workers, or by both in turn.

A job is a row. Whoever holds its lease takes the next runs in the order of their ids, each in a transaction of its own
under its lead's lock, and writes down how far it came and what became of them.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import structlog
from sqlalchemy import func, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.deploying import moving
from engine.model.ports import Clock
from engine.runtime.runtime import Runtime
from engine.runtime.transaction import lead_transaction
from engine.sales import handoffs
from engine.store import leads
from engine.store.db import Database
from engine.store.tables import jobs

log = structlog.get_logger(__name__)

MANY = 50
"""Runs between two looks at the clock."""
HELD = timedelta(seconds=30)
"""How long a job belongs to whoever took it."""

_CLAIM = text("""
UPDATE jobs SET real_leased_until = :until WHERE id = (
    SELECT id FROM jobs WHERE finished_at IS NULL AND real_leased_until <= :real
        AND (CAST(:only AS uuid) IS NULL OR id = :only) ORDER BY at FOR UPDATE SKIP LOCKED LIMIT 1)
RETURNING id, kind, campaign, data, cursor, result""")

_WAKE = text("""
SELECT e.id FROM enrolments e JOIN leads l ON l.id = e.lead_id
WHERE e.state <> 'ended' AND (:campaign = '' OR lower(e.campaign) = :campaign)
    AND (CAST(:after AS uuid) IS NULL OR e.id > :after) AND e.started_at <= :at
    AND (NOT CAST(:due AS boolean) OR e.due_at IS NOT NULL)
    AND (CAST(:everyone AS boolean) OR e.due_at <= :at OR l.seq > coalesce((e.wait->>'seen')::bigint, -1))
ORDER BY e.id LIMIT :many""")

_LEFT = text("""
SELECT id FROM handoffs WHERE outcome IS NULL AND member IS NOT NULL AND lower(member) <> ALL(CAST(:here AS text[]))
    AND (CAST(:after AS uuid) IS NULL OR id > :after)
ORDER BY id LIMIT :many""")

_MOVE = text("""
SELECT e.id FROM enrolments e WHERE e.state <> 'ended' AND e.digest = :old
    AND (CAST(:after AS uuid) IS NULL OR e.id > :after)
ORDER BY e.id LIMIT :many""")

_DONE = text("""
UPDATE jobs SET cursor = :cursor, result = CAST(:result AS jsonb), finished_at = :finished, real_leased_until = :real
WHERE id = :id AND cursor IS NOT DISTINCT FROM CAST(:before AS uuid)""")


_ROW = text("""
SELECT id, kind, campaign, data, cursor, result, finished_at IS NOT NULL AS finished FROM jobs WHERE id = :id""")
_OPEN = text("SELECT kind, campaign, result FROM jobs WHERE finished_at IS NULL ORDER BY at")


@dataclass(frozen=True)
class Job:
    """`data` says what to do, `result` how many runs came to which end. `finished` once all were dealt with."""

    id: UUID
    kind: str
    campaign: str
    data: Mapping[str, Any]
    cursor: UUID | None
    result: Mapping[str, int]
    finished: bool = False


async def add(connection: AsyncConnection, clock: Clock, kind: str, campaign: str, data: Mapping[str, Any]) -> UUID:
    """Ask for it; committed with whatever makes it necessary."""
    id = uuid4()
    await connection.execute(
        insert(jobs).values(
            id=id, kind=kind, campaign=func.lower(campaign), data=dict(data), result={}, at=clock.now(),
            real_leased_until=clock.real(),
        )
    )  # fmt: skip
    return id


async def carry(rt: Runtime, only: UUID | None = None, many: int = MANY) -> Job | None:
    """Deal with the next runs of a job. None: there is nothing to do, or somebody else is at it."""
    async with rt.db.engine.begin() as connection:
        values = {"real": rt.clock.real(), "until": rt.clock.real() + HELD, "only": only}
        row = (await connection.execute(_CLAIM, values)).first()
        if row is None:
            return None
        job = Job(**row._mapping)
        at = (await connection.execute(text("SELECT at FROM jobs WHERE id = :id"), {"id": job.id})).scalar_one()
        runs = (await connection.execute(*_runs(job, at, many))).scalars().all()
    result = dict(job.result)
    for run in runs:
        end = await _one(rt, job, run)
        result[end] = result.get(end, 0) + 1
    cursor, finished = (runs[-1] if runs else job.cursor), len(runs) < many
    async with rt.db.engine.begin() as connection:
        written: dict[str, Any] = {
            "id": job.id, "before": job.cursor, "cursor": cursor, "result": json.dumps(result),
            "finished": rt.clock.now() if finished else None, "real": rt.clock.real(),
        }  # fmt: skip
        await connection.execute(_DONE, written)
    return Job(job.id, job.kind, job.campaign, job.data, cursor, result, finished)


async def sweep(rt: Runtime) -> int:
    """What a worker does every second: open jobs, the oldest first, a few runs at a time in turn with other workers.

    How many batches it took on itself.
    """
    batches = 0
    while await carry(rt) is not None:
        batches += 1
    return batches


def _runs(job: Job, at: datetime, many: int) -> tuple[Any, dict[str, Any]]:
    values: dict[str, Any] = {"after": job.cursor, "many": many}
    if job.kind == "move":
        return _MOVE, {**values, "old": job.data["old"]}
    if job.kind == "staff":
        return _LEFT, {**values, "here": list(job.data["here"])}
    said = {name: bool(job.data.get(name)) for name in ("everyone", "due")}
    return _WAKE, {**values, "campaign": job.campaign, "at": at, **said}


async def _one(rt: Runtime, job: Job, run: UUID) -> str:
    """One lead's trouble must not keep the others."""
    work: Callable[[], Awaitable[str]]
    if job.kind == "move":
        order = moving.Order(**job.data)
        work = lambda: moving.move_one(rt, order, run)  # noqa: E731
    elif job.kind == "staff":
        work = lambda: handoffs.pass_on(rt, run)  # noqa: E731
    else:
        work = lambda: _wake(rt, run)  # noqa: E731
    try:
        return await work()
    except Exception as problem:
        log.warning("job.failed", job=str(job.id), run=str(run), kind=type(problem).__name__)
        return "failed"


async def _wake(rt: Runtime, id: UUID) -> str:
    """Let a run look again. The lead's log grows by a line, since a run ignores what it has seen."""
    async with lead_transaction(rt, str(id)) as work:
        locked = await leads.lock_by_enrolment(work.hot, id)
        if locked is None:
            return "gone"
        ledger = await work.open(locked)
        enrolment = next((one for one in work.around.enrolments if one.id == id and one.state != "ended"), None)
        if enrolment is None:
            return "gone"
        ledger.note("woken", id)
        ledger.wake(enrolment)
        await work.write()
    return "woken"


async def look(db: Database, id: UUID) -> Job:
    """How far a job is, whoever carries it out."""
    async with db.engine.connect() as connection:
        row = (await connection.execute(_ROW, {"id": id})).one()
    return Job(**row._mapping)


async def unfinished(db: Database) -> list[dict[str, Any]]:
    """Jobs that are not done, the oldest first: kind, campaign, and how many runs came to which end so far."""
    async with db.engine.connect() as connection:
        return [dict(row) for row in (await connection.execute(_OPEN)).mappings()]

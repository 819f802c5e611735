"""Lets what stands under "needs attention" go on: what is done stays done, what was held back is tried at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import text

from engine.rules.runs.answer import FAR_AHEAD, RESTORED, Answer
from engine.rules.runs.position import Position
from engine.runtime.runtime import Runtime
from engine.runtime.transaction import lead_transaction, write
from engine.sales.handoff_turn import HandoffTurn, wake_of
from engine.store import leads, runs
from engine.store.writes import Writes

_PARKED = text("""
SELECT parked.run, parked.lead_id, parked.kind, parked.campaign FROM (
    SELECT e.id AS run, e.lead_id, 'enrolment' AS kind, e.campaign, e.started_at AS since, e.attention FROM enrolments e
    WHERE e.state <> 'ended'
    UNION ALL
    SELECT h.id, h.lead_id, 'handoff', e.campaign, h.opened_at, h.attention FROM handoffs h
    LEFT JOIN enrolments e ON e.id = h.enrolment_id WHERE h.attention IS NOT NULL
    UNION ALL
    SELECT l.id, l.id, 'lead', (SELECT max(campaign) FROM enrolments
        WHERE lead_id = l.id AND lower(campaign) = lower(:campaign)), l.created_at, NULL FROM leads l
    WHERE l.attention IS NOT NULL AND NOT EXISTS (SELECT FROM enrolments WHERE lead_id = l.id AND state <> 'ended')
) AS parked JOIN leads l ON l.id = parked.lead_id
WHERE (parked.attention IS NOT NULL OR l.attention IS NOT NULL)
    AND (CAST(:attention AS text) IS NULL OR parked.attention = :attention)
    AND (CAST(:campaign AS text) IS NULL OR lower(parked.campaign) = lower(:campaign))
    AND (CAST(:lead AS text) IS NULL OR l.email_key = lower(:lead))
ORDER BY parked.since""")


async def parked_by_campaign(rt: Runtime, attention: str) -> list[dict[str, Any]]:
    """How many `runs` of each `kind` and `campaign` need attention for that reason."""
    asked = {"campaign": None, "lead": None, "attention": attention}
    async with rt.db.engine.connect() as connection:
        parked = (await connection.execute(_PARKED, asked)).all()
    counts = Counter(("run" if one.kind == "enrolment" else one.kind, str(one.campaign or "")) for one in parked)
    return [{"kind": kind, "campaign": name, "runs": many} for (kind, name), many in sorted(counts.items())]


async def retry(rt: Runtime, *, campaign: str | None, lead: str | None, attention: str | None = None) -> int:
    """How many leads go on, with their enrolments and handoffs. A worker picks them up from the outbox. `attention`:
    only what needs it for that reason."""
    async with rt.db.engine.connect() as connection:
        parked = (await connection.execute(_PARKED, {"campaign": campaign, "lead": lead, "attention": attention})).all()
    resumed = set()
    for one in parked:
        if await _AGAIN[one.kind](rt, one.run):
            resumed.add(one.lead_id)
    return len(resumed)


async def _go_on(rt: Runtime, id: UUID) -> bool:
    async with lead_transaction(rt, str(id)) as work:
        locked = await leads.lock_by_enrolment(work.hot, id)
        row = await runs.to_retry(work.hot, id)
        if locked is None or row is None:
            return False
        ledger = await work.open(locked)
        ledger.note("retried", id)
        position = Position.from_json(row.position)
        branches = tuple(replace(one, hold=None, why=None) for one in position.branches)
        position = replace(position, branches=branches, fed=None)
        gen = _next(row.gen, row.attention)
        enrolment = next((one for one in work.around.enrolments if one.id == id), None)
        if enrolment is None:
            return False
        enrolment.gen = gen
        ledger.wake(enrolment)
        answer = Answer("again", gen, seen=ledger.lead.seq, on_event="mail")
        work.writes.update(
            "enrolments", id=id, position=position.to_json(), gen=gen, attempt=None, attention=None, due_at=ledger.now,
            wait=answer.to_json(),
        )  # fmt: skip
        ledger.attention = None
        await work.write()
    return True


async def _call_again(rt: Runtime, id: UUID) -> bool:
    """A handoff. One that is over has nothing left to do: a person has seen what it had to say."""
    async with rt.turn(str(id)), rt.db.hot() as hot:
        turn = await HandoffTurn.at(rt, hot, id, "", rt.clock.now())
        if turn is None or turn.found.sending:
            return False
        found, ledger, writes = turn.found, turn.ledger, Writes()
        if found.state.phase == "closed" and not found.tray.pending:
            writes.update("handoffs", id=id, attention=None)
        else:
            gen = _next(found.gen, found.attention)
            ledger.happen("handoff.retried", found.state.team, {"handoff": str(id)}, mute=True)
            ledger.wakes[id] = wake_of(id, ledger, gen)
            answer = Answer("again", gen, seen=ledger.lead.seq, on_event="mail")
            writes.update("handoffs", id=id, gen=gen, wait=answer.to_json(), attention=None, due_at=ledger.now)
        ledger.attention = None
        await write(rt, hot, ledger, writes)
    return True


async def _clear(rt: Runtime, id: UUID) -> bool:
    """A lead without a run that could go on: somebody has looked at it."""
    async with lead_transaction(rt, str(id)) as work:
        locked = await leads.lock(work.hot, id)
        if locked is None:
            return False
        ledger = await work.open(locked)
        ledger.attention = None
        await work.write()
    return True


_AGAIN: dict[str, Callable[[Runtime, UUID], Awaitable[bool]]] = {
    "enrolment": _go_on, "handoff": _call_again, "lead": _clear,
}  # fmt: skip


def _next(gen: int, attention: str | None) -> int:
    return gen + (FAR_AHEAD if attention == RESTORED else 1)

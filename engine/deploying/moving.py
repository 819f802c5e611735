"""Moves one run to another plan of its campaign, under its lead's lock (`moves` says what is decided)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from dsl.plan import Plan
from engine.rules.deploying.moves import Done, Moved, Stays, Times, move
from engine.rules.runs.answer import RESTORED, Answer
from engine.rules.runs.enrolment import Enrolment
from engine.rules.runs.position import Position
from engine.rules.runs.rests import sleep
from engine.runtime.runtime import Runtime
from engine.runtime.transaction import LeadTransaction, lead_transaction
from engine.store import leads, runs

MOVED, LEFT, STAYED = "moved", "left", "stays: "
"""Ends of a run in a job's result; the last is followed by the reason."""
UNDER_WAY = Stays("a mail is on its way")

_ROW = """
SELECT e.campaign, e.digest, e.state, e.position, e.gen, e.wait, e.due_at, e.attention,
    EXISTS (SELECT FROM messages WHERE owner_id = e.id AND state = 'sending') AS sending,
    (SELECT jsonb_agg(jsonb_build_array(step, visit)) FROM messages WHERE owner_id = e.id) AS mails,
    (SELECT jsonb_agg(substr(cause, 40)) FROM points WHERE lead_id = e.lead_id AND cause LIKE 's:' || e.id || ':%%')
        AS points
FROM enrolments e WHERE e.id = %(id)s"""


@dataclass(frozen=True)
class Order:
    """One old plan of a campaign to be left for the new one (digests). `steps` maps step ids, for the record; `leave`:
    those whose step is gone leave the campaign instead of finishing on the old plan. `epoch` asked for it."""

    campaign: str
    old: str
    new: str | None
    epoch: int
    author: str
    leave: bool = False
    steps: dict[str, str | None] | None = None


async def move_one(rt: Runtime, order: Order, id: UUID) -> str:
    """Move a run, or let it stay; gives its end (see MOVED, LEFT, STAYED)."""
    for patience in (1, 0):
        end = await _try(rt, order, id)
        if end != STAYED + UNDER_WAY.reason or not patience:
            return end
        await asyncio.sleep(patience)
    return STAYED + UNDER_WAY.reason


async def _try(rt: Runtime, order: Order, id: UUID) -> str:
    async with lead_transaction(rt, str(id)) as work:
        locked = await leads.lock_by_enrolment(work.hot, id)
        row = await work.hot.one(_ROW, {"id": id})
        if locked is None or row is None or row.state == "ended" or row.digest != order.old:
            return "gone"
        ledger = await work.open(locked)
        enrolment = next((one for one in work.around.enrolments if one.id == id), None)
        if enrolment is None:
            return "gone"
        await rt.catalog.need([digest for digest in (order.old, order.new) if digest])
        program = ledger.rules.program
        times = Times(locked.lead.zone(program), program.workspace.business_hours)
        old, new = rt.catalog.plan(order.old), rt.catalog.plan(order.new or "")
        where = judge(old, new, row, times)
        if isinstance(where, Stays):
            if not (order.leave and where.gone) or row.state != "live":
                return STAYED + where.reason
            event = ledger.note("removed", id)
            ledger.leave(enrolment, event.seq)
            await work.write()
            return LEFT
        assert new is not None, "a run moves to a plan"
        _moved(work, enrolment, row, where, new)
        await work.write()
    return MOVED


def judge(old: Plan | None, new: Plan | None, row: Any, times: Times) -> Moved | Stays:
    """What becomes of the run in `row`: state, position, attention, sending, mails and points are read."""
    if row.state != "live":
        return Stays("it is leaving")
    if new is None:
        return Stays("its campaign is gone", gone=True)
    if old is None:
        return Stays("its plan is gone")
    if row.sending:
        return UNDER_WAY
    if row.attention == RESTORED:
        return Stays('it stands under "needs attention": the database was restored')
    return move(old, new, Position.from_json(row.position), done_of(row.mails, row.points), times)


def done_of(mails: Sequence[Sequence[str]] | None, points: Sequence[str] | None) -> Done:
    """What the run has done, from (step, visit) of its mails and `<step>:<visit>` of its points."""
    found = {(step, visit.partition(" ")[0]) for step, visit in mails or ()}
    for cause in points or ():
        step, _, visit = cause.rpartition(":")
        found.add((step, visit))
    return found


def _moved(work: LeadTransaction, enrolment: Enrolment, row: Any, where: Moved, new: Plan) -> None:
    """Rest anew, with the next generation. The run is woken only where it would otherwise come too late.

    What it has `seen` stays as it was: an event it has not looked at yet must still wake it.
    """
    ledger, id, gen = work.ledger, enrolment.id, row.gen + 1
    ledger.note("moved", id, {"from": row.digest, "to": new.digest})
    fresh = where.fresh or row.attention is not None or row.wait is None or row.wait["state"] != "wait"
    position, now = where.position, ledger.now
    due: datetime | None = now
    if fresh:
        if row.attention is not None:
            branches = tuple(replace(one, hold=None, why=None) for one in position.branches)
            position = replace(position, branches=branches)
        answer = Answer("again", gen, seen=ledger.lead.seq, on_event="mail")
    else:
        rest = sleep(new, position)
        due = rest.due
        first = rest.resting[0]
        answer = Answer(
            "wait", gen, seen=row.wait["seen"], wake_at=work.rt.clock.to_real(due) if due else None,
            on_event="mail" if rest.event_may_send else "db", on_timer="mail" if rest.timer_may_send else "db",
            note=f"{first.step} {first.source}",
        )  # fmt: skip
        runs.rest_rows(work.writes, id, rest.resting)
    work.writes.update(
        "enrolments", id=id, digest=new.digest, position=position.to_json(), gen=gen, attempt=None, attention=None,
        due_at=due, wait=answer.to_json(),
    )  # fmt: skip
    if fresh or (due is not None and (row.due_at is None or due < row.due_at)):
        enrolment.gen = gen
        ledger.wake(enrolment)

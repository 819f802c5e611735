"""Handoffs: opened by a campaign, carried by their runs, acted on by sales.

The ladder itself is `engine.rules.sales.ladder`. In this package it meets Postgres in `handoff_turn`, `advance` is the
call behind a run, `notices` tells colleagues and `handoff_view` shows one. Whatever changes a handoff holds the lock of
its lead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import structlog

from dsl.plan import HandOff
from engine.mail.errors import TemplateError
from engine.model.ids import new_id
from engine.model.ports import Wake
from engine.rules.conditions.calendar import local_date, next_business_opening, zone_of
from engine.rules.leads.consequences import Ledger
from engine.rules.sales import ladder
from engine.rules.sales.ladder import Act, Change, State
from engine.rules.sales.routing import route, staff, works_here
from engine.rules.sales.tray import Tray
from engine.runtime.catalog import Deployment
from engine.runtime.runtime import Runtime
from engine.runtime.transaction import commit
from engine.sales.advance import advance
from engine.sales.handoff_turn import HandoffTurn, call_waiting, freed, wake_of
from engine.sales.handoff_view import HandoffView, view
from engine.sending.composing import context_for
from engine.store import handoffs as store
from engine.store.db import Hot
from engine.store.writes import Writes

__all__ = ["HandoffView", "act", "advance", "comment", "follow_up", "open_for", "reassign", "view"]

log = structlog.get_logger(__name__)

FARTHEST = timedelta(days=2 * 366)
"""How far ahead a follow-up may lie."""
NO_TEAM = "handed to sales, and no team takes it"


# ── opening ──────────────────────────────────────────────────────────────────────────────────────────────────────────
async def open_for(
    rt: Runtime, hot: Hot, ledger: Ledger, writes: Writes, deployment: Deployment, step: HandOff, enrolment: UUID,
    event: Mapping[str, Any] | None = None,
) -> UUID | None:  # fmt: skip
    """Open a handoff, or join the lead's open one; inside the caller's transaction, under the lead's lock.

    None when no team takes the lead: the flow goes on and a person must look. `event` is what the note may quote.
    """
    if step.stage:
        ledger.qualify(step.stage, step.source, step=step.id)
    if found := ledger.open_handoff or await store.open_of(hot, ledger.lead.id):
        return found
    team, member = route(deployment.program.teams, step.team, step.owner, ledger.facts())
    if team is None:
        ledger.attention = f"{step.source}: {NO_TEAM}"
        log.warning("handoff.no_team", enrolment=str(enrolment), source=step.source)
        return None
    id = new_id(ledger.now)
    opened = ledger.happen("handoff.opened", team.name, {"handoff": str(id)}, mute=True)
    state = State(phase="waiting", team=team.name, meant_for=member, step_started_at=opened.at)
    writes.insert(
        "handoffs", id=id, lead_id=ledger.lead.id, enrolment_id=enrolment, source=step.source, step=step.id,
        stage=ledger.lead.stage, note=_note(rt, ledger, deployment, step, event), gen=0, wait=None, attention=None,
        due_at=opened.at, opened_at=opened.at, **store.columns(state, Tray()),
    )  # fmt: skip
    ledger.open_handoff = id
    ledger.wakes[id] = Wake(id, "handoff", start=True, seq=ledger.lead.seq, gen=0, queue="mail")
    return id


def _note(
    rt: Runtime, ledger: Ledger, deployment: Deployment, step: HandOff, event: Mapping[str, Any] | None
) -> str:  # fmt: skip
    if not step.note:
        return ""
    context = context_for(ledger.lead, deployment, rt.tokens, rt.settings.base_url, event=event)
    try:
        return deployment.renderer.render_text(step.note, context).strip()
    except TemplateError as problem:
        log.warning("handoff.note", source=step.source, reason=problem.message)
        return step.note


# ── acting ───────────────────────────────────────────────────────────────────────────────────────────────────────────
Judge = Callable[[HandoffTurn, datetime], Change | None]
"""What somebody does to a handoff at an instant; None: nothing that changes it."""


async def act(rt: Runtime, handoff_id: UUID, action: Act, by: str, reason: str | None) -> str:
    """What a colleague does on the page. Gives the phase it led to, or why it changed nothing (ladder.Ignored).

    `unknown`: there is no such handoff; `left`: `by` is in no team any more, or the lead was given to another member.
    Committed when it returns.
    """

    def judge(turn: HandoffTurn, now: datetime) -> Change:
        change = ladder.act(turn.found.state, action, by, reason, now, turn.team)
        if not change.ignored:
            turn.follow(change, action=action, by=by)
        return change

    return await _change(rt, handoff_id, by, judge)


async def reassign(rt: Runtime, handoff_id: UUID, by: str, to: str) -> str:
    """Give the lead to a member of any team. Answers as `act`; `no member`: nobody of that address is in a team."""
    unknown = False

    def judge(turn: HandoffTurn, now: datetime) -> Change | None:
        nonlocal unknown
        found = turn.team_of(to)
        if found is None:
            unknown = True
            return None
        its, member = found
        change = ladder.reassign(turn.found.state, member, its, by, now, turn.team)
        if not change.ignored:
            data = {"handoff": str(handoff_id), "by": by, "to": member}
            turn.ledger.happen("handoff.reassigned", its.name, data, mute=True)
            turn.follow(change)
        return change

    done = await _change(rt, handoff_id, by, judge)
    return "no member" if unknown else done


async def follow_up(rt: Runtime, handoff_id: UUID, by: str, day: date | None) -> str:
    """Remind the member when business opens on that day; None: no longer. Answers as `act`; `past`: no day to come."""
    past = False

    def judge(turn: HandoffTurn, now: datetime) -> Change | None:
        nonlocal past
        hours, at, today = turn.team.hours, None, local_date(now, turn.team.hours.zone)
        past = day is not None and not today < day <= today + FARTHEST
        if day is not None and not past:
            midnight = datetime.combine(day, time(), zone_of(hours.zone))
            at = next_business_opening(midnight - timedelta(minutes=1), hours).astimezone(UTC)
        if past:
            return None
        change = ladder.schedule(turn.found.state, at, by, turn.team)
        if not change.ignored:
            data = {"handoff": str(handoff_id), "by": by, "on": day.isoformat() if day else None}
            turn.ledger.happen("handoff.scheduled", turn.found.state.team, data, mute=True)
        return change

    done = await _change(rt, handoff_id, by, judge)
    return "past" if past else done


async def comment(rt: Runtime, handoff_id: UUID, by: str, text: str, key: UUID) -> str:
    """Log what a colleague writes about the lead, also after the handoff is closed. `key`: a repeated post is the same.

    Answers as `act`.
    """

    once = f"comment:{key}"

    def judge(turn: HandoffTurn, now: datetime) -> None:
        data = {"handoff": str(handoff_id), "by": by, "text": text}
        turn.ledger.happen("handoff.commented", turn.found.state.team, data, mute=True, key=once)

    return await _change(rt, handoff_id, by, judge, once)


async def _change(rt: Runtime, handoff_id: UUID, by: str, judge: Judge, once: str | None = None) -> str:
    """Do it under the lead's lock, tell whom it concerns, and wake the handoff's run. `once`: the key of an event with
    which it was done before."""
    async with rt.turn(str(handoff_id)), rt.db.hot() as hot:
        turn = await HandoffTurn.at(rt, hot, handoff_id, "", rt.clock.now())
        if turn is None:
            return "unknown"
        found, ledger, writes = turn.found, turn.ledger, Writes()
        if not turn.may_act(by):
            return "left"
        if once is not None and await store.has_event(hot, ledger.lead.id, once):
            return found.state.phase
        change = judge(turn, max(ledger.now, ledger.lead.last_at)) or Change(found.state)
        if change.ignored:
            return change.ignored
        state = change.state
        if state != found.state:
            tray = found.tray.plus(found.gen, change.notices)
            row = store.columns(state, tray)
            if state.phase == "closed":
                row["due_at"] = ledger.now if tray.pending else None
            writes.update("handoffs", id=handoff_id, **row)
            ledger.wakes[handoff_id] = wake_of(handoff_id, ledger, found.gen)
        await commit(rt, hot, ledger, writes)
    if freed(found.state, state):
        await call_waiting(rt, turn.deployment, found.state.team)
    return state.phase


async def pass_on(rt: Runtime, handoff_id: UUID) -> str:
    """Take an open handoff from a member who is in no team any more and give it to whom the team's rule picks.

    What became of it: `reassigned`, `waiting`, or `kept` if there was nothing to do. Committed when it returns.
    """
    async with rt.turn(str(handoff_id)), rt.db.hot() as hot:
        turn = await HandoffTurn.at(rt, hot, handoff_id, "", rt.clock.now())
        if turn is None:
            return "kept"
        writes = Writes()
        change = await turn.reassign(hot, writes)
        if change.state == turn.found.state:
            return "kept"
        turn.ledger.happen("handoff.retried", turn.team.name, {"handoff": str(handoff_id)}, mute=True)
        turn.follow(change)
        tray = turn.found.tray.only_to(turn.here).plus(turn.found.gen, change.notices)
        writes.update("handoffs", id=handoff_id, due_at=turn.ledger.now, **store.columns(change.state, tray))
        turn.ledger.wakes[handoff_id] = wake_of(handoff_id, turn.ledger, turn.found.gen)
        await commit(rt, hot, turn.ledger, writes)
    return "reassigned" if change.state.member is not None else "waiting"


async def may_act(rt: Runtime, address: str) -> bool:
    """Whether a person's links to handoffs work: those of people whom the newest deployment still names."""
    deployment = await rt.catalog.refresh()
    return deployment is not None and works_here(address, staff(deployment.program.teams))

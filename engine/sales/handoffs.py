"""Handoffs: opened by a campaign, carried by their runs, acted on by sales.

The ladder itself is `engine.rules.sales.ladder`. In this package it meets Postgres in `handoff_turn`, `advance` is the
call behind a run, `notices` tells colleagues and `handoff_view` shows one. Whatever changes a handoff holds the lock of
its lead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import structlog

from dsl.plan import HandOff
from engine.mail.errors import TemplateError
from engine.model.ids import new_id
from engine.model.ports import Wake
from engine.rules.leads.consequences import Ledger
from engine.rules.sales import ladder
from engine.rules.sales.ladder import Act, State
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

__all__ = ["HandoffView", "act", "advance", "open_for", "view"]

log = structlog.get_logger(__name__)

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
async def act(rt: Runtime, handoff_id: UUID, action: Act, by: str, reason: str | None) -> str:
    """What a colleague does on the page. Gives the phase it led to, or why it changed nothing (ladder.Ignored).

    `unknown`: there is no such handoff; `left`: `by` is in no team any more. Committed when it returns.
    """
    async with rt.turn(str(handoff_id)), rt.db.hot() as hot:
        turn = await HandoffTurn.at(rt, hot, handoff_id, "", rt.clock.now())
        if turn is None:
            return "unknown"
        found, ledger = turn.found, turn.ledger
        if not turn.here(by):
            return "left"
        change = ladder.act(found.state, action, by, reason, max(ledger.now, ledger.lead.last_at), turn.team)
        if change.ignored:
            return change.ignored
        turn.follow(change, action=action, by=by)
        state, tray, writes = change.state, found.tray.plus(found.gen, change.notices), Writes()
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

"""From a ledger to rows: what a transaction decided about one lead, ready to be written in one statement."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from engine.rules.crm.mapping import concerns
from engine.rules.leads.consequences import Ledger
from engine.rules.leads.working_copy import UNCHANGED
from engine.rules.runs.enrolment import Enrolment
from engine.store.marks import mark_lead
from engine.store.writes import Writes

LEASE = timedelta(seconds=10)
"""How long a fresh outbox row belongs to the process that wrote it."""


def record(ledger: Ledger, writes: Writes, leased_until: datetime) -> None:
    """Collect the rows of everything the ledger holds. What it wakes is delivered by this process alone until
    `leased_until`, by the machine's clock."""
    lead = ledger.lead
    row: dict[str, Any] = {
        "id": lead.id, "seq": lead.seq, "fields": lead.fields, "scores": lead.scores, "rated": lead.rated,
        "stage": lead.stage, "topics": lead.topics, "suppressed": lead.suppressed, "last_at": lead.last_at,
        "lists": lead.lists, "interests": lead.interests, "segments": lead.segments, "active_at": lead.active_at,
        "epoch": lead.epoch, "origin": lead.origin,
    }  # fmt: skip
    if ledger.attention is not UNCHANGED:
        row["attention"] = ledger.attention
    writes.update("leads", **row)
    mark_lead(writes, lead.id, ledger.now)
    for event in ledger.events:
        writes.insert(
            "events", lead_id=lead.id, seq=event.seq, key=event.key, type=event.type, name=event.name, data=event.data,
            enrolment_id=event.enrolment_id, message_id=event.message_id, at=event.at, happened_at=event.happened_at,
        )  # fmt: skip
    for one in ledger.points:
        writes.insert(
            "points", lead_id=lead.id, cause=one.cause, rule=one.rule, model=one.model, amount=one.amount,
            thing=one.thing, seq=one.seq, score_after=one.score_after, earned_at=one.earned_at,
            booked_at=one.booked_at, expires_at=one.expires_at,
        )  # fmt: skip
    for move in ledger.stages:
        writes.insert("stages", lead_id=lead.id, **move)
    for fresh in ledger.started:
        writes.insert("enrolments", **_started(fresh, ledger))
    for leaving in ledger.leaving:
        if leaving.id != ledger.working:
            left = {"state": leaving.state, "leave_seq": leaving.leave_seq, "due_at": ledger.now}
            writes.update("enrolments", id=leaving.id, **left, goal_at=leaving.goal_at)
    for run in ledger.goals:
        if run.id != ledger.working and run not in ledger.leaving and run not in ledger.started:
            writes.update("enrolments", id=run.id, goal_at=run.goal_at)
    for wake in ledger.wakes.values():
        writes.insert(
            "outbox", run_id=wake.run, kind=wake.kind, start=wake.start, seq=wake.seq, gen=wake.gen, queue=wake.queue,
            real_leased_until=leased_until,
        )  # fmt: skip
    for crm in ledger.rules.program.crms:
        if concerns(ledger.rules.program, crm, lead, [move["before"] for move in ledger.stages]):
            writes.insert(
                "crm_outbox", system=crm.name, lead_id=lead.id, bump=1, attempts=0, reason=None, at=ledger.now,
                real_next_at=leased_until - LEASE,
            )  # fmt: skip
    for what, due in ledger.clocks.items():
        writes.insert("lead_clock", lead_id=lead.id, what=what, due_at=due)


def _started(fresh: Enrolment, ledger: Ledger) -> dict[str, Any]:
    seen = min((branch.cursor for branch in fresh.position.branches), default=fresh.position.seen)
    return {
        "id": fresh.id, "lead_id": ledger.lead.id, "campaign": fresh.campaign, "number": fresh.number,
        "digest": fresh.digest, "state": fresh.state, "leave_seq": fresh.leave_seq, "gen": 0,
        "position": fresh.position.to_json(), "cursor": seen, "due_at": fresh.started_at,
        "started_at": fresh.started_at, "per": fresh.per, "goal_at": fresh.goal_at,
        "held_out": fresh.held_out,
    }  # fmt: skip

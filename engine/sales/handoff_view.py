"""A handoff as sales sees it: who the lead is, what they did, and where the handoff stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from engine.model.lead import Event
from engine.rules.sales.ladder import Outcome, Phase
from engine.rules.tracking.classify import UNKNOWN
from engine.runtime.runtime import Runtime
from engine.wording.events import curly, deed

MOST_ENTRIES = 50
_UNSAID = [
    "handoff.retried", "email.delivered", "preferences.chosen", "lead.told", "lead.imported", "run.noted",
    "pattern.met", "date.due", "field.changed", "segment.joined", "segment.left", "campaign.entered", "campaign.left",
    "visitor.split", "event.moved", "lead.merged", "lead.split", "lead.address_changed",
]  # fmt: skip
"""Types of events that tell sales nothing: what campaigns, clocks and operators do."""

EMPTY: tuple[object, ...] = (None, "", [], UNKNOWN.channel, UNKNOWN.source, "(none)")
"""Values that tell sales nothing."""

_HANDOFF = text("""
SELECT h.team, h.member, h.note, h.outcome, h.reason, h.state->>'phase' AS phase, h.state->>'due_at' AS due_at,
    h.state->>'follow_up_at' AS follow_up_at, h.state->'passed_on' AS passed_on,
    h.lead_id, l.email, l.origin || l.fields AS fields, l.scores, l.stage, l.topics,
    (SELECT max(epoch) FROM deployments) AS epoch
FROM handoffs h JOIN leads l ON l.id = h.lead_id WHERE h.id = :id""")

_TIMELINE = text("""
SELECT * FROM (
    SELECT at, seq, type, name, data, key FROM events
    WHERE lead_id = :lead AND type <> ALL(:unsaid)
    UNION ALL
    SELECT at, 9223372036854775807, 'email.received', template, '{}', NULL FROM messages
    WHERE lead_id = :lead AND kind <> 'staff' AND state = 'accepted'
) entries ORDER BY at DESC, seq DESC LIMIT :many""")


@dataclass(frozen=True)
class Entry:
    """One line of the history."""

    at: datetime
    text: str


@dataclass(frozen=True)
class HandoffView:
    """`score` is that of the default scoring, `scores` are those of the others.

    `fields` are what is known of the lead, in the order of the declarations; `topics` what they agreed to or left;
    `timeline` starts with the newest. `passed_on` are members whose links no longer work, since the lead was taken from
    them by hand. Personal data throughout.
    """

    name: str
    email: str | None
    fields: Mapping[str, Any]
    score: float
    scores: Mapping[str, float]
    stage: str
    topics: Mapping[str, str]
    note: str
    team: str
    phase: Phase
    member: str | None
    due_at: datetime | None
    outcome: Outcome | None
    reason: str | None
    timeline: tuple[Entry, ...]
    follow_up_at: datetime | None = None
    passed_on: tuple[str, ...] = ()


async def view(rt: Runtime, handoff_id: UUID) -> HandoffView | None:
    """The handoff as it stands; None when there is none of that id."""
    async with rt.db.engine.connect() as connection:
        row = (await connection.execute(_HANDOFF, {"id": handoff_id})).first()
        if row is None:
            return None
        entries = await connection.execute(_TIMELINE, {"lead": row.lead_id, "many": MOST_ENTRIES, "unsaid": _UNSAID})
        timeline = tuple(Entry(entry.at, _line(entry)) for entry in entries)
    program = (await rt.deployment(row.epoch)).program
    order = [name for name in program.all_fields if name not in ("email", "created")]
    names = [*order, *(name for name in row.fields if name not in order)]
    return HandoffView(
        name=" ".join(str(row.fields[name]) for name in ("first_name", "last_name") if row.fields.get(name)),
        email=row.email,
        fields={name: row.fields[name] for name in names if row.fields.get(name) not in EMPTY},
        score=float(row.scores.get("", 0)),
        scores={model: float(score) for model, score in row.scores.items() if model},
        stage=row.stage,
        topics=row.topics,
        note=row.note,
        team=row.team,
        phase=row.phase,
        member=row.member,
        due_at=datetime.fromisoformat(row.due_at) if row.due_at else None,
        outcome=row.outcome,
        reason=row.reason,
        timeline=timeline,
        follow_up_at=datetime.fromisoformat(row.follow_up_at) if row.follow_up_at else None,
        passed_on=tuple(row.passed_on or ()),
    )


def _line(entry: Any) -> str:
    said = deed(Event(entry.seq, entry.at, entry.type, entry.name, entry.data, entry.key), quote=curly)
    return said if "@" in said.partition(" ")[0] else said[:1].upper() + said[1:]

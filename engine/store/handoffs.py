"""Reading one handoff in one statement, what its row says, and the teams that deal leads, under their lock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from dsl.plan import Team
from engine.model.lead import Event
from engine.rules.leads.limits import Probe
from engine.rules.runs.enrolment import Enrolment
from engine.rules.sales.ladder import State
from engine.rules.sales.tray import Tray
from engine.store.db import Hot
from engine.store.leads import ENROLMENTS, HISTORY, TALLIES, enrolments_of, event_of, probes_json, tallies_of

_READ = f"""
SELECT h.*, {ENROLMENTS}, {TALLIES}, {HISTORY},
    (SELECT jsonb_agg(jsonb_build_object('id', m.id, 'visit', m.visit, 'reason', m.reason)) FROM messages m
        WHERE m.owner_id = %(id)s AND m.state = 'sending') AS sending,
    (SELECT p.member FROM handoffs p WHERE p.lead_id = %(lead)s AND p.id <> %(id)s AND p.member IS NOT NULL
        ORDER BY p.opened_at DESC LIMIT 1) AS former,
    (SELECT campaign FROM enrolments WHERE id = h.enrolment_id) AS campaign,
    (SELECT real_closed_until FROM gates WHERE provider = %(provider)s) AS closed_until
FROM handoffs h WHERE h.id = %(id)s"""

_OPEN = "SELECT id FROM handoffs WHERE lead_id = %(lead)s AND outcome IS NULL"

_HAS_EVENT = "SELECT 1 FROM events WHERE lead_id = %(lead)s AND key = %(key)s"

_LOCK_TEAMS = """
INSERT INTO teams (name, turn) SELECT name, 0 FROM unnest(%(names)s::text[]) AS name ORDER BY name
ON CONFLICT (name) DO UPDATE SET turn = teams.turn RETURNING name, turn"""

_LOADS = """
SELECT lower(member) AS member, count(*) AS many FROM handoffs
WHERE outcome IS NULL AND member IS NOT NULL AND id <> %(id)s GROUP BY lower(member)"""

_WAITING = """
SELECT id FROM handoffs WHERE outcome IS NULL AND state->>'phase' = 'waiting' AND lower(team) = ANY(%(teams)s)
ORDER BY opened_at LIMIT %(many)s"""


@dataclass(frozen=True, slots=True)
class Found:
    """A handoff as it stands under its lead's lock.

    `sending` maps visit to message and reason of the notices that were marked and never settled, `former` is who had
    the lead in the handoff before this one, `due_at` when the run wanted to wake by itself, `wait` the answer of its
    last advance, `attention` why a person must look.
    """

    id: UUID
    enrolment_id: UUID | None
    campaign: str | None
    source: str
    stage: str | None
    note: str
    state: State
    tray: Tray
    gen: int
    wait: dict[str, Any] | None
    attention: str | None
    due_at: datetime | None
    sending: Mapping[str, tuple[UUID, str]]
    former: str | None
    closed_until: datetime | None
    enrolments: list[Enrolment]
    tallies: dict[Probe, tuple[int, float]]
    history: list[Event]


async def read(
    hot: Hot, id: UUID, lead: UUID, probes: Sequence[Probe] = (), provider: str = "", history: Iterable[str] = ()
) -> Found | None:
    """The handoff, under its lead's lock; `provider` is whose gate counts, `history` as for `leads.look_around`."""
    values = {
        "id": id, "lead": lead, "probes": probes_json(probes), "provider": provider, "history": sorted(history)
    }  # fmt: skip
    row = await hot.one(_READ, values)
    if row is None:
        return None
    state, tray = dict(row.state), Tray.from_json(row.state.get("mail", {}))
    state.pop("mail", None)
    return Found(
        id=id, enrolment_id=row.enrolment_id, campaign=row.campaign, source=row.source, stage=row.stage, note=row.note,
        state=State.model_validate(state), tray=tray, gen=row.gen, wait=row.wait, attention=row.attention,
        due_at=row.due_at,
        sending={one["visit"]: (UUID(one["id"]), one["reason"]) for one in row.sending or ()}, former=row.former,
        closed_until=row.closed_until, enrolments=enrolments_of(row.enrolments),
        tallies=tallies_of(probes, row.tallies), history=[event_of(one) for one in row.history or ()],
    )  # fmt: skip


def columns(state: State, tray: Tray) -> dict[str, Any]:
    """What of a row follows from where the handoff stands."""
    return {
        "team": state.team, "state": {**state.model_dump(mode="json"), "mail": tray.to_json()}, "member": state.member,
        "outcome": state.outcome, "reason": state.reason, "acknowledged_at": state.acknowledged_at,
        "contacted_at": state.contacted_at, "closed_at": state.closed_at,
    }  # fmt: skip


async def open_of(hot: Hot, lead: UUID) -> UUID | None:
    """The lead's open handoff; at most one, see the index `handoffs_open`."""
    row = await hot.one(_OPEN, {"lead": lead})
    return row.id if row else None


async def has_event(hot: Hot, lead: UUID, key: str) -> bool:
    """Whether the lead's log has an event of that key; asked under the lead's lock."""
    return await hot.one(_HAS_EVENT, {"lead": lead, "key": key}) is not None


async def lock_teams(hot: Hot, names: Iterable[str]) -> dict[str, int]:
    """Team → leads dealt so far. Holds the rows until the commit, always taken in the order of their names."""
    rows = await hot.all(_LOCK_TEAMS, {"names": sorted(set(names))})
    return {row.name: row.turn for row in rows}


async def loads(hot: Hot, teams: Mapping[str, Team], except_for: UUID) -> dict[str, int]:
    """Member → open handoffs beside this one, under the spelling the teams use."""
    many = {row.member: row.many for row in await hot.all(_LOADS, {"id": except_for})}
    emails = {member.email for team in teams.values() for member in team.members}
    return {email: many.get(email.lower(), 0) for email in emails}


async def waiting(hot: Hot, teams: Iterable[str], many: int) -> list[UUID]:
    """The handoffs that have waited longest for somebody in these teams."""
    rows = await hot.all(_WAITING, {"teams": [team.lower() for team in teams], "many": many})
    return [row.id for row in rows]

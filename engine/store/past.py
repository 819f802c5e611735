"""What really happened to leads, read for a rehearsal: one statement per lead, in transactions that cannot write."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.model.lead import Event, Lead
from engine.rules.sales.desk_log import TYPES, DeskLog, Entry
from engine.store.db import Database
from engine.store.leads import EVENT_JSON, event_of

PAGE = 500

_READ_ONLY = text("SET TRANSACTION READ ONLY")
_COUNT = text("SELECT count(DISTINCT lead_id) FROM events WHERE at >= :since AND at <= :until")
_LEADS = text("""
SELECT DISTINCT lead_id FROM events WHERE at >= :since AND at <= :until AND lead_id > CAST(:above AS uuid)
ORDER BY lead_id LIMIT :many""")
_ONE = text(f"""
SELECT l.id, l.email, l.fields, l.created_at,
    (SELECT jsonb_agg({EVENT_JSON} || jsonb_build_object('key', key) ORDER BY seq) FROM events
        WHERE lead_id = l.id AND at <= :until) AS events,
    (SELECT jsonb_agg(jsonb_build_object('id', m.id, 'template', m.template, 'campaign', e.campaign, 'at', m.at,
        'source', m.source) ORDER BY m.at) FROM messages m LEFT JOIN enrolments e ON e.id = m.owner_id
        WHERE m.lead_id = l.id AND m.state = 'accepted' AND m.kind IN ('marketing', 'transactional')
            AND m.at <= :until) AS mails,
    (SELECT jsonb_agg(jsonb_build_object('topic', topic, 'state', state, 'seq', seq, 'at', at,
        'how', record->>'how') ORDER BY seq)
        FROM consents WHERE lead_id = l.id AND at <= :until) AS consents,
    (SELECT jsonb_agg(jsonb_build_object('rule', rule, 'model', model, 'amount', amount, 'campaign',
        CASE WHEN rule LIKE 'step:%' THEN
            (SELECT campaign FROM enrolments WHERE id::text = split_part(cause, ':', 2)) END) ORDER BY seq)
        FROM points WHERE lead_id = l.id AND booked_at >= :since AND booked_at <= :until) AS points,
    (SELECT jsonb_agg(stage ORDER BY seq) FROM stages
        WHERE lead_id = l.id AND at >= :since AND at <= :until) AS stages,
    (SELECT jsonb_agg(jsonb_build_object('team', h.team, 'campaign', e.campaign, 'source', h.source))
        FROM handoffs h LEFT JOIN enrolments e ON e.id = h.enrolment_id
        WHERE h.lead_id = l.id AND h.opened_at >= :since AND h.opened_at <= :until) AS handoffs,
    (SELECT jsonb_agg(jsonb_build_object('campaign', campaign) ORDER BY started_at) FROM enrolments
        WHERE lead_id = l.id AND started_at >= :since AND started_at <= :until) AS runs,
    (SELECT jsonb_agg(jsonb_build_object('campaign', t.campaign, 'name', t.name, 'winner', t.winner,
        'ends_at', t.ends_at, 'variant', tried.variant)) FROM tests t LEFT JOIN test_leads tried
            ON tried.campaign = t.campaign AND tried.name = t.name AND tried.lead_id = l.id
        WHERE EXISTS (SELECT FROM enrolments WHERE lead_id = l.id AND campaign = t.campaign)) AS tests
FROM leads l WHERE l.id = :lead""")


_DESK = text("""
SELECT lead_id, type, name, data->>'handoff' AS handoff, data->>'member' AS member, at FROM events
WHERE lead_id IN (SELECT lead_id FROM handoffs) AND type = ANY(:types) AND at <= :until ORDER BY at, lead_id, seq""")


@dataclass(frozen=True, slots=True)
class Past:
    """One lead's past up to an instant: the whole log, mails and consents; points, stages (by name), handoffs and
    entries only since the other one. `tests`: the tests of variants in the lead's campaigns, with the variant that was
    tried on the lead, if any. `desk`: who of sales had which lead when, of all leads. `lead` has its fields as they are
    today."""

    lead: Lead
    events: Sequence[Event]
    mails: Sequence[dict[str, Any]]
    consents: Sequence[dict[str, Any]]
    points: Sequence[dict[str, Any]]
    stages: Sequence[str]
    handoffs: Sequence[dict[str, Any]]
    runs: Sequence[dict[str, Any]]
    tests: Sequence[dict[str, Any]] = ()
    desk: DeskLog = field(default_factory=DeskLog)


async def count(db: Database, since: datetime, until: datetime) -> int:
    """How many leads something happened to in that time."""
    async with db.engine.connect() as connection:
        await connection.execute(_READ_ONLY)
        found: int = (await connection.execute(_COUNT, {"since": since, "until": until})).scalar_one()
        return found


async def pasts(db: Database, since: datetime, until: datetime) -> AsyncIterator[Past]:
    """The past of each such lead, one at a time, so that memory does not grow with their number."""
    above = UUID(int=0)
    desk = await _desk(db, until)
    while True:
        async with db.engine.connect() as connection:
            await connection.execute(_READ_ONLY)
            asked = {"since": since, "until": until, "above": above, "many": PAGE}
            page = (await connection.execute(_LEADS, asked)).scalars().all()
            for lead in page:
                if (found := await _past(connection, lead, since, until)) is not None:
                    yield replace(found, desk=desk)
        if len(page) < PAGE:
            return
        above = page[-1]


async def _desk(db: Database, until: datetime) -> DeskLog:
    async with db.engine.connect() as connection:
        await connection.execute(_READ_ONLY)
        rows = await connection.execute(_DESK, {"types": list(TYPES), "until": until})
        return DeskLog(
            Entry(row.lead_id, row.handoff or "", row.type, row.name or "", row.member or "", row.at) for row in rows
        )


async def _past(connection: AsyncConnection, lead: UUID, since: datetime, until: datetime) -> Past | None:
    row = (await connection.execute(_ONE, {"lead": lead, "since": since, "until": until})).one_or_none()
    if row is None:
        return None
    known = Lead(
        id=row.id, seq=0, stage="", last_at=row.created_at, created_at=row.created_at, email=row.email,
        fields=row.fields,
    )  # fmt: skip
    return Past(
        known, [event_of(one) for one in row.events or ()],
        [{**one, "at": datetime.fromisoformat(one["at"])} for one in row.mails or ()],
        [{**one, "at": datetime.fromisoformat(one["at"])} for one in row.consents or ()],
        row.points or (), row.stages or (), row.handoffs or (), row.runs or (),
        [{**one, "ends_at": datetime.fromisoformat(one["ends_at"])}
         for one in row.tests or ()],
    )  # fmt: skip

"""What reports read of emails, of what leads did, and of their points, with what is kept of those that were removed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.rules.reports.query import Query
from engine.store.past_figures import DEEDS
from engine.store.report_queries import rows

_FETCHED = """(s.machine & {bit} > 0 OR EXISTS (SELECT FROM mail_hits h WHERE h.lead_id = s.lead_id
    AND h.message_id = s.id AND h.judgement = 'machine' AND h.kind = ANY(CAST('{kinds}' AS text[]))))"""
_ANY, _CLICKED = _FETCHED.format(bit=1, kinds="{open,click}"), _FETCHED.format(bit=2, kinds="{click}")
_MAILS = text(f"""
WITH sent AS (
    SELECT m.id, m.lead_id, coalesce(e.campaign, '') AS campaign, m.step, m.template, m.machine FROM messages m
    LEFT JOIN enrolments e ON e.id = m.owner_id
    WHERE m.state = 'accepted' AND m.kind IN ('marketing', 'transactional') AND m.at >= :since AND m.at < :until),
what AS (
    SELECT s.id, s.campaign, s.step, s.template, coalesce(bool_or(v.type = 'email.bounced'), false) AS bounced,
        coalesce(bool_or(v.type = 'email.opened'), false) AS opened,
        coalesce(bool_or(v.type = 'email.clicked'), false) AS clicked,
        coalesce(bool_or(v.type = 'email.replied'), false) AS replied, {_ANY} AS machine, {_CLICKED} AS machine_clicked
    FROM sent s LEFT JOIN events v ON v.lead_id = s.lead_id AND v.message_id = s.id
    GROUP BY s.id, s.lead_id, s.campaign, s.step, s.template, s.machine)
SELECT campaign, step, template, sum(sent)::bigint AS sent, sum(bounced)::bigint AS bounced,
    sum(opened)::bigint AS opened, sum(clicked)::bigint AS clicked, sum(replied)::bigint AS replied,
    sum(machine)::bigint AS machine, sum(machine_clicked)::bigint AS machine_clicked
FROM (SELECT campaign, step, template, count(*) AS sent, count(*) FILTER (WHERE bounced) AS bounced,
        count(*) FILTER (WHERE opened AND NOT bounced) AS opened,
        count(*) FILTER (WHERE clicked AND NOT bounced) AS clicked,
        count(*) FILTER (WHERE replied AND NOT bounced) AS replied, count(*) FILTER (WHERE machine) AS machine,
        count(*) FILTER (WHERE machine_clicked) AS machine_clicked
    FROM what GROUP BY campaign, step, template
    UNION ALL
    SELECT campaign, step, template, emails, bounced, opened - bounced_opened, clicked - bounced_clicked, replied,
        machine, machine_clicked FROM past_emails
    WHERE state = 'accepted' AND kind IN ('marketing', 'transactional') AND day >= :first AND day <= :last) figures
GROUP BY campaign, step, template ORDER BY campaign, step, template""")
_STEPS = text("""
SELECT DISTINCT ON (p.campaign, s->>'id') p.campaign, s->>'id' AS id, s->>'source' AS source
FROM plans p, jsonb_array_elements(p.body->'steps') s ORDER BY p.campaign, s->>'id', p.epoch DESC""")
_SCORES = text("""
SELECT lead_id, model, sum(amount) AS score FROM (
    SELECT lead_id, model, amount FROM points
    WHERE lead_id = ANY(:leads) AND booked_at < :until AND NOT starts_with(cause, 'k:')
    UNION ALL SELECT lead_id, model, amount FROM past_points WHERE lead_id = ANY(:leads) AND day <= :last) booked
GROUP BY lead_id, model""")
_CHANNELS = text("""
SELECT f.lead_id, o.channel FROM lead_facts f JOIN sources o ON o.id = f.source_id WHERE f.lead_id = ANY(:leads)""")
_DEEDS = text("""
SELECT lead_id, type, name, min(at) AS at FROM (
    SELECT lead_id, type, name, coalesce(happened_at, at) AS at FROM events
    WHERE lead_id = ANY(:leads) AND type = ANY(:types)
    UNION ALL SELECT lead_id, type, name, first_at FROM past_deeds WHERE lead_id = ANY(:leads)) done
GROUP BY lead_id, type, name""")


async def mails(connection: AsyncConnection, query: Query) -> Sequence[Any]:
    """Emails of the period by campaign, step and template, each counted once for what was done with it up to now. Of
    those that were forgotten, what is kept as figures, by days in the workspace's zone."""
    span = {"since": query.since, "until": query.until, "first": query.first, "last": query.last}
    return await rows(connection, _MAILS, **span)


async def step_places(connection: AsyncConnection) -> dict[tuple[str, str], str]:
    """Where each step of each campaign was written last, as file:line."""
    return {(row.campaign, row.id): row.source for row in await rows(connection, _STEPS)}


async def scores(connection: AsyncConnection, leads: Sequence[UUID], until: datetime, last: date) -> Sequence[Any]:
    """What leads had been given by an instant, the end of day `last`, by scoring model."""
    return await rows(connection, _SCORES, leads=list(leads), until=until, last=last)


async def channels(connection: AsyncConnection, leads: Sequence[UUID]) -> dict[UUID, str]:
    """The channel that made each lead known."""
    return {row.lead_id: row.channel for row in await rows(connection, _CHANNELS, leads=list(leads))}


async def deeds(connection: AsyncConnection, leads: Sequence[UUID]) -> Sequence[Any]:
    """What leads did, and when they first did."""
    return await rows(connection, _DEEDS, leads=list(leads), types=list(DEEDS))

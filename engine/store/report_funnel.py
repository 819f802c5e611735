"""What the reports on stages, nurturing and campaigns read beside `report_queries`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.rules.reports.query import Query
from engine.store.report_queries import REACHED, rows

_WHO = text(f"SELECT r.lead_id, r.at FROM ({REACHED}) r")
_MADE = text("SELECT lead_id, created_at AS at FROM lead_facts WHERE created_at >= :since AND created_at < :until")
_FATES = text("""
SELECT l.id, l.stage, greatest(f.active_at, l.created_at) AS quiet,
    l.suppressed IS NOT NULL OR (l.topics <> '{}' AND NOT EXISTS (
        SELECT FROM jsonb_each_text(l.topics) t WHERE left(t.key, 1) <> '@' AND t.value <> 'unsubscribed')
        AND EXISTS (SELECT FROM jsonb_object_keys(l.topics) k WHERE left(k, 1) <> '@')) AS unsubscribed,
    EXISTS (SELECT FROM deals d WHERE d.leads @> ARRAY[l.id] AND d.status = 'lost') AS lost
FROM leads l LEFT JOIN lead_facts f ON f.lead_id = l.id WHERE l.id = ANY(:leads)""")
_RETURNS = text("""
SELECT r.lead_id, r.at, r.silent, r.stage, r.sent_back FROM lead_returns r
WHERE r.at >= :since AND r.at < :until AND (:everybody OR EXISTS (
    SELECT FROM stage_stays s WHERE s.lead_id = r.lead_id AND s.stage = ANY(:known) AND s.entered <= r.at))
ORDER BY r.at, r.lead_id""")
_PROGRAMS = text("""
SELECT at, program->'campaigns' AS campaigns, program->'workspace'->>'currency' AS currency
FROM deployments WHERE at < :until ORDER BY epoch""")
_MAILS = text("""
WITH sent AS (
    SELECT m.id, m.lead_id, coalesce(e.campaign, '') AS campaign, m.template FROM messages m
    LEFT JOIN enrolments e ON e.id = m.owner_id
    WHERE m.state = 'accepted' AND m.kind IN ('marketing', 'transactional') AND m.at >= :since AND m.at < :until),
what AS (
    SELECT s.id, s.campaign, s.template, coalesce(bool_or(v.type = 'email.bounced'), false) AS bounced,
        coalesce(bool_or(v.type = 'email.opened'), false) AS opened,
        coalesce(bool_or(v.type = 'email.clicked'), false) AS clicked,
        coalesce(bool_or(v.type = 'email.replied'), false) AS replied,
        EXISTS (SELECT FROM mail_hits h WHERE h.lead_id = s.lead_id AND h.message_id = s.id
            AND h.judgement = 'machine') AS machine
    FROM sent s LEFT JOIN events v ON v.lead_id = s.lead_id AND v.message_id = s.id
    GROUP BY s.id, s.lead_id, s.campaign, s.template)
SELECT campaign, template, sum(sent)::bigint AS sent, sum(bounced)::bigint AS bounced, sum(opened)::bigint AS opened,
    sum(clicked)::bigint AS clicked, sum(replied)::bigint AS replied, sum(machine)::bigint AS machine
FROM (SELECT campaign, template, count(*) AS sent, count(*) FILTER (WHERE bounced) AS bounced,
        count(*) FILTER (WHERE opened AND NOT bounced) AS opened,
        count(*) FILTER (WHERE clicked AND NOT bounced) AS clicked,
        count(*) FILTER (WHERE replied AND NOT bounced) AS replied, count(*) FILTER (WHERE machine) AS machine
    FROM what GROUP BY campaign, template
    UNION ALL
    SELECT campaign, template, emails, 0, opened, clicked, 0, 0 FROM past_emails
    WHERE state = 'accepted' AND kind IN ('marketing', 'transactional') AND day >= :first AND day <= :last) figures
GROUP BY campaign, template ORDER BY campaign, template""")
_PATHS = text("SELECT touches FROM deal_facts WHERE won_at >= :since AND won_at < :until ORDER BY touches")
_RUNS = text("""
SELECT campaign, digest, started_at, state, goal_at IS NOT NULL AS reached, held_out, 1 AS many FROM enrolments
WHERE started_at >= :since AND started_at < :until
UNION ALL
SELECT campaign, digest, day::timestamp AT TIME ZONE 'UTC', 'ended', goal, held_out, runs FROM past_runs
WHERE day >= :first AND day <= :last""")
_GOALS = text("SELECT digest, body->'goal' AS goal, body->'control' AS control FROM plans WHERE digest = ANY(:digests)")
_OWN = text("""
SELECT o.campaign, sum(c.amount)::bigint AS amount FROM credits c JOIN sources o ON o.id = c.source_id
WHERE c.model = :model AND c.at >= :since AND c.at < :until AND o.source = 'coldframe' AND o.channel = 'Email'
GROUP BY o.campaign""")


async def who(connection: AsyncConnection, beyond: Sequence[str], since: datetime, until: datetime) -> Sequence[Any]:
    """Leads and when they first were at one of the stages; with no stages, when they became known."""
    span = {"since": since, "until": until}
    return await (rows(connection, _WHO, beyond=list(beyond), **span) if beyond else rows(connection, _MADE, **span))


async def fates(connection: AsyncConnection, leads: Sequence[UUID]) -> Sequence[Any]:
    """What has become of leads: their stage, since when they are quiet, whether they unsubscribed or lost a deal."""
    return await rows(connection, _FATES, leads=list(leads))


async def returns(connection: AsyncConnection, known: Sequence[str], since: datetime, until: datetime) -> Sequence[Any]:
    """Leads who did something after a silence, and had been at one of the stages `known` before."""
    return await rows(connection, _RETURNS, known=list(known), everybody=not known, since=since, until=until)


async def programs(connection: AsyncConnection, until: datetime) -> Sequence[Any]:
    """Every deployment before an instant: when, and its campaigns."""
    return await rows(connection, _PROGRAMS, until=until)


async def mails(connection: AsyncConnection, query: Query) -> Sequence[Any]:
    """Emails of the period by campaign and template, each counted once for what was done with it up to now. Of those
    that were forgotten, what is kept as figures, by days in UTC."""
    return await rows(connection, _MAILS, **_span(query))


async def path_lengths(connection: AsyncConnection, since: datetime, until: datetime) -> list[int]:
    """The touches of each deal won in the period, in order of size."""
    return [row.touches for row in await rows(connection, _PATHS, since=since, until=until)]


async def runs(connection: AsyncConnection, query: Query) -> Sequence[Any]:
    """Runs begun in the period; `many` is 1, but for figures of runs that were forgotten."""
    return await rows(connection, _RUNS, **_span(query))


def _span(query: Query) -> dict[str, Any]:
    return {"since": query.since, "until": query.until, "first": query.first, "last": query.last}


async def goals(connection: AsyncConnection, digests: Sequence[str]) -> dict[str, Any]:
    """By the digest of a plan, the row with its goal and its control group."""
    return {row.digest: row for row in await rows(connection, _GOALS, digests=list(digests))}


async def own_credits(
    connection: AsyncConnection, model: str, since: datetime, until: datetime
) -> dict[str, int]:  # fmt: skip
    """Revenue credited to clicks in emails of the product, by campaign in lower case."""
    return {row.campaign: row.amount for row in await rows(connection, _OWN, model=model, since=since, until=until)}

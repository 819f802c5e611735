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
_REACHED = text("""
SELECT lead_id, min(entered) AS at FROM stage_stays WHERE stage = ANY(:beyond) AND lead_id = ANY(:leads)
GROUP BY lead_id""")
_WAITS = text(f"""
SELECT floor(extract(epoch FROM coalesce(w.reached, :until) - w.at) / 86400)::int AS days,
    w.reached IS NOT NULL AS arrived, count(*) AS many
FROM (SELECT r.at, (SELECT min(b.entered) FROM stage_stays b WHERE b.lead_id = r.lead_id AND b.stage = ANY(:following)
        AND b.entered < :until) AS reached FROM ({REACHED}) r) w
GROUP BY 1, 2 ORDER BY 1, 2""")
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
_PATHS = text("SELECT touches FROM deal_facts WHERE won_at >= :since AND won_at < :until ORDER BY touches")
_RUNS = text("""
SELECT campaign, digest, started_at, state, goal_at IS NOT NULL AS reached, held_out, 1 AS many, lead_id
FROM enrolments
WHERE started_at >= :since AND started_at < :until
UNION ALL
SELECT campaign, digest, day::timestamp AT TIME ZONE CAST(:zone AS text), 'ended', goal,
    CASE WHEN drawn THEN held_out END, runs, NULL FROM past_runs
WHERE day >= :first AND day <= :last""")
# What the deals of each run's lead have brought since it began, where that is not nothing.
_BROUGHT = text("""
SELECT e.campaign, e.digest, e.started_at, e.state, e.held_out, sum(c.amount)::bigint AS amount FROM enrolments e
JOIN deal_facts d ON d.lead_id = e.lead_id
JOIN credits c ON c.deal_id = d.deal_id AND c.model = 'last' AND c.at >= e.started_at AND c.source_id >= 0
WHERE e.started_at >= :since AND e.started_at < :until AND e.held_out IS NOT NULL
GROUP BY e.id HAVING sum(c.amount) <> 0 ORDER BY e.started_at, e.id""")
_AGREED = text("""
SELECT epoch, at, program->'stages' AS stages FROM deployments WHERE at < :until AND kind IS DISTINCT FROM 'stop'
ORDER BY epoch""")
_GOALS = text("SELECT digest, body->'goal' AS goal, body->'control' AS control FROM plans WHERE digest = ANY(:digests)")
_OWN = text("""
SELECT o.campaign, sum(c.amount)::bigint AS amount FROM credits c JOIN sources o ON o.id = c.source_id
WHERE c.model = :model AND c.at >= :since AND c.at < :until AND o.source = 'coldframe' AND o.channel = 'Email'
GROUP BY o.campaign""")


async def who(connection: AsyncConnection, beyond: Sequence[str], since: datetime, until: datetime) -> Sequence[Any]:
    """Leads and when they first were at one of the stages; with no stages, when they became known."""
    span = {"since": since, "until": until}
    return await (rows(connection, _WHO, beyond=list(beyond), **span) if beyond else rows(connection, _MADE, **span))


async def reached(connection: AsyncConnection, beyond: Sequence[str], leads: Sequence[UUID]) -> dict[UUID, datetime]:
    """When each of these leads first was at one of the stages; without those who never were."""
    return {row.lead_id: row.at for row in await rows(connection, _REACHED, beyond=list(beyond), leads=list(leads))}


async def waits(
    connection: AsyncConnection, beyond: Sequence[str], following: Sequence[str], since: datetime, until: datetime
) -> Sequence[Any]:  # fmt: skip
    """Of those who reached a stage in the period: after how many whole days they reached the next one by its end, or
    for how many they wait then, and how many they are."""
    values = {"beyond": list(beyond), "following": list(following)}
    return await rows(connection, _WAITS, since=since, until=until, **values)


async def fates(connection: AsyncConnection, leads: Sequence[UUID]) -> Sequence[Any]:
    """What has become of leads: their stage, since when they are quiet, whether they unsubscribed or lost a deal."""
    return await rows(connection, _FATES, leads=list(leads))


async def returns(connection: AsyncConnection, known: Sequence[str], since: datetime, until: datetime) -> Sequence[Any]:
    """Leads who did something after a silence, and had been at one of the stages `known` before."""
    return await rows(connection, _RETURNS, known=list(known), everybody=not known, since=since, until=until)


async def programs(connection: AsyncConnection, until: datetime) -> Sequence[Any]:
    """Every deployment before an instant: when, and its campaigns."""
    return await rows(connection, _PROGRAMS, until=until)


async def path_lengths(connection: AsyncConnection, since: datetime, until: datetime) -> list[int]:
    """The touches of each deal won in the period, in order of size."""
    return [row.touches for row in await rows(connection, _PATHS, since=since, until=until)]


async def runs(connection: AsyncConnection, query: Query) -> Sequence[Any]:
    """Runs begun in the period; `many` is 1, but for figures of runs that were forgotten."""
    return await rows(connection, _RUNS, **span_of(query))


async def brought(connection: AsyncConnection, since: datetime, until: datetime) -> Sequence[Any]:
    """Runs begun in the period whose leads' deals have brought something since, and how much."""
    return await rows(connection, _BROUGHT, since=since, until=until)


async def stage_versions(connection: AsyncConnection, until: datetime) -> Sequence[Any]:
    """Every deployment before an instant: its number, when, and its stages."""
    return await rows(connection, _AGREED, until=until)


def span_of(query: Query) -> dict[str, Any]:
    return {"since": query.since, "until": query.until, "first": query.first, "last": query.last,
            "zone": query.zone}  # fmt: skip


async def goals(connection: AsyncConnection, digests: Sequence[str]) -> dict[str, Any]:
    """By the digest of a plan, the row with its goal and its control group."""
    return {row.digest: row for row in await rows(connection, _GOALS, digests=list(digests))}


async def own_credits(
    connection: AsyncConnection, model: str, since: datetime, until: datetime
) -> dict[str, int]:  # fmt: skip
    """Revenue credited to clicks in emails of the product, by campaign in lower case."""
    return {row.campaign: row.amount for row in await rows(connection, _OWN, model=model, since=since, until=until)}

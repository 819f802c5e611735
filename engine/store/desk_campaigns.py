"""What the desk shows of campaigns beside the reports: live numbers, emails by template, versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text

from engine.store.db import Database

_NUMBERS = text("""
SELECT campaign, sum(live)::bigint AS live, sum(entered)::bigint AS entered, sum(attention)::bigint AS attention,
    sum(goals)::bigint AS goals FROM (
    SELECT campaign, count(*) FILTER (WHERE state <> 'ended') AS live, count(*) AS entered,
        count(*) FILTER (WHERE attention IS NOT NULL AND state <> 'ended') AS attention, count(goal_at) AS goals
    FROM enrolments GROUP BY campaign
    UNION ALL SELECT campaign, 0, sum(runs), 0, 0 FROM past_runs GROUP BY campaign
) counted GROUP BY campaign ORDER BY campaign""")
_EMAILS = text("""
SELECT m.template, count(*) FILTER (WHERE m.state = 'accepted') AS sent,
    count(*) FILTER (WHERE m.state = 'skipped') AS skipped, count(*) FILTER (WHERE m.state = 'failed') AS failed,
    count(*) FILTER (WHERE EXISTS (SELECT FROM events v WHERE v.lead_id = m.lead_id AND v.message_id = m.id
        AND v.type = 'email.opened')) AS opened,
    count(*) FILTER (WHERE EXISTS (SELECT FROM events v WHERE v.lead_id = m.lead_id AND v.message_id = m.id
        AND v.type = 'email.clicked')) AS clicked, max(m.at) AS last,
    (array_agg(m.id ORDER BY m.at DESC) FILTER (WHERE m.state = 'accepted'))[1] AS newest
FROM messages m JOIN enrolments e ON e.id = m.owner_id
WHERE lower(e.campaign) = lower(:campaign) AND m.kind IN ('marketing', 'transactional')
GROUP BY m.template ORDER BY max(m.at) DESC NULLS LAST LIMIT 200""")
_VERSIONS = text("""
SELECT p.digest, p.epoch, d.at, d.author,
    (SELECT count(*) FROM enrolments e WHERE e.digest = p.digest AND e.state <> 'ended') AS live
FROM plans p LEFT JOIN deployments d ON d.epoch = p.epoch WHERE lower(p.campaign) = lower(:campaign)
ORDER BY p.epoch DESC LIMIT 20""")
_PAST = text("SELECT max(campaign) FROM enrolments WHERE lower(campaign) = lower(:campaign)")


async def numbers(db: Database) -> Sequence[Mapping[str, Any]]:
    """By campaign the runs that are live, have entered, reached the goal, need attention."""
    return await _rows(db, _NUMBERS)


async def emails(db: Database, campaign: str) -> Sequence[Mapping[str, Any]]:
    """By template the emails sent, skipped, failed, opened, clicked, and the `newest` one, of those whose rows are
    still there."""
    return await _rows(db, _EMAILS, campaign=campaign)


async def versions(db: Database, campaign: str) -> Sequence[Mapping[str, Any]]:
    """The plans of the campaign, the newest first, with how many leads are on each."""
    return await _rows(db, _VERSIONS, campaign=campaign)


async def past_name(db: Database, campaign: str) -> str | None:
    """The name as it is written of a campaign that leads were in."""
    async with db.engine.connect() as connection:
        found: str | None = (await connection.execute(_PAST, {"campaign": campaign})).scalar()
        return found


async def _rows(db: Database, statement: Any, **values: Any) -> Sequence[Mapping[str, Any]]:
    async with db.engine.connect() as connection:
        return [dict(row) for row in (await connection.execute(statement, values)).mappings()]

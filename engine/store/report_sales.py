"""What reports read of sales: the handoffs of a period, and what stands open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.store.report_queries import rows

_HANDOFFS = text("""
SELECT h.lead_id, h.team, h.member, h.opened_at, h.acknowledged_at, h.contacted_at, h.closed_at, h.outcome, h.reason,
    coalesce(o.channel, 'Unknown') AS channel
FROM handoffs h LEFT JOIN lead_facts f USING (lead_id) LEFT JOIN sources o ON o.id = f.source_id
WHERE h.opened_at >= :since AND h.opened_at < :until AND h.outcome IS DISTINCT FROM 'merged'
ORDER BY h.opened_at, h.id""")


# Open handoffs, and qualified leads who have an owner and no open one.
_WORK = text("""
SELECT h.member, l.id, l.stage, h.due_at, h.state->>'phase' AS phase, l.scores, f.active_at
FROM handoffs h JOIN leads l ON l.id = h.lead_id LEFT JOIN lead_facts f ON f.lead_id = l.id
WHERE h.outcome IS NULL AND h.member IS NOT NULL
UNION ALL
SELECT l.fields->>'owner', l.id, l.stage, NULL, '', l.scores, f.active_at
FROM leads l LEFT JOIN lead_facts f ON f.lead_id = l.id
WHERE l.stage = ANY(:stages) AND l.fields->>'owner' <> '' AND l.email IS NOT NULL AND l.merged_into IS NULL
    AND NOT EXISTS (SELECT FROM handoffs h WHERE h.lead_id = l.id AND h.outcome IS NULL)""")


async def work(connection: AsyncConnection, stages: Sequence[str]) -> Sequence[Any]:
    """What team members have to do now: open handoffs, and their leads at one of these stages."""
    return await rows(connection, _WORK, stages=list(stages))


async def handoffs(connection: AsyncConnection, since: datetime, until: datetime) -> Sequence[Any]:
    """Handoffs that were opened in the period, with what came of them up to now; merged ones are the other's."""
    return await rows(connection, _HANDOFFS, since=since, until=until)

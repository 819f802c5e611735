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


async def handoffs(connection: AsyncConnection, since: datetime, until: datetime) -> Sequence[Any]:
    """Handoffs that were opened in the period, with what came of them up to now; merged ones are the other's."""
    return await rows(connection, _HANDOFFS, since=since, until=until)

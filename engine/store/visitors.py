"""Visitors, their sessions and touches as rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from engine.store.db import Hot

_LOCK = """
INSERT INTO visitors AS v (id, first_at, last_at) VALUES (%(id)s, %(now)s, %(now)s)
ON CONFLICT (id) DO UPDATE SET last_at = excluded.last_at RETURNING id, lead_id, session, seen_on"""

_CLICKS = """
SELECT jsonb_agg(at) AS clicks FROM touches
WHERE lead_id = %(lead)s AND kind = 'mail click' AND at > %(since)s"""

_SESSIONS = """
SELECT jsonb_agg(jsonb_build_object('id', s.id, 'begun', s.begun, 'last_at', s.last_at, 'landing', s.landing,
    'pages', s.pages, 'source', jsonb_build_array(o.channel, o.source, o.medium, o.campaign, o.keyword, o.content))
    ORDER BY s.begun) AS sessions
FROM (SELECT * FROM sessions WHERE visitor_id = %(visitor)s AND lead_id IS NULL
    ORDER BY begun DESC LIMIT %(most)s) s JOIN sources o ON o.id = s.source_id"""

_FIRST = """
SELECT jsonb_build_array(o.channel, o.source, o.medium, o.campaign, o.keyword, o.content) AS source, t.at
FROM touches t JOIN sources o ON o.id = t.source_id WHERE t.lead_id = %(lead)s ORDER BY t.at, t.key LIMIT 1"""


async def lock(hot: Hot, visitor: UUID, now: datetime) -> Any:
    """The visitor's row under a lock, made if they are new: id, lead_id, session, seen_on."""
    return await hot.one(_LOCK, {"id": visitor, "now": now})


async def sessions_of_nobody(hot: Hot, visitor: UUID, most: int) -> list[dict[str, Any]]:
    """The newest sessions of a visitor that belong to no lead, in order, each with its source."""
    row = await hot.one(_SESSIONS, {"visitor": visitor, "most": most})
    return list(row.sessions or ())


async def first_touch(hot: Hot, lead: UUID) -> Any | None:
    """Source and instant of the lead's first touch."""
    return await hot.one(_FIRST, {"lead": lead})


async def clicks_since(hot: Hot, lead: UUID, since: datetime) -> list[datetime]:
    """When the lead clicked in our emails."""
    row = await hot.one(_CLICKS, {"lead": lead, "since": since})
    return [datetime.fromisoformat(one) for one in row.clicks or ()]


async def count_sources(hot: Hot) -> int:
    row = await hot.one("SELECT count(*) AS many FROM sources", {})
    return int(row.many)

"""What leads have agreed to and taken back, as it was recorded."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from engine.store.db import Hot

_AGREED_SINCE = """
SELECT 1 AS one FROM consents WHERE lead_id = %(lead)s AND state = 'subscribed'
    AND (topic = %(topic)s OR %(topic)s::text IS NULL) AND at > %(since)s LIMIT 1"""

# What the lead has said last; what campaigns did in between is no answer of theirs.
_LAST_SAID = """
SELECT state FROM consents WHERE lead_id = %(lead)s AND lower(topic) = lower(%(topic)s) AND state <> 'asked'
    AND coalesce(record->>'how', '') <> 'campaign' ORDER BY seq DESC LIMIT 1"""


async def records(hot: Hot, lead: UUID) -> list[tuple[str, dict[str, Any]]]:
    """Every proof that is kept of the lead's consents, with its topic."""
    rows = await hot.all("SELECT topic, record FROM consents WHERE lead_id = %(lead)s", {"lead": lead})
    return [(row.topic, row.record) for row in rows]


async def agreed_since(hot: Hot, lead: UUID, topic: str | None, since: datetime) -> bool:
    """Whether the lead has subscribed to the topic, or without one to any, after that instant."""
    return await hot.one(_AGREED_SINCE, {"lead": lead, "topic": topic, "since": since}) is not None


async def last_said(hot: Hot, lead: UUID, topic: str) -> str | None:
    """What the lead said of the topic last: subscribed or unsubscribed; None: nothing."""
    row = await hot.one(_LAST_SAID, {"lead": lead, "topic": topic})
    return None if row is None else str(row.state)

"""The touches of leads, as rows."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from engine.rules.tracking.sessions import Touch
from engine.store.db import Hot
from engine.store.sources import note_source
from engine.store.writes import Writes

_CLICKS = """
SELECT jsonb_agg(at) AS clicks FROM touches
WHERE lead_id = %(lead)s AND kind = 'mail click' AND at > %(since)s"""


async def clicks_since(hot: Hot, lead: UUID, since: datetime) -> list[datetime]:
    """When the lead clicked in our emails."""
    row = await hot.one(_CLICKS, {"lead": lead, "since": since})
    return [datetime.fromisoformat(one) for one in row.clicks or ()]


def note_touch(writes: Writes, lead: UUID, touch: Touch) -> None:
    writes.insert(
        "touches", lead_id=lead, key=touch.key, source_id=note_source(writes, touch.source), kind=touch.kind,
        seq=touch.seq, session_id=touch.session, at=touch.at,
    )  # fmt: skip

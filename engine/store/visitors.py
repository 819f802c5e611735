"""Visitors whose name nobody knows yet, and what they did until then."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from engine.store.db import Hot
from engine.store.writes import Writes

_LOCK = """
INSERT INTO visitors AS v (id, first_touch, first_at, last_at) VALUES (%(id)s, '{}', %(now)s, %(now)s)
ON CONFLICT (id) DO UPDATE SET last_at = excluded.last_at RETURNING lead_id"""


async def lock(hot: Hot, visitor: UUID, now: datetime) -> UUID | None:
    """The visitor before the lead, always in this order; the lead they are known as, if any."""
    found: UUID | None = (await hot.one(_LOCK, {"id": visitor, "now": now})).lead_id
    return found


async def keep(
    hot: Hot, visitor: UUID, key: str, type: str, name: str, data: Mapping[str, Any], at: datetime
) -> None:  # fmt: skip
    """Keep what a locked visitor did until they become known, and commit. The same `key` is the same event."""
    writes = Writes()
    writes.insert("visitor_events", visitor_id=visitor, key=key, type=type, name=name, data=data, at=at)
    await writes.flush(hot)
    await hot.commit()

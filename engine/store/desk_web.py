"""Recent visits as web developers see them: nobody's name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text

from engine.store.db import Database

_VISITS = text("""
SELECT s.begun, s.landing, s.pages, o.channel, o.source, o.medium, o.campaign
FROM (SELECT begun, landing, pages, source_id FROM sessions WHERE lead_id IS NULL
    ORDER BY begun DESC LIMIT :limit) s LEFT JOIN sources o ON o.id = s.source_id ORDER BY s.begun DESC""")


async def visits(db: Database, limit: int) -> Sequence[Mapping[str, Any]]:
    """The newest visits of people who are not known, each with its source."""
    async with db.engine.connect() as connection:
        return [dict(row) for row in (await connection.execute(_VISITS, {"limit": limit})).mappings()]

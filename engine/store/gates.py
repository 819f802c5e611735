"""The gate before a mail provider: closed while it refuses everything, opened by time or by an operator."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import text

from engine.store.db import Database

_CLOSE = text("""
INSERT INTO gates (provider, reason, real_closed_until, real_closed_at) VALUES (:provider, :reason, :until, :now)
ON CONFLICT (provider) DO UPDATE SET reason = excluded.reason, real_closed_until = excluded.real_closed_until,
    real_closed_at = CASE WHEN gates.real_closed_until > :now THEN coalesce(gates.real_closed_at, :now)
        ELSE :now END""")

_CLOSED = text("""
SELECT provider, reason, real_closed_until AS until, real_closed_at AS since FROM gates
WHERE real_closed_until > :now AND (CAST(:provider AS text) IS NULL OR provider = :provider) ORDER BY provider""")

_OPEN = text("""
UPDATE gates SET real_closed_until = NULL, real_closed_at = NULL
WHERE real_closed_until > :now AND (CAST(:provider AS text) IS NULL OR provider = :provider)""")


async def close(db: Database, provider: str, reason: str, until: datetime, now: datetime) -> None:
    """Hold everything back until then (real time). One that is closed already keeps since when it is."""
    async with db.engine.begin() as connection:
        await connection.execute(_CLOSE, {"provider": provider, "reason": reason, "until": until, "now": now})


async def closed(db: Database, now: datetime, provider: str | None = None) -> list[dict[str, Any]]:
    """Provider, reason, until and since of each closed gate, or of that provider's."""
    async with db.engine.connect() as connection:
        rows = (await connection.execute(_CLOSED, {"now": now, "provider": provider})).mappings()
        return [dict(row) for row in rows]


async def open_all(db: Database, now: datetime, provider: str | None = None) -> None:
    """Open every gate, or that provider's."""
    async with db.engine.begin() as connection:
        await connection.execute(_OPEN, {"now": now, "provider": provider})

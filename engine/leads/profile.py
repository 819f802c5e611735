"""A lead as another system may read it back: what was stored, and what follows from it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from engine.platform.tokens import email_key
from engine.store.db import Database

_LEAD = text("""
SELECT id, email, created_at, last_at, stage, scores, fields, origin, topics, suppressed, interests,
    coalesce((SELECT jsonb_agg(name ORDER BY name) FROM jsonb_object_keys(lists) AS name), '[]') AS lists,
    coalesce((SELECT jsonb_agg(jsonb_build_object('topic', topic, 'state', state, 'at', at, 'proof', record)
        ORDER BY at, seq) FROM consents WHERE lead_id = leads.id), '[]') AS consents,
    coalesce((SELECT jsonb_agg(DISTINCT campaign) FROM enrolments
        WHERE lead_id = leads.id AND state <> 'ended'), '[]') AS campaigns
FROM leads WHERE email IS NOT NULL
    AND id = (SELECT lead_now(id) FROM leads WHERE email_key = :key OR id = CAST(:id AS uuid))""")


async def profile(db: Database, who: str) -> dict[str, Any] | None:
    """The lead with that address or id in plain values, None if there is none; one that was erased is none."""
    id: str | None
    key: str | None
    try:
        id, key = str(UUID(who)), None
    except ValueError:
        try:
            id, key = None, email_key(who)
        except ValueError:
            return None
    async with db.engine.connect() as connection:
        row = (await connection.execute(_LEAD, {"key": key, "id": id})).mappings().one_or_none()
    return None if row is None else {name: _plain(value) for name, value in row.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value

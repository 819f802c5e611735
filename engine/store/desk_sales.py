"""The work list of the desk: open handoffs of some team members, or of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from engine.store.db import Database

_ROW = """
SELECT h.id, h.lead_id, h.team, h.member, h.due_at, h.opened_at, h.state->>'phase' AS phase, h.outcome, h.reason,
    h.state->>'follow_up_at' AS follow_up_at, l.email, l.stage, coalesce((l.scores->>'')::float, 0) AS score,
    coalesce((l.scores->>'fit')::float, 0) AS fit, l.active_at, l.fields->>'company' AS company,
    concat_ws(' ', l.fields->>'first_name', l.fields->>'last_name') AS name
FROM handoffs h JOIN leads l ON l.id = h.lead_id"""
_OPEN = text(f"""{_ROW}
WHERE h.outcome IS NULL AND (:everybody OR lower(h.member) = :member OR (h.member IS NULL AND h.team = ANY(:teams)))
ORDER BY h.due_at NULLS LAST, h.id LIMIT :limit""")
_CLOSED = text(f"""{_ROW}
WHERE h.outcome IS NOT NULL AND h.closed_at > :since AND (:everybody OR lower(h.member) = :member)
ORDER BY h.closed_at DESC, h.id LIMIT :limit""")
_ONE = text("SELECT id, lead_id, team, member FROM handoffs WHERE id = :id")


async def open_handoffs(
    db: Database, member: str, teams: Sequence[str], *, everybody: bool, limit: int
) -> Sequence[Mapping[str, Any]]:
    """Those of this member, and those that wait for a member of these teams; `everybody`: all. The next due first."""
    return await _rows(db, _OPEN, member=member.lower(), teams=list(teams), everybody=everybody, limit=limit)


async def closed_since(
    db: Database, member: str, since: datetime, *, everybody: bool, limit: int
) -> Sequence[Mapping[str, Any]]:  # fmt: skip
    """Handoffs of this member, or of all, that were decided since then, the newest first."""
    return await _rows(db, _CLOSED, member=member.lower(), since=since, everybody=everybody, limit=limit)


async def handoff(db: Database, id: UUID) -> Mapping[str, Any] | None:
    found = await _rows(db, _ONE, id=id)
    return found[0] if found else None


async def _rows(db: Database, statement: Any, **values: Any) -> Sequence[Mapping[str, Any]]:
    async with db.engine.connect() as connection:
        return [dict(row) for row in (await connection.execute(statement, values)).mappings()]

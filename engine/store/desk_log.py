"""Who did what at the desk: lists of people, exports, erasures, changes of roles. It holds ids, never a lead's data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Column, Index, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from engine.store.db import Database
from engine.store.tables import instant, metadata

desk_log = Table(
    "desk_log", metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", Uuid, comment="None: a command"),
    Column("who", Text, nullable=False, comment="the colleague's address as it was, or the command's author"),
    Column("action", Text, nullable=False, comment="engine.access.log.ACTIONS"),
    Column("subject", Text, nullable=False, comment="the id or the name of what it was done to"),
    Column("data", JSONB, nullable=False),
    instant("at", required=True),
    Index("desk_log_at", "at", "id"),
)  # fmt: skip

_ADD = text("""
INSERT INTO desk_log (id, user_id, who, action, subject, data, at)
VALUES (:id, :user, :who, :action, :subject, CAST(:data AS jsonb), :at)""")
_PAGE = text("""
SELECT id, who, action, subject, data, at FROM desk_log
WHERE (CAST(:action AS text) = '' OR action = :action)
    AND (CAST(:at AS timestamptz) IS NULL OR (at, id) < (CAST(:at AS timestamptz), CAST(:id AS uuid)))
ORDER BY at DESC, id DESC LIMIT :limit""")


async def add(
    db: Database, user: UUID | None, who: str, action: str, subject: str, data: str, at: datetime
) -> None:  # fmt: skip
    """Store one entry. `data`: JSON without anything about a lead but numbers and ids."""
    values = {"id": uuid4(), "user": user, "who": who, "action": action, "subject": subject, "data": data, "at": at}
    async with db.engine.begin() as connection:
        await connection.execute(_ADD, values)


async def page(
    db: Database, action: str = "", before: tuple[datetime, UUID] | None = None, limit: int = 50
) -> Sequence[Mapping[str, Any]]:
    """The newest entries, or those before one of them."""
    at, id = before or (None, None)
    async with db.engine.connect() as connection:
        values = {"action": action, "at": at, "id": id, "limit": limit}
        return [dict(row) for row in (await connection.execute(_PAGE, values)).mappings()]

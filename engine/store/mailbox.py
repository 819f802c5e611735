"""The built-in mailbox as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from engine.store.db import Database
from engine.store.tables import mailbox

_TO_LEAD = text("SELECT FROM messages WHERE id = :message AND kind IN ('marketing', 'transactional')")
_BECAME = text("""
SELECT v.type, v.at FROM messages m JOIN events v ON v.lead_id = m.lead_id
WHERE m.id = :message AND (v.message_id = m.id OR v.key = 'complained:' || CAST(m.id AS text)) ORDER BY v.seq""")


async def put(engine: AsyncEngine, row: Mapping[str, Any]) -> None:
    """Add an email; the same one a second time changes nothing."""
    async with engine.begin() as connection:
        await connection.execute(insert(mailbox).values(row).on_conflict_do_nothing(index_elements=["id"]))


async def page(db: Database, to: str, offset: int, many: int) -> tuple[Sequence[Any], int]:
    """`many` emails from `offset` on, newest first, and how many there are in all; `to`: of one address."""
    chosen = select(mailbox.c.id, mailbox.c.to, mailbox.c.sender, mailbox.c.subject, mailbox.c.at)
    count = select(func.count()).select_from(mailbox)
    if to:
        chosen, count = chosen.where(mailbox.c.to == to), count.where(mailbox.c.to == to)
    chosen = chosen.order_by(mailbox.c.at.desc(), mailbox.c.id).offset(offset).limit(many)
    async with db.engine.connect() as connection:
        emails = (await connection.execute(chosen)).all()
        total: int = (await connection.execute(count)).scalar_one()
    return emails, total


async def one(db: Database, id: UUID) -> Mapping[str, Any] | None:
    async with db.engine.connect() as connection:
        row = (await connection.execute(select(mailbox).where(mailbox.c.id == id))).mappings().first()
    return dict(row) if row is not None else None


async def what_became_of(db: Database, id: UUID) -> tuple[Sequence[Any], bool]:
    """Type and instant of the events about it, and whether it went to a lead."""
    async with db.engine.connect() as connection:
        events = (await connection.execute(_BECAME, {"message": id})).all()
        return events, (await connection.execute(_TO_LEAD, {"message": id})).first() is not None

"""What people have asked for about their own data, and whether the email that answers them has left."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import Column, Index, Table, Text, Uuid, text

from engine.store.db import Database
from engine.store.tables import instant, metadata

data_requests = Table(
    "data_requests", metadata,
    Column("id", Uuid, primary_key=True),
    Column("lead_id", Uuid, nullable=False),
    Column("state", Text, nullable=False, comment="asked | sending | sent | failed"),
    Column("email", Text, comment="the address that they want; none: their data"),
    instant("at", required=True),
    Index("data_requests_of_lead", "lead_id", "at"),
    Index("data_requests_asked", "at", postgresql_where=text("state = 'asked'")),
)  # fmt: skip

_ASK = text("""
INSERT INTO data_requests (id, lead_id, state, at) SELECT :id, l.id, 'asked', :now
FROM (SELECT id FROM leads WHERE id = :lead FOR NO KEY UPDATE) l
WHERE NOT EXISTS (SELECT FROM data_requests WHERE lead_id = :lead AND email IS NULL AND at > :since)""")
_ASK_ADDRESS = text("""
INSERT INTO data_requests (id, lead_id, state, email, at) SELECT :id, l.id, 'asked', :email, :now
FROM (SELECT id FROM leads WHERE id = :lead FOR NO KEY UPDATE) l
WHERE (SELECT count(*) FROM data_requests WHERE lead_id = :lead AND email IS NOT NULL AND at > :since) < :most
AND (SELECT count(*) FROM data_requests WHERE email IS NOT NULL AND at > :since
    AND replace(split_part(split_part(lower(email), '@', 1), '+', 1), '.', '') || '@'
        || split_part(lower(email), '@', 2) = :identity) < :most""")
_CLAIM = text("""
UPDATE data_requests SET state = 'sending' WHERE id IN (
    SELECT id FROM data_requests WHERE state = 'asked' ORDER BY at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, lead_id, email""")
_SETTLE = text("UPDATE data_requests SET state = :state WHERE id = :id")
_FORGET = text("DELETE FROM data_requests WHERE at < :before")


async def ask(db: Database, lead: UUID, now: datetime, since: datetime) -> bool:
    """Note a request, unless the lead has made one after `since`; whether it was noted."""
    async with db.engine.begin() as connection:
        done = await connection.execute(_ASK, {"id": uuid4(), "lead": lead, "now": now, "since": since})
    return done.rowcount == 1


async def ask_address(db: Database, lead: UUID, email: str, identity: str, now: datetime, most: int) -> bool:
    """Note that the lead wants to be written to at another address, unless they asked `most` times within a day, or
    anybody did for that mailbox. `identity`: the mailbox, without tag, dots, and capitals."""
    asked = {
        "id": uuid4(), "lead": lead, "email": email, "identity": identity, "now": now,
        "since": now - timedelta(days=1), "most": most,
    }  # fmt: skip
    async with db.engine.begin() as connection:
        done = await connection.execute(_ASK_ADDRESS, asked)
    return done.rowcount == 1


async def claim(db: Database) -> tuple[UUID, UUID, str | None] | None:
    """The oldest request that nobody has answered yet, its lead, and the address that they want instead of theirs, if
    it is about that; it is this caller's from now on."""
    async with db.engine.begin() as connection:
        row = (await connection.execute(_CLAIM)).first()
    return None if row is None else (row.id, row.lead_id, row.email)


async def settle(db: Database, request: UUID, state: str) -> None:
    async with db.engine.begin() as connection:
        await connection.execute(_SETTLE, {"id": request, "state": state})


async def forget(db: Database, before: datetime) -> None:
    async with db.engine.begin() as connection:
        await connection.execute(_FORGET, {"before": before})

"""What people have asked for about their own data, and whether the email that answers them has left."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Column, Index, Table, Text, Uuid, text

from engine.store.db import Database, Hot
from engine.store.tables import instant, metadata

data_requests = Table(
    "data_requests", metadata,
    Column("id", Uuid, primary_key=True),
    Column("lead_id", Uuid, nullable=False),
    Column("state", Text, nullable=False, comment="asked | sending | sent | failed"),
    Column("email", Text, comment="the address that they want; none: their data"),
    instant("at", required=True),
    Column("identity", Text, comment="of the mailbox that is written to, like those of confirmations"),
    Column("domain", Text),
    Column("network", Text, comment="of the client that asked"),
    Index("data_requests_of_lead", "lead_id", "at"),
    Index("data_requests_asked", "at", postgresql_where=text("state = 'asked'")),
    Index("data_requests_identity", "identity", "at"),
    Index("data_requests_domain", "domain", "at"),
    Index("data_requests_network", "network", "at"),
    Index("data_requests_at", "at"),
)  # fmt: skip

_MADE = """
SELECT count(*) FILTER (WHERE email IS NULL) AS data, count(*) FILTER (WHERE email IS NOT NULL) AS addresses,
    (SELECT count(*) FROM data_requests WHERE identity = %(identity)s AND email IS NOT NULL AND at > %(since)s)
        AS mailbox
FROM data_requests WHERE lead_id = %(lead)s AND at > %(since)s"""
_NOTE = """
INSERT INTO data_requests (id, lead_id, state, email, at, identity, domain, network)
VALUES (%(id)s, %(lead)s, 'asked', %(email)s, %(now)s, %(identity)s, %(domain)s, %(network)s)"""
_CLAIM = text("""
UPDATE data_requests SET state = 'sending' WHERE id IN (
    SELECT id FROM data_requests WHERE state = 'asked' ORDER BY at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, lead_id, email""")
_SETTLE = text("UPDATE data_requests SET state = :state WHERE id = :id")
_FORGET = text("DELETE FROM data_requests WHERE at < :before")


async def count_made(hot: Hot, lead: UUID, identity: str, since: datetime) -> Any:
    """What the lead has asked for since then: their `data`, other `addresses`; and how often anybody asked to be
    written to at that `mailbox`."""
    return await hot.one(_MADE, {"lead": lead, "identity": identity, "since": since})


async def note(hot: Hot, lead: UUID, email: str | None, now: datetime, keys: Mapping[str, str]) -> None:
    """Keep a request, for a worker to answer. `email`: the address that they want; None: their data. `keys`:
    `identity`, `domain` and `network`."""
    await hot.run(_NOTE, {**keys, "id": uuid4(), "lead": lead, "email": email, "now": now})


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

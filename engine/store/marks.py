"""Marks of leads and deals whose rows in the read tables are behind, added in the transaction that changes them.

A mark is a row of its own, so that adding one waits for nobody. Who brings the rows up to date reads the marks first,
and takes away those alone.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.store.db import Database, Hot
from engine.store.writes import Writes

_LEADS = "SELECT lead_id AS id FROM dirty WHERE lead_id IS NOT NULL GROUP BY lead_id ORDER BY min(id) LIMIT %(many)s"
_DEALS = "SELECT deal_id AS id FROM dirty WHERE deal_id IS NOT NULL GROUP BY deal_id ORDER BY min(id) LIMIT %(many)s"
_ALL_DEALS = text("INSERT INTO dirty (deal_id, at) SELECT id, :at FROM deals ORDER BY id")
DEALS_IN = """INSERT INTO dirty (deal_id, at)
    SELECT DISTINCT deal_id, %(at)s::timestamptz FROM deal_events WHERE currency = ANY(%(currencies)s)"""
_BEHIND = text("SELECT count(DISTINCT (lead_id, deal_id)) AS many, min(at) AS since FROM dirty")


def mark_lead(writes: Writes, lead: UUID, at: datetime) -> None:
    writes.insert("dirty", lead_id=lead, deal_id=None, at=at)


def mark_deal(writes: Writes, deal: str, at: datetime) -> None:
    writes.insert("dirty", lead_id=None, deal_id=deal, at=at)


async def mark_every_deal(connection: AsyncConnection, at: datetime) -> None:
    """For what changes them all: another currency or time zone of the workspace."""
    await connection.execute(_ALL_DEALS, {"at": at})


async def leads_behind(hot: Hot, many: int) -> list[UUID]:
    """At most so many marked leads, those first who have waited longest."""
    return [row.id for row in await hot.all(_LEADS, {"many": many})]


async def deals_behind(hot: Hot, many: int) -> list[str]:
    return [row.id for row in await hot.all(_DEALS, {"many": many})]


async def remove(hot: Hot, ids: list[int]) -> None:
    if ids:
        await hot.run("DELETE FROM dirty WHERE id = ANY(%(ids)s)", {"ids": ids})


async def behind(db: Database) -> tuple[int, datetime | None]:
    """How many leads and deals are behind, and since when the first of them is."""
    async with db.engine.connect() as connection:
        row: Any = (await connection.execute(_BEHIND)).one()
    return int(row.many), row.since

"""What the desk's page Operations reads beside the status: the read tables' lag, and the processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text

from engine.store.db import Database

_BEHIND = text("SELECT count(*) AS many, min(at) AS since FROM dirty")
_PROCESSES = text("""
SELECT role, build, schema_version, real_seen_at FROM processes WHERE real_seen_at > :since
ORDER BY role, real_seen_at DESC LIMIT 100""")

_TROUBLE = text("""
SELECT (SELECT count(*) FROM leads WHERE attention IS NOT NULL)
        + (SELECT count(*) FROM enrolments WHERE attention IS NOT NULL AND state <> 'ended')
        + (SELECT count(*) FROM handoffs WHERE attention IS NOT NULL) AS attention,
    (SELECT count(*) FROM gates WHERE real_closed_until > :real) AS gates""")


async def trouble(db: Database, real: datetime) -> Mapping[str, int]:
    """How many things need `attention`, and how many `gates` are closed."""
    async with db.engine.connect() as connection:
        return dict((await connection.execute(_TROUBLE, {"real": real})).mappings().one())


async def behind(db: Database) -> Mapping[str, Any]:
    """`many` leads and deals whose rows in the tables behind the reports are computed again, `since` the oldest."""
    async with db.engine.connect() as connection:
        return dict((await connection.execute(_BEHIND)).mappings().one())


async def processes(db: Database, since: datetime) -> Sequence[Mapping[str, Any]]:
    """Those that said something since then (real time)."""
    async with db.engine.connect() as connection:
        return [dict(row) for row in (await connection.execute(_PROCESSES, {"since": since})).mappings()]

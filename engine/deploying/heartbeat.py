"""Keeps a process among those that a deployment asks whether they can read it."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from dsl.plan import SCHEMA
from engine.runtime.runtime import Runtime

log = structlog.get_logger(__name__)

EVERY = 20.0
"""Seconds between two signs of life."""

_SEEN = text("""
INSERT INTO processes (id, role, build, schema_version, real_seen_at) VALUES (:id, :role, :build, :schema, :real)
ON CONFLICT (id) DO UPDATE SET real_seen_at = excluded.real_seen_at""")


async def keep_announcing(rt: Runtime, role: str) -> None:
    """Say until cancelled that this process is alive, and which plan schema it reads."""
    id = uuid4()
    while True:
        try:
            async with rt.db.engine.begin() as connection:
                values = {"id": id, "role": role, "build": rt.settings.build_id, "schema": SCHEMA}
                await connection.execute(_SEEN, {**values, "real": rt.clock.real()})
        except (SQLAlchemyError, OSError) as problem:
            log.warning("process.not_announced", kind=type(problem).__name__)
        await asyncio.sleep(EVERY)

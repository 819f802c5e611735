"""Who may read the views of `report_v1`, and what there is in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from psycopg import sql
from sqlalchemy import text

from engine.store.db import Database

SCHEMA = "report_v1"
_COLUMNS = text("""SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = :schema
    ORDER BY table_name, ordinal_position""")
_KNOWN = text("SELECT 1 FROM pg_roles WHERE rolname = :role")


class NoRole(ValueError):
    """PostgreSQL has no role of that name."""


async def columns(db: Database) -> Mapping[str, Sequence[str]]:
    """The columns of each view, in their order."""
    found: dict[str, list[str]] = {}
    async with db.engine.connect() as connection:
        for view, column in await connection.execute(_COLUMNS, {"schema": SCHEMA}):
            found.setdefault(view, []).append(column)
    return found


async def grant(db: Database, role: str) -> None:
    """Let a role of PostgreSQL read the views; it gets nothing else. Safe to repeat. Raises NoRole."""
    name = sql.Identifier(role).as_string(None)
    async with db.engine.begin() as connection:
        if (await connection.execute(_KNOWN, {"role": role})).first() is None:
            raise NoRole(role)
        await connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA {SCHEMA} TO {name}")
        await connection.exec_driver_sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA {SCHEMA} TO {name}")

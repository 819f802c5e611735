"""A database that was filled before a migration has every row afterwards, and every value of them."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import sql
from sqlalchemy import Connection, create_engine, text

from engine.embedded.postgres import PostgresServer, connect
from engine.store.migrate import migrate, revisions

CHANGED: dict[str, frozenset[str]] = {
    "0002": frozenset({"leads.active_at"}),
    "0016": frozenset({"visitors.first_touch"}),
}
"""Columns that a revision itself fills, or drops because nothing was ever in them, by the revision."""
GROWN: dict[str, frozenset[str]] = {"0020": frozenset({"dirty"})}
"""Tables that a revision itself adds rows to, by the revision."""
ROWS = 3
"""Rows that each table gets before each revision."""
VALUES = {
    "uuid": "('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid", "text": "'v' || n",
    "jsonb": "jsonb_build_object('n', n)", "bigint": "n", "integer": "n", "numeric": "n", "boolean": "n % 2 = 0",
    "bytea": "convert_to('b' || n, 'UTF8')", "date": "date '2026-01-01' + n::int",
    "timestamp with time zone": "timestamptz '2026-01-01 00:00+00' + n * interval '1 day'",
}  # fmt: skip
"""A value of each type for row `n`; rows of one number refer to each other."""


def tables(connection: Connection) -> dict[str, dict[str, str]]:
    """By table, its columns and their types, in an order in which each follows those it refers to. Without columns that
    PostgreSQL itself numbers."""
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in connection.execute(
        text("""SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            AND a.attidentity = ''
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> 'alembic_version'
        ORDER BY c.relname, a.attnum""")
    ):
        found.setdefault(table, {})[column] = kind
    owed = connection.execute(
        text("SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint WHERE contype = 'f'")
    ).all()
    before = {table: {other for one, other in owed if one == table} for table in found}
    order: list[str] = []
    while len(order) < len(found):
        order += [one for one in found if one not in order and before[one] <= set(order)]
    return {table: found[table] for table in order}


def fill(connection: Connection, first: int) -> None:
    for table, columns in tables(connection).items():
        names = ", ".join(f'"{name}"' for name in columns)
        values = ", ".join(value(kind) for kind in columns.values())
        series = f"generate_series({first}, {first + ROWS - 1}) n"
        connection.execute(text(f"INSERT INTO {table} ({names}) SELECT {values} FROM {series}".replace(":", r"\:")))


def value(kind: str) -> str:
    return f"ARRAY[{VALUES[kind.removesuffix('[]')]}]" if kind.endswith("[]") else VALUES[kind]


def content(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table."""
    return {
        table: list(connection.execute(text(f"SELECT to_jsonb(t) FROM {table} t")).scalars())
        for table in tables(connection)
    }


@pytest.fixture(scope="module")
def history(postgres: PostgresServer) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """By revision, what was in a database before it and after it."""
    name = "filled_before"
    with connect(postgres.socket, "postgres") as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    url = postgres.url(name)
    engine, seen = create_engine(url), {}
    first, *later = revisions()
    migrate(url, first)
    for number, revision in enumerate(later):
        with engine.begin() as connection:
            fill(connection, 1 + number * ROWS)
            before = content(connection)
        assert migrate(url, revision) == revision
        with engine.begin() as connection:
            seen[revision] = before, content(connection)
    engine.dispose()
    return seen


@pytest.mark.parametrize("revision", revisions()[1:])
def test_every_row_of_the_version_before_is_kept(
    history: dict[str, tuple[dict[str, Any], dict[str, Any]]], revision: str
) -> None:
    before, after = history[revision]
    assert before.keys() <= after.keys()
    for table, rows in before.items():
        assert len(rows) >= ROWS
        changed = {one.partition(".")[2] for one in CHANGED.get(revision, ()) if one.startswith(f"{table}.")}
        kept = [name for name in rows[0] if name not in changed]
        assert dict.fromkeys(kept).keys() <= after[table][0].keys(), f"{table} has lost a column"
        was, now = ([repr([row[name] for name in kept]) for row in found] for found in (rows, after[table]))
        if table in GROWN.get(revision, ()):
            now = [one for one in now if one in was]
        assert sorted(was) == sorted(now), table

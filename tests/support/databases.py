"""Migrated databases for tests: copies of one template, emptied and handed out again where only rows have changed."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from engine.embedded.postgres import PostgresServer, connect

TEMPLATE = "coldframe_template"
_numbers = itertools.count(1)

_TABLES = """SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
    AND relname <> 'alembic_version' ORDER BY relname"""
_SHAPE = """
SELECT md5(string_agg(format('%s %s %s %s %s %s %s', c.oid, c.relname, c.relnatts, c.relchecks, c.relhastriggers,
        c.reloptions, c.reltuples), ',' ORDER BY c.oid)),
    (SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace), (SELECT count(*) FROM pg_constraint),
    (SELECT count(*) FROM pg_attribute), (SELECT string_agg(version_num, ',') FROM alembic_version),
    (SELECT count(*) FROM pg_db_role_setting WHERE setdatabase <> 0)
FROM pg_class c WHERE relnamespace = 'public'::regnamespace"""
_WRITTEN = _TABLES.replace("ORDER BY", "AND pg_relation_size(oid) > 0 ORDER BY")
_OTHERS = """SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""


@dataclass
class Databases:
    """`rows`: what the template holds, by table, as JSON. `shape`: its tables, columns, settings, and statistics, in
    short. `spare`: emptied, and free."""

    server: PostgresServer
    rows: dict[str, str] = field(default_factory=dict)
    shape: object = None
    spare: list[str] = field(default_factory=list)

    def prepare(self) -> None:
        """Migrate the template, once."""
        from engine.store.migrate import migrate

        self._execute("CREATE DATABASE {}", TEMPLATE)
        migrate(self.server.url(TEMPLATE))
        with connect(self.server.socket, TEMPLATE) as connection:
            for (table,) in connection.execute(_TABLES).fetchall():
                rows = connection.execute(f"SELECT json_agg(t) FROM {table} t").fetchone()
                if rows and rows[0] is not None:
                    self.rows[str(table)] = json.dumps(rows[0])
            self.shape = connection.execute(_SHAPE).fetchone()

    def make(self) -> str:
        """The address of an empty, migrated database."""
        if self.spare:
            return self.spare.pop()
        name = f"test_{next(_numbers)}"
        # Its files are copied, which costs a tenth of writing its pages.
        self._execute("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy", name, TEMPLATE)
        return self.server.url(name)

    def give_back(self, url: str) -> None:
        """Empty it for the next test. Where more than rows has changed, drop it, before its files are written to a disk
        for nothing."""
        name = str(make_url(url).database)
        try:
            whole = self._emptied(name)
        except psycopg.Error:
            whole = False
        if whole:
            self.spare.append(url)
        else:
            self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def _emptied(self, name: str) -> bool:
        with connect(self.server.socket, name) as connection:
            connection.execute(_OTHERS)
            if connection.execute(_SHAPE).fetchone() != self.shape:
                return False
            written = [str(name) for (name,) in connection.execute(_WRITTEN).fetchall()]
            connection.execute(f"SET lock_timeout = '5s'; TRUNCATE {', '.join(written)} RESTART IDENTITY CASCADE")
            for table, rows in self.rows.items():
                connection.execute(
                    f"INSERT INTO {table} SELECT * FROM json_populate_recordset(NULL::{table}, %s)", [rows]
                )
        return True

    def _execute(self, statement: str, *names: str) -> None:
        with connect(self.server.socket, "postgres") as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

"""What tests rely on: a database that is handed out again is as empty and as whole as a new one."""

from __future__ import annotations

import psycopg

from engine.platform.settings import libpq_url
from tests.support.databases import Databases

SEED = "SELECT what FROM sweeps"


def done(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(libpq_url(url), autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def test_only_rows_are_taken_out_and_anything_else_ends_the_database(databases: Databases) -> None:
    for _ in range(5):  # the server may analyze a table at any moment, and then the database is another one
        url = databases.make()
        assert done(url, SEED) == [("events",)]
        first = done(url, "INSERT INTO dirty (at) VALUES (now()) RETURNING id")
        done(url, "DELETE FROM sweeps")
        databases.give_back(url)
        if (again := databases.make()) == url:
            break
        databases.give_back(again)
    assert again == url
    assert done(url, SEED) == [("events",)]
    assert done(url, "SELECT count(*) FROM dirty") == [(0,)]
    assert done(url, "INSERT INTO dirty (at) VALUES (now()) RETURNING id") == first
    for change in (
        "ALTER TABLE leads ADD COLUMN more text", "CREATE INDEX more ON leads (seq)", "ANALYZE leads",
        "ALTER TABLE leads SET (fillfactor = 50)", "UPDATE alembic_version SET version_num = 'other'",
        "CREATE FUNCTION more() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ):  # fmt: skip
        done(url, "INSERT INTO links (id, url) VALUES ('a', 'https://acme.example')")
        done(url, change)
        databases.give_back(url)
        before, url = url, databases.make()
        assert url != before, change
        assert done(url, "SELECT count(*) FROM links") == [(0,)]
    databases.give_back(url)

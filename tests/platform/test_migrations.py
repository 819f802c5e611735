"""The migrations and the metadata describe the same schema, and every migration can be undone."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from psycopg import sql
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import IntegrityError, OperationalError

from engine.embedded.postgres import PostgresServer, connect
from engine.store.migrate import OLDEST, TooOld, current_revision, downgrade, migrate, newest_revision, refuse_too_old
from engine.store.schema import metadata


@pytest.fixture
def empty_database(postgres: PostgresServer, request: pytest.FixtureRequest) -> str:
    name = f"empty_{request.node.name}"
    with connect(postgres.socket, "postgres") as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return postgres.url(name)


def described(_: object, name: str | None, kind: str, *__: object) -> bool:
    """All but the index of the desk's search, which is there where the server has pg_trgm."""
    return (kind, name) != ("index", "leads_search")


def test_migrations_make_exactly_the_schema_of_the_metadata(fresh_database_url: str) -> None:
    with create_engine(fresh_database_url).connect() as connection:
        told = {"compare_type": True, "compare_server_default": True, "include_object": described}
        context = MigrationContext.configure(connection, opts=told)
        differences = compare_metadata(context, metadata)
    assert differences == [], "engine/store/tables.py and engine/store/migrations disagree"


def test_downgrade_leaves_nothing_and_upgrade_comes_back(fresh_database_url: str) -> None:
    engine = create_engine(fresh_database_url)
    assert current_revision(fresh_database_url) == newest_revision()
    downgrade(fresh_database_url)
    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
    assert current_revision(fresh_database_url) is None
    assert migrate(fresh_database_url) == newest_revision()
    assert set(inspect(engine).get_table_names()) == {*metadata.tables, "alembic_version"}


def test_several_processes_may_migrate_at_once(empty_database: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        revisions = list(pool.map(lambda _: migrate(empty_database), range(4)))
    assert revisions == [newest_revision()] * 4


def test_rewritten_rows_keep_room_on_their_page(fresh_database_url: str) -> None:
    with create_engine(fresh_database_url).connect() as connection:
        rows = connection.execute(text("SELECT relname, reloptions FROM pg_class WHERE reloptions IS NOT NULL"))
        found = {
            name: kept
            for name, options in rows
            if name in metadata.tables and (kept := [one for one in options if not one.startswith("autovacuum_")])
        }
    assert found == {"leads": ["fillfactor=80"], "enrolments": ["fillfactor=80"]}


def test_large_tables_are_looked_after_before_a_fifth_of_them_has_changed(fresh_database_url: str) -> None:
    """PostgreSQL waits for a fifth of a table; of 20 million events that would be four million."""
    with create_engine(fresh_database_url).connect() as connection:
        rows = connection.execute(text("SELECT relname, reloptions FROM pg_class WHERE relkind = 'r'"))
        told = {name: dict(one.split("=") for one in options or ()) for name, options in rows}
    for table in ("events", "points", "mail_hits", "touches", "messages", "enrolments", "leads", "sessions"):
        assert float(told[table]["autovacuum_vacuum_scale_factor"]) <= 0.02, table
        assert float(told[table]["autovacuum_analyze_scale_factor"]) <= 0.02, table
    for table in ("outbox", "waits", "lead_clock", "dirty"):
        assert told[table]["autovacuum_vacuum_scale_factor"] == "0", table


def test_one_live_enrolment_per_campaign_and_lead(fresh_database_url: str) -> None:
    index = next(i for i in metadata.tables["enrolments"].indexes if i.name == "enrolments_live")
    with create_engine(fresh_database_url).connect() as connection:
        definition = connection.execute(
            text("SELECT indexdef FROM pg_indexes WHERE indexname = :name"), {"name": index.name}
        ).scalar_one()
    assert "UNIQUE" in definition
    assert "WHERE (state <> 'ended'::text)" in definition


def test_an_unreachable_database_is_an_operational_error(postgres: PostgresServer) -> None:
    with pytest.raises(OperationalError):
        migrate(postgres.url("there_is_no_such_database"))


def test_databases_of_two_tests_are_apart(new_database: Callable[[], str]) -> None:
    first, second = create_engine(new_database()), create_engine(new_database())
    with first.begin() as connection:
        connection.execute(text("INSERT INTO links (id, url) VALUES ('a', 'https://acme.example')"))
        with pytest.raises(IntegrityError), connection.begin_nested():
            connection.execute(text("INSERT INTO links (id, url) VALUES ('a', 'https://acme.example')"))
    with second.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM links")).scalar_one() == 0


@pytest.mark.parametrize(("version", "major"), [("140021", 14), ("90624", 9), ("110000", 11)])
def test_a_server_that_is_too_old_is_refused_with_the_number_it_needs(version: str, major: int) -> None:
    with pytest.raises(TooOld, match=f"PostgreSQL {major}, and Coldframe needs PostgreSQL {OLDEST} or newer"):
        refuse_too_old(version)


@pytest.mark.parametrize("version", ["150000", "150017", "180001"])
def test_a_server_that_is_new_enough_is_taken(version: str) -> None:
    refuse_too_old(version)

"""The hot path's conversation with PostgreSQL: values, rows, errors and what is left of a broken transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb
from sqlalchemy import text

from engine.store.db import Database, Overtaken
from engine.store.writes import Writes

AT = datetime(2026, 9, 1, 7, 30, 15, 123456, tzinfo=UTC)


@pytest.fixture
async def db(new_database) -> AsyncIterator[Database]:
    opened = Database(new_database(), size=2)
    yield opened
    await opened.close()


async def test_values_come_back_as_they_went(db: Database):
    async with db.hot() as hot:
        row = await hot.one(
            """SELECT %(id)s::uuid AS id, %(at)s::timestamptz AS at, %(yes)s::bool AS yes, %(none)s::text AS none,
            %(many)s::bigint AS many, %(words)s::text[] AS words, %(data)s::jsonb AS data,
            %(id)s::uuid AS again, '5%%' AS p""",
            {
                "id": UUID(int=7), "at": AT, "yes": True, "none": None, "many": 2**40, "data": Jsonb({"ä": [1, None]}),
                "words": ['a "b"', "c\\d", "{e,f}", None, "", "ü"],
            },
        )  # fmt: skip
    assert row == (
        UUID(int=7), AT, True, None, 2**40, ['a "b"', "c\\d", "{e,f}", None, "", "ü"], {"ä": [1, None]},
        UUID(int=7), "5%",
    )  # fmt: skip
    assert row.words[0] == 'a "b"'


async def test_no_rows_is_none_and_two_statements_share_a_round_trip(db: Database):
    async with db.hot() as hot:
        assert await hot.one("SELECT 1 AS n WHERE %(no)s::bool", {"no": False}) is None
        first, second = await hot.both("SELECT %(a)s::int AS a", {"a": 1}, "SELECT %(b)s::int AS b", {"b": 2})
        assert (first.a, second.b) == (1, 2)
        assert [row.n for row in await hot.all("SELECT generate_series(1, %s::int) AS n", [3])] == [1, 2, 3]


async def test_only_what_was_committed_stays(db: Database):
    async with db.hot() as hot:
        await hot.run("INSERT INTO teams (name, turn) VALUES (%s, 1)", ["kept"])
        await hot.commit()
        await hot.run("INSERT INTO teams (name, turn) VALUES (%s, 1)", ["dropped"])
    async with db.hot() as hot:
        assert [row.name for row in await hot.all("SELECT name FROM teams", {})] == ["kept"]


async def test_an_error_ends_the_transaction_and_the_connection_stays_usable(db: Database):
    async def twice() -> None:
        async with db.hot() as hot:
            for _ in range(2):
                await hot.run("INSERT INTO teams (name, turn) VALUES (%s, 1)", ["twice"])
            await hot.commit()

    async def nowhere() -> None:
        async with db.hot() as hot:
            await hot.one("SELECT * FROM nowhere", {})

    async def left() -> None:
        async with db.hot() as hot:
            await hot.run("INSERT INTO teams (name, turn) VALUES (%s, 1)", ["left"])
            raise RuntimeError

    for _ in range(5):
        for work, error in (
            (twice, psycopg.errors.UniqueViolation), (nowhere, psycopg.errors.UndefinedTable), (left, RuntimeError)
        ):  # fmt: skip
            with pytest.raises(error):
                await work()
    async with db.hot() as hot:
        assert await hot.all("SELECT * FROM teams", {}) == []


async def test_a_guard_that_hits_nothing_undoes_everything(db: Database):
    async with db.hot() as hot:
        await hot.run("INSERT INTO teams (name, turn) VALUES ('a', 1)", {})
        await hot.commit()
    for turn, others in ((1, 2), (1, 2), (2, 3)):
        writes = Writes()
        writes.insert("links", id=str(others), url="https://x.example")
        writes.guarded("teams", {"name": "a", "turn": turn}, turn=others)
        try:
            async with db.hot() as hot:
                await writes.flush(hot)
                await hot.commit()
        except Overtaken:
            assert (turn, others) == (1, 2)
    async with db.hot() as hot:
        assert [row.turn for row in await hot.all("SELECT turn FROM teams", {})] == [3]


async def test_a_cancelled_conversation_gives_its_connection_up(db: Database):
    async def sleeper() -> None:
        async with db.hot() as hot:
            await hot.one("SELECT pg_sleep(%s)", [60])

    for _ in range(4):
        task = asyncio.create_task(sleeper())
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    async with db.hot() as hot:
        assert (await hot.one("SELECT 1 AS n", {})).n == 1


async def test_many_at_once_share_the_pool(db: Database):
    async def one(number: int) -> int:
        async with db.hot() as hot:
            return (await hot.one("SELECT %s::int AS n", [number])).n

    assert await asyncio.gather(*(one(number) for number in range(50))) == list(range(50))


async def test_connections_that_the_server_closed_are_replaced_before_they_are_used(db: Database):
    async def both() -> None:
        async with db.hot() as hot, db.hot() as other, db.engine.connect() as cold:
            assert (await hot.one("SELECT 1 AS n", {})).n == (await other.one("SELECT 1 AS n", {})).n == 1
            assert (await cold.execute(text("SELECT 1"))).scalar_one() == 1

    await both()
    async with db.engine.connect() as judge:
        kill = text(
            """SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()"""
        )
        assert [one for (one,) in await judge.execute(kill)] == [True, True]
        await judge.invalidate()
    await both()
    await db.answers()

"""A lead is found or made under its lock: once, however many come at the same time, and without writing a known one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from engine.store import leads
from engine.store.db import Database, Hot
from engine.store.leads import Locked, Look

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
ANN = "ann@acme.example"


@pytest.fixture
async def db(fresh_database_url: str) -> AsyncIterator[Database]:
    opened = Database(fresh_database_url, size=4)
    yield opened
    await opened.close()


async def take(hot: Hot, look: Look | None = None) -> Locked:
    return await leads.lock_or_create(
        hot, id=uuid4(), email=ANN, key=ANN, hash="0" * 64, stage="Visitor", now=NOW, look=look
    )


async def waits_for_a_lock(db: Database) -> bool:
    async with db.engine.connect() as connection:
        return bool((await connection.exec_driver_sql(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )).scalar())  # fmt: skip


@pytest.mark.parametrize("look", [None, Look(keys=("key:1",))])
@pytest.mark.parametrize("made", [True, False])
async def test_two_at_once_are_one_lead(db: Database, look: Look | None, made: bool) -> None:
    """The second waits for the first, and makes the lead itself if the first gives up."""

    async def second() -> Locked:
        async with db.hot() as hot:
            found = await take(hot, look)
            await hot.commit()
            return found

    async with db.hot() as hot:
        first = await take(hot, look)
        assert first.row.created
        assert (first.lead.epoch, first.lead.seq) == (0, 0)
        waiting = asyncio.create_task(second())
        while not await waits_for_a_lock(db):  # noqa: ASYNC110 - PostgreSQL has no event for it
            await asyncio.sleep(0.02)
        if made:
            await hot.commit()
    found = await waiting
    assert found.row.created is not made
    assert (found.lead.id == first.lead.id) is made
    assert found.around is None or (not made and found.around[0] == look)


async def test_a_known_lead_is_locked_and_not_written(db: Database) -> None:
    places = []
    for _ in range(2):
        async with db.hot() as hot:
            found = await take(hot)
            places.append((found.row.created, (await hot.one("SELECT ctid::text AS place FROM leads", {})).place))
            await hot.commit()
    assert places == [(True, "(0,1)"), (False, "(0,1)")]


async def test_reading_one_thing_takes_one_round_trip_and_leaves_the_connection_as_it_was(db: Database) -> None:
    for _ in range(2):
        async with db.hot() as hot:
            assert (await hot.last("SELECT %(one)s::int + 1 AS two", {"one": 1})).two == 2
    with pytest.raises(Exception, match="division by zero"):
        async with db.hot() as hot:
            await hot.last("SELECT 1 / %(none)s::int AS one", {"none": 0})
    async with db.hot() as hot:
        assert (await hot.one("SELECT 1 AS one", {})).one == 1

"""The sweeper under attack: trouble with a lead, several workers at once, a deployment in between, many leads."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text

from dsl.plan import Absence, Dated, Duration, FieldRef, Known, Pattern, Reentry, Segment, Start
from engine.deploying import jobs, pauses
from engine.leads import lead_clocks
from engine.leads.external_changes import tell
from engine.runtime import transaction
from engine.store import clocks
from tests.support.attacks import second
from tests.support.invariants import broken
from tests.support.programs import ANN, START, campaign, deploy_program, events, happen, open_program, runs, sweep
from tests.support.stage import Stage

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
BIRTHDAY = Pattern(type="date.due", dated=Dated(field="birthday", yearly=True))
MANY = 150
SEVERAL = 500


async def a_second_with_trouble(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweeper looks while nobody's past can be read."""

    async def down(*_: Any, **__: Any) -> Any:
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr(transaction, "open_ledger", down)
        assert await lead_clocks.ring_clocks(stage.rt) == 1
        assert await lead_clocks.ring_clocks(stage.rt) == 0, "it is left alone for a while"


async def test_trouble_at_the_instant_of_a_birthday_does_not_cost_the_birthday(
    fresh_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_program(fresh_database_url, campaign("Birthday", BIRTHDAY)) as stage:
        await tell(stage.rt, ANN, {"birthday": "1990-09-02"})
        stage.clock.advance(DAY + 3 * HOUR)
        await a_second_with_trouble(stage, monkeypatch)
        stage.clock.advance(11 * MINUTE)
        await sweep(stage)
        assert len(await events(stage, "date.due")) == 1
        assert await runs(stage) == ["Birthday"]


async def test_trouble_at_the_end_of_an_absence_does_not_make_it_longer(
    fresh_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = Absence(type="order.placed", within=Duration(minutes=120))
    cart = Pattern(type="cart.updated", absent=absent)
    async with open_program(fresh_database_url, campaign("Cart", cart)) as stage:
        await happen(stage, "cart.updated", "")
        stage.clock.advance(2 * HOUR + MINUTE)
        await a_second_with_trouble(stage, monkeypatch)
        stage.clock.advance(5 * MINUTE)
        await happen(stage, "order.placed", "")
        stage.clock.advance(11 * MINUTE)
        await sweep(stage)
        assert await runs(stage) == ["Cart"], "the order came too late"


async def test_three_workers_sweeping_at_once_make_one_event_of_each_occurrence(fresh_database_url: str) -> None:
    async with open_program(fresh_database_url, campaign("Birthday", BIRTHDAY)) as stage:
        for n in range(MANY):
            await tell(stage.rt, f"lead{n}@lead.example", {"birthday": "1990-09-02"})
        stage.clock.advance(DAY + 3 * HOUR)
        async with second(stage) as other, second(stage) as third:
            await asyncio.gather(*(lead_clocks.ring_all(rt) for rt in (stage.rt, other, third)))
            await asyncio.gather(*(rt.delivery.settle() for rt in (stage.rt, other, third)))
        assert len(await events(stage, "date.due")) == MANY
        assert await lead_clocks.ring_clocks(stage.rt) == 0, "full batches follow one another without a pause"
        await stage.settle()
        assert await runs(stage) == ["Birthday"] * MANY
        assert broken(str(stage.rt.settings.database_url)) == []


async def test_a_deployment_while_a_schedule_fires_takes_nobody_twice_and_forgets_nobody(
    fresh_database_url: str,
) -> None:
    monday = Start(pattern=Pattern(type="date.due", dated=Dated(every="week", weekday=0)), source="c:1")
    before, after = campaign("Weekly", monday, reentry=Reentry(kind="always")), campaign("Other", START)
    async with open_program(fresh_database_url, before) as stage:
        for n in range(60):
            await tell(stage.rt, f"lead{n}@lead.example", {})
        await sweep(stage)
        stage.clock.advance(6 * DAY + 3 * HOUR)
        await asyncio.gather(lead_clocks.ring_all(stage.rt), deploy_program(stage, before, after))
        await sweep(stage)
        assert len(await events(stage, "date.due")) == 60
        assert await runs(stage) == ["Weekly"] * 60


async def test_midnight_of_all_leads_is_read_a_hundred_rows_at_a_time(fresh_database_url: str) -> None:
    async with open_program(fresh_database_url, campaign("Old", START)) as stage:
        async with stage.rt.db.engine.begin() as connection:
            values = {"many": 20_000, "at": stage.clock.now()}
            await connection.execute(_LEADS, values)
            await connection.execute(_CLOCKS, values)
        async with stage.rt.db.engine.connect() as connection:
            await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(text("ANALYZE"))
        async with stage.rt.db.engine.connect() as connection:
            for query, values in (
                (clocks._DUE, {"now": stage.clock.now(), "many": 100}),
                (clocks._BEHIND, {"epoch": 2, "many": 100}),
            ):
                explained = text(f"EXPLAIN (ANALYZE, FORMAT JSON) {query.text}")
                [plan] = (await connection.execute(explained, values)).scalar_one()
                assert max(rows_read(plan["Plan"])) <= 100


def rows_read(node: dict[str, Any]) -> list[float]:
    """By each node of a plan, all its rounds together."""
    own = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
    return [own, *(rows for below in node.get("Plans", ()) for rows in rows_read(below))]


async def test_a_resumed_campaign_is_told_without_a_pause_between_batches(
    fresh_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_program(fresh_database_url, campaign("C", START)) as stage:
        for n in range(7):
            await happen(stage, "custom", "start", email=f"lead{n}@lead.example")
        await pauses.pause(stage.rt.db, stage.clock, "C", "ada")
        stage.clock.advance(HOUR)
        await pauses.resume(stage.rt.db, stage.clock, "C", "ada")
        monkeypatch.setattr(jobs, "carry", partial(jobs.carry, many=3))
        assert await jobs.sweep(stage.rt) >= 1
        assert await jobs.unfinished(stage.rt.db) == []


async def test_many_present_members_enter_in_batches(fresh_database_url: str) -> None:
    known = Segment(name="Known", condition=Known(operand=FieldRef(name="company")), source="s:1")
    entered = Start(pattern=Pattern(type="segment.joined", name="Known"), present=True, source="c:1")
    async with open_program(fresh_database_url, campaign("Old", START)) as stage:
        async with stage.rt.db.engine.begin() as connection:
            await connection.execute(_LEADS, {"many": SEVERAL, "at": stage.clock.now()})
        await deploy_program(stage, campaign("All", entered), segments=(known,))
        stage.runs.down = True
        assert await lead_clocks.ring_clocks(stage.rt) == lead_clocks.MANY
        await lead_clocks.ring_all(stage.rt)
        assert len(await runs(stage)) == SEVERAL
        assert len(await stage.rows("SELECT 1 FROM outbox")) == SEVERAL
        stage.runs.down = False
        stage.clock.advance(MINUTE)
        assert await stage.rt.delivery.sweep() == 100


async def test_a_list_joined_by_many_at_once_is_joined_once(fresh_database_url: str) -> None:
    joined = Pattern(type="list.joined", name="Readers")
    async with open_program(fresh_database_url, campaign("C", joined, reentry=Reentry(kind="always"))) as stage:
        async with second(stage) as other:
            await asyncio.gather(*(tell(rt, ANN, {}, ["Readers"]) for rt in (stage.rt, other) for _ in range(10)))
            await other.delivery.settle()
        await stage.settle()
        assert (len(await events(stage, "list.joined")), await runs(stage)) == (1, ["C"])


async def test_a_clock_that_goes_back_neither_repeats_nor_loses_a_date(fresh_database_url: str) -> None:
    async with open_program(fresh_database_url, campaign("B", BIRTHDAY, reentry=Reentry(kind="always"))) as stage:
        await tell(stage.rt, ANN, {"birthday": "1990-09-02"})
        stage.clock.advance(DAY + 3 * HOUR)
        await sweep(stage)
        stage.clock.advance(-2 * DAY)
        await tell(stage.rt, ANN, {"timezone": "Asia/Tokyo"})
        stage.clock.advance(3 * DAY)
        await sweep(stage)
        assert len(await events(stage, "date.due")) == 1
        stage.clock.advance(365 * DAY)
        await sweep(stage)
        assert len(await events(stage, "date.due")) == 2
        log = await stage.rows("SELECT at FROM events ORDER BY seq")
        assert [one.at for one in log] == sorted(one.at for one in log)


_CLOCKS = text("INSERT INTO lead_clock (lead_id, what, due_at) SELECT id, 'daily', :at FROM leads LIMIT :many")
_LEADS = text("""
INSERT INTO leads (id, email, email_key, seq, fields, scores, rated, stage, topics, created_at, last_at, epoch)
SELECT gen_random_uuid(), 'm' || n || '@x.example', 'm' || n || '@x.example', 0, '{"company": "A"}', '{}', '{}', '',
    '{}', :at, :at, 1 FROM generate_series(1, :many) n""")

"""Deals by the event API: the CRM's id is the identity, several leads, any order, every fact once."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import func, insert, select

from engine.platform.clock import FixedClock
from engine.runtime.runtime import Runtime
from engine.store.money import deal_events, deals, rates
from engine.store.tables import api_keys

KEY = {"authorization": "Bearer cf_deals"}
Stored = Callable[[str], Awaitable[Any]]
Log = Callable[[UUID], Awaitable[list[Any]]]


@pytest_asyncio.fixture(scope="module", autouse=True)
async def key(rt: Runtime, clock: FixedClock) -> None:
    digest = hashlib.sha256(b"cf_deals").hexdigest()
    async with rt.db.engine.begin() as connection:
        await connection.execute(
            insert(api_keys).values(hash=digest, name="deals", created_at=clock.now(), revoked_at=None)
        )


async def say(http: httpx.AsyncClient, type: str, id: str, email: str | list[str], **more: Any) -> Any:
    outside = {name: more.pop(name) for name in ("at", "key", "name") if name in more}
    who = {"emails": email} if isinstance(email, list) else {"email": email}
    body = {"type": f"deal.{type}", **who, "data": {"id": id, **more}, **outside}
    return (await http.post("/api/events", json=body, headers=KEY)).json()


async def row_of(rt: Runtime, id: str) -> Any:
    async with rt.db.engine.connect() as connection:
        return (await connection.execute(select(deals).where(deals.c.id == id))).first()


async def facts(rt: Runtime, id: str) -> int:
    async with rt.db.engine.connect() as connection:
        found = select(func.count()).select_from(deal_events).where(deal_events.c.deal_id == id)
        return int((await connection.execute(found)).scalar_one())


async def test_a_deal_from_opening_to_refund(http: httpx.AsyncClient, rt: Runtime, stored: Stored, log: Log) -> None:
    ada = "ada.deal@firm.example"
    for type, more in (
        ("opened", {"amount": "1200.50", "currency": "usd", "pipeline": "Main", "pipeline_stage": "New"}),
        ("moved", {"pipeline_stage": "Offer"}),
        ("changed", {"amount": 1300, "closes_on": "2026-12-24", "owner": "eva@acme.example"}),
        ("won", {}),
        ("refunded", {"amount": "100.25"}),
    ):
        assert await say(http, type, "D-1", ada, **more) == {"state": "recorded"}, type
    row = await row_of(rt, "D-1")
    assert (row.status, row.stage, row.amount, row.currency, row.refunded) == ("won", "Offer", 130_000, "USD", 10_025)
    assert (row.pipeline, row.owner, row.closes_on) == ("Main", "eva@acme.example", date(2026, 12, 24))
    lead = await stored(ada)
    assert row.leads == [lead.id]
    logged = await log(lead.id)
    assert [one.type for one in logged if one.type.startswith("deal.")] == [
        "deal.opened", "deal.moved", "deal.changed", "deal.won", "deal.refunded",
    ]  # fmt: skip
    assert logged[0].data["amount"] == 1200.5
    assert logged[0].data["currency"] == "USD"


async def test_won_twice_is_won_once(http: httpx.AsyncClient, rt: Runtime, stored: Stored, log: Log) -> None:
    bob = "bob.deal@firm.example"
    states = [
        await say(http, "won", "D-2", bob, amount=500),
        await say(http, "won", "D-2", bob, amount=500),
        await say(http, "won", "D-2", bob, amount=500, key="k", at="2026-09-01T06:59:00+00:00"),
        await say(http, "won", "D-2", bob, amount=700, at="2026-09-01T07:00:00+00:00"),
        await say(http, "won", "D-2", bob, amount=700, at="2026-09-01T07:00:00+00:00"),
    ]
    assert [one["state"] for one in states][:2] == ["recorded", "repeated"]
    assert states[-1]["state"] == "repeated"
    types = [one.type for one in await log((await stored(bob)).id)]
    assert types.count("deal.won") == 1
    row = await row_of(rt, "D-2")
    assert (row.status, row.rate) == ("won", Decimal(1))


async def test_out_of_order_the_state_is_that_of_the_latest_instant(http: httpx.AsyncClient, rt: Runtime) -> None:
    eve, day = "eve.deal@firm.example", "2026-08-{:02d}T10:00:00+02:00"
    await say(http, "won", "D-3", eve, amount="90", at=day.format(20))
    await say(http, "opened", "D-3", eve, amount="50", pipeline_stage="New", at=day.format(1))
    await say(http, "moved", "D-3", eve, pipeline_stage="Offer", at=day.format(9))
    row = await row_of(rt, "D-3")
    assert (row.status, row.amount, row.stage, row.opened_at) == (
        "won",
        9000,
        "Offer",
        datetime(2026, 8, 1, 8, tzinfo=UTC),
    )
    assert row.closed_at == datetime(2026, 8, 20, 8, tzinfo=UTC)


async def test_every_lead_of_the_deal_gets_the_event(
    http: httpx.AsyncClient, rt: Runtime, stored: Stored, log: Log
) -> None:
    both = ["one.deal@firm.example", "two.deal@firm.example"]
    assert await say(http, "opened", "D-4", both, amount=10) == {"state": "recorded"}
    assert await say(http, "opened", "D-4", both, amount=10) == {"state": "repeated"}
    assert await say(http, "won", "D-4", both[0], key="D-4 won") == {"state": "recorded"}
    assert await say(http, "won", "D-4", both[0], key="D-4 won") == {"state": "repeated"}
    ids = [(await stored(one)).id for one in both]
    assert sorted((await row_of(rt, "D-4")).leads) == sorted(ids)
    for id in ids:
        assert [one.type for one in await log(id)] == ["deal.opened", "deal.won"]
    await say(http, "changed", "D-4", [both[1]], amount=12)
    assert (await row_of(rt, "D-4")).leads == [ids[1]]
    assert len(await log(ids[0])) == 2


async def test_the_same_report_at_once_is_booked_once(
    http: httpx.AsyncClient, rt: Runtime, stored: Stored, log: Log
) -> None:
    both = ["race.a@firm.example", "race.b@firm.example"]
    await asyncio.gather(
        *(say(http, "won", "D-5", order, amount="7.50", key="w") for order in (both, both[::-1], both, both[::-1]))
    )
    assert await facts(rt, "D-5") == 1
    for one in both:
        assert [event.type for event in await log((await stored(one)).id)] == ["deal.won"]


@pytest.mark.parametrize(
    ("data", "member"),
    [
        ({"amount": 5}, "data.id"),
        ({"id": ""}, "data.id"),
        ({"id": "X", "amount": "12.345"}, "data.amount"),
        ({"id": "X", "amount": 12.345}, "data.amount"),
        ({"id": "X", "amount": "1.5", "currency": "JPY"}, "data.amount"),
        ({"id": "X", "amount": -1}, "data.amount"),
        ({"id": "X", "amount": True}, "data.amount"),
        ({"id": "X", "amount": "1,50"}, "data.amount"),
        ({"id": "X", "amount": 5, "currency": "EURO"}, "data.currency"),
        ({"id": "X", "closes_on": "soon"}, "data.closes_on"),
    ],
)
async def test_what_is_refused_leaves_nothing(
    http: httpx.AsyncClient, rt: Runtime, stored: Stored, data: dict[str, Any], member: str
) -> None:
    body = {"type": "deal.won", "email": "nobody.deal@firm.example", "data": data}
    answer = (await http.post("/api/events", json=body, headers=KEY)).json()
    assert (answer["state"], list(answer["errors"])) == ("refused", [member])
    assert await row_of(rt, "X") is None
    assert await stored("nobody.deal@firm.example") is None


async def test_amounts_are_read_as_they_are_written(http: httpx.AsyncClient, rt: Runtime) -> None:
    text = '{"type": "deal.won", "email": "big.deal@firm.example", "data": {"id": "D-6", "amount": 9007199254740.93}}'
    headers = {**KEY, "content-type": "application/json"}
    answer = await http.post("/api/events", content=text, headers=headers)
    assert answer.json() == {"state": "recorded"}
    assert (await row_of(rt, "D-6")).amount == 900_719_925_474_093
    text = text.replace("D-6", "D-7").replace("9007199254740.93", "0.10000000000000000001")
    assert (await http.post("/api/events", content=text, headers=headers)).json()["state"] == "refused"


@pytest.mark.parametrize(
    "who", [{}, {"emails": []}, {"emails": "a@firm.example"}, {"emails": ["no address"]},
            {"visitor": "5b0c0e3e-7d3e-4c55-9d1b-2f6f0f1f8a77"}, {"email": "a@b.example", "emails": ["a@b.example"]}],
)  # fmt: skip
async def test_a_deal_names_its_leads(http: httpx.AsyncClient, who: dict[str, Any]) -> None:
    answer = await http.post("/api/events", json={"type": "deal.won", **who, "data": {"id": "Y"}}, headers=KEY)
    assert answer.json()["state"] == "refused"


async def test_the_rate_is_that_of_the_day_it_was_won(http: httpx.AsyncClient, rt: Runtime, clock: FixedClock) -> None:
    async with rt.db.engine.begin() as connection:
        for day, rate in ((date(2026, 8, 1), "1.25"), (date(2026, 8, 21), "1.5")):
            await connection.execute(
                insert(rates).values(currency="GBP", day=day, rate=Decimal(rate), origin="test", at=clock.now())
            )
    # 22:30 UTC on the 20th is the 21st in the workspace's zone, which is Berlin.
    for id, at in (
        ("G-1", "2026-08-20T21:30:00+00:00"),
        ("G-2", "2026-08-20T22:30:00+00:00"),
        ("G-0", "2026-07-01T00:00:00Z"),
    ):
        await say(http, "won", id, "gbp.deal@firm.example", amount=10, currency="GBP", at=at)
    assert [(await row_of(rt, id)).rate for id in ("G-1", "G-2", "G-0")] == [Decimal("1.25"), Decimal("1.5"), None]

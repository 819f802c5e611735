"""Spend and rates by the API: one value per day and source, the later one counts, the old one stays in the log."""

from __future__ import annotations

import hashlib
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import insert, select

from engine.platform.clock import FixedClock
from engine.runtime.runtime import Runtime
from engine.store.measured import sources
from engine.store.money import deals, money_log, rates, spend
from engine.store.tables import api_keys

KEY = {"authorization": "Bearer cf_costs"}
ONE = {"day": "2026-09-01", "source": "google", "medium": "cpc", "campaign": "Pumps", "amount": "12.50", "clicks": 3}


@pytest_asyncio.fixture(scope="module", autouse=True)
async def key(rt: Runtime, clock: FixedClock) -> None:
    digest = hashlib.sha256(b"cf_costs").hexdigest()
    async with rt.db.engine.begin() as connection:
        await connection.execute(
            insert(api_keys).values(hash=digest, name="costs", created_at=clock.now(), revoked_at=None)
        )


async def post(http: httpx.AsyncClient, path: str, body: Any) -> Any:
    return (await http.post(f"/api/{path}", json=body, headers=KEY)).json()


async def rows(rt: Runtime, table: Any, **where: Any) -> list[Any]:
    async with rt.db.engine.connect() as connection:
        found = select(table).where(*(table.c[name] == value for name, value in where.items()))
        return list((await connection.execute(found)).all())


async def test_a_later_value_replaces_and_the_old_one_is_kept(http: httpx.AsyncClient, rt: Runtime) -> None:
    assert await post(http, "spend", ONE) == {"state": "stored"}
    assert await post(http, "spend", ONE) == {"state": "repeated"}
    assert await post(http, "spend", {**ONE, "amount": 13, "campaign": " PUMPS "}) == {"state": "replaced"}
    (row,) = await rows(rt, spend)
    assert (row.day, row.amount, row.currency, row.clicks, row.impressions) == (date(2026, 9, 1), 1300, "EUR", 3, None)
    (source,) = await rows(rt, sources, id=row.source_id)
    assert (source.channel, source.source, source.campaign) == ("Paid Search", "google", "pumps")
    (old,) = await rows(rt, money_log, what="spend")
    assert (old.day, old.thing, old.old["amount"]) == (date(2026, 9, 1), str(row.source_id), 1250)


async def test_a_list_answers_for_each(http: httpx.AsyncClient) -> None:
    other = {**ONE, "day": "2026-09-02"}
    results = (await post(http, "spend", [other, {**other, "amount": "1.234"}, {**other, "amount": 1}]))["results"]
    assert [one["state"] for one in results] == ["stored", "refused", "replaced"]
    assert list(results[1]["errors"]) == ["amount"]


@pytest.mark.parametrize(
    ("change", "member"),
    [({"day": "1.9.2026"}, "day"), ({"day": "2026-02-30"}, "day"), ({"source": ""}, "source"),
     ({"amount": None}, "amount"),
     ({"amount": -1}, "amount"), ({"amount": True}, "amount"), ({"amount": 0.001}, "amount"),
     ({"currency": "EURO"}, "currency"), ({"clicks": 1.5}, "clicks"), ({"clicks": -1}, "clicks"),
     ({"cost": 1}, "entry")],
)  # fmt: skip
async def test_what_is_refused(http: httpx.AsyncClient, change: dict[str, Any], member: str) -> None:
    answer = await post(http, "spend", {**ONE, "day": "2026-09-30", **change})
    assert (answer["state"], list(answer["errors"])) == ("refused", [member])


async def test_a_rate_that_comes_later_reaches_the_deals_of_its_days(http: httpx.AsyncClient, rt: Runtime) -> None:
    deal = {"type": "deal.won", "email": "chf@firm.example", "at": "2026-08-10T12:00:00+02:00"}
    await post(http, "events", {**deal, "data": {"id": "C-1", "amount": 100, "currency": "CHF"}})
    assert [one.rate for one in await rows(rt, deals, id="C-1")] == [None]
    rate = {"day": "2026-08-01", "currency": "chf", "rate": "1.05"}
    assert await post(http, "rates", rate) == {"state": "stored"}
    assert await post(http, "rates", {**rate, "rate": 1.050}) == {"state": "repeated"}
    assert [one.rate for one in await rows(rt, deals, id="C-1")] == [Decimal("1.05")]
    assert await post(http, "rates", {**rate, "day": "2026-08-11", "rate": 1.1}) == {"state": "stored"}
    assert [one.rate for one in await rows(rt, deals, id="C-1")] == [Decimal("1.05")]
    assert await post(http, "rates", {**rate, "rate": "1.06"}) == {"state": "replaced"}
    assert [one.rate for one in await rows(rt, deals, id="C-1")] == [Decimal("1.06")]
    assert {one.rate for one in await rows(rt, rates)} == {Decimal("1.06"), Decimal("1.1")}
    (old,) = await rows(rt, money_log, what="rate")
    assert (old.thing, old.old["rate"]) == ("CHF", 1.05)


@pytest.mark.parametrize(
    ("change", "member"),
    [({"currency": "EUR"}, "currency"), ({"currency": None}, "currency"), ({"rate": 0}, "rate"),
     ({"rate": "x"}, "rate"),
     ({"day": ""}, "day"), ({"currency": "ZZZ"}, "currency")],
)  # fmt: skip
async def test_rates_that_are_refused(http: httpx.AsyncClient, change: dict[str, Any], member: str) -> None:
    answer = await post(http, "rates", {"day": "2026-08-01", "currency": "USD", "rate": "0.9", **change})
    assert (answer["state"], list(answer["errors"])) == ("refused", [member])


@pytest.mark.parametrize("path", ["spend", "rates"])
async def test_a_key_is_needed(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.post(f"/api/{path}", json=ONE)).status_code == 401

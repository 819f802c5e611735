"""Confirmation emails are no weapon: each address, mailbox, domain, and network gets only so many, in all processes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import func, select

from engine.deploying.deploy import deploy
from engine.leads import confirmations
from engine.platform.clock import FixedClock
from engine.runtime.runtime import Runtime, open_runtime
from engine.store.doors import confirmations as rows
from engine.store.tables import consents, events
from tests.web.conftest import PROGRAM, UNLIMITED, client_of, make_settings
from web.app import create_app


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest_asyncio.fixture
async def rt(fresh_database_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Runtime]:
    settings = make_settings(fresh_database_url, tmp_path, confirmations_per_day=70)
    async with open_runtime(settings, clock=clock) as opened:
        await deploy(opened.db, opened.clock, PROGRAM, {}, "test")
        yield opened


@pytest_asyncio.fixture
async def http(rt: Runtime) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(create_app(rt, budgets=UNLIMITED)) as client:
        yield client


async def ask(http: httpx.AsyncClient, email: str, **more: str) -> httpx.Response:
    return await http.post(
        "/f/opt in", data={"email": email, "consent": "newsletter", **more}, headers={"accept": "application/json"}
    )


async def sent(rt: Runtime) -> int:
    async with rt.db.engine.connect() as connection:
        return (await connection.execute(select(func.count()).select_from(rows))).scalar_one()


async def posted(rt: Runtime) -> int:
    async with rt.db.engine.connect() as connection:
        query = select(func.count()).select_from(events).where(events.c.type == "form.posted")
        return (await connection.execute(query)).scalar_one()


async def test_posts_with_other_values_send_one_email_and_all_are_kept(http: httpx.AsyncClient, rt: Runtime) -> None:
    answers = [await ask(http, "bo.mb@firm.example", company=f"Firm {n}") for n in range(5)]
    assert {(one.status_code, one.json()["state"]) for one in answers} == {(200, "confirm")}
    assert (await sent(rt), await posted(rt)) == (1, 5)
    async with rt.db.engine.connect() as connection:
        assert (await connection.execute(select(consents.c.state))).scalars().all() == ["asked"] * 5


async def test_after_a_day_there_is_another(http: httpx.AsyncClient, rt: Runtime, clock: FixedClock) -> None:
    await ask(http, "day@firm.example", company="a")
    clock.advance(timedelta(hours=23, minutes=59))
    await ask(http, "day@firm.example", company="b")
    assert await sent(rt) == 1
    clock.advance(timedelta(minutes=2))
    await ask(http, "day@firm.example", company="c")
    assert await sent(rt) == 2


async def test_one_mailbox_written_in_thirty_ways(http: httpx.AsyncClient, rt: Runtime) -> None:
    await asyncio.gather(*(ask(http, f"bo.mb+{n}@gmail.com") for n in range(20)))
    await asyncio.gather(
        *(ask(http, address) for address in ("b.o.m.b@gmail.com", "BOMB@gmail.com", "bom.b+x@gmail.com"))
    )
    assert await sent(rt) == confirmations.PER_IDENTITY


@pytest.mark.parametrize(
    ("address", "identity"),
    [
        ("bo.mb+1@firm.example", "bomb@firm.example"),
        ("a+b+c@x.example", "a@x.example"),
        ("+x@x.example", "+x@x.example"),
    ],
)
def test_what_one_mailbox_is(address: str, identity: str) -> None:
    assert confirmations.identity_of(address) == identity


async def test_a_domain_a_network_and_all_have_budgets(
    http: httpx.AsyncClient, rt: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confirmations, "PER_DOMAIN", 3)
    for n in range(5):
        await ask(http, f"p{n}@one.example")
    assert await sent(rt) == 3
    for n in range(5):
        await ask(http, f"p{n}@gmail.com")
    assert await sent(rt) == 8, "a mailbox provider's domain has no budget of its own"
    monkeypatch.setattr(confirmations, "PER_NETWORK", 10)
    for n in range(5):
        await ask(http, f"p{n}@two{n}.example")
    assert await sent(rt) == 10
    monkeypatch.setattr(confirmations, "PER_NETWORK", 1000)
    for n in range(70):
        await ask(http, f"p@three{n}.example")
    assert await sent(rt) == rt.settings.confirmations_per_day


async def test_asking_again_on_the_page(http: httpx.AsyncClient, rt: Runtime, clock: FixedClock) -> None:
    mine = await ask(http, "again@firm.example", company="Mine")
    other = await ask(http, "again@firm.example", company="Somebody else's")
    assert other.json()["state"] == "confirm"
    form = re.search(r"/thanks/[\w-]+", await token_page(rt, http, "again@firm.example"))
    assert form
    page = await http.get(form[0])
    assert "Send it again" in page.text
    assert "Send it again" not in (await http.post(form[0])).text
    assert await sent(rt) == 1, "not within the first minute"
    for expected in (2, 3, 3, 3):
        clock.advance(timedelta(minutes=2))
        answer = await http.post(form[0])
        assert (answer.status_code, await sent(rt)) == (200, expected)
    async with rt.db.engine.connect() as connection:
        query = select(events.c.data).where(events.c.type == "form.posted").order_by(events.c.seq.desc())
        newest: Any = (await connection.execute(query)).scalars().first()
    assert newest["values"]["company"] == "Mine"
    assert mine.status_code == 200
    assert (await http.post(form[0], headers={"origin": "https://evil.example"})).status_code == 403


async def token_page(rt: Runtime, http: httpx.AsyncClient, email: str) -> str:
    """The address of the page of thanks for the first post of that address."""
    async with rt.db.engine.connect() as connection:
        row = (await connection.execute(select(rows.c.lead_id, rows.c.seq))).one()
    return f"/thanks/{rt.tokens.sign('thanks', str(row.lead_id), 'opt in', f'posted:{row.seq}')}"


async def test_old_rows_are_forgotten(http: httpx.AsyncClient, rt: Runtime, clock: FixedClock) -> None:
    await ask(http, "old@firm.example")
    clock.advance(timedelta(days=8))
    await ask(http, "new@firm.example")
    await confirmations.forget(rt)
    assert await sent(rt) == 1

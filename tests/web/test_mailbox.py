"""The mailbox: there without a mail provider, absent with one, and safe with whatever mail it shows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest_asyncio
from sqlalchemy import insert

from engine.platform.clock import FixedClock
from engine.runtime.runtime import Runtime, open_runtime
from engine.store.tables import mailbox
from tests.web.conftest import BASE, client_of, make_settings
from web.app import create_app
from web.desk.mailbox import FATES, in_new_tab

New = Callable[..., Awaitable[UUID]]
Log = Callable[[UUID], Awaitable[list[Any]]]
Stored = Callable[[str], Awaitable[Any]]
EVIL = "<script>alert(1)</script>"


@pytest_asyncio.fixture(scope="module")
async def mail(rt: Runtime, clock: FixedClock) -> UUID:
    row = {
        "sender": f"Acme <hello@acme.example>{EVIL}", "subject": f"Hi {EVIL}", "at": clock.now(),
        "headers": {"X-Id": EVIL}, "html": f"<html><head lang=en><title>x</title></head><p style='color:red'>{EVIL}",
        "text": f"Hi {EVIL}",
    }  # fmt: skip
    ids = [uuid4() for _ in range(52)]
    async with rt.db.engine.begin() as connection:
        for number, id in enumerate(ids):
            await connection.execute(insert(mailbox).values({**row, "id": id, "to": f"a{number % 2}@firm.example"}))
    return ids[0]


async def test_the_list(http: httpx.AsyncClient, mail: UUID) -> None:
    page = await http.get("/mailbox")
    assert page.status_code == 200
    assert "52 emails" in page.text
    assert " UTC</time>" in page.text
    assert page.text.count("<tr>") == 51
    assert (await http.get("/mailbox?page=2")).text.count("<tr>") == 3
    assert "26 emails" in (await http.get("/mailbox?to=a1@firm.example")).text
    assert EVIL not in page.text
    for query in ("page=-1", "page=x", "page=99999999999999999999", "to=%00", "to='--", f"to={EVIL}"):
        answer = await http.get(f"/mailbox?{query}")
        assert answer.status_code == 200
        assert EVIL not in answer.text


async def test_one_mail(http: httpx.AsyncClient, mail: UUID) -> None:
    page = await http.get(f"/mailbox/{mail}")
    assert page.status_code == 200
    assert EVIL not in page.text
    frame = f'src="/mailbox/{mail}/html" sandbox="allow-popups allow-popups-to-escape-sandbox"'
    assert frame in page.text
    body = await http.get(f"/mailbox/{mail}/html")
    policy = body.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-popups allow-popups-to-escape-sandbox;")
    assert "default-src 'none'" in policy
    assert "script" not in policy
    assert f"img-src 'self' {BASE}" in policy
    assert body.headers["x-frame-options"] == "SAMEORIGIN"
    assert '<head lang=en><base target="_blank">' in body.text


async def test_a_program_gets_json(http: httpx.AsyncClient, mail: UUID) -> None:
    wanted = {"accept": "application/json"}
    found = (await http.get("/mailbox?to=a1@firm.example&page=1", headers=wanted)).json()
    assert (found["total"], found["pages"], len(found["mails"])) == (26, 1, 26)
    assert set(found["mails"][0]) == {"id", "to", "sender", "subject", "at"}
    whole = (await http.get(f"/mailbox/{mail}", headers=wanted)).json()
    assert (whole["id"], whole["headers"], whole["text"]) == (str(mail), {"X-Id": EVIL}, f"Hi {EVIL}")
    assert datetime.fromisoformat(whole["at"]).tzinfo is not None
    missing = await http.get(f"/mailbox/{uuid4()}", headers=wanted)
    assert (missing.status_code, missing.json()) == (404, {"error": "not found"})


async def test_there_is_none_with_a_provider(rt: Runtime, mail: UUID, tmp_path: Path) -> None:
    assert rt.settings.database_url
    settings = make_settings(rt.settings.database_url, tmp_path, sendgrid_api_key="SG.x")
    async with open_runtime(settings, clock=rt.clock) as real, client_of(create_app(real)) as http:
        for path in ("/mailbox", f"/mailbox/{mail}", f"/mailbox/{mail}/html"):
            assert (await http.get(path)).status_code == 404
        assert (await http.post(f"/mailbox/{mail}", data={"fate": "bounced"})).status_code == 404
        start = await http.get("/")
        assert start.status_code == 200
        assert "mailbox" not in start.text
        assert "Nurture" not in start.text


async def received(rt: Runtime, new_message: New, lead: UUID) -> UUID:
    """A mail to that lead, in the mailbox."""
    message, row = await new_message(lead), {"to": "x@firm.example", "sender": "Acme <a@acme.example>", "headers": {}}
    values = {**row, "id": message, "subject": "Hi", "html": "<p>Hi", "text": "Hi", "at": rt.clock.now()}
    async with rt.db.engine.begin() as connection:
        await connection.execute(insert(mailbox).values(values))
    return message


async def test_its_buttons_bring_about_what_becomes_of_a_mail(
    http: httpx.AsyncClient, rt: Runtime, new_lead: New, new_message: New, log: Log, stored: Stored
) -> None:
    lead = await new_lead("press@firm.example")
    message = await received(rt, new_message, lead)
    page = await http.get(f"/mailbox/{message}")
    assert page.headers["referrer-policy"] == "same-origin"
    assert [fate for fate in FATES if f'name="fate" value="{fate}"' in page.text] == list(FATES)
    for fate in ("delivered", "replied", "replied", "complained", "bounced"):
        answer = await http.post(f"/mailbox/{message}", data={"fate": fate}, headers={"origin": BASE})
        assert (answer.status_code, answer.headers["location"]) == (303, f"/mailbox/{message}")
    types = [one.type for one in await log(lead)]
    assert types == ["email.delivered", "email.replied", "lead.unsubscribed", "email.bounced"]
    assert (await stored("press@firm.example")).suppressed == "complained"
    page = await http.get(f"/mailbox/{message}")
    assert [word for word in ("Delivered", "Replied", "Complained", "Bounced") if f"<dt>{word}</dt>" in page.text] == [
        "Delivered", "Replied", "Complained", "Bounced",
    ]  # fmt: skip


async def test_only_its_own_page_presses_them(
    http: httpx.AsyncClient, rt: Runtime, new_lead: New, new_message: New, log: Log
) -> None:
    lead = await new_lead("other@firm.example")
    message = await received(rt, new_message, lead)
    path, fate = f"/mailbox/{message}", {"fate": "bounced"}
    for origin in ("https://evil.example", "null"):
        assert (await http.post(path, data=fate, headers={"origin": origin})).status_code == 403
    for wrong in ({"fate": "unsubscribed"}, {"fate": "taken"}, {"x": ""}, {"fate": ["bounced", "bounced"]}):
        assert (await http.post(path, data=wrong)).status_code == 422
    assert (await http.get(f"{path}?fate=bounced")).status_code == 200
    assert await log(lead) == []


async def test_a_mail_of_nobody_has_no_buttons(http: httpx.AsyncClient, mail: UUID) -> None:
    assert "fate" not in (await http.get(f"/mailbox/{mail}")).text
    assert (await http.post(f"/mailbox/{mail}", data={"fate": "bounced"})).status_code == 404
    assert (await http.post(f"/mailbox/{uuid4()}", data={"fate": "bounced"})).status_code == 404


async def test_an_unknown_mail(http: httpx.AsyncClient) -> None:
    for path in ("/mailbox/x", f"/mailbox/{uuid4()}", f"/mailbox/{uuid4()}/html"):
        assert (await http.get(path)).status_code == 404


def test_links_open_in_a_tab_of_their_own() -> None:
    assert in_new_tab("<p>x") == '<base target="_blank"><p>x'
    assert in_new_tab("<HEAD></head>") == '<HEAD><base target="_blank"></head>'
    assert in_new_tab("<header></header>") == '<base target="_blank"><header></header>'

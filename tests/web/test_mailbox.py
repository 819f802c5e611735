"""The mailbox: there without a mail provider, absent with one, and safe with whatever mail it shows."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest_asyncio
from sqlalchemy import insert

from engine.clock import FixedClock
from engine.runtime import Runtime, open_runtime
from engine.store.tables import mailbox
from tests.web.conftest import BASE, client_of, make_settings
from web.app import create_app
from web.mailbox import in_new_tab

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
    assert "52 mails" in page.text
    assert page.text.count("<tr>") == 51
    assert (await http.get("/mailbox?page=2")).text.count("<tr>") == 3
    assert "26 mails" in (await http.get("/mailbox?to=a1@firm.example")).text
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
        start = await http.get("/")
        assert start.status_code == 200
        assert "mailbox" not in start.text
        assert "Nurture" not in start.text


async def test_an_unknown_mail(http: httpx.AsyncClient) -> None:
    for path in ("/mailbox/x", f"/mailbox/{uuid4()}", f"/mailbox/{uuid4()}/html"):
        assert (await http.get(path)).status_code == 404


def test_links_open_in_a_tab_of_their_own() -> None:
    assert in_new_tab("<p>x") == '<base target="_blank"><p>x'
    assert in_new_tab("<HEAD></head>") == '<HEAD><base target="_blank"></head>'
    assert in_new_tab("<header></header>") == '<base target="_blank"><header></header>'

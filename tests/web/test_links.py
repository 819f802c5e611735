"""Links in mails: what a click, a look ahead, an opening and a download record, and where they lead."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import insert, select

from engine.mail.compose import Addressed, compose
from engine.model.lead import TRACKING, Lead
from engine.platform.clock import FixedClock
from engine.runtime.runtime import Runtime
from engine.sending.composing import context_for
from engine.sending.mail_record import memo_of
from engine.store.tables import leads, links, messages
from tests.web.conftest import BASE, PDF
from web.http.ranges import disposition

Log = Callable[[UUID], Awaitable[list[Any]]]
Make = Callable[..., Awaitable[UUID]]
URL = "https://acme.example/pumps?a=b&c=d#e"


async def types(log: Log, lead: UUID) -> list[str]:
    return [event.type for event in await log(lead)]


async def test_a_click_redirects_and_is_recorded(
    http: httpx.AsyncClient, rt: Runtime, clock: FixedClock, new_lead: Make, new_message: Make, log: Log
) -> None:
    lead = await new_lead("click@firm.example", topics={TRACKING: "subscribed"})
    message = await new_message(lead, "link-1", URL)
    path = f"/c/{rt.tokens.sign('click', str(message), 'link-1')}"
    looked = await http.head(path)
    assert (looked.status_code, looked.headers["location"]) == (302, URL)
    for name, value in (("sec-purpose", "prefetch;prerender"), ("x-purpose", "preview"), ("purpose", "prefetch")):
        ahead = await http.get(path, headers={name: value})
        assert ahead.status_code == 503
        assert "location" not in ahead.headers
    assert await types(log, lead) == []
    clock.advance(timedelta(hours=1))
    clicked = await http.get(f"{path}?url=https://evil.example&next=https://evil.example")
    assert (clicked.status_code, clicked.headers["location"]) == (302, URL)
    assert clicked.headers["referrer-policy"] == "no-referrer"
    assert clicked.headers["cache-control"] == "no-store"
    assert await types(log, lead) == ["email.clicked"]


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "https://a@evil.example"])
async def test_a_stored_link_that_is_not_a_web_address_leads_nowhere(
    http: httpx.AsyncClient, rt: Runtime, new_lead: Make, new_message: Make, url: str
) -> None:
    link = f"bad-{uuid4()}"
    message = await new_message(await new_lead(f"{uuid4()}@firm.example"), link, url)
    path = f"/c/{rt.tokens.sign('click', str(message), link)}"
    assert (await http.get(path)).status_code == 404
    assert (await http.head(path)).status_code == 404


async def test_the_pixel(
    http: httpx.AsyncClient, rt: Runtime, clock: FixedClock, new_lead: Make, new_message: Make, log: Log
) -> None:
    lead = await new_lead("open@firm.example", topics={TRACKING: "subscribed"})
    path = f"/o/{rt.tokens.sign('open', str(await new_message(lead)))}.gif"
    assert (await http.head(path)).status_code == 200
    assert await types(log, lead) == []
    clock.advance(timedelta(hours=1))
    picture = await http.get(path)
    assert picture.headers["content-type"] == "image/gif"
    assert picture.content.startswith(b"GIF89a")
    await http.get(path)
    assert await types(log, lead) == ["email.opened"]


async def test_a_link_to_a_file_is_a_click_and_a_download(
    http: httpx.AsyncClient, rt: Runtime, clock: FixedClock, new_lead: Make, new_message: Make, log: Log
) -> None:
    lead = await new_lead("filelink@firm.example", topics={TRACKING: "subscribed"})
    file = f"{BASE}/d/{rt.tokens.sign('file', str(lead), 'pump guide.pdf')}"
    message = await new_message(lead, "link-file", file)
    clock.advance(timedelta(hours=1))
    clicked = await http.get(f"/c/{rt.tokens.sign('click', str(message), 'link-file')}")
    assert (await http.get(clicked.headers["location"].removeprefix(BASE))).content == PDF
    assert await types(log, lead) == ["email.clicked", "file.downloaded"]


async def test_a_gated_file(http: httpx.AsyncClient, rt: Runtime, new_lead: Make, log: Log) -> None:
    lead = await new_lead("file@firm.example")
    path = f"/d/{rt.tokens.sign('file', str(lead), 'pump guide.pdf')}"
    assert (await http.head(path)).status_code == 200
    assert await types(log, lead) == []
    file = await http.get(path)
    assert file.content == PDF
    assert file.headers["content-type"] == "application/pdf"
    assert file.headers["content-disposition"] == (
        "attachment; filename=\"pump guide.pdf\"; filename*=UTF-8''pump%20guide.pdf"
    )
    assert "sandbox" in file.headers["content-security-policy"]
    (event,) = await log(lead)
    assert (event.type, event.name) == ("file.downloaded", "pump guide.pdf")


async def test_parts_of_a_file_are_one_download(http: httpx.AsyncClient, rt: Runtime, new_lead: Make, log: Log) -> None:
    lead = await new_lead("parts@firm.example")
    path = f"/d/{rt.tokens.sign('file', str(lead), 'pump guide.pdf')}"
    whole = await http.get(path)
    assert whole.headers["accept-ranges"] == "bytes"
    for asked, part in [("bytes=0-3", slice(0, 4)), ("bytes=4-", slice(4, None)), ("bytes=-5", slice(-5, None))]:
        answer = await http.get(path, headers={"range": asked, "if-range": whole.headers["etag"]})
        assert (answer.status_code, answer.content) == (206, PDF[part])
        start = part.indices(len(PDF))[0]
        assert answer.headers["content-range"] == f"bytes {start}-{start + len(PDF[part]) - 1}/{len(PDF)}"
    behind = await http.get(path, headers={"range": "bytes=999-"})
    assert (behind.status_code, behind.headers["content-range"]) == (416, f"bytes */{len(PDF)}")
    for asked in ("bytes=0-1,4-5", "bytes=5-2", "lines=1-2", "bytes=-", "bytes=x-"):
        assert (await http.get(path, headers={"range": asked})).status_code == 200
    changed = await http.get(path, headers={"range": "bytes=0-3", "if-range": '"before"'})
    assert (changed.status_code, changed.content) == (200, PDF)
    head = await http.head(path, headers={"range": "bytes=0-3"})
    assert head.status_code == 206
    assert await types(log, lead) == ["file.downloaded"]


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("Übersicht.pdf", "attachment; filename=\"_bersicht.pdf\"; filename*=UTF-8''%C3%9Cbersicht.pdf"),
        ('a"b\\c%20.pdf', "attachment; filename=\"a_b_c_20.pdf\"; filename*=UTF-8''a%22b%5Cc%2520.pdf"),
    ],
)
def test_names_of_files(name: str, header: str) -> None:
    assert disposition(name) == header
    assert header.isascii()


@pytest.mark.parametrize("name", ["../templates/welcome.md", "/etc/passwd", "other.pdf", ""])
async def test_only_deployed_files(http: httpx.AsyncClient, rt: Runtime, new_lead: Make, name: str) -> None:
    lead = await new_lead(f"{uuid4()}@firm.example")
    assert (await http.get(f"/d/{rt.tokens.sign('file', str(lead), name)}")).status_code == 404


async def test_every_address_in_a_mail_is_answered(
    http: httpx.AsyncClient, rt: Runtime, new_lead: Make, log: Log
) -> None:
    """What engine.mail writes into a mail is what these routes read."""
    await http.post("/f/opt%20in", data={"email": "mail@firm.example", "consent": "newsletter"})
    async with rt.db.engine.connect() as connection:
        row = (await connection.execute(select(leads).where(leads.c.email_key == "mail@firm.example"))).one()
    deployment = await rt.catalog.refresh()
    assert deployment
    lead = Lead(id=row.id, seq=1, stage="", last_at=row.last_at, created_at=row.created_at, email=row.email)
    confirm = f"{BASE}/confirm/{rt.tokens.sign('confirm', str(lead.id), '1')}"
    context = context_for(lead, deployment, rt.tokens, BASE, confirm_url=confirm)
    message = Addressed(uuid4(), lead.id, "mail@firm.example", "marketing", topic="newsletter")
    mail = compose(deployment.renderer, "welcome", context, message, rt.tokens, BASE, tracked=True)
    async with rt.db.engine.begin() as connection:
        memo = memo_of(
            context, mail.rendered, epoch=deployment.epoch, topic="newsletter", tracked=True, event_seq=1
        )  # fmt: skip
        await connection.execute(insert(messages).values({**message_row(message), "memo": memo}))
        await connection.execute(insert(links), [{"id": id, "url": url} for id, url in mail.links.items()])
    found = {unescape(url) for url in re.findall(r'(?:href|src)="(https://[^"]+)"', mail.mail.html)}
    answers = {url.removeprefix(BASE)[:3]: await http.get(url, follow_redirects=False) for url in found}
    assert {start: answer.status_code for start, answer in answers.items()} == {
        "/c/": 302, "/co": 200, "/o/": 200, "/u/": 200, "/p/": 200, "/v/": 200,
    }  # fmt: skip
    assert URL_IN_WELCOME in mail.links.values()
    unsubscribe = mail.mail.headers["List-Unsubscribe"].strip("<>")
    assert (await http.post(unsubscribe, data={"List-Unsubscribe": "One-Click"})).status_code == 200
    assert "lead.unsubscribed" in await types(log, lead.id)


URL_IN_WELCOME = "https://acme.example/pumps?a=b&c=d"


def message_row(message: Addressed) -> dict[str, Any]:
    return {
        "id": message.message_id, "owner_id": uuid4(), "step": "a", "visit": "0", "lead_id": message.lead_id,
        "template": "welcome", "kind": "marketing", "state": "accepted", "reason": "", "attempt": "", "source": "",
        "subject": "", "at": datetime(2026, 9, 1, tzinfo=UTC),
    }  # fmt: skip

"""Links in mails: what a click, a look ahead, an opening and a download record, and where they lead."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from engine.runtime import Runtime
from tests.web.conftest import PDF

Log = Callable[[UUID], Awaitable[list[Any]]]
Make = Callable[..., Awaitable[UUID]]
URL = "https://acme.example/pumps?a=b&c=d#e"


async def types(log: Log, lead: UUID) -> list[str]:
    return [event.type for event in await log(lead)]


async def test_a_click_redirects_and_is_recorded(
    http: httpx.AsyncClient, rt: Runtime, new_lead: Make, new_message: Make, log: Log
) -> None:
    lead = await new_lead("click@firm.example")
    message = await new_message(lead, "link-1", URL)
    path = f"/c/{rt.tokens.sign('click', str(message), 'link-1')}"
    looked = await http.head(path)
    assert (looked.status_code, looked.headers["location"]) == (302, URL)
    for name, value in (("sec-purpose", "prefetch;prerender"), ("x-purpose", "preview"), ("purpose", "prefetch")):
        ahead = await http.get(path, headers={name: value})
        assert ahead.status_code == 503
        assert "location" not in ahead.headers
    assert await types(log, lead) == []
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


async def test_the_pixel(http: httpx.AsyncClient, rt: Runtime, new_lead: Make, new_message: Make, log: Log) -> None:
    lead = await new_lead("open@firm.example")
    path = f"/o/{rt.tokens.sign('open', str(await new_message(lead)))}.gif"
    assert (await http.head(path)).status_code == 200
    assert await types(log, lead) == []
    picture = await http.get(path)
    assert picture.headers["content-type"] == "image/gif"
    assert picture.content.startswith(b"GIF89a")
    await http.get(path)
    assert await types(log, lead) == ["email.opened"]


async def test_a_gated_file(http: httpx.AsyncClient, rt: Runtime, new_lead: Make, log: Log) -> None:
    lead = await new_lead("file@firm.example")
    path = f"/d/{rt.tokens.sign('file', str(lead), 'pump guide.pdf')}"
    assert (await http.head(path)).status_code == 200
    assert await types(log, lead) == []
    file = await http.get(path)
    assert file.content == PDF
    assert file.headers["content-type"] == "application/pdf"
    assert file.headers["content-disposition"] == "attachment; filename*=UTF-8''pump%20guide.pdf"
    assert "sandbox" in file.headers["content-security-policy"]
    (event,) = await log(lead)
    assert (event.type, event.name) == ("file.downloaded", "pump guide.pdf")


@pytest.mark.parametrize("name", ["../templates/welcome.md", "/etc/passwd", "other.pdf", ""])
async def test_only_deployed_files(http: httpx.AsyncClient, rt: Runtime, new_lead: Make, name: str) -> None:
    lead = await new_lead(f"{uuid4()}@firm.example")
    assert (await http.get(f"/d/{rt.tokens.sign('file', str(lead), name)}")).status_code == 404

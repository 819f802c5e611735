"""Leaving by one click and by page; a GET changes nothing."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from engine.runtime.runtime import Runtime
from web.public.unsubscribe import mask

Make = Callable[..., Awaitable[UUID]]
Stored = Callable[[str], Awaitable[Any]]
BOTH = {"newsletter": "subscribed", "product": "subscribed"}


def path(rt: Runtime, lead: UUID, topic: str = "newsletter") -> str:
    return f"/u/{rt.tokens.sign('unsubscribe', str(lead), topic)}"


async def test_one_click_leaves_the_topic_of_the_mail(
    http: httpx.AsyncClient, rt: Runtime, new_lead: Make, stored: Stored
) -> None:
    url = path(rt, await new_lead("one@firm.example", topics=BOTH))
    for _ in range(2):
        answer = await http.post(url, data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers
    lead = await stored("one@firm.example")
    assert lead.topics == {"newsletter": "unsubscribed", "product": "subscribed"}
    assert lead.suppressed is None


async def test_leaving_the_topic_of_the_mail_is_the_main_button(
    http: httpx.AsyncClient, rt: Runtime, new_lead: Make
) -> None:
    lead = await new_lead("main@firm.example", topics=BOTH)
    buttons = re.compile(r'<button type="submit" name="leave" value="([^"]*)"( class="quiet")?')
    page = await http.get(path(rt, lead, "product"))
    assert buttons.findall(page.text) == [("product", ""), ("", ' class="quiet"'), ("newsletter", ' class="quiet"')]
    whole = await http.get(path(rt, lead, ""))
    assert buttons.findall(whole.text)[0] == ("", "")
    await http.post(path(rt, lead, "product"), data={"leave": "product"})
    after = await http.get(path(rt, lead, "product"))
    assert buttons.findall(after.text) == [("", ""), ("newsletter", ' class="quiet"')]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"List-Unsubscribe=One-Click\r\n", "application/x-www-form-urlencoded"),
        (b"List-Unsubscribe=One-Click\n", ""),
        (b"list-unsubscribe=one-click", "text/plain; charset=utf-8"),
        (b"List-Unsubscribe=One%2DClick&x=1\r\n", "application/x-www-form-urlencoded; charset=UTF-8"),
    ],
)
async def test_one_click_as_mailbox_providers_send_it(
    http: httpx.AsyncClient, rt: Runtime, new_lead: Make, stored: Stored, body: bytes, kind: str
) -> None:
    address = f"{uuid4()}@firm.example"
    url = path(rt, await new_lead(address, topics=BOTH))
    answer = await http.post(url, content=body, headers={"content-type": kind} if kind else {})
    assert (answer.status_code, answer.text) == (200, "Unsubscribed.\n")
    assert (await stored(address)).topics == {"newsletter": "unsubscribed", "product": "subscribed"}


async def test_one_click_without_a_topic_leaves_everything(
    http: httpx.AsyncClient, rt: Runtime, new_lead: Make, stored: Stored
) -> None:
    url = path(rt, await new_lead("all@firm.example", topics=BOTH), "")
    body = b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n'
    answer = await http.post(url, content=body, headers={"content-type": "multipart/form-data; boundary=b"})
    assert answer.status_code == 200
    assert (await stored("all@firm.example")).suppressed == "unsubscribed"


async def test_the_page_shows_and_a_look_changes_nothing(
    http: httpx.AsyncClient, rt: Runtime, new_lead: Make, stored: Stored
) -> None:
    before = {"topics": BOTH, "fields": {"language": "de_AT"}}
    url = path(rt, await new_lead("masked.person@firm.example", **before))
    page = await http.get(url)
    assert page.status_code == 200
    assert '<html lang="de">' in page.text
    assert "m•••@f•••.example" in page.text
    assert "masked.person" not in page.text
    assert "News about pumps" in page.text
    assert page.headers["x-robots-tag"] == "noindex, nofollow"
    assert (await http.head(url)).status_code == 200
    assert (await stored("masked.person@firm.example")).topics == BOTH


async def test_the_page_leaves_a_topic_then_all(
    http: httpx.AsyncClient, rt: Runtime, new_lead: Make, stored: Stored
) -> None:
    url = path(rt, await new_lead("page@firm.example", topics=BOTH))
    assert (await http.post(url, data={"leave": "product"})).status_code == 200
    lead = await stored("page@firm.example")
    assert (lead.topics["product"], lead.topics["newsletter"]) == ("unsubscribed", "subscribed")
    done = await http.post(url, data={"leave": ""})
    assert "You will no longer get any marketing emails" in done.text
    assert (await stored("page@firm.example")).suppressed == "unsubscribed"


@pytest.mark.parametrize("data", [{}, {"leave": "invented"}, {"List-Unsubscribe": "yes"}, {"x": "y"}])
async def test_a_post_that_says_nothing_changes_nothing(
    http: httpx.AsyncClient, rt: Runtime, new_lead: Make, stored: Stored, data: dict[str, str]
) -> None:
    address = f"{uuid4()}@firm.example"
    url = path(rt, await new_lead(address, topics=BOTH))
    assert (await http.post(url, data={"_": "_", **data})).status_code == 200
    lead = await stored(address)
    assert (lead.topics, lead.suppressed) == (BOTH, None)


@pytest.mark.parametrize(
    ("address", "masked"),
    [("ada@firm.example", "a•••@f•••.example"), ("a@b.co", "a•••@b•••.co"), ("ü@mail.firm.co.uk", "ü•••@m•••.uk")],
)
def test_mask(address: str, masked: str) -> None:
    assert mask(address) == masked

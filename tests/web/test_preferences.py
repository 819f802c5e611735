"""The page by topic: what it shows, what a post of it does, and what no post can do."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select

from engine.model.lead import TRACKING, Lead
from engine.runtime.runtime import Runtime
from engine.store.tables import consents
from tests.web.conftest import BASE, PROGRAM
from web.http.words import ENGLISH, GERMAN
from web.public.preferences import offer_of, own_name

Make = Callable[..., Awaitable[UUID]]
Stored = Callable[[str], Awaitable[Any]]
Log = Callable[[UUID], Awaitable[list[Any]]]
ONE = {"newsletter": "subscribed"}


def path(rt: Runtime, lead: UUID) -> str:
    return f"/p/{rt.tokens.sign('preferences', str(lead))}"


def version(page: httpx.Response) -> str:
    found = re.search(r'name="version" value="(\w+)"', page.text)
    assert found
    return found[1]


def ticked(page: httpx.Response) -> set[str]:
    return set(re.findall(r'value="([^"]+)" checked', page.text))


async def test_the_page_shows_how_things_stand_and_a_look_changes_nothing(
    http: httpx.AsyncClient, rt: Runtime, new_lead: Make, stored: Stored, log: Log
) -> None:
    lead = await new_lead("masked.person@firm.example", topics=ONE, fields={"language": "de"})
    page = await http.get(path(rt, lead))
    assert page.status_code == 200
    assert '<html lang="de">' in page.text
    assert "m•••@f•••.example" in page.text
    assert "masked.person" not in page.text
    assert "News about pumps" in page.text
    assert "Tips" in page.text
    assert GERMAN["track"] in page.text
    assert ticked(page) == {"newsletter"}
    assert re.findall(r'<option value="(\w+)" lang="\w+"( selected)?>(\w+)<', page.text) == [
        ("en", "", "English"), ("de", " selected", "Deutsch"),
    ]  # fmt: skip
    assert page.headers["x-robots-tag"] == "noindex, nofollow"
    assert (page.headers["cache-control"], page.headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert "set-cookie" not in page.headers
    assert (await http.head(path(rt, lead))).status_code == 200
    assert (await stored("masked.person@firm.example")).topics == ONE
    assert await log(lead) == []


async def test_a_post_applies_the_whole_choice_with_its_proof(
    http: httpx.AsyncClient, rt: Runtime, new_lead: Make, stored: Stored, log: Log
) -> None:
    lead = await new_lead("choose@firm.example", topics=ONE)
    shown = version(await http.get(path(rt, lead)))
    data = {
        "version": shown,
        "shown": "newsletter",
        "topic": ["product", "product"],
        "tracking": "yes",
        "language": "de",
    }
    answer = await http.post(path(rt, lead), data=data, headers={"user-agent": "Browser/1"})
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert GERMAN["choices saved"] in answer.text
    assert ticked(answer) == {"product", "yes"}
    found = await stored("choose@firm.example")
    assert found.topics == {"newsletter": "unsubscribed", "product": "subscribed", TRACKING: "subscribed"}
    assert found.fields == {"language": "de"}
    async with rt.db.engine.connect() as connection:
        rows = (await connection.execute(select(consents).where(consents.c.lead_id == lead))).all()
    records = {(row.topic, row.state): row.record for row in rows}
    assert records["product", "subscribed"] == {
        "how": "preferences", "wording": "Send me emails about: Tips", "version": shown, "page": f"{BASE}/p/",
        "client": "127.0.0.1", "user_agent": "Browser/1", "language": "en",
    }  # fmt: skip
    assert records[TRACKING, "subscribed"]["wording"] == ENGLISH["track"]
    assert records["newsletter", "unsubscribed"] == {"how": "preferences"}
    assert [event.type for event in await log(lead)] == ["preferences.chosen", "lead.unsubscribed"]


async def test_everything_is_left_by_one_button_whatever_the_page_was(
    http: httpx.AsyncClient, rt: Runtime, new_lead: Make, stored: Stored
) -> None:
    lead = await new_lead("leave@firm.example", topics=ONE)
    answer = await http.post(path(rt, lead), data={"leave": "everything"})
    assert ENGLISH["left everything"] in answer.text
    assert (await stored("leave@firm.example")).suppressed == "unsubscribed"
    back = await http.get(path(rt, lead))
    assert ENGLISH["left before"] in back.text
    assert ticked(back) == set()
    again = await http.post(path(rt, lead), data={"version": version(back), "topic": "product"})
    assert ENGLISH["choices saved"] in again.text
    found = await stored("leave@firm.example")
    assert (found.suppressed, found.topics["product"]) == (None, "subscribed")


async def test_a_page_from_before_brings_nothing_back_that_was_left_since(
    http: httpx.AsyncClient, rt: Runtime, new_lead: Make, stored: Stored
) -> None:
    """Only what somebody has changed on the page is a choice, also when the page is an old one."""
    lead = await new_lead("old-page@firm.example", topics=ONE | {TRACKING: "subscribed"})
    page = await http.get(path(rt, lead))
    before = re.findall(r'name="shown" value="([^"]+)"', page.text)
    assert before == ["newsletter", TRACKING]
    data = {"version": version(page), "shown": before, "topic": ["newsletter"], "tracking": "yes", "language": "de"}
    await http.post(path(rt, lead), data={"version": version(page), "shown": before, "topic": ["newsletter"]})
    leave = f"/u/{rt.tokens.sign('unsubscribe', str(lead), '')}"
    await http.post(leave, data={"List-Unsubscribe": "One-Click"})
    answer = await http.post(path(rt, lead), data=data)
    assert (answer.status_code, ticked(answer)) == (200, set())
    found = await stored("old-page@firm.example")
    assert (found.suppressed, found.fields) == ("unsubscribed", {"language": "de"})
    assert set(found.topics.values()) == {"unsubscribed"}


@pytest.mark.parametrize(("reason", "afterwards"), [("bounced", "unsubscribed"), ("complained", "subscribed")])
async def test_an_address_that_must_get_nothing_is_offered_no_topics(
    http: httpx.AsyncClient, rt: Runtime, new_lead: Make, stored: Stored, reason: str, afterwards: str
) -> None:
    """To leave everything is still heard of after a bounce; after a complaint it says nothing new."""
    address = f"{reason}@firm.example"
    lead = await new_lead(address, topics=ONE | {TRACKING: "subscribed"}, suppressed=reason)
    page = await http.get(path(rt, lead))
    assert ENGLISH["no mail here"] in page.text
    assert 'name="topic"' not in page.text
    assert "everything" not in page.text
    await http.post(path(rt, lead), data={"version": version(page), "shown": TRACKING, "topic": ["product"]})
    await http.post(path(rt, lead), data={"leave": "everything"})
    found = await stored(address)
    assert found.suppressed == reason
    left = dict.fromkeys(["newsletter", "product"], "unsubscribed") if afterwards == "unsubscribed" else ONE
    assert found.topics == {**left, TRACKING: "unsubscribed"}


@pytest.mark.parametrize(
    "data",
    [
        {}, {"version": "0" * 16}, {"version": ["V", "V"]}, {"version": "V", "topic": ["product", "invented"]},
        {"version": "V", "topic": "PRODUCT"}, {"version": "V", "topic": "@tracking"}, {"version": "V", "topic": ""},
        {"version": "V", "tracking": ["yes", "yes"]}, {"version": "V", "tracking": "no"},
        {"version": "V", "language": "fr"}, {"version": "V", "language": ["de", "en"]}, {"version": "V", "leave": ""},
        {"version": "V", "shown": "invented"}, {"version": "V", "shown": ["newsletter", ""]},
        {"version": "V", "topic": "product", "email": "other@firm.example"}, {"version": "V", "topic": "\0"},
    ],
)  # fmt: skip
async def test_a_post_that_is_not_the_pages_own_changes_nothing(
    http: httpx.AsyncClient, rt: Runtime, new_lead: Make, stored: Stored, log: Log, data: dict[str, Any]
) -> None:
    address = f"{uuid4()}@firm.example"
    lead = await new_lead(address, topics=ONE)
    shown = version(await http.get(path(rt, lead)))
    filled = {
        name: [shown if one == "V" else one for one in ([v] if isinstance(v, str) else v)] for name, v in data.items()
    }
    for body in ({"data": {"_": [], **filled}}, {"json": filled}):
        answer = await http.post(path(rt, lead), **body, headers={} if filled else {"content-type": "application/json"})
        assert answer.status_code in (400, 422), body
        if answer.status_code == 422:
            assert ENGLISH["choices changed"] in answer.text
    found = await stored(address)
    assert (found.topics, found.fields, found.suppressed) == (ONE, {}, None)
    assert await log(lead) == []


async def test_bodies_that_are_too_large_or_of_another_kind(
    http: httpx.AsyncClient, rt: Runtime, new_lead: Make, log: Log
) -> None:
    lead = await new_lead("large@firm.example", topics=ONE)
    shown = version(await http.get(path(rt, lead)))
    answers = [
        await http.post(path(rt, lead), data={"version": shown, "topic": ["product"] * 250}),
        await http.post(path(rt, lead), data={"version": shown, "topic": "x" * 70_000}),
        await http.post(path(rt, lead), content=b"\xff=1", headers={"content-type": "text/plain"}),
        await http.post(path(rt, lead), content=b"<a/>", headers={"content-type": "application/xml"}),
        await http.post(path(rt, lead), files={"topic": ("a.txt", b"product")}, data={"version": shown}),
    ]
    assert [answer.status_code for answer in answers] == [400, 413, 400, 415, 422]
    assert await log(lead) == []


async def test_only_its_own_token_opens_it(
    http: httpx.AsyncClient, rt: Runtime, new_lead: Make, stored: Stored
) -> None:
    lead = await new_lead("token@firm.example", topics=ONE)
    nowhere = await http.get("/nowhere")
    shown = version(await http.get(path(rt, lead)))
    tokens = [rt.tokens.sign(purpose, str(lead)) for purpose in ("unsubscribe", "view", "open")]
    for token in (*tokens, rt.tokens.sign("preferences", str(lead), ""), path(rt, lead)[3:-1]):
        for answer in (await http.get(f"/p/{token}"), await http.post(f"/p/{token}", data={"version": shown})):
            assert (answer.status_code, answer.content) == (404, nowhere.content)
    assert (await stored("token@firm.example")).topics == ONE


async def test_the_unsubscribe_page_leads_here(http: httpx.AsyncClient, rt: Runtime, new_lead: Make) -> None:
    lead = await new_lead("from@firm.example", topics=ONE)
    page = await http.get(f"/u/{rt.tokens.sign('unsubscribe', str(lead), '')}")
    assert f'href="{path(rt, lead)}"' in page.text


def offered(program: Any, **fields: Any) -> Any:
    now = datetime(2026, 9, 1, tzinfo=UTC)
    return offer_of(Lead(uuid4(), 1, "", now, now, "a@b.example", fields), program)


def test_what_is_not_asked_for_is_not_offered() -> None:
    one = PROGRAM.model_copy(
        update={
            "workspace": PROGRAM.workspace.model_copy(update={"languages": ("en",), "tracking_needs_consent": False})
        }
    )
    assert (offered(one).tracking, offered(one).languages) == (None, {})
    assert (offered(PROGRAM).tracking, offered(PROGRAM).language) == (False, "en")


def test_another_wording_is_another_version() -> None:
    topics = (PROGRAM.workspace.topics[0].model_copy(update={"description": "Other"}), PROGRAM.workspace.topics[1])
    changed = PROGRAM.model_copy(update={"workspace": PROGRAM.workspace.model_copy(update={"topics": topics})})
    versions = {offered(PROGRAM).version, offered(PROGRAM, language="de").version, offered(changed).version}
    assert len(versions) == 3
    assert offered(PROGRAM).version == offered(PROGRAM, first_name="x").version


@pytest.mark.parametrize(
    ("code", "name"), [("en", "English"), ("de", "Deutsch"), ("ja", "日本語"), ("ro", "Română"), ("x", "x")]
)
def test_languages_are_called_as_those_who_speak_them_do(code: str, name: str) -> None:
    assert own_name(code) == name

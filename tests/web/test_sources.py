"""Where leads come from: sessions, counts per day, touches and origin, from the visit to the lead."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from sqlalchemy import delete, insert, select, text

from engine.leads import intake
from engine.model.lead import TRACKING
from engine.platform.clock import FixedClock
from engine.runtime.runtime import Runtime
from engine.store.measured import sessions, sources, touches
from engine.store.tables import api_keys
from tests.web.conftest import BASE, BROWSER, SITE
from web.http.script import MOST, integrity, source

Stored = Callable[[str], Awaitable[Any]]
HEADERS = {"origin": SITE, "user-agent": BROWSER}


@pytest_asyncio.fixture
async def browser(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client that keeps its cookies."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE, headers=HEADERS) as client:
        yield client


@pytest_asyncio.fixture
async def auth(rt: Runtime, clock: FixedClock) -> dict[str, str]:
    """The header of a key that is active."""
    digest = hashlib.sha256(b"cf_sources").hexdigest()
    async with rt.db.engine.begin() as connection:
        await connection.execute(delete(api_keys).where(api_keys.c.hash == digest))
        await connection.execute(insert(api_keys).values(hash=digest, name="sources", created_at=clock.now()))
    return {"authorization": "Bearer cf_sources"}


async def visit(browser: httpx.AsyncClient, path: str, referrer: str = "", **more: object) -> None:
    body = {"url": SITE + path, "title": "", "referrer": referrer, "consent": True, **more}
    answer = await browser.post("/t", json=body)
    assert answer.status_code == 204, answer.text


async def rows(rt: Runtime, query: Any) -> list[Any]:
    async with rt.db.engine.connect() as connection:
        return list(await connection.execute(query))


async def path_of(rt: Runtime, lead: Any) -> list[tuple[str, str, str]]:
    found = select(touches.c.kind, sources.c.channel, sources.c.source).join(
        sources, sources.c.id == touches.c.source_id
    )
    return [tuple(row) for row in await rows(rt, found.where(touches.c.lead_id == lead).order_by(touches.c.at))]


async def test_three_visits_and_a_form_make_a_path_and_an_origin(
    browser: httpx.AsyncClient, rt: Runtime, clock: FixedClock, stored: Stored
) -> None:
    await visit(browser, "/guide?utm_source=google&utm_medium=cpc&utm_campaign=Pumps&utm_term=heat+pump&gclid=Ab1")
    clock.advance(timedelta(minutes=3))
    await visit(browser, "/pricing", f"{SITE}/guide")
    clock.advance(timedelta(days=2))
    await visit(browser, "/", "https://www.linkedin.com/feed")
    clock.advance(timedelta(days=2))
    await visit(browser, "/demo")
    clock.advance(timedelta(minutes=5))
    await browser.post("/f/whitepaper", data={"email": "path@firm.example", "company": "F"})
    lead = await stored("path@firm.example")
    assert await path_of(rt, lead.id) == [
        ("visit", "Paid Search", "google"), ("visit", "Organic Social", "linkedin"), ("visit", "Direct", "(direct)"),
    ]  # fmt: skip
    assert lead.origin == {
        "first_channel": "Paid Search", "first_source": "google", "first_medium": "cpc", "first_campaign": "pumps",
        "first_keyword": "heat pump", "created_channel": "Direct", "created_source": "(direct)",
        "created_medium": "(none)", "created_by": "form Whitepaper",
    }  # fmt: skip
    kept = await rows(rt, select(sessions).where(sessions.c.lead_id == lead.id).order_by(sessions.c.begun))
    assert [(one.landing, one.pages, one.click) for one in kept] == [
        ("/guide", 2, ["gclid", "Ab1"]), ("/", 1, None), ("/demo", 1, None),
    ]  # fmt: skip


async def test_events_keep_the_instant_of_the_visit_itself(
    browser: httpx.AsyncClient, rt: Runtime, clock: FixedClock, stored: Stored
) -> None:
    await visit(browser, "/early")
    seen = clock.now()
    clock.advance(timedelta(days=1))
    await browser.post("/f/whitepaper", data={"email": "instant@firm.example", "company": "F"})
    lead = await stored("instant@firm.example")
    found = await rows(
        rt, text("SELECT type, at, happened_at FROM events WHERE lead_id = :id ORDER BY seq").bindparams(id=lead.id)
    )
    by_type = {one.type: one for one in found}
    assert by_type["page.visited"].happened_at == seen
    assert by_type["page.visited"].at == clock.now()
    assert by_type["form.submitted"].happened_at == by_type["form.submitted"].at == clock.now()


async def test_a_visitor_who_is_known_is_never_joined_to_another_address(
    browser: httpx.AsyncClient, rt: Runtime, stored: Stored
) -> None:
    await visit(browser, "/?utm_source=newsletter&utm_medium=email")
    await browser.post("/f/whitepaper", data={"email": "one@firm.example", "company": "F"})
    await browser.post("/f/whitepaper", data={"email": "two@firm.example", "company": "F"})
    one, two = await stored("one@firm.example"), await stored("two@firm.example")
    assert [kind for kind, *_ in await path_of(rt, one.id)] == ["visit"]
    assert await path_of(rt, two.id) == [("form", "Unknown", "(not set)")]
    assert two.origin["created_channel"] == "Unknown"


async def test_a_form_without_a_visit_has_the_source_of_its_page(
    http: httpx.AsyncClient, rt: Runtime, stored: Stored
) -> None:
    landing = f"{SITE}/offer?utm_source=bing&utm_medium=cpc"
    data = {"email": "page@firm.example", "company": "F", "cf_landing": landing, "cf_referrer": "https://www.bing.com/"}
    await http.post("/f/whitepaper", data=data, headers=HEADERS)
    lead = await stored("page@firm.example")
    assert await path_of(rt, lead.id) == [("form", "Paid Search", "bing")]
    assert (lead.origin["first_source"], lead.origin["created_by"]) == ("bing", "form Whitepaper")


async def test_a_confirmed_form_joins_the_visits_before_its_post(
    browser: httpx.AsyncClient, rt: Runtime, clock: FixedClock, stored: Stored
) -> None:
    await visit(browser, "/news", "https://duckduckgo.com/")
    await browser.post(
        "/f/opt in", data={"email": "double@firm.example", "consent": "newsletter"}, headers={"origin": BASE}
    )
    lead = await stored("double@firm.example")
    assert (await path_of(rt, lead.id), lead.origin) == ([], {})
    clock.advance(timedelta(days=3))
    assert await intake.confirm(rt, lead.id, 1) == "opt in"
    lead = await stored("double@firm.example")
    assert await path_of(rt, lead.id) == [("visit", "Organic Search", "duckduckgo")]
    assert lead.origin["created_by"] == "form opt in"
    assert lead.origin["created_source"] == "duckduckgo"


async def test_another_source_begins_a_session_at_once_and_days_are_counted(
    browser: httpx.AsyncClient, rt: Runtime, clock: FixedClock
) -> None:
    clock.advance(timedelta(days=10))
    await visit(browser, "/count", "https://chatgpt.com/")
    await visit(browser, "/count/2", f"{SITE}/count")
    await visit(browser, "/count", "https://www.facebook.com/")
    found = await rows(
        rt,
        text(
            "SELECT s.source, d.visits, d.visitors, d.pages FROM visit_days d JOIN sources s ON s.id = d.source_id "
            "WHERE d.landing = '/count' ORDER BY s.source"
        ),
    )
    assert [tuple(one) for one in found] == [("chatgpt", 1, 1, 2), ("facebook", 1, 0, 1)]


async def test_without_consent_only_a_number_stays(http: httpx.AsyncClient, rt: Runtime) -> None:
    query = text(
        "SELECT coalesce(sum(pages), 0) AS pages, count(DISTINCT landing) AS landings FROM visit_days d "
        "JOIN sources s ON s.id = d.source_id WHERE s.source = '(no consent)'"
    )
    before = (await rows(rt, query))[0].pages
    body = {"url": f"{SITE}/secret", "referrer": "https://x.example/"}
    for headers in ({}, {"sec-gpc": "1"}, {"dnt": "1"}):
        answer = await http.post(
            "/t", json={**body, **({"consent": True} if headers else {})}, headers=HEADERS | headers
        )
        assert (answer.status_code, "set-cookie" in answer.headers) == (204, False)
    found = (await rows(rt, query))[0]
    assert (found.pages - before, found.landings) == (3, 1)
    assert await rows(rt, select(sessions).where(sessions.c.landing == "/secret")) == []


@pytest.mark.parametrize(
    ("agent", "machines"),
    [
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", 1),
        ("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0) Chrome/116.0.1938.76", 1),
        ("python-requests/2.32.3", 1),
        ("", 1),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/141.0 Safari/537", 0),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Safari/604.1", 0),
    ],
)  # fmt: skip
async def test_a_program_that_runs_the_script_is_counted_apart(
    http: httpx.AsyncClient, rt: Runtime, agent: str, machines: int
) -> None:
    query = text(
        "SELECT (SELECT count(*) FROM sessions) AS sessions, (SELECT count(*) FROM visitors) AS visitors, "
        "(SELECT count(*) FROM visitor_events) AS events, (SELECT coalesce(sum(pages), 0) FROM visit_days d "
        "JOIN sources s ON s.id = d.source_id WHERE s.source = '(machines)' AND d.visits = 0) AS machines"
    )
    before = (await rows(rt, query))[0]
    own = HEADERS | {"user-agent": agent}
    answer = await http.post("/t", json={"url": f"{SITE}/scan?utm_source=x", "consent": True}, headers=own)
    assert (answer.status_code, "set-cookie" in answer.headers) == (204, not machines)
    await http.post("/t", json={"url": SITE, "consent": True, "kind": "video", "name": "How"}, headers=own)
    after = (await rows(rt, query))[0]
    assert after.machines - before.machines == machines
    assert after.sessions - before.sessions == 1 - machines
    assert after.visitors - before.visitors == 1 - machines, "the cookie of the first names the second"
    assert after.events - before.events == 2 * (1 - machines)


async def test_withdrawing_consent_is_no_visit(http: httpx.AsyncClient, rt: Runtime) -> None:
    query = text(
        "SELECT coalesce(sum(pages), 0) AS pages FROM visit_days d JOIN sources s ON s.id = d.source_id "
        "WHERE s.source = '(no consent)'"
    )
    before = (await rows(rt, query))[0].pages
    await http.post("/t", json={"url": f"{SITE}/", "consent": False}, headers=HEADERS)
    assert (await rows(rt, query))[0].pages == before


@pytest.mark.parametrize(
    ("kind", "name", "type", "kept"),
    [
        ("download", f"{SITE}/files/pump%20guide.pdf", "file.downloaded", "pump guide.pdf"),
        ("video", "How pumps work", "video.watched", "How pumps work"),
        ("outbound", "https://partner.example/", "custom", "outbound"),
    ],
)
async def test_what_else_the_script_tells_is_kept_until_the_visitor_is_known(
    browser: httpx.AsyncClient, log: Any, stored: Stored, kind: str, name: str, type: str, kept: str
) -> None:
    await visit(browser, "/", kind=kind, name=name)
    await browser.post("/f/whitepaper", data={"email": f"{kind}@firm.example", "company": "F"})
    events = await log((await stored(f"{kind}@firm.example")).id)
    assert (events[0].type, events[0].name) == (type, kept)


@pytest.mark.parametrize("body", [{"kind": "event", "name": "undeclared"}, {"kind": "nonsense"}, {"kind": "download"}])
async def test_what_no_campaign_can_know_is_refused(http: httpx.AsyncClient, body: dict[str, str]) -> None:
    answer = await http.post("/t", json={"url": SITE, "consent": True, **body}, headers=HEADERS)
    assert answer.status_code == 422


async def test_the_script_is_small_and_its_hash_is_that_of_what_is_served(http: httpx.AsyncClient) -> None:
    answer = await http.get("/cf.js")
    assert answer.content == source()
    assert len(answer.content) <= MOST
    assert len(gzip.compress(answer.content)) <= 2_048
    assert answer.headers["access-control-allow-origin"] == "*"
    assert (await http.get("/cf.js", headers={"if-none-match": answer.headers["etag"]})).status_code == 304
    assert integrity() in (await http.get("/")).text.replace("&#43;", "+")


async def test_clicks_in_our_emails_are_touches_and_the_visit_behind_one_is_the_same_touch(
    browser: httpx.AsyncClient, rt: Runtime, clock: FixedClock, new_message: Any, stored: Stored
) -> None:
    await visit(browser, "/", "https://www.google.de/")
    data = {"email": "mails@firm.example", "company": "F", "consent": TRACKING}
    await browser.post("/f/whitepaper", data=data)
    lead = await stored("mails@firm.example")
    message = await new_message(lead.id, "link-9", f"{SITE}/more")
    for after in (timedelta(hours=1), timedelta(minutes=20), timedelta(minutes=11)):
        clock.advance(after)
        await intake.click(rt, message, "link-9")
    clock.advance(timedelta(minutes=2))
    await visit(browser, "/more")
    clock.advance(timedelta(minutes=45))
    await visit(browser, "/again")
    assert await path_of(rt, lead.id) == [
        ("visit", "Organic Search", "google"), ("mail click", "Email", "coldframe"),
        ("mail click", "Email", "coldframe"), ("visit", "Direct", "(direct)"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "path"),
    [
        (None, ("call", "Offline", "(offline)")),
        ({"source": "Google", "medium": "cpc"}, ("call", "Paid Search", "google")),
        ({"page": f"{SITE}/?utm_source=bing&utm_medium=cpc"}, ("call", "Paid Search", "bing")),
        ({"page": f"{SITE}/x", "referrer": "https://www.xing.com/"}, ("call", "Organic Social", "xing")),
        ({"campaign": "IFAT 2026 & more"}, ("call", "Other campaign", "(not set)")),
    ],
)
async def test_a_call_carries_its_source_or_is_offline(
    http: httpx.AsyncClient, rt: Runtime, stored: Stored, auth: dict[str, str], source: Any, path: tuple[str, str, str]
) -> None:
    email = f"call-{abs(hash(str(source)))}@firm.example"
    body = {"type": "call.received", "email": email, **({"source": source} if source else {})}
    answer = await http.post("/api/events", json=body, headers=auth)
    assert answer.json() == {"state": "recorded"}
    lead = await stored(email)
    assert await path_of(rt, lead.id) == [path]
    assert (lead.origin["created_by"], lead.origin["created_channel"]) == ("call", path[1])


@pytest.mark.parametrize(
    ("source", "member"),
    [("google", "source"), ({}, "source"), ({"nonsense": "x"}, "source"), ({"medium": ""}, "source.medium"),
     ({"page": "not a page"}, "source.page"), ({"source": 5}, "source.source")],
)  # fmt: skip
async def test_a_source_that_is_none_is_refused(
    http: httpx.AsyncClient, auth: dict[str, str], source: object, member: str
) -> None:
    body = {"type": "call.received", "email": "wrong@firm.example", "source": source}
    answer = await http.post("/api/events", json=body, headers=auth)
    assert (answer.status_code, [*answer.json()["errors"]]) == (422, [member])

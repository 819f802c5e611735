"""The script on a page of another origin: three visits from different sources, consent on the second, a form on the
third, and the lead's path."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page
from playwright.async_api import Request as Sent
from sqlalchemy import select, text
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from dsl.plan import Ask, CustomEvent, Form, Program, Workspace
from engine.deploying.deploy import deploy
from engine.platform.clock import SystemClock
from engine.platform.settings import Settings
from engine.runtime.runtime import Runtime, open_runtime
from engine.store.measured import sources, touches
from engine.store.tables import events, leads
from tests.browser.conftest import CHROMIUM, served
from web.app import create_app
from web.http.script import integrity

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

PAGE = """<!doctype html><title>Pumps</title>
<script src="{base}/cf.js" integrity="{hash}" crossorigin="anonymous" defer></script>
<button onclick="coldframe('consent', true)">Agree</button>
<button onclick="coldframe('event', 'quote', {{amount: 500, secret: 'x'}})">Quote</button>
<button onclick="history.pushState({{}}, '', '/second')">Next</button>
<button onclick="history.replaceState({{}}, '', location.pathname)">Tidy</button>
<a href="#prices">Prices</a> <a href="#/cart">Cart</a> <a href="https://elsewhere.example/page">Elsewhere</a>
<a href="/export?id=3" download>Export</a> <a href="/files/guide.pdf">Guide</a>
<form method="post" action="{base}/f/demo"><input name="email"><input type="hidden" name="utm_source">
<button>Send</button></form>
<div data-coldframe-form="demo"></div>"""


@pytest_asyncio.fixture(scope="module")
async def rt(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Runtime]:
    secrets = {"secret": "s" * 32, "pepper": "p" * 32}
    settings = Settings(database_url=database_url, home=tmp_path_factory.mktemp("home"), **secrets)
    async with open_runtime(settings, clock=SystemClock()) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module")
async def site(rt: Runtime) -> AsyncIterator[tuple[str, str]]:
    """The company's site, and Coldframe behind it."""
    async with served(create_app(rt)) as base:

        async def page(request: Request) -> HTMLResponse:
            return HTMLResponse(PAGE.format(base=base, hash=integrity()))

        async with served(Starlette(routes=[Route("/{rest:path}", page)])) as own:
            forms = (
                Form(name="demo", asks=(Ask(field="email"),), thanks=f"{own}/thanks", allowed_on=(own,), source="f:1"),
            )
            quote = CustomEvent(name="quote", data=(("amount", "number"),), required=("amount",))
            program = Program(workspace=Workspace(name="Acme"), forms=forms, events=(quote,))
            await deploy(rt.db, rt.clock, program, {}, "test")
            yield own, base


@pytest_asyncio.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    context = await browser.new_context()
    yield await context.new_page()
    await context.close()


async def settled(page: Page, rt: Runtime, table: str, many: int) -> None:
    """Wait until so many rows are there, but not for ever."""
    for _ in range(100):
        async with rt.db.engine.connect() as connection:
            found = (await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()
        if found >= many:
            return
        await page.wait_for_timeout(100)
    raise AssertionError(f"{table} has {found} rows, not {many}")


async def test_three_visits_consent_on_the_second_and_a_form_on_the_third(
    page: Page, rt: Runtime, site: tuple[str, str]
) -> None:
    own, _ = site
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.url.endswith("/t") else None)
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)

    await page.goto(f"{own}/?utm_source=newsletter&utm_medium=email")
    await page.wait_for_load_state("networkidle")
    assert sent == [], "nothing may be sent before consent"

    await page.goto(f"{own}/offer?utm_source=google&utm_medium=cpc&utm_campaign=Pumps")
    await page.get_by_role("button", name="Agree").click()
    await settled(page, rt, "sessions", 1)

    partner = own.replace("127.0.0.1", "localhost")
    await page.route(
        f"{partner}/**", lambda route: route.fulfill(content_type="text/html", body=f'<a href="{own}/demo">Acme</a>')
    )
    await page.goto(f"{partner}/partner")
    await page.get_by_role("link", name="Acme").click()
    await settled(page, rt, "sessions", 2)
    await page.get_by_role("button", name="Next").click()
    await settled(page, rt, "visitor_events", 3)
    await page.get_by_role("button", name="Quote").click()
    await settled(page, rt, "visitor_events", 4)
    assert await page.locator("iframe").get_attribute("src") is not None
    await page.locator("form input[name=email]").fill("anna@lead.example")
    await page.get_by_role("button", name="Send").click()
    await page.wait_for_url(f"{own}/thanks")

    async with rt.db.engine.connect() as connection:
        lead = (await connection.execute(select(leads))).one()
        path = select(touches.c.kind, sources.c.channel, sources.c.source, sources.c.campaign).join(
            sources, sources.c.id == touches.c.source_id
        )
        found = [tuple(row) for row in await connection.execute(path.order_by(touches.c.at))]
        log = [(row.type, row.name) for row in await connection.execute(select(events).order_by(events.c.seq))]
        quoted = (await connection.execute(select(events.c.data).where(events.c.type == "custom"))).scalar_one()
    assert found == [("visit", "Paid Search", "google", "pumps"), ("visit", "Referral", "localhost", "")]
    assert (lead.origin["first_source"], lead.origin["created_source"]) == ("google", "localhost")
    assert lead.origin["created_by"] == "form demo"
    assert log[:5] == [
        ("page.visited", "/offer"), ("page.visited", "/demo"), ("page.visited", "/second"), ("custom", "quote"),
        ("form.submitted", "demo"),
    ]  # fmt: skip
    assert (quoted["amount"], "secret" in quoted) == (500, False)
    assert [one for one in errors if "frame" not in one.lower()] == []


async def test_what_is_another_page_of_a_one_page_application(page: Page, site: tuple[str, str]) -> None:
    """And what is not; downloads and links to other sites are told with the page they stand on."""
    own, _ = site
    told: list[tuple[str, str, str]] = []

    def note(request: Sent) -> None:
        if request.url.endswith("/t"):
            body = request.post_data_json
            told.append((body["kind"], body["url"].removeprefix(own), body.get("name", "").removeprefix(own)))

    page.on("request", note)
    await page.route("https://elsewhere.example/**", lambda route: route.fulfill(status=204))
    await page.route(f"{own}/export*", lambda route: route.fulfill(status=204))
    await page.route(f"{own}/files/*", lambda route: route.fulfill(status=204))
    await page.goto(f"{own}/offer?utm_source=google")
    await page.get_by_role("button", name="Agree").click()
    await page.get_by_role("button", name="Tidy").click()
    for link in ("Prices", "Cart", "Elsewhere", "Export", "Guide"):
        await page.get_by_role("link", name=link).click()
        await page.wait_for_timeout(50)
    await page.get_by_role("button", name="Next").click()
    await page.wait_for_timeout(50)
    await page.go_back()
    for _ in range(100):
        if len(told) >= 7:
            break
        await page.wait_for_timeout(50)
    assert told == [
        ("page", "/offer?utm_source=google", ""), ("page", "/offer#/cart", ""),
        ("outbound", "/offer#/cart", "https://elsewhere.example/page"), ("download", "/offer#/cart", "/export?id=3"),
        ("download", "/offer#/cart", "/files/guide.pdf"), ("page", "/second", ""), ("page", "/offer#/cart", ""),
    ]  # fmt: skip


@pytest.mark.parametrize("wish", ["'globalPrivacyControl', {value: true}", "'doNotTrack', {value: '1'}"])
async def test_a_browser_that_objects_sends_nothing(browser: Browser, site: tuple[str, str], wish: str) -> None:
    own, _ = site
    context = await browser.new_context()
    await context.add_init_script(f"Object.defineProperty(navigator, {wish})")
    page = await context.new_page()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.url.endswith("/t") else None)
    await page.goto(f"{own}/offer")
    await page.get_by_role("button", name="Agree").click()
    await asyncio.sleep(0.3)
    assert sent == []
    await context.close()


async def test_an_event_that_is_refused_says_why(page: Page, rt: Runtime, site: tuple[str, str]) -> None:
    own, _ = site
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "warning" else None)
    await page.goto(own)
    assert await page.evaluate("coldframe('event', 'quote', {amount: 5})") is False
    assert said == []
    await page.get_by_role("button", name="Agree").click()
    assert await page.evaluate("coldframe('event', 'quote', {amount: 5})") is True
    for given in ("'quote', {}", "'quote', {amount: 'x'}", "'q'"):
        assert await page.evaluate(f"coldframe('event', {given})") is False
    for _ in range(100):
        if len(said) == 3:
            break
        await page.wait_for_timeout(50)
    assert said == [
        'cf {"error":"`data.amount` is missing, which this event is declared to have."}',
        'cf {"error":"`data.amount` is of type number."}',
        'cf {"error":"The workspace declares no event of this name."}',
    ]

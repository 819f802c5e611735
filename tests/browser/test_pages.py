"""The pages in a real browser: our own policy blocks none of them, forms need no script, mails are shown safely."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from sqlalchemy import insert

from dsl.plan import Ask, Consent, Form, LeadField, Program, Topic, Workspace
from engine.deploying.deploy import deploy
from engine.platform.clock import SystemClock
from engine.platform.settings import Settings
from engine.runtime.runtime import Runtime, open_runtime
from engine.store.tables import leads, mailbox, messages
from tests.browser.conftest import CHROMIUM, served
from web.app import create_app

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

PROGRAM = Program(
    workspace=Workspace(
        name="Acme Pumps",
        languages=("en", "de"),
        topics=(Topic(name="newsletter", description="News about pumps"), Topic(name="tips", description="Tips")),
    ),
    fields=(
        LeadField(name="company_size", type="number"),
        LeadField(name="area", type="choice", choices=("Pumps", "Valves", "Seals")),
    ),
    forms=(
        Form(
            name="whitepaper",
            asks=(
                Ask(field="email", required=True, labels=(("", "Your work email"), ("de", "Ihre Firmen-E-Mail"))),
                Ask(field="company", required=True),
                Ask(field="country", required=True),
                Ask(field="company_size"),
                Ask(field="area"),
            ),
            consents=(Consent(wording="I would like to receive emails about pumps", topic="newsletter"),),
            file="pump-guide.pdf",
            source="forms.campaign:1",
        ),
    ),
)
MAIL = """<html><head><title>Hi</title></head><body style="background:rgb(1, 2, 3)"><p style="color:red">Hello</p>
<a href="{base}/healthz">Read on</a><script>document.body.textContent = "hacked"</script>
<img src="https://tracker.example/x.gif"></body></html>"""

TEMPLATE = """---
subject: Hello {{ lead.first_name }}
---
<html><head><style>p { color: rgb(255, 0, 0) }</style></head><body><p>Hello {{ lead.first_name }}</p>
<a href="{{ file_url("pump-guide.pdf") }}">The guide</a> <a href="/healthz">Read on</a>
<script>document.body.textContent = "hacked"</script><form action="/t" method="post"><button>Send</button></form>
</body></html>"""


@pytest_asyncio.fixture(scope="module")
async def rt(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Runtime]:
    secrets = {"secret": "s" * 32, "pepper": "p" * 32}
    settings = Settings(database_url=database_url, home=tmp_path_factory.mktemp("home"), **secrets)
    async with open_runtime(settings, clock=SystemClock()) as opened:
        bundle = {"files/pump-guide.pdf": b"%PDF-1.7", "templates/hello.html": TEMPLATE.encode()}
        await deploy(opened.db, opened.clock, PROGRAM, bundle, "test")
        yield opened


@pytest_asyncio.fixture(scope="module")
async def base(rt: Runtime) -> AsyncIterator[str]:
    """The application behind a real server on a free port."""
    async with served(create_app(rt)) as address:
        yield address


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complains about, such as our policy blocking our own page; what stays here fails the test."""
    return []


@pytest_asyncio.fixture
async def page(browser: Browser, complaints: list[str]) -> AsyncIterator[Page]:
    """A page of a small telephone."""
    context = await browser.new_context(viewport={"width": 360, "height": 740}, locale="de-DE", accept_downloads=True)
    opened = await context.new_page()
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    yield opened
    await context.close()
    expected = ("status of 422", "status of 404")
    assert [text for text in complaints if not any(word in text for word in expected)] == []


async def no_sideways_scrolling(page: Page) -> None:
    assert await page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


async def test_a_form_from_mistakes_to_the_file(page: Page, base: str, tmp_path: Path) -> None:
    await page.goto(f"{base}/f/whitepaper")
    await expect(page.get_by_label("Ihre Firmen-E-Mail")).to_be_visible()
    await no_sideways_scrolling(page)
    await page.get_by_label("Ihre Firmen-E-Mail").fill("ada@")
    await page.get_by_label("Firma", exact=True).fill("Fírma <b>")
    await page.get_by_label(re.compile("Company size")).fill("12")
    await page.get_by_label("Valves").check()
    await page.get_by_label("I would like to receive").check()
    await asyncio.sleep(1.1)  # quicker than this counts as a machine
    await page.get_by_role("button", name="Absenden").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.get_by_label("Ihre Firmen-E-Mail")).to_have_accessible_description(re.compile("E-Mail-Adresse"))
    await expect(page.get_by_label("Firma", exact=True)).to_have_value("Fírma <b>")
    await expect(page.get_by_label("Valves")).to_be_checked()
    await page.get_by_label("Ihre Firmen-E-Mail").fill("ada@firm.example")
    await page.get_by_label("Land").select_option("DE")
    await page.get_by_role("button", name="Absenden").click()
    await expect(page.get_by_role("heading", name="Vielen Dank!")).to_be_visible()
    async with page.expect_download() as download:
        await page.get_by_role("link", name="pump-guide.pdf herunterladen").click()
    found = await download.value
    await found.save_as(tmp_path / "file")
    assert found.suggested_filename == "pump-guide.pdf"
    assert (tmp_path / "file").read_bytes() == b"%PDF-1.7"


async def test_the_keyboard_reaches_every_field_and_not_the_trap(page: Page, base: str) -> None:
    await page.goto(f"{base}/f/whitepaper")
    reached: list[str] = []
    for _ in range(12):
        await page.keyboard.press("Tab")
        reached.append(await page.evaluate("document.activeElement.name || document.activeElement.type || ''"))
    assert list(dict.fromkeys(name for name in reached if name)) == [
        "email", "company", "country", "company_size", "area", "consent", "submit",
    ]  # fmt: skip


async def test_a_mail_is_shown_with_its_style_and_without_its_script(
    page: Page, base: str, rt: Runtime, complaints: list[str]
) -> None:
    row = {
        "id": uuid4(), "to": "ada.lovelace@firm.example", "sender": "Acme <hello@acme.example>",
        "subject": "Hello", "headers": {}, "html": MAIL.format(base=base), "text": "Hello", "at": rt.clock.now(),
    }  # fmt: skip
    async with rt.db.engine.begin() as connection:
        await connection.execute(insert(mailbox).values(row))
    foreign: list[str | None] = []
    page.on("requestfailed", lambda request: foreign.append(request.failure))
    page.on("requestfinished", lambda request: None if base in request.url else foreign.append(request.url))
    await page.goto(f"{base}/mailbox")
    await no_sideways_scrolling(page)
    address = await page.get_by_text("ada.lovelace@firm.example").bounding_box()
    assert address is not None
    assert address["height"] < 30, "an address stands on one line"
    await page.get_by_role("link", name="Hello").click()
    frame = page.frame_locator("iframe")
    await expect(frame.get_by_text("Hello")).to_have_css("color", "rgb(255, 0, 0)")
    assert foreign == ["csp"]
    blocked = sorted(text.partition(" '")[0] for text in complaints)
    assert blocked == ["Blocked script execution in", "Loading the image"]
    complaints.clear()
    async with page.context.expect_page() as opened:
        await frame.get_by_role("link", name="Read on").click()
    tab = await opened.value
    await tab.wait_for_load_state()
    assert tab.url == f"{base}/healthz"
    await tab.close()


@pytest_asyncio.fixture
async def ada(rt: Runtime) -> UUID:
    """A lead who reads German and gets one topic."""
    now, id = rt.clock.now(), uuid4()
    row = {
        "id": id, "email": f"{id}@firm.example", "email_key": f"{id}@firm.example", "seq": 0, "scores": {}, "rated": {},
        "stage": "", "topics": {"newsletter": "subscribed"}, "fields": {"first_name": "Ada", "language": "de"},
        "created_at": now, "last_at": now,
    }  # fmt: skip
    async with rt.db.engine.begin() as connection:
        await connection.execute(insert(leads).values(row))
    return id


async def test_a_mail_in_the_browser_is_shut_in_and_its_links_work(
    page: Page, base: str, rt: Runtime, ada: UUID, complaints: list[str]
) -> None:
    deployment, id = await rt.catalog.refresh(), uuid4()
    assert deployment is not None
    row = {
        "id": id, "owner_id": uuid4(), "step": "a", "visit": "0", "lead_id": ada, "template": "hello", "reason": "",
        "kind": "transactional", "state": "accepted", "attempt": "", "source": "", "subject": "", "at": rt.clock.now(),
        "memo": {"epoch": deployment.epoch, "lead": {"first_name": "Ada"}},
    }  # fmt: skip
    async with rt.db.engine.begin() as connection:
        await connection.execute(insert(messages).values(row))
    await page.goto(f"{base}/v/{rt.tokens.sign('view', str(id))}")
    await expect(page).to_have_title("Hello Ada")
    await expect(page.get_by_text("Hello Ada")).to_have_css("color", "rgb(255, 0, 0)")
    assert await page.evaluate("window.origin") == "null"
    await page.get_by_role("button", name="Send").click()
    assert "/v/" in page.url
    async with page.expect_download() as download:
        await page.get_by_role("link", name="The guide").evaluate(
            "(link, base) => { link.href = base + new URL(link.href).pathname; link.click() }", base
        )
    assert (await download.value).suggested_filename == "pump-guide.pdf"
    await page.get_by_role("link", name="Read on").click()
    await expect(page.get_by_text("ok")).to_be_visible()
    blocked = {text.partition(" '")[0] for text in complaints if "404" not in text}
    assert blocked == {"Blocked script execution in", "Blocked form submission to"}
    complaints.clear()


async def test_choosing_what_to_receive_by_keyboard_alone(page: Page, base: str, rt: Runtime, ada: UUID) -> None:
    await page.goto(f"{base}/p/{rt.tokens.sign('preferences', str(ada))}")
    await no_sideways_scrolling(page)
    await expect(page.get_by_label("News about pumps")).to_be_checked()
    for key in ("Tab", "Space", "Tab", "Space", "Tab", "Space", "Tab", "Tab", "Enter"):
        await page.keyboard.press(key)
    await expect(page.get_by_role("status")).to_have_text("Ihre Auswahl ist gespeichert.")
    await expect(page.get_by_label("News about pumps")).not_to_be_checked()
    await expect(page.get_by_label("Tips")).to_be_checked()
    await expect(page.get_by_label("Sie dürfen messen")).to_be_checked()
    await page.get_by_label("Sprache der E-Mails").select_option("English")
    await page.get_by_role("button", name="Speichern").click()
    await expect(page.get_by_role("heading", name="Choose what you receive")).to_be_visible()
    await page.get_by_role("button", name="Stop all emails").click()
    await expect(page.get_by_role("status")).to_contain_text("You have been unsubscribed")
    await expect(page.get_by_label("Tips")).not_to_be_checked()
    await no_sideways_scrolling(page)

"""Writing in Chromium: a campaign from nothing to a lead, with script, without it, by keyboard alone, on any width."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from sqlalchemy import text

from engine.access import users
from engine.platform.clock import FixedClock
from engine.platform.settings import Settings
from engine.runtime.runtime import Runtime, open_runtime
from tests.browser.conftest import CHROMIUM, find_flaws, served
from tests.support.stage import TUESDAY
from tests.support.writing import deploy_files, make_files
from tests.web.conftest import UNLIMITED
from web.app import create_app

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
PICTURES = os.environ.get("DESK_PICTURES")
LOOKS: tuple[tuple[int, Literal["light", "dark"]], ...] = ((390, "light"), (1280, "dark"))
FILE = "/desk/write/file?path=whitepaper.campaign"


@pytest_asyncio.fixture
async def rt(fresh_database_url: str, tmp_path: Path) -> AsyncIterator[Runtime]:
    settings = Settings(database_url=fresh_database_url, home=tmp_path, base_url="http://127.0.0.1")
    async with open_runtime(settings, clock=FixedClock(TUESDAY)) as opened:
        yield opened


@pytest_asyncio.fixture
async def site(rt: Runtime) -> AsyncIterator[str]:
    async with served(create_app(rt, budgets=UNLIMITED)) as address:
        yield address


async def come_in(
    browser: Browser,
    rt: Runtime,
    site: str,
    *,
    width: int = 1280,
    scheme: Any = "light",
    plain: bool = False,
    **more: Any,
) -> Page:
    """Somebody of marketing, signed in. `plain`: where the editor was not built."""
    context = await browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **more)
    page = await context.new_page()
    if plain:
        await page.route("**/built/*", lambda route: route.abort())
    user = await users.find(rt, "ada@acme.example") or await users.add(
        rt, "ada@acme.example", "Ada", ["marketing"], (None, "test")
    )
    await page.goto(site + await users.make_link(rt, user, "entry", (None, "test")))
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/desk")
    return page


async def type_over(page: Page, old: str, new: str) -> None:
    """Change the text: in the editor where there is one, else in the field."""
    script = """given => {
        const { text, changed } = window.coldframe;
        text.write(text.read().replace(given.old, given.new));
        changed();
    }"""
    await page.evaluate(script, {"old": old, "new": new})


async def test_a_campaign_from_nothing_to_a_lead(browser: Browser, rt: Runtime, site: str) -> None:
    page = await come_in(browser, rt, site)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    await page.get_by_role("link", name="Write", exact=True).click()
    tile = page.locator("li", has=page.get_by_role("heading", name="Whitepaper"))
    await tile.get_by_label("Your company").fill("Acme")
    await tile.get_by_role("button", name="Begin from this").click()
    await expect(page.locator("#problems")).to_contain_text("No problems")
    await type_over(page, "wait 3 days", "wait 3 dayz")
    await expect(page.locator("#problems")).to_contain_text("did you mean days?")
    await type_over(page, "wait 3 dayz", "wait 2 days")
    await expect(page.locator("#problems")).to_contain_text("No problems")
    await expect(page.locator("#state")).to_have_text("Saved")
    await expect(page.frame_locator("#drawing").get_by_text("2 days")).to_be_visible()
    await page.frame_locator("#drawing").locator("a", has_text="2 days").click()
    await page.wait_for_url("**line=**")
    await page.get_by_role("link", name="Story").click()
    await page.get_by_label("Then,").select_option(label="3 days later")
    await page.get_by_label("the lead", exact=True).select_option(label='Clicks a link in "whitepaper/case-study"')
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.locator(".timeline")).to_contain_text("+15 points")
    await page.get_by_role("link", name="Review and deploy").click()
    await page.get_by_label("What is it for?").fill("The pump guide")
    await page.get_by_role("button", name="Deploy").click()
    await expect(page.get_by_text("Deployment 1 is live.")).to_be_visible()
    await page.goto(f"{site}/f/whitepaper")
    assert isinstance(rt.clock, FixedClock)
    rt.clock.set(TUESDAY + timedelta(minutes=1))  # nobody fills in a form in no time
    await page.get_by_label("Your work email").fill("eva@customer.example")
    await page.locator("input[name=company]").fill("Customer")
    async with page.expect_response("**/f/whitepaper") as answered:
        await page.get_by_role("button").click()
    assert (await answered.value).status == 303, await page.inner_text("main")
    async with rt.db.engine.connect() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM leads"))).scalar_one() == 1
    assert wrong == []
    await page.context.close()


async def test_the_same_without_script(browser: Browser, rt: Runtime, site: str) -> None:
    page = await come_in(browser, rt, site, width=390, java_script_enabled=False)
    await page.goto(f"{site}/desk/write")
    tile = page.locator("li", has=page.get_by_role("heading", name="Welcome"))
    await tile.get_by_label("Your company").fill("Acme")
    await tile.get_by_role("button", name="Begin from this").click()
    field = page.get_by_label("Text of welcome.campaign")
    good = await field.input_value()
    await field.fill(good.replace("    flow", "    flwo"))
    await page.get_by_role("button", name="Save and check").click()
    await expect(page.locator("#problems")).to_contain_text("did you mean flow?")
    await page.get_by_label("Text of welcome.campaign").fill(good)
    await page.get_by_label("Insert").select_option(label="Add points")
    await page.get_by_role("button", name="Insert").click()
    await expect(page.get_by_label("Text of welcome.campaign")).to_have_value(good + "        add 10 points\n")
    await expect(page.locator("#problems")).to_contain_text("No problems")
    for view in ("Story", "Email", "What changes", "Comments", "Flow"):
        await page.get_by_role("link", name=view, exact=True).click()
        await expect(page.locator(".tabs [aria-current]")).to_have_text(view)
    await page.get_by_role("link", name="Review and deploy").click()
    await page.get_by_role("button", name="Deploy").click()
    await expect(page.get_by_text("Deployment 1 is live.")).to_be_visible()
    await page.context.close()


async def test_by_keyboard_alone_in_the_plain_field(browser: Browser, rt: Runtime, site: str) -> None:
    await deploy_files(rt, make_files())
    page = await come_in(browser, rt, site, plain=True)
    await page.goto(site + FILE)
    field = page.get_by_label("Text of whitepaper.campaign")
    for _ in range(80):
        await page.keyboard.press("Tab")
        if await field.evaluate("field => field === document.activeElement"):
            break
    await expect(field).to_be_focused()
    await page.keyboard.press("Control+End")
    await page.keyboard.type("campai")
    await page.keyboard.press("Control+ ")
    await expect(page.locator("#offers button").first).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(field).to_be_focused()
    assert "campaign" in (await field.input_value()).splitlines()[-1]
    await expect(page.locator("#problems")).to_contain_text("error")
    await page.keyboard.press("Control+Home")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("F1")
    await expect(page.locator("#offers")).to_contain_text("form")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Save and check")).to_be_focused()
    await page.context.close()


async def test_the_editor_suggests_explains_and_marks(browser: Browser, rt: Runtime, site: str) -> None:
    await deploy_files(rt, make_files())
    page = await come_in(browser, rt, site)
    await page.goto(site + FILE)
    if not await page.locator("script[src*='built/editor']").count():
        pytest.skip("the editor is not built; `make editor` builds it")
    editor = page.locator(".cm-content")
    await editor.click()
    await page.keyboard.press("Control+End")
    await page.keyboard.press("Enter")
    await page.keyboard.type('campaign "Two"', delay=15)
    await page.keyboard.press("Enter")
    await page.keyboard.type("    star", delay=15)
    await expect(page.locator(".cm-tooltip-autocomplete")).to_contain_text("starts when")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Control+ ")
    await expect(page.locator(".cm-tooltip-autocomplete")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.keyboard.type(" / ?")
    await expect(page.locator(".cm-lintRange-error").first).to_be_visible()
    assert page.url.endswith("whitepaper.campaign"), "a slash or a question mark in the text is no key of the desk"
    await page.keyboard.press("Escape")  # closes what is suggested, if anything is
    await page.keyboard.press("Escape")
    await page.keyboard.press("Tab")
    await expect(editor).not_to_be_focused()
    await page.locator(".cm-line", has_text="add 15 points").hover(position={"x": 115, "y": 10})
    await expect(page.locator(".about")).to_contain_text("points")
    await page.context.close()


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
async def test_pages_fit_and_axe_finds_nothing(
    browser: Browser, rt: Runtime, site: str, axe: str, width: int, scheme: str
) -> None:
    files = make_files()
    await deploy_files(rt, files)
    page = await come_in(browser, rt, site, width=width, scheme=scheme)
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(f"{page.url}: {said.text}") if said.type == "error" else None)
    await page.goto(site + FILE)
    await type_over(page, "wait 3 days", "wait 4 days")
    await expect(page.locator("#state")).to_have_text("Saved")
    await page.goto(f"{site}{FILE}&show=comments")
    await page.get_by_label("Comment", exact=True).fill("Four? " + "x" * 300)
    await page.get_by_role("button", name="Comment").click()
    await deploy_files(rt, {**files, "whitepaper.campaign": files["whitepaper.campaign"].replace(b"3 days", b"5 days")})
    places = ["/desk/write", *(f"{FILE}&show={view}" for view in ("flow", "story", "email", "plan", "comments")),
              "/desk/write/changes", "/desk/write/history", "/desk/write/file?path=files/whitepaper.pdf",
              "/desk/write/file?path=templates/whitepaper/welcome.md&show=email"]  # fmt: skip
    for number, place in enumerate(places):
        answer = await page.goto(site + place)
        assert answer is not None
        assert answer.status == 200, place
        await page.wait_for_load_state("networkidle")
        wrong += await find_flaws(page, axe, place, width, within="{exclude: ['iframe']}")
        if PICTURES:
            name = f"write-{number:02}-{width}-{scheme}.png"
            await page.screenshot(path=Path(PICTURES) / name, full_page=True)
    assert wrong == []
    await page.context.close()

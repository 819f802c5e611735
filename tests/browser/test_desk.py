"""The desk in Chromium: pages fit phones and desks in both schemes, run no stored text, and axe finds nothing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import CHROMIUM, find_flaws, served
from tests.support.desk import Filled, filled, link, pages
from tests.web.conftest import UNLIMITED
from web.app import create_app

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
LOOKS: tuple[tuple[int, Literal["light", "dark"]], ...] = (
    (390, "light"),
    (1280, "dark"),
    (390, "dark"),
    (1280, "light"),
)
PICTURES = os.environ.get("DESK_PICTURES")
"""A folder for a picture of each page, for people to look at."""


@pytest_asyncio.fixture(scope="module")
async def found(database_url: str) -> AsyncIterator[Filled]:
    async with filled(database_url, "http://127.0.0.1") as opened:
        yield opened


@pytest_asyncio.fixture(scope="module")
async def site(found: Filled) -> AsyncIterator[str]:
    async with served(create_app(found.rt, budgets=UNLIMITED)) as address:
        yield address


async def signed_in(browser: Browser, found: Filled, site: str, width: int, scheme: Any, **more: Any) -> Page:
    context = await browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **more)
    page = await context.new_page()
    await page.goto(site + await link(found.rt, "admin", "sales"))
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/desk")
    return page


@pytest.mark.parametrize(("width", "scheme"), LOOKS if PICTURES else LOOKS[:2])
async def test_pages_fit_run_no_stored_text_and_axe_finds_nothing(
    browser: Browser, found: Filled, site: str, axe: str, width: int, scheme: str
) -> None:
    context = await browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page, wrong = await context.new_page(), list[str]()
    page.on("dialog", lambda dialog: wrong.append(f"dialog on {page.url}") or asyncio.ensure_future(dialog.dismiss()))
    page.on("console", lambda said: wrong.append(f"{page.url}: {said.text}") if said.type == "error" else None)

    async def look(place: str, number: int) -> None:
        answer = await page.goto(site + place)
        assert answer is not None
        assert answer.status == 200, place
        wrong.extend(await find_flaws(page, axe, place, width))
        if PICTURES:
            name = f"{number:02}-{place.split('?')[0].strip('/').replace('/', '-')[:30]}-{width}-{scheme}.png"
            await page.screenshot(path=Path(PICTURES) / name, full_page=True)
        assert wrong == []

    await look("/desk/sign-in", 90)
    await look(await link(found.rt, "admin", "sales"), 91)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/desk")
    for number, place in enumerate(pages(found)):
        await look(place, number)
    await context.close()


async def test_keys_search_and_explain_and_everything_works_without_script(
    browser: Browser, found: Filled, site: str
) -> None:
    page = await signed_in(browser, found, site, 1280, "light")
    await page.goto(f"{site}/desk/leads")
    await page.keyboard.press("/")
    await expect(page.get_by_role("searchbox")).to_be_focused()
    await page.keyboard.type("maximiliana?")
    await expect(page.get_by_role("searchbox")).to_have_value("maximiliana?")
    await page.get_by_role("searchbox").blur()
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await page.context.close()

    plain = await signed_in(browser, found, site, 390, "dark", java_script_enabled=False)
    await plain.goto(f"{site}/desk/leads")
    await plain.get_by_role("searchbox").fill("hostile@")
    await plain.get_by_role("button", name="Show").click()
    await plain.locator("tbody th a").click()
    await expect(plain.get_by_role("heading", name="Timeline")).to_be_visible()
    await plain.goto(f"{site}/desk/campaigns/one?name=Nurture")
    await plain.get_by_label("Reason for the pause").fill("looked at by hand")
    await plain.get_by_role("button", name="Pause").click()
    await expect(plain.get_by_text("looked at by hand")).to_be_visible()
    await plain.get_by_role("button", name="Resume").click()
    await expect(plain.get_by_label("Reason for the pause")).to_be_visible()
    await plain.get_by_role("button", name="Sign out").click()
    await expect(plain.get_by_role("heading", name="Sign in")).to_be_visible()
    await plain.context.close()

"""A form in a frame: on a page that it is allowed on it grows with what it shows; on any other it is not shown."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from dsl.plan import Ask, Form, Program, Workspace
from engine.deploying.deploy import deploy
from engine.platform.clock import SystemClock
from engine.platform.settings import Settings
from engine.runtime.runtime import Runtime, open_runtime
from tests.browser.conftest import CHROMIUM, served
from web.app import create_app

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

PAGE = """<!doctype html><title>Pumps</title><script src="{base}/cf.js" defer></script>
<div data-coldframe-form="{form}"></div>"""


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

        async def page(request: Request) -> Response:
            if request.url.path == "/thanks":
                return RedirectResponse(f"http://localhost:{request.url.port}/welcome", 302)
            return HTMLResponse(PAGE.format(base=base, form=request.url.path[1:]))

        async with served(Starlette(routes=[Route("/{rest:path}", page)])) as own:
            asks = tuple(Ask(field=name, required=True) for name in ("email", "company", "city"))
            forms = (
                Form(name="demo", asks=asks, thanks=f"{own}/thanks", allowed_on=(own,), source="f:1"),
                Form(name="closed", asks=asks, source="f:9"),
            )
            await deploy(
                rt.db,
                rt.clock,
                Program(workspace=Workspace(name="Acme", tracking_needs_consent=False), forms=forms),
                {},
                "test",
            )
            yield own, base


@pytest_asyncio.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    context = await browser.new_context()
    yield await context.new_page()
    await context.close()


async def height(page: Page) -> int:
    return int(await page.locator("iframe").evaluate("frame => frame.getBoundingClientRect().height"))


async def hidden(page: Page) -> int:
    """How many points of the frame's document its window does not show."""
    frame = page.frames[1]
    return int(await frame.evaluate("document.documentElement.scrollHeight - innerHeight"))


async def test_a_frame_grows_with_its_content(page: Page, site: tuple[str, str]) -> None:
    own, _ = site
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    await page.goto(f"{own}/demo")
    form = page.frame_locator("iframe")
    await expect(form.get_by_label("Email")).to_be_visible()
    await expect(page.locator("iframe")).not_to_have_css("height", "420px")
    before = await height(page)
    assert await hidden(page) <= 0

    await form.get_by_label("Email").fill("frame@firm.example")
    await page.wait_for_timeout(1_100)
    await form.get_by_role("button", name="Send").click()
    await expect(form.get_by_role("alert")).to_be_visible()
    await page.wait_for_function("was => document.querySelector('iframe').offsetHeight > was", arg=before)
    assert await hidden(page) <= 0

    await form.get_by_label("Company").fill("Firm")
    await form.get_by_label("City").fill("Voerde")
    await page.wait_for_timeout(1_100)
    await form.get_by_role("button", name="Send").click()
    await expect(form.get_by_role("heading", name="Thank you!")).to_be_visible()
    await page.wait_for_function("was => document.querySelector('iframe').offsetHeight < was", arg=before)
    assert [text for text in errors if "422" not in text] == []
    await form.get_by_role("link", name="Continue").click()
    await page.wait_for_url("**/welcome")


async def test_nobody_else_shows_it(page: Page, site: tuple[str, str]) -> None:
    own, _ = site
    await page.goto(f"{own}/closed")
    await page.wait_for_load_state("networkidle")
    await expect(page.frame_locator("iframe").get_by_label("Email")).to_have_count(0)
    other = own.replace("127.0.0.1", "localhost")
    await page.goto(f"{other}/demo")
    await page.wait_for_load_state("networkidle")
    await expect(page.frame_locator("iframe").get_by_label("Email")).to_have_count(0)


async def test_a_page_of_thanks_may_redirect_to_another_origin(page: Page, site: tuple[str, str]) -> None:
    _, base = site
    await page.goto(f"{base}/f/demo")
    for label, value in {"Email": "thanks@firm.example", "Company": "Firm", "City": "Voerde"}.items():
        await page.get_by_label(label).fill(value)
    await page.wait_for_timeout(1_100)
    await page.get_by_role("button", name="Send").click()
    await page.wait_for_url("http://localhost:*/welcome")

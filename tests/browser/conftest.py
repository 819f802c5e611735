"""A real browser, and applications behind real servers on free ports."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from socket import socket
from typing import Any

import pytest
import pytest_asyncio
import uvicorn
from playwright.async_api import Browser, Page, async_playwright, expect

expect.set_options(timeout=30_000)  # a busy machine needs more than the usual 5 seconds
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Server(uvicorn.Server):
    """One that says when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """The application on a free port of 127.0.0.1; its address."""
    server = Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    serving = asyncio.create_task(server.serve())
    await asyncio.wait_for(server.up.wait(), 60)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await serving


@pytest_asyncio.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield opened
        await opened.close()


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core, as npm gives it; "" without npm or a network, and then it is not asked."""
    npm, folder = shutil.which("npm"), tmp_path_factory.mktemp("axe")
    if npm is None:
        return ""
    done = subprocess.run([npm, "pack", "axe-core@4", "--silent"], cwd=folder, capture_output=True, timeout=120)
    if done.returncode:
        return ""
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        source = archive.extractfile("package/axe.min.js")
        assert source is not None
        return source.read().decode()


async def find_flaws(page: Page, axe: str, place: str, width: int, *, within: str = "document") -> list[str]:
    """What is wrong with the page that is open: wider than the window, or `within` it against one of axe's rules; with
    `axe` empty these are not asked."""
    over = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    wrong = [f"{place} is {over} px too wide at {width}"] if over > 0 else []
    if axe:
        await page.evaluate(axe)
        said = await page.evaluate(f"axe.run({within}, {{resultTypes: ['violations']}})")
        wrong += [f"{place}: {one['id']}: {one['nodes'][0]['html'][:200]}" for one in said["violations"]]
    return wrong

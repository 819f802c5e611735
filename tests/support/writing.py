"""A workspace that is written at the desk: one to begin from, deployed, and colleagues who write in it."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from html import unescape
from typing import Any
from uuid import UUID, uuid4

import httpx

from dsl.compile import compile_workspace
from engine.cli.starter import base, fitted, starters
from engine.deploying.deploy import Deployed, How, deploy
from engine.runtime.runtime import Runtime
from tests.web.conftest import BASE
from web.desk import rooms
from web.desk.rooms import Room, Rooms
from web.http import deadline

OURS = {"Origin": BASE}
NOBODY = uuid4()
# On a busy machine even the start of a process takes long; how long is no test's business.
rooms.SECONDS = 240.0
deadline.WRITING_SECONDS = 300.0


def make_files(kind: str = "whitepaper") -> dict[str, bytes]:
    """A fresh workspace with one campaign to begin from."""
    files, starter = base("Acme"), starters()[kind]
    texts = [body.decode() for path, body in files.items() if path.endswith(".campaign")]
    campaign, _ = fitted(starter.campaign, texts)
    return {**files, f"{kind}.campaign": campaign.encode(), **starter.files}


async def deploy_files(rt: Runtime, files: dict[str, bytes], author: str = "ada", how: How | None = None) -> Deployed:
    """As `coldframe deploy campaigns` does it."""
    sources = {f"campaigns/{path}": body.decode() for path, body in files.items() if path.endswith(".campaign")}
    bundle = {path: body for path, body in files.items() if not path.endswith(".campaign")}
    compiled = compile_workspace(sources, bundle)
    assert compiled.program is not None, compiled.diagnostics
    return await deploy(rt.db, rt.clock, compiled.program, bundle, author, how, sources)


def find_token(page: str, action: str) -> str:
    """The token of the form that posts to `action`."""
    found = re.search(rf'action="{re.escape(action)}"[^>]*><input type="hidden" name="csrf" value="([^"]+)"', page)
    assert found, action
    return found[1]


class Writer:
    """Somebody's browser: `page` opens a page, `send` submits a form of it, `type` is a keystroke."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.was = ""

    async def page(self, address: str, /, **query: Any) -> str:
        answer = await self.client.get(address, params=query or None)
        assert answer.status_code == 200, (answer.status_code, address)
        return unescape(answer.text)

    async def send(self, page: str, action: str, /, files: Any = None, **given: Any) -> httpx.Response:
        opened = (await self.client.get(page)).text
        data = {"csrf": find_token(opened, action), **given}
        return await self.client.post(action, data=data, files=files, headers=OURS)

    async def content(self) -> str:
        """What the page Review and deploy says it shows."""
        return (await self.page("/desk/write/changes")).split('name="content" value="')[1].split('"')[0]

    async def open(self, path: str) -> str:
        """The page of a file; its text can be typed over from now on."""
        text = (await self.client.get("/desk/write/file", params={"path": path})).text
        for name in ("was", "type", "ask"):
            found = re.search(rf'data-{name}="([^"]*)"', text)
            assert found is not None
            setattr(self, name if name == "was" else f"{name}_token", found[1])
        return unescape(text)

    async def type(self, path: str, text: str, **more: Any) -> httpx.Response:
        body = {"csrf": self.type_token, "path": path, "text": text, "was": self.was, "seen": 0, "by": 0, **more}
        answer = await self.client.post("/desk/write/type", json=body, headers=OURS)
        if answer.status_code == 200:
            self.was = answer.json()["was"]
        return answer

    async def ask(self, what: str, **given: Any) -> httpx.Response:
        body = {"csrf": self.ask_token, "what": what, **given}
        return await self.client.post("/desk/write/ask", content=json.dumps(body), headers={
            **OURS, "Content-Type": "application/json"})  # fmt: skip


Enter = Callable[..., Awaitable[Writer]]
FILE = "whitepaper.campaign"


def change(files: dict[str, bytes], old: str = "wait 3 days", new: str = "wait 5 days") -> str:
    """The campaign's text with another wait."""
    text = files[FILE].decode()
    assert old in text
    return text.replace(old, new, 1)


class OneRoom(Rooms):
    """One process for everybody, which is given another draft each time: starting one costs more than a test."""

    async def _room(self, owner: UUID, folder: str) -> Room:
        return await super()._room(NOBODY, folder)

    def forget(self) -> None:
        """The next draft is another workspace's, whatever its numbers are."""
        for room in self._rooms.values():
            room.holds = ()

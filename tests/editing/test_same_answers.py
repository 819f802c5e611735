"""The desk's page and the language server say the same about every text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from engine.deploying.drafts import Draft
from tests.dsl.harness import ASSETS, CASES
from tests.support.editor import Editor, editor
from web.desk.rooms import Rooms

EVERY = 11
"""So many cases of the corpus lie between two that are asked about."""
CASE = "case.campaign"
TEMPLATE = "templates/whitepaper/welcome.md"
TEXT = "---\nsubject: Hello, {{ lead.company_size }}\n---\nHi {{ lead.nobody }}\n"
OWNER = uuid4()


def list_cases() -> dict[str, str]:
    """The text of some cases of the corpus that are one file beside its base, by their name."""
    cases = [path for path in sorted(CASES.rglob("*.campaign")) if path.parent.name in ("good", "bad")]
    texts = {f"{path.parent.name}-{path.stem}": path.read_text("utf-8").replace("\r\n", "\n") for path in cases}
    alone = [name for name, text in texts.items() if "\nworkspace " not in f"\n{text}"]
    return {name: texts[name] for name in alone[::EVERY]}


def make_files() -> dict[str, bytes]:
    """The base of the corpus beside an empty case."""
    body = b"---\nsubject: Hello, {{ lead.company_size }}\n---\nHi\n"
    return {"base.campaign": (CASES / "base.campaign").read_bytes(), CASE: b"", **dict.fromkeys(ASSETS, body)}


@pytest_asyncio.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Editor]:
    folder = tmp_path_factory.mktemp("editor") / "campaigns"
    for path, body in make_files().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(body)
    async with editor(folder, folder.parent) as it:
        it.open(CASE)
        it.open("base.campaign")
        it.open(TEMPLATE)
        yield it


@pytest_asyncio.fixture(scope="module")
async def rooms() -> AsyncIterator[Rooms]:
    made = Rooms()
    yield made
    await made.close()


class Page:
    """What the desk's page says."""

    def __init__(self, rooms: Rooms, path: str, text: str) -> None:
        self.rooms, self.draft = rooms, Draft(None, 0, make_files(), {path: text.encode()})

    async def ask(self, what: str, **given: Any) -> Any:
        return await self.rooms.ask(OWNER, self.draft, what, **given)


def spots(text: str) -> list[tuple[int, int]]:
    """Places in the text: behind words, quotes, and indents of its lines, some of them."""
    found = []
    for line, words in enumerate(text.split("\n")):
        units = len(words.encode("utf-16-le")) // 2
        indent = len(words) - len(words.lstrip())
        found += [(line, indent), (line, min(indent + 3, units)), (line, units // 2), (line, units)]
    return found[:: max(1, len(found) // 9)]


def as_range(place: dict[str, Any]) -> list[list[int]]:
    return [[place[end]["line"], place[end]["character"]] for end in ("start", "end")]


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in list_cases().items()])
async def test_page_and_editor_say_the_same(text: str, server: Editor, rooms: Rooms) -> None:
    server.type(CASE, text)
    await compare(server, Page(rooms, CASE, text), CASE, text)


async def test_the_same_about_templates(server: Editor, rooms: Rooms) -> None:
    server.type(CASE, "")
    server.type(TEMPLATE, TEXT)
    await compare(server, Page(rooms, TEMPLATE, TEXT), TEMPLATE, TEXT)


async def compare(server: Editor, page: Page, name: str, text: str) -> None:
    document = {"textDocument": {"uri": server.uri(name)}}
    for line, character in spots(text):
        at = {**document, "position": {"line": line, "character": character}}
        here = {"path": name, "line": line, "character": character}
        listed = await server.ask("textDocument/completion", at)
        items = (listed or {"items": []})["items"]
        theirs = [(one["label"], one["textEdit"]["newText"], as_range(one["textEdit"]["range"])) for one in items]
        offers = await page.ask("offers", **here)
        assert [(one["label"], one["insert"], one["range"]) for one in offers] == theirs, (line, character)
        hover = await server.ask("textDocument/hover", at)
        about = await page.ask("about", **here)
        assert (about and about["text"]) == (hover and hover["contents"]["value"]), (line, character)
        where = await server.ask("textDocument/definition", at)
        found = await page.ask("definition", **here)
        assert [(one["path"], one["range"]) for one in found] == [
            (server.file(one["uri"]), as_range(one["range"])) for one in where or []
        ]
    outline = await server.ask("textDocument/documentSymbol", document)
    assert [one["title"] for one in await page.ask("outline", path=name)] == [one["name"] for one in outline or []]
    edits = await server.ask("textDocument/formatting", {**document, "options": {"tabSize": 4, "insertSpaces": True}})
    formatted = await page.ask("formatted", path=name, text=text)
    assert (formatted if formatted != text else None) == (edits[0]["newText"] if edits else None)
    told = (await page.ask("problems"))["problems"].get(name, [])
    expected = sorted((one["code"], one["message"]) for one in told)
    for _ in range(200):
        known = server.problems.get(server.uri(name), [])
        if sorted((one["code"], one["message"].partition("\n")[0]) for one in known) == expected:
            break
        await next_published(server)
    assert sorted((one["code"], as_range(one["range"])) for one in known) == sorted(
        (one["code"], one["range"]) for one in told
    )


async def next_published(server: Editor) -> None:
    await asyncio.wait_for(server.published.get(), 30)

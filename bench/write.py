"""A keystroke on the desk's page for writing, through Chromium, in a workspace of 300 campaigns and 300 mails, against
the language server's own answer to the same keystroke: `python -m bench.write --json`.

A keystroke of the page is timed in the browser, from the change of the text until what is wrong is shown anew: it is
stored in PostgreSQL, checked by the draft's process, and drawn. One of the language server is a `didChange` until its
diagnostics, with the pause in which it waits for more. Both take turns, in the same file, with the same texts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from playwright.async_api import Page, async_playwright

from bench.keystroke import BREAK, WARM
from bench.workspace import temporary_home, write_workspace
from dsl.compile import compile_workspace
from engine.access import users
from engine.cli.stack import Stack
from engine.deploying.checkout import read_folder
from engine.deploying.deploy import deploy
from engine.platform.memory import settle_memory
from engine.platform.settings import Settings
from engine.runtime.runtime import Runtime, open_runtime
from tests.browser.conftest import CHROMIUM, served
from tests.support.editor import Editor, editor
from web.app import create_app

CAMPAIGNS = 300
KEYSTROKES = 60
BY = (None, "bench")
TYPE = """({from, to, insert}) => new Promise(shown => {
    const began = performance.now();
    const watcher = new MutationObserver(() => { watcher.disconnect(); shown(performance.now() - began); });
    watcher.observe(document.getElementById("problems"), {childList: true});
    const {editor, changed} = window.coldframe;
    if (editor) {
        editor.dispatch({changes: {from, to, insert}});
    } else {
        document.getElementById("code").setRangeText(insert, from, to, "end");
        changed();
    }
})"""


async def measure(campaigns: int = CAMPAIGNS, keystrokes: int = KEYSTROKES) -> dict[str, Any]:
    """`page_ms` and `server_ms` with median, p95 and worst; `ratio`: the medians', `editor`: what the page wrote in."""
    async with AsyncExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory())) / "campaigns"
        names = [Path(name).name for name in write_workspace(folder, campaigns, own_mails=True) if "/c" in name]
        page = await _open_page(held, folder, names[0])
        ed = await held.enter_async_context(editor(folder))
        ed.open(names[0])
        await ed.ask("textDocument/documentSymbol", {"textDocument": {"uri": ed.uri(names[0])}})
        await asyncio.sleep(10)  # until it has looked at all templates
        written = "CodeMirror" if await page.evaluate("Boolean(window.coldframe.editor)") else "the plain field"
        ours, theirs = await _take_turns(page, ed, names[0], keystrokes)
    return {
        "campaigns": campaigns, "keystrokes": keystrokes, "editor": written, "page_ms": _tell(ours),
        "server_ms": _tell(theirs), "ratio": round(statistics.median(ours) / statistics.median(theirs), 2),
    }  # fmt: skip


async def _open_page(held: AsyncExitStack, folder: Path, name: str) -> Page:
    """The file, open in a browser, of somebody who is signed in."""
    settings = Settings(home=held.enter_context(temporary_home()), database_url=None)
    stack = await held.enter_async_context(Stack(settings, web=False, workers=0, temporal_server=False))
    rt = await held.enter_async_context(open_runtime(stack.settings))
    await _deploy(rt, folder)
    settle_memory()
    address = await held.enter_async_context(served(create_app(rt)))
    playwright = await held.enter_async_context(async_playwright())
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=quiet)
    held.push_async_callback(browser.close)
    page = await browser.new_page()
    user = await users.add(rt, "ada@bench.example", "Ada", ["marketing"], BY)
    await page.goto(address + await users.make_link(rt, user, "entry", BY))
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/desk")
    await page.goto(f"{address}/desk/write/file?path={name}&show=comments", timeout=60_000)
    return page


async def _deploy(rt: Runtime, folder: Path) -> None:
    files = read_folder(folder)
    sources = {f"campaigns/{path}": body.decode() for path, body in files.items() if path.endswith(".campaign")}
    bundle = {path: body for path, body in files.items() if not path.endswith(".campaign")}
    program = compile_workspace(sources, bundle).program
    assert program is not None
    await deploy(rt.db, rt.clock, program, bundle, "bench", None, sources)


async def _take_turns(page: Page, ed: Editor, name: str, keystrokes: int) -> tuple[list[float], list[float]]:
    ours, theirs = [], []
    good = ed.texts[ed.uri(name)]
    place = good.index(BREAK[0])
    for number in range(keystrokes + WARM):
        text = good.replace(*BREAK, 1) if number % 2 == 0 else good
        change = {"from": place, "to": place + len(BREAK[0]), "insert": BREAK[1] if number % 2 == 0 else BREAK[0]}
        ours.append(float(await page.evaluate(TYPE, change)))
        await asyncio.sleep(0.4)
        while not ed.published.empty():
            ed.published.get_nowait()
        start = time.perf_counter()
        ed.type(name, text)
        await ed.problems_of(name)
        theirs.append((time.perf_counter() - start) * 1000)
        await asyncio.sleep(0.4)
    return ours[WARM:], theirs[WARM:]


def _tell(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {
        "median": round(statistics.median(ordered), 1), "p95": round(ordered[int(len(ordered) * 0.95) - 1], 1),
        "worst": round(ordered[-1], 1),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    found = asyncio.run(measure())
    if asked.json:
        print(json.dumps(found, indent=2))
        return
    for what, told in (("on the page", found["page_ms"]), ("of the language server", found["server_ms"])):
        print(f"a keystroke {what}: median {told['median']} ms, p95 {told['p95']} ms, worst {told['worst']} ms")
    print(f"ratio {found['ratio']}, among {found['campaigns']} campaigns, in {found['editor']}")


if __name__ == "__main__":
    main()

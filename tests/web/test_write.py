"""Writing at the desk: from a starting point to a deployment, with colleagues, and nothing of it lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4
from zipfile import ZipFile

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from engine.access import users
from engine.deploying.history import entries, load
from engine.platform.clock import FixedClock
from engine.platform.settings import Settings
from engine.runtime.runtime import Runtime, open_runtime
from engine.store import desk_log, mailbox
from tests.support.writing import OURS, Writer, deploy_files, make_files
from tests.web.conftest import BASE, UNLIMITED, client_of
from web.app import create_app

BY = (None, "test")
Enter = Callable[..., Awaitable[Writer]]
FILE = "whitepaper.campaign"


@pytest_asyncio.fixture
async def rt(fresh_database_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Runtime]:
    settings = Settings(database_url=fresh_database_url, home=tmp_path, base_url=BASE)
    async with open_runtime(settings) as opened:
        opened.clock = clock
        yield opened


@pytest_asyncio.fixture
async def app(rt: Runtime) -> AsyncIterator[FastAPI]:
    made = create_app(rt, budgets=UNLIMITED)
    yield made
    await made.state.rooms.close()


@pytest_asyncio.fixture
async def enter(app: FastAPI, rt: Runtime) -> AsyncIterator[Enter]:
    """`await enter("marketing")`: a new colleague with these roles."""
    opened: list[httpx.AsyncClient] = []

    async def come_in(*roles: str) -> Writer:
        user = await users.add(rt, f"{uuid4().hex}@acme.example", "Ada Lovelace", roles or ("marketing",), BY)
        client = client_of(app)
        opened.append(client)
        path = await users.make_link(rt, user, "entry", BY)
        assert (await client.post(path, data={"go": "1"}, headers=OURS)).status_code == 303
        return Writer(client)

    yield come_in
    for client in opened:
        await client.aclose()


def change(files: dict[str, bytes], old: str = "wait 3 days", new: str = "wait 5 days") -> str:
    text = files[FILE].decode()
    assert old in text
    return text.replace(old, new, 1)


async def test_from_nothing_to_a_live_campaign(enter: Enter, rt: Runtime) -> None:
    ada = await enter()
    overview = await ada.page("/desk/write")
    assert "Nothing is here yet" in overview
    begun = await ada.send(
        "/desk/write", "/desk/write/begin", kind="whitepaper", name="Pump guide", company="Acme & Söhne"
    )
    assert (begun.status_code, begun.headers["location"]) == (303, "/desk/write/file?path=pump-guide.campaign")
    page = await ada.open("pump-guide.campaign")
    assert "No problems" in page
    assert 'campaign "Pump guide"' in page
    changes = await ada.page("/desk/write/changes")
    assert "nothing is deployed yet, so everything is new" in changes
    content = changes.split('name="content" value="')[1].split('"')[0]
    done = await ada.send("/desk/write/changes", "/desk/write/deploy", content=content, note="  The first\none  ")
    assert (done.status_code, done.headers["location"]) == (303, "/desk/write/history?done=1")
    assert "The first one" in await ada.page("/desk/write/history", done="1")
    stored = await load(rt.db)
    assert stored is not None
    assert [plan.campaign for plan in stored.program.campaigns if plan.written] == ["Pump guide"]
    assert stored.program.workspace.name == "Acme & Söhne"
    assert set(stored.sources) >= {"campaigns/pump-guide.campaign", "campaigns/workspace.campaign"}
    assert "the same as what is live" in await ada.page("/desk/write")
    noted = [one["action"] for one in await desk_log.page(rt.db)]
    assert "deployed" in noted


async def test_each_keystroke_is_kept_and_judged(enter: Enter, rt: Runtime) -> None:
    files = make_files()
    await deploy_files(rt, files)
    ada = await enter()
    await ada.open(FILE)
    wrong = await ada.type(FILE, change(files, new="wait 3 dayz"))
    [problem] = wrong.json()["problems"][FILE]
    assert (problem["code"], problem["severity"], problem["help"]) == ("E210", "error", "did you mean `days`?")
    assert "did you mean days" in (await ada.page("/desk/write/file", path=FILE)).replace("<code>", "").replace(
        "</code>", ""
    )
    right = await ada.type(FILE, change(files))
    assert not any(right.json()["problems"].values())
    assert "wait 5 days" in await ada.page("/desk/write/file", path=FILE)
    back = await ada.type(FILE, files[FILE].decode())
    assert back.status_code == 200
    assert "the same as what is live" in await ada.page("/desk/write")


async def test_two_tabs_never_overwrite_each_other(enter: Enter, rt: Runtime) -> None:
    files = make_files()
    await deploy_files(rt, files)
    ada = await enter()
    await ada.open(FILE)
    other = Writer(ada.client)
    await other.open(FILE)
    assert (await ada.type(FILE, change(files))).status_code == 200
    refused = await other.type(FILE, change(files, new="wait 9 days"))
    assert refused.status_code == 409
    assert "wait 5 days" in refused.json()["text"]
    form = await other.send(
        f"/desk/write/file?path={FILE}", "/desk/write/file", path=FILE, was=other.was, text="lost?", do="save"
    )
    assert form.status_code == 409
    assert "lost?" in form.text
    assert "wait 5 days" in await ada.page("/desk/write/file", path=FILE)


async def test_without_script_a_form_saves_formats_and_inserts(enter: Enter, rt: Runtime) -> None:
    files = make_files()
    await deploy_files(rt, files)
    ada = await enter()
    place = f"/desk/write/file?path={FILE}"
    await ada.open(FILE)
    text = change(files).replace("wait 5 days", 'send "never closed').replace("\n", "\r\n")
    saved = await ada.send(place, "/desk/write/file", path=FILE, was=ada.was, text=text, do="save")
    assert (saved.status_code, "saved=yes" in saved.headers["location"]) == (303, True)
    await ada.open(FILE)
    broken = await ada.send(place, "/desk/write/file", path=FILE, was=ada.was, text=text, do="format")
    assert broken.status_code == 422
    assert "Fix the errors first" in broken.text
    spaced = change(files).replace("wait 5 days", "wait   5 days")
    done = await ada.send(place, "/desk/write/file", path=FILE, was=ada.was, text=spaced, do="format")
    assert done.status_code == 303
    assert "wait 5 days" in await ada.open(FILE)
    lines = change(files).splitlines()
    at = next(number for number, line in enumerate(lines, 1) if "wait 5 days" in line)
    put = await ada.send(
        place,
        "/desk/write/file",
        path=FILE,
        was=ada.was,
        text=change(files),
        do="insert",
        block="points",
        after=str(at),
    )
    assert put.headers["location"].startswith(f"/desk/write/file?path={FILE}&line={at + 1}")
    page = await ada.open(FILE)
    assert "wait 5 days\n        add 10 points\n" in page
    assert "No problems" in page


async def test_what_stands_beside_the_text(enter: Enter, rt: Runtime) -> None:
    await deploy_files(rt, make_files())
    ada = await enter()
    flow = await ada.page("/desk/write/file", path=FILE, show="flow")
    address = flow.split('data-src="')[1].split('"')[0]
    drawn = await ada.client.get(address)
    assert "script-src" not in drawn.headers["content-security-policy"]
    assert f'href="/desk/write/file?path={FILE}&amp;line=' in drawn.text
    story = await ada.page(
        "/desk/write/file", path=FILE, show="story", script='submits form "whitepaper"',
        add='clicks email "whitepaper/case-study"', after="after 1 week",
    )  # fmt: skip
    assert 'after 1 week clicks email "whitepaper/case-study"' in story
    assert "+15 points" in story
    assert "at the end: " in story
    wrong = await ada.page("/desk/write/file", path=FILE, show="story", script="dances")
    assert "no action named" in wrong
    email = await ada.page("/desk/write/file", path="templates/whitepaper/welcome.md", show="email", width="phone")
    assert 'class="mail phone"' in email
    assert "lead.first_name" in email
    frame = await ada.client.get(email.split('<iframe class="mail phone"')[1].split('src="')[1].split('"')[0])
    assert "sandbox" in frame.headers["content-security-policy"]
    assert '<base target="_blank">' in frame.text
    plan = await ada.page("/desk/write/file", path=FILE, show="plan")
    assert "no changes" in plan


async def test_a_test_email_goes_to_oneself_alone(enter: Enter, rt: Runtime) -> None:
    await deploy_files(rt, make_files())
    ada = await enter()
    page = "/desk/write/file?path=templates/whitepaper/welcome.md&show=email"
    sent = await ada.send(page, "/desk/write/test", path=FILE, template="whitepaper/welcome", language="en")
    assert sent.status_code == 303
    [mail], _ = await mailbox.page(rt.db, "", 0, 10)
    assert mail.subject.startswith("Test: ")
    assert mail.to.endswith("@acme.example")


async def test_what_was_deployed_meanwhile_is_never_lost(enter: Enter, rt: Runtime) -> None:
    files = make_files()
    await deploy_files(rt, files)
    ada = await enter()
    await ada.open(FILE)
    await ada.type(FILE, change(files))
    theirs = {**files, FILE: change(files, new="wait 8 days").encode(), "extra.campaign": b"# nothing\n"}
    await deploy_files(rt, theirs, author="bo")
    page = await ada.page("/desk/write/changes")
    assert "Deployment 2 went live meanwhile" in page
    assert ("wait 5 days" in page, "wait 8 days" in page) == (True, True)
    unchosen = await ada.send("/desk/write/changes", "/desk/write/follow", live="2")
    assert unchosen.status_code == 422
    outdated = await ada.send("/desk/write/changes", "/desk/write/follow", live="1", **{f"keep {FILE}": "mine"})
    assert outdated.status_code == 409
    done = await ada.send("/desk/write/changes", "/desk/write/follow", live="2", **{f"keep {FILE}": "mine"})
    assert done.status_code == 303
    after = await ada.page("/desk/write/changes")
    assert ("wait 8 days" in after, "wait 5 days" in after) == (True, True)
    assert "extra.campaign" in await ada.page("/desk/write")
    await deploy_files(rt, {**theirs, FILE: change(files, new="wait 9 days").encode()}, author="bo")
    taken = await ada.send("/desk/write/changes", "/desk/write/follow", live="3", **{f"keep {FILE}": "theirs"})
    assert taken.status_code == 303
    assert "the same as what is live" in await ada.page("/desk/write/changes")


async def test_deploying_is_refused_when_it_is_not_what_was_shown(enter: Enter, rt: Runtime) -> None:
    files = make_files()
    await deploy_files(rt, files)
    ada = await enter()
    await ada.open(FILE)
    await ada.type(FILE, change(files))
    shown = (await ada.page("/desk/write/changes")).split('name="content" value="')[1].split('"')[0]
    await ada.type(FILE, change(files, new="wait 6 days"))
    refused = await ada.send("/desk/write/changes", "/desk/write/deploy", content=shown)
    assert refused.status_code == 409
    await ada.type(FILE, change(files, new="wait 6 dayz"))
    page = await ada.page("/desk/write/changes")
    assert "Fix the errors first" in page
    assert [one.epoch for one in await entries(rt.db)] == [1]


async def test_a_colleague_comments_and_approves(enter: Enter, rt: Runtime, app: FastAPI) -> None:
    files = make_files()
    await deploy_files(rt, files)
    rt.settings = rt.settings.model_copy(update={"review_required": True})
    ada, bo, eve = await enter(), await enter("operators"), await enter("sales")
    await ada.open(FILE)
    await ada.type(FILE, change(files))
    content = (await ada.page("/desk/write/changes")).split('name="content" value="')[1].split('"')[0]
    early = await ada.send("/desk/write/changes", "/desk/write/deploy", content=content)
    assert early.status_code == 409
    await ada.send("/desk/write/changes", "/desk/write/review")
    overview = await bo.page("/desk/write")
    draft = "/desk/write/draft/" + overview.split('href="/desk/write/draft/')[1].split('"')[0]
    page = await bo.page(draft)
    assert "wait 5 days" in page
    said = await bo.send(
        draft, "/desk/write/comment", draft=draft[-36:], path=FILE, line="20", words="Why <b>five</b>?"
    )
    assert said.status_code == 303
    assert "Why <b>five</b>?" in await ada.page("/desk/write/file", path=FILE, show="comments")
    own = await ada.send(
        f"/desk/write/file?path={FILE}&show=comments", "/desk/write/comment", path=FILE, words="Since", line="0"
    )
    assert own.status_code == 303
    shown = page.split('name="content" value="')[1].split('"')[0]
    given = {"draft": draft[-36:], "content": shown}
    empty = await bo.send(draft, "/desk/write/answer", **given, answer="changes wanted")
    assert empty.status_code == 422
    await ada.type(FILE, change(files, new="wait 6 days"))
    await ada.send("/desk/write/changes", "/desk/write/review")
    stale = await bo.send(draft, "/desk/write/answer", **given, answer="approved")
    assert stale.status_code == 409
    given["content"] = (await bo.page(draft)).split('name="content" value="')[1].split('"')[0]
    assert (await bo.send(draft, "/desk/write/answer", **given, answer="approved")).status_code == 303
    changes = await ada.page("/desk/write/changes")
    assert "approved" in changes
    content = changes.split('name="content" value="')[1].split('"')[0]
    assert (await ada.send("/desk/write/changes", "/desk/write/deploy", content=content)).status_code == 303
    actions = [one["action"] for one in await desk_log.page(rt.db)]
    assert {"deployed", "approved", "review asked"} <= set(actions)
    assert (await eve.client.get("/desk/write")).status_code == 403
    assert (await bo.client.post("/desk/write/type", json={}, headers=OURS)).status_code == 403


async def test_files_come_and_go(enter: Enter, rt: Runtime) -> None:
    files = make_files()
    await deploy_files(rt, files)
    ada = await enter()
    made = await ada.send("/desk/write", "/desk/write/new", path="templates/spring/hello")
    assert made.headers["location"] == "/desk/write/file?path=templates%2Fspring%2Fhello.md"
    again = await ada.send("/desk/write", "/desk/write/new", path="templates/spring/Hello.md")
    assert again.status_code == 409
    png = b"\x89PNG\r\n\x1a\n" + bytes(100)
    up = await ada.send(
        "/desk/write", "/desk/write/upload", files=[("file", ("../../für dich.png", BytesIO(png), "image/png"))]
    )
    assert up.headers["location"] == "/desk/write/file?path=files%2Ff%C3%BCr+dich.png"
    seen = await ada.client.get("/desk/write/raw", params={"path": "files/für dich.png"})
    assert (seen.content, seen.headers["content-type"]) == (png, "image/png")
    fake = await ada.send(
        "/desk/write", "/desk/write/upload", files=[("file", ("x.png", BytesIO(b"<svg"), "image/png"))]
    )
    assert fake.status_code == 422
    gone = await ada.send(f"/desk/write/file?path={FILE}", "/desk/write/delete", path=FILE)
    assert gone.status_code == 303
    assert "Deleted in your draft" in await ada.page("/desk/write/file", path=FILE)
    await ada.send(f"/desk/write/file?path={FILE}", "/desk/write/delete", path=FILE, back="yes")
    assert "As deployed" not in await ada.page("/desk/write/file", path=FILE)
    packed = await ada.client.get("/desk/write/export")
    names = ZipFile(BytesIO(packed.content)).namelist()
    assert {"files/für dich.png", "templates/spring/hello.md", FILE} <= set(names)
    kept = ZipFile(BytesIO((await ada.client.get("/desk/write/export?deployment=1")).content))
    assert {name: kept.read(name) for name in kept.namelist()} == files
    thrown = await ada.send("/desk/write/changes", "/desk/write/discard", sure="yes")
    assert thrown.status_code == 303
    assert "hello.md" not in await ada.page("/desk/write")


@pytest.mark.parametrize("path", [
    "../evil.campaign", "/etc/passwd", "templates/../../x.md", "a/b.campaign/../c.campaign", ".env", "x.py",
    "templates/x.exe", "files/x.html", "files/x.svg", "a\0b.campaign", "a\nb.campaign", "x" * 300 + ".campaign",
    "CON/../x.campaign", "templates//x.md", "e\u0301.campaign", "\u202ex.campaign",
])  # fmt: skip
async def test_a_path_outside_of_the_workspace_is_refused(enter: Enter, rt: Runtime, path: str) -> None:
    ada = await enter()
    answer = await ada.send("/desk/write", "/desk/write/new", path=path)
    assert answer.status_code == 422
    assert (await ada.client.get("/desk/write/file", params={"path": path})).status_code == 404
    assert (await ada.client.get("/desk/write/raw", params={"path": path})).status_code == 404


async def test_going_back_to_an_earlier_deployment(enter: Enter, rt: Runtime) -> None:
    files = make_files()
    await deploy_files(rt, files)
    await deploy_files(rt, {**files, FILE: change(files).encode()})
    ada = await enter()
    stale = await ada.send("/desk/write/history", "/desk/write/back", to="1", base="1")
    assert stale.status_code == 409
    done = await ada.send("/desk/write/history", "/desk/write/back", to="1", base="2")
    assert done.headers["location"] == "/desk/write/history?done=3"
    assert next((one.kind, one.target) for one in await entries(rt.db)) == ("rollback", 1)
    assert "rolled back to 1" in await ada.page("/desk/write/history")


async def test_the_script_may_ask_what_the_page_offers_and_nothing_else(enter: Enter, rt: Runtime) -> None:
    files = make_files()
    await deploy_files(rt, files)
    ada = await enter()
    await ada.open(FILE)
    line = next(at for at, text in enumerate(files[FILE].decode().splitlines()) if 'send "' in text)
    before = files[FILE].decode().splitlines()[line].index('"') + 1
    offered = await ada.ask("offers", path=FILE, line=line, character=before)
    assert any("whitepaper/welcome" in one["label"] for one in offered.json()["ok"])
    about = await ada.ask("about", path=FILE, line=line, character=9)
    assert about.json()["ok"]["text"]
    here = {"path": FILE, "line": 0, "character": 0}
    wrong: tuple[tuple[str, dict[str, Any]], ...] = (
        ("load", {"files": {}}), ("begin", {"kind": "x"}), ("_put", {}), ("offers", {"path": FILE}),
        ("offers", {**here, "line": True}), ("about", {**here, "path": 1}),
    )  # fmt: skip
    for what, given in wrong:
        assert (await ada.ask(what, **given)).status_code == 422, what
    outside = await ada.ask("outline", path="../../../../etc/passwd")
    assert outside.json() in ({"ok": []}, {"error": "There is no such file."})

"""Writing at the desk: files, keystrokes, and what stands beside the text."""

from __future__ import annotations

import asyncio
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
from fastapi import FastAPI

from engine.runtime.runtime import Runtime
from engine.store import mailbox
from tests.support.writing import FILE, Enter, Writer, change, deploy_files, make_files


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
    assert answer.status_code == (400 if "\0" in path else 422)
    assert (await ada.client.get("/desk/write/file", params={"path": path})).status_code == 404
    assert (await ada.client.get("/desk/write/raw", params={"path": path})).status_code == 404


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


async def test_a_campaign_from_pieces_and_new_files_alone(enter: Enter, rt: Runtime) -> None:
    await deploy_files(rt, make_files("welcome"))
    ada = await enter()
    assert (await ada.send("/desk/write", "/desk/write/new", path="spring")).status_code == 303
    for name in ("first", "second", "third"):
        await ada.send("/desk/write", "/desk/write/new", path=f"templates/spring/{name}")
        await ada.open(f"templates/spring/{name}.md")
        text = f"---\nsubject: Number {name}\n---\nHello {{{{ lead.first_name | default('you') }}}}, [look](https://acme.example/)\n"
        assert (await ada.type(f"templates/spring/{name}.md", text)).status_code == 200
    place = "/desk/write/file?path=spring.campaign"

    async def insert(block: str, after: str = "") -> str:
        page = await ada.open("spring.campaign")
        text = page.split('class="code"')[1].partition(">\n")[2].split("</textarea>")[0]
        given = {"path": "spring.campaign", "was": ada.was, "text": text, "block": block, "after": after}
        put = await ada.send(place, "/desk/write/file", **given, do="insert")
        assert put.status_code == 303
        return await ada.open("spring.campaign")

    for block in ("campaign", "click", "wait", "send", "sales"):
        page = await insert(block)
    assert "No problems" in page, page[page.index('id="problems"') :][:1500]
    story = (
        await ada.page(place, show="story")
        if False
        else await ada.page("/desk/write/file", path="spring.campaign", show="story")
    )
    assert "enters" in story
    shown = await ada.content()
    done = await ada.send("/desk/write/changes", "/desk/write/deploy", content=shown, note="From pieces")
    assert done.headers["location"] == "/desk/write/history?done=2"


async def test_who_would_get_an_email_is_counted_in_the_live_database(enter: Enter, rt: Runtime) -> None:
    files = make_files("welcome")
    await deploy_files(rt, files)
    ada = await enter()
    await ada.send("/desk/write", "/desk/write/new", path="spring")
    await ada.open("spring.campaign")
    text = (
        'list "Fair"\n\ncampaign "To the fair"\n    starts on 2027-03-01 at 09:00 for list "Fair"\n'
        '    topic "newsletter"\n    flow\n        send "welcome/hello"\n'
    )
    answer = (await ada.type("spring.campaign", text)).json()
    wrong = [one for all in answer["problems"].values() for one in all if one["severity"] == "error"]
    assert wrong == []
    assert 'list "Fair" has 0 leads now: 0 would be emailed' in await ada.page(
        "/desk/write/file", path="spring.campaign", show="plan"
    )


async def test_ten_megabytes_and_two_hundred_keystrokes_change_nothing_for_others(
    enter: Enter, rt: Runtime, app: FastAPI
) -> None:
    files = make_files()
    await deploy_files(rt, files)
    ada, bo = await enter(), await enter()
    await ada.open(FILE)
    await bo.open(FILE)
    assert (await ada.type(FILE, "x" * 10_000_000)).status_code == 413
    assert (await ada.type(FILE, "x" * 600_000)).status_code == 422
    assert "As deployed" in await ada.page("/desk/write/file", path=FILE)
    answers = await asyncio.gather(*(ada.type(FILE, change(files, new=f"wait {day} days")) for day in range(1, 201)))
    said = {answer.status_code for answer in answers}
    assert said <= {200, 409, 429}
    assert 429 in said
    assert (await bo.type(FILE, change(files))).status_code == 200

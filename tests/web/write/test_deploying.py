"""From a draft to a deployment: with colleagues, against what was deployed meanwhile, and into the folder."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI

from engine.deploying.history import entries, load
from engine.runtime.runtime import Runtime
from engine.store import desk_log
from tests.support.writing import FILE, OURS, Enter, change, deploy_files, make_files


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
    shown = await ada.content()
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
    content = await ada.content()
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


async def test_the_folder_follows_and_what_others_change_there_comes_back(
    enter: Enter, rt: Runtime, tmp_path: Path
) -> None:
    files = make_files()
    folder = tmp_path / "campaigns"
    for path, body in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(body)
    rt.settings = rt.settings.model_copy(update={"checkout": folder})
    await deploy_files(rt, files)
    ada = await enter()
    await ada.open(FILE)
    await ada.type(FILE, change(files))
    content = await ada.content()
    assert (await ada.send("/desk/write/changes", "/desk/write/deploy", content=content)).status_code == 303
    assert "wait 5 days" in (folder / FILE).read_text("utf-8")
    (folder / FILE).write_text(change(files, new="wait 6 days"), "utf-8")
    (folder / "spring.campaign").write_text("# later\n", "utf-8")
    overview = await ada.page("/desk/write")
    assert "2 files of the workspace’s folder differ" in overview
    assert (await ada.send("/desk/write", "/desk/write/take")).status_code == 303
    assert "wait 6 days" in await ada.page("/desk/write/changes")
    await ada.open(FILE)
    await ada.type(FILE, change(files, new="wait 7 days"))
    content = await ada.content()
    done = await ada.send("/desk/write/changes", "/desk/write/deploy", content=content)
    assert "has changes of its own in whitepaper.campaign" in await ada.page(done.headers["location"])
    assert "wait 6 days" in (folder / FILE).read_text("utf-8")
    refused = await ada.send("/desk/write", "/desk/write/take")
    assert refused.status_code == 303
    assert "wait 6 days" in await ada.page("/desk/write/changes")

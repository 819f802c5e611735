"""The past through a draft: the same program changes nothing, and what a draft changes is found."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dsl.compile import compile_workspace
from dsl.plan import Program
from engine.cli.main import app, main
from engine.cli.rehearse import with_spans
from engine.leads.intake import unsubscribe
from engine.leads.preferences import Choice, choose
from engine.simulation.rehearsal import Line, Rehearsal
from engine.simulation.simulation import deployment_of
from engine.store import past
from tests.simulation.test_agrees import FULL, STORIES, WORKSPACE
from tests.simulation.twins import Act, on_stage
from tests.support.stage import Stage, open_stage


def compiled(workspace: str) -> Program:
    named = re.findall(r'send "([^"]+)"', workspace)
    done = compile_workspace({"draft.campaign": workspace}, [f"templates/{name}.md" for name in named])
    assert done.program is not None, done.diagnostics
    return done.program


async def rehearsed(stage: Stage, draft: str, *, days: int = 90, **options: str) -> Rehearsal:
    now = stage.clock.now()
    found = Rehearsal(deployment_of(compiled(draft)), now - timedelta(days=days), now, **options)
    async for one in past.pasts(stage.rt.db, found.since, now):
        found.add(one)
    assert found.leads == await past.count(stage.rt.db, found.since, now)
    return found


def differences(rehearsal: Rehearsal) -> list[tuple[str, str, str, float, float]]:
    return [(line.kind, line.campaign, line.what, line.real, line.draft) for line in rehearsal.lines()]


def only(rehearsal: Rehearsal, kind: str) -> Line:
    [line] = [one for one in rehearsal.lines() if one.kind == kind]
    return line


@pytest.mark.parametrize("story", STORIES)
async def test_the_same_program_changes_nothing(new_database, story: str):
    async with open_stage(new_database(), WORKSPACE) as stage:
        await on_stage(stage, STORIES[story], timedelta(days=40))
        found = await rehearsed(stage, WORKSPACE)
    assert differences(found) == []
    assert (found.leads, found.differing, dict(found.dropped)) == (1, 0, {})


async def test_a_lead_who_came_back_by_choice_is_mailed_again(new_database):
    async with open_stage(new_database(), WORKSPACE) as stage:
        lead, _ = await on_stage(stage, [Act(0, "post", "paper", FULL, ("news",))], timedelta(days=20))
        assert lead is not None
        await unsubscribe(stage.rt, lead, None, "page")
        await on_stage(stage, [], timedelta(days=1))
        await choose(stage.rt, lead, Choice(frozenset({"news"})))
        again = [Act(60 * 24 * 60, "post", "paper", {**FULL, "company": "Other"}, ("news",))]
        await on_stage(stage, again, timedelta(days=20))
        found = await rehearsed(stage, WORKSPACE, days=200)
    assert (found.leads, differences(found)) == (1, [])


async def test_what_a_draft_changes_is_found_with_place_and_example(new_database):
    draft = WORKSPACE.replace('            send "clicked"\n', '            send "clicked too"\n', 1)
    draft = draft.replace('        send "one" as trigger\n', '        wait 2 days\n        send "one" as trigger\n', 1)
    async with open_stage(new_database(), WORKSPACE) as stage:
        lead, _ = await on_stage(stage, STORIES["clicks and is accepted"], timedelta(days=40))
        found = await rehearsed(stage, draft)
        narrowed = await rehearsed(stage, draft, campaign="Later")
    mails = {line.what: (line.real, line.draft) for line in found.lines() if line.kind == "mails"}
    assert mails["clicked"] == (1, 0)
    assert found.dropped["email.clicked"] == 1, "the first mail comes two days late, so its click is dropped"
    [line] = [one for one in found.lines() if one.what == "clicked"]
    assert line.examples[0]["lead"] == str(lead)
    assert found.differing == 1
    assert {line.campaign for line in narrowed.lines() if line.kind != "stages"} <= {"Later"}


async def test_points_and_stages_are_compared_per_rule(new_database):
    draft = WORKSPACE.replace("+30 when form", "+60 when form")
    async with open_stage(new_database(), WORKSPACE) as stage:
        await on_stage(stage, [Act(0, "post", "paper", FULL, ("news",))], timedelta(days=40))
        found = await rehearsed(stage, draft)
    points = [one for one in found.lines() if one.kind == "points"]
    [gone] = [one for one in points if one.what == "a rule that is not in the draft"]
    [line] = [one for one in points if one.draft == 2 * gone.real]
    assert (gone.draft, line.real, line.what) == (0, 0, '+60 when form "paper" is submitted')
    assert line.source.startswith("draft.campaign:")
    assert (only(found, "handoffs").added, only(found, "handoffs").what) == (1, "DACH")
    assert "MQL" in {one.what for one in found.lines() if one.kind == "stages"}


async def test_only_what_happened_since_counts(new_database):
    async with open_stage(new_database(), WORKSPACE) as stage:
        await on_stage(stage, STORIES["no consent at all"], timedelta(days=40))
        found = await rehearsed(stage, WORKSPACE, days=10)
    assert found.leads == 0


async def test_the_command_names_no_addresses_unless_asked(new_database, tmp_path: Path, monkeypatch):
    draft = WORKSPACE.replace('        send "one" as', '        send "extra"\n        send "one" as', 1)
    for name in re.findall(r'send "([^"]+)"', draft):
        (tmp_path / "templates").mkdir(exist_ok=True)
        (tmp_path / "templates" / f"{name}.md").write_text(f"---\nsubject: {name}\n---\nHello\n", "utf-8")
    (tmp_path / "draft.campaign").write_text(draft, "utf-8")
    url = new_database()
    async with open_stage(url, WORKSPACE) as stage:
        lead, _ = await on_stage(stage, STORIES["clicks and is accepted"], timedelta(days=40))
        before = await stage.rows("SELECT count(*) AS many FROM events")
        monkeypatch.setenv("DATABASE_URL", url)
        monkeypatch.setenv("COLDFRAME_CLOCK", "")

        def rehearse(*more: str):
            return CliRunner().invoke(app, ["rehearse", str(tmp_path), "--last", "1000 days", *more])

        plain = await asyncio.to_thread(rehearse)
        named = await asyncio.to_thread(rehearse, "--show-addresses")
        found = json.loads((await asyncio.to_thread(rehearse, "--json", "--campaign", "nurture")).stdout)
        assert await stage.rows("SELECT count(*) AS many FROM events") == before, "a rehearsal writes nothing"
    assert plain.exit_code == 0, plain.output
    assert "Nurture · extra: 0 → 1 (1 lead more)" in plain.stdout
    assert str(lead) in plain.stdout
    assert "ann@lead.example" not in plain.stdout + json.dumps(found)
    assert "ann@lead.example" in named.stdout
    assert next(one["what"] for one in found["differences"] if one["kind"] == "mails") == "extra"
    assert "Assumptions:" in plain.stdout


@pytest.mark.parametrize("last", ["30", "soon", "0 days", "5000 weeks"])
def test_a_time_that_is_none_is_refused(last: str, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["rehearse", "--last", last])
    assert ended.value.code == 2
    assert "write --last 30 days" in capsys.readouterr().err


def test_a_span_needs_no_quotes_on_the_command_line() -> None:
    assert with_spans(["rehearse", "draft", "--last", "30", "days", "--json"]) == [
        "rehearse", "draft", "--last", "30 days", "--json",
    ]  # fmt: skip
    assert with_spans(["rehearse", "--last", "30", "draft"]) == ["rehearse", "--last", "30", "draft"]

"""plan, deploy, rollback, pause, resume and stop on the command line, with leads inside."""

from __future__ import annotations

import json
import os
import pty
import re
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import psycopg
import pytest

from engine.platform.settings import libpq_url
from tests.support.cli import GOOD, Run, write

LONG = {
    **GOOD,
    "shop.campaign": GOOD["shop.campaign"].rstrip() + '\n                wait 3 days as step "pause"   # patience\n'
    '                send "bye"\n',
    "templates/bye.md": "---\nsubject: Bye\n---\nGood bye!\n",
}  # fmt: skip


def changed(folder: Path, **replaced: str) -> None:
    text = LONG["shop.campaign"]
    for old, new in replaced.items():
        text = text.replace(old.replace("_", " "), new)
    write(folder, {**LONG, "shop.campaign": text})


@pytest.fixture
def url(fresh_database_url: str) -> str:
    return fresh_database_url


@pytest.fixture
def guide(run: Run, workspace: Path, url: str) -> Callable[..., Any]:
    """The workspace deployed once; a function that runs a command against it."""
    changed(workspace)
    first = run("deploy", "--author", "ada", DATABASE_URL=url)
    assert first.returncode == 0, first.stderr
    return lambda *arguments, **more: run(*arguments, DATABASE_URL=url, **more)


def enrol(url: str, many: int) -> None:
    """Leads who wait at the step `pause`, as the engine would leave them."""
    with psycopg.connect(libpq_url(url)) as connection:
        ((digest, body),) = connection.execute("SELECT digest, body FROM plans").fetchall()
        wait = next(step for step in body["steps"] if step["kind"] == "wait")
        for n in range(many):
            (lead,) = connection.execute(
                """INSERT INTO leads (id, email, email_key, seq, fields, scores, rated, stage, topics, created_at,
                    last_at) VALUES (gen_random_uuid(), %s, %s, 1, '{}', '{}', '{}', '', '{}', '2026-11-01Z',
                    '2026-11-01Z') RETURNING id""", (f"l{n}@lead.example", f"l{n}@lead.example"),
            ).fetchone() or (None,)  # fmt: skip
            branch = {"id": "flow", "at": wait["id"], "visit": "0", "cursor": 1, "arrived": "2999-01-01T00:00:00+00:00",
                      "deadline": "2999-01-04T00:00:00+00:00"}  # fmt: skip
            position = json.dumps({"branches": [branch], "seen": 1})
            answer = json.dumps({"state": "wait", "gen": 1, "seen": 1, "wake_at": "2999-01-04T00:00:00+00:00"})
            connection.execute(
                """INSERT INTO enrolments (id, lead_id, campaign, number, digest, state, position, gen, cursor, wait,
                    due_at, started_at) VALUES (gen_random_uuid(), %s, 'Guide', 1, %s, 'live', %s, 1, 1, %s,
                    '2999-01-04Z', '2026-11-01Z')""", (lead, digest, position, answer),
            )  # fmt: skip
            connection.execute(
                """INSERT INTO waits (enrolment_id, branch, step, source, what, due_at)
                    SELECT id, 'flow', %s, %s, 'the time', due_at FROM enrolments WHERE lead_id = %s""",
                (wait["id"], wait["source"], lead),
            )


def test_nothing_changes(guide: Any) -> None:
    done = guide("plan")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "no changes")
    shown = json.loads(guide("plan", "--json").stdout)
    assert (shown["nothing_changes"], shown["base"]) == (True, 1)


def test_a_plan_before_the_first_deployment(run: Run, workspace: Path, url: str) -> None:
    done = run("plan", DATABASE_URL=url)
    assert done.returncode == 0
    assert "everything is new" in done.stdout
    assert '+ campaign "Guide" is new' in done.stdout


def test_the_diff_names_places_words_and_leads(guide: Any, workspace: Path, url: str) -> None:
    enrol(url, 3)
    changed(workspace, wait_3_days="wait 5 days", Good_bye="Farewell")
    write(workspace, {"templates/bye.md": "---\nsubject: Bye\n---\nFarewell!\n"})
    lines = guide("plan").stdout.splitlines()
    assert lines[0].startswith("compared with deployment 1 (ada, 20")
    assert lines[1].startswith('~ campaign "Guide" is changed ')
    assert lines[2].startswith('    - wait 3 days as step "pause" ')
    assert lines[3].startswith('    + wait 5 days as step "pause" ')
    assert lines[2].endswith("campaigns/shop.campaign:15   3 leads wait here")
    assert "patience" not in "\n".join(lines)
    assert lines[4].strip() == (
        "3 leads in this campaign stay on the version they started with; with --move, 3 move to the new version"
    )
    assert lines[5].startswith('~ template "bye.md"')
    assert lines[6:9] == [
        "    - Good bye!", "    + Farewell!",
        '    campaign "Guide" sends it: 3 leads in it now, and every lead that enters',
    ]  # fmt: skip
    assert lines[-1] == "to deploy these changes, run `coldframe deploy --base 1`"
    shown = json.loads(guide("plan", "--json").stdout)
    [part] = shown["campaigns"][0]["parts"]
    assert (part["leads"], part["new_words"]) == (3, 'wait 5 days as step "pause"')
    assert shown["waiting"][0]["ends"] == {"moved": 3}


def test_leads_who_would_stay_are_counted_with_the_reason(guide: Any, workspace: Path, url: str) -> None:
    enrol(url, 2)
    changed(workspace, as_step=" as step ".strip(), pause="other")
    text = guide("plan").stdout
    assert "2 stay on the old version (its step is gone)" in text
    assert 'at `wait 3 days as step "pause"` (campaigns/shop.campaign:15)' in text
    done = guide("deploy", "--move", "--json")
    assert json.loads(done.stdout)["moved"] == {"stays: its step is gone": 2}


def test_leads_on_older_versions_of_what_does_not_change_are_told(guide: Any, workspace: Path, url: str) -> None:
    enrol(url, 2)
    changed(workspace, wait_3_days="wait 1 day")
    assert guide("deploy", "--yes").returncode == 0
    lines = guide("plan").stdout.splitlines()
    assert lines[1:] == [
        'on older versions of campaign "Guide":',
        "    2 leads in this campaign stay on the version they started with; with --move, 2 move to the new version",
        "no changes",
    ]  # fmt: skip
    done = guide("deploy", "--move", "--yes").stdout.splitlines()
    assert done[2] == "    2 leads in this campaign: 2 move to the new version"
    assert done[-1] == "2 move to the new version"


def test_a_lead_who_rests_at_two_steps_is_counted_once(guide: Any, workspace: Path, url: str) -> None:
    enrol(url, 2)
    with psycopg.connect(libpq_url(url)) as connection:
        connection.execute(
            """UPDATE enrolments SET position = jsonb_insert(position, '{branches,1}', position#>'{branches,0}'
                || '{"id": "whenever:1"}')"""
        )
    changed(workspace, wait_3_days="wait 1 day")
    assert (
        "    2 leads in this campaign stay on the version they started with; with --move, 2 stay"
        in guide("plan").stdout
    )


def test_a_template_that_is_gone_and_still_needed_is_told(guide: Any, workspace: Path, url: str) -> None:
    enrol(url, 2)
    write(workspace, GOOD)
    (workspace / "templates" / "bye.md").unlink()
    assert '2 leads on older versions may still need the deleted template "bye"' in guide("plan").stdout


def test_deploy_moves_leads_and_says_how_many(guide: Any, workspace: Path, url: str) -> None:
    enrol(url, 3)
    changed(workspace, wait_3_days="wait 1 day")
    done = guide("deploy", "--move", "--yes", "--author", "ben")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "3 move to the new version"
    with psycopg.connect(libpq_url(url)) as connection:
        rows = connection.execute("SELECT DISTINCT gen, due_at::text, digest = (SELECT max(digest) FILTER "
                                  "(WHERE epoch = 2) FROM plans) FROM enrolments").fetchall()  # fmt: skip
    assert rows == [(2, "2999-01-02 00:00:00+00", True)]
    assert guide("plan").stdout.splitlines()[-1] == "no changes"


def test_an_older_base_is_refused_and_says_who_came_between(guide: Any, workspace: Path) -> None:
    changed(workspace, wait_3_days="wait 4 days")
    assert guide("deploy", "--base", "1", "--author", "ben").returncode == 0
    changed(workspace, wait_3_days="wait 5 days")
    done = guide("deploy", "--base", "1")
    assert done.returncode == 1
    assert "deployment 1 is no longer live: ben has deployed since (deployment 2," in done.stderr
    assert guide("deploy", "--base", "2").returncode == 0


def test_rollback_goes_back_step_by_step_and_is_listed(guide: Any, workspace: Path) -> None:
    for days in ("4 days", "5 days"):
        changed(workspace, wait_3_days=f"wait {days}")
        guide("deploy")
    first = guide("rollback", "--author", "cy")
    assert first.returncode == 0, first.stderr
    assert '+ wait 4 days as step "pause"' in first.stdout
    assert json.loads(guide("rollback", "--json").stdout)["epoch"] == 5
    assert guide("rollback").returncode == 1
    assert "no earlier deployment" in guide("rollback").stderr
    assert guide("rollback", "--to", "3").returncode == 0
    missing = guide("rollback", "--to", "99")
    assert (missing.returncode, "no deployment 99" in missing.stderr) == (1, True)
    listed = json.loads(guide("deployments", "--json").stdout)["deployments"]
    assert [(one["epoch"], one["kind"], one["target"]) for one in listed] == [
        (6, "rollback", 3), (5, "rollback", 1), (4, "rollback", 2), (3, "deploy", None), (2, "deploy", None),
        (1, "deploy", None),
    ]  # fmt: skip
    assert "cy" in guide("deployments").stdout
    assert "rolled back to 2" in guide("deployments").stdout


def test_pause_and_resume_say_what_they_did_and_status_shows_it(guide: Any, url: str) -> None:
    enrol(url, 2)
    done = guide("pause", "guide", "--author", "ada", "--because", "a typo")
    assert (done.returncode, done.stdout) == (
        0, 'paused campaign "Guide" with 2 leads in it; to resume, run `coldframe resume "Guide"`\n',
    )  # fmt: skip
    assert 'campaign "Guide" has been paused since' in guide("status").stdout
    assert json.loads(guide("status", "--json").stdout)["held"][0]["reason"] == "a typo"
    again = guide("pause", "Guide")
    assert (again.returncode, "already paused, by ada" in again.stderr) == (1, True)
    assert guide("resume", "Guide").stdout == 'resumed campaign "Guide" with 2 leads in it\n'
    assert json.loads(guide("status", "--json").stdout)["held"] == []
    assert json.loads(guide("pause", "--all", "--json").stdout)["state"] == "paused"
    assert "resume --all" in guide("resume", "Guide").stderr
    assert guide("resume", "--all", "--spread", "0").returncode == 0


def test_every_time_says_that_it_is_utc(guide: Any, url: str, workspace: Path) -> None:
    enrol(url, 1)
    guide("pause", "Guide")
    shown = guide("status").stdout
    assert re.search(r"been paused since \S+ \d\d:\d\d UTC by", shown)
    assert "due (UTC)" in shown
    assert re.search(r"\d\d:\d\d UTC$", guide("pause", "Guide").stderr.strip())
    assert re.search(r" \d\d:\d\d UTC  ", guide("deployments").stdout)
    changed(workspace, wait_3_days="wait 1 day")
    assert re.search(r" \d\d:\d\d UTC\)", guide("plan").stdout)
    assert re.search(r" \d\d:\d\d UTC\);", guide("deploy", "--base", "0", "--yes").stderr)


def test_status_of_one_campaign_or_lead_shows_no_other(guide: Any, url: str, workspace: Path) -> None:
    enrol(url, 2)
    with psycopg.connect(libpq_url(url)) as connection:
        connection.execute("UPDATE enrolments SET campaign = 'Other' WHERE lead_id IN (SELECT id FROM leads WHERE "
                           "email = 'l1@lead.example')")  # fmt: skip
        connection.execute(
            """INSERT INTO handoffs (id, lead_id, enrolment_id, source, team, note, state, gen, opened_at)
                SELECT gen_random_uuid(), lead_id, id, 'a:1', campaign, '', '{}', 1, '2026-11-01Z' FROM enrolments"""
        )
    for asked in (("--campaign", "guide"), ("--lead", "L0@lead.example")):
        shown = json.loads(guide("status", "--json", *asked).stdout)
        for rows in ("campaigns", "steps", "waiting"):
            assert [row["campaign"] for row in shown[rows]] == ["Guide"], (asked, rows)
        assert [row["team"] for row in shown["handoffs"]] == ["Guide"], asked
    assert len(json.loads(guide("status", "--json").stdout)["handoffs"]) == 2


def test_results_of_a_campaign_that_there_is_not(guide: Any) -> None:
    none = guide("results", "guide")
    assert (none.returncode, none.stdout.startswith('no test has started in campaign "guide"')) == (0, True)
    wrong = guide("results", "Guid", "--json")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "no campaign named `Guid`: did you mean `Guide`?" in wrong.stderr


def test_stop_counts_first_and_shows_in_the_list(guide: Any, url: str, workspace: Path) -> None:
    enrol(url, 2)
    for arguments in ((), ("--json",)):
        refused = guide("stop", "Guide", *arguments)
        assert (refused.returncode, "pass --yes" in refused.stderr) == (2, True)
    done = guide("stop", "Guide", "--yes", "--author", "ada")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        'this removes 2 leads from campaign "Guide"',
        'ended campaign "Guide"; the workers are removing 2 leads',
    ]
    assert 'ended campaign "Guide"' in guide("deployments").stdout
    with psycopg.connect(libpq_url(url)) as connection:
        assert connection.execute("SELECT count(*) FROM outbox").fetchone() == (2,)
        connection.execute("UPDATE enrolments SET state = 'ended', outcome = 'stopped by ada'")
    assert '"Guide" was ended; with this deployment it takes new leads again' in guide("plan").stdout
    assert guide("deploy").returncode == 0
    assert json.loads(guide("status", "--json").stdout)["held"] == []
    changed(workspace, Guide="Manual")
    assert guide("deploy", "--yes").returncode == 0
    over = guide("stop", "Guide", "--yes")
    assert (over.returncode, "is no longer deployed and has no leads in it" in over.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("pause",), 2, "name a campaign, or pass --all"),
        (("pause", "Guide", "--all"), 2, "name a campaign"),
        (("pause", "Giude"), 1, "no campaign named `Giude`: did you mean `Guide`?"),
        (("stop", "Nobody's"), 1, "no campaign named `Nobody's`: use `Guide`"),
        (("status", "--campaign", "Giude"), 1, "no campaign named `Giude`: did you mean `Guide`?"),
        (("status", "--lead", "nobody@lead.example"), 1, "no lead with the address or id `nobody@lead.example`"),
        (("why", "ada@", "Guide"), 1, "no lead with the address or id `ada@`"),
        (("results", "Giude"), 1, "did you mean `Guide`?"),
        (("retry", "--campaign", "Giude"), 1, "did you mean `Guide`?"),
        (("graph", "Guide", "--plan", "zz"), 1, "no version has a digest that starts with `zz`"),
        (("send-test", "welcom", "me@acme.example"), 1, "no template named `welcom`: did you mean `welcome`?"),
        (("send-test", "welcome", "me@acme.example", "--language", "xx"), 1, "the workspace has no language `xx`"),
        (("key", " "), 2, "name the key after the system that will use it"),
        (("resume", "Guide"), 1, 'campaign "Guide" is not paused'),
        (("resume", "Guide", "--spread", "soon"), 2, "use 30min, 1h, or 0"),
        (("deploy", "--remove-stranded"), 2, "--remove-stranded needs --move"),
    ],
)
def test_what_cannot_be_meant_is_said(guide: Any, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = guide(*arguments)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr


def test_on_a_terminal_it_asks_and_no_changes_nothing(
    guide: Any,
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changed(workspace, wait_3_days="wait 1 day")
    main, side = pty.openpty()
    try:
        with os.fdopen(side, "r", closefd=False) as terminal, monkeypatch.context() as patch:
            patch.setattr("sys.stdin", terminal)
            os.write(main, b"n\n")
            done = guide("deploy")
            assert (done.returncode, "nothing changed" in done.stderr) == (1, True)
            os.write(main, b"y\n")
            assert "deployment 2" in guide("deploy").stdout
    finally:
        os.close(main)
        os.close(side)


def test_an_error_in_a_file_ends_plan_with_1_and_no_workspace_with_2(guide: Any, workspace: Path) -> None:
    changed(workspace, flow="flwo")
    done = guide("plan")
    assert (done.returncode, "nothing was compared" in done.stderr) == (1, True)
    assert isinstance(json.loads(guide("plan", "--json").stdout), list)
    assert guide("plan", "nowhere").returncode == 2


def test_a_step_is_told_in_the_words_it_had_when_it_was_deployed(guide: Any, workspace: Path, url: str) -> None:
    """What was deployed since has another line there."""
    enrol(url, 1)
    later = dedent(LONG["shop.campaign"]).replace("    flow", "    priority high\n\n    flow")
    write(workspace, {**LONG, "shop.campaign": later})
    assert guide("deploy", "--yes").returncode == 0
    changed(workspace, as_step=" as step ".strip(), pause="other")
    assert 'at `wait 3 days as step "pause"` (campaigns/shop.campaign:15)' in guide("plan").stdout

"""Everything one can start from compiles, alone and beside the others, and nothing is overwritten."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dsl.problems.diagnostics import as_text
from engine.cli.starter import starters
from engine.cli.workspace import examine
from tests.support.cli import Run


def sound(folder: Path) -> None:
    found = examine(folder)
    assert as_text(found.diagnostics, found.files) == ""


@pytest.mark.parametrize("kind", starters())
def test_a_workspace_with_one_campaign_has_nothing_to_complain_about(run: Run, kind: str, tmp_path: Path) -> None:
    done = run("new", "workspace", str(tmp_path / "ws"), "--name", 'Blue "Sky" GmbH', "--with", kind)
    assert done.returncode == 0, done.stderr
    sound(tmp_path / "ws")


def test_all_of_them_live_in_one_workspace_in_the_one_style(run: Run, tmp_path: Path) -> None:
    assert run("new", "workspace", str(tmp_path), "--with", ",".join(starters())).returncode == 0
    sound(tmp_path)
    assert run("fmt", "--check", str(tmp_path)).returncode == 0


def test_a_second_one_of_a_kind_gets_a_name_of_its_own(run: Run, tmp_path: Path) -> None:
    run("new", "workspace", str(tmp_path), "--with", "cart")
    again = run("new", "campaign", "cart", str(tmp_path))
    assert again.returncode == 2
    assert "already exists" in again.stderr
    assert run("new", "campaign", "cart", str(tmp_path), "--name", "Forgotten cart").returncode == 0
    assert 'campaign "Forgotten cart"' in (tmp_path / "forgotten-cart.campaign").read_text()
    assert (tmp_path / "templates" / "forgotten-cart" / "reminder.md").exists()
    sound(tmp_path)


def test_what_is_declared_already_is_used(run: Run, tmp_path: Path) -> None:
    run("new", "workspace", str(tmp_path), "--with", "welcome")
    (tmp_path / "own.campaign").write_text('form "Whitepaper"\n    ask email required\n    gives file "own.pdf"\n')
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "own.pdf").write_bytes(b"%PDF")
    done = run("new", "campaign", "whitepaper", str(tmp_path))
    assert 'form "whitepaper" is already declared' in done.stderr
    assert 'form "whitepaper"\n' not in (tmp_path / "whitepaper.campaign").read_text()


def test_a_folder_with_campaigns_is_left_alone(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.campaign").write_text("# mine\n")
    done = run("new", "workspace", str(tmp_path))
    assert done.returncode == 2
    assert [path.name for path in tmp_path.iterdir()] == ["mine.campaign"]


def test_a_file_is_no_folder_to_write_into(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    done = run("new", "workspace", str(tmp_path / "notes.txt"))
    assert (done.returncode, "notes.txt is a file; name a new folder" in done.stderr) == (2, True)
    done = run("new", "workspace", str(tmp_path / "notes.txt" / "below"))
    assert (done.returncode, "cannot write" in done.stderr) == (2, True)


def test_a_slip_of_the_pen_is_understood(run: Run, tmp_path: Path) -> None:
    assert "did you mean `webinar`?" in run("new", "campaign", "webniar", str(tmp_path)).stderr


SUBSCRIBES = "submits form contact"
STORIES = {
    "welcome": "submits form newsletter; ends after 30 days",
    "whitepaper": "submits form whitepaper; after 4 days clicks email; ends after 60 days",
    "trial": f'{SUBSCRIBES}; after 1 day happens event "trial_started"; ends after 30 days',
    "webinar": f'{SUBSCRIBES}; after 1 day registers for webinar "Product tour"; ends after 180 days',
    "cart": f"{SUBSCRIBES}; after 1 day updates cart with amount = 40; ends after 10 days",
    "renewal": f"{SUBSCRIBES}; after 1 day changes contract_end to 2027-03-01; ends after 120 days",
    "reactivation": f"{SUBSCRIBES}; ends after 120 days",
    "birthday": f"{SUBSCRIBES}; ends after 60 days",
}


@pytest.mark.parametrize("kind", starters())
def test_a_lead_goes_through_every_one_and_gets_mail(run: Run, kind: str, tmp_path: Path) -> None:
    run("new", "workspace", str(tmp_path), "--with", kind)
    known = ["--lead", "birthday=1990-12-24"] if kind == "birthday" else []
    options = ["--script", STORIES[kind], "--start", "2026-12-01T09:00", "--path", str(tmp_path), "--json", *known]
    done = run("simulate", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)["timeline"]
    mails = [one for one in told if one["kind"] == "mail"]
    assert any(f"{kind}.campaign" in one["source"] for one in mails), told


@pytest.mark.parametrize("kind", starters())
def test_a_forecast_of_it_sends_mails(run: Run, kind: str, tmp_path: Path) -> None:
    run("new", "workspace", tmp_path, "--with", kind)
    done = run("simulate", "--path", tmp_path, "--leads", 40, "--days", 150, "--seed", 1, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["mails"] > 0


def test_every_topic_of_the_starters_is_asked_for_by_a_form(run: Run, tmp_path: Path) -> None:
    assert run("new", "workspace", str(tmp_path), "--with", ",".join(starters())).returncode == 0
    program = examine(tmp_path).program
    assert program is not None
    asked = {consent.topic for form in program.forms for consent in form.consents}
    assert {plan.topic for plan in program.campaigns if plan.topic} <= asked
    starting = {start.pattern.name for plan in program.campaigns for start in plan.starts if plan.topic}
    for form in (one for one in program.forms if one.name in starting and not one.confirm_with):
        topics = {plan.topic for plan in program.campaigns for s in plan.starts if s.pattern.name == form.name}
        assert topics - {None} <= {consent.topic for consent in form.consents}, form.name

"""`coldframe simulate`: the story it tells, the script it reads, what it says about mistakes, and the forecast."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from dsl.plan import Program
from engine.cli.main import app
from engine.cli.script import read_script
from engine.cli.workspace import examine

WORKSPACE = """
workspace "Acme"
    timezone "Europe/Berlin"
    sender "Acme <hello@acme.example>"
    address "Acme GmbH, Hauptstr. 1, 46562 Voerde, Germany"
    at most 3 emails per 7 days
    mail needs consent
    tracking needs consent
    topic "newsletter" "News"

field company_size number

form "whitepaper"
    ask email required
    ask company required
    ask country
    ask company_size
    consent "Yes" for topic "newsletter"
    confirm with "forms/confirm"
form "demo"
    ask email required
form "contact"
    ask email required

scoring
    +40 when email is clicked, once per email
    +10 when page "/pricing*" is visited

lifecycle
    stage Visitor
    stage Lead
        when form is submitted
    stage MQL
        when score reaches 50
    stage SQL
        when sales accepts

team "Sales"
    takes all leads
    member "eva@acme.example"

campaign "Whitepaper nurture"
    starts when form "whitepaper" is submitted
    topic "newsletter"
    sends on weekdays between 08:00 and 18:00
    flow
        send "whitepaper/welcome" as trigger
        wait 2 days
        send "whitepaper/case-study"
        wait up to 4 days for email "whitepaper/case-study" is clicked
            send "whitepaper/demo-invite"
        or for form "demo" is submitted
            stop
        wait until tuesday 09:00
        if score >= 50
            hand off to sales as MQL
                when accepted
                    stop
    whenever page "/pricing*" is visited, once per 14 days
        send "pricing/help" as trigger

campaign "Wake up"
    flow
        wait 30 days
        send "wake-up/news" as transactional
        wait 10 days
"""
NAMES = (
    "forms/confirm", "whitepaper/welcome", "whitepaper/case-study", "whitepaper/demo-invite", "pricing/help",
    "wake-up/news",
)  # fmt: skip
MAIL = """---
subject: About {name}
---
Hello! [Go on]({link}).
"""
START = ("--start", "2026-09-01T09:00")


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The workspace, found by `simulate` through the environment."""
    path = tmp_path_factory.mktemp("acme") / "campaigns"
    for name in NAMES:
        link = "{{ confirm_url }}" if name == "forms/confirm" else f"https://acme.example/{name}"
        (path / "templates" / name).parent.mkdir(parents=True, exist_ok=True)
        (path / "templates" / f"{name}.md").write_text(MAIL.format(name=name, link=link), "utf-8")
    (path / "acme.campaign").write_text(WORKSPACE, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLDFRAME_CAMPAIGNS", str(path))
        yield path


@pytest.fixture(scope="module")
def program(folder: Path) -> Program:
    found = examine(folder).program
    assert found is not None
    return found


def simulate(*arguments: str):
    return CliRunner().invoke(app, ["simulate", *arguments])


def story(script: str, *more: str):
    done = simulate("--script", script, *START, "--json", *more)
    found = json.loads(done.stdout)
    return found, [(one["kind"], one["text"]) for one in found["timeline"]]


STORY = """
submits form whitepaper with country = "DE", company_size = 500
after 2 days visits page "/pricing"
after 1 day clicks email "whitepaper/case-study"
on 2026-09-15 at 10:00 sales accepts
"""


def test_a_story_from_form_to_sales():
    found, lines = story(STORY)
    mails = [text for kind, text in lines if kind == "mail"]
    assert [text.split('"')[1] for text in mails] == [
        "forms/confirm", "whitepaper/welcome", "pricing/help", "whitepaper/case-study", "whitepaper/demo-invite",
    ]  # fmt: skip
    assert ("stage", "becomes SQL, was MQL") in lines
    assert ("left", 'stops in "Whitepaper nurture"') in lines
    assert [kind for kind, _ in lines if kind == "note"] == []
    assert found["end"]["stage"] == "SQL"


def test_every_step_says_where_it_is_written():
    found, _ = story(STORY)
    deciding = ("mail", "wait", "woke", "points", "stage", "handoff", "held")
    for entry in found["timeline"]:
        if entry["kind"] in deciding:
            file, _, line = entry["source"].rpartition(":")
            assert Path(file).name.endswith(".campaign"), entry
            assert int(line) > 0


def test_times_are_the_leads_own():
    found, _ = story("submits form contact", "--lead", "timezone=America/New_York")
    assert found["timeline"][0]["at"] == "2026-09-01T07:00:00+00:00"
    assert found["timeline"][0]["local"] == "2026-09-01T03:00:00"


def test_what_comes_to_nothing_is_said_and_fails():
    done = simulate("--script", "clicks; sales accepts; unsubscribes; unsubscribes", *START)
    assert done.exit_code == 1
    assert "no email has arrived yet" in done.stdout
    assert "sales has no open handoff for this lead" in done.stdout
    assert "the lead has already unsubscribed" in done.stdout


def test_without_consent_mails_are_skipped_with_the_reason():
    _, lines = story("submits form whitepaper without consent")
    assert ("skipped", 'email "whitepaper/welcome" is skipped: no consent') in lines


def test_a_double_opt_in_is_confirmed_unless_the_script_says_otherwise():
    _, lines = story("submits form whitepaper without confirming")
    assert ("event", 'confirms form "whitepaper"') not in lines
    _, lines = story("submits form whitepaper without confirming; after 1 day confirms form whitepaper")
    assert ("event", 'confirms form "whitepaper"') in lines


def test_a_step_that_is_passed_over_is_not_told_as_done(tmp_path: Path):
    campaign = """
        campaign "Tips"
            starts when form "contact" is submitted
            flow
                subscribe to "newsletter"
                notify owner with "forms/confirm"
                set partner to yes
                set company_size to 2.50

        field partner yes/no
    """
    head = WORKSPACE.partition('team "Sales"')[0]
    (tmp_path / "a.campaign").write_text(head + dedent(campaign), "utf-8")
    (tmp_path / "templates" / "forms").mkdir(parents=True)
    (tmp_path / "templates" / "forms" / "confirm.md").write_text("---\nsubject: Tell\n---\nHello\n", "utf-8")
    done = CliRunner().invoke(
        app, ["simulate", "--path", str(tmp_path), "--script", "submits form contact without consent", *START]
    )
    assert "the topic is skipped: no recorded consent" in done.stdout
    assert "the notice is skipped" in done.stdout
    assert "is subscribed to" not in done.stdout
    assert "team members get" not in done.stdout
    assert "field partner becomes yes" in done.stdout
    assert "field company_size becomes 2.5 " in done.stdout


def test_mails_are_shown_and_saved(tmp_path: Path):
    done = simulate("--script", "submits form whitepaper", *START, "--mails", "--save", str(tmp_path / "mails"))
    assert "Subject: About forms/confirm" in done.stdout
    saved = sorted(path.name for path in (tmp_path / "mails").iterdir())
    assert saved[:2] == ["01-forms-confirm.html", "02-whitepaper-welcome.html"]
    assert "<html" in (tmp_path / "mails" / saved[1]).read_text("utf-8")


def test_the_same_story_is_told_the_same_way_twice():
    assert simulate("--script", STORY, *START).stdout == simulate("--script", STORY, *START).stdout


def test_a_script_may_stand_in_a_file(tmp_path: Path):
    file = tmp_path / "whitepaper.script"
    file.write_text(STORY, "utf-8")
    assert simulate(str(file), *START).exit_code == 0


@pytest.mark.parametrize(
    ("script", "underlined", "help"),
    [
        ("submits form whitepapr", "whitepapr", "did you mean `whitepaper`?"),
        ("sumbits form whitepaper", "sumbits form whitepaper", "did you mean `submits form`?"),
        ("submits form demo with colour = 3", "colour", None),
        ("submits form whitepaper with company_size = many", "many", "write it like this: company_size = 500"),
        ("changes language to klingon", "klingon", "write it like this: language = de"),
        ("submits form whitepaper with company_size", "company_size", 'write it like this: company_size = "…"'),
        ("submits form whitepaper without coffee", "coffee", "use one of consent, tracking, or confirming"),
        ("after 3 dayz clicks", "dayz", "did you mean `days`?"),
        ("after lunch clicks", "lunch", "write it like this: after 2 days"),
        ("on 3.9.2026 clicks", "3.9.2026", "write the year first: on 2026-09-03 at 10:00"),
        ("on 2026-09-03 clicks; on 2026-09-02 at 10:00 clicks", "2026-09-02", None),
        ("on 2026-09-03 at 10:00 clicks; on 2026-09-03 at 09:00 clicks", "2026-09-03", None),
        ("at 9am clicks", "9am", "write it like this: at 09:00"),
        ("clicks email whitepaper/case-studdy", "whitepaper/case-studdy", "did you mean `whitepaper/case-study`?"),
        ("sales acepts", "acepts", "did you mean `accepts`?"),
        ("unsubscribes from topic newsleter", "newsleter", "did you mean `newsletter`?"),
        ("changes company_siz to 5", "company_siz", "did you mean `company_size`?"),
        ("visits page /pricing today", "today", "delete it"),
        ("dances", "dances", None),
        ("after", "after", "write it like this: after 2 days"),
        ("sales", "sales", None),
    ],
)
def test_a_mistake_is_underlined_with_a_way_out(program: Program, script: str, underlined: str, help: str | None):
    read = read_script(script, program)
    assert read.actions == ()
    [problem] = read.diagnostics
    assert script[problem.column - 1 : problem.end_column - 1] == underlined
    if help is not None:
        assert problem.help == help


def test_a_deal_changes_and_is_refunded(program: Program) -> None:
    read = read_script("opens deal with id = 7; changes deal with amount = 40; refunds deal with amount = 5", program)
    assert read.diagnostics == ()
    assert [one.type for one in read.actions] == ["deal.opened", "deal.changed", "deal.refunded"]


def test_all_mistakes_of_a_script_come_at_once():
    done = simulate("--script", "submits form a\nsales dances; after 2 dayz clicks\nunsubscribes")
    assert done.exit_code == 1
    assert done.stdout.count("error[") == 3
    assert "script:2:7" in done.stdout


def test_a_date_before_the_story_begins_is_a_mistake_at_its_place():
    done = simulate("--script", "submits form demo; on 2020-01-01 bounces", *START)
    assert done.exit_code == 1
    assert "error[S005]: the script is already at 2026-09-01 09:00 here\n  --> script:1:23" in done.stdout
    assert simulate("--script", "on 2026-09-01 submits form demo", "--start", "2026-09-01T11:00").exit_code == 0


@pytest.mark.parametrize(
    "option",
    [("--lead", "colour=red"), ("--lead", "company_size=x"), ("--lead", "company"), ("--lead", "language=klingon")],
)
def test_a_wrong_fact_about_the_lead_is_refused(option: tuple[str, str]):
    assert simulate("--script", "submits form contact", *option).exit_code == 1


def test_a_forecast_is_the_same_for_the_same_seed_and_adds_up():
    options = ("--leads", "150", "--days", "40", *START, "--click", "20%", "--json")
    first, second = simulate(*options), simulate(*options, "--seed", "2")
    assert simulate(*options).stdout == first.stdout != second.stdout
    found = json.loads(first.stdout)
    assert found["leads"] == 150
    assert found["mails"] == sum(found["mails_per_day"].values())
    assert found["mails"] == sum(one["mails"] for one in found["mails_per_template"])
    assert sum(found["stages"].values()) == 150
    for campaign in found["campaigns"]:
        inside = sum(one["leads"] for one in campaign["waiting"])
        assert campaign["entered"] == sum(campaign["ended"].values()) + inside


def test_without_clicks_nobody_clicks():
    options = ("--leads", "60", "--days", "20", *START, "--open", "0%", "--click", "0", "--json")
    found = json.loads(simulate(*options).stdout)
    assert (found["opens"], found["clicks"]) == (0, 0)
    assert found["mails"] > 0


def test_a_forecast_as_text_has_bars_and_places():
    done = simulate("--leads", "80", "--days", "35", *START, "--campaign", "wake up", "--at-once")
    assert done.exit_code == 0
    assert "█" in done.stdout
    assert "Wake up: 80 entered" in done.stdout
    assert "acme.campaign:" in done.stdout


def test_the_progress_tells_how_many_have_come():
    from rich.console import Console

    from engine.cli.forecast import _progress

    population: Any = SimpleNamespace(people=[object()] * 1234)
    progress = _progress(population)
    progress.add_task("2,000 leads", total=10)
    console = Console(width=120)
    with console.capture() as shown:
        console.print(progress.get_renderable())
    assert "2,000 leads" in shown.get()
    assert "1,234 entered" in shown.get()


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (("missing.script",), 2, "cannot read missing.script"),
        ((), 2, "pass a script"),
        (("--leads", "5", "--click", "many"), 2, "write --click-rate 30%"),
        (("--leads", "5", "--campaign", "Wake"), 1, "no campaign named `Wake`"),
        (("--leads", "5", "--script", "clicks"), 2, "choose one"),
        (("--script", "clicks", "--start", "soon"), 2, "write --start 2026-09-01T09:00"),
    ],
)
def test_wrong_options_are_explained(options: tuple[str, ...], code: int, says: str, capsys):
    from engine.cli.main import main

    with pytest.raises(SystemExit) as ended:
        main(["simulate", *options])
    assert ended.value.code == code
    assert says in capsys.readouterr().err


def test_a_workspace_with_errors_is_shown(tmp_path: Path):
    (tmp_path / "a.campaign").write_text(dedent('workspace "A"\n    timezone "Moon"\n'), "utf-8")
    done = CliRunner().invoke(app, ["simulate", "--path", str(tmp_path), "--script", "unsubscribes"])
    assert done.exit_code != 0
    assert "error[" in done.stdout


def test_errors_are_json_for_programs(tmp_path: Path):
    (tmp_path / "a.campaign").write_text(dedent('workspace "A"\n    timezone "Moon"\n'), "utf-8")
    for options in (["--path", str(tmp_path), "--script", "unsubscribes"], ["--script", "klicks"]):
        done = CliRunner().invoke(app, ["simulate", *options, "--json"])
        assert done.exit_code == 1
        assert {"code", "line", "help"} < set(json.loads(done.stdout)[0])

"""What a script's events lead to where production would refuse or count them: declared properties, soft bounces."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.cli.main import app

WORKSPACE = """
workspace "Acme"
    timezone "UTC"
    sender "Acme <hello@acme.example>"
    address "Acme GmbH, Hauptstr. 1, 46562 Voerde, Germany"
    mail is allowed until opt-out
    tracking is always on
    suppress after 2 soft bounces

event "invoice" has amount money, note text optional
deal has seats number

form "in"
    ask email required

campaign "Mails"
    starts when form "in" is submitted
    flow
        send "a"
        wait 1 day
        send "b"
        wait 1 day
        send "c"
"""


def told(tmp_path: Path, script: str) -> str:
    (tmp_path / "a.campaign").write_text(WORKSPACE, "utf-8")
    (tmp_path / "templates").mkdir()
    for name in "abc":
        text = f"---\nsubject: {name}\n---\nHi [x](https://acme.example/)\n"
        (tmp_path / "templates" / f"{name}.md").write_text(text, "utf-8")
    options = ["--path", str(tmp_path), "--start", "2026-09-01T10:00", "--script", script]
    done = CliRunner().invoke(app, ["simulate", *options])
    assert done.exit_code == ("this has no effect" in done.output), done.output
    return " ".join(done.output.split())


@pytest.mark.parametrize(
    ("event", "lacking"),
    [
        ('happens event "invoice"', "amount"), ('happens event "invoice" with note = "x"', "amount"),
        ('happens event "invoice" with amount = 5', ""), ("wins deal with id = 7", "seats"),
        ("wins deal with seats = 3", ""), ("refunds deal with amount = 3", ""),
    ],
)  # fmt: skip
def test_an_event_without_a_declared_property_is_refused(tmp_path: Path, event: str, lacking: str) -> None:
    output = told(tmp_path, f"submits form in; after 1 hour {event}")
    assert ("the event is refused" in output) is bool(lacking)
    assert (f"it has no `{lacking}`" in output) is bool(lacking)


@pytest.mark.parametrize("words", ["soft bounces", "bounces softly", "soft-bounces"])
def test_soft_bounces_in_a_row_are_a_bounce(tmp_path: Path, words: str) -> None:
    output = told(tmp_path, f"submits form in; after 1 hour {words}; after 1 day {words}")
    assert 'email "c"' not in output
    assert 'leaves "Mails" because email "b" bounces' in output


def test_an_email_that_arrived_begins_the_count_again(tmp_path: Path) -> None:
    script = "submits form in; after 1 hour soft bounces; after 1 day opens email b; after 1 day soft bounces"
    output = told(tmp_path, script)
    assert 'email "c"' in output
    assert "suppressed" not in output

"""A handoff to the lead's owner: to them if they are a member of a team, else by territory."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.cli.main import app

WORKSPACE = """\
workspace "Acme"
    timezone "UTC"
    sender "Acme <hello@acme.example>"
    address "Acme GmbH, Hauptstr. 1, 46562 Voerde, Germany"
    mail is allowed until opt-out

form "guide"
    ask email required

lifecycle
    stage Visitor
    stage Lead
        when form is submitted

team "North"
    takes all leads
    member "sam@acme.example"
    member "ama@acme.example"
team "Key accounts"
    takes leads where country is "IS"
    member "jo@acme.example"

campaign "Guide"
    starts when form "guide" is submitted
    flow
        hand off to owner
            note "Read the guide"
            when accepted
                stop
"""
SCRIPT = "submits form guide; after 1 hour sales accepts"


@pytest.mark.parametrize(
    ("owner", "member", "team"),
    [
        ("ama@acme.example", "ama@acme.example", "North"),
        ("jo@acme.example", "jo@acme.example", "Key accounts"),
        ("left@acme.example", "sam@acme.example", "North"),
        ("", "sam@acme.example", "North"),
    ],
)
def test_the_owner_gets_the_handoff(tmp_path: Path, owner: str, member: str, team: str) -> None:
    (tmp_path / "a.campaign").write_text(WORKSPACE, "utf-8")
    lead = ["--lead", f"owner={owner}"] if owner else []
    done = CliRunner().invoke(app, ["simulate", "--path", str(tmp_path), "--script", SCRIPT, *lead])
    assert done.exit_code == 0, done.output
    assert f"{member} has it" in done.output
    assert f'handed off to "{team}"' in done.output

"""What a step or a colleague does is told in one line, although it is an event too."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from engine.cli.main import app

WORKSPACE = """\
workspace "Acme"
    timezone "UTC"
    sender "Acme <hello@acme.example>"
    address "Acme GmbH, Hauptstr. 1, 46562 Voerde, Germany"
    topic "news" "News"

list "Readers"

form "guide"
    ask email required
    consent "Yes" for topic "news"

lifecycle
    stage Visitor
    stage Lead
        when form is submitted

team "Sales"
    takes all leads
    member "sam@acme.example"

campaign "Guide"
    starts when form "guide" is submitted
    flow
        add to list "Readers"
        unsubscribe from "news"
        remove from list "Readers"
        hand off to team "Sales"
"""
SCRIPT = "submits form guide; after 1 hour sales acknowledges; after 1 hour sales contacts; after 1 hour sales accepts"


def test_what_a_step_or_sales_does_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "a.campaign").write_text(WORKSPACE, "utf-8")
    done = CliRunner().invoke(app, ["simulate", "--path", str(tmp_path), "--script", SCRIPT])
    lines = [line for line in done.stdout.splitlines() if "»" not in line]
    for said in ("added to list", "unsubscribed from", "removed from list", " acknowledge", "has contacted", "accept"):
        (line,) = [line for line in lines if said in line]
        assert "a.campaign:" in line

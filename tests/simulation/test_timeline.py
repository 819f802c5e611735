"""How the timeline of a story words what happens."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.cli.main import app
from tests.support.cli import write

WORKSPACE = """
workspace "Acme"
    timezone "Europe/Berlin"
    sender "Acme <hello@acme.example>"
    address "Acme GmbH, Hauptstr. 1, 46562 Voerde, Germany"
    mail is allowed until opt-out
form "demo"
    ask email required
team "Sales"
    takes all leads
    members
campaign "Demo"
    starts when form "demo" is submitted
    flow
        hand off to sales
"""


@pytest.mark.parametrize(
    ("members", "told"),
    [
        (["eva"], "has passed; eva@acme.example is notified"),
        (["eva", "jonas"], "eva@acme.example, jonas@acme.example are notified"),
    ],
)
def test_one_is_told_and_two_are(tmp_path: Path, members: list[str], told: str) -> None:
    named = "\n    ".join(f'member "{name}@acme.example"' for name in members)
    write(tmp_path, {"acme.campaign": WORKSPACE.replace("members", named)})
    script = ("--script", "submits form demo", "--start", "2026-09-01T09:00")
    done = CliRunner().invoke(app, ["simulate", "--path", str(tmp_path), *script])
    assert f"{told}" in done.stdout

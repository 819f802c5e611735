"""docs/simulate.md shows what the command does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.cli.main import app
from engine.cli.script import ACTIONS, read_script
from engine.cli.workspace import examine

ROOT = Path(__file__).resolve().parents[2]
START = ("--start", "2026-09-01T09:00")
GUIDE = (ROOT / "docs" / "simulate.md").read_text("utf-8")
SCRIPTS = re.findall(r"^```script\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def simulate(*arguments: str):
    return CliRunner().invoke(app, ["simulate", *arguments])


def test_every_script_of_the_guide_can_be_read():
    found = examine(ROOT / "campaigns").program
    assert found is not None
    assert SCRIPTS
    for script in SCRIPTS:
        assert read_script(script, found).diagnostics == ()


def guided(beginning: str, shown: str) -> bool:
    """Whether the guide's block that begins so is what a command has shown, apart from what it leaves out."""
    block = GUIDE[GUIDE.index(f"```\n{beginning}") + 4 :].partition("```")[0]
    parts = [re.escape(part.strip()) for part in re.split(r"^ *…$", block, flags=re.MULTILINE)]
    return re.match(r"\s+.*?".join(parts), shown, re.DOTALL) is not None


def test_the_guide_shows_what_happens(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLDFRAME_CAMPAIGNS", "campaigns")
    story = simulate("--script", SCRIPTS[0], *START)
    assert story.exit_code == 0
    assert guided("Tuesday 2026-09-01", story.stdout)
    assert guided("1,000 leads", simulate("--leads", "1000", "--days", "90", *START, "--click", "10%").stdout)


def test_the_guide_names_every_action():
    missing = [action for action in ACTIONS if action not in GUIDE]
    assert missing == []

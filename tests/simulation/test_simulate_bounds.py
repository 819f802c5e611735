"""A simulation of campaigns that set themselves off comes to an end, and says where."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.cli.main import app
from engine.rules.runs.bounds import MOST_FED
from tests.runs.test_bounds import WORKSPACE, line


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "campaigns").mkdir()
    (tmp_path / "campaigns" / "test.campaign").write_text(WORKSPACE, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLDFRAME_CAMPAIGNS", "campaigns")


def story(script: str) -> list[str]:
    done = CliRunner().invoke(app, ["simulate", "--script", script, "--start", "2026-09-01T09:00", "--json"])
    return [one["text"] for one in json.loads(done.stdout)["timeline"]]


def test_a_run_that_feeds_itself_is_named() -> None:
    lines = story("submits form in")
    again = line("    whenever score reaches 10")
    assert lines[-1] == f"cannot continue: set off again and again by what campaigns do: {again}"
    assert sum(text.startswith("+10 points") for text in lines) <= MOST_FED + 1


def test_campaigns_that_start_each_other_are_named() -> None:
    lines = story("submits form round")
    assert lines[-1] == "cannot continue: campaigns start it again and again: " + line('campaign "Left"')
    assert lines.count('enters "Left"') == MOST_FED + 1

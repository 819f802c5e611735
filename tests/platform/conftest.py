"""Fixtures for tests of commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import GOOD, Run, command_line, write


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return write(tmp_path / "campaigns", GOOD)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line."""
    return command_line(tmp_path, monkeypatch, capsys)

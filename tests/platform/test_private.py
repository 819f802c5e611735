"""What lies under the home folder is for its owner alone, also what an earlier version has left open."""

from __future__ import annotations

import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.embedded.process import Child
from engine.platform.clock import VirtualClock, keep_clock
from engine.platform.private import private_folder, write_private
from engine.platform.settings import Settings


def open_to_others(folder: Path) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return sorted(path.name for path in files if path.stat().st_mode & 0o077)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return private_folder(tmp_path / "a" / "home")


def test_everything_that_is_written_is_private(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDFRAME_HOME", str(home))
    monkeypatch.delenv("COLDFRAME_SECRET", raising=False)
    Settings()
    keep_clock(home, VirtualClock(datetime(2026, 9, 1, tzinfo=UTC), datetime.now(UTC), 1.0))
    child = Child("it", ["/bin/sh", "-c", f"echo said; : > {home}/made"], home / "logs" / "it.log",
                  stop_signal=signal.SIGTERM)  # fmt: skip
    child.start()
    child.wait_or_kill(seconds=30)
    assert {path.name for path in home.rglob("*")} >= {"secret", "pepper", "dev-clock", "logs", "it.log", "made"}
    assert open_to_others(home) == []
    assert home.stat().st_mode & 0o066 == 0


def test_an_older_file_is_closed_when_it_is_written_again(home: Path) -> None:
    (home / "address").write_text("x")
    (home / "address").chmod(0o644)
    write_private(home / "address", "y")
    assert (open_to_others(home), (home / "address").read_text()) == ([], "y")

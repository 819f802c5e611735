"""`--at` and `--speed` of `coldframe dev`: what people type, and what it means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.cli.instants import Unreadable, instant_of, speed_of
from engine.platform.clock import HeldClock, SystemClock, VirtualClock, keep_clock, kept_clock, parse_clock
from engine.platform.settings import Settings

EVENING = datetime(2026, 11, 30, 19, 30, tzinfo=UTC)  # Monday 20:30 in Berlin


@pytest.mark.parametrize(
    ("words", "local"),
    [
        ("tomorrow 09:00", "2026-12-01T09:00+01:00"),
        ("Tomorrow  9:00", "2026-12-01T09:00+01:00"),
        ("tomorrow", "2026-12-01T09:00+01:00"),
        ("today 23:15", "2026-11-30T23:15+01:00"),
        ("monday 08:00", "2026-12-07T08:00+01:00"),
        ("monday 22:00", "2026-11-30T22:00+01:00"),
        ("sunday", "2026-12-06T09:00+01:00"),
        ("09:00", "2026-12-01T09:00+01:00"),
        ("21:00", "2026-11-30T21:00+01:00"),
        ("2026-12-24", "2026-12-24T09:00+01:00"),
        ("2026-12-24 08:30", "2026-12-24T08:30+01:00"),
        ("2026-12-24T08:30", "2026-12-24T08:30+01:00"),
        ("2026-07-01 08:30", "2026-07-01T08:30+02:00"),
        ("2026-12-24T08:30:15Z", "2026-12-24T08:30:15+00:00"),
        ("in 3 days", "2026-12-03T20:30+01:00"),
        ("in 1 hour", "2026-11-30T21:30+01:00"),
        ("now", "2026-11-30T20:30+01:00"),
    ],
)
def test_instants(words: str, local: str) -> None:
    assert instant_of(words, EVENING, "Europe/Berlin") == datetime.fromisoformat(local)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("tomorow 09:00", "`tomorow` is not a day: did you mean `tomorrow`?"),
        ("morgen 09:00", "`morgen` is not a day: write it like"),
        ("tomorrow 25:00", "`25:00` is not a time of day"),
        ("tomorrow 9am", "`9am` is not a time of day"),
        ("2026-02-30", "`2026-02-30` is not a date in the calendar"),
        ("2026-02-30 09:00", "`2026-02-30` is not a date in the calendar"),
        ("1026-02-20 09:00", "too far away"),
        ("2026-12-24T08:3", "is not an instant"),
        ("", "is not a day"),
    ],
)
def test_words_that_are_no_instant(words: str, said: str) -> None:
    with pytest.raises(Unreadable) as problem:
        instant_of(words, EVENING, "Europe/Berlin")
    assert said in str(problem.value)


@pytest.mark.parametrize(("words", "speed"), [("60", 60), ("60x", 60), ("1", 1), ("2.5", 2.5), ("20000", 20_000)])
def test_speeds(words: str, speed: float) -> None:
    assert speed_of(words) == speed


@pytest.mark.parametrize("words", ["0", "-1", "0.5", "fast", "nan", "inf", "1e9", "60 x 2"])
def test_words_that_are_no_speed(words: str) -> None:
    with pytest.raises(Unreadable, match="is not a speed: use a number from 1 to 20000"):
        speed_of(words)


def test_the_clock_stays_with_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLDFRAME_CLOCK", raising=False)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert kept_clock(tmp_path) == ""
    clock = HeldClock(EVENING, tmp_path / "started", 60)
    keep_clock(tmp_path, clock)
    clock.start()
    again = parse_clock(Settings(home=tmp_path).clock)
    assert abs(again.now() - clock.now()) < timedelta(minutes=5)
    assert again.now() >= EVENING
    keep_clock(tmp_path, VirtualClock(EVENING, datetime.now(UTC), 2), running=False)
    stopped = parse_clock(kept_clock(tmp_path))
    assert timedelta() <= stopped.now() - EVENING < timedelta(hours=1)
    assert Settings(home=tmp_path, database_url="postgresql://elsewhere/db").clock == ""
    keep_clock(tmp_path, None)
    assert isinstance(parse_clock(Settings(home=tmp_path).clock), SystemClock)

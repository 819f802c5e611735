"""The clocks agree with themselves and between processes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.platform.clock import ClockError, FixedClock, HeldClock, SystemClock, VirtualClock, parse_clock
from engine.platform.settings import Settings

TUESDAY = datetime(2026, 9, 1, 8, 55, tzinfo=UTC)
STARTED = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
instants = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))


def test_the_system_clock_is_aware_and_in_utc() -> None:
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert clock.to_real(TUESDAY) == TUESDAY


def test_an_hour_of_a_fast_clock_takes_less_real_time() -> None:
    clock = VirtualClock(TUESDAY, STARTED, 3600)
    assert clock.to_real(TUESDAY + timedelta(hours=1)) == STARTED + timedelta(seconds=1)
    assert clock.to_real(TUESDAY) == STARTED


@given(at=instants, factor=st.floats(0.1, 100_000))
def test_now_at_the_real_instant_of_a_domain_instant_is_that_instant(at: datetime, factor: float) -> None:
    clock = VirtualClock(TUESDAY, STARTED, factor)
    there = clock.to_real(at)
    back = TUESDAY + (there - STARTED) * factor
    assert abs(back - at) <= timedelta(microseconds=factor + 1)


@given(start=instants, real=instants, factor=st.integers(1, 100_000))
def test_its_description_makes_the_same_clock(start: datetime, real: datetime, factor: int) -> None:
    clock = VirtualClock(start, real, float(factor))
    assert parse_clock(clock.describe()) == clock


def test_any_zone_is_read_as_utc() -> None:
    clock = parse_clock("virtual:2026-09-01T10:55:00+02:00@2026-11-20T12:00:00Zx100")
    assert clock == VirtualClock(TUESDAY, STARTED, 100)


@pytest.mark.parametrize(
    "text",
    [
        "fast",
        "virtual:",
        "virtual:2026-09-01T08:55:00+00:00@nowx3",
        "virtual:2026-09-01T08:55:00@2026-11-20T12:00:00x3",
        "virtual:2026-09-01T08:55:00Z@2026-11-20T12:00:00Zx0",
        "virtual:2026-09-01T08:55:00Z@2026-11-20T12:00:00Zx1.2.3",
    ],
)
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ClockError):
        parse_clock(text)


def test_settings_choose_the_clock(tmp_path: Path) -> None:
    described = VirtualClock(TUESDAY, STARTED, 60).describe()
    assert isinstance(parse_clock(Settings(home=tmp_path).clock), SystemClock)
    assert parse_clock(Settings(home=tmp_path, clock=described).clock) == VirtualClock(TUESDAY, STARTED, 60)


def test_a_fixed_clock_stands_until_it_is_moved() -> None:
    clock = FixedClock(TUESDAY)
    assert clock.now() == clock.real() == TUESDAY
    assert clock.advance(timedelta(days=1)) == clock.now() == TUESDAY + timedelta(days=1)
    berlin = timezone(timedelta(hours=2))
    clock.set(TUESDAY.astimezone(berlin))
    assert clock.now() == TUESDAY


def test_a_held_clock_stands_until_it_is_started_and_then_runs_alike_everywhere(tmp_path: Path) -> None:
    clock = HeldClock(TUESDAY, tmp_path / "it's 50% @ x2", 86_400)
    other = parse_clock(clock.describe())
    assert isinstance(other, HeldClock)
    assert [clock.now(), other.now(), clock.now()] == [TUESDAY] * 3
    assert clock.to_real(TUESDAY + timedelta(days=1)) > clock.real()
    clock.start()
    assert other.now() > TUESDAY
    later = TUESDAY + timedelta(days=30)
    assert clock.to_real(later) == other.to_real(later)
    assert clock.to_real(later) - clock.to_real(TUESDAY) == timedelta(seconds=30)


@pytest.mark.parametrize("text", ["2026-09-01T08:55:00@file:///x/yx3", "2026-09-01T08:55:00Z@file:///x/yx0"])
def test_a_held_clock_has_a_zone_and_moves(text: str) -> None:
    with pytest.raises(ClockError):
        parse_clock(f"virtual:{text}")

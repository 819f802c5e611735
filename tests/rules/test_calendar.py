"""Durations, moments and periods, across clock changes, month ends, holidays and nights."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dsl.plan import After, At, BusinessHours, Duration, OpenHours, Weekday
from engine.rules.conditions.calendar import (
    add,
    days_off,
    instant,
    is_business_day,
    local_date,
    local_time,
    minutes_of,
    next_business_opening,
    period_start,
    resolve,
    since,
    zone_of,
)  # fmt: skip
from tests.support.examples import examples

BERLIN = "Europe/Berlin"
OFFICE = BusinessHours(zone=BERLIN, holidays=("DE",), closed=(("2026-12-29", "2027-01-04"),))
ZONES = [
    "UTC",
    BERLIN,
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "America/Nuuk",
    "Africa/Cairo",
    "No/Where",
]
CLOCKS = [f"{hour:02}:{minute:02}" for hour in range(24) for minute in (0, 30)]


def at(text: str, zone: str = BERLIN) -> datetime:
    return instant(datetime.fromisoformat(text), zone)


def wall(when: datetime, zone: str = BERLIN) -> str:
    return local_time(when, zone).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("start", "duration", "expected"),
    [
        ("2026-01-31 10:00", Duration(months=1), "2026-02-28 10:00"),
        ("2024-02-29 10:00", Duration(months=12), "2025-02-28 10:00"),
        ("2026-11-30 10:00", Duration(months=3), "2027-02-28 10:00"),
        ("2026-12-15 10:00", Duration(months=1), "2027-01-15 10:00"),
        ("2026-01-31 10:00", Duration(months=1, days=1), "2026-03-01 10:00"),
        ("2026-03-28 02:30", Duration(days=1), "2026-03-29 03:30"),  # that hour is skipped
        ("2026-03-28 10:00", Duration(days=1), "2026-03-29 10:00"),
        ("2026-03-28 10:00", Duration(minutes=24 * 60), "2026-03-29 11:00"),
        ("2026-10-24 10:00", Duration(minutes=24 * 60), "2026-10-25 09:00"),
        ("2026-03-01 08:00", Duration(days=1, minutes=12 * 60), "2026-03-02 20:00"),
        ("2026-03-01 08:00", Duration(), "2026-03-01 08:00"),
    ],
)
def test_adds_to_the_local_time(start: str, duration: Duration, expected: str) -> None:
    assert wall(add(duration, at(start), BERLIN, OFFICE)) == expected


def test_a_repeated_hour_means_the_first() -> None:
    assert add(Duration(days=1), at("2026-10-24 02:30"), BERLIN, OFFICE) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "duration", "expected"),
    [
        ("2026-09-15 14:00", Duration(business_days=1), "2026-09-16 14:00"),
        ("2026-09-18 14:00", Duration(business_days=1), "2026-09-21 14:00"),  # over a weekend
        ("2026-09-18 18:00", Duration(business_days=1), "2026-09-22 09:00"),  # from Monday's opening
        ("2026-09-19 12:00", Duration(business_days=2), "2026-09-23 09:00"),
        ("2026-09-18 17:00", Duration(business_days=1), "2026-09-22 09:00"),  # closing time is closed
        ("2026-04-02 10:00", Duration(business_days=1), "2026-04-07 10:00"),  # Good Friday, Easter Monday
        ("2026-12-28 16:00", Duration(business_days=1), "2027-01-05 16:00"),  # closed between the years
        ("2026-09-15 14:00", Duration(business_minutes=180), "2026-09-15 17:00"),
        ("2026-09-15 14:00", Duration(business_minutes=240), "2026-09-16 10:00"),
        ("2026-09-18 16:30", Duration(business_minutes=60), "2026-09-21 09:30"),
        ("2026-09-19 03:00", Duration(business_minutes=60), "2026-09-21 10:00"),
        ("2026-09-14 09:00", Duration(business_minutes=40 * 60), "2026-09-18 17:00"),
        ("2026-09-17 20:00", Duration(days=1, business_minutes=30), "2026-09-21 09:30"),
    ],
)
def test_counts_business_time(start: str, duration: Duration, expected: str) -> None:
    assert wall(add(duration, at(start), "Asia/Tokyo", OFFICE)) == expected


def test_a_night_shift_belongs_to_the_day_it_began() -> None:
    night = BusinessHours(zone=BERLIN, days=(4,), start="22:00", end="06:00")
    assert wall(add(Duration(business_minutes=60), at("2026-09-19 05:30"), BERLIN, night)) == "2026-09-25 22:30"
    assert wall(add(Duration(business_days=1), at("2026-09-19 02:00"), BERLIN, night)) == "2026-09-26 02:00"


SHOP = BusinessHours(
    zone=BERLIN, days=(0, 1, 2, 3), start="09:00", end="17:00", holidays=("DE",),
    more=(
        OpenHours(days=(4,), start="09:00", end="12:00"), OpenHours(days=(4,), start="13:00", end="15:00"),
        OpenHours(days=(5,), start="10:00", end="12:00"),
    ),
)  # fmt: skip
"""Shorter on Fridays, with a break, and on Saturdays."""


@pytest.mark.parametrize(
    ("start", "duration", "expected"),
    [
        ("2026-09-17 16:00", Duration(business_days=1), "2026-09-18 15:00"),  # Friday closes first
        ("2026-09-17 12:30", Duration(business_days=1), "2026-09-18 13:00"),  # in Friday's break
        ("2026-09-18 12:00", Duration(business_days=1), "2026-09-19 12:00"),  # from the opening after the break
        ("2026-09-18 16:00", Duration(business_days=1), "2026-09-21 10:00"),  # from Saturday's opening
        ("2026-09-18 11:00", Duration(business_days=2), "2026-09-21 11:00"),
        ("2026-09-18 11:00", Duration(business_minutes=120), "2026-09-18 14:00"),
        ("2026-09-18 14:30", Duration(business_minutes=60), "2026-09-19 10:30"),
        ("2026-09-17 09:00", Duration(business_minutes=16 * 60), "2026-09-21 10:00"),
        ("2026-12-24 16:00", Duration(business_days=1), "2026-12-28 16:00"),  # Christmas is on Friday and Saturday
    ],
)
def test_hours_differ_from_day_to_day(start: str, duration: Duration, expected: str) -> None:
    assert wall(add(duration, at(start), "Asia/Tokyo", SHOP)) == expected


@pytest.mark.parametrize(
    ("now", "duration", "expected"),
    [
        ("2026-09-18 14:00", Duration(business_minutes=120), "2026-09-18 11:00"),
        ("2026-09-19 11:00", Duration(business_minutes=180), "2026-09-18 13:00"),
        ("2026-09-21 16:00", Duration(business_days=1), "2026-09-19 12:00"),
        ("2026-09-19 11:00", Duration(business_days=1), "2026-09-18 11:00"),
    ],
)
def test_looks_back_over_hours_that_differ(now: str, duration: Duration, expected: str) -> None:
    assert wall(since(duration, at(now), BERLIN, SHOP)) == expected


def test_business_opens_after_each_break() -> None:
    openings = ["2026-09-18 13:00", "2026-09-19 10:00", "2026-09-21 09:00"]
    found = at("2026-09-18 10:00")
    for expected in openings:
        found = next_business_opening(found, SHOP)
        assert wall(found) == expected
    assert is_business_day(date(2026, 9, 19), SHOP)
    assert not is_business_day(date(2026, 9, 20), SHOP)


def test_a_shift_swallowed_by_a_clock_change_is_no_business_day() -> None:
    dawn = BusinessHours(zone=BERLIN, days=(5, 6, 0), start="02:30", end="03:10")
    assert wall(next_business_opening(at("2026-03-28 12:00"), dawn)) == "2026-03-30 02:30"
    assert wall(add(Duration(business_days=1), at("2026-03-28 02:45"), BERLIN, dawn)) == "2026-03-30 02:45"


def test_regions_have_their_own_holidays() -> None:
    epiphany = date(2026, 1, 6)
    assert not is_business_day(epiphany, BusinessHours(zone=BERLIN, holidays=("DE-BY",)))
    assert is_business_day(epiphany, BusinessHours(zone=BERLIN, holidays=("DE",)))
    assert is_business_day(epiphany, BusinessHours(zone=BERLIN, holidays=("XX", "DE-ZZ", "")))


def test_closed_spans_include_both_ends_and_cross_years() -> None:
    closed = (("2026-12-29", "2027-01-04"),)
    assert [day.day for day in sorted(days_off((), closed, 2026))] == [29, 30, 31]
    assert [day.day for day in sorted(days_off((), closed, 2027))] == [1, 2, 3, 4]
    assert days_off((), closed, 2028) == frozenset()


@pytest.mark.parametrize(
    "never",
    [
        BusinessHours(zone=BERLIN, days=()),
        BusinessHours(zone=BERLIN, closed=(("1900-01-01", "2999-12-31"),)),
    ],
)
def test_business_that_never_opens_counts_ordinary_time(never: BusinessHours) -> None:
    start = at("2026-09-15 14:00")
    assert add(Duration(business_days=2), start, BERLIN, never) == start + timedelta(days=2)
    assert add(Duration(business_minutes=90), start, BERLIN, never) == start + timedelta(minutes=90)
    assert since(Duration(business_days=2), start, BERLIN, never) == start - timedelta(days=2)
    assert since(Duration(business_minutes=90), start, BERLIN, never) == start - timedelta(minutes=90)
    assert next_business_opening(start, never) == start + timedelta(days=1)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-09-15 08:59", "2026-09-15 09:00"),
        ("2026-09-15 09:00", "2026-09-16 09:00"),
        ("2026-09-18 12:00", "2026-09-21 09:00"),
        ("2026-04-02 18:00", "2026-04-07 09:00"),
    ],
)
def test_next_business_opening(now: str, expected: str) -> None:
    assert wall(next_business_opening(at(now), OFFICE)) == expected


@pytest.mark.parametrize(
    ("now", "moment", "expected"),
    [
        ("2026-09-15 08:59", Weekday(weekday=1, time="09:00"), "2026-09-15 09:00"),
        ("2026-09-15 09:00", Weekday(weekday=1, time="09:00"), "2026-09-22 09:00"),
        ("2026-09-15 09:01", Weekday(weekday=1, time="09:00"), "2026-09-22 09:00"),
        ("2026-09-15 09:01", Weekday(weekday=0, time="09:00"), "2026-09-21 09:00"),
        ("2026-03-23 12:00", Weekday(weekday=6, time="02:30"), "2026-03-29 03:30"),
        ("2026-09-15 09:01", At(date="2026-10-06", time="10:00"), "2026-10-06 10:00"),
        ("2026-09-15 09:01", At(date="2026-10-06", time="10:00", zone="Europe/Dublin"), "2026-10-06 11:00"),
        ("2026-09-15 09:01", At(date="2026-01-01", time="00:00"), "2026-01-01 00:00"),
        ("2026-09-15 09:01", After(duration=Duration(days=2)), "2026-09-17 09:01"),
    ],
)
def test_resolves_moments(now: str, moment: After | Weekday | At, expected: str) -> None:
    assert wall(resolve(moment, at(now), BERLIN, OFFICE)) == expected


def test_a_fixed_date_at_the_end_of_time_is_clamped() -> None:
    far = resolve(At(date="9999-12-31", time="23:59"), at("2026-09-15 09:00"), "America/New_York", OFFICE)
    assert far.year == 9999


@pytest.mark.parametrize(
    ("now", "duration", "expected"),
    [
        ("2026-03-31 10:00", Duration(months=1), "2026-02-28 10:00"),
        ("2026-01-31 10:00", Duration(months=2), "2025-11-30 10:00"),
        ("2026-03-30 02:30", Duration(days=1), "2026-03-29 03:30"),
        ("2026-03-29 11:00", Duration(minutes=24 * 60), "2026-03-28 10:00"),
        ("2026-09-21 10:00", Duration(business_days=1), "2026-09-18 10:00"),
        ("2026-09-20 10:00", Duration(business_days=1), "2026-09-17 17:00"),
        ("2026-09-21 10:00", Duration(business_minutes=120), "2026-09-18 16:00"),
    ],
)
def test_looks_back(now: str, duration: Duration, expected: str) -> None:
    assert wall(since(duration, at(now), BERLIN)) == expected


@pytest.mark.parametrize(
    ("unit", "now", "zone", "expected"),
    [
        ("day", "2026-09-17 00:30", BERLIN, "2026-09-17 00:00"),
        ("week", "2026-09-17 00:30", BERLIN, "2026-09-14 00:00"),
        ("month", "2026-09-17 00:30", BERLIN, "2026-09-01 00:00"),
        ("week", "2026-03-01 12:00", BERLIN, "2026-02-23 00:00"),
        ("day", "2026-04-24 12:00", "Africa/Cairo", "2026-04-24 01:00"),  # that midnight is skipped
    ],
)
def test_period_starts(unit: str, now: str, zone: str, expected: str) -> None:
    assert wall(period_start(unit, at(now, zone), zone), zone) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "No/Where", "../etc/passwd", "/etc/passwd", "Europe", "a\0b", "x" * 5000, "é"])
def test_an_unknown_zone_is_utc(name: str) -> None:
    assert zone_of(name) is UTC


def test_reads_times_of_day() -> None:
    assert [minutes_of(clock) for clock in ("00:00", "08:30", "24:00")] == [0, 510, 1440]


YEARS = 5
durations = st.one_of(
    st.builds(Duration, months=st.integers(1, 12 * YEARS)),
    st.builds(Duration, days=st.integers(1, 366 * YEARS)),
    st.builds(Duration, minutes=st.integers(1, 366 * YEARS * 1440)),
    st.builds(Duration, business_days=st.integers(1, 366 * YEARS)),
    st.builds(Duration, business_minutes=st.integers(1, 366 * YEARS * 1440)),
    st.builds(
        Duration, months=st.integers(0, 12), days=st.integers(0, 31), minutes=st.integers(1, 1440),
        business_days=st.integers(0, 20), business_minutes=st.integers(0, 960),
    ),
)  # fmt: skip
offices = st.builds(
    BusinessHours,
    zone=st.sampled_from(ZONES),
    days=st.sets(st.integers(0, 6)).map(lambda days: tuple(sorted(days))),
    start=st.sampled_from(CLOCKS),
    end=st.sampled_from([*CLOCKS, "24:00"]),
    holidays=st.sampled_from([(), ("DE",), ("DE-BY", "AT"), ("XX",)]),
    closed=st.sampled_from([(), (("2026-01-01", "2026-06-30"),)]),
)
instants = st.datetimes(datetime(2024, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC))
zones = st.sampled_from(ZONES)


@examples(150)
@given(durations, instants, zones, offices)
@example(Duration(business_minutes=366 * YEARS * 1440), at("2026-01-01 00:00"), BERLIN, BusinessHours(
    zone=BERLIN, days=(6,), start="02:30", end="03:00",
))  # fmt: skip
def test_every_duration_has_an_end_and_a_beginning(
    duration: Duration, start: datetime, zone: str, hours: BusinessHours
) -> None:
    end = add(duration, start, zone, hours)
    assert end > start
    assert end.tzinfo is UTC
    assert since(duration, start, zone, hours) < start


@examples(100)
@given(st.integers(1, 5000), instants, offices)
def test_business_minutes_end_in_business_hours_and_can_be_taken_in_parts(
    minutes: int, start: datetime, hours: BusinessHours
) -> None:
    end = add(Duration(business_minutes=minutes), start, "UTC", hours)
    half = add(Duration(business_minutes=minutes // 2), start, "UTC", hours)
    assert add(Duration(business_minutes=minutes - minutes // 2), half, "UTC", hours) == end
    opening = next_business_opening(end, hours)
    assert opening > end


@examples(100)
@given(instants, zones, st.integers(0, 6), st.sampled_from(CLOCKS))
def test_a_weekday_is_ahead_within_eight_days(now: datetime, zone: str, weekday: int, clock: str) -> None:
    found = resolve(Weekday(weekday=weekday, time=clock), now, zone, OFFICE)
    assert timedelta() < found - now <= timedelta(days=7, hours=2)
    days = [
        local_date(found, zone),
        local_date(found, zone) - timedelta(days=1),
    ]  # a skipped evening hour ends a day later
    meant = [
        instant(datetime.combine(day, time.fromisoformat(clock)), zone) for day in days if day.weekday() == weekday
    ]
    assert found in meant


@examples(100)
@given(instants, zones, st.sampled_from(["day", "week", "month"]))
def test_a_period_began_before_now_and_is_its_own_beginning(now: datetime, zone: str, unit: str) -> None:
    start = period_start(unit, now, zone)  # type: ignore[arg-type]
    assert start <= now
    assert period_start(unit, start, zone) == start  # type: ignore[arg-type]
    assert now - start < timedelta(days={"day": 1, "week": 7, "month": 31}[unit], hours=2)

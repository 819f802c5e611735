"""When mail may leave: windows, quiet hours, limits, and all of them together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.plan import Duration, Limit, Window
from engine.rules.conditions.calendar import instant, local_time
from engine.rules.sending.windows import (
    FRESH,
    HORIZON,
    SPREAD,
    Limits,
    cap_opening,
    hold_until,
    is_open,
    next_opening,
    spread,
)
from tests.support.examples import examples

BERLIN = "Europe/Berlin"
LEAD = UUID(int=7)
OFFICE = Window(days=(0, 1, 2, 3, 4), start="08:00", end="18:00")
QUIET = ("20:00", "08:00")
THREE_A_WEEK = Limit(times=3, per=Duration(days=7))


def at(text: str, zone: str = BERLIN) -> datetime:
    return instant(datetime.fromisoformat(text), zone)


def wall(when: datetime | None, zone: str = BERLIN) -> str:
    return "never" if when is None else local_time(when, zone).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("now", "windows", "quiet", "expected"),
    [
        ("2026-09-15 12:00", (), None, "2026-09-15 12:00"),
        ("2026-09-15 12:00", (OFFICE,), QUIET, "2026-09-15 12:00"),
        ("2026-09-15 07:59", (OFFICE,), None, "2026-09-15 08:00"),
        ("2026-09-15 18:00", (OFFICE,), None, "2026-09-16 08:00"),
        ("2026-09-18 18:00", (OFFICE,), None, "2026-09-21 08:00"),
        ("2026-09-15 20:00", (), QUIET, "2026-09-16 08:00"),
        ("2026-09-15 03:00", (), QUIET, "2026-09-15 08:00"),
        ("2026-09-15 19:59", (), QUIET, "2026-09-15 19:59"),
        ("2026-09-15 09:00", (), ("08:30", "09:30"), "2026-09-15 09:30"),
        ("2026-09-15 07:00", (Window(start="06:00", end="09:00"),), QUIET, "2026-09-15 08:00"),
        ("2026-09-15 12:00", (Window(end="11:00"), Window(start="15:00")), None, "2026-09-15 15:00"),
        ("2026-09-15 12:00", (Window(days=(5, 6)),), None, "2026-09-19 00:00"),
        # a Friday night window: its morning part belongs to Friday
        ("2026-09-18 12:00", (Window(days=(4,), start="22:00", end="02:00"),), None, "2026-09-18 22:00"),
        ("2026-09-19 01:59", (Window(days=(4,), start="22:00", end="02:00"),), None, "2026-09-19 01:59"),
        ("2026-09-19 02:00", (Window(days=(4,), start="22:00", end="02:00"),), None, "2026-09-25 22:00"),
        ("2026-09-18 01:00", (Window(days=(4,), start="22:00", end="02:00"),), None, "2026-09-18 22:00"),
        # never
        ("2026-09-15 12:00", (Window(start="21:00", end="23:00"),), QUIET, "never"),
        ("2026-09-15 12:00", (Window(days=()),), None, "never"),
        ("2026-09-15 12:00", (), ("00:00", "00:00"), "never"),
        # clock changes: the window opens when the skipped hour would have been, and twice in a repeated hour
        ("2026-03-29 00:00", (Window(start="02:15", end="03:30"),), None, "2026-03-29 03:00"),
        ("2026-03-29 00:00", (Window(start="02:00", end="03:00"),), None, "2026-03-30 02:00"),
        ("2026-03-28 22:00", (), ("20:00", "02:30"), "2026-03-29 03:00"),
    ],
)  # fmt: skip
def test_next_opening(now: str, windows: tuple[Window, ...], quiet: tuple[str, str] | None, expected: str) -> None:
    assert wall(next_opening(at(now), BERLIN, windows, quiet)) == expected


def test_an_hour_that_comes_twice_is_quiet_twice() -> None:
    between = datetime(2026, 10, 25, 0, 59, tzinfo=UTC)  # 02:59, a minute before the clock goes back to 02:00
    assert is_open(between, BERLIN, quiet=("20:00", "02:30"))
    assert next_opening(between + timedelta(minutes=1), BERLIN, quiet=("20:00", "02:30")) == datetime(
        2026, 10, 25, 1, 30, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ([], "2026-09-15 12:00"),
        (["2026-09-14 12:00", "2026-09-13 12:00"], "2026-09-15 12:00"),
        (["2026-09-14 12:00", "2026-09-10 09:00", "2026-09-13 12:00"], "2026-09-17 09:00"),
        (["2026-09-14 12:00", "2026-09-08 12:00", "2026-09-13 12:00"], "2026-09-15 12:00"),  # exactly a week ago
        (["2026-09-10 12:00", "2026-09-11 12:00", "2026-09-12 12:00", "2026-09-13 12:00"], "2026-09-18 12:00"),
    ],
)
def test_cap_opening(sent: list[str], expected: str) -> None:
    assert wall(cap_opening(THREE_A_WEEK, [at(one) for one in sent], at("2026-09-15 12:00"), BERLIN)) == expected


def test_a_limit_of_none_is_asked_again_after_a_period() -> None:
    now = at("2026-09-15 12:00")
    assert cap_opening(Limit(times=0, per=Duration(days=1)), [], now, BERLIN) == now + timedelta(days=1)


@pytest.mark.parametrize(
    ("now", "limits", "expected"),
    [
        ("2026-09-15 12:00", Limits(BERLIN, (OFFICE,), QUIET, THREE_A_WEEK), None),
        ("2026-09-15 12:00", Limits(BERLIN), None),
        ("2026-09-15 21:00", Limits(BERLIN, (OFFICE,)), "2026-09-16 08:"),
        ("2026-09-15 12:00", Limits(BERLIN, (Window(days=()),)), "2026-09-29 12:00"),
    ],
)
def test_hold_until(now: str, limits: Limits, expected: str | None) -> None:
    held = hold_until(at(now), LEAD, limits)
    assert held is None if expected is None else wall(held).startswith(expected)


def test_a_full_limit_and_a_window_hold_together() -> None:
    sent = [
        at("2026-09-12 19:00"),
        at("2026-09-13 19:00"),
        at("2026-09-14 19:00"),
    ]  # the first makes room on Saturday evening
    held = hold_until(at("2026-09-15 12:00"), LEAD, Limits(BERLIN, (OFFICE,), QUIET, THREE_A_WEEK), sent=sent)
    assert held is not None
    assert at("2026-09-21 08:00") <= held < at("2026-09-21 08:00") + SPREAD


def test_a_full_limit_alone_ends_to_the_second() -> None:
    sent = [at("2026-09-09 14:30"), at("2026-09-13 19:00"), at("2026-09-14 19:00")]
    held = hold_until(at("2026-09-15 12:00"), LEAD, Limits(BERLIN, (OFFICE,), QUIET, THREE_A_WEEK), sent=sent)
    assert held == at("2026-09-16 14:30")


def test_a_fresh_trigger_passes_windows_but_not_the_limit() -> None:
    now, limits = at("2026-09-15 23:00"), Limits(BERLIN, (OFFICE,), QUIET, Limit(per=Duration(minutes=5)))
    fresh, stale = now - FRESH + timedelta(seconds=1), now - FRESH
    assert hold_until(now, LEAD, limits, mode="trigger", event_at=fresh) is None
    assert wall(hold_until(now, LEAD, limits, mode="trigger", event_at=stale)).startswith("2026-09-16 08:")
    assert wall(hold_until(now, LEAD, limits, mode="trigger")).startswith("2026-09-16 08:")
    assert hold_until(now, LEAD, limits, mode="trigger", event_at=now, sent=[now]) == now + timedelta(minutes=5)


def test_transactional_mail_is_never_held() -> None:
    limits = Limits(BERLIN, (Window(days=()),), QUIET, Limit(times=0, per=Duration(days=1)))
    assert hold_until(at("2026-09-15 23:00"), LEAD, limits, mode="transactional") is None


def test_spread_is_stable_even_and_inside_its_room() -> None:
    opening, room = at("2026-09-15 08:00"), timedelta(minutes=15)
    shares = [spread(opening, UUID(int=number), room) for number in range(3000)]
    assert shares == [spread(opening, UUID(int=number), room) for number in range(3000)]
    assert all(timedelta() <= share < room for share in shares)
    thirds = [sum(share // timedelta(minutes=5) == third for share in shares) for third in range(3)]
    assert min(thirds) > 850
    assert spread(opening, LEAD, timedelta(seconds=-1)) == timedelta()
    assert len({spread(opening + timedelta(days=day), LEAD, room) for day in range(20)}) > 10


def test_spread_ends_with_a_short_window_and_with_within() -> None:
    short = Limits(BERLIN, (Window(start="08:00", end="08:01"),))
    deadline = at("2026-09-16 08:00") + timedelta(seconds=5)
    for number in range(200):
        held = hold_until(at("2026-09-15 21:00"), UUID(int=number), short)
        assert wall(held) == "2026-09-16 08:00"
        held = hold_until(at("2026-09-15 21:00"), UUID(int=number), Limits(BERLIN, quiet=QUIET), deadline=deadline)
        assert held is not None
        assert held < deadline


clocks = st.integers(0, 95).map(lambda quarter: f"{quarter // 4:02}:{quarter % 4 * 15:02}")
windows = st.lists(
    st.builds(Window, days=st.sets(st.integers(0, 6)).map(tuple), start=clocks, end=clocks | st.just("24:00")),
    max_size=3,
).map(tuple)
quiets = st.none() | st.tuples(clocks, clocks)
zones = st.sampled_from(
    ["UTC", BERLIN, "America/New_York", "Australia/Lord_Howe", "America/Nuuk", "Africa/Cairo", "No/Where"]
)
changes = [datetime(2026, month, day, tzinfo=UTC) for month, day in ((3, 29), (10, 25), (4, 5), (10, 4), (4, 24))]
instants = st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)) | st.builds(
    lambda day, minutes: day + timedelta(minutes=minutes), st.sampled_from(changes), st.integers(-2000, 2000)
)


@examples(200)
@given(instants, zones, windows, quiets)
def test_next_opening_is_open_and_the_first(
    now: datetime, zone: str, windows: tuple[Window, ...], quiet: tuple[str, str] | None
) -> None:
    found = next_opening(now, zone, windows, quiet)
    end = found or now + HORIZON
    assert found is None or is_open(found, zone, windows, quiet)
    assert now <= end <= now + HORIZON
    quarter = timedelta(minutes=15)
    before = (now + step * quarter for step in range(int((end - now) / quarter) + 1))
    assert not any(is_open(at, zone, windows, quiet) for at in before if at < end)


@examples(100)
@given(instants, zones, windows, quiets, st.lists(instants, max_size=6), st.integers(0, 3), st.uuids())
def test_what_was_held_may_leave_when_the_time_has_come(
    now: datetime, zone: str, windows: tuple[Window, ...], quiet: tuple[str, str] | None,
    sent: list[datetime], times: int, lead: UUID,
) -> None:  # fmt: skip
    limits = Limits(zone, windows, quiet, Limit(times=times, per=Duration(days=2)))
    held = hold_until(now, lead, limits, sent=sent)
    if held is None:
        assert is_open(now, zone, windows, quiet)
        assert len([one for one in sent if one > now - timedelta(days=1)]) < times
    else:
        assert held > now
        never = times == 0 or next_opening(held, zone, windows, quiet) is None
        assert never or hold_until(held, lead, limits, sent=sent) is None

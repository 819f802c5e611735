"""Calendar arithmetic: what a duration, a weekday or a local date means as an instant in UTC.

All instants are aware and in UTC. A local time that a clock change skips is moved forward by the gap; one that comes
twice means the first. Business hours are counted in their own time zone, whatever the lead's.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any, Literal
from zoneinfo import ZoneInfo

import holidays

from dsl.plan import After, At, BusinessHours, Duration, Moment, Relative, Weekday

_HORIZON = 50 * 366
"""Days of a calendar looked at before business hours count as never open."""

_FIRST = datetime(1, 1, 3, tzinfo=UTC)
_LAST = datetime(9999, 12, 29, tzinfo=UTC)
_FIRST_LOCAL, _LAST_LOCAL = _FIRST.replace(tzinfo=None), _LAST.replace(tzinfo=None)


# ── instants and local time ──────────────────────────────────────────────────────────────────────────────────────────
@lru_cache(maxsize=1024)
def zone_of(name: str) -> tzinfo:
    """The IANA zone of that name; UTC when there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC


def minutes_of(clock: str) -> int:
    """Minutes since midnight of "HH:MM"; "24:00" is 1440."""
    hour, _, minute = clock.partition(":")
    return int(hour) * 60 + int(minute)


def instant(local: datetime, zone: str) -> datetime:
    """When the naive local time comes in the zone; years outside 1 to 9999 are clamped."""
    if not _FIRST_LOCAL <= local <= _LAST_LOCAL:
        local = min(max(local, _FIRST_LOCAL), _LAST_LOCAL)
    return local.replace(tzinfo=zone_of(zone), fold=0).astimezone(UTC)


def in_utc(at: datetime) -> datetime:
    """The aware instant in UTC. Raises ValueError for one too near the ends of the calendar to be shown in any zone."""
    try:
        found = at.astimezone(UTC)
    except OverflowError:
        raise ValueError("out of range") from None
    if not _FIRST <= found <= _LAST:
        raise ValueError("out of range")
    return found


def clamped(at: datetime) -> datetime:
    """The aware instant in UTC; one too near the ends of the calendar is the first or the last that can be shown."""
    return _FIRST if at <= _FIRST else _LAST if at >= _LAST else at.astimezone(UTC)


def local_time(at: datetime, zone: str) -> datetime:
    """The naive wall time of an instant in the zone."""
    if not _FIRST <= at <= _LAST:
        at = min(max(at, _FIRST), _LAST)
    return at.astimezone(zone_of(zone)).replace(tzinfo=None, fold=0)


def local_date(at: datetime, zone: str) -> date:
    """The date on the wall at an instant in the zone."""
    return local_time(at, zone).date()


# ── durations ────────────────────────────────────────────────────────────────────────────────────────────────────────
def add(duration: Duration, start: datetime, zone: str, hours: BusinessHours) -> datetime:
    """The instant one duration after `start`.

    Months, then days, keep the local time in `zone`; minutes are exact. Business days and minutes are counted from
    there in `hours`, from the next opening when closed: a business day ends at the same local time on the next one.
    Where business never opens they are ordinary days and minutes. What lies beyond the calendar is its last instant:
    systems that know no other way write 9999-12-31 for a contract without an end.
    """
    try:
        at = _exactly(_shift(start, duration.months, duration.days, zone), duration.minutes)
        at = _after_business_days(at, duration.business_days, hours)
        return _after_business_minutes(at, duration.business_minutes, hours)
    except (OverflowError, ValueError):
        return _LAST


def since(duration: Duration, now: datetime, zone: str, hours: BusinessHours | None = None) -> datetime:
    """Where a look-back window that ends `now` begins.

    Without `hours`, business time is Monday to Friday from 09:00 to 17:00 in `zone`. What lies before the calendar is
    its first instant.
    """
    hours = hours or BusinessHours(zone=zone)
    try:
        at = _exactly(_shift(now, -duration.months, -duration.days, zone), -duration.minutes)
        at = _before_business_days(at, duration.business_days, hours)
        return _before_business_minutes(at, duration.business_minutes, hours)
    except (OverflowError, ValueError):
        return _FIRST


def resolve(
    moment: Moment, now: datetime, zone: str, hours: BusinessHours, fields: Mapping[str, Any] | None = None
) -> datetime | None:  # fmt: skip
    """The instant a moment means for a lead in `zone`. Only `At` and `Relative` can lie in the past.

    None: the field of a `Relative` is empty, or holds no date.
    """
    match moment:
        case After(duration=duration):
            return add(duration, now, zone, hours)
        case Weekday(weekday=weekday, time=clock):
            today = local_date(now, zone)
            ahead = (weekday - today.weekday()) % 7
            at = _on(today + timedelta(days=ahead), minutes_of(clock), zone)
            return at if at > now else _on(today + timedelta(days=ahead + 7), minutes_of(clock), zone)
        case At(date=day, time=clock, zone=own):
            return _on(date.fromisoformat(day), minutes_of(clock), own or zone)
        case Relative(field=field, time=clock):
            base = moment_of((fields or {}).get(field), zone, clock)
            if base is None:
                return None
            if moment.by_day:
                base = _on(local_date(base, zone), minutes_of(clock), zone)
            return (since if moment.before else add)(moment.offset, base, zone, hours)


def moment_of(value: Any, zone: str, clock: str) -> datetime | None:
    """The instant that a field's value means: ISO text, where a date comes at `clock` and a local time without an
    offset counts in the zone. None: it is neither."""
    if not isinstance(value, str):
        return None
    try:
        if len(value) == len("2026-12-24"):
            return _on(date.fromisoformat(value), minutes_of(clock), zone)
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return instant(at, zone) if at.tzinfo is None else clamped(at)


def period_start(unit: Literal["day", "week", "month"], now: datetime, zone: str) -> datetime:
    """When the calendar day, week (from Monday) or month around `now` began in the zone."""
    today = local_date(now, zone)
    if unit == "week":
        today -= timedelta(days=today.weekday())
    elif unit == "month":
        today = today.replace(day=1)
    return _on(today, 0, zone)


def _on(day: date, minutes: int, zone: str) -> datetime:
    return instant(datetime.combine(day, time()) + timedelta(minutes=minutes), zone)


def _exactly(at: datetime, minutes: int) -> datetime:
    return min(max(at + timedelta(minutes=minutes), _FIRST), _LAST)


def _shift(at: datetime, months: int, days: int, zone: str) -> datetime:
    """Same local time some months and days away; a day the month lacks becomes its last."""
    if not months and not days:
        return at
    local = local_time(at, zone)
    if months:
        year, month = divmod(local.year * 12 + local.month - 1 + months, 12)
        last = calendar.monthrange(year, month + 1)[1]
        local = local.replace(year=year, month=month + 1, day=min(local.day, last))
    return instant(local + timedelta(days=days), zone)


# ── business hours ───────────────────────────────────────────────────────────────────────────────────────────────────
Span = tuple[date, datetime, datetime]
"""A business day, and the instants at which it opens and closes, once for each of its opening hours."""


def next_business_opening(now: datetime, hours: BusinessHours) -> datetime:
    """The first instant after `now` at which business opens; a day later when it never does."""
    for _, opens, _ in _spans(hours, local_date(now, hours.zone)):
        if opens > now:
            return opens
    return now + timedelta(days=1)


@lru_cache(maxsize=512)
def days_off(codes: tuple[str, ...], closed: tuple[tuple[str, str], ...], year: int) -> frozenset[date]:
    """Holidays and closed dates of one year. `codes` are "DE" or "DE-BY"; unknown ones have no holidays."""
    found: set[date] = set()
    for code in codes:
        country, _, region = code.partition("-")
        try:
            found.update(holidays.country_holidays(country, subdiv=region or None, years=year, expand=False))
        except (NotImplementedError, KeyError, ValueError):
            continue
    for first, last in closed:
        day, end = max(date.fromisoformat(first), date(year, 1, 1)), min(date.fromisoformat(last), date(year, 12, 31))
        found.update(day + timedelta(days=ahead) for ahead in range((end - day).days + 1))
    return frozenset(found)


def is_business_day(day: date, hours: BusinessHours) -> bool:
    return any(day.weekday() in line.days for line in hours.lines) and not _is_day_off(day, hours)


def _is_day_off(day: date, hours: BusinessHours) -> bool:
    return day in days_off(hours.holidays, hours.closed, day.year)


@lru_cache(maxsize=256)
def _week(hours: BusinessHours) -> tuple[tuple[tuple[int, int], ...], ...]:
    """By weekday, the minutes of the day at which business opens and closes, in order."""
    days: list[list[tuple[int, int]]] = [[] for _ in range(7)]
    for line in hours.lines:
        opens, closes = minutes_of(line.start), minutes_of(line.end)
        for day in line.days:
            days[day].append((opens, closes if closes > opens else closes + 24 * 60))
    return tuple(tuple(sorted(day)) for day in days)


def _spans(hours: BusinessHours, around: date, step: Literal[1, -1] = 1) -> Iterator[Span]:
    """Opening hours from the day before (after, going back) `around`, which may still be open past midnight. A day
    with several has a span for each."""
    week = _week(hours)
    for offset in range(-1, _HORIZON if any(week) else 0):
        day = around + timedelta(days=offset * step)
        if not (open_hours := week[day.weekday()]) or _is_day_off(day, hours):
            continue
        for opens, closes in open_hours[::step]:
            begin, end = _on(day, opens, hours.zone), _on(day, closes, hours.zone)
            if begin < end:  # a clock change can swallow a short night shift
                yield day, begin, end


def _after_business_days(at: datetime, days: int, hours: BusinessHours) -> datetime:
    if not days:
        return at
    ahead = _days(span for span in _spans(hours, local_date(at, hours.zone)) if span[2] > at)
    first = next(ahead, None)
    if first is None:
        return at + timedelta(days=days)
    clock = _clock(max(at, first[0][1]), first[0][0], hours.zone)
    for count, spans in enumerate(ahead, start=1):
        if count == days:
            return _at_clock(spans, clock, hours.zone)
    return at + timedelta(days=days)


def _after_business_minutes(at: datetime, minutes: int, hours: BusinessHours) -> datetime:
    if not minutes:
        return at
    left = timedelta(minutes=minutes)
    for _, opens, closes in _spans(hours, local_date(at, hours.zone)):
        begin = max(opens, at)
        if closes - begin >= left:
            return begin + left
        left -= max(closes - begin, timedelta())
    return at + timedelta(minutes=minutes)


def _before_business_days(at: datetime, days: int, hours: BusinessHours) -> datetime:
    if not days:
        return at
    back = _days(span for span in _spans(hours, local_date(at, hours.zone), -1) if span[1] < at)
    last = next(back, None)
    if last is None:
        return at - timedelta(days=days)
    clock = _clock(min(at, last[0][2]), last[0][0], hours.zone)
    for count, spans in enumerate(back, start=1):
        if count == days:
            return _at_clock(spans[::-1], clock, hours.zone)
    return at - timedelta(days=days)


def _before_business_minutes(at: datetime, minutes: int, hours: BusinessHours) -> datetime:
    if not minutes:
        return at
    left = timedelta(minutes=minutes)
    for _, opens, closes in _spans(hours, local_date(at, hours.zone), -1):
        end = min(closes, at)
        if end - opens >= left:
            return end - left
        left -= max(end - opens, timedelta())
    return at - timedelta(minutes=minutes)


def _days(spans: Iterator[Span]) -> Iterator[list[Span]]:
    """The spans of each business day."""
    for _, found in groupby(spans, key=itemgetter(0)):
        yield list(found)


def _clock(at: datetime, day: date, zone: str) -> timedelta:
    """How long after midnight of the business day `at` stands on the wall clock."""
    return local_time(at, zone) - datetime.combine(day, time())


def _at_clock(spans: list[Span], clock: timedelta, zone: str) -> datetime:
    """The same time of the wall clock on a business day, moved to the next hours that are open, else to the last."""
    wanted = instant(datetime.combine(spans[0][0], time()) + clock, zone)
    return next((max(wanted, opens) for _, opens, closes in spans if wanted <= closes), spans[-1][2])

"""Instants and speeds as people type them: `tomorrow 09:00`, `monday 8:30`, `in 3 days`, `60x`. Pure."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from math import isfinite
from zoneinfo import ZoneInfo

from dsl.problems.near import did_you_mean, near

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MORNING = time(9)
"""What a day without a time of day means."""
FASTEST = 20_000.0
_LIKE = 'write it like "tomorrow 09:00", "monday 8:30", "2026-12-24 08:30", "in 3 days" or "now"'
_TIME = re.compile(r"(\d{1,2}):(\d{2})")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_AHEAD = re.compile(r"in (\d{1,4}) (minute|hour|day|week)s?")
_YEARS = range(2000, 2100)


class Unreadable(ValueError):
    """Words that are not an instant or a speed; the text says what to write instead."""


def instant_of(text: str, now: datetime, zone: str) -> datetime:
    """The instant in UTC that the words mean for people in a time zone at `now`.

    A weekday is the next one, a time alone the next time the clock shows it, a day alone nine in the morning. Raises
    Unreadable.
    """
    words = " ".join(text.split()).lower()
    local = now.astimezone(ZoneInfo(zone))
    if words == "now":
        return now.astimezone(UTC)
    if ahead := _AHEAD.fullmatch(words):
        try:
            return now.astimezone(UTC) + timedelta(**{f"{ahead[2]}s": int(ahead[1])})
        except OverflowError:
            raise Unreadable(f"`{text}` is too far away") from None
    if (exact := _exact(text.strip(), zone)) is not None:
        return exact
    day, _, rest = words.partition(" ")
    if _TIME.fullmatch(day) and not rest:
        at = _clock(day)
        ahead_of_now = (at.hour, at.minute) > (local.hour, local.minute)
        return _on(local.date() + timedelta(days=not ahead_of_now), at, zone)
    at = _clock(rest) if rest else MORNING
    return _on(_day(day, at, local), at, zone)


def speed_of(text: str) -> float:
    """How many times as fast as the machine's clock: `60` or `60x`. Raises Unreadable."""
    try:
        speed = float(text.strip().lower().removesuffix("x"))
    except ValueError:
        speed = float("nan")
    if not isfinite(speed) or not 1 <= speed <= FASTEST:
        raise Unreadable(
            f"`{text}` is not a speed: use a number from 1 to {FASTEST:.0f}; with 60 an hour takes a minute"
        )
    return speed


def _exact(text: str, zone: str) -> datetime | None:
    """A whole ISO 8601 instant; without an offset it is the zone's own time."""
    if not re.match(r"\d{4}-\d{2}-\d{2}[T ]\d", text):
        return None
    date_, _, clock = text.replace("T", " ", 1).partition(" ")
    if _TIME.fullmatch(clock.strip()):
        return _on(_dated(date_), _clock(clock.strip()), zone)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Unreadable(f"`{text}` is not an instant: {_LIKE}") from None
    _dated(date_)
    return (found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)


def _day(word: str, at: time, local: datetime) -> date:
    today = local.date()
    if word in ("today", "tomorrow"):
        return today + timedelta(days=word == "tomorrow")
    if word in DAYS:
        ahead = (DAYS.index(word) - today.weekday()) % 7
        passed = ahead == 0 and (at.hour, at.minute) <= (local.hour, local.minute)
        return today + timedelta(days=7 if passed else ahead)
    if _DATE.fullmatch(word):
        return _dated(word)
    hint = did_you_mean(near(word, [*DAYS, "today", "tomorrow", "now"])) or _LIKE
    raise Unreadable(f"`{word}` is not a day: {hint}")


def _dated(word: str) -> date:
    try:
        found = date.fromisoformat(word)
    except ValueError:
        raise Unreadable(f"`{word}` is not a date in the calendar") from None
    if found.year not in _YEARS:
        raise Unreadable(f"`{word}` is too far away: use a year from {_YEARS[0]} to {_YEARS[-1]}")
    return found


def _clock(word: str) -> time:
    match = _TIME.fullmatch(word)
    if match is None or int(match[1]) > 23 or int(match[2]) > 59:
        raise Unreadable(f"`{word}` is not a time of day: write it from 00:00 to 23:59, like 09:00")
    return time(int(match[1]), int(match[2]))


def _on(day: date, at: time, zone: str) -> datetime:
    return datetime.combine(day, at, ZoneInfo(zone)).astimezone(UTC)

"""`wait until`: a day of the week, a date, a date of the lead or of the event, or so long before or after one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from dsl import plan
from dsl.names.known import check_zone
from dsl.problems.near import near
from dsl.problems.problems import Problems
from dsl.text import values
from dsl.text.expressions import text_of
from dsl.text.lexer import Lexeme, span_of
from dsl.text.reader import Row, label_of
from dsl.tree import declarations as tree
from dsl.tree.declarations import Amounts, Text

NINE = "09:00"
MONTHS = 12
SHORT_DAYS = ("mon", "tue", "tues", "wed", "thu", "thur", "thurs", "fri", "sat", "sun")
"""Days of the week as people shorten them, which are no fields."""


NO_DAYS: Mapping[str, str] = {
    **dict.fromkeys(("tomorrow", "now", "today", "tonight"), "write `wait 1 day`, or `wait until monday 09:00`"),
    **dict.fromkeys(
        ("weekdays", "weekday", "weekends", "weekend", "daily"),
        "write `sends on weekdays between 08:00 and 18:00` in the campaign; emails then wait for it",
    ),
}
"""Words that are no fields, and what to write for them."""


def wait_until(row: Row, problems: Problems) -> tree.Wait:
    *parts, skip, label = row.args
    made: tree.Wait = WAITS[row.rule](row, parts, problems)
    return replace(made, label=label_of(label), skips=skip is not None)


def _weekday(row: Row, parts: list[Any], problems: Problems) -> tree.Wait:
    day, clock = parts
    word = str(day)
    if word in NO_DAYS:
        problems.add("E010", span_of(day), text=word, head="wait until", advice=NO_DAYS[word])
        return tree.Wait(row.span, until=plan.Weekday(weekday=0, time=NINE))
    if word not in values.WEEKDAYS and word.lower() not in SHORT_DAYS and not near(word, values.WEEKDAYS):
        return _field(row, text_of(day), clock, problems)
    weekday = values.weekday(day, problems)
    time = _time_of_day(row, word, clock, problems) if weekday is not None else NINE
    return tree.Wait(row.span, until=plan.Weekday(weekday=weekday or 0, time=time))


def _date(row: Row, parts: list[Any], problems: Problems) -> tree.Wait:
    day, clock, zone = parts
    if clock is None and (meant := values.time_meant(str(day))):
        problems.add("E223", span_of(day), text=str(day), meant=meant)
        return tree.Wait(row.span, until=plan.Weekday(weekday=0, time=meant))
    return _at(row, values.day(day, problems), clock, zone, problems)


def _at(row: Row, found: str | None, clock: Any, zone: Any, problems: Problems) -> tree.Wait:
    """A day of the calendar. Without a time it is the first moment of that day at which the campaign may send."""
    time = _clock(clock, problems)
    if zone is not None:
        check_zone(text_of(zone), problems)
    until = plan.At(date=found or "2026-01-01", time=time, zone=str(zone) if zone else None)
    return tree.Wait(row.span, until=until, first=clock is None and row.whole)


def _day(row: Row, parts: list[Any], problems: Problems) -> tree.Wait:
    _, name, clock = parts
    found = _field(row, text_of(name), clock, problems)
    assert isinstance(found.until, plan.Relative)
    return replace(found, until=found.until.model_copy(update={"by_day": True}))


def _field(row: Row, name: Text, clock: Any, problems: Problems) -> tree.Wait:
    until = plan.Relative(
        field=name.value, offset=plan.Duration(), time=_clock(clock, problems), by_day=clock is not None
    )
    return tree.Wait(row.span, until=until, field=name)


def _datum(row: Row, parts: list[Any], problems: Problems) -> tree.Wait:
    day, noun, name, clock = parts
    datum = _of_event(noun, name, problems)
    by_day = day is not None or clock is not None
    until = plan.Relative(
        field=datum.value, offset=plan.Duration(), time=_clock(clock, problems), of_event=True, by_day=by_day
    )
    return tree.Wait(row.span, until=until, datum=datum)


def _relative(row: Row, parts: list[Any], problems: Problems) -> tree.Wait:
    """`7 days before contract_end`, `2 days before event.date`."""
    length, anchor, clock = parts
    before = row.rule == "wait_before"
    words = list(anchor.children)
    offset = values.duration(length, problems) or plan.Duration(days=1)
    common: dict[str, Any] = {"offset": offset, "before": before, "time": _clock(clock, problems)}
    if str(anchor.data) == "of_datum":
        datum = _of_event(words[0], words[1], problems)
        return tree.Wait(
            row.span,
            until=plan.Relative(field=datum.value, of_event=True, by_day=clock is not None, **common),
            datum=datum,
        )
    name = text_of(words[0])
    return tree.Wait(row.span, until=plan.Relative(field=name.value, **common), field=name)


def _from_date(row: Row, parts: list[Any], problems: Problems) -> tree.Wait:
    """`60 days before 2027-09-20`, with a time or without."""
    length, side, day, clock, zone = parts
    counted = _counted(values.day(day, problems), length, side == "before", problems)
    return _at(row, counted, clock, zone, problems)


def _of_event(noun: Lexeme, name: Lexeme, problems: Problems) -> Text:
    if str(noun) != "event":
        problems.add("E010", span_of(noun), near=("event",), text=str(noun))
    return text_of(name)


def _counted(day: str | None, length: Amounts, before: bool, problems: Problems) -> str | None:
    """The day so many whole days, weeks, months or years before or after another."""
    span = values.duration(length, problems)
    if day is None or span is None:
        return None
    if span.minutes or span.business_days or span.business_minutes:
        problems.add("E224", length[0].span.to(length[-1].span), text=values.shown(length))
        return None
    sign = -1 if before else 1
    return shifted(date.fromisoformat(day), sign * span.months, sign * span.days).isoformat()


def shifted(day: date, months: int, days: int) -> date:
    """So many months and then days away; a day that the month lacks becomes its last."""
    year, month = divmod(day.year * MONTHS + day.month - 1 + months, MONTHS)
    following = date(year + (month + 1) // MONTHS, (month + 1) % MONTHS + 1, 1)
    last = (following - timedelta(days=1)).day
    return day.replace(year=year, month=month + 1, day=min(day.day, last)) + timedelta(days=days)


def _clock(clock: Any, problems: Problems) -> str:
    return (values.time(clock, problems) if clock is not None else None) or NINE


def _time_of_day(row: Row, day: str, clock: Any, problems: Problems) -> str:
    if clock is None:
        if row.whole:
            problems.add("E219", row.span, text=day, meant=f"wait until {day} {NINE}")
        return NINE
    return values.time(clock, problems) or NINE


WAITS: Mapping[str, Any] = {
    "wait_weekday": _weekday, "wait_date": _date, "wait_day": _day, "wait_datum": _datum, "wait_before": _relative,
    "wait_after": _relative, "wait_from_date": _from_date,
}  # fmt: skip

"""Starts on a date and regular ones."""

from __future__ import annotations

import re
from typing import Any

from dsl import plan
from dsl.names.known import check_zone
from dsl.problems.near import near
from dsl.problems.problems import Problems
from dsl.text import values
from dsl.text.expressions import text_of
from dsl.text.lexer import Lexeme, span_of
from dsl.text.reader import Reader, Row
from dsl.tree import declarations as tree
from dsl.tree.declarations import Condition

DEFAULT_TIME = "09:00"
ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
LAST_SAFE_DAY = 28
"""The last day that every month has."""


def only_if(only: Any, row: Row, reader: Reader) -> tuple[Condition, ...]:
    """The conditions of a start: after its comma, and on the lines below it."""
    conditions: list[Condition] = [only.children[0]] if only is not None else []
    return (*conditions, *(below.args[0] for below in reader.below(row)))


def schedule(row: Row, reader: Reader) -> tree.Schedule:
    """`starts on DATE …` and `starts every …`, for a segment or a list."""
    *_, audience, only = row.args
    dated = _on(row, reader.problems) if row.rule == "starts_on" else _every(row, reader.problems)
    kind = str(audience.data).removeprefix("of_")
    return tree.Schedule(dated, kind, text_of(audience.children[0]), only_if(only, row, reader), row.span)


def _on(row: Row, problems: Problems) -> plan.Dated:
    day, clock, zone, *_ = row.args
    if zone is not None:
        check_zone(text_of(zone), problems)
    date = values.day(day, problems) or ""
    return plan.Dated(at=plan.At(date=date, time=_time(clock, problems), zone=str(zone) if zone else None))


def _every(row: Row, problems: Problems) -> plan.Dated:
    regular, clock, *_ = row.args
    time = _time(clock, problems)
    words = [str(token) for token in regular.children]
    match str(regular.data):
        case "every_unit" if words[0] == "day":
            return plan.Dated(every="day", time=time)
        case "every_unit" if words[0] == "month":
            return plan.Dated(every="month", nth=1, time=time)
        case "every_unit":
            return plan.Dated(every="week", weekday=_weekday(regular.children[0], problems), time=time)
        case "every_nth":
            return _nth(regular.children, time, problems)
        case _:
            return _month_on(regular.children, time, problems)


def _nth(tokens: list[Lexeme], time: str, problems: Problems) -> plan.Dated:
    """`first tuesday of the month`, `last day of the month`."""
    which, day, unit = tokens
    nth = ORDINALS.get(str(which))
    if nth is None:
        problems.add("E234", span_of(which), near=near(str(which), ORDINALS), text=str(which))
    if str(unit) != "month":
        problems.add("E234", span_of(unit), near=("month",), text=str(unit))
    weekday = None if str(day) == "day" else _weekday(day, problems)
    return plan.Dated(every="month", weekday=weekday, nth=nth, time=time)


def _month_on(tokens: list[Lexeme], time: str, problems: Problems) -> plan.Dated:
    """`month on the 1st`."""
    unit, number = tokens
    if str(unit) != "month":
        problems.add("E234", span_of(unit), near=("month",), text=str(unit))
    match = re.fullmatch(r"(\d{1,2})(?:st|nd|rd|th)?", str(number), re.ASCII)
    day = int(match[1]) if match else 0
    if not 1 <= day <= LAST_SAFE_DAY:
        problems.add("E235", span_of(number), text=str(number))
    return plan.Dated(every="month", nth=day, time=time)


def _weekday(token: Lexeme, problems: Problems) -> int | None:
    word = str(token)
    if word in values.WEEKDAYS:
        return values.WEEKDAYS.index(word)
    problems.add("E234", span_of(token), near=near(word, (*values.WEEKDAYS, "day")), text=word)
    return None


def _time(clock: Lexeme | None, problems: Problems) -> str:
    if clock is None:
        return DEFAULT_TIME
    return values.time(clock, problems) or DEFAULT_TIME

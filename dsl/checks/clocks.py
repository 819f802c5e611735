"""Warnings: times of day that a clock change skips or repeats."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from dsl import plan
from dsl.names.known import zones
from dsl.names.scope import Scope
from dsl.names.walk import events
from dsl.problems.diagnostics import Diagnostic
from dsl.problems.problems import Problems
from dsl.tree import declarations as tree
from dsl.tree.declarations import Span

_YEAR = 2040
"""The checker reads no clock. What the zones lay down today holds for every year far enough ahead."""
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_HOW = {
    (True, False): "is skipped when the clocks go forward",
    (False, True): "is repeated when the clocks go back",
    (True, True): "is skipped when the clocks go forward and repeated when they go back",
}


def check_clock_changes(scope: Scope) -> list[Diagnostic]:
    """A zone of its own counts, else the workspace's: a lead's is not known here."""
    problems = Problems()
    hours = scope.workspace.hours if scope.workspace else None
    usual = hours.zone.value if hours and hours.zone else "UTC"
    for time, zone, days, span in _times(scope.program):
        name = zone or usual
        if name in zones() and _CLOCK.fullmatch(time):
            year = days.year if isinstance(days, date) else _YEAR
            found = {oddity(name, day, time) for day in changes(name, year) if _falls_on(day, days)}
            if how := _HOW.get(("skipped" in found, "twice" in found)):
                problems.add("W110", span, text=time, zone=name, how=how)
    return problems.found


def _falls_on(day: date, days: date | int | None) -> bool:
    return days is None or (day.weekday() == days if isinstance(days, int) else day == days)


def _times(program: tree.Program) -> Iterator[tuple[str, str | None, date | int | None, Span]]:
    """Time of day, its own zone, and the day: a date, a weekday, or None for any."""
    for event in events(program):
        if event.dated and event.dated.time:
            yield event.dated.time.raw, None, None, event.span
    for campaign in program.campaigns:
        for schedule in campaign.schedules:
            dated = schedule.dated
            if dated.at:
                yield from _fixed(dated.at, schedule.span)
            elif dated.time:
                yield dated.time, None, dated.weekday, schedule.span
        for statement in campaign.statements:
            match statement:
                case tree.Wait(until=plan.Weekday(weekday=weekday, time=time)):
                    yield time, None, weekday, statement.span
                case tree.Wait(until=plan.At() as at):
                    yield from _fixed(at, statement.span)
                case _:
                    pass


def _fixed(at: plan.At, span: Span) -> Iterator[tuple[str, str | None, date, Span]]:
    try:
        yield at.time, at.zone, date.fromisoformat(at.date), span
    except ValueError:
        return


@cache
def changes(zone: str, year: int) -> tuple[date, ...]:
    """The days of a year on which the clocks of a zone change."""
    clock = ZoneInfo(zone)
    midnights = [datetime(year, 1, 1) + timedelta(days=day) for day in range(366)]
    return tuple(
        one.date()
        for one in midnights
        if one.replace(tzinfo=clock).utcoffset() != (one + timedelta(days=1)).replace(tzinfo=clock, fold=1).utcoffset()
    )


def oddity(zone: str, day: date, time: str) -> str:
    """`skipped`, `twice`, or nothing."""
    clock = ZoneInfo(zone)
    local = datetime.fromisoformat(f"{day}T{time}")
    first, second = (local.replace(tzinfo=clock, fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return ""
    there = first.astimezone(UTC).astimezone(clock).replace(tzinfo=None)
    return "twice" if there == local else "skipped"

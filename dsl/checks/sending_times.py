"""When emails may leave: windows against quiet hours, holidays, and the time within which an email must leave."""

from __future__ import annotations

from functools import cache

from dsl import plan
from dsl.names.scope import Scope
from dsl.names.walk import all_statements
from dsl.problems.diagnostics import Diagnostic, at
from dsl.problems.problems import Problems
from dsl.tree import declarations as tree

Windows = tuple[plan.Window, ...]
DAY, WEEK = 1440, 10080


def check_sending_times(scope: Scope) -> list[Diagnostic]:
    problems = Problems()
    workspace = scope.workspace
    if workspace is None:
        return []
    quiet = workspace.quiet_hours
    places = [("E655", "", workspace.span, workspace.windows)]
    places += [("E649", one.name.value, one.span, one.windows) for one in scope.program.campaigns]
    for code, name, span, windows in places:
        if quiet and windows and all(_minutes(one.start, one.end) <= _minutes(*quiet) for one in windows):
            related = [at("quiet hours are declared here", workspace.span)] if name else []
            problems.add(code, span, name=name, hours=" to ".join(quiet), related=related)
    working = [span for _, _, span, windows in places if any(one.working for one in windows)]
    if working and not workspace.hours.holidays and not workspace.hours.closed:
        problems.add("W118", working[0])
    return problems.found


def check_within(scope: Scope) -> list[Diagnostic]:
    """Warnings: emails that must leave sooner than the next window may open."""
    problems = Problems()
    workspace = scope.workspace
    if workspace is None:
        return []
    days = _business_days(workspace)
    for campaign in scope.program.campaigns:
        gap = _longest_gap(campaign.windows or workspace.windows, workspace.quiet_hours, days)
        for statement in all_statements(campaign):
            if not isinstance(statement, tree.Send) or statement.mode != "normal" or statement.within is None:
                continue
            minutes = _exact(statement.within)
            if minutes is not None and minutes < gap < WEEK:
                problems.add("W119", statement.span, within=_in_words(minutes), gap=_in_words(gap))
    return problems.found


def _business_days(workspace: tree.Workspace) -> tuple[int, ...]:
    own = workspace.hours.days
    days = own if own is not None else plan.BusinessHours(zone="UTC").days
    return tuple(sorted({*days, *(day for line in workspace.hours.more for day in line.days)}))


def _exact(length: plan.Duration) -> int | None:
    """The minutes of a time without months and business time; None for one with them."""
    if length.months or length.business_days or length.business_minutes:
        return None
    return length.days * DAY + length.minutes


def _in_words(minutes: int) -> str:
    count, unit = (minutes // 60, "hour") if minutes % 60 == 0 else (minutes, "minute")
    if minutes % DAY == 0:
        count, unit = minutes // DAY, "day"
    return f"{count} {unit}{'' if count == 1 else 's'}"


@cache
def _longest_gap(windows: Windows, quiet: tuple[str, str] | None, business_days: tuple[int, ...]) -> int:
    """The longest time in minutes for which nothing may leave, in a week without holidays; a week if it never may."""
    opened = bytearray(WEEK) if windows else bytearray(b"\x01" * WEEK)
    for window in windows:
        start, end = _clock(window.start), _clock(window.end)
        for day in window.days if not window.working else business_days:
            for minute in range(start, end if start < end else end + DAY):
                opened[(day * DAY + minute) % WEEK] = 1
    for minute in _minutes(*quiet) if quiet else ():
        for day in range(7):
            opened[day * DAY + minute] = 0
    open_minutes = [minute for minute, free in enumerate(opened) if free]
    if not open_minutes:
        return WEEK
    following = [*open_minutes[1:], open_minutes[0] + WEEK]
    return max(after - before - 1 for before, after in zip(open_minutes, following, strict=True))


def _clock(time: str) -> int:
    return int(time[:2]) * 60 + int(time[3:])


@cache
def _minutes(start: str, end: str) -> frozenset[int]:
    """The minutes of the day in a span that may pass midnight."""
    first, last = _clock(start), _clock(end)
    if first < last:
        return frozenset(range(first, last))
    return frozenset((*range(first, DAY), *range(last)))

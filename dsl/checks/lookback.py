"""Warnings: questions about more of the past than the workspace keeps."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from dsl import plan
from dsl.names.scope import Scope
from dsl.names.walk import atoms, conditions, events
from dsl.problems.diagnostics import Diagnostic
from dsl.problems.problems import Problems
from dsl.text.values import days_of, duration, shown
from dsl.tree import declarations as tree
from dsl.tree.declarations import Amounts, Span

Asked = tuple[Amounts, Span]
"""How far somebody looks back, and where it stands."""


def check_lookback(scope: Scope) -> list[Diagnostic]:
    """Conditions, counts, and a limit on emails that ask for what has been forgotten by then. Without `forget events
    after …` nothing can: no time in a file is longer than the past is kept."""
    problems = Problems()
    workspace = scope.workspace
    kept = workspace.events_kept if workspace is not None else None
    if kept is None:
        return []
    for length, span in _asked(scope.program):
        asked = duration(length, Problems())
        if asked is not None and days_of(asked) > days_of(kept) + 1:
            problems.add("W138", span, length=shown(length), needed=_words(asked), kept=_words(kept))
    limit = workspace.mail_limit if workspace is not None else None
    if workspace is not None and limit is not None and days_of(limit.per) > days_of(kept) + 1:
        problems.add("W138", workspace.span, length=_words(limit.per), needed=_words(limit.per), kept=_words(kept))
    return problems.found


def _asked(program: tree.Program) -> Iterator[Asked]:
    for condition, _ in conditions(program):
        for one in atoms(condition):
            if isinstance(one, tree.Has) and one.within is not None:
                yield one.within, one.span
    for event in events(program):
        if event.times is not None and event.within is not None:
            yield event.within, event.span


def _words(length: plan.Duration) -> str:
    """`2 years`, `100 days`: as somebody would write it, in whole days."""
    months, days = length.months, length.days
    if length.minutes or length.business_days or length.business_minutes:
        months, days = 0, ceil(days_of(length))
    found = []
    for count, unit in ((months // 12, "year"), (months % 12, "month"), (days, "day")):
        if count:
            found.append(f"{count} {unit}{'' if count == 1 else 's'}")
    return " ".join(found)

"""A day without a time becomes the campaign's first sending moment of that day."""

from __future__ import annotations

from datetime import date

from dsl import plan
from dsl.names.scope import Scope
from dsl.tree import declarations as tree

NINE = "09:00"


def first_moment(wait: tree.Wait, campaign: tree.Campaign, scope: Scope) -> plan.Moment | None:
    """What the wait is for: on a day without a time, when its window opens, but not in quiet hours; 09:00 where the
    campaign has no windows, or none that day."""
    if not wait.first or not isinstance(wait.until, plan.At):
        return wait.until
    weekday = date.fromisoformat(wait.until.date).weekday()
    workspace = scope.workspace
    windows = campaign.windows or (workspace.windows if workspace else ())
    opening = [window.start for window in windows if weekday in window.days and window.start != "00:00"]
    time = min(opening, default=NINE)
    quiet = workspace.quiet_hours if workspace else None
    if quiet and _covers(quiet, time):
        time = quiet[1]
    return wait.until.model_copy(update={"time": time})


def _covers(span: tuple[str, str], time: str) -> bool:
    start, end = span
    return start <= time < end if start < end else time >= start or time < end

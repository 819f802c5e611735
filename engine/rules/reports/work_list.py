"""The work list of sales: whom to turn to first, and why. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Task:
    """A lead of a team member: handed off and open, or qualified and theirs. `due`: when the present time limit runs
    out, if one runs; `fit` is a score of its own where the workspace has one."""

    member: str
    lead: str
    stage: str
    due: datetime | None
    phase: str
    score: float
    fit: float
    active: datetime | None


def ranked(tasks: Iterable[Task], now: datetime) -> list[Task]:
    """By member; first those whose limit has passed, the longest ago first, then by score, fit and last activity."""

    def key(one: Task) -> tuple[object, ...]:
        late = overdue(one, now)
        active = one.active.timestamp() if one.active is not None else 0.0
        return one.member, -(late / HOUR) if late else 1.0, -one.score, -one.fit, -active, one.lead

    return sorted(tasks, key=key)


def overdue(task: Task, now: datetime) -> timedelta:
    """For how long the time limit has passed; zero if it has not."""
    return max(timedelta(), now - task.due) if task.due is not None else timedelta()


def why(task: Task, now: datetime) -> str:
    """Why the line stands where it does."""
    said = []
    if late := overdue(task, now):
        step = {"assigned": "acknowledge", "acknowledged": "contact", "contacted": "decide"}.get(task.phase, "act")
        said.append(f"time limit to {step} passed {hours(late)} ago")
    elif task.due is not None:
        said.append(f"time limit in {hours(task.due - now)}")
    elif not task.phase:
        said.append(f"at {task.stage}")
    said.append(f"score {task.score:g}" + (f", fit {task.fit:g}" if task.fit else ""))
    if task.active is not None:
        said.append(f"active {hours(now - task.active)} ago")
    return "; ".join(said)


def hours(span: timedelta) -> str:
    """`45 minutes`, `5 hours`, `3 days`."""
    minutes = max(0, int(span.total_seconds() // 60))
    for unit, size in (("day", 1440), ("hour", 60), ("minute", 1)):
        if minutes >= size or unit == "minute":
            many = minutes // size
            return f"{many} {unit}{'' if many == 1 else 's'}"
    return ""

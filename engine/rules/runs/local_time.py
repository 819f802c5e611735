"""What a pending instant was worked out from, so that it is worked out again when that changes. Pure.

| pending | lead's zone | business hours, closed days | quiet hours | limit on emails | windows |
| --- | --- | --- | --- | --- | --- |
| `wait 3 days`, `every 1 week` | yes | | | | |
| `wait 2 business days` | yes | yes | | | |
| `wait until tuesday 10:00`, a date, a field | yes | offsets in business days | | | |
| an email that is held | yes | a limit in business days | yes | yes | with the plan |

Windows are a campaign's, so they change with its plan: a run keeps those it entered with until it is moved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from dsl.plan import AnyStep, BusinessHours, Program, Relative, Repeat, Send, Wait
from engine.model.lead import Facts
from engine.rules.conditions import calendar
from engine.rules.runs.position import Branch


def basis_of(zone: str, program: Program) -> str:
    """What instants are worked out from now, as a short text that changes when any of it does."""
    return f"{zone} {program.workspace.timing}"


class Around(Protocol):
    """What is true at the moment: the interpreter's World."""

    @property
    def basis(self) -> str: ...
    @property
    def now(self) -> datetime: ...
    @property
    def zone(self) -> str: ...
    @property
    def hours(self) -> BusinessHours: ...
    @property
    def facts(self) -> Callable[[], Facts]: ...


def again(current: AnyStep, branch: Branch, world: Around) -> Branch | None:
    """The branch with its pending instant worked out from the present basis; None: it stands.

    What has come already stays so. An instant that would have passed by now comes now. A branch from before the basis
    was kept takes the present one on.
    """
    if branch.basis == world.basis or branch.arrived is None:
        return None
    known, branch, now = bool(branch.basis), branch.changed(basis=world.basis), world.now
    if not known:
        return branch
    if isinstance(current, Send) and branch.hold is not None and branch.hold > now:
        return branch.changed(hold=None)
    if branch.deadline is None or branch.deadline <= now:
        return branch
    fresh, arrived = branch.deadline, branch.arrived or now
    if isinstance(current, Wait) and current.until is not None:
        found = calendar.resolve(current.until, arrived, world.zone, world.hours, fields_of(current, branch, world))
        fresh = found or fresh
    if isinstance(current, Repeat) and current.every is not None and branch.loops:
        fresh = calendar.add(current.every, branch.loops[-1].started, world.zone, world.hours)
    return branch.changed(deadline=max(fresh, now))


def fields_of(current: AnyStep, branch: Branch, world: Around) -> Mapping[str, Any]:
    """What the moment of a wait is looked up in that hangs on a value."""
    until = current.until if isinstance(current, Wait) else None
    if not isinstance(until, Relative):
        return {}
    return branch.event if until.of_event else world.facts().fields

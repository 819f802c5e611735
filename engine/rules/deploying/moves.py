"""Moving a run from one plan of its campaign to another: which step becomes which, and who has to stay. Pure.

A step is the same when its id is: its label, or kind, content and ordinal among equals; for emails see `same_steps`. A
run is moved as a whole, or stays as a whole: with each of its branches at a step that the new plan has too, and nothing
ahead of it that it has done already.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from dsl import plan as kinds
from dsl.plan import After, AnyStep, BusinessHours, Plan, Repeat, Step, Target, Wait, targets
from engine.rules.conditions import calendar
from engine.rules.deploying.same_steps import relabelled, renamed
from engine.rules.runs.position import FLOW, LEAVE, Branch, Position
from engine.wording.changes import KINDS

Done = Collection[tuple[str, str]]
"""(step, visit) of what a run has done for good: its mails and its points."""


@dataclass(frozen=True, slots=True)
class Moved:
    """Where the run stands in the new plan. `fresh`: a branch must look at its step anew before it can rest."""

    position: Position
    fresh: bool


@dataclass(frozen=True, slots=True)
class Stays:
    """Why the run finishes on the plan it is on. `gone`: because its step is not in the new plan."""

    reason: str
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Times:
    """What turns a duration into an instant: the lead's zone and the company's hours."""

    zone: str
    hours: BusinessHours


def step_map(old: Plan, new: Plan) -> dict[str, str | None]:
    """Every step of the old plan, with the one it becomes; None: those who rest there stay on the old plan."""
    names = renamed(old, new)
    became = {step.id: names.get(step.id, step.id) for step in old.steps}
    return {step.id: became[step.id] if _same(step, new.by_id.get(became[step.id])) else None for step in old.steps}


def move(old: Plan, new: Plan, position: Position, done: Done, times: Times) -> Moved | Stays:
    """The run's position in the new plan, or why it stays."""
    if position.ending is not None or position.branch(LEAVE) is not None:
        return Stays("it is leaving")
    if names := renamed(old, new):
        old, done = relabelled(old, names), {(names.get(step, step), visit) for step, visit in done}
        named = tuple(replace(one, at=names.get(one.at or "", one.at)) for one in position.branches)
        position = replace(position, branches=named)
    moved: list[tuple[Branch, bool]] = []
    for branch in position.branches:
        where = _stand(old, new, branch, times)
        if isinstance(where, Stays):
            return where
        if again := _repeated(new, where[0], done) or _walked(new, where[0], position):
            return Stays(f"it would do `{again.source}` a second time")
        moved.append(where)
    if not moved:
        return Stays("it has nothing left to do")
    branches = tuple(branch for branch, _ in moved)
    return Moved(replace(position, branches=branches), any(fresh for _, fresh in moved))


def _stand(old: Plan, new: Plan, branch: Branch, times: Times) -> tuple[Branch, bool] | Stays:
    """The branch at its step in the new plan, and whether it has to arrive there anew."""
    before, after = old.by_id.get(branch.at or ""), new.by_id.get(branch.at or "")
    if branch.id == FLOW and branch.arrived is None and branch.at == old.entry and new.entry is not None:
        return branch.moved(new.entry), True
    if before is None:
        return Stays("its step is unknown", gone=True)
    if after is None:
        return Stays("its step is gone", gone=True)
    if after.kind != before.kind:
        return Stays(f"its step is {KINDS[after.kind]} now, and was {KINDS[before.kind]}")
    if branch.id != FLOW and not _in_whenever(new, branch):
        return Stays("its `whenever` is gone", gone=True)
    if branch.id == FLOW and after.id not in _reach(new, new.entry):
        return Stays("its step is no longer in the flow", gone=True)
    if _around(old, before.id) != _around(new, after.id):
        return Stays("the `repeat` around its step has changed")
    if isinstance(before, Wait) and isinstance(after, Wait) and before.until != after.until:
        return _again(branch, after, times)
    return branch, branch.arrived is None


def _again(branch: Branch, wait: Wait, times: Times) -> tuple[Branch, bool]:
    """At a wait for another moment. A duration counts from when the lead came to it; any other is looked up anew."""
    if wait.until is None:
        return replace(branch, deadline=None), False
    if isinstance(wait.until, After) and branch.arrived is not None:
        due: datetime = calendar.add(wait.until.duration, branch.arrived, times.zone, times.hours)
        return replace(branch, deadline=due), False
    return replace(branch, arrived=None, deadline=None), True


def _repeated(new: Plan, branch: Branch, done: Done) -> Step | None:
    """A step at or ahead of the branch that was done in this visit already."""
    visits = {branch.visit, *(loop.visit for loop in branch.loops)}
    ahead = _reach(new, branch.at, through_repeats=False)
    return next((new.by_id[id] for id in ahead if any((id, visit) in done for visit in visits)), None)


def _walked(new: Plan, branch: Branch, position: Position) -> Step | None:
    """A step ahead of the flow that it has come through, and that sales, colleagues or other systems would see twice.
    In a `repeat` every round comes through again."""
    if branch.id != FLOW:
        return None
    walked = {step for step, _, name in position.path if not name} - {branch.at}
    ahead = [new.by_id[id] for id in _reach(new, branch.at, through_repeats=False) if id in walked]
    return next((step for step in ahead if _shows(step) and not _around(new, step.id)), None)


def _shows(step: AnyStep) -> bool:
    counts_up = isinstance(step, kinds.SetField) and step.add
    shown = kinds.HandOff | kinds.Recycle | kinds.EnterCampaign | kinds.Notify | kinds.Post
    return counts_up or isinstance(step, shown)


def _in_whenever(plan: Plan, branch: Branch) -> bool:
    return any(one.id == branch.id and branch.at in _reach(plan, one.entry) for one in plan.whenevers)


def _around(plan: Plan, id: str) -> frozenset[str]:
    """The repeats whose rounds go through this step."""
    repeats = [one for one in plan.steps if isinstance(one, Repeat) and one.id != id]
    return frozenset(one.id for one in repeats if id in _reach(plan, one.body, one.id))


def _reach(plan: Plan, start: Target, stop: str | None = None, *, through_repeats: bool = True) -> dict[str, None]:
    """The steps the flow may come to from `start`, itself included, without going on from `stop`. Without
    `through_repeats` a further round of a repeat is left out: it is another visit."""
    found: dict[str, None] = {}
    ahead = [start]
    while ahead:
        id = ahead.pop()
        step = plan.by_id.get(id or "")
        if step is None or step.id in found:
            continue
        found[step.id] = None
        if step.id != stop:
            skipped = step.body if isinstance(step, Repeat) and not through_repeats else None
            ahead += [target for target in targets(step) if target != skipped]
    return found


def _same(old: AnyStep, new: AnyStep | None) -> bool:
    return new is not None and new.kind == old.kind

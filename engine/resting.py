"""What a run rests on: until when, in whose terms, and whether waking it may lead to something that leaves the house:
a mail, or a post to another system."""

from __future__ import annotations

from datetime import datetime

from dsl.plan import (
    AnyStep,
    At,
    HandOff,
    Notify,
    Plan,
    Post,
    Relative,
    Repeat,
    Send,
    Target,
    Wait,
    targets,
)
from engine.per_plan import per_plan
from engine.position import Branch, Position
from engine.records import Record, record
from engine.words import pattern


@record
class Resting(Record):
    """One branch at rest, in an operator's terms."""

    branch: str
    step: str
    source: str
    what: str
    due: datetime | None


@record
class Sleep(Record):
    """Nothing to do before `due` (None: no timer) or an event. Whether the wake or the timer may lead to a mail."""

    due: datetime | None
    event_may_send: bool
    timer_may_send: bool
    resting: tuple[Resting, ...]


def sleep(plan: Plan, position: Position) -> Sleep:
    resting = tuple(_describe(plan, branch) for branch in position.branches)
    dues = [rest.due for rest in resting if rest.due is not None]
    due = min(dues, default=None)
    return Sleep(
        due=due,
        event_may_send=any(may_send(plan, target) for target in _on_event(plan, position)),
        timer_may_send=any(may_send(plan, target) for target in _on_timer(plan, position, due)),
        resting=resting,
    )


def _describe(plan: Plan, branch: Branch) -> Resting:
    current = plan.by_id[branch.at or ""]
    if isinstance(current, Send):
        what, due = f"may send {current.template}", branch.hold
    elif isinstance(current, Notify):
        what, due = f"may notify with {current.template}", branch.hold
    elif isinstance(current, Post):
        what, due = f"posts to {current.url} again", branch.hold
    elif isinstance(current, Repeat):
        what, due = "the next round", branch.deadline
    elif isinstance(current, HandOff):
        what, due = "sales decides", None
    else:
        arms = current.arms if isinstance(current, Wait) else ()
        what, due = " or ".join(pattern(arm.pattern) for arm in arms) or "the time comes", branch.deadline
    return Resting(f"{branch.id}:{branch.visit}", current.id, current.source, what, due)


def _on_event(plan: Plan, position: Position) -> list[Target]:
    following: list[Target] = [whenever.entry for whenever in plan.whenevers] + [leave.entry for leave in plan.leaves]
    for branch in position.branches:
        current = plan.by_id[branch.at or ""]
        if isinstance(current, Wait):
            following += [arm.target for arm in current.arms]
            following += [current.missed] if isinstance(current.until, Relative) else []
        elif isinstance(current, HandOff):
            following += targets(current)
    return following


def _on_timer(plan: Plan, position: Position, due: datetime | None) -> list[Target]:
    following: list[Target] = []
    for branch in position.branches:
        current = plan.by_id[branch.at or ""]
        if isinstance(current, Wait) and branch.deadline == due:
            following.append(current.then)
        elif isinstance(current, Repeat) and branch.deadline == due:
            following += targets(current)
        elif isinstance(current, Send | Notify | Post):
            following.append(current.id)
    return following


def may_send(plan: Plan, target: Target) -> bool:
    """Whether a mail or a post can come from there before the next rest."""
    return target is not None and target in _senders(plan)


@per_plan
def _senders(plan: Plan) -> frozenset[str]:
    """The steps from which a mail or a post can come before the next rest."""
    reached = {step.id for step in plan.steps if isinstance(step, Send | Notify | Post)}
    while True:
        more = {one.id for one in plan.steps if one.id not in reached and _follows(one) & reached}
        if not more:
            return frozenset(reached)
        reached |= more


def _follows(current: AnyStep) -> set[Target]:
    """Where the flow may go from a step without resting."""
    match current:
        case Wait(until=At() | Relative()):
            return {current.missed}
        case Wait():
            return set() if current.until or current.arms else {current.then}
        case HandOff():
            return {current.next} if current.detached else set()
        case _:
            return set(targets(current))

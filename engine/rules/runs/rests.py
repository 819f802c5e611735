"""What a run rests on: until when, in whose terms, and whether waking it may lead to something that leaves the house:
a mail, or a post to another system."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import assert_never

from dsl.plan import (
    AnyStep,
    At,
    ByRound,
    HandOff,
    If,
    LeadStep,
    Notify,
    Plan,
    Post,
    Relative,
    Repeat,
    Send,
    Split,
    Stop,
    Target,
    VariantTest,
    Wait,
    targets,
)
from engine.model.plan_cache import per_plan
from engine.model.records import Record, record
from engine.rules.runs.position import Branch, Position
from engine.wording.terms import pattern, quoted


@record
class Resting(Record):
    """One branch at rest, in an operator's terms."""

    branch: str
    step: str
    source: str
    what: str
    due: datetime | None
    held: str = ""
    """What keeps its mail."""


@record
class Sleep(Record):
    """Nothing to do before `due` (None: no timer) or an event. Whether the wake or the timer may lead to a mail."""

    due: datetime | None
    event_may_send: bool
    timer_may_send: bool
    resting: tuple[Resting, ...]


@record
class Rest(Record):
    """What the plan alone tells of resting at a step: in words, and whether an event or the time may lead to a mail."""

    what: str
    on_event: bool
    on_timer: bool


def sleep(plan: Plan, position: Position) -> Sleep:
    rests = _rests(plan)
    resting = tuple([_describe(plan, rests, branch) for branch in position.branches])
    due = min([one.due for one in resting if one.due is not None], default=None)
    at_due = [one.step for one, branch in zip(resting, position.branches, strict=True) if _ends(plan, branch, due)]
    return Sleep(
        due=due,
        event_may_send=_beside(plan) or any(rests[one.step].on_event for one in resting),
        timer_may_send=any(rests[step].on_timer for step in at_due),
        resting=resting,
    )


def _describe(plan: Plan, rests: Mapping[str, Rest], branch: Branch) -> Resting:
    current, rest = plan.by_id[branch.at or ""], rests[branch.at or ""]
    due = branch.hold if isinstance(current, Send | Notify | Post | VariantTest) else branch.deadline
    held = branch.held[-1][1] if branch.held and branch.hold is not None else ""
    return Resting(f"{branch.id}:{branch.visit}", current.id, current.source, rest.what, due, held)


def _ends(plan: Plan, branch: Branch, due: datetime | None) -> bool:
    """Whether the branch may go on when the run's timer rings; what leaves the house is tried at every call."""
    return due in (branch.deadline, branch.hold) or isinstance(plan.by_id[branch.at or ""], Send | Notify | Post)


@per_plan
def _rests(plan: Plan) -> dict[str, Rest]:
    """By step."""
    return {
        step.id: Rest(
            _in_words(step),
            any(may_send(plan, target) for target in _on_event(step)),
            any(may_send(plan, target) for target in _on_timer(step)),
        )
        for step in plan.steps
    }


def _in_words(step: AnyStep) -> str:
    match step:
        case Send():
            return f"may send {step.template}"
        case Notify():
            return f"may notify with {step.template}"
        case Post():
            return f"posts to {step.url} again"
        case Repeat():
            return "the next round"
        case VariantTest():
            return f"the winner of test {quoted(step.name)}"
        case HandOff():
            return "sales decides"
        case Wait() if step.arms:
            return " or ".join(pattern(arm.pattern) for arm in step.arms)
        case Wait():
            return "the time comes"
        case If() | Split() | ByRound() | Stop():
            return ""  # a run never rests there
        case LeadStep():
            return ""
        case _:
            assert_never(step)


@per_plan
def _beside(plan: Plan) -> bool:
    """Whether an event may lead to a mail wherever a run rests."""
    entries = [*(one.entry for one in plan.whenevers), *(one.entry for one in plan.leaves)]
    return any(may_send(plan, entry) for entry in entries)


def _on_event(step: AnyStep) -> list[Target]:
    match step:
        case Wait():
            return [*(arm.target for arm in step.arms), step.missed if isinstance(step.until, Relative) else None]
        case HandOff():
            return [*targets(step)]
        case Send() | Notify() | Post() | Repeat() | ByRound() | If() | Split() | VariantTest() | Stop():
            return []
        case LeadStep():
            return []
        case _:
            assert_never(step)


def _on_timer(step: AnyStep) -> list[Target]:
    match step:
        case Wait():
            return [step.then]
        case Repeat() | VariantTest():
            return [*targets(step)]
        case Send() | Notify() | Post():
            return [step.id]
        case HandOff() | If() | Split() | ByRound() | Stop():
            return []
        case LeadStep():
            return []
        case _:
            assert_never(step)


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
        case Send() | Notify() | Post() | Repeat() | ByRound() | If() | Split() | VariantTest() | Stop():
            return set(targets(current))
        case LeadStep():
            return set(targets(current))
        case _:
            assert_never(current)

"""What each step of a plan says in plain words, and where it leads: for drawings, comparisons and hover texts.

Pure, and the only place that puts steps into words. `words` stands alone; `short` is for a drawing in which the exits
carry their own labels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from dsl.plan import (
    NOTICE,
    AddPoints,
    After,
    AnyStep,
    At,
    ByRound,
    Cost,
    Duration,
    EnterCampaign,
    Goal,
    HandOff,
    If,
    InList,
    InSegment,
    Leave,
    LeaveCampaign,
    ListStep,
    Notify,
    Operand,
    Plan,
    Post,
    Qualify,
    Receiver,
    Recycle,
    Reentry,
    Relative,
    Repeat,
    Send,
    SetField,
    Split,
    Start,
    Stop,
    Target,
    TopicStep,
    VariantTest,
    Wait,
    Whenever,
)  # fmt: skip
from engine.wording.terms import condition, duration, moment, number, operand, pattern, quoted, stage_name, windows

USUAL_WITHIN = Duration(days=7)


@dataclass(frozen=True, slots=True)
class Exit:
    """One way on. `label` is empty where the step has no choice; `target` None: the flow ends."""

    label: str
    target: Target


@dataclass(frozen=True, slots=True)
class Outline:
    """A step in words, with every way that leads on from it in the order of the text."""

    words: str
    short: str
    exits: tuple[Exit, ...]


def outline(step: AnyStep) -> Outline:
    """The step in words, and its ways on."""
    match step:
        case Wait():
            return _wait(step)
        case If():
            return _if(step)
        case Split():
            return _choice(
                "split", [Exit(f"{number(arm.percent)}% {quoted(arm.name)}", arm.target) for arm in step.arms]
            )
        case VariantTest():
            rest = ", rest waits" if step.waits else ""
            said = f"test {quoted(step.name)} on {number(step.percent)}% for {duration(step.lasts)} by {step.by}{rest}"
            return _choice(said, [Exit(f"variant {quoted(one.name)}", one.target) for one in step.variants])
        case Repeat():
            return _repeat(step)
        case ByRound():
            return _by_round(step)
        case HandOff():
            return _handoff(step)
        case Stop():
            said = "leave this campaign" if step.outcome == "moved" else "stop"
            return Outline(said, said, ())
        case _:
            said = _effect(step)
            return Outline(said, said, (Exit("", step.next),))


def words(step: AnyStep) -> str:
    """The step as one line of a campaign, without what stands below it."""
    return outline(step).words


def exits(step: AnyStep) -> tuple[Exit, ...]:
    """Every way on from the step; none from a stop."""
    return outline(step).exits


def _choice(said: str, ways: list[Exit]) -> Outline:
    return Outline(said, said, tuple(ways))


# ── steps that choose ────────────────────────────────────────────────────────────────────────────────────────────────
def _wait(step: Wait) -> Outline:
    if not step.arms:
        said = f"wait {moment(step.until)}" if step.until else "wait"
        ways = [Exit("", step.then)]
        if isinstance(step.until, At | Relative) and step.missed != step.then:
            unknown = " or the date is unknown" if isinstance(step.until, Relative) else ""
            ways.append(Exit(f"otherwise: it has passed{unknown}", step.missed))
        return _choice(said, ways)
    named = [pattern(arm.pattern) for arm in step.arms]
    ways = [Exit(said, arm.target) for said, arm in zip(named, step.arms, strict=True)]
    limit = ""
    if step.until is not None:
        limit = f"up to {moment(step.until)} " if isinstance(step.until, After) else f"{moment(step.until)} "
        ways.append(Exit("otherwise", step.then))
    return Outline(f"wait {limit}for {' or for '.join(named)}", f"wait {limit}for", tuple(ways))


def _if(step: If) -> Outline:
    asked = [condition(branch.condition) for branch in step.branches]
    last = Exit("otherwise", step.otherwise)
    if len(asked) == 1:
        return _choice(f"if {asked[0]}", [Exit("yes", step.branches[0].target), last])
    ways = [Exit(f"if {said}", branch.target) for said, branch in zip(asked, step.branches, strict=True)]
    return Outline("if " + ", otherwise if ".join(asked), "if: the first that is true", (*ways, last))


def _repeat(step: Repeat) -> Outline:
    said = f"repeat up to {step.times} time{'' if step.times == 1 else 's'}"
    said += f" every {duration(step.every)}" if step.every else ""
    said += f" until {condition(step.until)}" if step.until else ""
    return _choice(said, [Exit("each round", step.body), Exit("afterwards", step.next)])


def _by_round(step: ByRound) -> Outline:
    ways = [Exit(f"round {number}", way) for number, way in enumerate(step.ways, start=1)]
    last = [] if step.again else [Exit("later rounds", step.next)]
    return _choice("send next of" + (", then start again" if step.again else ""), [*ways, *last])


def _handoff(step: HandOff) -> Outline:
    to = f"team {quoted(step.team)}" if step.team else "sales"
    if step.owner:
        to = f"owner, otherwise {to}" if step.team else "owner"
    said = f"hand off to {to}"
    said += f" as {stage_name(step.stage)}" if step.stage else ""
    ways = [
        Exit(f"when {case.outcome}" + (f" because {quoted(case.reason)}" if case.reason else ""), case.target)
        for case in step.cases
    ]
    general = {case.outcome for case in step.cases if case.reason is None}
    if len(general) < 3 or step.detached:
        ways.append(Exit("otherwise" if ways else "", step.next))
    return _choice(said, ways)


# ── steps that do something ──────────────────────────────────────────────────────────────────────────────────────────
def _effect(
    step: Send | AddPoints | SetField | ListStep | TopicStep | Qualify | Recycle | Notify | Post | EnterCampaign
    | LeaveCampaign,
) -> str:  # fmt: skip
    match step:
        case Send():
            return _send(step)
        case AddPoints():
            return f"add {number(step.amount)} points" + (f" to {quoted(step.model)}" if step.model else "")
        case SetField():
            return _set(step)
        case ListStep():
            return f"{'remove from' if step.remove else 'add to'} list {quoted(step.list)}"
        case TopicStep():
            return f"{'unsubscribe from' if step.remove else 'subscribe to'} {quoted(step.topic)}"
        case Qualify():
            return f"qualify as {stage_name(step.stage)}"
        case Recycle():
            return f"recycle{f' to {stage_name(step.stage)}' if step.stage else ''} because {quoted(step.reason)}"
        case Notify():
            return _notify(step)
        case Post():
            return f"post to {quoted(step.url)}{_given(step.values)}"
        case EnterCampaign():
            return f"{'move to' if step.move else 'enter'} campaign {quoted(step.campaign)}"
        case LeaveCampaign():
            return f"leave campaign {quoted(step.campaign)}"
        case _:
            assert_never(step)


def _send(step: Send) -> str:
    said = f"send {quoted(step.template)}"
    said += "" if step.mode == "normal" else f" as {step.mode}"
    said += _given(step.values)
    said += "" if step.within == USUAL_WITHIN else f" within {duration(step.within)}"
    return said + (f" testing subject {' or '.join(map(quoted, step.subjects))}" if step.subjects else "")


def _notify(step: Notify) -> str:
    first, *others = map(_receiver, step.to)
    reasons = [operand(value) for name, value in step.values if name == "reason"]
    built_in = step.template == NOTICE and bool(reasons)
    said = ", otherwise ".join([f"notify {first}" + ("" if built_in else f" with {quoted(step.template)}"), *others])
    said += _given(tuple(one for one in step.values if one[0] != "reason"))
    return said + "".join(f" because {reason}" for reason in reasons)


def _given(values: tuple[tuple[str, Operand], ...]) -> str:
    return f" with {', '.join(f'{name} = {operand(value)}' for name, value in values)}" if values else ""


def _set(step: SetField) -> str:
    value = operand(step.value) if step.value is not None else "nothing"
    return f"add {value} to {step.field}" if step.add else f"set {step.field} to {value}"


def _receiver(to: Receiver) -> str:
    match to.kind:
        case "owner":
            return "owner"
        case "team":
            return f"team {quoted(to.name)}"
        case "address":
            return quoted(to.name)


# ── the lines of a campaign ──────────────────────────────────────────────────────────────────────────────────────────
def start_words(start: Start) -> str:
    dated = start.pattern.dated is not None and (start.pattern.dated.at or start.pattern.dated.every)
    said = f"starts {pattern(start.pattern)}" if dated else f"starts when {pattern(start.pattern)}"
    if isinstance(start.audience, InList | InSegment):
        said += f" for {start.audience.kind} {quoted(start.audience.name)}"
    said += ", including present members" if start.present else ""
    return said + (f", only if {condition(start.only_if)}" if start.only_if is not None else "")


def whenever_words(one: Whenever) -> str:
    said = f"whenever {pattern(one.pattern)}"
    if one.limit is None:
        return said
    often = "once per" if one.limit.times == 1 else f"at most {one.limit.times} times per"
    return f"{said}, {often} {duration(one.limit.per)}"


def leave_words(one: Leave) -> str:
    return f"leaves when {pattern(one.pattern)}"


def reentry_words(one: Reentry) -> str:
    match one.kind:
        case "once":
            return "enters once"
        case "always":
            return "enters every time"
        case "after" if one.from_entry:
            return f"enters every {duration(one.after or Duration())}"
        case "after":
            return f"enters again after {duration(one.after or Duration())}"
        case "per" if one.by_name:
            return f"enters once per {one.datum}"
        case "per":
            return f"enters once per event.{one.datum}"


def goal_words(goal: Goal) -> str:
    within = f" within {duration(goal.within)}" if goal.within else ""
    return f"goal {pattern(goal.pattern)}{within}{', then leave' if goal.leaves else ''}"


def cost_words(cost: Cost, currency: str) -> str:
    per = " per month" if cost.per_month else ""
    if cost.hours is not None:
        return f"costs {number(cost.hours)} hours{per} at {number(cost.amount)} {currency}"
    return f"costs {number(cost.amount)} {currency}{per}"


def head_lines(plan: Plan, currency: str = "EUR") -> list[str]:
    """What a campaign says before its flow, apart from how leads come in and leave."""
    said = [reentry_words(plan.reentry)]
    if plan.topic:
        said.append(f"topic {quoted(plan.topic)}")
    if plan.runs is not None:
        said.append(f"runs from {plan.runs[0]} to {plan.runs[1]}")
    if plan.goal is not None:
        said.append(goal_words(plan.goal))
    said += [cost_words(cost, currency) for cost in plan.costs]
    if plan.from_owner:
        said.append("sends from owner" + (f", otherwise {quoted(plan.sender)}" if plan.sender else ""))
    elif plan.sender:
        said.append(f"sends from {quoted(plan.sender)}")
    if plan.windows:
        said.append(f"sends {windows(plan.windows)}")
    if plan.priority:
        said.append(f"priority {plan.priority}")
    if plan.control is not None:
        said.append(f"control group {number(plan.control)}%")
    return said


def reachable(plan: Plan, entry: Target) -> list[AnyStep]:
    """The steps a block consists of, in the order of the plan."""
    found: set[str] = set()
    pending = [entry]
    while pending:
        at = pending.pop()
        if at is None or at in found or at not in plan.by_id:
            continue
        found.add(at)
        pending += [way.target for way in exits(plan.by_id[at])]
    return [step for step in plan.steps if step.id in found]


def entries(plan: Plan) -> Iterator[tuple[str, str, Target]]:
    """Each block of a campaign: its line in words, its place, its first step. The flow comes first, with no words."""
    yield "", plan.source, plan.entry
    for whenever in plan.whenevers:
        yield whenever_words(whenever), whenever.source, whenever.entry
    for leave in plan.leaves:
        yield leave_words(leave), leave.source, leave.entry

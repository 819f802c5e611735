"""What a step does to its lead, in the ledger and nowhere else. Pure."""

from __future__ import annotations

from typing import Any, assert_never
from uuid import UUID

from dsl.plan import (
    AddPoints,
    AnyStep,
    ByRound,
    EnterCampaign,
    HandOff,
    If,
    LeaveCampaign,
    ListStep,
    Notify,
    Post,
    Qualify,
    Recycle,
    Repeat,
    Send,
    SetField,
    Split,
    Stop,
    TopicStep,
    VariantTest,
    Wait,
)  # fmt: skip
from engine.model.lead import Facts
from engine.rules.conditions.conditions import reached, topic_state, value_of
from engine.rules.leads.consequences import Ledger
from engine.rules.leads.values import Context, Refused, parse_field
from engine.rules.runs.position import Branch
from engine.wording.terms import number, operand, scalar

WRITTEN = ("text", "long text", "phone", "url", "choice", "choices")
"""Types that hold text, where a number is written as people write it."""


def change(ledger: Ledger, step: AnyStep, branch: Branch, run: UUID, facts: Facts) -> None:
    """Carry a step of run `run` out. `facts` are what the branch may ask for; steps of other kinds change nothing."""
    match step:
        case AddPoints():
            ledger.book(f"s:{run}:{step.id}:{branch.visit}", f"step:{step.id}", step.model, step.amount)
        case Qualify():
            ledger.qualify(step.stage, step.source, step=step.id)
        case Recycle():
            _recycle(ledger, step)
        case SetField():
            _set(ledger, step, facts)
        case ListStep():
            (ledger.leave_list if step.remove else ledger.join_list)(step.list)
        case EnterCampaign():
            plan = ledger.rules.index.plans.get(step.campaign.casefold())
            if plan is not None:
                ledger.enrol(plan, None)
        case LeaveCampaign():
            _leave(ledger, step, run)
        case Send() | Notify() | Post() | TopicStep() | HandOff() | VariantTest():
            pass  # carried out elsewhere
        case Wait() | If() | Split() | Repeat() | ByRound() | Stop():
            pass  # the way through the plan alone
        case _:
            assert_never(step)


def needs_consent(ledger: Ledger, step: TopicStep) -> bool:
    """Whether the topic may be joined only because of a consent that was recorded before."""
    topics = ledger.lead.topics
    return not step.remove and topic_state(topics, step.topic) != "subscribed"


def change_topic(ledger: Ledger, step: TopicStep) -> bool:
    """Subscribe or unsubscribe, in an event of its own; whether that changed anything."""
    seq = ledger.lead.seq
    if not (ledger.unsubscribe if step.remove else ledger.subscribe)(step.topic):
        return False
    if ledger.lead.seq == seq:
        ledger.happen("topic.left" if step.remove else "topic.joined", step.topic, mute=True)
    return True


def _recycle(ledger: Ledger, step: Recycle) -> None:
    """Back, never forward; from a stage outside the order always."""
    order, now = ledger.rules.order, ledger.lead.stage
    stage = step.stage or (order[1] if len(order) > 1 else now)
    if now not in order or reached(now, stage, order):
        ledger.qualify(stage, f"{step.source}: {step.reason}", back=True, step=step.id)


def misfit(ledger: Ledger, step: SetField, facts: Facts) -> str | None:
    """Why a step cannot write its value; None when it can. The value itself is not told: it may be personal."""
    try:
        _typed(ledger, step, facts)
    except Refused:
        declared = ledger.rules.program.all_fields[step.field]
        return f"{operand(step.value) if step.value else 'nothing'} is not a {declared.type} for {step.field}"
    return None


def _typed(ledger: Ledger, step: SetField, facts: Facts) -> Any:
    """The value as the type of its field is read everywhere. Raises Refused."""
    value = None if step.value is None else value_of(step.value, facts)
    program = ledger.rules.program
    declared = program.all_fields.get(step.field)
    if value is None or declared is None or declared.type == "email":
        return value
    if declared.type == "moment" and isinstance(value, str) and len(value) == len("2026-12-24"):
        declared = declared.model_copy(update={"type": "date"})
    if isinstance(value, float | int) and not isinstance(value, bool) and declared.type in WRITTEN:
        value = number(value)
    if declared.type in ("text", "long text") and isinstance(value, bool):
        value = scalar(value)
    if isinstance(value, list | tuple) and declared.type in ("text", "long text"):
        value = ", ".join(map(str, value))
    country = ledger.lead.fields.get("country")
    context = Context(program, str(country) if country else None)
    return parse_field(declared, list(value) if isinstance(value, list | tuple) else [value], context)


def _set(ledger: Ledger, step: SetField, facts: Facts) -> None:
    try:
        value = _typed(ledger, step, facts)
    except Refused:
        return
    if step.add:
        before = _number(ledger.lead.fields.get(step.field)) or 0
        added = _number(value)
        value = None if added is None else before + added
        if value is None:
            return
    ledger.set_field(step.field, value)


def _leave(ledger: Ledger, step: LeaveCampaign, run: UUID) -> None:
    """The other run leaves because of an event of its own, so that no `leaves` block takes it for another."""
    name = step.campaign.casefold()
    others = [one for one in ledger.enrolments if one.campaign.casefold() == name and one.id != run]
    live = [one for one in others if one.state == "live"]
    if live:
        event = ledger.note("left", run, {"campaign": step.campaign})
        for one in live:
            ledger.leave(one, event.seq)


def _number(value: object) -> float | int | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return value
    try:
        return float(str(value))
    except ValueError:
        return None

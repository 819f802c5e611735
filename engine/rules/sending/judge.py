"""Whether a mail may leave now, and why not: consent, suppression, the control group, windows, limits. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dsl.plan import Operand, Plan, Program, Send
from engine.model.lead import TRACKING, Facts, Lead
from engine.rules.conditions import calendar
from engine.rules.conditions.conditions import holds, topic_state, value_of
from engine.rules.leads.suppression import COMES_BACK
from engine.rules.runs.position import Branch
from engine.rules.sending.pause_rules import Pause, leaves_at
from engine.rules.sending.windows import Limits, held_by, hold_until
from engine.wording.terms import quoted

CONTROL_GROUP = "control group"
"""Why a step is skipped whose lead is only measured."""
RESUMED = "the campaign was paused, and its overdue emails leave one after another"
"""What keeps a mail that came due during a pause."""
NO_CONSENT, LEFT_TOPIC = "no consent", "unsubscribed from the topic"
"""Why an email is skipped for what its lead has agreed to."""
PRIORITY_STEP = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Skip:
    reason: str


@dataclass(frozen=True, slots=True)
class Hold:
    """`attention`: why a person should look; `why`: the rule that keeps the mail, in words."""

    until: datetime
    attention: str | None = None
    why: str = ""


def judge(
    step: Send, branch: Branch, plan: Plan, program: Program, lead: Lead, sent: Sequence[datetime], now: datetime,
    pause: Pause | None = None, *, facts: Callable[[], Facts], controlled: bool = False,
) -> Skip | Hold | None:  # fmt: skip
    """Whether the mail may leave now: None, or why never, or until when not. `sent`: when mails went that count;
    `pause`: the last pause, after which what is overdue leaves bit by bit; `controlled`: the run is held out;
    `facts`: what the step may ask for."""
    workspace = program.workspace
    if controlled:
        return Skip(CONTROL_GROUP)
    if reason := forbidden(step, plan, program, lead) or barred(step, program, facts):
        return Skip(reason)
    zone, hours = lead.zone(program), workspace.business_hours
    deadline = calendar.add(step.within, branch.arrived or now, zone, hours)
    if now > deadline:
        return Skip("too late")
    place = None if step.mode == "transactional" else leaves_at(branch, pause, lead.id, deadline)
    if place is not None and now < place:
        return Hold(place, why=RESUMED)
    own = bool(plan.windows) or not workspace.windows
    windows, whose = (plan.windows, "the campaign") if own else (workspace.windows, "the workspace")
    limits = Limits(zone, windows, workspace.quiet_hours, workspace.mail_limit, hours, whose)
    until = hold_until(now, lead.id, limits, sent=sent, mode=step.mode, event_at=branch.event_at, deadline=deadline)
    if until is None:
        return None
    why = held_by(now, limits, sent=sent, mode=step.mode, event_at=branch.event_at)
    if workspace.mail_limit is not None and len(sent) >= workspace.mail_limit.times:
        until += yielding(plan, program)
    return Skip("too late") if until > deadline else Hold(until, why=why)


def yielding(plan: Plan, program: Program) -> timedelta:
    """How long after the limit allows one more mail this campaign's asks for it: those of higher priority go first."""
    if not any(one.priority for one in program.campaigns):
        return timedelta()
    return {"high": timedelta(), "": PRIORITY_STEP, "low": 2 * PRIORITY_STEP}[plan.priority]


def forbidden(step: Send, plan: Plan, program: Program, lead: Lead) -> str | None:
    """Why this lead may not be mailed at all, or None.

    A lead who unsubscribed has left every campaign; a run that began since then answers something they did, and may
    send what is transactional, such as the confirmation of a new subscription.
    """
    workspace = program.workspace
    if lead.email is None:
        return "erased"
    if lead.suppressed is not None and not (step.mode == "transactional" and lead.suppressed in COMES_BACK):
        return f"suppressed: {lead.suppressed}"
    if step.mode == "transactional":
        return None
    given = {topic: state for topic, state in lead.topics.items() if topic != TRACKING}
    states = [topic_state(given, plan.topic)] if plan.topic else list(given.values())
    if workspace.mail_needs_consent:
        return None if "subscribed" in states else NO_CONSENT
    return LEFT_TOPIC if plan.topic and "unsubscribed" in states else None


def barred(step: Send, program: Program, facts: Callable[[], Facts]) -> str | None:
    """In which group the lead is that gets no marketing mail, in words; None: in none. Transactional mail leaves."""
    groups = program.workspace.unmailed
    if not groups or step.mode == "transactional":
        return None
    known = facts()
    return next((f"in {one.kind} {quoted(one.name)}" for one in groups if holds(one, known)), None)


def given_values(values: Sequence[tuple[str, Operand]], facts: Facts) -> dict[str, Any]:
    """What `with name = value` says for this lead."""
    return {name: value_of(operand, facts) for name, operand in values}

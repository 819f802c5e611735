"""One mail, from the rules that allow it to the provider's answer.

Order matters: rendered first, then marked `sending` in a commit under the lead's lock, then handed over once, then
settled. Between the mark and the answer nobody may hand it over again; what stays unclear is `unknown`, never repeated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from dsl.plan import AnyStep, EnterCampaign, HandOff, ListStep, Notify, Operand, Plan, Post, Program, Send, TopicStep
from engine.model.lead import TRACKING, Lead
from engine.model.ports import Mail, Receipt
from engine.rules.conditions import calendar
from engine.rules.conditions.chance import in_control
from engine.rules.conditions.conditions import Facts, topic_state, value_of
from engine.rules.runs.position import Branch
from engine.rules.sending.pause_rules import Held, leaves_at
from engine.rules.sending.windows import Limits, held_by, hold_until
from engine.runtime.catalog import Deployment
from engine.runtime.runtime import Runtime

CONTROL_GROUP = "control group"
"""Why a step is skipped whose lead is only measured."""
RESUMED = "the campaign was paused, and its overdue emails leave one after another"
"""What keeps a mail that came due during a pause."""
PRIORITY_STEP = timedelta(minutes=1)
FRESH_MARK = timedelta(seconds=2)
"""A mark older than this is not handed over any more: a suppression may have come since."""

_CLOSE_GATE = text("""
INSERT INTO gates (provider, reason, real_closed_until) VALUES (:provider, :reason, :until)
ON CONFLICT (provider) DO UPDATE SET reason = excluded.reason, real_closed_until = excluded.real_closed_until""")


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
    step: Send, branch: Branch, plan: Plan, deployment: Deployment, lead: Lead, sent: Sequence[datetime], now: datetime,
    held: Held | None = None,
) -> Skip | Hold | None:  # fmt: skip
    """Whether the mail may leave now: None, or why never, or until when not. `sent`: when mails went that count;
    `held`: the last pause, after which what is overdue leaves bit by bit."""
    workspace = deployment.program.workspace
    if in_control(plan, lead.id):
        return Skip(CONTROL_GROUP)
    if reason := forbidden(step, plan, deployment, lead):
        return Skip(reason)
    zone, hours = lead.zone(deployment.program), workspace.business_hours
    deadline = calendar.add(step.within, branch.arrived or now, zone, hours)
    if now > deadline:
        return Skip("too late")
    place = None if step.mode == "transactional" else leaves_at(branch, held, lead.id, deadline)
    if place is not None and now < place:
        return Hold(place, why=RESUMED)
    limits = Limits(zone, plan.windows, workspace.quiet_hours, workspace.mail_limit, hours)
    until = hold_until(now, lead.id, limits, sent=sent, mode=step.mode, event_at=branch.event_at, deadline=deadline)
    if until is None:
        return None
    why = held_by(now, limits, sent=sent, mode=step.mode, event_at=branch.event_at)
    if workspace.mail_limit is not None and len(sent) >= workspace.mail_limit.times:
        until += yielding(plan, deployment.program)
    return Skip("too late") if until > deadline else Hold(until, why=why)


def yielding(plan: Plan, program: Program) -> timedelta:
    """How long after the limit allows one more mail this campaign's asks for it: those of higher priority go first."""
    if not any(one.priority for one in program.campaigns):
        return timedelta()
    return {"high": timedelta(), "": PRIORITY_STEP, "low": 2 * PRIORITY_STEP}[plan.priority]


def forbidden(step: Send, plan: Plan, deployment: Deployment, lead: Lead) -> str | None:
    """Why this lead may not be mailed at all, or None.

    A lead who unsubscribed has left every campaign; a run that began since then answers something they did, and may
    send what is transactional, such as the confirmation of a new subscription.
    """
    workspace = deployment.program.workspace
    if lead.email is None:
        return "erased"
    if lead.suppressed is not None and not (step.mode == "transactional" and lead.suppressed == "unsubscribed"):
        return f"suppressed: {lead.suppressed}"
    if step.mode == "transactional":
        return None
    given = {topic: state for topic, state in lead.topics.items() if topic != TRACKING}
    states = [topic_state(given, plan.topic)] if plan.topic else list(given.values())
    if workspace.mail_needs_consent:
        return None if "subscribed" in states else "no consent"
    return "unsubscribed from the topic" if plan.topic and "unsubscribed" in states else None


def message_row(
    id: UUID, owner: UUID, step: AnyStep, visit: str, lead: Lead, state: str, reason: str, attempt: str, now: datetime,
    subject: str = "", variant: str | None = None, staff: str | None = None, memo: Mapping[str, Any] | None = None,
    held: Sequence[tuple[str, str]] = (),
) -> Mapping[str, Any]:  # fmt: skip
    """The row of a step that leaves the house, or of one that was passed over. `variant`: the subject under test;
    `memo`: what makes a mail to a lead again; `held`: what kept it until now."""
    what, kind = _content(step)
    return {
        "id": id, "owner_id": owner, "step": step.id, "visit": visit, "lead_id": lead.id, "template": what,
        "kind": kind, "staff": staff, "state": state, "reason": reason, "attempt": attempt, "source": step.source,
        "subject": subject, "variant": variant, "memo": memo, "held": [list(one) for one in held] or None, "at": now,
        "settled_at": None if state == "sending" else now,
    }  # fmt: skip


def _content(step: AnyStep) -> tuple[str, str]:
    """What the step is about, and the kind of its row."""
    match step:
        case Send():
            return step.template, "transactional" if step.mode == "transactional" else "marketing"
        case Notify():
            return step.template, "staff"
        case Post():
            return step.url, "post"
        case ListStep():
            return step.list, "list"
        case TopicStep():
            return step.topic, "topic"
        case HandOff():
            return step.team or "sales", "handoff"
        case EnterCampaign():
            return step.campaign, "enter"
        case _:
            return "", step.kind


def given_values(values: Sequence[tuple[str, Operand]], facts: Facts) -> dict[str, Any]:
    """What `with name = value` says for this lead."""
    return {name: value_of(operand, facts) for name, operand in values}


async def hand_over(rt: Runtime, mail: Mail, marked: datetime) -> Receipt:
    """Give the mail to the provider, once, and only while its mark is fresh (`marked` is real time)."""
    assert rt.mailer is not None, "this process has no mailer"
    if rt.clock.real() - marked > FRESH_MARK:
        return Receipt("retry", "marked too long ago")
    receipt = await rt.mailer.send(mail)
    if receipt.state == "closed":
        until = receipt.until or rt.clock.real() + timedelta(minutes=5)
        async with rt.db.engine.begin() as connection:
            values = {"provider": rt.mailer.name, "reason": receipt.reason, "until": until}
            await connection.execute(_CLOSE_GATE, values)
    return receipt

"""Steps that leave the house: mails to leads, mails to colleagues, posts to other systems.

Each is judged, then made ready with the row that marks it, then handed over by `engine.runs.advance`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from dsl.plan import Notify, Plan, Post, Receiver, Send, Team
from engine.leads.consent import hashed
from engine.model.ids import new_id
from engine.model.lead import Facts, Lead
from engine.model.ports import Mail, Parcel, Receipt
from engine.platform.tokens import email_key
from engine.rules.conditions import calendar
from engine.rules.conditions.chance import subject_of
from engine.rules.runs.interpreter import Effect
from engine.rules.runs.position import Branch
from engine.rules.sales.routing import distinct, is_free, team_for
from engine.rules.sending.judge import CONTROL_GROUP, Hold, Skip, given_values, judge
from engine.rules.sending.retries import next_attempt
from engine.runs.turn import Turn
from engine.runtime.runtime import Runtime
from engine.sending.composing import compose_for_lead, compose_for_staff
from engine.sending.delivery import hand_over, message_row
from engine.sending.webhook import body_of, secret_with, sign
from engine.sending.webhook_figures import ATTEMPTS
from engine.store import messages, webhooks
from engine.store.db import Hot

NOBODY = "nobody to notify"
LATEST_NOTICE = timedelta(days=7)
"""A mail to colleagues that could not be sent for so long is given up."""


@dataclass(frozen=True, slots=True)
class Ready:
    """What may leave, and the row that marks it. `links`: the addresses behind a mail's click links.
    `number`: of a post's attempt, from 1."""

    thing: Mail | Parcel
    row: Mapping[str, Any]
    links: Mapping[str, str] = field(default_factory=dict)
    number: int = 0


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Something marked, on its way. `seq` is the lead's newest event at the mark; `at`, and in real time `marked`,
    when."""

    effect: Effect
    id: UUID
    thing: Mail | Parcel
    seq: int
    at: datetime
    marked: datetime
    number: int = 0

    @property
    def counted(self) -> bool:
        """Whether it counts against the limit on mails."""
        return isinstance(self.effect.step, Send) and self.effect.step.mode != "transactional"

    async def leave(self, rt: Runtime) -> Receipt:
        """Hand it over, once."""
        if isinstance(self.thing, Mail):
            return await hand_over(rt, self.thing, self.marked)
        assert rt.poster is not None, "this process posts nothing"
        return await rt.poster.post(self.thing)

    def again(self, receipt: Receipt, now: datetime) -> datetime | None:
        """When to try again what was not taken, with growing pauses; None: it is settled, or given up."""
        if receipt.state not in ("retry", "closed"):
            return None
        arrived = self.effect.branch.arrived or now
        if isinstance(self.effect.step, Post):
            return next_attempt(str(self.id), self.number, arrived, now, receipt.pause)
        return now + min(max(now - arrived, timedelta(minutes=1)), timedelta(hours=1))


# ── judging ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def judged(effect: Effect, to: str, plan: Plan, turn: Turn) -> Skip | Hold | None:
    """Whether the step may leave now: None, or why never, or until when not. `to`: the colleague a notice is for."""
    step, branch, lead, now = effect.step, effect.branch, turn.lead, turn.now
    controlled = turn.found.enrolment.controlled(plan, lead.id)
    if isinstance(step, Send):
        return judge(
            step, branch, plan, turn.deployment.program, lead, turn.found.sent, now, turn.pause,
            facts=lambda: turn.facts(branch), controlled=controlled,
        )  # fmt: skip
    if controlled:
        return Skip(CONTROL_GROUP)
    if lead.email is None:
        return Skip("erased")
    if isinstance(step, Notify) and not to:
        return Skip(NOBODY)
    if isinstance(step, Notify) and now > (branch.arrived or now) + LATEST_NOTICE:
        return Skip("too late")
    return None


async def next_receiver(hot: Hot, step: Notify, branch: Branch, run: UUID, turn: Turn) -> str | None:
    """The next colleague who has not been written to; empty: there is nobody, None: all have been."""
    lead = turn.lead
    people = receivers(step, lead, turn.facts(branch), turn.deployment.program.teams, turn.now)
    told = await messages.visits_of(hot, run, step.id)
    left = [one for one in people if notice_visit(branch, one) not in told]
    if left:
        return left[0]
    return None if any(visit.startswith(f"{branch.visit} ") for visit in told) else ""


def notice_visit(branch: Branch, to: str) -> str:
    return f"{branch.visit} {to.casefold()}"


def receivers(step: Notify, lead: Lead, facts: Facts, teams: tuple[Team, ...], now: datetime) -> tuple[str, ...]:
    """The addresses of the first receiver there is."""
    found = (_people(one, lead, facts, teams, now) for one in step.to)
    return next((people for people in found if people), ())


def _people(one: Receiver, lead: Lead, facts: Facts, teams: tuple[Team, ...], now: datetime) -> tuple[str, ...]:
    if one.kind == "address":
        return (one.name,)
    owner = str(lead.fields.get("owner") or "")
    if one.kind == "owner" and owner:
        return (owner,)
    named = next((team for team in teams if team.name.casefold() == one.name.casefold()), None)
    team = team_for(teams, facts) if one.kind == "owner" else named
    if team is None:
        return ()
    today = calendar.local_date(now, team.hours.zone)
    return distinct(member.email for member in team.members if is_free(member, {}, today))


# ── making ready ─────────────────────────────────────────────────────────────────────────────────────────────────────
def ready(rt: Runtime, effect: Effect, to: str, plan: Plan, run: UUID, turn: Turn, attempt: str) -> Ready:
    """The mail or post, with its row. Raises TemplateError."""
    step, branch, lead, base = effect.step, effect.branch, turn.lead, rt.settings.base_url
    marked: dict[str, Any] = {"lead": lead, "state": "sending", "reason": "", "attempt": attempt, "now": turn.now}
    match step:
        case Send():
            given = given_values(step.values, turn.facts(branch))
            composed = compose_for_lead(
                step, plan, branch, lead, turn.deployment, rt.tokens, base, given, new_id(turn.now)
            )
            mail, variant = composed.mail, subject_of(step.subjects, plan, step.id, lead.id) or None
            row = message_row(
                mail.message_id, run, step, branch.visit, **marked, subject=mail.subject, variant=variant,
                memo=composed.memo, held=branch.held, address=hashed(rt, email_key(lead.email or "")),
            )  # fmt: skip
            return Ready(mail, row, composed.links)
        case Notify():
            zone = turn.deployment.program.workspace.timezone
            mail = compose_for_staff(
                step.template, to, lead, turn.deployment, rt.tokens, base, event=branch.event, zone=zone,
                given=given_values(step.values, turn.facts(branch)),
            )  # fmt: skip
            visit = notice_visit(branch, to)
            return Ready(mail, message_row(mail.message_id, run, step, visit, **marked, subject=mail.subject, staff=to))
        case Post():
            id = post_id(run, step, branch.visit)
            body = {
                "id": str(id), "at": turn.now.isoformat(), "lead": {"id": str(lead.id), "email": lead.email},
                "campaign": plan.campaign, "step": step.label or step.id,
                "values": given_values(step.values, turn.facts(branch)),
            }  # fmt: skip
            unsigned = Parcel(step.url, body_of(body), str(id), "")
            return Ready(unsigned, message_row(id, run, step, branch.visit, **marked))
        case _:
            raise TypeError(f"a {step.kind} does not leave the house")


# ── posts ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def post_id(run: UUID, step: Post, visit: str) -> UUID:
    """What a post is known by, the same in every attempt."""
    return uuid5(run, f"{step.id}:{visit}")


async def begin_post(rt: Runtime, hot: Hot, made: Ready, step: Post, plan: Plan, run: UUID, turn: Turn) -> Ready | None:
    """The post with the body of its first attempt, signed with every secret in force, and the attempt noted; None: it
    was delivered meanwhile."""
    assert isinstance(made.thing, Parcel)
    kept = await webhooks.begin(hot, {
        "id": made.row["id"], "run": run, "lead": turn.lead.id, "campaign": plan.campaign,
        "step": step.label or step.id, "url": step.url, "body": made.thing.body.decode(), "now": turn.now,
    })  # fmt: skip
    if kept.state == "delivered":
        return None
    real, secret = rt.clock.real(), rt.settings.secret.get_secret_value()
    secrets = [secret_with(secret, nonce) for nonce in await webhooks.live_nonces(hot, real)]
    return replace(made, thing=sign(replace(made.thing, body=kept.body.encode()), secrets, real), number=kept.attempts)


async def settle_post(hot: Hot, one: Outgoing, receipt: Receipt, now: datetime) -> None:
    """Write down what came of a post's attempt."""
    until = one.again(receipt, now)
    state = "delivered" if receipt.state == "accepted" else "waiting" if until else "failed"
    ATTEMPTS.labels(state).inc()
    await webhooks.settle(hot, {
        "id": one.id, "number": one.number, "state": state, "reason": receipt.reason, "next": until,
        "settled": None if until else now, "outcome": receipt.state, "status": receipt.status,
        "milliseconds": receipt.milliseconds, "answer": receipt.answer,
    })  # fmt: skip

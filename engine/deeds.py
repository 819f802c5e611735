"""The effects that only touch Postgres: what a step does to the lead, performed under its lock."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid4

from dsl.plan import (
    AddPoints,
    AnyStep,
    EnterCampaign,
    HandOff,
    LeaveCampaign,
    ListStep,
    Plan,
    Qualify,
    Recycle,
    Scalar,
    SetField,
    TopicStep,
    VariantTest,
)  # fmt: skip
from engine import handoffs, trials
from engine.chance import in_control
from engine.conditions import own_key, reached, value_of
from engine.interpreter import Effect, Verdict
from engine.position import Branch
from engine.runtime import Runtime
from engine.sendout import CONTROL_GROUP, message_row
from engine.sight import Sight
from engine.store.db import Hot
from engine.store.writes import Writes

NO_CONSENT = "no recorded consent"
# What the lead has said last; what campaigns did in between is no answer of theirs.
_CONSENTED = """
SELECT state FROM consents WHERE lead_id = %(lead)s AND lower(topic) = lower(%(topic)s) AND state <> 'asked'
    AND coalesce(record->>'how', '') <> 'campaign' ORDER BY seq DESC LIMIT 1"""


@dataclass(frozen=True, slots=True)
class Deeds:
    """One run's effects within one transaction."""

    rt: Runtime
    hot: Hot
    sight: Sight
    writes: Writes
    plan: Plan
    run: UUID
    attempt: str

    async def perform(self, effect: Effect) -> Verdict:
        step, branch, ledger = effect.step, effect.branch, self.sight.ledger
        if isinstance(step, HandOff | ListStep) and in_control(self.plan, ledger.lead.id):
            return self.skip(step, branch.visit, CONTROL_GROUP)
        match step:
            case AddPoints():
                cause = f"s:{self.run}:{step.id}:{branch.visit}"
                ledger.book(cause, f"step:{step.id}", step.model, step.amount)
            case Qualify():
                ledger.qualify(step.stage, step.source)
            case Recycle():
                self._recycle(step)
            case SetField():
                self._set(step, branch)
            case ListStep():
                (ledger.leave_list if step.remove else ledger.join_list)(step.list)
            case TopicStep():
                return await self._topic(step, branch)
            case EnterCampaign():
                plan = ledger.rules.index.plans.get(step.campaign.casefold())
                if plan is not None:
                    ledger.enrol(plan, None)
            case LeaveCampaign():
                self._leave(step)
            case VariantTest():
                return await self._try(step)
            case HandOff():
                handoff = await handoffs.open_for(
                    self.rt, self.hot, ledger, self.writes, self.sight.deployment, step, self.run, branch.event
                )
                return Verdict(ledger.lead.seq, handoff=str(handoff) if handoff else None)
        return Verdict(ledger.lead.seq)

    def skip(self, step: AnyStep, visit: str, reason: str) -> Verdict:
        """Write down that the step was passed over."""
        lead, now = self.sight.lead, self.sight.now
        row = message_row(uuid4(), self.run, step, visit, lead, "skipped", reason, self.attempt, now)
        self.writes.insert("messages", **row)
        return Verdict(lead.seq)

    def _recycle(self, step: Recycle) -> None:
        """Back, never forward; from a stage outside the order always."""
        ledger = self.sight.ledger
        order, now = ledger.rules.order, ledger.lead.stage
        stage = step.stage or (order[1] if len(order) > 1 else now)
        if now not in order or reached(now, stage, order):
            ledger.qualify(stage, f"{step.source}: {step.reason}", back=True)

    def _set(self, step: SetField, branch: Branch) -> None:
        ledger = self.sight.ledger
        value: Scalar | None = None if step.value is None else value_of(step.value, self.sight.facts(branch))
        if step.add:
            before = _number(ledger.lead.fields.get(step.field)) or 0
            added = _number(value)
            value = None if added is None else before + added
            if value is None:
                return
        ledger.set_field(step.field, value)

    async def _topic(self, step: TopicStep, branch: Branch) -> Verdict:
        ledger, lead = self.sight.ledger, self.sight.lead
        before = lead.topics.get(own_key(lead.topics, step.topic) or step.topic)
        if not step.remove and before != "subscribed":
            asked = {"lead": lead.id, "topic": step.topic}
            said = await self.hot.one(_CONSENTED, asked)
            if lead.suppressed is not None or said is None or said.state != "subscribed":
                return self.skip(step, branch.visit, NO_CONSENT)
        if (ledger.unsubscribe if step.remove else ledger.subscribe)(step.topic):
            state = "unsubscribed" if step.remove else "subscribed"
            if ledger.lead.seq == lead.seq:
                ledger.happen("topic.left" if step.remove else "topic.joined", step.topic, mute=True)
            record = {"how": "campaign", "campaign": self.plan.campaign, "source": step.source}
            self.writes.insert(
                "consents", lead_id=lead.id, topic=step.topic, seq=ledger.lead.seq, state=state, record=record,
                at=self.sight.now,
            )  # fmt: skip
        return Verdict(ledger.lead.seq)

    def _leave(self, step: LeaveCampaign) -> None:
        """The other run leaves because of an event of its own, so that no `leaves` block takes it for another."""
        ledger, name = self.sight.ledger, step.campaign.casefold()
        others = [one for one in ledger.enrolments if one.campaign.casefold() == name and one.id != self.run]
        live = [one for one in others if one.state == "live"]
        if live:
            event = ledger.happen("custom", "(left campaign)", {"campaign": step.campaign}, mute=True)
            for one in live:
                ledger.leave(one, event.seq)

    async def _try(self, step: VariantTest) -> Verdict:
        lead, hours = self.sight.lead, self.sight.deployment.program.workspace.business_hours
        if in_control(self.plan, lead.id):  # they would count for a variant they see nothing of
            return Verdict(lead.seq)
        variant = await trials.choose(self.hot, step, self.plan, lead.id, self.run, self.sight.now, hours)
        return Verdict(lead.seq, variant=variant)


def _number(value: object) -> float | int | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return value
    try:
        return float(str(value))
    except ValueError:
        return None

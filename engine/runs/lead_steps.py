"""The effects that only touch Postgres: what a step does to the lead, performed under its lock."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid4

from dsl.plan import (
    AnyStep,
    HandOff,
    ListStep,
    Plan,
    SetField,
    TopicStep,
    VariantTest,
)  # fmt: skip
from engine.leads.consent import note_consent
from engine.rules.conditions.chance import in_control
from engine.rules.leads.lead_changes import change, change_topic, misfit, needs_consent
from engine.rules.runs.interpreter import Effect, Verdict
from engine.rules.runs.position import Branch
from engine.rules.sending.judge import CONTROL_GROUP
from engine.runs import variant_tests
from engine.runs.turn import Sight
from engine.runtime.runtime import Runtime
from engine.sales import handoffs
from engine.sending.delivery import message_row
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
            case TopicStep():
                return await self._topic(step, branch)
            case VariantTest():
                return await self._try(step)
            case SetField() if why := misfit(ledger, step, self.sight.facts(branch)):
                return self.skip(step, branch.visit, why)
            case HandOff():
                handoff = await handoffs.open_for(
                    self.rt, self.hot, ledger, self.writes, self.sight.deployment, step, self.run, branch.event
                )
                return Verdict(ledger.lead.seq, handoff=str(handoff) if handoff else None)
        change(ledger, step, branch, self.run, self.sight.facts(branch))
        return Verdict(ledger.lead.seq)

    def skip(self, step: AnyStep, visit: str, reason: str) -> Verdict:
        """Write down that the step was passed over."""
        lead, now = self.sight.lead, self.sight.now
        row = message_row(uuid4(), self.run, step, visit, lead, "skipped", reason, self.attempt, now)
        self.writes.insert("messages", **row)
        return Verdict(lead.seq)

    async def _topic(self, step: TopicStep, branch: Branch) -> Verdict:
        ledger, lead = self.sight.ledger, self.sight.lead
        if needs_consent(ledger, step):
            asked = {"lead": lead.id, "topic": step.topic}
            said = await self.hot.one(_CONSENTED, asked)
            if lead.suppressed is not None or said is None or said.state != "subscribed":
                return self.skip(step, branch.visit, NO_CONSENT)
        if change_topic(ledger, step):
            state = "unsubscribed" if step.remove else "subscribed"
            record = {"how": "campaign", "campaign": self.plan.campaign, "source": step.source}
            now = self.sight.now
            note_consent(ledger, self.writes, step.topic, state, record, seq=ledger.lead.seq, at=now)
        return Verdict(ledger.lead.seq)

    async def _try(self, step: VariantTest) -> Verdict:
        lead, hours = self.sight.lead, self.sight.deployment.program.workspace.business_hours
        if in_control(self.plan, lead.id):  # they would count for a variant they see nothing of
            return Verdict(lead.seq)
        variant = await variant_tests.choose(self.hot, step, self.plan, lead.id, self.run, self.sight.now, hours)
        return Verdict(lead.seq, variant=variant)

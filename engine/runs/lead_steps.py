"""The effects that only touch Postgres: what a step does to the lead, performed under its lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

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
from engine.model.ids import new_id
from engine.rules.leads.lead_changes import change, change_topic, misfit, needs_consent
from engine.rules.runs.interpreter import Effect, Verdict
from engine.rules.runs.position import Branch
from engine.rules.sending.judge import CONTROL_GROUP
from engine.runs import variant_tests
from engine.runs.turn import Turn
from engine.runtime.runtime import Runtime
from engine.sales import handoffs
from engine.sending.delivery import message_row
from engine.store import consents
from engine.store.db import Hot
from engine.store.writes import Writes

NO_CONSENT = "no recorded consent"


@dataclass(frozen=True, slots=True)
class LeadSteps:
    """One run's effects within one transaction."""

    rt: Runtime
    hot: Hot
    turn: Turn
    writes: Writes
    plan: Plan
    run: UUID
    attempt: str

    async def perform(self, effect: Effect) -> Verdict:
        step, branch, ledger = effect.step, effect.branch, self.turn.ledger
        if isinstance(step, HandOff | ListStep) and self._controlled():
            return self.skip(step, branch.visit, CONTROL_GROUP)
        match step:
            case TopicStep():
                return await self._topic(step, branch)
            case VariantTest():
                return await self._try(step)
            case SetField() if why := misfit(ledger, step, self.turn.facts(branch)):
                return self.skip(step, branch.visit, why)
            case HandOff():
                handoff = await handoffs.open_for(
                    self.rt, self.hot, ledger, self.writes, self.turn.deployment, step, self.run, branch.event
                )
                return Verdict(ledger.lead.seq, handoff=str(handoff) if handoff else None)
            case _:
                pass  # what follows from the lead's values alone
        change(ledger, step, branch, self.run, self.turn.facts(branch))
        return Verdict(ledger.lead.seq)

    def _controlled(self) -> bool:
        return self.turn.found.enrolment.controlled(self.plan, self.turn.lead.id)

    def skip(self, step: AnyStep, visit: str, reason: str, held: Sequence[tuple[str, str]] = ()) -> Verdict:
        """Write down that the step was passed over. `held`: what had kept its mail."""
        lead, now = self.turn.lead, self.turn.now
        row = message_row(new_id(now), self.run, step, visit, lead, "skipped", reason, self.attempt, now, held=held)
        self.writes.insert("messages", **row)
        return Verdict(lead.seq)

    async def _topic(self, step: TopicStep, branch: Branch) -> Verdict:
        ledger, lead = self.turn.ledger, self.turn.lead
        if needs_consent(ledger, step):
            said = await consents.last_said(self.hot, lead.id, step.topic)
            if lead.suppressed is not None or said != "subscribed":
                return self.skip(step, branch.visit, NO_CONSENT)
        if change_topic(ledger, step):
            state = "unsubscribed" if step.remove else "subscribed"
            record = {"how": "campaign", "campaign": self.plan.campaign, "source": step.source}
            now = self.turn.now
            note_consent(ledger, self.writes, step.topic, state, record, seq=ledger.lead.seq, at=now)
        return Verdict(ledger.lead.seq)

    async def _try(self, step: VariantTest) -> Verdict:
        lead, hours = self.turn.lead, self.turn.deployment.program.workspace.business_hours
        if self._controlled():  # they would count for a variant they see nothing of
            return Verdict(lead.seq)
        chosen = await variant_tests.choose(self.hot, step, self.plan, lead.id, self.run, self.turn.now, hours)
        return Verdict(lead.seq, variant=chosen) if isinstance(chosen, str) else Verdict(lead.seq, until=chosen)

"""What a step does in a simulation: mails are judged and composed as in production and then count as sent; what a step
changes about its lead goes through the ledger; notices and posts leave for nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from dsl.plan import AnyStep, HandOff, ListStep, Notify, Plan, Post, Send, SetField, TopicStep, VariantTest
from engine.mail.errors import TemplateError
from engine.model.lead import Facts
from engine.model.ports import Mail
from engine.rules.leads.consequences import Ledger
from engine.rules.leads.lead_changes import change, change_topic, misfit, needs_consent
from engine.rules.runs.enrolment import Enrolment
from engine.rules.runs.interpreter import Effect, Verdict
from engine.rules.runs.position import Branch
from engine.rules.sending.judge import CONTROL_GROUP, Hold, Skip, given_values, judge
from engine.runs.lead_steps import NO_CONSENT
from engine.runs.outgoing_steps import NOBODY, receivers
from engine.sending.composing import compose_for_lead
from engine.simulation.host import Host
from engine.simulation.person import Letter, Person
from engine.simulation.sales import Sales
from engine.simulation.variant_tests import Trials

BASE_URL = "https://coldframe.example"
"""Where links of rendered mails lead: nowhere."""


class Effects:
    """The effects of every run of a simulation."""

    def __init__(self, host: Host, sales: Sales) -> None:
        self._host, self._sales = host, sales
        self.trials = Trials(host)

    def perform(self, plan: Plan, person: Person, run: Enrolment, ledger: Ledger, effect: Effect) -> Verdict:
        """Carry the effect out inside the run's transaction; see engine.runs.{lead_steps,outgoing_steps}."""
        step, branch = effect.step, effect.branch
        if isinstance(step, Send):
            return self._send(plan, person, run, ledger, step, branch)
        self._host.watcher.progressed(person, ledger)
        if isinstance(step, HandOff | ListStep | Notify | Post) and run.controlled(plan, ledger.lead.id):
            self.skip(person, run, step, branch.visit, CONTROL_GROUP)
            return Verdict(ledger.lead.seq)
        verdict = self._other(plan, person, run, ledger, step, branch)
        if verdict is None:
            return Verdict(ledger.lead.seq)
        if verdict.until is None:
            self._host.watcher.did(person, run, step)
        return verdict

    def _other(
        self, plan: Plan, person: Person, run: Enrolment, ledger: Ledger, step: AnyStep, branch: Branch
    ) -> Verdict | None:  # fmt: skip
        """None when the step was passed over."""
        match step:
            case HandOff():
                handoff = self._sales.hand_over(person, ledger, step, run, branch.event)
                return Verdict(ledger.lead.seq, handoff=str(handoff) if handoff else None)
            case TopicStep():
                refused = ledger.lead.suppressed is not None or step.topic.casefold() not in person.consents
                if needs_consent(ledger, step) and refused:
                    self.skip(person, run, step, branch.visit, NO_CONSENT)
                    return None
                change_topic(ledger, step)
            case SetField() if why := misfit(ledger, step, _facts(ledger, run, branch)):
                self.skip(person, run, step, branch.visit, why)
                return None
            case VariantTest():
                chosen = self.trials.choose(step, plan, person, run)
                if isinstance(chosen, datetime):
                    return Verdict(ledger.lead.seq, until=chosen)
                return Verdict(ledger.lead.seq, variant=chosen)
            case Notify():
                teams, facts = self._host.deployment.program.teams, _facts(ledger, run, branch)
                if not receivers(step, ledger.lead, facts, teams, self._host.now):
                    self.skip(person, run, step, branch.visit, NOBODY)
                    return None
            case _:
                change(ledger, step, branch, run.id, _facts(ledger, run, branch))
        return Verdict(ledger.lead.seq)

    # ── mails ────────────────────────────────────────────────────────────────────────────────────────────────────────
    def _send(
        self, plan: Plan, person: Person, run: Enrolment, ledger: Ledger, send: Send, branch: Branch
    ) -> Verdict:  # fmt: skip
        host, lead = self._host, ledger.lead
        host.watcher.progressed(person, ledger)
        controlled = run.controlled(plan, lead.id)
        judged = judge(
            send, branch, plan, host.deployment.program, lead, person.sent, host.now,
            facts=lambda: _facts(ledger, run, branch), controlled=controlled,
        )  # fmt: skip
        mail: Mail | None = None
        links: Mapping[str, str] = {}
        if judged is None and host.render:
            try:
                given = given_values(send.values, _facts(ledger, run, branch))
                composed = compose_for_lead(
                    send, plan, branch, lead, host.deployment, host.tokens, BASE_URL, given, host.new_id()
                )
                mail, links = composed.mail, composed.links
            except TemplateError as problem:
                judged = Hold(host.now + timedelta(hours=1), f"template {problem.name}: {problem.message}")
        if isinstance(judged, Hold):
            host.watcher.held(person, run, send, judged.until, judged.attention, judged.why)
            return Verdict(lead.seq, until=judged.until, why=judged.attention)
        if isinstance(judged, Skip):
            self.skip(person, run, send, branch.visit, judged.reason)
        else:
            if send.mode != "transactional":
                person.sent.append(host.now)
            id = mail.message_id if mail else host.new_id()
            letter = Letter(id, run, send, branch.visit, "accepted", "", host.now, mail, links)
            person.letters.append(letter)
            host.watcher.mailed(person, run, letter)
        return Verdict(lead.seq)

    def skip(self, person: Person, run: Enrolment, step: AnyStep, visit: str, reason: str) -> None:
        """Write down that a step was passed over."""
        if isinstance(step, Send):
            letter = Letter(self._host.new_id(), run, step, visit, "skipped", reason, self._host.now)
            person.letters.append(letter)
            self._host.watcher.mailed(person, run, letter)
        else:
            self._host.watcher.passed(person, run, step, reason)


def _facts(ledger: Ledger, run: Enrolment, branch: Branch) -> Facts:
    return ledger.facts(run=run).changed(event=branch.event)

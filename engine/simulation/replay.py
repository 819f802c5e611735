"""One lead's real past through a draft program: what came from outside happens again, the rest is worked out anew.

Assumptions: a mail of the same template counts as the same mail when the draft would send it within a day of the real
one, and is then opened, clicked and answered as soon after as it was; reactions to other mails are dropped. Sales gives
the answers it gave, if the draft has a handoff open then. What no form and no field event tells of the lead is taken as
it is today.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from dsl.plan import ListStep, Program, SetField
from engine.leads.intake import fill
from engine.leads.preferences import PAGE
from engine.model.lead import TRACKING, Event
from engine.rules.leads.suppression import COMPLAINED, UNSUBSCRIBED
from engine.rules.runs.enrolment import Enrolment
from engine.rules.sales.ladder import Act
from engine.runtime.catalog import Deployment
from engine.simulation.doors import Doors
from engine.simulation.person import Letter, Person
from engine.simulation.sales import NO_HANDOFF
from engine.simulation.simulation import Simulation
from engine.simulation.watcher import Watcher
from engine.store.past import Past

SAME_MAIL = timedelta(days=1)
"""A mail of the same template this near to the real one is the same mail."""
REACTIONS = ("email.opened", "email.clicked", "email.replied", "email.bounced", "email.delivered")
_OUTSIDE = (
    "page.visited", "file.downloaded", "video.watched", "webinar.registered", "webinar.attended", "meeting.booked",
    "meeting.held", "call.received", "chat.started", "cart.updated", "order.placed", "deal.opened", "deal.moved",
    "deal.changed", "deal.won", "deal.lost", "deal.refunded", "custom",
)  # fmt: skip
_SALES: Mapping[str, Act] = {
    "handoff.acknowledged": "acknowledge", "handoff.contacted": "contacted", "handoff.accepted": "accept",
    "handoff.rejected": "reject",
}  # fmt: skip


@dataclass(slots=True)
class Real:
    """A real mail that the draft may send too, and what the lead did about it: how long after, and what."""

    template: str
    at: datetime
    reactions: list[tuple[timedelta, Event]] = field(default_factory=list)
    matched: bool = False


class Replay(Watcher):
    """One lead's way through the draft. Read `person`, and `dropped`, the events that could not happen, by type."""

    def __init__(self, deployment: Deployment, past: Past, until: datetime) -> None:
        self.past, self.until = past, until
        first = min([past.lead.created_at, *(event.at for event in past.events[:1])])
        self.sim = Simulation(deployment, first, self)
        self.doors = Doors(self.sim)
        lead = replace(
            past.lead, stage=deployment.first_stage, last_at=first, fields=_unexplained(past, deployment.program)
        )
        self.person = Person(lead)
        self.dropped: dict[str, int] = {}
        self.mails = {UUID(one["id"]): Real(one["template"], one["at"]) for one in past.mails}
        self._lists, self._fields = _written(deployment.program)
        for event in past.events:
            real = self.mails.get(event.message_id) if event.message_id and event.type in REACTIONS else None
            if real is not None:
                real.reactions.append((max(event.at - real.at, timedelta()), event))

    def run(self) -> None:
        """Let everything happen again, and time go by until the end."""
        ledger = self.sim.open(self.person)
        ledger.rate()
        self.sim.commit(self.person, ledger)
        for at, what in sorted(self._outside(), key=lambda one: one[0]):
            self.sim.run(at)
            if isinstance(what, Event):
                self._happen(what)
            else:
                self._agree(what)
            self.sim.settle()
        self.sim.run(self.until)
        for real in self.mails.values():
            if not real.matched:
                for _, event in real.reactions:
                    self._drop(event.type)

    def _outside(self) -> Iterator[tuple[datetime, Event | dict[str, Any]]]:
        for consent in self.past.consents:
            withdrawn = consent["topic"] == TRACKING and consent["state"] == "unsubscribed"
            if (withdrawn or consent["state"] == "subscribed") and consent["how"] != "campaign":
                yield consent["at"], consent
        for event in self.past.events:
            yield event.at, event

    # ── what happens again ───────────────────────────────────────────────────────────────────────────────────────────
    def _happen(self, event: Event) -> None:
        data = {name: value for name, value in event.data.items() if name != "at"}
        if event.type == "form.posted":
            self._form(event, dict(data.get("values", {})), data)
        elif event.type == "form.submitted":
            self._form(event, data, data)
        elif event.type == "lead.unsubscribed":
            reason = COMPLAINED if data.get("how") == "complaint" else UNSUBSCRIBED
            self.doors.unsubscribe(self.person, str(data.get("topic") or "") or None, reason=reason)
        elif event.type in _SALES:
            done = self.sim.sales.act(
                self.person, _SALES[event.type], str(data.get("reason") or "") or None, str(data.get("by") or "")
            )
            if done == NO_HANDOFF:
                self._drop(event.type)
        elif event.type in ("list.joined", "list.left") and event.name.casefold() not in self._lists:
            ledger = self.sim.open(self.person)
            (ledger.join_list if event.type == "list.joined" else ledger.leave_list)(event.name)
            self.sim.commit(self.person, ledger)
        elif event.type == "field.changed" and event.name not in self._fields:
            ledger = self.sim.open(self.person)
            ledger.set_field(event.name, data.get("after"))
            ledger.rate()
            self.sim.commit(self.person, ledger)
        elif event.type in _OUTSIDE:
            self.doors.happens(self.person, event.type, event.name, dict(event.data))  # type: ignore[arg-type]

    def _form(self, event: Event, values: dict[str, Any], data: Mapping[str, Any]) -> None:
        """A post counts only once it is confirmed, as it was then; today's forms decide nothing about the past."""
        ledger = self.sim.open(self.person)
        if event.type == "form.submitted":
            fill(ledger, values, overwrite=True)
            if ledger.lead.suppressed == UNSUBSCRIBED and (event.key or "").startswith("confirm:"):
                ledger.lead = ledger.lead.changed(suppressed=None)
        ledger.happen(event.type, event.name, dict(data))
        self.sim.commit(self.person, ledger)

    def _agree(self, consent: Mapping[str, Any]) -> None:
        ledger = self.sim.open(self.person)
        if consent["state"] == "unsubscribed":
            ledger.unsubscribe(TRACKING)
        else:
            if consent["how"] == PAGE and consent["topic"] != TRACKING and ledger.lead.suppressed == "unsubscribed":
                ledger.lead = ledger.lead.changed(suppressed=None)
            ledger.subscribe(str(consent["topic"]))
            self.person.consents.add(str(consent["topic"]).casefold())
        self.sim.commit(self.person, ledger)

    def mailed(self, person: Person, run: Enrolment, letter: Letter) -> None:
        if letter.state != "accepted":
            return
        now, template = self.sim.now, letter.send.template.casefold()
        near = [
            real for real in self.mails.values()
            if not real.matched and real.template.casefold() == template and abs(real.at - now) <= SAME_MAIL
        ]  # fmt: skip
        if not near:
            return
        real = min(near, key=lambda one: abs(one.at - now))
        real.matched = True
        for delay, event in real.reactions:
            self.sim.at(now + delay, self._react, letter, event)

    def _react(self, letter: Letter, event: Event) -> None:
        link = str(event.data.get("link") or "")
        self.doors.mail_event(self.person, letter, event.type, link)  # type: ignore[arg-type]

    def _drop(self, type: str) -> None:
        self.dropped[type] = self.dropped.get(type, 0) + 1


def _unexplained(past: Past, program: Program) -> dict[str, Any]:
    """The lead's fields that nothing in the log tells of: taken as they are today."""
    told: set[str] = set()
    for event in past.events:
        if event.type in ("form.posted", "form.submitted"):
            told |= set(event.data.get("values", event.data))
        elif event.type == "field.changed":
            told.add(event.name)
    told |= _written(program)[1] | {"owner"}
    return {name: value for name, value in past.lead.fields.items() if name not in told}


def _written(program: Program) -> tuple[set[str], set[str]]:
    """The lists, in lower case, and the fields that campaigns themselves write."""
    steps = [step for plan in program.campaigns for step in plan.steps]
    lists = {step.list.casefold() for step in steps if isinstance(step, ListStep)}
    return lists, {step.field for step in steps if isinstance(step, SetField)}

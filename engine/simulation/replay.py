"""One lead's real past through a draft program: what came from outside happens again, the rest is worked out anew.

Assumptions: a mail of the same template counts as the same mail when the draft would send it within a day of the real
one, and is then opened, clicked and answered as soon after as it was; reactions to other mails are dropped. Sales gives
the answers it gave, if the draft has a handoff open then. A test of variants has the winner it
had. What a run of a campaign did to a field or a list is worked out anew; what others did happens again. What the log
does not tell of the lead is taken as it is today.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from dsl.plan import Program, SetField
from engine.leads.external_changes import IMPORTED, TOLD
from engine.leads.intake import fill
from engine.leads.preferences import CHOSEN, PAGE
from engine.model.lead import TRACKING, Event
from engine.rules.leads.consequences import Ledger
from engine.rules.leads.suppression import COMPLAINED, UNSUBSCRIBED
from engine.rules.runs.enrolment import Enrolment
from engine.rules.sales.ladder import Act
from engine.runtime.catalog import Deployment
from engine.simulation.doors import Doors
from engine.simulation.person import Letter, Person
from engine.simulation.sales import NO_HANDOFF
from engine.simulation.simulation import Simulation
from engine.simulation.variant_tests import Known
from engine.simulation.watcher import Watcher
from engine.store.past import Past

SAME_MAIL = timedelta(days=1)
"""A mail of the same template this near to the real one is the same mail."""
FORMS = ("form.posted", "form.submitted")
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
    campaign: str = ""


class Replay(Watcher):
    """One lead's way through the draft. Read `person`, and `dropped`, the events that could not happen, by type."""

    def __init__(self, deployment: Deployment, past: Past, until: datetime) -> None:
        self.past, self.until = past, until
        first = min([past.lead.created_at, *(event.at for event in past.events[:1])])
        self.sim = Simulation(deployment, first, self)
        self.sim.effects.trials.known |= {
            (one["campaign"], one["name"]): Known(one["variant"], one["winner"], one["ends_at"]) for one in past.tests
        }
        self.sim.sales.past = past.desk
        self.doors = Doors(self.sim)
        lead = replace(
            past.lead, stage=deployment.first_stage, last_at=first, fields=_unexplained(past, deployment.program)
        )
        self.person = Person(lead)
        self.dropped: dict[str, int] = {}
        self.mails = {
            UUID(one["id"]): Real(one["template"], one["at"], campaign=one["campaign"] or "") for one in past.mails
        }
        self._given: dict[int, list[dict[str, Any]]] = {}
        self._letters: dict[UUID, Letter] = {}
        self._causes = {event.at for event in past.events if event.type in (*FORMS, TOLD, IMPORTED, CHOSEN)}
        self._quiet = {event.at for event in past.events if event.type == IMPORTED and event.data.get("quietly")}
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
        """What came from outside, in order. Consents that were given with a form or chosen on the page belong to it."""
        own: dict[int, list[dict[str, Any]]] = {}
        posts = [event for event in self.past.events if event.type in ("form.submitted", CHOSEN)]
        for consent in self.past.consents:
            withdrawn = consent["topic"] == TRACKING and consent["state"] == "unsubscribed"
            if not (withdrawn or consent["state"] == "subscribed") or consent["how"] == "campaign":
                continue
            post = next((one for one in posts if one.at == consent["at"] and one.seq >= consent["seq"]), None)
            if post is None:
                yield consent["at"], consent
            else:
                own.setdefault(post.seq, []).append(consent)
        for event in self.past.events:
            self._given[event.seq] = own.get(event.seq, [])
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
        elif event.type == "handoff.reassigned":
            if self.sim.sales.reassign(self.person, str(data["to"]), str(data.get("by") or "")) == NO_HANDOFF:
                self._drop(event.type)
        elif event.type == TOLD:
            self.doors.tell(self.person, data.get("fields", {}), data.get("joined", ()), data.get("left", ()))
        elif event.type == IMPORTED:
            self.doors.imported(self.person, event.name, data)
        elif event.type == CHOSEN:
            self._chosen(event, data)
        elif event.type in REACTIONS and event.message_id in self._letters:
            self._react(self._letters[event.message_id], event)
        elif event.type in _OUTSIDE:
            self.doors.happens(self.person, event.type, event.name, dict(event.data))  # type: ignore[arg-type]
        elif event.enrolment_id is None and event.at not in self._causes:
            self._change(event, data)

    def _change(self, event: Event, data: Mapping[str, Any]) -> None:
        """A list or a field that somebody else than a run has changed, and nothing else in the log explains."""
        ledger = self.sim.open(self.person)
        if event.type == "list.joined":
            ledger.join_list(event.name)
        elif event.type == "list.left":
            ledger.leave_list(event.name)
        elif event.type == "field.changed":
            ledger.set_field(event.name, data.get("after"))
            ledger.rate()
        else:
            return
        self.sim.commit(self.person, ledger)

    def _form(self, event: Event, values: dict[str, Any], data: Mapping[str, Any]) -> None:
        """A post counts only once it is confirmed, as it was then; today's forms decide nothing about the past."""
        ledger = self.sim.open(self.person)
        if event.type == "form.submitted":
            confirmed = (event.key or "").startswith("confirm:")
            fill(ledger, values, overwrite=confirmed)
            if confirmed and self._given[event.seq] and ledger.lead.suppressed == UNSUBSCRIBED:
                ledger.lead = ledger.lead.changed(suppressed=None)
            for consent in self._given[event.seq]:
                self._subscribe(ledger, str(consent["topic"]))
        ledger.happen(event.type, event.name, dict(data), key=event.key)
        self.sim.commit(self.person, ledger)

    def _chosen(self, event: Event, data: Mapping[str, Any]) -> None:
        """A choice on the page of preferences; topics that were left have an event of their own."""
        ledger = self.sim.open(self.person)
        if data.get("language"):
            ledger.set_field("language", data["language"])
        if data.get("joined") and not data.get("how") and ledger.lead.suppressed == UNSUBSCRIBED:
            ledger.lead = ledger.lead.changed(suppressed=None)
        for consent in self._given[event.seq]:
            self._apply(ledger, consent)
        self.sim.commit(self.person, ledger)

    def _agree(self, consent: Mapping[str, Any]) -> None:
        ledger = self.sim.open(self.person)
        ledger.quiet = consent["at"] in self._quiet
        self._apply(ledger, consent)
        self.sim.commit(self.person, ledger)

    def _apply(self, ledger: Ledger, consent: Mapping[str, Any]) -> None:
        if consent["state"] == "unsubscribed":
            ledger.unsubscribe(TRACKING)
            return
        if consent["how"] == PAGE and consent["topic"] != TRACKING and ledger.lead.suppressed == UNSUBSCRIBED:
            ledger.lead = ledger.lead.changed(suppressed=None)
        self._subscribe(ledger, str(consent["topic"]))

    def _subscribe(self, ledger: Ledger, topic: str) -> None:
        ledger.subscribe(topic)
        self.person.consents.add(topic.casefold())

    def mailed(self, person: Person, run: Enrolment, letter: Letter) -> None:
        if letter.state != "accepted":
            return
        now, template = self.sim.now, letter.send.template.casefold()
        near = [
            (id, real) for id, real in self.mails.items()
            if not real.matched and real.template.casefold() == template and abs(real.at - now) <= SAME_MAIL
        ]  # fmt: skip
        if not near:
            return
        id, real = min(near, key=lambda one: (abs(one[1].at - now), one[1].campaign != run.campaign))
        real.matched = True
        if real.at == now:  # then what the lead did about it happens again where it stands in the log
            self._letters[id] = letter
            return
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
        if event.type in FORMS:
            told |= set(event.data.get("values", event.data))
        elif event.type in (TOLD, IMPORTED):
            told |= set(event.data.get("fields", ()))
        elif event.type == "field.changed":
            told.add(event.name)
    steps = [step for plan in program.campaigns for step in plan.steps]
    told |= {step.field for step in steps if isinstance(step, SetField)} | {"owner"}
    return {name: value for name, value in past.lead.fields.items() if name not in told}

"""What a lead does, from outside: the ways in of `engine.leads.intake`, for a simulation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from dsl.plan import EventType, Form, Scalar
from engine.leads.external_changes import note, note_import
from engine.leads.intake import REPEAT, fill
from engine.leads.mail_events import ONE_CLICK
from engine.model.lead import ARRIVED
from engine.rules.conditions.conditions import topic_state
from engine.rules.leads.consequences import Ledger
from engine.rules.leads.suppression import UNSUBSCRIBED, bounce, has_left, suppress
from engine.simulation.person import Letter, Person
from engine.simulation.simulation import Simulation

CONFIRMS_AFTER = timedelta(minutes=5)
"""How long a lead takes to press the button of a double opt-in mail, where nothing else is said."""


class Doors:
    """Every door answers None when what came was taken in, else why it came to nothing."""

    def __init__(self, simulation: Simulation) -> None:
        self.sim = simulation

    def submit(
        self, person: Person, form: Form, values: Mapping[str, Scalar], topics: Sequence[str] = (), *, new: bool = False
    ) -> str | None:  # fmt: skip
        """A form post. With double opt-in only the confirmation counts. `new`: the lead is not known yet."""
        sim, post = self.sim, (form.name, sorted(values.items()), list(topics))
        if any(old == post and sim.now - at < REPEAT for at, old in person.posts):
            return "the same form was submitted within the last 10 minutes"
        person.posts.append((sim.now, post))
        ledger = sim.open(person)
        data = {name: value for name, value in values.items() if name != "email"}
        if form.confirm_with:
            ledger.happen("form.posted", form.name, {"values": data, "topics": list(topics), "context": {}})
        else:
            fill(ledger, values, overwrite=new)
            wanted = [one for one in topics if topic_state(ledger.lead.topics, one) != "unsubscribed"]
            self._agree(person, ledger, wanted)
            ledger.happen("form.submitted", form.name, data)
        sim.commit(person, ledger)
        return None

    def confirm(self, person: Person, form: str | None = None) -> str | None:
        """Press the button of the newest double opt-in mail, of that form where one is named."""
        posted = next(
            (one for one in reversed(person.log) if one.type == "form.posted" and form in (None, one.name)), None
        )
        if posted is None:
            return "no form is waiting for confirmation"
        key = f"confirm:{posted.seq}"
        if any(event.key == key for event in person.log):
            return "it is already confirmed"
        ledger = self.sim.open(person)
        fill(ledger, posted.data["values"], overwrite=True)
        if ledger.lead.suppressed == UNSUBSCRIBED and posted.data["topics"]:
            ledger.lead = ledger.lead.changed(suppressed=None)
        self._agree(person, ledger, posted.data["topics"])
        ledger.happen("form.submitted", posted.name, posted.data["values"], key=key)
        self.sim.commit(person, ledger)
        return None

    def subscribe(self, person: Person, topic: str) -> str | None:
        """Choose a topic on the page for topics, also after unsubscribing from everything."""
        if topic_state(person.lead.topics, topic) == "subscribed":
            return "the lead is already subscribed to this topic"
        ledger = self.sim.open(person)
        if ledger.lead.suppressed == UNSUBSCRIBED:
            ledger.lead = ledger.lead.changed(suppressed=None)
        self._agree(person, ledger, [topic])
        self.sim.commit(person, ledger)
        return None

    def agree(self, person: Person, topics: Sequence[str]) -> None:
        """Consents given before the simulation began."""
        ledger = self.sim.open(person)
        self._agree(person, ledger, topics)
        self.sim.commit(person, ledger)

    @staticmethod
    def _agree(person: Person, ledger: Ledger, topics: Sequence[str]) -> None:
        for topic in topics:
            ledger.subscribe(topic)
            person.consents.add(topic.casefold())

    def mail_event(self, person: Person, letter: Letter, type: EventType, link: str = "") -> str | None:
        """A mail is opened, or a link in it clicked; also answered or bounced. Too many soft bounces in a row are a
        bounce."""
        tracked = type not in ("email.opened", "email.clicked") or person.lead.may_be_tracked(
            self.sim.deployment.program
        )
        if not tracked:
            return "it is not recorded: the lead has not agreed to tracking"
        for old in reversed(person.log):
            same = (old.type, old.message_id) == (type, letter.id) and old.data.get("link", "") == link
            if same and (not link or self.sim.now - old.at < ONE_CLICK):
                return "it is already recorded"
        ledger = self.sim.open(person)
        ledger.rate()
        data: dict[str, Any] = {"link": link} if link else {}
        about: dict[str, Any] = {"enrolment_id": letter.run.id, "message_id": letter.id}
        if type == "email.soft_bounced":
            ledger.happen(type, letter.send.template, mute=True, **about)
            many = _soft_in_a_row(person)
            if many < self.sim.deployment.program.workspace.soft_bounces:
                self.sim.commit(person, ledger)
                return None
            type, data = "email.bounced", {"soft bounces": many}
        event = ledger.happen(
            type, letter.send.template, data, **about
        )  # fmt: skip
        if type == "email.bounced":
            bounce(ledger, event)
        self.sim.commit(person, ledger)
        return None

    def happens(
        self, person: Person, type: EventType, name: str, data: Mapping[str, Any] | None = None
    ) -> str | None:  # fmt: skip
        """Anything that another system saw."""
        ledger = self.sim.open(person)
        ledger.rate()
        ledger.happen(type, name, data)
        self.sim.commit(person, ledger)
        return None

    def tell(
        self, person: Person, fields: Mapping[str, Scalar | None], lists: Sequence[str] = (), left: Sequence[str] = ()
    ) -> str | None:  # fmt: skip
        """What another system knows of the lead; see engine.leads.external_changes.tell."""
        ledger = self.sim.open(person)
        note(ledger, fields, lists, left)
        self.sim.commit(person, ledger)
        return None

    def imported(self, person: Person, name: str, said: Mapping[str, Any]) -> None:
        """A file said it of the lead; see engine.leads.external_changes.note_import."""
        ledger = self.sim.open(person)
        quietly = bool(said.get("quietly"))
        note_import(ledger, name, said.get("fields", {}), said.get("joined", ()), {}, quietly=quietly)
        self.sim.commit(person, ledger)

    def unsubscribe(self, person: Person, topic: str | None = None, *, reason: str = UNSUBSCRIBED) -> str | None:
        """From a topic, whose campaigns are left, or from everything. `reason`: why nothing may be mailed then."""
        sim, program = self.sim, self.sim.deployment.program
        if has_left(person.lead, topic, program):
            return "the lead has already unsubscribed"
        ledger = sim.open(person)
        event = ledger.happen("lead.unsubscribed", topic or "", {"topic": topic or "", "how": "page"})
        names = [topic] if topic else [one.name for one in program.workspace.topics]
        for name in names:
            ledger.unsubscribe(name)
            person.consents.discard(name.casefold())
        if topic is None:
            suppress(ledger, reason, event.seq)
        for run in person.runs:
            plan = sim.rules.plan_of(run.digest)
            if plan is not None and topic is not None and (plan.topic or "").casefold() == topic.casefold():
                ledger.leave(run, event.seq)
        sim.commit(person, ledger)
        return None


def _soft_in_a_row(person: Person) -> int:
    """This soft bounce and those since the last email that is known to have arrived; see engine.sending.feedback."""
    came_back = {event.message_id for event in person.log if event.type == "email.soft_bounced"}
    many = 1
    for event in reversed(person.log):
        if event.type in ARRIVED and event.message_id not in came_back:
            break
        many += event.type == "email.soft_bounced"
    return many

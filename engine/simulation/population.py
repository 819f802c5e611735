"""Thousands of invented leads who come in, read mail and answer by chance, and the colleagues in sales who react.

The rates and delays are assumptions, and `docs/simulate.md` lists them: what a forecast says is only as good as they
are. Everything comes from one seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import exp, log
from random import Random

from dsl.plan import AnyStep, Form, Pattern, Plan, Program, Scalar, Send, Start, Wait
from engine.model.lead import TRACKING
from engine.rules.conditions.conditions import glob
from engine.rules.leads.consequences import Ledger
from engine.rules.runs.enrolment import Enrolment
from engine.rules.runs.interpreter import Stuck
from engine.rules.runs.rests import Sleep
from engine.rules.sales.ladder import Notice
from engine.simulation.doors import Doors
from engine.simulation.people import invented
from engine.simulation.person import Handover, Letter, Person
from engine.simulation.simulation import Simulation
from engine.simulation.watcher import Watcher


@dataclass(frozen=True)
class Rates:
    """Shares between 0 and 1.

    * of the mails sent: opens, clicks (those who click have opened), replies, unsubscribes
    * of the leads who come to a wait: submits the form, or does the other thing, that is waited for
    * of those who click: visits pages that earn points or start something
    * of those who post a form: consents (also to tracking), confirms the double opt-in
    * of the handoffs: answers in time, and of those accepts
    """

    opens: float = 0.30
    clicks: float = 0.05
    replies: float = 0.01
    unsubscribes: float = 0.003
    submits: float = 0.03
    acts: float = 0.03
    visits: float = 0.5
    consents: float = 0.8
    confirms: float = 0.75
    answers: float = 0.85
    accepts: float = 0.5


@dataclass(frozen=True, slots=True)
class Entry:
    """A way into a campaign: the event that starts it, or nothing but the campaign itself."""

    plan: Plan
    start: Start | None


def entries_of(program: Program, campaign: str | None) -> list[Entry]:
    """How leads come in: every start by a form or another event of theirs, and those that dates, silence, lists and
    segments bring about for leads who are known. A campaign that is asked for and has no such start is entered as it
    is."""
    found = [
        Entry(plan, start)
        for plan in program.campaigns if campaign is None or plan.campaign.casefold() == campaign.casefold()
        for start in plan.starts if start.pattern.type in (*OUTSIDE, *KNOWN)
    ]  # fmt: skip
    if not found and campaign is not None:
        found = [Entry(plan, None) for plan in program.campaigns if plan.campaign.casefold() == campaign.casefold()]
    return [one for one in found if one.start is None or one.start.pattern.type != "form.posted"]


OUTSIDE = (
    "form.submitted", "page.visited", "file.downloaded", "video.watched", "webinar.registered", "webinar.attended",
    "meeting.booked", "meeting.held", "call.received", "chat.started", "cart.updated", "order.placed", "deal.opened",
    "deal.moved", "deal.changed", "deal.won", "deal.lost", "deal.refunded", "custom",
)  # fmt: skip


KNOWN = ("date.due", "lead.inactive", "lead.returned", "list.joined", "segment.joined", "field.changed", "topic.joined")
"""Starts that find a lead who is known already; what is known of them brings the event about, or time does."""


def _from_outside(pattern: Pattern) -> bool:
    return pattern.type in OUTSIDE


class Population(Watcher):
    """Lets leads come in and do what people do; tells everything on to `inner`."""

    def __init__(self, simulation: Simulation, rates: Rates, inner: Watcher, seed: int) -> None:
        self.sim, self.rates, self.inner = simulation, rates, inner
        self.doors = Doors(simulation)
        self.chance = Random(seed)
        self.people: list[Person] = []
        self._pages, self._links = _pages(simulation.deployment.program), _links(simulation.deployment.program)

    def come(self, entries: list[Entry], many: int, until: datetime, *, at_once: bool = False) -> None:
        """Plan the arrival of so many leads: evenly over the days and, within a day, mostly between 8 and 20 o'clock;
        or all at once."""
        sim, span = self.sim, max(until - self.sim.now, timedelta())
        for number in range(many):
            entry = entries[number % len(entries)]
            at = sim.now
            if not at_once:
                day = span * self.chance.random()
                at = sim.now + timedelta(days=day.days) + timedelta(hours=min(23.9, abs(self.chance.gauss(5, 3))))
            sim.at(min(at, until), self._enter, entry, number)

    # ── coming in ────────────────────────────────────────────────────────────────────────────────────────────────────
    def _enter(self, entry: Entry, number: int) -> None:
        fields = invented(self.sim.deployment.program, self.chance, number)
        email = str(fields.pop("email"))
        person = self.sim.person(email)
        self.people.append(person)
        if entry.start is None:
            person.lead = person.lead.changed(fields=fields)
            ledger = self.sim.open(person)
            ledger.rate()
            ledger.enrol(entry.plan, None)
            self.sim.commit(person, ledger)
        elif entry.start.pattern.type == "form.submitted":
            self._submit(person, self._form(entry.start.pattern.name), fields, new=True)
        else:
            self._known(person, fields, entry.start.pattern)
            if _from_outside(entry.start.pattern):
                self._happen(person, entry.start.pattern)

    def _known(self, person: Person, fields: dict[str, Scalar], pattern: Pattern) -> None:
        """A lead the company has known for a while: with the CRM's fields, and with consents given before."""
        program = self.sim.deployment.program
        topics = [topic.name for topic in program.workspace.topics if self._happens(self.rates.consents)]
        self.doors.agree(person, [*topics, TRACKING] if self._happens(self.rates.consents) else topics)
        fields |= {
            field.name: (self.sim.now + timedelta(days=self.chance.randrange(5, 120))).date().isoformat()
            for field in program.fields if field.from_crm and field.type == "date"
        }  # fmt: skip
        lists = [pattern.name] if pattern.type == "list.joined" and pattern.name else []
        self.doors.tell(person, fields, lists)

    def _form(self, named: str | None) -> Form | None:
        forms = self.sim.deployment.program.forms
        return next((form for form in forms if named is None or glob(named, form.name)), None)

    def _submit(self, person: Person, form: Form | None, fields: dict[str, Scalar], *, new: bool = False) -> None:
        if form is None:
            return
        asked = {*(ask.field for ask in form.asks), *form.filled}
        values = {name: value for name, value in fields.items() if name in asked}
        topics = [consent.topic for consent in form.consents if self._happens(self.rates.consents)]
        if self.sim.deployment.program.workspace.tracking_needs_consent and self._happens(self.rates.consents):
            topics.append(TRACKING)
        values |= {"email": person.lead.email or "", **dict(form.hidden)}
        self.doors.submit(person, form, values, topics, new=new)
        if form.confirm_with and self._happens(self.rates.confirms):
            self.sim.at(self._later(minutes=8), self.doors.confirm, person, form.name)

    def _happen(self, person: Person, pattern: Pattern) -> None:
        name = (pattern.name or "").replace("*", "")
        self.doors.happens(person, pattern.type, name, {})

    # ── reading mail ─────────────────────────────────────────────────────────────────────────────────────────────────
    def mailed(self, person: Person, run: Enrolment, letter: Letter) -> None:
        self.inner.mailed(person, run, letter)
        if letter.state != "accepted":
            return
        rates, roll = self.rates, self.chance.random()
        if roll < max(rates.opens, rates.clicks):
            opened = self._later(minutes=240)
            self.sim.at(opened, self._read, person, letter, roll < rates.clicks)
        if self._happens(rates.replies):
            self.sim.at(self._later(minutes=600), self.doors.mail_event, person, letter, "email.replied")
        if letter.send.mode != "transactional" and self._happens(rates.unsubscribes):
            self.sim.at(self._later(minutes=300), self.doors.unsubscribe, person)

    def _read(self, person: Person, letter: Letter, clicks: bool) -> None:
        self.doors.mail_event(person, letter, "email.opened")
        if not clicks:
            return
        links = self._links
        link = self.chance.choice(links) if links else "https://example.com/"
        self.sim.at(self._later(minutes=2), self.doors.mail_event, person, letter, "email.clicked", link)
        if self._pages and self._happens(self.rates.visits):
            page = self.chance.choice(self._pages)
            self.sim.at(self._later(minutes=5), self.doors.happens, person, "page.visited", page)

    # ── doing what is waited for ─────────────────────────────────────────────────────────────────────────────────────
    def rested(self, person: Person, run: Enrolment, sleep: Sleep) -> None:
        self.inner.rested(person, run, sleep)
        plan = self.sim.rules.plan_of(run.digest)
        for branch in run.position.branches:
            step = plan.by_id.get(branch.at or "") if plan else None
            if not isinstance(step, Wait) or not step.arms or branch.arrived != self.sim.now:
                continue
            span = (branch.deadline or self.sim.now + timedelta(days=30)) - self.sim.now
            for arm in step.arms:
                form = arm.pattern.type == "form.submitted"
                if not _from_outside(arm.pattern) or not self._happens(self.rates.submits if form else self.rates.acts):
                    continue
                at = self.sim.now + span * self.chance.random()
                if form:
                    self.sim.at(at, self._submit_again, person, arm.pattern.name)
                else:
                    self.sim.at(at, self._happen, person, arm.pattern)

    def _submit_again(self, person: Person, form: str | None) -> None:
        fields = {**invented(self.sim.deployment.program, self.chance, 0), **person.lead.fields}
        self._submit(person, self._form(form), fields)

    # ── sales ────────────────────────────────────────────────────────────────────────────────────────────────────────
    def told(self, person: Person, handover: Handover, notice: Notice) -> None:
        self.inner.told(person, handover, notice)
        if notice.kind != "assigned" or not self._happens(self.rates.answers):
            return
        sales, first = self.sim.sales, self._later(minutes=90)
        self.sim.at(first, sales.act, person, "acknowledge")
        self.sim.at(first + self._delay(60), sales.act, person, "contacted")
        accepts = self._happens(self.rates.accepts)
        reasons = ("not ready", "no budget", "bad fit")
        decided = first + self._delay(3 * 24 * 60)
        reason = None if accepts else self.chance.choice(reasons)
        self.sim.at(decided, sales.act, person, "accept" if accepts else "reject", reason)

    # ── chance ───────────────────────────────────────────────────────────────────────────────────────────────────────
    def _happens(self, share: float) -> bool:
        return self.chance.random() < share

    def _later(self, *, minutes: float) -> datetime:
        return self.sim.now + self._delay(minutes)

    def _delay(self, median: float) -> timedelta:
        """Log-normal around a median in minutes: most come soon, some very late; at most 14 days."""
        return timedelta(minutes=min(exp(log(median) + 1.2 * self.chance.gauss(0, 1)), 14 * 24 * 60))

    # ── what is only passed on ───────────────────────────────────────────────────────────────────────────────────────
    def committed(self, person: Person, ledger: Ledger) -> None:
        self.inner.committed(person, ledger)

    def held(self, person: Person, run: Enrolment, send: Send, until: datetime, why: str | None, rule: str) -> None:
        self.inner.held(person, run, send, until, why, rule)

    def passed(self, person: Person, run: Enrolment, step: AnyStep, reason: str) -> None:
        self.inner.passed(person, run, step, reason)

    def stuck(self, person: Person, run: Enrolment, stuck: Stuck) -> None:
        self.inner.stuck(person, run, stuck)

    def ended(self, person: Person, run: Enrolment, outcome: str) -> None:
        self.inner.ended(person, run, outcome)

    def handed(self, person: Person, handover: Handover) -> None:
        self.inner.handed(person, handover)

    def climbed(self, person: Person, handover: Handover) -> None:
        self.inner.climbed(person, handover)


def _pages(program: Program) -> list[str]:
    """Pages that a rule, a start or a campaign listens to, as addresses somebody could visit."""
    patterns = [rule.pattern for scoring in program.scorings for rule in scoring.rules if rule.pattern is not None]
    for plan in program.campaigns:
        patterns += [start.pattern for start in plan.starts] + [one.pattern for one in plan.whenevers]
    names = {(one.name or "/").replace("*", "") for one in patterns if one.type == "page.visited"}
    return sorted(names)


def _links(program: Program) -> list[str]:
    """Links that a campaign waits for."""
    found = {"https://example.com/"} if program.campaigns else set()
    for plan in program.campaigns:
        for step in plan.steps:
            if isinstance(step, Wait):
                found |= {arm.pattern.link.replace("*", "") for arm in step.arms if arm.pattern.link}
    return sorted(found)

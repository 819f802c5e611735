"""A script's actions, played by one lead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Literal

from dsl.plan import Duration, EventType, Form, Scalar
from engine.model.lead import TRACKING
from engine.rules.conditions import addresses, calendar
from engine.rules.runs.enrolment import Enrolment
from engine.rules.sales.ladder import Act
from engine.runtime.catalog import Deployment
from engine.simulation.doors import CONFIRMS_AFTER, Doors
from engine.simulation.person import Letter, Person
from engine.simulation.sales import NO_HANDOFF
from engine.simulation.simulation import Simulation
from engine.simulation.timeline import Timeline
from engine.wording.events import straight

LONGEST = timedelta(days=180)
"""How long a story goes on after its last action while something is still due."""
INVENTED: Mapping[str, Scalar] = {
    "email": "alex@lead.example", "first_name": "Alex", "last_name": "Example", "company": "Example Ltd",
    "job_title": "Engineer", "phone": "+49 30 901820", "country": "DE", "city": "Berlin", "language": "en",
}  # fmt: skip
"""What a lead fills in where a form requires it and the script says nothing."""
BY_TYPE: Mapping[str, Scalar] = {
    "number": 100, "money": 100, "yes/no": True, "date": "2027-01-15", "moment": "2027-01-15T09:00:00+00:00",
    "country": "DE", "language": "en", "phone": "+49 30 901820", "url": "https://lead.example", "timezone": "UTC",
    "email": "alex@lead.example",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class When:
    """When an action comes: so long after the one before, or at a local date and time, or the next such time."""

    after: Duration | None = None
    day: str | None = None
    time: str | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """One line of a script. `text` is as it was written; `without`: consent, tracking, confirming; a list
    is left with `leaving`."""

    kind: Literal["submit", "confirm", "mail", "event", "sales", "unsubscribe", "tell", "list", "topic", "end"]
    text: str
    when: When = When()
    type: EventType | None = None
    name: str | None = None
    link: str | None = None
    data: Mapping[str, Scalar] = field(default_factory=dict)
    act: Act | None = None
    without: frozenset[str] = frozenset()


@dataclass(slots=True)
class Known:
    """What is known of the lead from the beginning. `stage` is empty for the first one."""

    fields: dict[str, Scalar] = field(default_factory=dict)
    stage: str = ""
    score: float | None = None
    lists: list[str] = field(default_factory=list)
    topics: list[str] = field(default_factory=list)


class Story:
    """One lead, one simulation, one timeline."""

    def __init__(self, deployment: Deployment, start: datetime, known: Known | None = None, *, seed: int = 1) -> None:
        said = known or Known()
        fields = said.fields
        self.deployment, self.start = deployment, start
        self._ahead: Sequence[Action] = ()
        self.timeline = Timeline(deployment.program, lambda: self.simulation.now)
        self.simulation = Simulation(deployment, start, self.timeline, seed=seed, render=True)
        self.doors = Doors(self.simulation)
        others = {name: value for name, value in fields.items() if name != "email"}
        self.email = str(fields.get("email", INVENTED["email"]))
        self.person: Person = self.simulation.person(self.email, **others)
        self._ends_itself = False
        self._stands(said)

    def _stands(self, known: Known) -> None:
        """Where the lead stands before the story: nothing follows from it."""
        lead, since = self.person.lead, self.start.isoformat()
        self.person.lead = lead.changed(
            stage=known.stage or lead.stage, lists={**lead.lists, **dict.fromkeys(known.lists, since)},
            topics={**lead.topics, **dict.fromkeys(known.topics, "subscribed")},
            scores={**lead.scores, **({"": known.score} if known.score is not None else {})},
        )  # fmt: skip
        self.person.consents.update(topic.casefold() for topic in known.topics)

    def play(self, actions: Sequence[Action]) -> None:
        """Play all actions, then let time go by until nothing is due any more or the story's end."""
        end: datetime | None = None
        for number, action in enumerate(actions):
            self._ahead = actions[number + 1 :]
            when = self._when(action.when)
            if action.kind == "end":
                end, self._ends_itself = self._ends(action.when, when), True
                continue
            self.simulation.run(when)
            self.timeline.add(self.person, "action", action.text)
            if why := self._do(action):
                self.timeline.missed(self.person, f"this has no effect: {why}")
            self.simulation.settle()
        if end is not None:
            self.simulation.run(end)
            return
        last = self.simulation.now + LONGEST
        while (due := self.simulation.next_due()) is not None and due <= last:
            self.simulation.run(due)

    def _ends(self, written: When, when: datetime) -> datetime:
        """`ends after 60 days` counts from the beginning, wherever it stands."""
        if written.after is None:
            return when
        return self._later(written.after, self.start)

    def _when(self, when: When) -> datetime:
        now, zone = self.simulation.now, self._zone
        if when.after is not None:
            return self._later(when.after, now)
        if when.day is None and when.time is None:
            return now
        day = date.fromisoformat(when.day) if when.day else calendar.local_date(now, zone)
        clock = time.fromisoformat(when.time or "09:00")
        at = calendar.instant(datetime.combine(day, clock), zone)
        if when.day is None and at < now:
            at = calendar.instant(datetime.combine(day + timedelta(days=1), clock), zone)
        return at

    @property
    def _zone(self) -> str:
        return self.person.lead.zone(self.deployment.program)

    def _later(self, duration: Duration, start: datetime) -> datetime:
        return calendar.add(duration, start, self._zone, self.deployment.program.workspace.business_hours)

    # ── actions ──────────────────────────────────────────────────────────────────────────────────────────────────────
    def _do(self, action: Action) -> str | None:
        match action.kind:
            case "submit":
                return self._submit(action)
            case "confirm":
                return self.doors.confirm(self.person, action.name)
            case "mail":
                return self._mail(action)
            case "event" if action.type is not None:
                if lacking := self._lacking(action.type, action.name or "", action.data):
                    return f"the event is refused, because it has no `{lacking}`; add `with {lacking} = …`"
                return self.doors.happens(self.person, action.type, action.name or "", action.data)
            case "tell":
                return self.doors.tell(self.person, action.data)
            case "list":
                names = [action.name or ""]
                leaves = "leaving" in action.without
                return self.doors.tell(self.person, {}, () if leaves else names, names if leaves else ())
            case "topic":
                return self.doors.subscribe(self.person, action.name or "")
            case "unsubscribe":
                return self.doors.unsubscribe(self.person, action.name)
            case "sales" if action.act is not None:
                reason = str(action.data["reason"]) if "reason" in action.data else None
                done = self.simulation.sales.act(self.person, action.act, reason)
                return {
                    NO_HANDOFF: "sales has no open handoff for this lead", "closed": "the handoff is closed",
                    "done before": "sales has already done that", "taken": "another team member has the lead",
                }.get(done or "")  # fmt: skip
        return None

    def _lacking(self, type: EventType, name: str, data: Mapping[str, Any]) -> str | None:
        """A property that the workspace declares every such event to have, and this one has not."""
        needed = self.deployment.program.required_by(type, name)
        return next((one for one in needed if data.get(one) in (None, "")), None)

    def _submit(self, action: Action) -> str | None:
        form = self.deployment.forms[(action.name or "").casefold()]
        values = self._filled_in(form, action.data)
        topics = [] if "consent" in action.without else [consent.topic for consent in form.consents]
        asked = self.deployment.program.workspace.tracking_needs_consent
        if asked and not action.without & {"consent", "tracking"}:
            topics.append(TRACKING)
        new = not self.person.log and not self.person.lead.fields
        if why := self.doors.submit(self.person, form, values, topics, new=new):
            return why
        told = any(one.kind == "confirm" and one.name in (None, form.name) for one in self._ahead)
        if form.confirm_with and not told and "confirming" not in action.without:
            self.simulation.at(self.simulation.now + CONFIRMS_AFTER, self._confirm, form.name)
        return None

    def _confirm(self, form: str) -> None:
        self.timeline.add(self.person, "action", "presses the button in the confirmation email")
        if why := self.doors.confirm(self.person, form):
            self.timeline.missed(self.person, f"this has no effect: {why}")

    def _filled_in(self, form: Form, given: Mapping[str, Scalar]) -> dict[str, Scalar]:
        """The post: what the script says, what is known of the lead, and something for what is required."""
        values: dict[str, Scalar] = {"email": self.email, **dict(form.hidden)}
        values |= {name: given[name] for name in form.filled if name in given}
        for ask in form.asks:
            name = ask.field
            if name == "email":
                continue
            if name in given:
                values[name] = given[name]
            elif self.person.lead.fields.get(name) not in (None, ""):
                values[name] = self.person.lead.fields[name]
            elif ask.required:
                declared = self.deployment.program.all_fields[name]
                fitting = declared.choices[0] if declared.choices else BY_TYPE.get(declared.type, "Example")
                values[name] = INVENTED.get(name, fitting)
        return values

    def _mail(self, action: Action) -> str | None:
        letter = self.person.last_letter(action.name)
        if letter is None:
            return f"no email {straight(action.name)} has arrived yet" if action.name else "no email has arrived yet"
        link = ""
        if action.type == "email.clicked":
            found = self._link(letter, action.link)
            if found is None:
                return "the email has no such link" if action.link else self._no_link()
            link = found
        assert action.type is not None
        why = self.doors.mail_event(self.person, letter, action.type, link)
        file = self.simulation.file_of(link)
        return why if why or file is None else self.doors.happens(self.person, "file.downloaded", file)

    def _no_link(self) -> str:
        if not self.person.lead.may_be_tracked(self.deployment.program):
            return "the lead has not agreed to tracking, so clicks are not recorded"
        return "the email has no link to click"

    def _link(self, letter: Letter, wanted: str | None) -> str | None:
        """A link of the email that leads to the address, or to the file of that name."""

        def fits(url: str) -> bool:
            return wanted is None or addresses.same(wanted, url) or self.simulation.file_of(url) == wanted

        return next(filter(fits, letter.links.values()), None)

    def standing(self) -> dict[str, Any]:
        """Where the lead is at the end."""
        lead = self.person.lead
        return {
            "at": self.simulation.now.isoformat(), "stage": lead.stage,
            "scores": {model or "score": points for model, points in lead.scores.items()},
            "campaigns": [self._stands_in(run) for run in self.person.runs],
            "stopped_early": not self._ends_itself and self.simulation.next_due() is not None
            and any(run.state != "ended" for run in self.person.runs),
            "mails": sum(one.state == "accepted" for one in self.person.letters),
            "skipped": sum(one.state == "skipped" for one in self.person.letters),
        }  # fmt: skip

    def _stands_in(self, run: Enrolment) -> dict[str, Any]:
        attention = next((one.why for one in run.position.branches if one.why), None)
        waits = self.timeline.waits(self.person, run)
        return {"campaign": run.campaign, "state": run.state, "attention": attention, "waits": waits}

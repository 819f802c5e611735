"""One lead's story as lines a marketer can read: what happened when, in the lead's own time, and which line of the
campaign decided it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, assert_never

from dsl.plan import (
    AddPoints,
    AnyStep,
    ByRound,
    EnterCampaign,
    HandOff,
    If,
    LeaveCampaign,
    ListStep,
    Notify,
    Plan,
    Post,
    Program,
    Qualify,
    Recycle,
    Repeat,
    Rule,
    Send,
    SetField,
    Split,
    Stop,
    TopicStep,
    VariantTest,
    Wait,
)  # fmt: skip
from engine.model.lead import Event
from engine.rules.conditions.calendar import local_time
from engine.rules.conditions.matching import Watch
from engine.rules.leads.composite import COUNTED
from engine.rules.leads.consequences import Ledger
from engine.rules.leads.limits import Booking
from engine.rules.leads.working_copy import UNCHANGED
from engine.rules.runs.enrolment import Enrolment
from engine.rules.runs.interpreter import Stuck
from engine.rules.runs.rests import Resting, Sleep, sleep
from engine.rules.sales.ladder import Notice
from engine.simulation.person import Handover, Letter, Person
from engine.simulation.watcher import Watcher
from engine.wording.events import booked as booked_words
from engine.wording.events import clause, deed, in_plain_words, straight
from engine.wording.terms import pattern as in_words

QUIET = (
    "stage.entered", "score.reached", "score.dropped", "handoff.opened", "handoff.assigned", "handoff.retried",
    "handoff.reassigned", "handoff.commented", "handoff.scheduled", "handoff.acknowledged", "handoff.contacted",
    "run.noted",
)  # fmt: skip
"""Events that the lines about stages, points, handoffs and steps tell already."""
DECIDED = {"handoff.accepted": "accepted", "handoff.rejected": "rejected", "handoff.overdue": "overdue"}
"""Events that close a handoff, told as such before what they lead to."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. `kind` is action, event, points, stage, entered, mail, skipped, held, wait, woke, step, handoff, left,
    note; `source` is the file:line that decided it; `data` the same for programs."""

    at: datetime
    local: datetime
    kind: str
    text: str
    source: str = ""
    campaign: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    letter: Letter | None = None

    def as_json(self) -> dict[str, Any]:
        mail = {}
        if self.letter is not None and self.letter.mail is not None:
            sent = self.letter.mail
            mail = {"mail": {"subject": sent.subject, "sender": sent.sender, "to": sent.to, "text": sent.text}}
        return {
            "at": self.at.isoformat(), "local": self.local.isoformat(), "kind": self.kind, "text": self.text,
            "source": self.source, "campaign": self.campaign, **dict(self.data), **mail,
        }  # fmt: skip


class Timeline(Watcher):
    """Writes the entries down."""

    def __init__(self, program: Program, now: Callable[[], datetime]) -> None:
        self.program, self._now = program, now
        self.entries: list[Entry] = []
        self._rules: dict[str, Rule] = {rule.id: rule for scoring in program.scorings for rule in scoring.rules}
        self._ledger: Ledger | None = None
        self._told = (0, 0, 0, 0)
        self._complained: set[tuple[Any, ...]] = set()
        self._met = {key: in_words(one) for key, one in Watch.over(program).composites.items()}
        self._rests: dict[tuple[Any, str], tuple[str, datetime | None]] = {}
        self._just_done: tuple[datetime, str] | None = None
        self._rungs: dict[Any, str] = {}

    def add(self, person: Person, kind: str, text: str, source: str = "", campaign: str = "", **more: Any) -> None:
        at, letter = self._now(), more.pop("letter", None)
        local = local_time(at, person.lead.zone(self.program))
        self.entries.append(Entry(at, local, kind, text, source, campaign, more, letter))

    # ── what a transaction did ───────────────────────────────────────────────────────────────────────────────────────
    def committed(self, person: Person, ledger: Ledger) -> None:
        self.progressed(person, ledger)
        if ledger.attention not in (UNCHANGED, None):
            self.add(person, "note", f"needs attention: {ledger.attention}")

    def progressed(self, person: Person, ledger: Ledger) -> None:
        if ledger is not self._ledger:
            self._ledger, self._told = ledger, (0, 0, 0, 0)
        events, points, started, refused = self._told
        self._told = len(ledger.events), len(ledger.points), len(ledger.started), len(ledger.refused)
        booked = ledger.points[points:]
        for event in ledger.events[events:]:
            self._points(person, [one for one in booked if one.seq < event.seq])
            booked = [one for one in booked if one.seq >= event.seq]
            if event.type == "stage.entered":
                self._stage(person, event, ledger)
            elif event.type in DECIDED:
                self._decided(person, event)
            elif event.type not in QUIET and not event.name.endswith(COUNTED):
                self._happened(person, event)
        self._points(person, booked)
        for closed, why, source in ledger.refused[refused:]:
            self.add(person, "refused", f"does not enter {straight(closed.campaign)}: {why}", source, closed.campaign)
        for run in ledger.started[started:]:
            plan = self._plan(run)
            self.add(person, "entered", f"enters {straight(run.campaign)}", plan.source if plan else "", run.campaign)

    def _happened(self, person: Person, event: Event) -> None:
        text = deed(event, past=False, met=self._met)
        if self._just_done == (self._now(), text):
            self._just_done = None
        else:
            self.add(person, "event", text, type=event.type, name=event.name)

    def _decided(self, person: Person, event: Event) -> None:
        one = next((one for one in person.handovers if str(one.id) == event.data.get("handoff")), None)
        if one is None:
            return self._happened(person, event)
        text, outcome = deed(event, past=False, met=self._met), DECIDED[event.type]
        self.add(person, "handoff", text, one.source, one.campaign, outcome=outcome)

    def _points(self, person: Person, booked: list[Booking]) -> None:
        for one in booked:
            expired, source = self._why(person, one)
            text = booked_words(one.amount, one.score_after, one.model, expired=expired)
            self.add(person, "points", text, source, amount=one.amount, model=one.model, score=one.score_after)

    def _why(self, person: Person, booked: Booking) -> tuple[bool, str]:
        """Whether the points expire, and the line that gives them."""
        rule = booked.rule.removeprefix("expired:")
        if rule.startswith("step:"):
            run = next((one for one in person.runs if booked.cause.startswith(f"s:{one.id}:")), None)
            plan = self._plan(run) if run else None
            step = plan.by_id.get(rule.removeprefix("step:")) if plan else None
            return False, step.source if step else ""
        return rule != booked.rule, self._rules[rule].source if rule in self._rules else ""

    def _stage(self, person: Person, event: Event, ledger: Ledger) -> None:
        move = next((one for one in ledger.stages if one["seq"] == event.seq), {})
        before = str(event.data.get("before") or "")
        self.add(
            person, "stage", f"becomes {event.name}" + (f", was {before}" if before else ""),
            _PLACE.sub(r"\1", str(move.get("reason", ""))), stage=event.name, before=before,
        )  # fmt: skip

    # ── what runs did ────────────────────────────────────────────────────────────────────────────────────────────────
    def woke(self, person: Person, run: Enrolment, step: AnyStep, event: Event | None) -> None:
        source = step.source
        if event is not None and isinstance(step, Wait):
            source = next((arm.source for arm in step.arms if arm.pattern.type == event.type), source)
        if event is not None:
            because = clause(event, past=False, met=self._met)
            self.add(person, "woke", f"continues because {because}", source, run.campaign)
        elif isinstance(step, Wait) and step.arms:
            self.add(person, "woke", "continues: it did not happen in time", source, run.campaign)

    def mailed(self, person: Person, run: Enrolment, letter: Letter) -> None:
        template, source = letter.send.template, letter.send.source
        if letter.state == "accepted":
            subject = f": {letter.mail.subject}" if letter.mail else ""
            self.add(
                person,
                "mail",
                f"gets email {straight(template)}{subject}",
                source,
                run.campaign,
                template=template,
                letter=letter,
            )
        else:
            self.add(
                person, "skipped", f"email {straight(template)} is skipped: {letter.reason}", source, run.campaign,
                template=template, reason=letter.reason,
            )  # fmt: skip

    def held(self, person: Person, run: Enrolment, send: Send, until: datetime, why: str | None, rule: str) -> None:
        again = (run.id, send.id, why)
        if why is not None and again in self._complained:
            return
        self._complained.add(again)
        text = f"email {straight(send.template)} is held back until {self._local(person, until)}"
        text += f": {rule}" if rule else ""
        text = f"email {straight(send.template)} cannot be sent and is retried every hour: {why}" if why else text
        self.add(
            person, "held", text, send.source, run.campaign, template=send.template, until=until.isoformat(), rule=rule
        )

    def did(self, person: Person, run: Enrolment, step: AnyStep) -> None:
        match step:
            case SetField():
                lead = self._ledger.lead if self._ledger else person.lead
                text = f"field {step.field} becomes {in_plain_words(lead.fields.get(step.field))}"
            case ListStep():
                text = f"is {'removed from' if step.remove else 'added to'} list {straight(step.list)}"
            case TopicStep():
                text = f"is {'unsubscribed from' if step.remove else 'subscribed to'} {straight(step.topic)}"
            case Notify():
                text = f"team members get {straight(step.template)}"
            case Post():
                text = f"a message is posted to {step.url}"
            case LeaveCampaign():
                text = f"leaves {straight(step.campaign)}"
            case Recycle():
                text = f"goes back to marketing because {straight(step.reason)}"
            case Send() | AddPoints() | Qualify() | HandOff() | VariantTest() | EnterCampaign():
                return  # their own lines tell of them
            case Wait() | If() | Split() | Repeat() | ByRound() | Stop():
                return
            case _:
                assert_never(step)
        self.add(person, "step", text, step.source, run.campaign)
        if isinstance(step, ListStep | TopicStep):
            self._just_done = (self._now(), text)

    def passed(self, person: Person, run: Enrolment, step: AnyStep, reason: str) -> None:
        words = {"handoff": "the handoff", "list": "the list", "topic": "the topic", "notify": "the notice"}
        text = f"{words.get(step.kind, step.kind)} is skipped: {reason}"
        self.add(person, "skipped", text, step.source, run.campaign, reason=reason)

    def rested(self, person: Person, run: Enrolment, sleep: Sleep) -> None:
        for rest in sleep.resting:
            key, now = (run.id, rest.branch), (rest.step, rest.due)
            if self._rests.get(key) == now or rest.what.startswith("may send"):
                continue
            self._rests[key] = now
            if rest.what == "sales decides":
                continue
            self.add(person, "wait", self._wait(person, rest), rest.source, run.campaign)

    def _wait(self, person: Person, rest: Resting) -> str:
        until = f" until {self._local(person, rest.due)}" if rest.due else ""
        if rest.what.startswith("may send "):
            return f"email {straight(rest.what.removeprefix('may send '))} is held back{until}"
        what = "" if rest.what == "the time comes" else f" for {rest.what}"
        return f"waits{what}{until}"

    def waits(self, person: Person, run: Enrolment) -> list[str]:
        """What a run that has not ended waits for now, and until when."""
        plan = self._plan(run)
        resting = sleep(plan, run.position).resting if plan is not None and run.state != "ended" else ()
        return list(dict.fromkeys(self._wait(person, one) for one in resting))

    def stuck(self, person: Person, run: Enrolment, stuck: Stuck) -> None:
        self.add(person, "note", f"cannot continue: {stuck.reason}", campaign=run.campaign)

    def ended(self, person: Person, run: Enrolment, outcome: str) -> None:
        texts = {
            "finished": "finishes", "stopped": "stops in", "left": "leaves", "unsubscribed": "leaves, unsubscribed,"
        }  # fmt: skip
        text, source = f"{texts.get(outcome, f'leaves ({outcome})')} {straight(run.campaign)}", ""
        plan = self._plan(run)
        if plan is not None and run.leave_seq is not None and outcome == "left":
            event = person.log[run.leave_seq - 1]
            text += f" because {clause(event, past=False, met=self._met)}"
            source = next((one.source for one in plan.leaves if one.pattern.type == event.type), "")
        self.add(person, "left", text, source, run.campaign, outcome=outcome)

    # ── what sales did ───────────────────────────────────────────────────────────────────────────────────────────────
    def handed(self, person: Person, handover: Handover) -> None:
        note = f": {handover.note}" if handover.note else ""
        self.add(
            person, "handoff", f"is handed off to {straight(handover.state.team)}{note}",
            handover.source, handover.campaign, team=handover.state.team,
        )  # fmt: skip

    def climbed(self, person: Person, handover: Handover) -> None:
        state, place = handover.state, (handover.source, handover.campaign)
        who = state.member or "nobody"
        due = f"; due {self._local(person, state.due_at)}" if state.due_at else ""
        if state.phase == "closed":
            return
        if state.phase == "waiting":
            text = f"waits for a free team member in {straight(state.team)}{due}"
        elif state.escalated_to:
            to = ", ".join(state.escalated_to) + (" is" if len(state.escalated_to) == 1 else " are")
            text = f"the time limit for {who} has passed; {to} notified{due}"
        else:
            words = {"assigned": "has it", "acknowledged": "acknowledges", "contacted": "has contacted the lead"}
            text = f"{who} {words[state.phase]}{due}"
        if self._rungs.get(handover.id) != text:
            self._rungs[handover.id] = text
            member = {"member": state.member} if state.member else {}
            self.add(person, "handoff", text, *place, **member)

    def told(self, person: Person, handover: Handover, notice: Notice) -> None:
        """Colleagues' mails are implied by the steps of the ladder."""

    def missed(self, person: Person, text: str) -> None:
        self.add(person, "note", text)

    # ── words ────────────────────────────────────────────────────────────────────────────────────────────────────────
    def _plan(self, run: Enrolment) -> Plan | None:
        return next((one for one in self.program.campaigns if one.digest == run.digest), None)

    def _local(self, person: Person, at: datetime) -> str:
        return f"{local_time(at, person.lead.zone(self.program)):%a %Y-%m-%d %H:%M}"


_PLACE = re.compile(r"^(.+?:\d+): .*$")

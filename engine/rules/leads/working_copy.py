"""The working copy of one lead during a transaction: how an event is numbered and logged, how runs enter, wake and
leave, what conditions may know. Pure. What follows from an event is the ledger's, in `consequences`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from dsl.plan import Duration, Plan, Program
from engine.model.ids import new_id
from engine.model.lead import Event, Facts, Lead
from engine.model.ports import Queue, Wake
from engine.rules.conditions import calendar
from engine.rules.conditions.chance import in_control
from engine.rules.conditions.matching import Watch, watch_of
from engine.rules.leads.admission import admits, run_value
from engine.rules.leads.limits import Booking, Probe, Rules
from engine.rules.runs.bounds import longer
from engine.rules.runs.enrolment import Enrolment
from engine.rules.runs.interpreter import begin
from engine.rules.runs.rests import may_send

NOTED = "run.noted"
"""The type of events that only tell what was done to a run."""
UNCHANGED = "(unchanged)"
"""A lead's attention is neither set nor cleared."""


@dataclass(slots=True)
class WorkingCopy(ABC):
    """One lead, as it stands under its lock, and everything that is to be written when the transaction commits.

    `working` is the run whose `advance` this is: it needs no wake for what it does itself. `open_handoff` is one that
    this transaction has opened, `refused` the campaigns that the lead did not enter although a start fitted, each with
    the reason and the place, `attention` why a person must look at the lead. While it is `quiet`, no event starts a
    campaign.
    """

    rules: Rules
    lead: Lead
    now: datetime
    enrolments: list[Enrolment] = field(default_factory=list)
    tallies: Mapping[Probe, tuple[int, float]] = field(default_factory=dict)
    working: UUID | None = None
    events: list[Event] = field(default_factory=list)
    points: list[Booking] = field(default_factory=list)
    stages: list[dict[str, Any]] = field(default_factory=list)
    started: list[Enrolment] = field(default_factory=list)
    leaving: list[Enrolment] = field(default_factory=list)
    goals: list[Enrolment] = field(default_factory=list)
    wakes: dict[UUID, Wake] = field(default_factory=dict)
    clocks: dict[str, datetime] = field(default_factory=dict)
    history: Sequence[Event] = ()
    refused: list[tuple[Plan, str, str]] = field(default_factory=list)
    open_handoff: UUID | None = None
    attention: str | None = UNCHANGED
    quiet: bool = False
    _older: list[Watch] | None = None

    # ── the log ──────────────────────────────────────────────────────────────────────────────────────────────────────
    def happen(self, type: str, name: str, data: Mapping[str, Any] | None = None, **more: Any) -> Event:
        """Number an event under the lead's lock, log it, and follow it to its last consequence.

        `more` is key, enrolment_id, message_id, or `mute=True` for an event that is logged without consequences.
        """
        mute = more.pop("mute", False)
        more.setdefault("enrolment_id", self.working)
        at = max(self.now, self.lead.last_at)
        known = {**webinar_day(self.rules.program, type, name), **(data or {})}
        event = Event(seq=self.lead.seq + 1, at=at, type=type, name=name, data=known, **more)
        self.lead = self.lead.changed(seq=event.seq, last_at=at)
        self.events.append(event)
        if not mute:
            self.follow(event)
        return event

    @abstractmethod
    def follow(self, event: Event) -> None:
        """Do what follows from an event that was just logged."""

    def note(self, name: str, run: UUID, data: Mapping[str, Any] | None = None) -> Event:
        """Log what was done to a run from outside its plan: nothing follows, and no campaign can wait for it."""
        return self.happen(NOTED, name, {"campaign run": str(run), **(data or {})}, mute=True)

    # ── runs ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    def leave(self, enrolment: Enrolment, seq: int) -> None:
        """From this commit on a live run only leaves, because of event `seq`."""
        if enrolment.state != "live":
            return
        enrolment.state, enrolment.leave_seq = "leaving", seq
        if enrolment not in self.started:
            self.leaving.append(enrolment)
        self.wake(enrolment)

    def wake(self, enrolment: Enrolment) -> None:
        """Tell the run that its lead's log has grown; a run does not wake itself, and a new one is started anyway."""
        if enrolment.id == self.working or enrolment in self.started:
            return
        self.wakes[enrolment.id] = Wake(
            enrolment.id, "enrolment", start=False, seq=self.lead.seq, gen=enrolment.gen, queue="mail"
        )

    def enrol(self, plan: Plan, event: Event | None) -> Enrolment | None:
        """Enter the lead into a campaign, unless a run is live or its `enters` line forbids another one."""
        past = [one for one in self.enrolments if one.campaign.casefold() == plan.campaign.casefold()]
        last = max(past, key=lambda one: one.number, default=None)
        value, hours = run_value(plan, event), self.rules.program.workspace.business_hours
        if not admits(plan, past, value, self.now, self.lead.zone(self.rules.program), hours):
            return None
        position = begin(plan, self.lead.seq, event)
        if self.working is not None or (event is not None and event.by_run):
            position = position.changed(fed=longer(last.position.fed if last else None, self.now, 1))
        fresh = Enrolment(
            id=new_id(self.now), campaign=plan.campaign, number=last.number + 1 if last else 1, digest=plan.digest,
            state="live", position=position, started_at=self.now, per=value, held_out=in_control(plan, self.lead.id),
        )  # fmt: skip
        self.enrolments.append(fresh)
        self.started.append(fresh)
        queue: Queue = "mail" if may_send(plan, plan.entry) else "db"
        self.wakes[fresh.id] = Wake(fresh.id, "enrolment", start=True, seq=self.lead.seq, gen=0, queue=queue)
        if self.listened("campaign.entered"):
            self.happen("campaign.entered", plan.campaign)
        return fresh

    def end(self, enrolment: Enrolment, outcome: str) -> None:
        """The run has come to its end; its row is the caller's to write. One that gave way to another of the same
        campaign has not left it."""
        enrolment.state, enrolment.ended_at, self._older = "ended", self.now, None
        if outcome != "merged" and self.listened("campaign.left"):
            self.happen("campaign.left", enrolment.campaign, {"outcome": outcome})

    # ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    def midnight(self) -> datetime:
        """When the lead's day is over."""
        today = calendar.period_start("day", self.now, self.zone)
        return calendar.add(Duration(days=1), today, self.zone, self.rules.program.workspace.business_hours)

    def remind(self, what: str, due: datetime) -> None:
        """Ask for the lead to be looked at again; one row per purpose, the earliest instant wins."""
        self.clocks[what] = min(due, self.clocks.get(what, due))

    @property
    def zone(self) -> str:
        return self.lead.zone(self.rules.program)

    # ── what is known ────────────────────────────────────────────────────────────────────────────────────────────────
    def facts(self, event: Event | None = None, run: Enrolment | None = None) -> Facts:
        """Everything a condition may ask for at this moment; `run` is the one that asks."""
        program = self.rules.program
        return self.lead.facts(
            self.rules.order, event.data if event else None, start=_began(event, run),
            campaigns=frozenset(one.campaign.casefold() for one in self.enrolments if one.state != "ended"),
            been=frozenset(one.campaign.casefold() for one in self.enrolments),
            tracking=self.lead.may_be_tracked(program),
            history=self.past(),
            now=self.now, zone=self.lead.zone(program), entered=run.position.entered if run else 0,
            entered_at=run.started_at if run else None,
        )  # fmt: skip

    def past(self) -> Sequence[Event]:
        """The part of the log that somebody asks for, with what this transaction has logged itself."""
        if self.history or self.rules.index.watch.history or any(watch.history for watch in self.older()):
            return (*self.history, *self.events)
        return ()

    def older(self) -> list[Watch]:
        """What live runs listen for whose plan is not in force any more; `rules.index.watch` has all else."""
        if self._older is None:
            current, plan_of = self.rules.index.current, self.rules.plan_of
            left = [one.digest for one in self.enrolments if one.digest not in current and one.state != "ended"]
            self._older = [watch_of(plan) for digest in left if (plan := plan_of(digest)) is not None]
        return self._older

    def listened(self, type: str) -> bool:
        return type in self.rules.index.watch.types or any(type in watch.types for watch in self.older())


def _began(event: Event | None, run: Enrolment | None) -> Mapping[str, Any]:
    """The data of the event that started the run that asks, or would start one."""
    if run is not None:
        return run.position.start
    return event.data if event else {}


def webinar_day(program: Program, type: str, name: str) -> dict[str, str]:
    """The day of a declared webinar, for events about it that do not say when it is."""
    if not type.startswith("webinar."):
        return {}
    wanted = name.casefold()
    return next(({"date": one.date} for one in program.webinars if one.name.casefold() == wanted), {})

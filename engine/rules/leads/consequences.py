"""What follows from an event, worked out in memory: points, then stages, then starts, wakes and leaves, to a depth.

Pure. `Ledger` is the working copy of one lead during one transaction; it collects what is to be written, and the store
writes it in one statement. Consequences are events themselves (a stage entered, a score crossed) and go the same way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from dsl.plan import Duration, Plan, Relative, Scalar, Wait
from engine.model.lead import TRACKING, Event, Lead
from engine.model.plan_cache import per_plan
from engine.model.ports import Queue, Wake
from engine.rules.conditions import calendar
from engine.rules.conditions.conditions import Facts, holds, matches, own_key, reached
from engine.rules.conditions.matching import Watch, watch_of
from engine.rules.leads import composite, points, segments
from engine.rules.leads.admission import admits, reaches_goal, run_value
from engine.rules.leads.limits import Booking, Enrolment, Probe, Rules
from engine.rules.runs.bounds import longer
from engine.rules.runs.interpreter import HANDOFF_EVENTS, begin
from engine.rules.runs.rests import may_send

DEPTH = 20
"""Consequences of consequences beyond this are not followed; the lead is shown under "needs attention"."""
TOO_DEEP = "consequences of consequences went too deep"
NOTED = "run.noted"
"""The type of events that only tell what was done to a run."""
UNCHANGED = "(unchanged)"
"""A lead's attention is neither set nor cleared."""


@dataclass(slots=True)
class Ledger:
    """One lead, as it stands under its lock, and everything that is to be written when the transaction commits.

    `working` is the run whose `advance` this is: it needs no wake for what it does itself. `open_handoff` is one that
    this transaction has opened, `attention` why a person must look at the lead.
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
    open_handoff: UUID | None = None
    attention: str | None = UNCHANGED
    _depth: int = 0
    _reviewing: bool = False
    _older: list[Watch] | None = None

    def happen(self, type: str, name: str, data: Mapping[str, Any] | None = None, **more: Any) -> Event:
        """Number an event under the lead's lock, log it, and follow it to its last consequence.

        `more` is key, enrolment_id, message_id, or `mute=True` for an event that is logged without consequences.
        """
        mute = more.pop("mute", False)
        more.setdefault("enrolment_id", self.working)
        at = max(self.now, self.lead.last_at)
        event = Event(seq=self.lead.seq + 1, at=at, type=type, name=name, data=dict(data or {}), **more)
        self.lead = self.lead.changed(seq=event.seq, last_at=at)
        self.events.append(event)
        if mute:
            return event
        if self._depth >= DEPTH:
            self.attention = TOO_DEEP
            return event
        self._depth += 1
        points.score(self, event)
        segments.count_interest(self, event)
        self._stage(event)
        self._runs(event)
        composite.noticed(self, event)
        if event.type in composite.ACTIVE:
            composite.active(self, event)
        self._depth -= 1
        self.review()
        return event

    def note(self, name: str, run: UUID, data: Mapping[str, Any] | None = None) -> Event:
        """Log what was done to a run from outside its plan: nothing follows, and no campaign can wait for it."""
        return self.happen(NOTED, name, {"campaign run": str(run), **(data or {})}, mute=True)

    # ── points ───────────────────────────────────────────────────────────────────────────────────────────────────────
    def book(
        self, cause: str, rule: str, model: str, amount: float, thing: str = "", *, earned_at: datetime | None = None,
        expires_at: datetime | None = None,
    ) -> None:  # fmt: skip
        """Add points and log the crossings of any value that somebody watches."""
        points.book(self, cause, rule, model, amount, thing, earned_at, expires_at)
        self.review()

    def rate(self) -> None:
        """Bring the points of state rules in line with the lead, and take back those of rules that are gone."""
        points.rate(self)

    def review(self) -> None:
        """Work out anew what is a state and not an event: points of state rules, who is in which watched segment."""
        if self._depth or self._reviewing or not (self.rules.index.reviews or self.lead.rated):
            return
        self._reviewing = True
        for _ in range(DEPTH):
            before = len(self.events) + len(self.points)
            points.rate(self)
            segments.review(self)
            if len(self.events) + len(self.points) == before:
                break
        else:
            self.attention = TOO_DEEP
        self._reviewing = False

    def refresh(self) -> None:
        """Bring the lead in line with a deployment it has not seen: its clocks, its segments, campaigns that take
        present members. A lead that was just made enters what it is in from now on.

        What has come since the deployment is not lost, however long its turn took.
        """
        known = self.lead.epoch > 0 or self.lead.seq > 0
        self.lead = self.lead.changed(epoch=self.rules.epoch)
        since = max(self.rules.at or self.now, self.lead.created_at)
        composite.watch_silence(self, since)
        composite.watch_dates(self, since=since)
        if self.rules.index.daily:
            self.remind("daily", self.midnight())
        if known:
            segments.settle(self)
            segments.take_present(self)

    # ── stages ───────────────────────────────────────────────────────────────────────────────────────────────────────
    def _stage(self, event: Event) -> None:
        for stage, rule in self.rules.index.stages.get(event.type, ()):
            if not matches(rule.pattern, event):
                continue
            if rule.only_if is None or holds(rule.only_if, self.facts(event)):
                self.qualify(stage.name, rule.source, outside=stage.outside)

    def qualify(self, stage: str, reason: str, *, outside: bool = False, back: bool = False) -> None:
        """Move the lead to a stage: forward only, unless `back` (a recycle) or the stage is outside the order.

        Not to one that the program no longer has; a plan of an earlier deployment may still name it.
        """
        if stage == self.lead.stage or all(one.name != stage for one in self.rules.program.stages):
            return
        if not (outside or back) and reached(self.lead.stage, stage, self.rules.order):
            return
        before = self.lead.stage
        self.lead = self.lead.changed(stage=stage)
        self.stages.append(
            {"seq": self.lead.seq + 1, "stage": stage, "before": before, "reason": reason, "at": self.now}
        )
        composite.watch_silence(self)
        self.happen("stage.entered", stage, {"before": before})

    # ── runs ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    def _runs(self, event: Event) -> None:
        for enrolment in [*self.enrolments]:
            self._goal(enrolment, event)
            if enrolment.state != "ended":
                self._touch(enrolment, event)
        for plan, start in self.rules.index.starts.get(event.type, ()):
            if not matches(start.pattern, event):
                continue
            if start.audience is None and start.only_if is None:
                self.enrol(plan, event)
                continue
            facts = self.facts(event)
            if holds(start.audience, facts) and holds(start.only_if, facts):
                self.enrol(plan, event)

    def _goal(self, enrolment: Enrolment, event: Event) -> None:
        """A run that has ended is measured by today's goal, since nobody keeps its plan at hand."""
        plan = self.rules.plan_of(enrolment.digest) or self.rules.index.plans.get(enrolment.campaign.casefold())
        if plan is None or plan.goal is None:
            return
        if not reaches_goal(plan, enrolment, event, self.zone, self.rules.program.workspace.business_hours):
            return
        enrolment.goal_at = event.at
        self.goals.append(enrolment)
        if plan.goal.leaves:
            self.leave(enrolment, event.seq)

    def _touch(self, enrolment: Enrolment, event: Event) -> None:
        plan = self.rules.plan_of(enrolment.digest)
        if plan is None or event.type not in _heard(plan):
            return
        if enrolment.state == "live" and any(enrolment.hears(one.pattern, event) for one in plan.leaves):
            self.leave(enrolment, event.seq)
        elif awaits(plan, enrolment, event):
            self.wake(enrolment)

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
            id=uuid4(), campaign=plan.campaign, number=last.number + 1 if last else 1, digest=plan.digest, state="live",
            position=position, started_at=self.now, per=value,
        )  # fmt: skip
        self.enrolments.append(fresh)
        self.started.append(fresh)
        queue: Queue = "mail" if may_send(plan, plan.entry) else "db"
        self.wakes[fresh.id] = Wake(fresh.id, "enrolment", start=True, seq=self.lead.seq, gen=0, queue=queue)
        if self.listened("campaign.entered"):
            self.happen("campaign.entered", plan.campaign)
        return fresh

    def end(self, enrolment: Enrolment, outcome: str) -> None:
        """The run has come to its end; its row is the caller's to write."""
        enrolment.state, enrolment.ended_at, self._older = "ended", self.now, None
        if self.listened("campaign.left"):
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
        needs = not program.workspace.tracking_needs_consent
        return self.lead.facts(
            self.rules.order, event.data if event else None, start=_began(event, run),
            campaigns=frozenset(one.campaign.casefold() for one in self.enrolments if one.state != "ended"),
            been=frozenset(one.campaign.casefold() for one in self.enrolments),
            tracking=needs or self.lead.topics.get(TRACKING) == "subscribed",
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

    # ── what is set ──────────────────────────────────────────────────────────────────────────────────────────────────
    def set_field(self, name: str, value: Scalar | None) -> bool:
        """Write a field of the lead, or empty it; whether that changed it."""
        return self.set_fields({name: value})

    def set_fields(self, values: Mapping[str, Scalar | None]) -> bool:
        """Write fields, all before anything follows from them. A change that somebody watches is logged."""
        before = self.lead.fields
        wanted = {name: None if value == "" else value for name, value in values.items()}
        changes = {name: value for name, value in wanted.items() if value != before.get(name)}
        if not changes:
            return False
        kept = {**before, **changes}
        self.lead = self.lead.changed(fields={name: value for name, value in kept.items() if value is not None})
        for name, value in changes.items():
            composite.watch_dates(self, name)
            if self.rules.index.watch.field(name) or any(watch.field(name) for watch in self.older()):
                self.happen("field.changed", name, {"before": before.get(name), "after": value})
        self.review()
        return True

    def join_list(self, name: str) -> bool:
        """Put the lead on a list, declared or not; False when it was on it."""
        if own_key(self.lead.lists, name) is not None:
            return False
        self.lead = self.lead.changed(lists={**self.lead.lists, name: self.now.isoformat()})
        composite.watch_dates(self)
        self.happen("list.joined", name)
        return True

    def leave_list(self, name: str) -> bool:
        key = own_key(self.lead.lists, name)
        if key is None:
            return False
        self.lead = self.lead.changed(lists={one: at for one, at in self.lead.lists.items() if one != key})
        self.happen("list.left", key)
        return True

    def subscribe(self, topic: str) -> bool:
        """The proof of consent is the caller's to keep."""
        return self._topic(topic, "subscribed", "topic.joined")

    def unsubscribe(self, topic: str) -> bool:
        return self._topic(topic, "unsubscribed", "topic.left")

    def _topic(self, topic: str, state: str, type: str) -> bool:
        key = own_key(self.lead.topics, topic) or topic
        before = self.lead.topics.get(key)
        if before == state:
            return False
        self.lead = self.lead.changed(topics={**self.lead.topics, key: state})
        moved = state == "subscribed" or before == "subscribed"
        if moved and key != TRACKING and self.listened(type):
            self.happen(type, key)
        self.review()
        return True


def _began(event: Event | None, run: Enrolment | None) -> Mapping[str, Any]:
    """The data of the event that started the run that asks, or would start one."""
    if run is not None:
        return run.position.start
    return event.data if event else {}


@per_plan
def _heard(plan: Plan) -> frozenset[str]:
    """The types of events that can end a run, or wake it."""
    return watch_of(plan).types | {"field.changed", *HANDOFF_EVENTS}


def awaits(plan: Plan, enrolment: Enrolment, event: Event) -> bool:
    """Whether the run rests on something this event could be."""
    for branch in enrolment.position.branches:
        step = plan.by_id.get(branch.at or "")
        if isinstance(step, Wait) and any(enrolment.hears(arm.pattern, event) for arm in step.arms):
            return True
        until = step.until if isinstance(step, Wait) else None
        if isinstance(until, Relative) and event.type == "field.changed" and event.name == until.field:
            return True
        if branch.handoff is not None and event.type in HANDOFF_EVENTS and event.data.get("handoff") == branch.handoff:
            return True
    return any(enrolment.hears(one.pattern, event) for one in plan.whenevers)

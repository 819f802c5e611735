"""What follows from an event, worked out in memory: points, then stages, then starts, wakes and leaves, to a depth.

Pure. `Ledger` is the working copy of one lead during one transaction; it collects what is to be written, and the store
writes it in one statement. Consequences are events themselves (a stage entered, a score crossed) and go the same way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from dsl.plan import Every, Pattern, Plan, Program, Rule, Wait
from engine import calendar
from engine.admission import admits, reaches_goal, run_value
from engine.conditions import holds, reached
from engine.interpreter import HANDOFF_EVENTS, begin
from engine.matching import Index, matches
from engine.model import Event, Lead, stage_order
from engine.ports import Queue, Wake
from engine.position import Position
from engine.resting import may_send

DEPTH = 20
"""Consequences of consequences beyond this are not followed; the lead is shown under "needs attention"."""
TOO_DEEP = "consequences of consequences went too deep"
UNCHANGED = "(unchanged)"
"""A lead's attention is neither set nor cleared."""


@dataclass(frozen=True, slots=True)
class Rules:
    """One deployment, ready to be asked."""

    program: Program
    index: Index
    order: tuple[str, ...]
    plan_of: Callable[[str], Plan | None]

    @staticmethod
    def of(program: Program, plan_of: Callable[[str], Plan | None]) -> Rules:
        return Rules(program, Index(program), stage_order(program), plan_of)


@dataclass(slots=True, eq=False)
class Enrolment:
    """A run as the transaction sees it. `plan` is None for ended ones, whose plan nobody needs."""

    id: UUID
    campaign: str
    number: int
    digest: str
    state: str
    position: Position
    started_at: datetime
    ended_at: datetime | None = None
    gen: int = 0
    leave_seq: int | None = None
    per: str = ""
    goal_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Probe:
    """A question about past bookings: how often and how much `rule` gave since (and for `thing`, unless None).

    `number` is which of the rule's limits asks. The answer stays the same question's while the clock runs on, or when
    the lead's zone becomes another, within one transaction.
    """

    rule: str
    number: int
    thing: str | None
    since: datetime | None = field(compare=False)


@dataclass(frozen=True, slots=True)
class Booking:
    cause: str
    rule: str
    model: str
    amount: float
    thing: str
    seq: int
    score_after: float
    earned_at: datetime
    booked_at: datetime
    expires_at: datetime | None = None


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
    open_handoff: UUID | None = None
    attention: str | None = UNCHANGED
    _depth: int = 0

    def happen(self, type: str, name: str, data: Mapping[str, Any] | None = None, **more: Any) -> Event:
        """Number an event under the lead's lock, log it, and follow it to its last consequence.

        `more` is key, enrolment_id, message_id, or `mute=True` for an event that is logged without consequences.
        """
        mute = more.pop("mute", False)
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
        self._score(event)
        self._stage(event)
        self._runs(event)
        self._depth -= 1
        return event

    # ── points ───────────────────────────────────────────────────────────────────────────────────────────────────────
    def _score(self, event: Event) -> None:
        for model, rule in self.rules.index.rules.get(event.type, ()):
            assert rule.pattern is not None
            if not matches(rule.pattern, event) or not holds(rule.condition, self._facts(event)):
                continue
            if amount := self._allowed(rule, event):
                zone = self.lead.zone(self.rules.program)
                expires = None
                if rule.expires_after is not None:
                    hours = self.rules.program.workspace.business_hours
                    expires = calendar.add(rule.expires_after, event.at, zone, hours)
                self.book(f"e:{event.seq}", rule.id, model, amount, event.name, earned_at=event.at, expires_at=expires)

    def book(
        self, cause: str, rule: str, model: str, amount: float, thing: str = "", *, earned_at: datetime | None = None,
        expires_at: datetime | None = None,
    ) -> None:  # fmt: skip
        """Add points and log the crossings of any value that somebody watches."""
        before = float(self.lead.scores.get(model, 0))
        after = before + amount
        booked_at = max(self.now, self.lead.last_at)
        booking = Booking(
            cause, rule, model, amount, thing, self.lead.seq, after, earned_at or booked_at, booked_at, expires_at
        )
        self.points.append(booking)
        self.lead = self.lead.changed(scores={**self.lead.scores, model: after})
        if expires_at is not None:
            self.remind("expiry", expires_at)
        watched = self.rules.index.thresholds.get(model, frozenset())
        crossing = {"before": before, "after": after}
        if any(before < value <= after for value in watched):
            self.happen("score.reached", model, crossing)
        if any(before >= value > after for value in watched):
            self.happen("score.dropped", model, crossing)

    def _allowed(self, rule: Rule, event: Event) -> float:
        """The points the rule may still give: a cap is filled up exactly."""
        amount = rule.amount
        for limit, probe in probes(rule, event, self.lead.zone(self.rules.program)):
            count, total = self.tallies.get(probe, (0, 0.0))
            for booked in self.points:
                if booked.rule == rule.id and probe.thing in (None, booked.thing):
                    count, total = count + 1, total + booked.amount
            if limit.points is not None:
                room = max(0.0, limit.points - abs(total))
                amount = math.copysign(min(abs(amount), room), amount)
            elif count >= (limit.times or 1):
                return 0
        return amount

    def rate(self) -> None:
        """Bring the points of state rules (`+20 if company_size >= 200`) in line with the lead's fields, and take back
        those of rules that are gone from the workspace. At most once between two events."""
        facts, rated = self._facts(None), self.lead.rated
        due = {
            f"{rule.id}@{model}": rule.amount if holds(rule.condition, facts) else 0
            for model, rule in self.rules.index.state_rules
        }
        gone = [key for key in rated if key not in due]
        changes = {key: due.get(key, 0) for key in [*gone, *due] if due.get(key, 0) != rated.get(key, 0)}
        self.lead = self.lead.changed(rated={key: points for key, points in {**rated, **changes}.items() if points})
        for key, points in changes.items():
            rule_id, _, model = key.partition("@")
            self.book(f"f:{self.lead.seq}", rule_id, model, points - rated.get(key, 0))

    # ── stages ───────────────────────────────────────────────────────────────────────────────────────────────────────
    def _stage(self, event: Event) -> None:
        for stage, rule in self.rules.index.stages.get(event.type, ()):
            if matches(rule.pattern, event) and holds(rule.only_if, self._facts(event)):
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
        self.happen("stage.entered", stage, {"before": before})

    # ── runs ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    def _runs(self, event: Event) -> None:
        for enrolment in [*self.enrolments]:
            self._goal(enrolment, event)
            if enrolment.state != "ended":
                self._touch(enrolment, event)
        for plan, start in self.rules.index.starts.get(event.type, ()):
            if matches(start.pattern, event) and holds(start.only_if, self._facts(event)):
                self.enrol(plan, event)

    def _goal(self, enrolment: Enrolment, event: Event) -> None:
        """A run that has ended is measured by today's goal, since nobody keeps its plan at hand."""
        plan = self.rules.plan_of(enrolment.digest) or self.rules.index.plans.get(enrolment.campaign.casefold())
        zone, hours = self.lead.zone(self.rules.program), self.rules.program.workspace.business_hours
        if plan is None or not reaches_goal(plan, enrolment, event, zone, hours):
            return
        enrolment.goal_at = event.at
        self.goals.append(enrolment)
        if plan.goal is not None and plan.goal.leaves:
            self.leave(enrolment, event.seq)

    def _touch(self, enrolment: Enrolment, event: Event) -> None:
        plan = self.rules.plan_of(enrolment.digest)
        if plan is None:
            return
        if enrolment.state == "live" and any(matches(one.pattern, event, enrolment.id) for one in plan.leaves):
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
        value, hours = run_value(plan, event), self.rules.program.workspace.business_hours
        if not admits(plan, past, value, self.now, self.lead.zone(self.rules.program), hours):
            return None
        fresh = Enrolment(
            id=uuid4(), campaign=plan.campaign, number=max((one.number for one in past), default=0) + 1,
            digest=plan.digest, state="live", position=begin(plan, self.lead.seq, event), started_at=self.now,
            per=value,
        )  # fmt: skip
        self.enrolments.append(fresh)
        self.started.append(fresh)
        queue: Queue = "mail" if may_send(plan, plan.entry) else "db"
        self.wakes[fresh.id] = Wake(fresh.id, "enrolment", start=True, seq=self.lead.seq, gen=0, queue=queue)
        return fresh

    # ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    def remind(self, what: str, due: datetime) -> None:
        """Ask for the lead to be looked at again; one row per purpose, the earliest instant wins."""
        self.clocks[what] = min(due, self.clocks.get(what, due))

    def _facts(self, event: Event | None) -> Any:
        return self.lead.facts(self.rules.order, event.data if event else None)


def awaits(plan: Plan, enrolment: Enrolment, event: Event) -> bool:
    """Whether the run rests on something this event could be."""
    for branch in enrolment.position.branches:
        step = plan.by_id.get(branch.at or "")
        if isinstance(step, Wait) and any(matches(arm.pattern, event, enrolment.id) for arm in step.arms):
            return True
        if branch.handoff is not None and event.type in HANDOFF_EVENTS and event.data.get("handoff") == branch.handoff:
            return True
    return any(matches(one.pattern, event, enrolment.id) for one in plan.whenevers)


def probes(rule: Rule, event: Event, zone: str) -> list[tuple[Every, Probe]]:
    """What must be known of the past to judge the rule's limits for this event."""
    found = []
    for number, limit in enumerate(rule.limits):
        start = None
        if limit.unit is not None:
            start = calendar.period_start(limit.unit, event.at, zone)
        elif limit.span is not None:
            start = calendar.since(limit.span, event.at, zone)
        found.append((limit, Probe(rule.id, number, event.name if limit.per_thing else None, start)))
    return found


def needed(rules: Rules, lead: Lead, type: str, name: str, data: Mapping[str, Any], now: datetime) -> list[Probe]:
    """The probes that judging such an event, and what may follow from it, will ask for."""
    zone = lead.zone(rules.program)
    at = max(now, lead.last_at)
    event = Event(seq=lead.seq + 1, at=at, type=type, name=name, data=data)
    found = [
        probe
        for _, rule in rules.index.rules.get(type, ())
        if rule.limits and rule.pattern is not None and matches(rule.pattern, event)
        for _, probe in probes(rule, event, zone)
    ]
    for rule in derived(rules):
        assert rule.pattern is not None
        for thing in _things(rules, rule.pattern):
            named = replace(event, type=rule.pattern.type, name=thing)
            found += [probe for _, probe in probes(rule, named, zone)]
    return found


def derived(rules: Rules) -> list[Rule]:
    """The limited rules that count what Coldframe itself finds; any transaction may come to ask for their past."""
    types = ("stage.entered", "score.reached", "score.dropped", *HANDOFF_EVENTS)
    return [rule for type in types for _, rule in rules.index.rules.get(type, ()) if rule.limits]


def _things(rules: Rules, pattern: Pattern) -> set[str]:
    """The names that events of such a derived pattern can have."""
    if pattern.type == "stage.entered":
        return {stage.name for stage in rules.program.stages}
    if pattern.type in HANDOFF_EVENTS:
        return {team.name for team in rules.program.teams}
    return {pattern.model}

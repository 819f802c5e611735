"""What follows from an event, worked out in memory: points, then stages, then starts, wakes and leaves, to a depth.

Pure. `Ledger` is the working copy of one lead during one transaction; it collects what is to be written, and the store
writes it in one statement. Consequences are events themselves (a stage entered, a score crossed) and go the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from dsl.plan import Plan, Relative, Scalar, Wait
from engine.model.lead import HANDOFF_EVENTS, TRACKING, Event
from engine.model.plan_cache import per_plan
from engine.rules.conditions import calendar
from engine.rules.conditions.conditions import holds, matches, own_key, reached
from engine.rules.conditions.matching import watch_of
from engine.rules.leads import composite, points, segments
from engine.rules.leads.admission import reaches_goal
from engine.rules.leads.working_copy import WorkingCopy
from engine.rules.runs.enrolment import Enrolment

ONLY_IF = "its `only if` is not true for this lead"
NOT_ADMITTED = "its `enters` or `runs` line does not allow it now"
"""Why a lead did not enter."""
ZONE = "timezone"
"""The field that tells in whose time a lead lives."""
DEPTH = 20
"""Consequences of consequences beyond this are not followed; the lead is shown under "needs attention"."""
TOO_DEEP = "consequences of consequences went too deep"


@dataclass(slots=True)
class Ledger(WorkingCopy):
    """The working copy of a lead that follows each event: points first, then stages, runs and patterns of events."""

    _depth: int = 0
    _reviewing: bool = False

    def follow(self, event: Event) -> None:
        if self._depth >= DEPTH:
            self.attention = TOO_DEEP
            return
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
        for stage, rule in self.rules.index.stages.near(event):
            if not matches(rule.pattern, event, zone=self.zone):
                continue
            if rule.only_if is None or holds(rule.only_if, self.facts(event)):
                self.qualify(stage.name, rule.source, outside=stage.outside)

    def qualify(
        self, stage: str, reason: str, *, outside: bool = False, back: bool = False, step: str | None = None
    ) -> None:
        """Move the lead to a stage: forward only, unless `back` (a recycle) or the stage is outside the order. `reason`
        begins with the place of the line that asks for it, which is the step `step` of a run, or a rule's.

        Not to one that the program no longer has; a plan of an earlier deployment may still name it.
        """
        if stage == self.lead.stage or all(one.name != stage for one in self.rules.program.stages):
            return
        if not (outside or back) and reached(self.lead.stage, stage, self.rules.order):
            return
        before = self.lead.stage
        self.lead = self.lead.changed(stage=stage)
        moved = {"seq": self.lead.seq + 1, "stage": stage, "before": before, "reason": reason, "step": step or ""}
        self.stages.append({**moved, "at": self.now})
        composite.watch_silence(self)
        self.happen("stage.entered", stage, {"before": before})

    # ── runs ─────────────────────────────────────────────────────────────────────────────────────────────────────────
    def _runs(self, event: Event) -> None:
        for enrolment in [*self.enrolments]:
            self._goal(enrolment, event)
            if enrolment.state != "ended":
                self._touch(enrolment, event)
        for plan, start in () if self.quiet else self.rules.index.starts.near(event):
            if not matches(start.pattern, event, zone=self.zone):
                continue
            if start.audience is not None or start.only_if is not None:
                facts = self.facts(event)
                if not holds(start.audience, facts):
                    continue
                if not holds(start.only_if, facts):
                    self.refused.append((plan, ONLY_IF, start.source))
                    continue
            if self.enrol(plan, event) is None:
                self.refused.append((plan, NOT_ADMITTED, plan.source))

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
        if enrolment.state == "live" and any(enrolment.hears(one.pattern, event, self.zone) for one in plan.leaves):
            self.leave(enrolment, event.seq)
        elif awaits(plan, enrolment, event, self.zone):
            self.wake(enrolment)

    # ── what is set ──────────────────────────────────────────────────────────────────────────────────────────────────
    def set_field(self, name: str, value: Scalar | None) -> bool:
        """Write a field of the lead, or empty it; whether that changed it."""
        return self.set_fields({name: value})

    def set_fields(self, values: Mapping[str, Scalar | None]) -> bool:
        """Write fields, all before anything follows from them. A change that somebody watches is logged."""
        before = self.lead.fields
        zone = str(values.get("timezone") or self.zone)
        wanted = {name: None if value == "" else self._timed(name, value, zone) for name, value in values.items()}
        changes = {name: value for name, value in wanted.items() if value != before.get(name)}
        if not changes:
            return False
        kept = {**before, **changes}
        self.lead = self.lead.changed(fields={name: value for name, value in kept.items() if value is not None})
        for name, value in changes.items():
            composite.watch_dates(self, name)
            if self.rules.index.watch.field(name) or any(watch.field(name) for watch in self.older()):
                self.happen("field.changed", name, {"before": before.get(name), "after": value})
        if ZONE in changes:
            self._moved_zone()
        self.review()
        return True

    def _moved_zone(self) -> None:
        """Everything that waits for a time of the lead's own has to look again."""
        composite.watch_silence(self)
        if self.rules.index.daily:
            self.remind("daily", self.midnight())
        for one in self.enrolments:
            pending = any(branch.deadline or branch.hold for branch in one.position.branches)
            if one.state != "ended" and pending and one.id != self.working and one not in self.started:
                self.note("woken", one.id)
                self.wake(one)

    def _timed(self, name: str, value: Scalar | None, zone: str) -> Scalar | None:
        """What a moment's field keeps: a local time without a zone of its own is one of the lead's."""
        declared = self.rules.program.all_fields.get(name)
        if declared is None or declared.type != "moment" or not isinstance(value, str) or "T" not in value:
            return value
        at = calendar.moment_of(value, zone, "00:00")
        return at.isoformat(timespec="seconds") if at else value

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


@per_plan
def _heard(plan: Plan) -> frozenset[str]:
    """The types of events that can end a run, or wake it."""
    return watch_of(plan).types | {"field.changed", *HANDOFF_EVENTS}


def awaits(plan: Plan, enrolment: Enrolment, event: Event, zone: str) -> bool:
    """Whether the run rests on something this event could be."""
    for branch in enrolment.position.branches:
        step = plan.by_id.get(branch.at or "")
        if isinstance(step, Wait) and any(enrolment.hears(arm.pattern, event, zone) for arm in step.arms):
            return True
        until = step.until if isinstance(step, Wait) else None
        if isinstance(until, Relative) and event.type == "field.changed" and event.name == until.field:
            return True
        if branch.handoff is not None and event.type in HANDOFF_EVENTS and event.data.get("handoff") == branch.handoff:
            return True
    return any(enrolment.hears(one.pattern, event, zone) for one in plan.whenevers)

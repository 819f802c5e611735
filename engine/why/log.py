"""What the store knows about one lead and one campaign, as plain values, and how the lead stood at any instant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from dsl.plan import Pattern, Plan, Program, Wait
from engine import calendar
from engine.conditions import Facts
from engine.model import TRACKING, Event, Lead, stage_order
from engine.words import pattern

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class Message:
    step: str
    visit: str
    template: str
    state: str
    reason: str
    source: str
    subject: str
    at: datetime
    id: UUID
    staff: str | None = None


@dataclass(frozen=True, slots=True)
class Points:
    cause: str
    rule: str
    model: str
    amount: float
    after: float
    at: datetime
    seq: int


@dataclass(frozen=True, slots=True)
class Move:
    """A change of stage. `reason` is the place of the line that caused it."""

    seq: int
    stage: str
    before: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Rest:
    """What a branch of the run waits for now."""

    step: str
    source: str
    what: str
    due: datetime | None


@dataclass(frozen=True, slots=True)
class Hold:
    """A time in which the campaign was `paused` or `stopped`; `until` None: it still is."""

    state: str
    author: str
    reason: str
    at: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Walk:
    """One step a run came to. `branch` is empty in the flow."""

    step: str
    at: datetime
    branch: str = ""


@dataclass(frozen=True)
class Run:
    """One time in the campaign. `path` are the newest steps it came to; `plan` None when that version is gone."""

    id: UUID
    number: int
    digest: str
    plan: Plan | None
    state: str
    outcome: str | None
    attention: str | None
    leave_seq: int | None
    started_at: datetime
    ended_at: datetime | None
    entered: int = 0
    """The newest event of the lead's when it entered."""
    per: str = ""
    path: tuple[Walk, ...] = ()
    messages: tuple[Message, ...] = ()
    rests: tuple[Rest, ...] = ()
    handoffs: tuple[tuple[str, UUID], ...] = ()
    """Place of the statement and id of each handoff the run opened."""


@dataclass(frozen=True)
class Log:
    """`runs` are those in this campaign, oldest first; `others` the lead's runs elsewhere: campaign, start, end."""

    lead: Lead
    program: Program
    campaign: str
    now: datetime
    plan: Plan | None
    deployed_at: datetime | None
    """When this version of the campaign was first in force."""
    events: Sequence[Event] = ()
    points: Sequence[Points] = ()
    moves: Sequence[Move] = ()
    runs: Sequence[Run] = ()
    others: Sequence[tuple[str, datetime, datetime | None]] = ()
    holds: Sequence[Hold] = ()
    received: Sequence[Event] = ()
    """Mails that were accepted, as the history conditions ask."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Scoring rule → its place."""

    @property
    def zone(self) -> str:
        return self.lead.zone(self.program)

    def local(self, at: datetime) -> str:
        """An instant in the lead's own time: `Tue 2026-09-01 09:00`."""
        there = calendar.local_time(at, self.zone)
        return f"{_DAYS[there.weekday()]} {there:%Y-%m-%d %H:%M}"

    def held(self, at: datetime) -> Hold | None:
        """What held the campaign at an instant."""
        return next((one for one in self.holds if one.at <= at and (one.until is None or at < one.until)), None)

    def event(self, seq: int | None) -> Event | None:
        return next((one for one in self.events if one.seq == seq), None)

    def facts(self, at: datetime, data: Mapping[str, Any] | None = None, entered: datetime | None = None) -> Facts:
        """The lead as of an instant: scores and stage as they were, fields as they are now, since their past is not
        kept."""
        scores: dict[str, float] = {}
        for booked in self.points:
            if booked.at <= at:
                scores[booked.model] = booked.after
        lead = self.lead.changed(scores=scores, stage=self.stage(at))
        spans = [*self.others, *((self.campaign, run.started_at, run.ended_at) for run in self.runs)]
        spans = [span for span in spans if span[1] <= at]
        past = sorted((one for one in (*self.events, *self.received) if one.at <= at), key=lambda one: one.at)
        return lead.facts(
            stage_order(self.program), data, now=at, zone=self.zone, history=past, entered_at=entered,
            entered=max((one.seq for one in self.events if entered is not None and one.at <= entered), default=0),
            campaigns=frozenset(name.casefold() for name, _, end in spans if end is None or end > at),
            been=frozenset(name.casefold() for name, _, _ in spans),
            tracking=not self.program.workspace.tracking_needs_consent
            or self.lead.topics.get(TRACKING) == "subscribed",
        )  # fmt: skip

    @cached_property
    def met(self) -> Mapping[str, str]:
        """Key → the composite pattern or date in words, for what the engine logs when one comes true."""
        plans = [*(run.plan for run in self.runs), self.plan]
        found = [one for plan in plans if plan for one in patterns_of(plan)]
        found += [rule.pattern for stage in self.program.stages for rule in stage.rules]
        found += [rule.pattern for scoring in self.program.scorings for rule in scoring.rules if rule.pattern]
        silent = "the lead was silent for longer than its stage allows"
        return {"reactivate": silent, **{one.key: pattern(one) for one in found if one.composite}}

    def stage(self, at: datetime) -> str:
        before = [move.stage for move in self.moves if move.at <= at]
        if before:
            return before[-1]
        return self.moves[0].before if self.moves else self.lead.stage


def patterns_of(plan: Plan) -> list[Pattern]:
    """Every event the campaign starts by, waits for, runs a block at or leaves by."""
    found = [start.pattern for start in plan.starts]
    found += [one.pattern for one in plan.whenevers]
    found += [one.pattern for one in plan.leaves]
    found += [arm.pattern for step in plan.steps if isinstance(step, Wait) for arm in step.arms]
    return [*found, plan.goal.pattern] if plan.goal else found


@dataclass(frozen=True, slots=True)
class Said:
    """One line of the story. `tone`: did it happen, did it not, is it still to come, or is it worth a warning;
    `why` what decided it; `source` the place of the line that did."""

    at: datetime | None
    text: str
    tone: str = "did"
    why: str = ""
    source: str = ""

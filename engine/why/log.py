"""What the store knows about one lead and one campaign, as plain values, and how the lead stood at any instant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from dsl.plan import Plan, Program
from engine import calendar
from engine.conditions import Facts
from engine.model import Event, Lead, stage_order

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
    sources: Mapping[str, str] = field(default_factory=dict)
    """Scoring rule → its place."""

    @property
    def zone(self) -> str:
        return self.lead.zone(self.program)

    def local(self, at: datetime) -> str:
        """An instant in the lead's own time: `Tue 2026-09-01 09:00`."""
        there = calendar.local_time(at, self.zone)
        return f"{_DAYS[there.weekday()]} {there:%Y-%m-%d %H:%M}"

    def event(self, seq: int | None) -> Event | None:
        return next((one for one in self.events if one.seq == seq), None)

    def facts(self, at: datetime, data: Mapping[str, Any] | None = None) -> Facts:
        """The lead as of an instant: scores and stage as they were, fields as they are now, since their past is not
        kept."""
        scores: dict[str, float] = {}
        for booked in self.points:
            if booked.at <= at:
                scores[booked.model] = booked.after
        lead = self.lead.changed(scores=scores, stage=self.stage(at))
        return lead.facts(stage_order(self.program), data)

    def stage(self, at: datetime) -> str:
        before = [move.stage for move in self.moves if move.at <= at]
        if before:
            return before[-1]
        return self.moves[0].before if self.moves else self.lead.stage


@dataclass(frozen=True, slots=True)
class Said:
    """One line of the story. `tone`: did it happen, did it not, is it still to come, or is it worth a warning;
    `why` what decided it; `source` the place of the line that did."""

    at: datetime | None
    text: str
    tone: str = "did"
    why: str = ""
    source: str = ""

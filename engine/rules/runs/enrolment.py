"""A run as a transaction sees it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from dsl.plan import Pattern, Plan
from engine.model.lead import Event
from engine.rules.conditions.chance import in_control
from engine.rules.conditions.conditions import matches
from engine.rules.runs.position import Position


@dataclass(slots=True, eq=False)
class Enrolment:
    """A run as the transaction sees it. `per` is the value that a campaign is entered once for."""

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
    held_out: bool | None = None
    """Whether the lead is in the control group; None for a run that began before this was decided at the entry."""

    def controlled(self, plan: Plan, lead: UUID) -> bool:
        """Whether the run gets no mail, handoff or list. Decided once, at its entry: whatever the file says later moves
        nobody from one group to the other."""
        return in_control(plan, lead) if self.held_out is None else self.held_out

    def hears(self, pattern: Pattern, event: Event, zone: str) -> bool:
        """Whether the event counts for a pattern of the run's plan, seen from this run."""
        return matches(pattern, event, self.id, self.position.start, zone=zone)

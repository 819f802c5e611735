"""Who had which lead when, from the log of all handoffs: how full each member was at an instant of the past. Pure."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

OPENED, ASSIGNED = "handoff.opened", "handoff.assigned"
CLOSED = ("handoff.accepted", "handoff.rejected", "handoff.overdue")
TYPES = (OPENED, ASSIGNED, *CLOSED)


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of a handoff; `member` of those who were assigned."""

    lead: UUID
    handoff: str
    type: str
    team: str
    member: str
    at: datetime


@dataclass(slots=True)
class Real:
    """One real handoff: when it was opened and closed, and who got it when, as (instant, team, member)."""

    lead: UUID
    opened_at: datetime
    closed_at: datetime | None = None
    holders: list[tuple[datetime, str, str]] = field(default_factory=list)


class DeskLog:
    """`entries` in the order of time."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._of_lead: defaultdict[UUID, list[Real]] = defaultdict(list)
        self._starts: defaultdict[str, list[datetime]] = defaultdict(list)
        self._ends: defaultdict[str, list[datetime]] = defaultdict(list)
        self._freed: list[datetime] = []
        known: dict[str, Real] = {}
        for entry in entries:
            real = known.get(entry.handoff)
            if entry.type == OPENED:
                known[entry.handoff] = real = Real(entry.lead, entry.at)
                self._of_lead[entry.lead].append(real)
            elif real is not None and entry.type == ASSIGNED:
                self._end(real, entry.at)
                real.holders.append((entry.at, entry.team, entry.member))
                self._starts[entry.member.lower()].append(entry.at)
            elif real is not None and entry.type in CLOSED and real.closed_at is None:
                self._end(real, entry.at)
                real.closed_at = entry.at

    def _end(self, real: Real, at: datetime) -> None:
        if real.holders:
            insort(self._ends[real.holders[-1][2].lower()], at)
            insort(self._freed, at)

    def load(self, member: str, at: datetime, lead: UUID) -> int:
        """Open handoffs that the member had then, beside those of that lead."""
        key = member.lower()
        return bisect_right(self._starts[key], at) - bisect_right(self._ends[key], at) - self._own(key, at, lead)

    def _own(self, key: str, at: datetime, lead: UUID) -> int:
        return sum(
            (found := self._holder(one, at)) is not None and found[1].lower() == key for one in self._open(at, lead)
        )

    def holder(self, at: datetime, lead: UUID) -> tuple[str, str] | None:
        """The team and the member who had the lead's handoff then, or got it at that instant; None if it waited, or
        there was none."""
        reals = [one for one in self._of_lead.get(lead, ()) if one.opened_at <= at and _until(one, at)]
        return self._holder(reals[-1], at) if reals else None

    def freed_after(self, at: datetime) -> datetime | None:
        """When somebody had one lead less, the next time."""
        index = bisect_right(self._freed, at)
        return self._freed[index] if index < len(self._freed) else None

    def _open(self, at: datetime, lead: UUID) -> list[Real]:
        return [
            one for one in self._of_lead.get(lead, ())
            if one.opened_at <= at and (one.closed_at is None or at < one.closed_at)
        ]  # fmt: skip

    @staticmethod
    def _holder(real: Real, at: datetime) -> tuple[str, str] | None:
        return next(((team, member) for since, team, member in reversed(real.holders) if since <= at), None)


def _until(real: Real, at: datetime) -> bool:
    return real.closed_at is None or at <= real.closed_at

"""One simulated lead: what production keeps in rows of PostgreSQL, kept in memory."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from dsl.plan import Send
from engine.model.lead import Event, Lead
from engine.model.ports import Mail
from engine.rules.conditions.conditions import glob
from engine.rules.leads.consequences import Ledger
from engine.rules.leads.limits import Booking, Probe
from engine.rules.runs.enrolment import Enrolment
from engine.rules.sales.ladder import State


@dataclass(slots=True, eq=False)
class Letter:
    """A mail that was sent, or a step that was passed over (`state` skipped, `reason` says why).

    `mail` and `links` (the addresses behind its click links) are there where mails are rendered.
    """

    id: UUID
    run: Enrolment
    send: Send
    visit: str
    state: str
    reason: str
    at: datetime
    mail: Mail | None = None
    links: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Handover:
    """A handoff to sales and where it stands."""

    id: UUID
    person: Person
    run: UUID
    campaign: str
    source: str
    stage: str
    note: str
    state: State
    gen: int = 0


@dataclass(slots=True, eq=False)
class Person:
    """A lead, their log (event n stands at index n - 1), runs, bookings, mails and handoffs. `sent`: when mails went
    that count against the limit; `clocks`: when the lead is to be looked at again, by purpose; `consents`:
    the topics that were ever agreed to, in lower case."""

    lead: Lead
    log: list[Event] = field(default_factory=list)
    runs: list[Enrolment] = field(default_factory=list)
    points: list[Booking] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    sent: list[datetime] = field(default_factory=list)
    clocks: dict[str, datetime] = field(default_factory=dict)
    handovers: list[Handover] = field(default_factory=list)
    posts: list[tuple[datetime, object]] = field(default_factory=list)
    consents: set[str] = field(default_factory=set)

    def open_handover(self) -> Handover | None:
        return next((one for one in self.handovers if one.state.outcome is None), None)

    def last_letter(self, named: str | None = None) -> Letter | None:
        """The newest mail the lead has got, of that template where one is named."""
        for letter in reversed(self.letters):
            if letter.state == "accepted" and (named is None or glob(named, letter.send.template)):
                return letter
        return None


class Tallies(Mapping[Probe, tuple[int, float]]):
    """What a rule has given a person before, counted when it is asked for; production counts in SQL."""

    __slots__ = ("_person",)

    def __init__(self, person: Person) -> None:
        self._person = person

    def __getitem__(self, probe: Probe) -> tuple[int, float]:
        count, total = 0, 0.0
        for booked in self._person.points:
            if booked.rule != probe.rule or (probe.thing is not None and booked.thing != probe.thing):
                continue
            if probe.since is None or booked.booked_at >= probe.since:
                count, total = count + 1, total + booked.amount
        return count, total

    def __iter__(self) -> Iterator[Probe]:
        return iter(())

    def __len__(self) -> int:
        return 0


class Memory:
    """What a clock asks of a person's past; see rules.leads.due.Archive. `ledger` is the transaction it rings in."""

    def __init__(self, person: Person, ledger: Ledger) -> None:
        self._person, self._ledger = person, ledger

    async def expiring(self) -> Sequence[Booking]:
        booked = [*self._person.points, *self._ledger.points]
        gone = {(one.cause, one.rule) for one in booked}
        left = [
            (one.expires_at, number, one)
            for number, one in enumerate(booked)
            if one.expires_at is not None and (f"x:{one.cause}", f"expired:{one.rule}") not in gone
        ]
        return [one for _, _, one in sorted(left)]

    async def since(self, seq: int, type: str, until: datetime) -> Sequence[Event]:
        return [
            one for one in self._person.log
            if one.seq == seq or (one.seq > seq and one.type == type and one.at <= until)
        ]  # fmt: skip

    async def at_stage_since(self, stage: str) -> datetime | None:
        entered = [one.at for one in self._person.log if (one.type, one.name) == ("stage.entered", stage)]
        return max(entered, default=None)

    async def has(self, key: str) -> bool:
        return any(one.key == key for one in self._person.log)


def at_once(work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that never waits: everything it asks for is in memory."""
    try:
        work.send(None)
    except StopIteration:
        return
    work.close()
    raise RuntimeError("a simulation cannot wait")

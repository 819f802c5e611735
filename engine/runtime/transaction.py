"""How every transaction about a lead begins and ends: what judging an event will ask for is read in one statement, a
ledger is opened on it, and what the ledger holds is written in another.

    async with lead_transaction(rt, str(lead_id)) as work:
        locked = await leads.lock(work.hot, lead_id)
        ledger = await work.open(locked, event)
        ledger.happen(*event)
        await work.commit()

Who leaves the block without a commit has changed nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from engine.model.lead import Event
from engine.rules.conditions.matching import watch_of
from engine.rules.leads.consequences import Ledger
from engine.rules.leads.limits import Rules, needed
from engine.runtime.catalog import Deployment
from engine.runtime.runtime import Runtime
from engine.store import leads
from engine.store.db import Hot
from engine.store.leads import Around, Locked
from engine.store.record import LEASE, record
from engine.store.writes import Writes

Occurred = tuple[str, str, Mapping[str, Any]]
"""Type, name and data of an event that is about to be logged."""
NOTHING: Occurred = ("", "", {})


class LeadTransaction:
    """One transaction about one lead. `writes` are rows beside those of the ledger; `locked`, `ledger` and `around`
    (what was looked at) are there once it is open."""

    locked: Locked
    ledger: Ledger
    around: Around

    def __init__(self, rt: Runtime, hot: Hot) -> None:
        self.rt, self.hot, self.writes = rt, hot, Writes()

    async def open(self, locked: Locked, event: Occurred = NOTHING, **asked: Any) -> Ledger:
        """A ledger on the locked lead; see `open_ledger`. Raises NothingDeployed."""
        self.locked = locked
        self.ledger, self.around = await open_ledger(self.rt, self.hot, locked, event, **asked)
        return self.ledger

    async def commit(self) -> None:
        """Write everything in one statement, commit, and hand what was woken to the delivery."""
        await commit(self.rt, self.hot, self.ledger, self.writes)

    async def write(self) -> None:
        """The same, but what was woken is left in the outbox for the workers."""
        await write(self.rt, self.hot, self.ledger, self.writes)


@asynccontextmanager
async def lead_transaction(rt: Runtime, turn: str) -> AsyncIterator[LeadTransaction]:
    """A transaction about a lead. `turn`: whose turn to wait for in this process first, an address or an id, so that a
    storm on one lead waits in memory and not for connections."""
    async with rt.turn(turn), rt.db.hot() as hot:
        yield LeadTransaction(rt, hot)


async def open_ledger(
    rt: Runtime, hot: Hot, locked: Locked, event: Occurred = NOTHING, *, keys: Sequence[str] = (),
    fresh: datetime | None = None, visitor: UUID | None = None, also: Sequence[Occurred] = (),
    around_hit: Mapping[str, Any] | None = None,
) -> tuple[Ledger, Around]:  # fmt: skip
    """A ledger on a locked lead that knows what judging `event`, and what may follow from it, will ask for.

    `also` are events beside it; for `keys`, `fresh`, `visitor`, `around_hit` see `leads.look_around`. What the lock has
    looked at already is not asked again, unless limits have to be counted.
    Raises NothingDeployed.
    """
    deployment, lead, now = await rt.deployment(locked.epoch), locked.lead, rt.clock.now()
    rules = deployment.rules
    probes = dict.fromkeys(probe for one in (event, *also) for probe in needed(rules, lead, *one, now))
    look = look_for(deployment, keys, fresh, visitor)
    if locked.around is not None and locked.around[0] == look and not probes and around_hit is None:
        around = locked.around[1]
    else:
        around = await leads.look_around(hot, lead.id, list(probes), look, around_hit)
    live = [one.digest for one in around.enrolments if one.state != "ended"]
    await rt.catalog.need(live)
    tallies = around.tallies
    if around.anonymous:
        before = [(one["type"], one["name"], one["data"]) for one in around.anonymous]
        earlier = {probe for one in before for probe in needed(rules, lead, *one, now)}
        tallies |= (await leads.look_around(hot, lead.id, [*earlier - tallies.keys()])).tallies
    history = await complete_history(rt, hot, lead.id, rules, live, around.history)
    ledger = Ledger(rules, lead, now, around.enrolments, tallies, history=history)
    if lead.epoch != rules.epoch and lead.email is not None:
        ledger.refresh()
    return ledger, around


def look_for(
    deployment: Deployment | None, keys: Sequence[str] = (), fresh: datetime | None = None, visitor: UUID | None = None
) -> leads.Look:
    """What opening a ledger will look at under that deployment, for the statement that locks the lead."""
    history = deployment.rules.index.watch.history if deployment is not None else frozenset()
    return leads.Look(tuple(keys), fresh, visitor, history)


async def complete_history(
    rt: Runtime, hot: Hot, lead: UUID, rules: Rules, live: Iterable[str], known: list[Event]
) -> list[Event]:
    """The past that conditions may ask for: beside what the deployment asks, what runs on older plans do."""
    asked = rules.index.watch.history
    plans = [plan for digest in live if (plan := rt.catalog.plan(digest)) is not None]
    if needs := {type for plan in plans for type in watch_of(plan).history} - asked:
        return await leads.history_of(hot, lead, needs | asked)
    return known


async def commit(rt: Runtime, hot: Hot, ledger: Ledger, writes: Writes) -> None:
    """Write everything in one statement, commit, and hand what was woken to the delivery."""
    await _write(hot, ledger, writes, rt.clock.real() + LEASE)
    rt.delivery.push(list(ledger.wakes.values()))


async def write(rt: Runtime, hot: Hot, ledger: Ledger, writes: Writes) -> None:
    """The same, but what was woken is left in the outbox for the workers: for commands, which have no line to the run
    server, and for work on many runs, which are to be woken at the workers' pace."""
    await _write(hot, ledger, writes, rt.clock.real())


async def _write(hot: Hot, ledger: Ledger, writes: Writes, leased_until: datetime) -> None:
    record(ledger, writes, leased_until)
    await writes.flush(hot)
    await hot.commit()

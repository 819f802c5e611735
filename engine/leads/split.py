"""A wrong join undone: a visitor who was taken for a lead, at a shared computer for example, is nobody's again.

What the visitor did goes back to them, so that it can become the right lead's later. What the join brought to the lead
is taken back: points, interests, touches, origin. What followed from it stays: stages, runs, emails that left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from dsl.plan.company import ORIGIN
from engine.model.lead import Event
from engine.rules.leads import composite
from engine.rules.leads.consequences import Ledger
from engine.rules.leads.segments import counts_for
from engine.rules.tracking.classify import UNKNOWN, Source
from engine.rules.tracking.sessions import CONVERSIONS, PAUSE, Session, Touch
from engine.runtime.runtime import Runtime
from engine.runtime.transaction import LeadTransaction, lead_transaction
from engine.store import leads, splits
from engine.tracking.paths import origin_fields, source_of_event
from engine.tracking.touches import note_touch
from engine.tracking.visits import lock_visitor


class NotJoined(Exception):
    """The visitor is not known as this lead."""


@dataclass(frozen=True, slots=True)
class Split:
    """What went back to the visitor, and what the lead lost: points by scoring, interests by name, the fields of its
    origin that changed, each with the new value or None."""

    lead: UUID
    visitor: UUID
    sessions: int = 0
    events: int = 0
    touches: int = 0
    points: dict[str, float] = field(default_factory=dict)
    interests: dict[str, float] = field(default_factory=dict)
    origin: dict[str, str | None] = field(default_factory=dict)


async def split(rt: Runtime, lead_id: UUID, visitor_id: UUID, author: str = "", *, dry: bool = False) -> Split:
    """Give a visitor back what they did as this lead; `dry`: only say what would happen. Raises NotJoined."""
    async with lead_transaction(rt, str(lead_id)) as work:
        seen = await lock_visitor(rt, work.hot, visitor_id)
        locked = await leads.lock(work.hot, lead_id)
        if locked is None or seen is None or seen.lead != lead_id:
            raise NotJoined
        mark = f"moved:{locked.lead.seq}:"
        moved = await splits.move_events(work.hot, lead_id, visitor_id, mark)
        sessions = await splits.move_sessions(work.hot, lead_id, visitor_id)
        ledger = await work.open(locked)  # after the events are gone, so that no condition sees them
        points = await _take_points(work, moved)
        interests = _take_interests(ledger, moved)
        touches, origin = await _take_path(work, moved, sessions)
        await _last_active(work, moved)
        work.writes.update("visitors", id=visitor_id, lead_id=None)
        done = Split(lead_id, visitor_id, len(sessions), len(moved), touches, points, interests, origin)
        noted = {"visitor": str(visitor_id), "sessions": done.sessions, "events": done.events, "by": author}
        ledger.happen("visitor.split", "", noted, mute=True)
        ledger.review()
        if not dry:
            await work.write()
    return done


async def _take_points(work: LeadTransaction, moved: Sequence[Event]) -> dict[str, float]:
    """What the events earned is booked back, and no limit counts it any more."""
    taken: dict[str, float] = {}
    for one in await splits.mark_points(work.hot, work.locked.lead.id, [event.seq for event in moved]):
        if not one.expired:
            work.ledger.book(f"m:{one.cause}", f"moved:{one.rule}", one.model, -one.amount, one.thing)
            taken[one.model] = taken.get(one.model, 0) - one.amount
    return taken


def _take_interests(ledger: Ledger, moved: Sequence[Event]) -> dict[str, float]:
    taken: dict[str, float] = {}
    for interest in ledger.rules.index.interests:
        known = float(ledger.lead.interests.get(interest.name, 0))
        if many := min(known, sum(1 for event in moved if counts_for(interest, event))):
            taken[interest.name] = -many
            ledger.lead = ledger.lead.changed(interests={**ledger.lead.interests, interest.name: known - many})
    return taken


async def _take_path(
    work: LeadTransaction, moved: Sequence[Event], sessions: Sequence[Session]
) -> tuple[int, dict[str, str | None]]:
    """The visitor's touches leave the lead's path; a conversion that one of their sessions covered gets its own.

    How many left, and what changed of where the lead came from."""
    hot, ledger = work.hot, work.ledger
    keys = [*(f"v:{session.id}" for session in sessions), *(f"e:{event.seq}" for event in moved)]
    gone = await splits.remove_touches(hot, ledger.lead.id, keys)
    left = await splits.touches_left(hot, ledger.lead.id)
    for seq, type, at in await splits.bare_conversions(hot, ledger.lead.id, tuple(CONVERSIONS), PAUSE):
        if any(session.covers(at) for session in sessions):
            source = source_of_event(type)
            note_touch(work.writes, ledger.lead.id, Touch(f"e:{seq}", at, source, CONVERSIONS[type], seq=seq))
            left.append((source, at))
    left.sort(key=lambda one: one[1])
    return len(gone), _come_from(ledger, sessions, left)


def _come_from(
    ledger: Ledger, sessions: Sequence[Session], left: Sequence[tuple[Source, datetime]]
) -> dict[str, str | None]:
    """Work out anew what the fields of origin say that came from the visitor's sessions."""
    lead = ledger.lead
    before: Mapping[str, str] = lead.origin
    values: dict[str, str | None] = {}
    makes_known = [one for one in sessions if one.begun <= lead.created_at]
    if makes_known and _says(before, "created", makes_known[-1].source):
        earlier = [source for source, at in left if at <= lead.created_at]
        values |= origin_fields("created", earlier[-1] if earlier else UNKNOWN)
    if any(_says(before, "first", one.source) for one in sessions):
        known = {**before, **values}  # what made them known may have named its source without leaving a touch
        created = {f"first_{what}": known.get(f"created_{what}") for what in ORIGIN}
        values |= origin_fields("first", left[0][0]) if left else created
    changed = {name: value for name, value in values.items() if (before.get(name) or None) != value}
    if changed:
        kept = {**before, **changed}
        ledger.lead = lead.changed(origin={name: value for name, value in kept.items() if value})
    return changed


def _says(origin: Mapping[str, str], when: str, source: Source) -> bool:
    return all((origin.get(name) or None) == value for name, value in origin_fields(when, source).items())


async def _last_active(work: LeadTransaction, moved: Sequence[Event]) -> None:
    """The lead was last active when they themselves were."""
    ledger = work.ledger
    if ledger.lead.active_at in {event.at for event in moved if event.type in composite.ACTIVE}:
        found = await splits.last_active(work.hot, ledger.lead.id, composite.ACTIVE)
        ledger.lead = ledger.lead.changed(active_at=found)
        composite.watch_silence(ledger)

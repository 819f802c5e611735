"""A lead's path: the touches that lead up to them, and where they came from, as rows and as built-in fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from dsl.plan.company import MEASURED, ORIGIN
from engine.model.lead import Event
from engine.rules.leads.consequences import Ledger
from engine.rules.tracking.classify import OFFLINE, UNKNOWN, Source
from engine.rules.tracking.sessions import CONVERSIONS, Session, conversion_touch, visit_touch
from engine.rules.tracking.ways import Ways
from engine.store import visitors
from engine.store.db import Hot
from engine.store.sources import source_of
from engine.store.writes import Writes
from engine.tracking.touches import note_touch
from engine.tracking.visits import Visitor, session_of

MOST_SESSIONS = 500
"""Of a visitor who becomes known, the newest so many are joined."""


@dataclass(frozen=True)
class Path:
    """What is known of how a lead came here when they convert: the source that the event itself names, their visitor's
    sessions, the visitor if these become the lead's only now, and the first touch noted before."""

    own: Source = UNKNOWN
    sessions: Sequence[Session] = ()
    joining: UUID | None = None
    first: tuple[Source, datetime] | None = None

    def covering(self, at: datetime) -> Session | None:
        return next((one for one in reversed(self.sessions) if one.covers(at)), None)


async def unjoined(hot: Hot, visitor: UUID) -> list[Session]:
    """The sessions of a visitor who is nobody's yet, in order."""
    return [session_of(one) for one in await visitors.sessions_of_nobody(hot, visitor, MOST_SESSIONS)]


async def path_for(hot: Hot, lead: UUID, visitor: Visitor | None, own: Source, *, new: bool) -> Path:
    """`visitor`: who converts, locked; one who is known as somebody else has no part in this lead's path."""
    if visitor is None or visitor.lead not in (None, lead):
        return Path(own)
    if visitor.lead is not None:
        return Path(own, (visitor.session,) if visitor.session else ())
    sessions = await unjoined(hot, visitor.id)
    return Path(own, sessions, visitor.id, await first_touch(hot, lead) if sessions and not new else None)


async def first_touch(hot: Hot, lead: UUID) -> tuple[Source, datetime] | None:
    row = await visitors.first_touch(hot, lead)
    return (source_of(row.source), row.at) if row else None


def join_sessions(ledger: Ledger, writes: Writes, path: Path) -> None:
    """The sessions of a visitor become the lead's, each with its touch at the instant of the visit itself."""
    for session in path.sessions if path.joining else ():
        writes.update("sessions", id=session.id, lead_id=ledger.lead.id)
        if touch := visit_touch(session):
            note_touch(writes, ledger.lead.id, touch)


def note_conversion(ledger: Ledger, writes: Writes, event: Event, path: Path, at: datetime) -> None:
    """The touch of a form, call, chat, webinar or meeting that no session covers."""
    if touch := conversion_touch(event.type, event.seq, at, path.covering(at), path.own):
        note_touch(writes, ledger.lead.id, touch)


def note_origin(ledger: Ledger, path: Path, at: datetime, by: str | None) -> None:
    """Write where the lead came from into their fields. `by`: what makes them known now, None if they were before."""
    covered = path.covering(at)
    last = covered or next((one for one in reversed(path.sessions) if one.begun <= at), None)
    own = path.own if covered is None and path.own != UNKNOWN else None
    values: dict[str, str | None] = {}
    begun = path.sessions[0].begun if path.sessions and path.joining else None
    if begun is not None and (path.first is None or begun < path.first[1]):
        values |= origin_fields("first", path.sessions[0].source)
    elif by is not None and path.first is None:
        values |= origin_fields("first", own or UNKNOWN)
    if by is not None:
        values |= {**origin_fields("created", own or (last.source if last else UNKNOWN)), "created_by": by}
    if values:
        kept = {**ledger.lead.origin, **values}
        ledger.lead = ledger.lead.changed(origin={name: value for name, value in kept.items() if value})
        ledger.review()


def made_known_by(type: str, name: str) -> str:
    """`form demo`, `call`, `chat`, `event review_written`: what is kept of how somebody became known."""
    noun = {"form.submitted": "form", "form.posted": "form", "custom": "event"}.get(type, type.partition(".")[0])
    return f"{noun} {name}".strip() if type in ("form.submitted", "form.posted", "custom") else noun


def source_of_page(ways: Ways, page: str | None, referrer: str | None) -> Source:
    """Where a visitor came from of whom no visit is known: by the address of the page that the form stood on."""
    return ways.source(page, referrer or "") if page else UNKNOWN


def source_of_event(type: str, given: Source | None = None) -> Source:
    """What an event says of its own source; calls, chats and meetings that say nothing came from outside the web."""
    return given or (OFFLINE if type in CONVERSIONS and type != "form.submitted" else UNKNOWN)


def origin_fields(when: str, source: Source) -> dict[str, str | None]:
    """The built-in fields `first_…` or `created_…` of a lead who came from there; None for what is not known."""
    values: Mapping[str, Any] = vars(source)
    found = {f"{when}_{what}": values[what] or None for what in ORIGIN}
    assert found.keys() <= MEASURED
    return found

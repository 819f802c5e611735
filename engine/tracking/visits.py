"""What a page view leaves behind: its session, the count of its day, and a touch on the path of a lead who is known.

All of it is collected as rows and written with the transaction that takes the view in, under the visitor's lock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from engine.model.ids import new_id
from engine.rules.conditions.addresses import LONGEST
from engine.rules.conditions.addresses import path_of as path_of_address
from engine.rules.tracking.classify import Source
from engine.rules.tracking.sessions import FOLLOWS_CLICK, Session, visit_touch
from engine.rules.tracking.ways import Ways
from engine.runtime.runtime import Runtime
from engine.store import visitors
from engine.store.db import Hot
from engine.store.marks import mark_lead
from engine.store.sources import note_source, source_of, tuple_of
from engine.store.writes import Writes
from engine.tracking.touches import note_touch


@dataclass(frozen=True)
class Visitor:
    """A visitor under their lock: who they are known as, their latest session, and the last day they were counted."""

    id: UUID
    lead: UUID | None
    session: Session | None
    seen_on: date | None

    @staticmethod
    def of(row: Any) -> Visitor:
        return Visitor(row.id, row.lead_id, session_of(row.session) if row.session else None, row.seen_on)


FULL = 200_000
"""Rows of `sources` from which on keywords are no longer told apart: an address can be made up by anybody."""
_EVERY = timedelta(minutes=1)


async def lock_visitor(rt: Runtime, hot: Hot, visitor: UUID | None) -> Visitor | None:
    """The visitor under their lock, made if they are new. Always before the lead's."""
    if visitor is None:
        return None
    return Visitor.of(await visitors.lock(hot, visitor, rt.clock.now()))


def anonymous(visitor: Visitor | None) -> UUID | None:
    """The visitor whose name is not known yet."""
    return visitor.id if visitor is not None and visitor.lead is None else None


async def keep(
    hot: Hot, writes: Writes, visitor: Visitor, key: str, type: str, name: str, data: Mapping[str, Any], at: datetime
) -> None:  # fmt: skip
    """Keep what a locked visitor did until they become known, and commit. The same `key` is the same event."""
    writes.insert("visitor_events", visitor_id=visitor.id, key=key, type=type, name=name, data=data, at=at)
    await writes.flush(hot)
    await hot.commit()


async def see(rt: Runtime, hot: Hot, writes: Writes, ways: Ways, visitor: Visitor, data: Mapping[str, Any]) -> None:
    """Take a page view in: its session, the count of its day, and the touch if the visitor is a lead by now."""
    at, address = rt.clock.now(), str(data.get("url", ""))
    source = ways.source(address, str(data.get("referrer", "")), full=await _full(rt, hot))
    begun = note_view(writes, visitor, source, address, at, ways.day(at))
    if begun is None or visitor.lead is None:
        return
    if touch := visit_touch(begun, await visitors.clicks_since(hot, visitor.lead, at - FOLLOWS_CLICK)):
        note_touch(writes, visitor.lead, touch)
        mark_lead(writes, visitor.lead, at)


async def counted(rt: Runtime, source: Source) -> None:
    """A page view of which only the number is kept, under `NO_CONSENT` or `MACHINES`."""
    deployment = rt.catalog.current or await rt.catalog.refresh()
    if deployment is None:
        return
    async with rt.db.hot() as hot:
        writes = Writes()
        _count(writes, deployment.ways.day(rt.clock.now()), source, "", pages=1)
        await writes.flush(hot)
        await hot.commit()


async def _full(rt: Runtime, hot: Hot) -> bool:
    """Whether there are so many sources that new keywords are not kept; counted once a minute in each process."""
    now = rt.clock.real()
    if rt.sources_counted is None or now - rt.sources_counted[0] > _EVERY:
        rt.sources_counted = (now, await visitors.count_sources(hot))
    return rt.sources_counted[1] >= FULL


def note_view(
    writes: Writes, visitor: Visitor, source: Source, address: str, at: datetime, day: date
) -> Session | None:
    """A view of the page at `address`, of the visit that `source` says; the session if it begins one."""
    before, fresh, path = visitor.session, None, path_of(address)
    if before is not None and before.goes_on(source, at):
        session = replace(before, pages=before.pages + 1, last_at=max(before.last_at, at))
        writes.update("sessions", id=session.id, pages=session.pages, last_at=session.last_at)
        _count(writes, day, session.source, session.landing, pages=1)
    else:
        session = fresh = Session(new_id(at), source, at, at, path)
        click = list(source.click) if source.click else None
        writes.insert(
            "sessions", id=session.id, visitor_id=visitor.id, lead_id=visitor.lead, click=click, landing=path, pages=1,
            source_id=note_source(writes, source), begun=at, last_at=at,
        )  # fmt: skip
        _count(writes, day, source, path, visits=1, visitors=int(visitor.seen_on != day), pages=1)
    writes.update("visitors", id=visitor.id, session=session_row(session), seen_on=day)
    return fresh


def path_of(address: str) -> str:
    """The path of a page's address, "/" for none."""
    return path_of_address(address)[:LONGEST]


# ── as rows ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def session_of(row: Mapping[str, Any]) -> Session:
    """A session from what `session_row` made of it, or from a row of `sessions` with its source's tuple."""
    return Session(
        UUID(row["id"]), source_of(row["source"]), datetime.fromisoformat(row["begun"]),
        datetime.fromisoformat(row["last_at"]), row["landing"], row["pages"],
    )  # fmt: skip


def session_row(session: Session) -> dict[str, Any]:
    return {
        "id": str(session.id), "source": tuple_of(session.source), "begun": session.begun.isoformat(),
        "last_at": session.last_at.isoformat(), "landing": session.landing, "pages": session.pages,
    }  # fmt: skip


def _count(
    writes: Writes, day: date, source: Source, landing: str, *, visits: int = 0, visitors: int = 0, pages: int = 0
) -> None:  # fmt: skip
    writes.insert(
        "visit_days", day=day, source_id=note_source(writes, source), landing=landing, visits=visits,
        visitors=visitors, pages=pages,
    )  # fmt: skip

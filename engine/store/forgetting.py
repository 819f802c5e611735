"""The past of leads that has been kept long enough, taken away lead by lead; what stays of it as figures.

The leads are gone through by their ids, over and over, a page at a time: what is old of a lead is looked up in indexes
that are there anyway, so that no table needs another one for it. A page is one transaction, under the locks of the
leads that something is taken from; leads that somebody else holds have their turn in the next round.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.store import past_figures as figures
from engine.store.db import Database

NOBODY = UUID(int=0)
LEADS = 100
"""Leads that something is taken from in one transaction."""
MOST_ROWS = 5_000
"""Events of them in one transaction; what is left has its turn in the next round."""

_TURN = text("SELECT cursor FROM sweeps WHERE what = 'events' FOR UPDATE SKIP LOCKED")
_ON = text("UPDATE sweeps SET cursor = :cursor WHERE what = 'events'")

# A run is the lead's newest in its campaign for as long as `enters once` may ask for it. One that is for a value of its
# own, or that a handoff or a test names, is kept as long as these need it; one of a lead with a deal says what it
# brought.
_OLD_RUN = """e.state = 'ended' AND e.ended_at < :before
    AND (e.per <> '' OR EXISTS (SELECT FROM enrolments n WHERE n.lead_id = e.lead_id AND n.per = ''
        AND lower(n.campaign) = lower(e.campaign) AND n.number > e.number))
    AND NOT EXISTS (SELECT FROM handoffs h WHERE h.lead_id = e.lead_id AND h.enrolment_id = e.id)
    AND NOT EXISTS (SELECT FROM test_leads t WHERE t.lead_id = e.lead_id AND t.enrolment_id = e.id)
    AND NOT EXISTS (SELECT FROM deals d WHERE d.leads @> ARRAY[e.lead_id])"""

_PAGE = text(f"""
WITH page AS (SELECT id FROM leads WHERE id > :cursor ORDER BY id LIMIT :many)
SELECT id, coalesce((SELECT v.at < :before FROM events v WHERE v.lead_id = page.id ORDER BY v.seq LIMIT 1), false)
        OR coalesce((SELECT m.at < :before FROM messages m WHERE m.lead_id = page.id ORDER BY m.at LIMIT 1), false)
        OR EXISTS (SELECT FROM enrolments e WHERE e.lead_id = page.id AND {_OLD_RUN}) AS old
FROM page ORDER BY id""")

_LOCK = text("SELECT id FROM leads WHERE id = ANY(:leads) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED")

# What a run or a handoff that is still under way may look back to stays, and what a test counts.
_OLD_EVENT = """v.lead_id = ANY(:leads) AND v.at < :before
    AND NOT EXISTS (SELECT FROM enrolments e WHERE e.lead_id = v.lead_id AND e.state <> 'ended'
        AND (e.cursor < v.seq OR e.id = v.enrolment_id OR e.leave_seq = v.seq))
    AND NOT EXISTS (SELECT FROM handoffs h WHERE h.lead_id = v.lead_id AND h.outcome IS NULL AND h.opened_at <= v.at)
    AND NOT EXISTS (SELECT FROM test_leads t WHERE t.lead_id = v.lead_id AND t.enrolment_id = v.enrolment_id)"""

# The first touch says where a lead came from, and a deal's credits may be split again.
_TOUCHES = text("""
DELETE FROM touches t WHERE t.lead_id = ANY(:leads) AND t.at < :before
    AND EXISTS (SELECT FROM touches f WHERE f.lead_id = t.lead_id AND (f.at, f.key) < (t.at, t.key))
    AND NOT EXISTS (SELECT FROM deals d WHERE d.leads @> ARRAY[t.lead_id])""")

_SESSIONS = text("DELETE FROM sessions WHERE lead_id = ANY(:leads) AND begun < :before AND last_at < :before")

# Somebody whose cookie has ended is a stranger in any case.
_VISITORS = text("""
DELETE FROM visitors v WHERE v.id IN (SELECT id FROM visitors WHERE lead_id = ANY(:leads) AND last_at < :visitors)
    AND NOT EXISTS (SELECT FROM visitor_events e WHERE e.visitor_id = v.id)""")


# Their read tables follow the log.
_MARK = text("INSERT INTO dirty (lead_id, at) SELECT unnest(CAST(:leads AS uuid[])), :now")

_STEPS: Mapping[str, tuple[TextClause, tuple[str, ...]]] = {
    "emails": (text(figures.EMAILS), ("before", "zone")),
    "runs": (text(figures.RUNS.format(old=_OLD_RUN)), ("before", "zone")),
    "points": (text(figures.POINTS), ("before", "zone")),
    "events": (text(figures.EVENTS.format(old=_OLD_EVENT)), ("before", "most", "zone", "acts", "deeds")),
    "touches": (_TOUCHES, ("before",)), "lead_sessions": (_SESSIONS, ("before",)),
    "lead_visitors": (_VISITORS, ("visitors",)),
}  # fmt: skip
"""What is taken of locked leads, and the values that its statement has beside them."""


@dataclass(frozen=True, slots=True)
class Page:
    """What was taken from a page of leads: how many rows of what. `last`: the round is over."""

    taken: Mapping[str, int]
    last: bool


async def forget_page(
    db: Database, before: datetime, visitors: datetime, many: int, now: datetime, zone: str, acts: Collection[str]
) -> Page | None:  # fmt: skip
    """Look at the next `many` leads, take from them what is older than `before`, and commit. None: another process is
    at it.

    `visitors`: those of leads who have not been seen since then go too. `zone`: whose days figures are kept by;
    `acts`: types of what leads do themselves.
    """
    async with db.engine.begin() as connection:
        turn = (await connection.execute(_TURN)).first()
        if turn is None:
            return None
        asked = {"cursor": turn.cursor or NOBODY, "many": many, "before": before}
        page = (await connection.execute(_PAGE, asked)).all()
        old = [row.id for row in page if row.old]
        last, cursor = len(page) < many, page[-1].id if page else None
        if len(old) > LEADS:
            old, last, cursor = old[:LEADS], False, old[LEADS - 1]
        free = (await connection.execute(_LOCK, {"leads": old})).scalars().all() if old else ()
        values = {"leads": list(free), "before": before, "visitors": visitors, "most": MOST_ROWS,
                  "zone": zone, "acts": sorted(acts), "deeds": list(figures.DEEDS)}  # fmt: skip
        taken = await _take(connection, values) if free else {}
        if any(taken.values()):
            await connection.execute(_MARK, {"leads": values["leads"], "now": now})
        await connection.execute(_ON, {"cursor": None if last else cursor})
        return Page(taken, last)


async def _take(connection: AsyncConnection, values: Mapping[str, Any]) -> dict[str, int]:
    """What is old of these leads, in an order in which each step still finds what it counts."""
    taken: dict[str, int] = {}
    for what, (statement, names) in _STEPS.items():
        found = await connection.execute(statement, {name: values[name] for name in ("leads", *names)})
        taken[what] = found.scalar_one() if found.returns_rows else found.rowcount
    return taken

"""What a visitor brought to a lead when they were joined, and how it goes back: statements of one transaction.

Nothing is deleted without a trace: an event that goes back stays in the lead's log as `event.moved` with everything it
was, and points that it earned stay under the rule `moved:…`, where no limit counts them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from engine.model.lead import Event
from engine.rules.tracking.classify import Source
from engine.rules.tracking.sessions import Session
from engine.store.db import Hot
from engine.store.sources import source_of

MOVED = "event.moved"
"""The type of an event that went back to its visitor: no rule, condition, or report looks for it."""

_EVENTS = """
WITH moved AS (
    UPDATE events SET type = %(moved)s, key = %(mark)s || key,
        data = jsonb_build_object('type', type, 'visitor', %(visitor)s::text, 'data', data)
    WHERE lead_id = %(lead)s AND starts_with(key, %(prefix)s)
    RETURNING seq, at, name, data, coalesce(happened_at, at) AS happened_at,
        substr(key, length(%(mark)s || %(prefix)s) + 1) AS key
), kept AS (
    INSERT INTO visitor_events (visitor_id, key, type, name, data, at)
    SELECT %(visitor)s::uuid, key, data->>'type', name, data->'data', happened_at FROM moved
    ON CONFLICT (visitor_id, key) DO NOTHING RETURNING 1
)
SELECT seq, at, name, data->>'type' AS type, data->'data' AS data FROM moved ORDER BY seq"""

_SESSIONS = """
WITH moved AS (
    UPDATE sessions SET lead_id = NULL WHERE visitor_id = %(visitor)s::uuid AND lead_id = %(lead)s RETURNING *
)
SELECT s.id, s.begun, s.last_at, s.landing, s.pages,
    jsonb_build_array(o.channel, o.source, o.medium, o.campaign, o.keyword, o.content) AS source
FROM moved s JOIN sources o ON o.id = s.source_id ORDER BY s.begun"""

_TOUCHES = """
DELETE FROM touches WHERE lead_id = %(lead)s AND key = ANY(%(keys)s) RETURNING key, at"""

_LEFT = """
SELECT jsonb_build_array(o.channel, o.source, o.medium, o.campaign, o.keyword, o.content) AS source, t.at
FROM touches t JOIN sources o ON o.id = t.source_id WHERE t.lead_id = %(lead)s ORDER BY t.at, t.key"""

_BARE = """
SELECT e.seq, e.type, coalesce(e.happened_at, e.at) AS at FROM events e
WHERE e.lead_id = %(lead)s AND e.type = ANY(%(types)s)
    AND NOT EXISTS (SELECT FROM touches t WHERE t.lead_id = e.lead_id AND t.key = 'e:' || e.seq)
    AND NOT EXISTS (SELECT FROM sessions s WHERE s.lead_id = e.lead_id
        AND coalesce(e.happened_at, e.at) BETWEEN s.begun AND s.last_at + %(pause)s)
ORDER BY e.seq"""

_POINTS = """
WITH earned AS (
    SELECT p.*, EXISTS (SELECT FROM points x WHERE x.lead_id = p.lead_id AND x.cause = 'x:' || p.cause
        AND x.rule = 'expired:' || p.rule) AS expired
    FROM points p WHERE p.lead_id = %(lead)s AND p.cause = ANY(%(causes)s)
), marked AS (
    UPDATE points p SET rule = 'moved:' || p.rule, expires_at = NULL
    FROM earned e WHERE p.lead_id = e.lead_id AND p.cause = e.cause AND p.rule = e.rule RETURNING 1
)
SELECT cause, rule, model, amount, thing, expired FROM earned ORDER BY seq, rule"""

# A post that still awaits its confirmation would join them again.
_POSTS = """
UPDATE events SET data = data - 'visitor' || jsonb_build_object('split_visitor', data->'visitor')
WHERE lead_id = %(lead)s AND type = 'form.posted' AND data->>'visitor' = %(visitor)s::text"""

_ACTIVE = "SELECT max(at) AS at FROM events WHERE lead_id = %(lead)s AND type = ANY(%(types)s)"


@dataclass(frozen=True, slots=True)
class Earned:
    """Points that an event earned; `expired`: they have been taken back already."""

    cause: str
    rule: str
    model: str
    amount: float
    thing: str
    expired: bool


async def move_events(hot: Hot, lead: UUID, visitor: UUID, mark: str) -> list[Event]:
    """The events that the visitor brought go back to them; as they were. `mark` goes before the keys of what stays in
    the log, so that the same events may come to the lead again."""
    values = {"lead": lead, "visitor": visitor, "prefix": f"v:{visitor}:", "mark": mark, "moved": MOVED}
    rows = await hot.all(_EVENTS, values)
    await hot.run(_POSTS, {"lead": lead, "visitor": visitor})
    return [Event(seq=row.seq, at=row.at, type=row.type, name=row.name, data=row.data) for row in rows]


async def move_sessions(hot: Hot, lead: UUID, visitor: UUID) -> list[Session]:
    """The visitor's sessions are nobody's again; in order."""
    return [
        Session(row.id, source_of(row.source), row.begun, row.last_at, row.landing, row.pages)
        for row in await hot.all(_SESSIONS, {"lead": lead, "visitor": visitor})
    ]


async def remove_touches(hot: Hot, lead: UUID, keys: Sequence[str]) -> list[datetime]:
    """When the touches were that are on the lead's path no more; what they were made from is with the visitor."""
    return [row.at for row in await hot.all(_TOUCHES, {"lead": lead, "keys": list(keys)})]


async def touches_left(hot: Hot, lead: UUID) -> list[tuple[Source, datetime]]:
    return [(source_of(row.source), row.at) for row in await hot.all(_LEFT, {"lead": lead})]


async def bare_conversions(hot: Hot, lead: UUID, types: Collection[str], pause: Any) -> list[tuple[int, str, datetime]]:
    """Conversions that no touch and no session of the lead's covers: number, type, when."""
    rows = await hot.all(_BARE, {"lead": lead, "types": list(types), "pause": pause})
    return [(row.seq, row.type, row.at) for row in rows]


async def mark_points(hot: Hot, lead: UUID, seqs: Sequence[int]) -> list[Earned]:
    """The points that those events earned, which no limit counts from now on."""
    rows = await hot.all(_POINTS, {"lead": lead, "causes": [f"e:{seq}" for seq in seqs]})
    return [Earned(row.cause, row.rule, row.model, float(row.amount), row.thing, row.expired) for row in rows]


async def last_active(hot: Hot, lead: UUID, types: Collection[str]) -> datetime | None:
    found: datetime | None = (await hot.one(_ACTIVE, {"lead": lead, "types": list(types)})).at
    return found

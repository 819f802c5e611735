"""Two records of one person become one, and two again: statements of one transaction, under the locks of both.

The events of both get new numbers, above all that either log has used, in the order of time; so whatever kept one of
the old numbers outside (a link in an email) cannot be mistaken for a new one. What names an event by its number goes
along. Which rows were whose is kept, so that a merge can be undone.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from engine.model.lead import Event
from engine.store.db import Hot
from engine.store.leads import EVENT_JSON, event_of
from engine.store.runs import MOST_EVENTS

# Without it two merges that share a lead could each hold what the other one waits for.
_TURN = "SELECT pg_advisory_xact_lock(hashtextextended('coldframe merges', 0))"

_BUSY = "SELECT 1 AS one FROM messages WHERE lead_id = ANY(%(leads)s::uuid[]) AND state = 'sending' LIMIT 1"

# A number may be of an event, or of what was written with the next one; the instant never runs backwards along it.
_NUMBERS = """
WITH used AS (
    SELECT lead_id, seq, min(at) AS at FROM (
        SELECT lead_id, seq, at FROM events UNION ALL SELECT lead_id, seq, at FROM consents
        UNION ALL SELECT lead_id, seq, at FROM stages UNION ALL SELECT lead_id, seq, booked_at FROM points) rows
    WHERE lead_id = ANY(%(leads)s::uuid[]) AND seq > 0 GROUP BY lead_id, seq
), steady AS (
    SELECT lead_id, seq, max(at) OVER (PARTITION BY lead_id ORDER BY seq) AS at FROM used)
SELECT lead_id, seq, at, row_number() OVER (ORDER BY at, lead_id = %(other)s::uuid, seq) AS place FROM steady"""

_MAP = "unnest(%(of)s::uuid[], %(old)s::bigint[], %(new)s::bigint[]) AS n(lead, old, new)"
_COUNT = f"UPDATE {{table}} t SET seq = n.new FROM {_MAP} WHERE t.lead_id = n.lead AND t.seq = n.old"
_COUNTED = ("events", "consents", "stages", "points", "touches", "mail_hits", "confirmations")
_POSTED = f"""
UPDATE events t SET data = data || jsonb_build_object('formerly',
    coalesce(data->'formerly', '[]') || to_jsonb(n.lead || ':' || n.old))
FROM {_MAP} WHERE t.lead_id = n.lead AND t.seq = n.old AND t.type = 'form.posted'"""
_NAMED = (
    f"""UPDATE events t SET key = 'confirm:' || n.new FROM {_MAP}
        WHERE t.lead_id = n.lead AND t.key = 'confirm:' || n.old""",
    f"""UPDATE events t SET key = regexp_replace(t.key, '[0-9]+$', n.new::text) FROM {_MAP}
        WHERE t.lead_id = n.lead AND t.key LIKE 'absent:%%' AND substring(t.key FROM ':([0-9]+)$')::bigint = n.old""",
    f"""UPDATE lead_clock t SET what = regexp_replace(t.what, '[0-9]+$', n.new::text) FROM {_MAP}
        WHERE t.lead_id = n.lead AND t.what LIKE 'absent:%%' AND substring(t.what FROM ':([0-9]+)$')::bigint = n.old""",
    f"""UPDATE points t SET cause = regexp_replace(t.cause, 'e:[0-9]+$', 'e:' || n.new) FROM {_MAP}
        WHERE t.lead_id = n.lead AND t.cause !~ '(^|:)s:'
            AND substring(t.cause FROM '(?:^|:)e:([0-9]+)$')::bigint = n.old""",
    f"""UPDATE touches t SET key = 'e:' || n.new FROM {_MAP} WHERE t.lead_id = n.lead AND t.key = 'e:' || n.old""",
    f"""UPDATE messages t SET memo = jsonb_set(memo, '{{event_seq}}', to_jsonb(n.new)) FROM {_MAP}
        WHERE t.lead_id = n.lead AND (t.memo->>'event_seq')::bigint = n.old""",
)  # fmt: skip

_RUNS = "SELECT * FROM enrolments WHERE lead_id = ANY(%(leads)s::uuid[]) ORDER BY started_at, id"
_ABOVE = f"""SELECT {EVENT_JSON} AS event FROM events WHERE lead_id = %(lead)s AND seq > %(seq)s
    ORDER BY seq LIMIT %(many)s"""
_APART = "UPDATE enrolments SET number = -number WHERE lead_id = ANY(%(leads)s::uuid[])"
_TAKE_RUNS = """
UPDATE enrolments e SET lead_id = %(kept)s, number = n.number, position = n.position, cursor = n.cursor,
    leave_seq = n.leave_seq, wait = n.wait
FROM jsonb_to_recordset(%(rows)s::jsonb)
    AS n(id uuid, number int, position jsonb, cursor bigint, leave_seq bigint, wait jsonb) WHERE e.id = n.id"""

_EVENTS = """
UPDATE events e SET lead_id = %(kept)s, key = CASE WHEN e.key IS NOT NULL AND EXISTS (
    SELECT FROM events k WHERE k.lead_id = %(kept)s AND k.key = e.key) THEN 'merged:' || e.lead_id || ':' || e.key
    ELSE e.key END
WHERE e.lead_id = %(other)s RETURNING seq AS key"""
_TOUCHES = """
UPDATE touches t SET lead_id = %(kept)s WHERE t.lead_id = %(other)s AND NOT EXISTS (
    SELECT FROM touches k WHERE k.lead_id = %(kept)s AND k.key = t.key) RETURNING key"""
_TESTS = """
UPDATE test_leads t SET lead_id = %(kept)s WHERE t.lead_id = %(other)s AND NOT EXISTS (
    SELECT FROM test_leads k WHERE k.lead_id = %(kept)s AND k.campaign = t.campaign AND k.name = t.name)
RETURNING jsonb_build_array(campaign, name) AS key"""
_KEYS: Mapping[str, str] = {
    "stages": "seq", "confirmations": "seq", "messages": "id", "handoffs": "id", "visitors": "id", "sessions": "id",
    "mail_hits": "id", "consents": "jsonb_build_array(topic, seq)", "points": "jsonb_build_array(cause, rule)",
    **dict.fromkeys(("past_acts", "past_deeds", "past_points"), "id"),
}  # fmt: skip
MOVES: Mapping[str, str] = {
    "events": _EVENTS, "touches": _TOUCHES, "test_leads": _TESTS,
    **{table: f"UPDATE {table} SET lead_id = %(kept)s WHERE lead_id = %(other)s RETURNING {key} AS key"
       for table, key in _KEYS.items()},
}  # fmt: skip
"""By table, how its rows of the other lead become the kept one's. Runs, clocks and deals go ways of their own."""

_CLOCKS = """
INSERT INTO lead_clock (lead_id, what, due_at) SELECT %(kept)s, what, due_at FROM lead_clock WHERE lead_id = %(other)s
ON CONFLICT (lead_id, what) DO UPDATE SET due_at = least(lead_clock.due_at, excluded.due_at)"""
_SHARED = "SELECT id FROM deals WHERE %(kept)s::uuid = ANY(leads) AND %(other)s::uuid = ANY(leads)"
_DEALS = """
UPDATE {} SET leads = CASE WHEN %(kept)s::uuid = ANY(leads) THEN array_remove(leads, %(other)s::uuid)
    ELSE array_replace(leads, %(other)s::uuid, %(kept)s::uuid) END
WHERE %(other)s::uuid = ANY(leads)"""

_RECORD = """SELECT to_jsonb(l) AS row,
    (SELECT max(at) FROM stages WHERE lead_id = l.id) AS staged,
    coalesce((SELECT jsonb_object_agg(model, much) FROM (
        SELECT model, sum(amount) AS much FROM points WHERE lead_id = l.id GROUP BY model) s), '{}') AS scores,
    coalesce((SELECT jsonb_object_agg(what, much) FROM (
        SELECT rule || '@' || model AS what, sum(amount) AS much FROM points
        WHERE lead_id = l.id AND cause LIKE 'f:%%' GROUP BY 1 HAVING sum(amount) <> 0) r), '{}') AS rated,
    (SELECT jsonb_agg(jsonb_build_array(topic, state, at)) FROM (
        SELECT lower(topic) AS topic, state, max(at) AS at FROM consents
        WHERE lead_id = l.id AND state <> 'asked'
            AND (state = 'unsubscribed' OR coalesce(record->>'how', '') <> 'campaign') GROUP BY 1, 2) c) AS said
FROM leads l WHERE id = %(lead)s"""

_SCORES_AFTER = """
UPDATE points p SET score_after = r.much FROM (
    SELECT cause, rule, sum(amount) OVER (PARTITION BY model ORDER BY booked_at, seq, cause, rule) AS much
    FROM points WHERE lead_id = %(lead)s) r
WHERE p.lead_id = %(lead)s AND p.cause = r.cause AND p.rule = r.rule AND p.score_after <> r.much"""

_EARLIER = "SELECT id, kept, moved FROM merges WHERE kept = ANY(%(leads)s::uuid[]) AND undone_at IS NULL"
_OPEN = """SELECT id, team, state, gen, opened_at, member FROM handoffs
    WHERE lead_id = ANY(%(leads)s::uuid[]) AND outcome IS NULL ORDER BY opened_at, id"""

_BECOME = """
UPDATE leads SET email = NULL, merged_into = %(kept)s, former = '{}', fields = '{}', scores = '{}', rated = '{}',
    topics = '{}', lists = '{}', interests = '{}', segments = '{}', origin = '{}', suppressed = NULL, attention = NULL
WHERE id = %(other)s"""
_KEPT = """UPDATE leads SET created_at = %(created)s, former = (
    SELECT coalesce(array_agg(DISTINCT h), '{}') FROM unnest(former || %(hashes)s::text[]) h WHERE h <> %(own)s)
WHERE id = %(kept)s"""


@dataclass(frozen=True, slots=True)
class Numbers:
    """The new number of each event, by lead and old number."""

    by_lead: Mapping[UUID, tuple[list[int], list[int]]] = field(default_factory=dict)
    instants: Sequence[datetime] = ()
    last: int = 0

    def of(self, lead: UUID, seq: int) -> int:
        """The new number of that event, or of the last one before it; what is before all of them keeps its own."""
        old, new = self.by_lead.get(lead, ([], []))
        place = bisect_right(old, seq)
        return new[place - 1] if place else seq

    def since(self, lead: UUID, seq: int, at: datetime) -> int:
        """A new number for "everything up to that event", which was at `at`: the lead's own next one is beyond it, and
        what had happened to the other lead by then is not."""
        old, new = self.by_lead.get(lead, ([], []))
        place = bisect_right(old, seq)
        following = new[place] - 1 if place < len(new) else self.last
        first = self.last - len(self.instants)
        return max(self.of(lead, seq), min(following, first + bisect_right(self.instants, at)))

    @property
    def values(self) -> dict[str, Any]:
        rows = [(lead, *pair) for lead, (old, new) in self.by_lead.items() for pair in zip(old, new, strict=True)]
        return {"of": [one[0] for one in rows], "old": [one[1] for one in rows], "new": [one[2] for one in rows]}


async def take_turn(hot: Hot) -> None:
    """One merge, or its undoing, at a time: each needs the locks of two leads."""
    await hot.run(_TURN, {})


async def busy(hot: Hot, *leads: UUID) -> bool:
    """Whether something of theirs is being handed over at this moment, whose outcome must find its run as it was."""
    return await hot.one(_BUSY, {"leads": list(leads)}) is not None


async def record(hot: Hot, lead: UUID) -> Any:
    """The lead's `row` as JSON; when it came to its stage (`staged`); what its bookings add up to, all and those of
    state rules; what it `said` of topics."""
    return await hot.one(_RECORD, {"lead": lead})


async def renumber(hot: Hot, kept: UUID, other: UUID, base: int) -> Numbers:
    """Give the events of both leads numbers above `base` in the order of time, everywhere but in runs."""
    rows = await hot.all(_NUMBERS, {"leads": [kept, other], "other": other})
    pairs: dict[UUID, list[tuple[int, int]]] = {}
    for row in rows:
        pairs.setdefault(row.lead_id, []).append((row.seq, base + row.place))
    found = Numbers(
        {lead: ([old for old, _ in sorted(them)], [new for _, new in sorted(them)]) for lead, them in pairs.items()},
        sorted(row.at for row in rows), base + len(rows),
    )  # fmt: skip
    values = found.values
    for named in (_POSTED, *_NAMED):
        await hot.run(named, values)
    for table in _COUNTED:
        await hot.run(_COUNT.format(table=table), values)
    return found


async def runs(hot: Hot, *leads: UUID) -> list[Any]:
    """Every run of theirs, the oldest first."""
    return await hot.all(_RUNS, {"leads": list(leads)})


async def events_above(hot: Hot, lead: UUID, seq: int) -> list[Event]:
    """What has happened to the lead after that event, in order; at most so much as a run looks at in one call."""
    rows = await hot.all(_ABOVE, {"lead": lead, "seq": seq, "many": MOST_EVENTS})
    return [event_of(row.event) for row in rows]


async def take_runs(hot: Hot, kept: UUID, other: UUID, rows: Sequence[Mapping[str, Any]]) -> None:
    """The runs of both are the kept lead's; `rows` say of each its number, position, and what else names events."""
    await hot.run(_APART, {"leads": [kept, other]})
    await hot.run(_TAKE_RUNS, {"kept": kept, "rows": json.dumps(rows, default=str)})


async def move(hot: Hot, kept: UUID, other: UUID) -> dict[str, list[Any]]:
    """Everything else of the other lead becomes the kept one's; by table, the keys of what was moved."""
    values = {"kept": kept, "other": other}
    moved = {table: [row.key for row in await hot.all(sql, values)] for table, sql in MOVES.items()}
    moved["shared"] = [row.id for row in await hot.all(_SHARED, values)]
    moved["deals"] = [row.id for row in await hot.all(_DEALS.format("deals") + " RETURNING id", values)]
    events = await hot.all(_DEALS.format("deal_events") + " RETURNING deal_id, number", values)
    moved["deal_events"] = [[row.deal_id, row.number] for row in events]
    await hot.run(_CLOCKS, values)
    await hot.run("DELETE FROM lead_clock WHERE lead_id = %(other)s", values)
    await sum_up(hot, kept)
    return moved


async def sum_up(hot: Hot, lead: UUID) -> None:
    """Each booking of the lead's says again what the score was after it."""
    await hot.run(_SCORES_AFTER, {"lead": lead})


async def earlier(hot: Hot, *leads: UUID) -> list[Any]:
    """Merges into these leads that may still be undone: id, kept, and what they moved."""
    return await hot.all(_EARLIER, {"leads": list(leads)})


async def open_handoffs(hot: Hot, *leads: UUID) -> list[Any]:
    """The open handoffs of these leads, the oldest first."""
    return await hot.all(_OPEN, {"leads": list(leads)})


async def become(hot: Hot, kept: UUID, other: UUID, created: datetime, hashes: Sequence[str], own: str) -> None:
    """The other record keeps its address alone, and leads on to the kept one; `hashes` are its addresses, `own` is the
    kept lead's."""
    await hot.run(_BECOME, {"kept": kept, "other": other})
    await hot.run(_KEPT, {"kept": kept, "created": created, "hashes": list(hashes), "own": own})

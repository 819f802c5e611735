"""Reading a lead for a transaction: lock the row in one statement, look around in the next.

Under READ COMMITTED a statement sees what was committed when it began, so whatever depends on the lock must be read
after the statement that took it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text

from engine.model.lead import Event, Lead
from engine.rules.leads.limits import Probe
from engine.rules.runs.enrolment import Enrolment
from engine.rules.runs.position import Position, streak_of
from engine.store import tables
from engine.store.db import Database, Hot
from engine.store.hits import AROUND_HIT

COLUMNS = """l.id, l.email, l.seq, l.fields, l.scores, l.rated, l.stage, l.topics, l.suppressed, l.created_at,
    l.last_at, l.origin, l.lists, l.interests, l.segments, l.active_at, l.merged_into, l.former, l.epoch AS refreshed,
    (SELECT max(epoch) FROM deployments) AS epoch"""
"""What `locked_of` reads of a lead `l`."""

_LOCK = f"SELECT {COLUMNS}, false AS created FROM leads l WHERE l.id = %(lead)s FOR NO KEY UPDATE OF l"

_PAGE = f"""
SELECT {COLUMNS} FROM leads l WHERE l.id > %(after)s AND l.email IS NOT NULL AND l.merged_into IS NULL
ORDER BY l.id LIMIT %(many)s"""

# A known lead is locked and not written. A new one has the newest epoch at once: to change an indexed column afterwards
# would write each index a second time. No row: somebody else made the lead meanwhile.
_LOCK_OR_CREATE = f"""
WITH known AS (SELECT {COLUMNS}, false AS created FROM leads l WHERE l.email_key = %(key)s FOR NO KEY UPDATE OF l),
made AS (
    INSERT INTO leads AS l
        (id, email, email_key, seq, fields, scores, rated, stage, topics, suppressed, created_at, last_at, epoch)
    SELECT %(id)s::uuid, %(email)s::text, %(key)s::text, 0, '{{}}', '{{}}', '{{}}', %(stage)s::text, '{{}}',
        (SELECT reason FROM suppressions WHERE address_hash = %(hash)s), %(now)s::timestamptz, %(now)s::timestamptz,
        (SELECT coalesce(max(epoch), 0) FROM deployments)
    WHERE NOT EXISTS (SELECT FROM known)
    ON CONFLICT (email_key) DO NOTHING RETURNING {COLUMNS}, true AS created)
SELECT * FROM known UNION ALL SELECT * FROM made"""

_LOCK_BY_MESSAGE = f"""
SELECT {COLUMNS}, m.owner_id, m.template, m.kind, m.staff, m.state, m.address,
    coalesce(m.settled_at, m.at) AS handed, (SELECT url FROM links WHERE id = %(link)s) AS url,
    CASE WHEN %(link)s <> '' THEN (SELECT campaign FROM enrolments WHERE id = m.owner_id) END AS campaign,
    CASE WHEN %(link)s <> '' THEN (SELECT max(t.at) FROM touches t WHERE t.lead_id = m.lead_id
        AND t.kind = 'mail click' AND starts_with(t.key, 'm:' || m.id)) END AS touched
FROM messages m JOIN leads l ON l.id = m.lead_id WHERE m.id = %(message)s FOR NO KEY UPDATE OF l"""

# Until the transaction ends nobody pauses or stops its campaign: see r0004_operations.
LOCK_BY_ENROLMENT = f"""
SELECT {COLUMNS}, campaign_state((SELECT campaign FROM enrolments WHERE id = %(enrolment)s)) AS held
FROM leads l WHERE l.id = (SELECT lead_id FROM enrolments WHERE id = %(enrolment)s)
FOR NO KEY UPDATE OF l"""

_LOCK_BY_HANDOFF = f"""
SELECT {COLUMNS} FROM leads l WHERE l.id = (SELECT lead_id FROM handoffs WHERE id = %(handoff)s)
FOR NO KEY UPDATE OF l"""

ENROLMENTS = """(SELECT jsonb_agg(to_jsonb(r)) FROM (
    SELECT DISTINCT ON (lower(campaign), per) id, campaign, number, digest, state, started_at, ended_at, gen, per,
        goal_at, held_out, CASE WHEN state <> 'ended' THEN position END AS position, position->'fed' AS fed
    FROM enrolments WHERE lead_id = %(lead)s ORDER BY lower(campaign), per, number DESC) r) AS enrolments"""

# Each question goes to the index by itself: joined as a whole, all points and events of the lead would be read, and of
# leads with a long past there are too few for the planner to know.
TALLIES = """(SELECT jsonb_agg(jsonb_build_array(q.n, p.many, p.much))
    FROM jsonb_to_recordset(%(probes)s::jsonb) AS q(n int, rule text, thing text, since timestamptz)
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(times), 0) AS many, coalesce(sum(amount), 0) AS much FROM points
        WHERE lead_id = %(lead)s AND rule = q.rule
            AND (q.thing IS NULL OR thing = q.thing) AND (q.since IS NULL OR booked_at >= q.since)) p) AS tallies"""

_REPEATED = """(SELECT max(e.seq) FROM unnest(%(keys)s::text[]) AS asked(key) CROSS JOIN LATERAL (
    SELECT seq FROM events WHERE lead_id = %(lead)s AND key = asked.key
        AND (at > %(fresh)s OR NOT %(fading)s) LIMIT 1) e) AS repeated"""

_ANONYMOUS = """(SELECT jsonb_agg(jsonb_build_object('type', type, 'name', name, 'data', data, 'key', key, 'at', at)
    ORDER BY at) FROM (
        SELECT * FROM visitor_events WHERE visitor_id = %(visitor)s ORDER BY at LIMIT 500) v) AS anonymous"""

EVENT_JSON = """jsonb_build_object('seq', seq, 'at', at, 'type', type, 'name', name, 'data', data,
    'enrolment_id', enrolment_id, 'message_id', message_id)"""

LONGEST_CHAIN = 50
"""Records of which each has become part of the next."""
MOST_PAST = 500
"""Of each type of events the newest so many are asked."""

# Not asked for, it costs nothing: a query without a row that depends on the lead is not begun.
HISTORY = f"""(SELECT jsonb_agg(event ORDER BY at, seq) FROM (
    SELECT e.at, e.seq, {EVENT_JSON.replace("'seq', seq, 'at', at", "'seq', e.seq, 'at', e.at")} AS event
    FROM unnest(%(history)s::text[]) AS asked(kind) CROSS JOIN LATERAL (
        SELECT * FROM events WHERE lead_id = %(lead)s AND type = asked.kind ORDER BY seq DESC LIMIT {MOST_PAST}) e
    UNION ALL
    SELECT m.at, 0, jsonb_build_object('seq', 0, 'at', m.at, 'type', 'email.received', 'name', m.template,
        'data', '{{}}'::jsonb, 'enrolment_id', m.owner_id, 'message_id', m.id) AS event
    FROM (SELECT * FROM messages WHERE lead_id = %(lead)s AND state = 'accepted'
        AND kind IN ('marketing', 'transactional') AND 'email.received' = ANY(%(history)s::text[])
        ORDER BY at DESC LIMIT {MOST_PAST}) m) p) AS history"""

# A merge gives events other numbers, and notes in a form that awaits its confirmation the earlier ones.
_POSTED = """
SELECT e.lead_id, e.seq, e.name, e.data, e.at, (SELECT jsonb_object_agg(topic, record) FROM consents c
    WHERE c.lead_id = e.lead_id AND c.seq = e.seq AND c.state = 'asked') AS asked
FROM events e WHERE e.lead_id = lead_now(%(lead)s::uuid) AND e.type = 'form.posted' AND (
    (e.lead_id = %(lead)s::uuid AND e.seq = %(seq)s::bigint)
    OR e.data->'formerly' ? (%(lead)s::uuid || ':' || %(seq)s::bigint))"""

_FIND = text("""
SELECT l.id, l.email FROM leads l WHERE l.id = (SELECT lead_now(known.id) FROM leads known WHERE CASE
    WHEN CAST(:id AS uuid) IS NULL THEN known.email_key = :key ELSE known.id = CAST(:id AS uuid) END)""")

_MERGED = text("""SELECT id FROM leads WHERE merged_into IS NOT NULL
    AND (email_key = lower(:who) OR CAST(id AS text) = lower(:who))""")


@dataclass(frozen=True, slots=True)
class Look:
    """What `look_around` is asked beside probes: see there."""

    keys: tuple[str, ...] = ()
    fresh: datetime | None = None
    visitor: UUID | None = None
    history: frozenset[str] = frozenset()

    def values(self, probes: Sequence[Probe] = ()) -> dict[str, Any]:
        return {
            "keys": list(self.keys), "fading": self.fresh is not None, "fresh": self.fresh, "visitor": self.visitor,
            "probes": probes_json(probes), "history": sorted(self.history),
        }  # fmt: skip

    def statement(self, probes: Sequence[Probe] = (), *, by_key: bool = False, hit: bool = False) -> str:
        """What is asked of a lead, in one statement: nothing that nobody wants to know. `by_key`: the lead is found by
        the address, so that it can be sent together with the statement that locks them."""
        return _around(bool(probes), bool(self.keys), self.visitor is not None, bool(self.history), by_key, hit)


NOWHERE = Look()


@lru_cache(maxsize=64)
def _around(tallies: bool, keys: bool, visitor: bool, history: bool, by_key: bool, hit: bool) -> str:
    asked = (
        (tallies, TALLIES), (keys, _REPEATED), (visitor, _ANONYMOUS), (history, HISTORY), (hit, AROUND_HIT),
    )  # fmt: skip
    sql = f"SELECT {', '.join([ENROLMENTS, *(part for wanted, part in asked if wanted)])}"
    if not by_key:
        return sql
    lead = "WITH l AS MATERIALIZED (SELECT id FROM leads WHERE email_key = %(key)s) "
    return lead + sql.replace("%(lead)s", "(SELECT id FROM l)")


@dataclass(frozen=True, slots=True)
class Locked:
    """A lead under its lock. `row` carries what the particular lock read beside it; `around` what was looked at in the
    same round trip, without probes, and how."""

    lead: Lead
    epoch: int | None
    row: Any
    around: tuple[Look, Around] | None = None


@dataclass(frozen=True, slots=True)
class Around:
    """What an event's consequences may ask for."""

    enrolments: list[Enrolment]
    tallies: dict[Probe, tuple[int, float]]
    repeated: int | None
    anonymous: list[dict[str, Any]]
    history: list[Event]
    hits: list[Any] = field(default_factory=list)
    """What the client in question fetched around the hit in question, as rows of `store.hits`."""
    wakes: datetime | None = None
    """With hits: when the first of the lead's runs, or their clock, is due."""


async def lock(hot: Hot, lead: UUID, look: Look | None = None) -> Locked | None:
    """The lead of that id, or the one that its record has become part of. `look`: also look around, in the same round
    trip where that is who the id names."""
    if look is None:
        return await _locked(hot, _LOCK, {"lead": lead})
    row, around = await hot.both(_LOCK, {"lead": lead}, look.statement(), {"lead": lead, **look.values()})
    found = locked_of(row) if row is not None and row.merged_into is None else None
    if found is None:
        return await lock(hot, row.merged_into) if row is not None else None
    return replace(found, around=(look, _around_of((), around)))


async def page_after(hot: Hot, after: UUID, many: int) -> list[Lead]:
    """The next leads by id that were not erased, as they are, without a lock."""
    rows = await hot.all(_PAGE, {"after": after, "many": many})
    return [found.lead for row in rows if (found := locked_of(row)) is not None]


async def lock_or_create(
    hot: Hot, *, id: UUID, email: str, key: str, hash: str, stage: str, now: datetime,
    look: Look | None = None,
) -> Locked:  # fmt: skip
    """The lead with that address, or who had it before, made when it is new; `row.created` tells. `look`: as above."""
    values = {"id": id, "email": email, "key": key, "hash": hash, "stage": stage, "now": now}
    row: Any = None
    if look is not None:
        asked = {"key": key, **look.values()}
        row, around = await hot.both(_LOCK_OR_CREATE, values, look.statement(by_key=True), asked)
        if row is not None and row.merged_into is None:
            return _locked_row(row, (look, _around_of((), around)))
    for _ in range(LONGEST_CHAIN):
        row = row or await hot.one(_LOCK_OR_CREATE, values)
        if row is not None:
            found = _locked_row(row) if row.merged_into is None else await lock(hot, row.merged_into)
            assert found is not None
            return found
    raise RuntimeError("somebody makes the lead and takes it back again and again")


async def lock_by_message(hot: Hot, message: UUID, link: str = "") -> Locked | None:
    """The recipient of a message; `row` has owner_id, template, kind, and the state as it was when the lock was asked
    for; with a `link` its url, the campaign, and when a click on the email was last a touch."""
    return await _locked(hot, _LOCK_BY_MESSAGE, {"message": message, "link": link})


async def lock_by_enrolment(hot: Hot, enrolment: UUID) -> Locked | None:
    """The lead of a run; `row.held` says whether its campaign is paused or stopped (`pause_rules.Pause`)."""
    return await _locked(hot, LOCK_BY_ENROLMENT, {"enrolment": enrolment})


async def lock_by_handoff(hot: Hot, handoff: UUID) -> Locked | None:
    return await _locked(hot, _LOCK_BY_HANDOFF, {"handoff": handoff})


async def _locked(hot: Hot, sql: str, values: dict[str, Any]) -> Locked | None:
    """The lead that the statement locks. A record that has become part of another lead leads on to that one; so does
    one that was merged while the statement waited, which by then knows nothing of where its rows have gone."""
    for _ in range(LONGEST_CHAIN):
        row = await hot.one(sql, values)
        if row is None or row.merged_into is None:
            return locked_of(row)
        values = {**values, "lead": row.merged_into}
    raise RuntimeError(f"more than {LONGEST_CHAIN} records in a row have become part of one another")


async def posted_form(hot: Hot, lead: UUID, seq: int) -> Any | None:
    """Event `seq` of the lead, where it is a form that awaits its confirmation: name, data, and by topic what `asked`
    for consent said."""
    return await hot.one(_POSTED, {"lead": lead, "seq": seq})


async def look_around(
    hot: Hot, lead: UUID, probes: Sequence[Probe] = (), look: Look = NOWHERE,
    around_hit: Mapping[str, Any] | None = None,
) -> Around:  # fmt: skip
    """Everything around a locked lead, in one statement. `look.keys`: under which natural keys an event may have come
    before; those older than `fresh` no longer count.

    `look.history`: of which types of events the past is asked; what an anonymous `visitor` did is given in any case.
    `around_hit`: see `hits.question`.
    """
    values = {"lead": lead, **look.values(probes), **(around_hit or {})}
    return _around_of(probes, await hot.one(look.statement(probes, hit=around_hit is not None), values))


def _around_of(probes: Sequence[Probe], row: Any) -> Around:
    return Around(
        enrolments=enrolments_of(row.enrolments),
        tallies=tallies_of(probes, getattr(row, "tallies", None)),
        repeated=getattr(row, "repeated", None),
        anonymous=getattr(row, "anonymous", None) or [],
        history=[event_of(one) for one in getattr(row, "history", None) or ()],
        hits=getattr(row, "hits", None) or [],
        wakes=getattr(row, "wakes", None),
    )


async def is_known(db: Database, lead: UUID) -> bool:
    async with db.engine.connect() as connection:
        return (
            await connection.execute(select(tables.leads.c.id).where(tables.leads.c.id == lead))
        ).first() is not None


async def find(db: Database, key: str, id: UUID | None = None) -> tuple[UUID, str | None] | None:
    """The lead with that `email_key` or id, by now: id and address."""
    async with db.engine.connect() as connection:
        row = (await connection.execute(_FIND, {"key": key, "id": id})).first()
    return (row.id, row.email) if row else None


async def merged_record(db: Database, who: str) -> UUID | None:
    """The record with that address or id which has become part of another lead; None: there is none."""
    async with db.engine.connect() as connection:
        found: UUID | None = (await connection.execute(_MERGED, {"who": who})).scalar()
    return found


async def form_awaiting(db: Database, lead: UUID, seq: int) -> str | None:
    """The form that event `seq` of the lead is, which awaits or awaited its confirmation; None for any other event."""
    async with db.hot() as hot:
        found = await posted_form(hot, lead, seq)
    return None if found is None else str(found.name)


async def link_target(db: Database, link: str) -> str | None:
    """The address behind a click link."""
    links = tables.links.c
    async with db.engine.connect() as connection:
        url: str | None = (await connection.execute(select(links.url).where(links.id == link))).scalar()
    return url


async def history_of(hot: Hot, lead: UUID, types: Collection[str]) -> list[Event]:
    """The newest events of those types, in the order of time."""
    row = await hot.one(f"SELECT {HISTORY}", {"lead": lead, "history": sorted(types)})
    return [event_of(one) for one in row.history or ()]


def probes_json(probes: Sequence[Probe]) -> str:
    asked = [
        {"n": n, "rule": one.rule, "thing": one.thing, "since": one.since and one.since.isoformat()}
        for n, one in enumerate(probes)
    ]
    return json.dumps(asked)


def tallies_of(probes: Sequence[Probe], rows: Sequence[Any] | None) -> dict[Probe, tuple[int, float]]:
    return {probes[n]: (many, float(much)) for n, many, much in rows or ()}


def enrolments_of(rows: Sequence[Mapping[str, Any]] | None) -> list[Enrolment]:
    return [enrolment_of(row) for row in rows or ()]


def enrolment_of(row: Mapping[str, Any]) -> Enrolment:
    position = row["position"]
    return Enrolment(
        id=UUID(row["id"]), campaign=row["campaign"], number=row["number"], digest=row["digest"], state=row["state"],
        position=Position.from_json(position) if position else Position((), fed=streak_of(row.get("fed"))),
        started_at=datetime.fromisoformat(row["started_at"]),
        ended_at=datetime.fromisoformat(row["ended_at"]) if row["ended_at"] else None, gen=row["gen"],
        per=row["per"], goal_at=datetime.fromisoformat(row["goal_at"]) if row["goal_at"] else None,
        held_out=row.get("held_out"),
    )  # fmt: skip


def event_of(row: Mapping[str, Any]) -> Event:
    """An event from its JSON (see EVENT_JSON)."""
    enrolment, message = row.get("enrolment_id"), row.get("message_id")
    return Event(
        seq=row["seq"], at=datetime.fromisoformat(row["at"]), type=row["type"], name=row["name"], data=row["data"],
        enrolment_id=UUID(enrolment) if enrolment else None, message_id=UUID(message) if message else None,
    )  # fmt: skip


def locked_of(row: Any) -> Locked | None:
    return _locked_row(row) if row is not None else None


def _locked_row(row: Any, around: tuple[Look, Around] | None = None) -> Locked:
    """A lead that was just made stands in no epoch yet: its clocks are still to be set."""
    epoch = 0 if getattr(row, "created", False) else row.refreshed
    lead = Lead(
        id=row.id, email=row.email, seq=row.seq, fields=row.fields, scores=row.scores, rated=row.rated, stage=row.stage,
        topics=row.topics, suppressed=row.suppressed, created_at=row.created_at, last_at=row.last_at, lists=row.lists,
        interests=row.interests, segments=row.segments, active_at=row.active_at, epoch=epoch, origin=row.origin,
        former=tuple(row.former),
    )  # fmt: skip
    return Locked(lead, row.epoch, row, around)


async def as_of_now(db: Database, id: UUID) -> Any | None:
    """The row of a lead, or of the lead that they were joined with; without a lock, for a page."""
    async with db.engine.connect() as connection:
        return (await connection.execute(select(tables.leads).where(tables.leads.c.id == func.lead_now(id)))).first()

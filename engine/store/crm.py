"""What stands between leads and a CRM: links to its records, changes that wait to be written there, and how far it has
been read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from engine.store.db import Database, Hot
from engine.store.leads import COLUMNS
from engine.store.tables import instant, metadata

crm_links = Table(
    "crm_links", metadata,
    Column("system", Text, primary_key=True),
    Column("lead_id", Uuid, primary_key=True),
    Column("remote_id", Text, nullable=False),
    Column("seen", JSONB, nullable=False, comment="the CRM's values as they were last written or read"),
    Column("attention", Text, comment="why a person must look"),
    instant("changed_at"),
    instant("at", required=True),
    Index("crm_links_remote", "system", "remote_id", unique=True),
    Index("crm_links_of_lead", "lead_id"),
)  # fmt: skip
crm_outbox = Table(
    "crm_outbox", metadata,
    Column("system", Text, primary_key=True),
    Column("lead_id", Uuid, primary_key=True),
    Column(
        "bump", BigInteger, nullable=False, comment="grows with each change, so that none is lost while one is written"
    ),
    Column("attempts", Integer, nullable=False),
    Column("reason", Text, comment="why it was refused; it waits for the next change of the lead"),
    instant("at", required=True),
    instant("real_next_at", required=True),
    Index("crm_outbox_due", "system", "real_next_at"),
    Index("crm_outbox_of_lead", "lead_id"),
)  # fmt: skip
crm_hooks = Table(
    "crm_hooks", metadata,
    Column("system", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("remote_id", Text, nullable=False),
    instant("at", required=True),
    instant("done_at"),
    Index("crm_hooks_open", "system", "at", postgresql_where=text("done_at IS NULL")),
)  # fmt: skip
crm_cursors = Table(
    "crm_cursors", metadata,
    Column("system", Text, primary_key=True),
    Column("cursor", Text, nullable=False),
    instant("real_at", required=True),
)  # fmt: skip

_CLAIM = """
UPDATE crm_outbox o SET real_next_at = %(until)s, attempts = o.attempts + 1 FROM (
    SELECT lead_id FROM crm_outbox WHERE system = %(system)s AND reason IS NULL AND real_next_at <= %(now)s
    ORDER BY real_next_at LIMIT %(many)s FOR UPDATE SKIP LOCKED) due
WHERE o.system = %(system)s AND o.lead_id = due.lead_id
RETURNING o.lead_id, o.bump, o.attempts"""
_LEADS = f"""
SELECT {COLUMNS}, k.remote_id, k.seen,
    EXISTS (SELECT 1 FROM stages s WHERE s.lead_id = l.id AND s.stage = ANY(%(stages)s::text[])) AS reached
FROM leads l LEFT JOIN LATERAL (
    SELECT c.remote_id, c.seen FROM crm_links c WHERE c.system = %(system)s
        AND (c.lead_id = l.id OR c.lead_id IN (SELECT m.id FROM leads m WHERE m.merged_into = l.id))
    ORDER BY c.lead_id = l.id DESC, c.at LIMIT 1) k ON true
WHERE l.id = ANY(%(leads)s::uuid[])"""
_LINK = """
INSERT INTO crm_links (system, lead_id, remote_id, seen, changed_at, at)
VALUES (%(system)s, %(lead)s, %(remote)s, %(seen)s, %(changed)s, %(now)s)
ON CONFLICT (system, lead_id) DO UPDATE SET remote_id = excluded.remote_id,
    seen = crm_links.seen || excluded.seen,
    changed_at = coalesce(excluded.changed_at, crm_links.changed_at)"""
_UNLINK_OTHERS = "DELETE FROM crm_links WHERE system = %(system)s AND remote_id = %(remote)s AND lead_id <> %(lead)s"
_DONE = "DELETE FROM crm_outbox WHERE system = %(system)s AND lead_id = %(lead)s AND bump = %(bump)s"
_RELEASE = """UPDATE crm_outbox SET real_next_at = %(next)s, attempts = greatest(0, attempts - %(back)s),
    reason = %(reason)s
    WHERE system = %(system)s AND lead_id = %(lead)s AND bump = %(bump)s"""
_AGAIN = """UPDATE crm_outbox SET real_next_at = %(next)s
    WHERE system = %(system)s AND lead_id = %(lead)s AND bump <> %(bump)s"""
_GONE = "DELETE FROM crm_links WHERE system = %(system)s AND lead_id = %(lead)s"
_FOUND = """
SELECT lead_now(k.lead_id) AS lead_id, k.remote_id, k.seen, k.changed_at, 0 AS rank FROM crm_links k
    WHERE k.system = %(system)s AND k.remote_id = ANY(%(remotes)s::text[])
UNION ALL SELECT l.id, k.remote_id, coalesce(k.seen, '{}'), k.changed_at, 1 FROM leads l
    LEFT JOIN crm_links k ON k.system = %(system)s AND k.lead_id = l.id
    WHERE l.id = %(lead)s AND l.email IS NOT NULL
UNION ALL SELECT lead_now(l.id), k.remote_id, coalesce(k.seen, '{}'), k.changed_at, 2 FROM leads l
    LEFT JOIN crm_links k ON k.system = %(system)s AND k.lead_id = lead_now(l.id)
    WHERE l.email_key = %(key)s
ORDER BY rank LIMIT 1"""
_PENDING = "SELECT at FROM crm_outbox WHERE system = %(system)s AND lead_id = %(lead)s"
_ATTEND = "UPDATE crm_links SET attention = %(why)s WHERE system = %(system)s AND lead_id = %(lead)s"
_CURSOR = "SELECT cursor FROM crm_cursors WHERE system = %(system)s"
_SET_CURSOR = """INSERT INTO crm_cursors (system, cursor, real_at) VALUES (%(system)s, %(cursor)s, %(now)s)
    ON CONFLICT (system) DO UPDATE SET cursor = excluded.cursor, real_at = excluded.real_at"""
_HOOK = """INSERT INTO crm_hooks (system, key, remote_id, at, done_at)
    VALUES (%(system)s, %(key)s, %(remote)s, %(now)s, %(done)s) ON CONFLICT (system, key) DO NOTHING RETURNING key"""
_HOOKS = """SELECT key, remote_id FROM crm_hooks WHERE system = %(system)s AND done_at IS NULL
    ORDER BY at LIMIT %(many)s"""
_HOOK_DONE = "UPDATE crm_hooks SET done_at = %(now)s WHERE system = %(system)s AND key = ANY(%(keys)s::text[])"
_ALL = """INSERT INTO crm_outbox (system, lead_id, bump, attempts, reason, at, real_next_at)
    SELECT %(system)s, l.id, 1, 0, NULL, %(now)s, %(real)s FROM leads l
    WHERE l.email IS NOT NULL AND l.merged_into IS NULL AND (l.stage = ANY(%(stages)s::text[])
        OR EXISTS (SELECT 1 FROM stages s WHERE s.lead_id = l.id AND s.stage = ANY(%(stages)s::text[])))
    ON CONFLICT (system, lead_id) DO UPDATE SET reason = NULL, real_next_at = excluded.real_next_at"""
_STATUS = text("""
SELECT s.system,
    (SELECT count(*) FROM crm_links k WHERE k.system = s.system) AS linked,
    (SELECT count(*) FROM crm_outbox o WHERE o.system = s.system AND o.reason IS NULL) AS waiting,
    (SELECT min(at) FROM crm_outbox o WHERE o.system = s.system AND o.reason IS NULL) AS since,
    (SELECT count(*) FROM crm_outbox o WHERE o.system = s.system AND o.reason IS NOT NULL) AS refused,
    (SELECT reason FROM crm_outbox o WHERE o.system = s.system AND o.reason IS NOT NULL ORDER BY at DESC LIMIT 1)
        AS last_refusal,
    (SELECT count(*) FROM crm_links k WHERE k.system = s.system AND k.attention IS NOT NULL) AS attention,
    (SELECT count(*) FROM crm_hooks h WHERE h.system = s.system AND h.done_at IS NULL) AS hooks,
    (SELECT real_at FROM crm_cursors c WHERE c.system = s.system) AS read_at
FROM unnest(CAST(:systems AS text[])) AS s(system)""")
_OF_LEAD = text("""
SELECT s.system, k.remote_id, k.seen, k.attention, o.at AS waiting_since, o.reason
FROM unnest(CAST(:systems AS text[])) AS s(system)
LEFT JOIN crm_links k ON k.system = s.system AND k.lead_id = :lead
LEFT JOIN crm_outbox o ON o.system = s.system AND o.lead_id = :lead""")


async def claim(hot: Hot, system: str, many: int, now: datetime, until: datetime) -> Sequence[Any]:
    """Leads whose changes are due: `lead_id`, `bump`, `attempts`. They are this caller's until `until` (real time)."""
    return await hot.all(_CLAIM, {"system": system, "many": many, "now": now, "until": until})


async def leads_for(hot: Hot, system: str, leads: Sequence[UUID], stages: Sequence[str]) -> Sequence[Any]:
    """Rows of the leads with `remote_id` and `seen` of their link, and whether they have `reached` such a stage."""
    return await hot.all(_LEADS, {"system": system, "leads": list(leads), "stages": list(stages)})


async def link(
    hot: Hot, system: str, lead: UUID, remote: str, seen: Mapping[str, Any], now: datetime,
    changed: datetime | None = None,
) -> None:  # fmt: skip
    """Note the lead's record there, and which values it has now. A record is one lead's."""
    values = {
        "system": system,
        "lead": lead,
        "remote": remote,
        "seen": Jsonb(dict(seen)),
        "changed": changed,
        "now": now,
    }
    await hot.run(_UNLINK_OTHERS, values)
    await hot.run(_LINK, values)


async def unlink(hot: Hot, system: str, lead: UUID) -> None:
    await hot.run(_GONE, {"system": system, "lead": lead})


async def done(hot: Hot, system: str, lead: UUID, bump: int, now: datetime) -> None:
    """The change was written; what was changed meanwhile is due at once."""
    values = {"system": system, "lead": lead, "bump": bump, "next": now}
    await hot.run(_DONE, values)
    await hot.run(_AGAIN, values)


async def release(
    hot: Hot, system: str, lead: UUID, bump: int, next: datetime, *, counted: bool, reason: str | None = None
) -> None:  # fmt: skip
    """It is to be tried again at `next` (real time), or not at all before the lead changes, because of `reason`.
    `counted`: the attempt counts."""
    values = {"system": system, "lead": lead, "bump": bump, "next": next, "back": 0 if counted else 1, "reason": reason}
    await hot.run(_RELEASE, values)
    await hot.run(_AGAIN, values)


async def found(hot: Hot, system: str, remotes: Sequence[str], lead: UUID | None, key: str | None) -> Any | None:
    """Whose record it is: by link, then by our external id, then by address; with the link's `seen`."""
    return await hot.one(_FOUND, {"system": system, "remotes": list(remotes), "lead": lead, "key": key})


async def pending(hot: Hot, system: str, lead: UUID) -> datetime | None:
    """Since when a change of the lead waits to be written."""
    row = await hot.one(_PENDING, {"system": system, "lead": lead})
    return row.at if row else None


async def attend(hot: Hot, system: str, lead: UUID, why: str | None) -> None:
    """Why a person must look at this link; None: no longer."""
    await hot.run(_ATTEND, {"system": system, "lead": lead, "why": why})


async def cursor(hot: Hot, system: str) -> str:
    row = await hot.one(_CURSOR, {"system": system})
    return row.cursor if row else ""


async def set_cursor(hot: Hot, system: str, cursor: str, now: datetime) -> None:
    await hot.run(_SET_CURSOR, {"system": system, "cursor": cursor, "now": now})


async def note_hook(hot: Hot, system: str, key: str, remote: str, now: datetime, *, finished: bool = False) -> bool:
    """Whether it is news: a hook that came before is noted once."""
    values = {"system": system, "key": key, "remote": remote, "now": now, "done": now if finished else None}
    return await hot.one(_HOOK, values) is not None


async def open_hooks(hot: Hot, system: str, many: int) -> Sequence[Any]:
    return await hot.all(_HOOKS, {"system": system, "many": many})


async def finish_hooks(hot: Hot, system: str, keys: Sequence[str], now: datetime) -> None:
    await hot.run(_HOOK_DONE, {"system": system, "keys": list(keys), "now": now})


async def mark_all(hot: Hot, system: str, stages: Sequence[str], now: datetime, real: datetime) -> None:
    """Every lead that the CRM should have is compared anew."""
    await hot.run(_ALL, {"system": system, "stages": list(stages), "now": now, "real": real})


async def waiting(hot: Hot, system: str) -> Any:
    """`many`: leads whose changes wait to be written."""
    return await hot.one("SELECT count(*) AS many FROM crm_outbox WHERE system = %(system)s", {"system": system})


async def status(db: Database, systems: Sequence[str]) -> list[dict[str, Any]]:
    async with db.engine.connect() as connection:
        return [dict(row) for row in (await connection.execute(_STATUS, {"systems": list(systems)})).mappings()]


async def of_lead(db: Database, systems: Sequence[str], lead: UUID) -> list[dict[str, Any]]:
    async with db.engine.connect() as connection:
        rows = await connection.execute(_OF_LEAD, {"systems": list(systems), "lead": lead})
        return [dict(row) for row in rows.mappings()]

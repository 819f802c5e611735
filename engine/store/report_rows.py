"""What the read tables are computed from, and their rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text

from engine.model.lead import MERGED
from engine.rules.reports.attribution import PathTouch
from engine.store.db import Database, Hot
from engine.store.report_tables import credits, deal_facts, deal_states, lead_facts, lead_returns, stage_stays
from engine.store.writes import Writes

Row = Mapping[str, Any]
OF_LEAD: Final = tuple(table.name for table in (lead_facts, stage_stays, lead_returns))
OF_DEAL: Final = tuple(table.name for table in (deal_facts, deal_states, credits))
_COLUMNS: Final = {
    table.name: tuple(column.name for column in table.columns)
    for table in (lead_facts, stage_stays, lead_returns, deal_facts, deal_states, credits)
}

_LOCK_LEAD = "SELECT id FROM leads WHERE id = %(id)s FOR NO KEY UPDATE"
_LEAD = """
SELECT l.created_at, l.stage, l.origin, l.fields->>'country' AS country,
    (SELECT jsonb_agg(jsonb_build_object('seq', seq, 'stage', stage, 'before', before, 'reason', reason, 'at', at)
        ORDER BY seq) FROM stages WHERE lead_id = l.id) AS moves,
    (SELECT jsonb_agg(jsonb_build_array(type = 'handoff.rejected', coalesce(happened_at, at),
        coalesce(happened_at, at))) FROM events WHERE lead_id = l.id AND type = ANY(%(types)s)) AS acts,
    (SELECT jsonb_agg(jsonb_build_array(refused, since, until)) FROM past_acts WHERE lead_id = l.id) AS past,
    (SELECT jsonb_agg(id ORDER BY id) FROM deals WHERE leads @> ARRAY[%(id)s::uuid]) AS deals,
    (SELECT jsonb_build_object('seq', seq, 'at', at) FROM events WHERE lead_id = l.id AND type = %(merged)s::text
        ORDER BY seq DESC LIMIT 1) AS merged
FROM leads l WHERE l.id = %(id)s AND l.merged_into IS NULL"""
_MARKS = "SELECT id FROM dirty WHERE lead_id = %(id)s"
_LOCK_DEAL = "SELECT id FROM deals WHERE id = %(id)s FOR NO KEY UPDATE"
_DEAL_MARKS = "SELECT id FROM dirty WHERE deal_id = %(id)s"
_KNOWN = "SELECT id, created_at FROM leads WHERE id = ANY(%(leads)s) ORDER BY created_at, id"
_TOUCHES = """
SELECT t.at, t.source_id, o.channel, t.seq, t.key FROM touches t JOIN sources o ON o.id = t.source_id
WHERE t.lead_id = ANY(%(leads)s)"""
_PAGES = {
    "lead": text("SELECT id FROM leads WHERE id > :after ORDER BY id LIMIT :many"),
    "deal": text("SELECT id FROM deals WHERE id > :after ORDER BY id LIMIT :many"),
}
_SAMPLES = {
    "lead": text("SELECT id FROM leads ORDER BY random() LIMIT :many"),
    "deal": text("SELECT id FROM deals ORDER BY random() LIMIT :many"),
}
_COUNTS = text("SELECT (SELECT count(*) FROM leads) AS leads, (SELECT count(*) FROM deals) AS deals")
_ORPHANS = {
    table: text(f"DELETE FROM {table} r WHERE NOT EXISTS (SELECT FROM {whole} w WHERE w.id = r.{key})")
    for tables, whole, key in ((OF_LEAD, "leads", "lead_id"), (OF_DEAL, "deals", "deal_id"))
    for table in tables
}


async def lock_lead(hot: Hot, lead: UUID) -> list[int]:
    """The lead's marks, once nobody else is changing the lead."""
    await hot.one(_LOCK_LEAD, {"id": lead})
    return [row.id for row in await hot.all(_MARKS, {"id": lead})]


async def lock_deal(hot: Hot, deal: str) -> list[int]:
    await hot.one(_LOCK_DEAL, {"id": deal})
    return [row.id for row in await hot.all(_DEAL_MARKS, {"id": deal})]


async def lead(hot: Hot, id: UUID, types: Collection[str]) -> Any | None:
    """What the log says of a lead; of its events those of these types and rejections by sales. None: there is no such
    lead, or it has become part of another."""
    return await hot.one(_LEAD, {"id": id, "types": sorted({*types, "handoff.rejected"}), "merged": MERGED})


async def known_since(hot: Hot, leads: Sequence[UUID]) -> list[tuple[UUID, datetime]]:
    """The leads of a deal and when each became known, the first one first."""
    return [(row.id, row.created_at) for row in await hot.all(_KNOWN, {"leads": list(leads)})]


async def touches(hot: Hot, leads: Sequence[UUID]) -> list[PathTouch]:
    """All touches of these leads, in no order."""
    rows = await hot.all(_TOUCHES, {"leads": list(leads)})
    return [PathTouch(row.at, row.source_id, row.channel, row.seq, row.key) for row in rows]


async def kept(hot: Hot, table: str, key: str, id: UUID | str) -> list[dict[str, Any]]:
    """The rows of one lead or deal as they stand."""
    names = _COLUMNS[table]
    columns = ", ".join(f'"{name}"' for name in names)
    found = await hot.all(f"SELECT {columns} FROM {table} WHERE {key} = %(id)s", {"id": id})
    return [dict(zip(names, row, strict=True)) for row in found]


async def replace(hot: Hot, table: str, key: str, id: UUID | str, rows: Sequence[Row]) -> None:
    """Put these rows in the place of those that the lead or deal has."""
    await hot.run(f"DELETE FROM {table} WHERE {key} = %(id)s", {"id": id})
    writes = Writes()
    for row in rows:
        writes.insert(table, **row)
    await writes.flush(hot)


async def page(db: Database, what: str, after: UUID | str, many: int) -> list[Any]:
    """Ids of the leads or deals behind one, in their order."""
    async with db.engine.connect() as connection:
        return list((await connection.execute(_PAGES[what], {"after": after, "many": many})).scalars())


async def sample(db: Database, what: str, many: int) -> list[Any]:
    """Ids of so many leads or deals, drawn at random."""
    async with db.engine.connect() as connection:
        return list((await connection.execute(_SAMPLES[what], {"many": many})).scalars())


async def counts(db: Database) -> tuple[int, int]:
    """How many leads and deals there are."""
    async with db.engine.connect() as connection:
        row = (await connection.execute(_COUNTS)).one()
    return int(row.leads), int(row.deals)


async def remove_orphans(db: Database) -> int:
    """Remove rows of leads and deals that are gone; how many."""
    async with db.engine.begin() as connection:
        return sum([(await connection.execute(statement)).rowcount for statement in _ORPHANS.values()])

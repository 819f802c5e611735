"""Hits as rows: what one client did around an instant, which held ones are due, and what is old enough to go."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from engine.rules.tracking.hits import AROUND, SCANNED, Hit
from engine.store.db import Database, Hot

_HIT = """jsonb_build_object('id', id, 'at', at, 'kind', kind, 'client', client, 'agent', agent, 'lead', lead_id,
    'link', link, 'signs', signs, 'handed', handed)"""

# Of one client: all around the instant, and on the lead's emails also what came somewhat before.
AROUND_HIT = f"""(SELECT jsonb_agg({_HIT}) FROM (
    SELECT * FROM mail_hits WHERE client = %(client)s AND at >= %(hits_since)s AND at <= %(hits_until)s
        AND (at >= %(hits_near)s OR lead_id = %(lead)s) ORDER BY at DESC LIMIT 200) h) AS hits,
    least((SELECT min(due_at) FROM enrolments WHERE lead_id = %(lead)s AND state <> 'ended'),
        (SELECT min(due_at) FROM lead_clock WHERE lead_id = %(lead)s)) AS wakes"""

_DUE = text("""
SELECT id, lead_id, message_id, kind, link, at FROM mail_hits WHERE judgement = 'held' AND due_at <= :now
ORDER BY due_at LIMIT :many""")
_PUT_OFF = text("UPDATE mail_hits SET due_at = :later WHERE id = :id AND judgement = 'held'")
# That a machine fetched or clicked an email stays known of the email.
_PRUNE = text("""
WITH gone AS (
    DELETE FROM mail_hits WHERE id IN (SELECT id FROM mail_hits WHERE at < :before ORDER BY at LIMIT :many)
    RETURNING message_id, kind, judgement
), noted AS (
    UPDATE messages m SET machine = m.machine | g.bits FROM (
        SELECT message_id, bit_or(CASE kind WHEN 'click' THEN 3 ELSE 1 END) AS bits FROM gone
        WHERE judgement = 'machine' AND message_id IS NOT NULL GROUP BY message_id) g
    WHERE m.id = g.message_id)
SELECT count(*) FROM gone""")
_COUNT = text("SELECT count(*) FROM mail_hits WHERE judgement <> 'held'")
_PAGE = text("""
SELECT id, lead_id, client, kind, link, agent, signs, judgement, reasons, version, seq, at, handed FROM mail_hits
WHERE judgement <> 'held' AND (at, id) > (:at, :id) ORDER BY at, id LIMIT :many""")
_NEIGHBOURS = text(f"""
SELECT h.client, {_HIT.replace("'id', id", "'id', h.id")} AS hit FROM mail_hits h
WHERE client = ANY(:clients) AND at >= :since AND at <= :until""")
_JUDGED = text("""
UPDATE mail_hits h SET judgement = n.judgement, reasons = n.reasons, version = n.version
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS n(id uuid, judgement text, reasons text[], version int)
WHERE h.id = n.id AND h.judgement <> 'held'""")


def question(client: str, at: datetime) -> dict[str, Any]:
    """The values of AROUND_HIT, beside the lead."""
    return {"client": client, "hits_since": at - SCANNED, "hits_near": at - AROUND, "hits_until": at + AROUND}


def hit_of(row: Mapping[str, Any]) -> Hit:
    """A hit from its JSON."""
    return Hit(
        at=datetime.fromisoformat(row["at"]), kind=row["kind"], client=row["client"], agent=row["agent"],
        lead=str(row["lead"]), link=row["link"], signs=tuple(row["signs"]),
        handed=datetime.fromisoformat(row["handed"]) if row["handed"] else None,
    )  # fmt: skip


async def held(hot: Hot, id: UUID) -> Hit | None:
    """A hit that still waits for its judgement."""
    row = await hot.one(
        f"SELECT {_HIT} AS hit FROM mail_hits WHERE id = %(id)s AND judgement = 'held'", {"id": id}
    )  # fmt: skip
    return hit_of(row.hit) if row is not None else None


async def due(db: Database, now: datetime, many: int) -> Sequence[Any]:
    """Held hits whose time has come, the earliest first."""
    async with db.engine.connect() as connection:
        return (await connection.execute(_DUE, {"now": now, "many": many})).all()


async def put_off(db: Database, id: UUID, later: datetime) -> None:
    """Leave a held hit alone until then that could not be judged."""
    async with db.engine.begin() as connection:
        await connection.execute(_PUT_OFF, {"id": id, "later": later})


async def drop(hot: Hot, id: UUID) -> None:
    """Take away a held hit whose lead or email is gone, and commit."""
    await hot.run("DELETE FROM mail_hits WHERE id = %(id)s AND judgement = 'held'", {"id": id})
    await hot.commit()


async def prune(db: Database, before: datetime, many: int) -> int:
    """Remove the oldest hits from before an instant, at most so many; how many there were."""
    async with db.engine.begin() as connection:
        return int((await connection.execute(_PRUNE, {"before": before, "many": many})).scalar_one())


async def count(db: Database) -> int:
    """How many hits have been judged."""
    async with db.engine.connect() as connection:
        found: int = (await connection.execute(_COUNT)).scalar_one()
        return found


async def judged(db: Database, many: int) -> AsyncIterator[Sequence[tuple[Any, Hit, list[Hit]]]]:
    """All judged hits, so many at a time in the order of time: the row, the hit, and its client's others around it."""
    at, id = datetime(1970, 1, 1, tzinfo=UTC), UUID(int=0)
    while True:
        async with db.engine.connect() as connection:
            rows = (await connection.execute(_PAGE, {"at": at, "id": id, "many": many})).all()
            if not rows:
                return
            span = {"since": rows[0].at - AROUND, "until": rows[-1].at + AROUND}
            asked = {"clients": sorted({row.client for row in rows}), **span}
            near: dict[str, list[tuple[str, Hit]]] = {}
            for client, hit in await connection.execute(_NEIGHBOURS, asked):
                near.setdefault(client, []).append((hit["id"], hit_of(hit)))
        yield [_with_neighbours(row, near.get(row.client, []), AROUND) for row in rows]
        at, id = rows[-1].at, rows[-1].id


async def judge_again(db: Database, rows: str) -> None:
    """Write new judgements: a JSON list of id, judgement, reasons, version."""
    async with db.engine.begin() as connection:
        await connection.execute(_JUDGED, {"rows": rows})


def _with_neighbours(row: Any, near: list[tuple[str, Hit]], span: timedelta) -> tuple[Any, Hit, list[Hit]]:
    own = Hit(
        row.at, row.kind, row.client, row.agent, str(row.lead_id), row.link, tuple(row.signs), row.handed
    )  # fmt: skip
    return row, own, [hit for id, hit in near if id != str(row.id) and abs(hit.at - row.at) <= span]

"""What advertising cost and what currencies are worth, as rows: a later value replaces, the old one goes to the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from engine.store.db import Hot
from engine.store.marks import DEALS_IN

_TURN = "SELECT pg_advisory_xact_lock(hashtext('coldframe money'))"
"""One import at a time: what it compares with does not change under it."""
_SOURCES = """INSERT INTO sources SELECT * FROM jsonb_populate_recordset(NULL::sources, %(rows)s::jsonb)
    ON CONFLICT (id) DO NOTHING"""
_STORE = """WITH given AS (SELECT * FROM jsonb_populate_recordset(NULL::{table}, %(rows)s::jsonb)),
    replaced AS (SELECT old.* FROM given JOIN {table} AS old USING ({key})
        WHERE ({values_old}) IS DISTINCT FROM ({values_given})),
    logged AS (INSERT INTO money_log (what, day, thing, old, origin, at)
        SELECT '{what}', day, {thing}::text, to_jsonb(replaced), %(origin)s::text, %(at)s::timestamptz
        FROM replaced RETURNING 1),
    written AS (INSERT INTO {table} SELECT given.* FROM given
        ON CONFLICT ({key}) DO UPDATE SET {assigned}, origin = excluded.origin, at = excluded.at
        WHERE ({values_table}) IS DISTINCT FROM ({values_new}) RETURNING 1)
    SELECT (SELECT count(*) FROM written) AS written, (SELECT count(*) FROM logged) AS replaced"""
_RATES = """UPDATE deals SET rate = found.rate FROM (
        SELECT id, (SELECT rate FROM rates WHERE rates.currency = deals.currency
            AND rates.day <= (deals.closed_at AT TIME ZONE %(zone)s)::date ORDER BY day DESC LIMIT 1) AS rate
        FROM deals WHERE status = 'won' AND currency = ANY(%(currencies)s)) AS found
    WHERE found.id = deals.id AND found.rate IS DISTINCT FROM deals.rate"""


@dataclass(frozen=True)
class Stored:
    """How many rows are new, replaced an older value, or were there already."""

    new: int = 0
    replaced: int = 0
    same: int = 0

    def __add__(self, other: Stored) -> Stored:
        return Stored(self.new + other.new, self.replaced + other.replaced, self.same + other.same)


def _statement(table: str, what: str, key: Sequence[str], thing: str, values: Sequence[str]) -> str:
    def of(prefix: str) -> str:
        return ", ".join(f"{prefix}.{name}" for name in values)

    return _STORE.format(
        table=table, what=what, key=", ".join(key), thing=thing, values_old=of("old"), values_given=of("given"),
        values_table=of(table), values_new=of("excluded"),
        assigned=", ".join(f"{name} = excluded.{name}" for name in values),
    )  # fmt: skip


_SPEND = _statement(
    "spend", "spend", ("day", "source_id"), "source_id", ("amount", "currency", "clicks", "impressions")
)
_RATE = _statement("rates", "rate", ("currency", "day"), "currency", ("rate",))


async def take_turn(hot: Hot) -> None:
    await hot.all(_TURN, {})


async def store_spend(hot: Hot, sources: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]) -> Stored:
    """Rows of `spend`, one per day and source, with the rows of `sources` they name."""
    await hot.run(_SOURCES, {"rows": _json(sources)})
    return await _store(hot, _SPEND, rows)


async def store_rates(hot: Hot, rows: Sequence[Mapping[str, Any]]) -> Stored:
    return await _store(hot, _RATE, rows)


async def rate_deals(hot: Hot, currencies: Sequence[str], zone: str, at: datetime) -> None:
    """Give the deals that were won in these currencies the rate of their day, at the instant `at`."""
    await hot.run(DEALS_IN, {"currencies": list(currencies), "at": at})
    await hot.run(_RATES, {"currencies": list(currencies), "zone": zone})


async def _store(hot: Hot, sql: str, rows: Sequence[Mapping[str, Any]]) -> Stored:
    if not rows:
        return Stored()
    values = {"rows": _json(rows), "origin": rows[0]["origin"], "at": rows[0]["at"]}
    found = await hot.one(sql, values)
    return Stored(found.written - found.replaced, found.replaced, len(rows) - found.written)


def _json(rows: Sequence[Mapping[str, Any]]) -> str:
    return orjson.dumps(list(rows), default=dict).decode()

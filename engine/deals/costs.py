"""What advertising cost and what currencies are worth, taken in: all of an import or nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any
from urllib.parse import urlencode

from dsl.plan import Program
from engine.model.ports import Clock
from engine.rules.deals.rate_files import RateLine
from engine.rules.deals.spend_files import SpendLine
from engine.rules.tracking.classify import Source
from engine.rules.tracking.ways import Ways
from engine.store import spend
from engine.store.db import Database
from engine.store.sources import source_id
from engine.store.spend import Stored

BATCH = 1000
"""Rows of one statement."""


def source_of(line: SpendLine, ways: Ways) -> Source:
    """The source that visits have whose links are tagged like this; it is classified as they are."""
    said = {
        "utm_source": line.source, "utm_medium": line.medium, "utm_campaign": line.campaign, "utm_term": line.keyword,
        "utm_content": line.content,
    }  # fmt: skip
    return ways.source("https://page.invalid/?" + urlencode({name: text for name, text in said.items() if text}), "")


async def take_spend(
    db: Database, clock: Clock, program: Program, lines: Sequence[SpendLine], origin: str,
    done: Callable[[int], None] = lambda _: None, *, dry: bool = False,
) -> Stored:  # fmt: skip
    """Store the lines, of which the last one for a day and source counts. `done` is told how many more are stored.

    `dry`: say what would change, and change nothing.
    """
    ways, at = Ways.of(program), clock.now()
    sources: dict[int, dict[str, Any]] = {}
    rows: dict[tuple[date, int], dict[str, Any]] = {}
    for line in lines:
        source = source_of(line, ways)
        id = source_id(source)
        kept = asdict(source)
        del kept["click"]
        sources[id] = {"id": id, **kept}
        rows[line.day, id] = {
            "day": line.day, "source_id": id, "amount": line.amount, "currency": line.currency, "clicks": line.clicks,
            "impressions": line.impressions, "origin": origin, "at": at,
        }  # fmt: skip
    stored = Stored()
    async with db.hot() as hot:
        await spend.take_turn(hot)
        every = list(rows.values())
        for start in range(0, len(every), BATCH):
            batch = every[start : start + BATCH]
            wanted = {row["source_id"] for row in batch}
            stored += await spend.store_spend(hot, [sources[id] for id in wanted], batch)
            done(len(batch))
        if not dry:
            await hot.commit()
    return stored


async def take_rates(
    db: Database, clock: Clock, program: Program, lines: Sequence[RateLine], origin: str, *, dry: bool = False
) -> Stored:
    """Store the lines, and give the deals won since then their rate. `dry`: only say what would change."""
    at = clock.now()
    rows = {
        (line.currency, line.day): {
            "currency": line.currency, "day": line.day, "rate": str(line.rate), "origin": origin, "at": at,
        }
        for line in lines
    }  # fmt: skip
    stored = Stored()
    async with db.hot() as hot:
        await spend.take_turn(hot)
        every = list(rows.values())
        for start in range(0, len(every), BATCH):
            stored += await spend.store_rates(hot, every[start : start + BATCH])
        await spend.rate_deals(hot, sorted({line.currency for line in lines}), program.workspace.timezone, at)
        if not dry:
            await hot.commit()
    return stored

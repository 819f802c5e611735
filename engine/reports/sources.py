"""The sources report: where visits and leads come from, what became of them, what they cost and brought."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from engine.reports.asking import Asked
from engine.reports.findings import NO_TOUCH_KNOWN
from engine.reports.paths import live_credits
from engine.rules.conditions import calendar
from engine.rules.reports.credits import NO_TOUCH, NOT_CONVERTED, converted
from engine.rules.reports.query import SOURCE_BY
from engine.rules.reports.table import Column, Row, Table, per, ratio, summed
from engine.store import report_queries as queries
from engine.tracking.retention import VISITORS

Key = tuple[str, ...]
Cells = dict[Key, dict[str, Any]]

MADE: Final = (("by_form", "by form"), ("by_call", "by call"), ("by_chat", "by chat"), ("by_other", "other"))
_KEYS: Final = {"form": "by_form", "call": "by_call", "chat": "by_chat"}


async def tables(connection: AsyncConnection, asked: Asked) -> list[Table]:
    query, fine = asked.query, Cells()
    width, whole = SOURCE_BY.index(query.by) + 1, len(SOURCE_BY)
    span, days = (query.since, query.until), (query.first, query.last)
    for row in await queries.visits(connection, *days):
        _add(fine, row, whole, visits=row.visits)
    for row in await queries.leads(connection, asked.known, *span):
        _add(fine, row, whole, leads=row.many, **{_KEYS.get(row.made_by, "by_other"): row.many})
    reached = asked.order[2:]
    for number, stage in enumerate(reached):
        for row in await queries.leads(connection, asked.beyond(stage), *span):
            _add(fine, row, whole, **{f"stage{number}": row.many})
    for row in await queries.won(connection, *span):
        _add(fine, row, whole, won=row.many)
    await _revenue(connection, asked, fine, whole)
    await _cost(connection, asked, fine, whole)
    cells = gathered(fine, width)
    everybody = await _visitors(connection, asked, cells, width)
    asked.aside["campaigns"] = [
        {**dict(zip(SOURCE_BY, key, strict=False)), **cell} for key, cell in sorted(gathered(fine, 3).items())
    ]
    if asked.listing:
        await _behind(connection, asked, width)
    return [_table(asked, cells, width, reached, everybody)]


async def _behind(connection: AsyncConnection, asked: Asked, width: int) -> None:
    """The leads and deals that the rows count."""
    span = asked.query.since, asked.query.until
    for one in await queries.leads_one_by_one(connection, asked.known, *span):
        key = (one.channel, one.source, one.campaign, one.keyword)[:width]
        asked.keep("sources", "leads", key, one.lead_id)
        asked.keep("sources", _KEYS.get(one.made_by, "by_other"), key, one.lead_id)
    for number, stage in enumerate(asked.order[2:]):
        for one in await queries.leads_one_by_one(connection, asked.beyond(stage), *span):
            key = (one.channel, one.source, one.campaign, one.keyword)[:width]
            asked.keep("sources", f"stage{number}", key, one.lead_id)
    for one in await queries.won_one_by_one(connection, *span):
        known = (one.channel, one.source, one.campaign, one.keyword)[:width]
        key = known if one.channel is not None else (NO_TOUCH_KNOWN, *[""] * (width - 1))
        asked.keep("sources", "won", key, one.deal_id)


def gathered(fine: Cells, width: int) -> Cells:
    """The sums by the first so many parts of the key."""
    cells = Cells()
    for key, counts in fine.items():
        cell = cells.setdefault(key[:width], {})
        for name, many in counts.items():
            cell[name] = cell.get(name, 0) + many
    return cells


def _add(cells: Cells, row: Any, width: int, **counts: int) -> None:
    key = tuple((row.channel, row.source, row.campaign, row.keyword)[:width])
    if row.channel is None:
        key = (NO_TOUCH_KNOWN, *[""] * (width - 1))
    cell = cells.setdefault(key, {})
    for name, many in counts.items():
        cell[name] = cell.get(name, 0) + many


async def _visitors(connection: AsyncConnection, asked: Asked, cells: Cells, width: int) -> int | None:
    """How many different visitors there were in all; None where visits of strangers may have been removed already."""
    workspace = asked.program.workspace
    lengths = [workspace.visitors_kept or VISITORS, *([workspace.events_kept] if workspace.events_kept else [])]
    kept = max(calendar.since(one, asked.now, workspace.timezone) for one in lengths)
    if asked.query.since < kept:
        asked.note(f"visitors are left out: single visits are kept from {kept.date()} on")
        return None
    ids: set[Any] = set()
    seen: dict[Key, set[Any]] = {}
    for row in await queries.visitors(connection, asked.query.since, asked.query.until):
        ids.add(row.visitor_id)
        seen.setdefault((row.channel, row.source, row.campaign, row.keyword)[:width], set()).add(row.visitor_id)
    for key, found in seen.items():
        cells.setdefault(key, {})["visitors"] = len(found)
    return len(ids)


async def _revenue(connection: AsyncConnection, asked: Asked, cells: Cells, width: int) -> None:
    query = asked.query
    found: Sequence[Any]
    if query.live:
        found = await live_credits(connection, asked)
    else:
        found = await queries.credited(connection, query.model, query.since, query.until)
    aside: dict[str, int] = {}
    for row in found:
        if row.source_id == NOT_CONVERTED:
            aside[row.currency] = aside.get(row.currency, 0) + row.amount
        elif row.source_id == NO_TOUCH or row.currency == asked.currency:
            _add(cells, row, width, revenue=row.amount)
    asked.not_converted(aside, "revenue")


async def _cost(connection: AsyncConnection, asked: Asked, cells: Cells, width: int) -> None:
    aside: dict[str, int] = {}
    for row in await queries.spent(connection, asked.query.first, asked.query.last):
        rate = Fraction(row.rate) if row.rate is not None else None
        if rate is None and row.currency != asked.currency:
            aside[row.currency] = aside.get(row.currency, 0) + row.amount
        else:
            _add(cells, row, width, cost=converted(row.amount, row.currency, asked.currency, rate))
    asked.not_converted(aside, "cost")


def _table(asked: Asked, cells: Cells, width: int, reached: Sequence[str], everybody: int | None) -> Table:
    stages = [f"stage{number}" for number in range(len(reached))]
    counted = ["visitors"] if everybody is not None else []
    counts = ["visits", *counted, "leads", *(key for key, _ in MADE), *stages, "won", "revenue", "cost"]
    order = sorted(cells.items(), key=lambda one: (-(one[1].get("revenue") or 0), -one[1].get("leads", 0), one[0]))
    rows = [
        _with_ratios({**dict(zip(SOURCE_BY, key, strict=False)), **dict.fromkeys(counts, 0), **cell}, stages)
        for key, cell in order
        if any(cell.values())
    ]
    sums = {SOURCE_BY[0]: "Total", **summed(rows, counts), "visitors": everybody}
    columns = [one for one in _columns(asked, width, reached) if one.key != "visitors" or counted]
    return Table(
        "sources", f"Sources by {asked.query.by}", columns, rows, _with_ratios(sums, stages) if rows else None,
        "nothing was counted in this period; visits need the script on your pages, costs `coldframe import spend`",
        compared=("leads", "revenue", "cost"),
    )  # fmt: skip


def _with_ratios(row: dict[str, Any], stages: Sequence[str]) -> Row:
    cost = row["cost"]
    return {
        **row, "rate": ratio(row["leads"], row["visits"]), "cost_per_lead": per(cost, row["leads"]) if cost else None,
        "cost_per_mql": per(cost, row[stages[0]]) if cost and stages else None,
        "roi": ratio(row["revenue"] - cost, cost),
    }  # fmt: skip


def _columns(asked: Asked, width: int, reached: Sequence[str]) -> Iterable[Column]:
    yield from (Column(name, name, "text") for name in SOURCE_BY[:width])
    yield Column("visits", "visits", "count", "sessions begun, by the days of the workspace's time zone")
    yield Column("visitors", "visitors", "count", "different visitors; one who came two ways is in both rows")
    yield Column("leads", "new leads", "count", asked.new_lead)
    for key, head in MADE:
        yield Column(key, head, "count", f"new leads who became known {head}" if key != "by_other" else "all others")
    yield Column("rate", "per visit", "share", "new leads ÷ visits")
    for number, stage in enumerate(reached):
        yield Column(f"stage{number}", stage, "count", f"leads whose first time at {stage} or beyond it was")
    yield Column("won", "deals", "count", "deals first won, by what made the first of their leads known")
    yield Column("revenue", "revenue", "money", f"revenue by {asked.query.model}; refunds on their own day")
    yield Column("cost", "cost", "money", "what advertising cost on these days")
    yield Column("cost_per_lead", "per lead", "money", "cost ÷ new leads")
    if reached:
        yield Column("cost_per_mql", f"per {reached[0]}", "money", f"cost ÷ {reached[0]}")
    yield Column("roi", "ROI", "share", "(revenue − cost) ÷ cost")

"""The report on segments and regions: what becomes of the leads of each, and what they bring."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from engine.reports.asking import Asked
from engine.rules.conditions.shares import interval
from engine.rules.reports.table import Column, Row, Table, ratio
from engine.store import report_content, report_funnel

OVERLAPPING: Final = ("segment", "interest")
"""Divisions in which a lead may be in several rows, or in none."""
NONE: Final = "(none)"


async def tables(connection: AsyncConnection, asked: Asked) -> list[Table]:
    query, by = asked.query, asked.query.by
    span, rows = (query.since, query.until), dict[str, dict[str, Any]]()
    reached = asked.order[2:]
    stages = [f"stage{number}" for number in range(len(reached))]
    keys = ("leads", "later", *stages, "won", "revenue")
    qualified = asked.beyond(asked.qualified) if asked.qualified else ()

    def put(key: str, found: Mapping[str, int]) -> None:
        for value, many in found.items():
            name = asked.named(value) or NONE
            row = rows.setdefault(name, {"value": name, **dict.fromkeys(keys, 0)})
            row[key] += many

    put("leads", await report_content.leads_by(connection, *asked.division, asked.known, *span))
    put("later", await report_content.later_by(connection, *asked.division, asked.known, qualified, *span))
    for key, stage in zip(stages, reached, strict=True):
        put(key, await report_content.leads_by(connection, *asked.division, asked.beyond(stage), *span))
    put("won", await report_content.won_by(connection, *asked.division, *span))
    put("revenue", await report_content.revenue_by(connection, *asked.division, *span))
    if asked.listing:
        for key, beyond in [("leads", asked.known), *((key, asked.beyond(stage)) for key, stage in
                                                      zip(stages, reached, strict=True))]:  # fmt: skip
            for one in await report_content.members_by(connection, *asked.division, beyond, *span):
                asked.keep("segments", key, (asked.named(one.value) or NONE,), one.id)
    if by == "segment":
        for segment in asked.program.segments:
            put("leads", {segment.name: 0})
    asked.note(f"leads are counted by the {by} that they have now")
    everybody = await _everybody(connection, asked, stages, reached)
    lines = [_with_range(row) for row in rows.values()]
    lines.sort(key=lambda row: (-row["revenue"], -row["leads"], row["value"]))
    if by in OVERLAPPING:
        asked.note(f"a lead with more than one {by} counts in each, and in the total once")
    total = _with_range({"value": "All leads", **everybody}) if lines else None
    return [Table("segments", f"Leads by {by}", tuple(_columns(asked, stages)), lines, total,
                  f"no lead has a {by}", ("leads", "revenue"))]  # fmt: skip


async def _everybody(
    connection: AsyncConnection, asked: Asked, stages: list[str], reached: tuple[str, ...]
) -> dict[str, Any]:  # fmt: skip
    """The figures of all leads, whatever they are divided by."""
    span = asked.query.since, asked.query.until

    async def first_times(beyond: tuple[str, ...]) -> int:
        return len(await report_funnel.who(connection, beyond, *span))

    whole = {"leads": await first_times(asked.known)}
    whole |= {key: await first_times(asked.beyond(stage)) for key, stage in zip(stages, reached, strict=True)}
    qualified = asked.beyond(asked.qualified) if asked.qualified else ()
    later = await report_content.later_by(connection, "country", "", asked.known, qualified, *span)
    won = await report_content.won_by(connection, "country", "", *span)
    revenue = await report_content.revenue_by(connection, "country", "", *span)
    return {**whole, "later": sum(later.values()), "won": sum(won.values()), "revenue": sum(revenue.values())}


def _with_range(row: Mapping[str, Any]) -> Row:
    low, high = interval(row["later"], row["leads"]) if row["leads"] else (None, None)
    return {**row, "share": ratio(row["later"], row["leads"]), "low": low, "high": high}


def _columns(asked: Asked, stages: list[str]) -> Any:
    by, reached = asked.query.by, asked.order[2:]
    yield Column("value", by, "text")
    yield Column("leads", "new leads", "count", asked.new_lead)
    for key, stage in zip(stages, reached, strict=True):
        yield Column(key, stage, "count", f"leads whose first time at {stage} or beyond it was")
    if asked.qualified:
        mql = asked.qualified
        yield Column("later", f"{mql} so far", "count", f"of the new leads, who have reached {mql} by now")
        yield Column("share", "share", "share", f"{mql} so far ÷ new leads")
        yield Column("low", "from", "share", "the true share lies from here, with 95% confidence")
        yield Column("high", "to", "share", "to here")
    yield Column("won", "deals", "count", "deals first won, by the first of their leads")
    yield Column("revenue", "revenue", "money", "what deals brought, by the first of their leads")

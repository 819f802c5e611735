"""The report on opportunities: deals standing, moving and ending by stage, and what the open ones will bring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from engine.reports.asking import Asked
from engine.rules.reports.credits import converted
from engine.rules.reports.pipeline import FEW_CLOSED, Chance, forecast, stages_in_order, stalls_after
from engine.rules.reports.table import Column, Row, Table, summed
from engine.store import report_deals

NO_STAGE: Final = "(no stage)"
NOBODY: Final = "(none)"
_KEYS: Final = ("standing", "amount", "progressed", "regressed", "stalled", "stalled_amount", "won", "lost")


async def tables(connection: AsyncConnection, asked: Asked) -> list[Table]:
    until = min(asked.query.until, asked.now + timedelta(microseconds=1))
    found = await report_deals.standing(connection, *asked.division, until)
    order = await _order(connection, found, until)
    amounts = await _amounts(connection, asked, found, until)
    return [
        await _stages(connection, asked, found, order, amounts, until),
        await _forecast(connection, asked, found, order, amounts, until),
        await _people(connection, asked, until),
    ]


async def _order(connection: AsyncConnection, standing: Sequence[Any], until: datetime) -> dict[str, int]:
    """The place of each stage in the order in which deals pass them."""
    moves = {(row.stage, row.next_stage): row.many for row in await report_deals.passed(connection, until)}
    known = stages_in_order(moves)
    others = sorted({row.stage for row in standing} - {*known})
    return {stage: place for place, stage in enumerate([*known, *others])}


async def _amounts(
    connection: AsyncConnection, asked: Asked, standing: Sequence[Any], until: datetime
) -> dict[str, int]:  # fmt: skip
    """The amounts of open deals in the currency of the sums, by the rates of the last day."""
    last = (until - timedelta(microseconds=1)).astimezone(ZoneInfo(asked.program.workspace.timezone)).date()
    rates = await report_deals.rates(connection, last)
    found: dict[str, int] = {}
    aside: dict[str, int] = {}
    for row in standing:
        if row.amount is None or row.currency is None:
            continue
        rate = rates.get(row.currency)
        if row.currency != asked.currency and rate is None:
            aside[row.currency] = aside.get(row.currency, 0) + row.amount
            continue
        found[row.deal_id] = converted(row.amount, row.currency, asked.currency, Fraction(rate) if rate else None)
    asked.not_converted(aside, "open deals")
    return found


# ── by stage ─────────────────────────────────────────────────────────────────────────────────────────────────────────
async def _stages(
    connection: AsyncConnection, asked: Asked, standing: Sequence[Any], order: Mapping[str, int],
    amounts: Mapping[str, int], until: datetime,
) -> Table:  # fmt: skip
    by, rows = asked.query.by, dict[tuple[str, str], dict[str, Any]]()

    def row(stage: str, value: str) -> dict[str, Any]:
        said = asked.named(value) or NOBODY
        head = {"stage": stage or NO_STAGE, **({by: said} if by != "stage" else {})}
        return rows.setdefault((stage, said), {**head, **dict.fromkeys(_KEYS, 0)})

    stayed = {one.stage: stalls_after(one.median and float(one.median), one.won)
              for one in await report_deals.stayed(connection, until)}  # fmt: skip
    for one in standing:
        cell, amount = row(one.stage, one.by), amounts.get(one.deal_id, 0)
        cell["standing"] += 1
        heads = [cell["stage"], *([cell[by]] if by != "stage" else [])]
        asked.keep("stages", "standing", heads, one.deal_id)
        cell["amount"] += amount
        if until - one.since > stayed.get(one.stage, stalls_after(None, 0)):
            asked.keep("stages", "stalled", heads, one.deal_id)
            cell["stalled"] += 1
            cell["stalled_amount"] += amount
    for one in await report_deals.moved(connection, *asked.division, asked.query.since, until):
        cell = row(one.stage, one.by)
        cell[_way(order, one)] += one.many
        asked.keep("stages", _way(order, one), [cell["stage"], *([cell[by]] if by != "stage" else [])], *one.deals)
    lines = [one for _, one in sorted(rows.items(), key=lambda one: (order.get(one[0][0], len(order)), one[0][1]))]
    total = {"stage": "Total", **summed(lines, _KEYS)} if lines else None
    title = "Opportunities by stage" + (f" and {by}" if by != "stage" else "")
    return Table("stages", title, list(_columns(asked)), lines, total, "there was no open deal",
                 ("standing", "amount", "won"))  # fmt: skip


def _way(order: Mapping[str, int], moved: Any) -> str:
    if moved.next_status != "open":
        return str(moved.next_status)
    return "progressed" if order.get(moved.next_stage, 0) > order.get(moved.stage, 0) else "regressed"


def _columns(asked: Asked) -> Sequence[Column]:
    by = asked.query.by
    heads = [Column("stage", "stage", "text", "in the order in which most deals pass them")]
    if by != "stage":
        heads.append(Column(by, by, "text", "of the deal, or of its lead who became known first"))
    return (
        *heads,
        Column("standing", "open", "count", "deals open at the end of the period"),
        Column("amount", "amount", "money", "what they are worth, at the rates of the last day"),
        Column("progressed", "progressed", "count", "moves to a later stage in the period"),
        Column("regressed", "regressed", "count", "moves to an earlier stage in the period"),
        Column("stalled", "stalled", "count", "open deals without a move for twice the median stay of won deals in "
               "the stage; 30 days if fewer than five were won"),
        Column("stalled_amount", "stalled amount", "money", "what the stalled ones are worth"),
        Column("won", "won", "count", "won in the period, from this stage"),
        Column("lost", "lost", "count", "lost in the period, from this stage"),
    )  # fmt: skip


# ── what they will bring ─────────────────────────────────────────────────────────────────────────────────────────────
async def _forecast(
    connection: AsyncConnection, asked: Asked, standing: Sequence[Any], order: Mapping[str, int],
    amounts: Mapping[str, int], until: datetime,
) -> Table:  # fmt: skip
    chances = {one.stage: Chance(one.won, one.closed) for one in await report_deals.chances(connection, until)}
    closed = await report_deals.closed(connection, until)
    by_stage: dict[str, list[int]] = {}
    for one in standing:
        by_stage.setdefault(one.stage, []).append(amounts.get(one.deal_id, 0))
    groups = [(stage, chances.get(stage, Chance(0, 0)), by_stage[stage])
              for stage in sorted(by_stage, key=lambda stage: order[stage])]  # fmt: skip
    rows: list[Row] = [{"stage": stage or NO_STAGE, "deals": len(worth), **_row([(chance, worth)]),
                        "closed": chance.closed, "chance": chance.share}
                       for stage, chance, worth in groups]  # fmt: skip
    if rows and closed < FEW_CLOSED:
        asked.note(f"few deals so far: the forecast rests on {closed} closed deals, fewer than {FEW_CLOSED}")
    whole = [(chance, worth) for _, chance, worth in groups]
    deals = sum(len(worth) for _, worth in whole)
    total = {"stage": "Total", "deals": deals, "closed": closed, **_row(whole)} if rows else None
    columns = (
        Column("stage", "stage", "text"), Column("deals", "open", "count", "deals open at the end of the period"),
        Column("amount", "amount", "money", "what they are worth"),
        Column("closed", "closed", "count", "closed deals that were ever in the stage"),
        Column("chance", "chance", "share", "(won + 1) ÷ (closed + 2) of these"),
        Column("expected", "expected", "money", "chance × amount, for each open deal"),
        Column("low", "from", "money", "what they bring lies from here, with 80% confidence"),
        Column("high", "to", "money", "to here"),
    )  # fmt: skip
    return Table("forecast", "Forecast", columns, rows, total, "there is no open deal to forecast", ("expected",))


def _row(groups: Sequence[tuple[Chance, Sequence[int]]]) -> dict[str, Any]:
    found = forecast(groups)
    return {"amount": sum(map(sum, (worth for _, worth in groups))), "expected": found.expected, "low": found.low,
            "high": found.high}  # fmt: skip


# ── people ───────────────────────────────────────────────────────────────────────────────────────────────────────────
async def _people(connection: AsyncConnection, asked: Asked, until: datetime) -> Table:
    rows: dict[str, dict[str, Any]] = {}
    keys = [f"stage{number}" for number in range(len(asked.order))]
    for one in await report_deals.people(connection, until) if asked.main else ():
        if one.stage in asked.order:
            row = rows.setdefault(one.channel, {"channel": one.channel, **dict.fromkeys(keys, 0)})
            row[keys[asked.order.index(one.stage)]] += one.many
    lines = [row for _, row in sorted(rows.items())]
    columns = [Column("channel", "channel", "text", "what made the leads known")]
    columns += [Column(key, stage, "count", f"leads who stood at {stage} at the end of the period")
                for key, stage in zip(keys, asked.order, strict=True)]  # fmt: skip
    total = {"channel": "Total", **summed(lines, keys)} if lines else None
    return Table("people", "Leads by channel and stage", columns, lines, total, "no lead stood at a stage")

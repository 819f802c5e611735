"""The funnel: who stands where, who goes on to the next stage and how fast, and what became of the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from dsl.plan import Duration
from engine.reports import follow_up
from engine.reports.asking import Asked
from engine.reports.waiting import outlook, slowest
from engine.rules.conditions import calendar
from engine.rules.conditions.shares import interval
from engine.rules.reports.statistics import median_wait
from engine.rules.reports.table import Column, Row, Table, ratio, summed
from engine.store import report_funnel, report_queries

AWAY: Final = Duration(days=30)
"""How long a lead is silent before they count so, where their stage says nothing."""
FATES: Final = (
    ("on", "reached next", "reached the next stage in time"),
    ("outside", "left the order", "are at a stage outside the order now"),
    ("lost", "deal lost", "have a lost deal"),
    ("unsubscribed", "unsubscribed", "can get no more email"),
    ("silent", "silent", "did nothing for their stage's reactivation time, or for 30 days if it has none"),
    ("active", "active", "all others"),
)
_EMPTY: Final = "no lead has reached a stage in this period"


async def tables(connection: AsyncConnection, asked: Asked) -> list[Table]:
    found = [_flow(asked, await report_queries.stays(connection, asked.query.since, asked.query.until))]
    if asked.listing:
        await _standing(connection, asked)
    steps: list[tuple[str, str, Sequence[Any]]] = []
    for stage, following in pairwise(asked.order):
        span = asked.query.since, asked.query.until
        ways = await report_queries.ways(connection, asked.beyond(stage), asked.beyond(following), *span)
        steps.append((stage, following, ways))
    found.append(_cohort(asked, steps))
    found.append(await _drop_off(connection, asked, steps))
    found.append(await _period(connection, asked, steps))
    found.append(slowest(asked, steps))
    found.append(await outlook(connection, asked))
    found.append(await follow_up.table(connection, asked))
    return found


# ── flow ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _flow(asked: Asked, stays: Sequence[Any]) -> Table:
    order = {stage: place for place, stage in enumerate(asked.order)}
    keys = ("began", "came", "forward", "backward", "outside", "stay")
    rows: dict[str, dict[str, Any]] = {stage: dict.fromkeys(keys, 0) for stage in asked.order}
    for one in stays:
        row = rows.setdefault(one.stage, dict.fromkeys(keys, 0))
        row["began"] += one.began
        row["came"] += one.came
        row["stay"] += one.stay
        if one.next is not None:
            row[_way(order, one.stage, one.next)] += one.went
    columns = (
        Column("stage", "stage", "text"), Column("began", "at the beginning", "count", "were there at the beginning"),
        Column("came", "in", "count", "came in the period, including those that came again"),
        Column("forward", "out forward", "count", "left for a later stage"),
        Column("backward", "out backward", "count", "left for an earlier stage, or came back into the order"),
        Column("outside", "out of the order", "count", "left for a stage outside the order"),
        Column("stay", "at the end", "count", "at the beginning + in − out"),
    )  # fmt: skip
    lines = [{"stage": stage, **row} for stage, row in rows.items() if stage in order or any(row.values())]
    any_row = any(any(line[key] for key in keys) for line in lines)
    total = {"stage": "Total", **summed(lines, keys)}
    return Table(
        "flow", "Flow", columns, lines if any_row else [], total if any_row else None, "no lead stood anywhere",
        compared=("came", "stay"),
    )  # fmt: skip


async def _standing(connection: AsyncConnection, asked: Asked) -> None:
    """The stays that the flow counts."""
    order = {stage: place for place, stage in enumerate(asked.order)}
    for one in await report_queries.stays_one_by_one(connection, asked.query.since, asked.query.until):
        for key in ("began", "came"):
            if getattr(one, key):
                asked.keep("flow", key, (one.stage,), one.lead_id)
        way = _way(order, one.stage, one.next) if one.went and one.next is not None else "stay"
        asked.keep("flow", way, (one.stage,), one.lead_id)


def _way(order: dict[str, int], stage: str, following: str) -> str:
    if following not in order:
        return "outside"
    return "forward" if stage in order and order[following] > order[stage] else "backward"


# ── from one stage to the next ───────────────────────────────────────────────────────────────────────────────────────
def ripe(asked: Asked, way: Any) -> bool:
    """Whether the days in which the next stage counts are over."""
    over: bool = way.at + timedelta(days=asked.query.days) <= asked.now
    return over


def went_on(asked: Asked, way: Any) -> bool:
    return way.reached is not None and way.reached <= way.at + timedelta(days=asked.query.days)


def _cohort(asked: Asked, steps: Sequence[tuple[str, str, Sequence[Any]]]) -> Table:
    rows: list[dict[str, Any]] = []
    for stage, following, ways in steps:
        ripened = [way for way in ways if ripe(asked, way)]
        on = sum(went_on(asked, way) for way in ripened)
        for way in ways:
            asked.keep("cohort", "reached", (stage, following), way.lead_id)
            if not ripe(asked, way):
                asked.keep("cohort", "unripe", (stage, following), way.lead_id)
            elif went_on(asked, way):
                asked.keep("cohort", "on", (stage, following), way.lead_id)
        low, high = interval(on, len(ripened)) if ripened else (None, None)
        waits = [(_days((way.reached or asked.now) - way.at), way.reached is not None) for way in ways]
        rows.append({
            "stage": stage, "next": following, "reached": len(ways), "unripe": len(ways) - len(ripened), "on": on,
            "share": ratio(on, len(ripened)), "low": low, "high": high, "median": median_wait(waits),
        })  # fmt: skip
    days = asked.query.days
    columns = (
        Column("stage", "stage", "text"), Column("next", "next stage", "text"),
        Column("reached", "reached", "count", "leads who reached the stage in the period"),
        Column("unripe", "not ripe", "count", f"of them, whose {days} days are not over; they count in no share"),
        Column("on", "reached next", "count", f"ripe ones that reached the next stage within {days} days"),
        Column("share", "share", "share", "reached next ÷ ripe"),
        Column("low", "from", "share", "the true share lies from here, with 95% confidence"),
        Column("high", "to", "share", "to here"),
        Column("median", "median days", "days", "until half had reached it, counting those who are still waiting; "
               "empty: not reached by half"),
    )  # fmt: skip
    kept = rows if any(row["reached"] for row in rows) else []
    return Table("cohort", f"Conversion within {days} days, of those who reached a stage", columns, kept, None, _EMPTY,
                 compared=("share",))  # fmt: skip


def _days(span: timedelta) -> float:
    return span.total_seconds() / 86_400


async def _period(
    connection: AsyncConnection, asked: Asked, steps: Sequence[tuple[str, str, Sequence[Any]]]
) -> Table:  # fmt: skip
    rows: list[Row] = []
    for stage, following, ways in steps:
        span = asked.query.since, asked.query.until
        came = [one.lead_id for one in await report_funnel.who(connection, asked.beyond(following), *span)]
        asked.keep("period", "reached", (stage, following), *(way.lead_id for way in ways))
        asked.keep("period", "on", (stage, following), *came)
        reached = len(came)
        rows.append({"stage": stage, "next": following, "reached": len(ways), "on": reached,
                     "share": ratio(reached, len(ways))})  # fmt: skip
    columns = (
        Column("stage", "stage", "text"), Column("next", "next stage", "text"),
        Column("reached", "reached", "count", "leads who reached the stage in the period"),
        Column("on", "reached next", "count", "leads who reached the next stage in the period, whenever the first"),
        Column("share", "ratio", "share", "of the two counts; they are different people, so it can exceed 100%"),
    )  # fmt: skip
    kept = rows if any(row["reached"] or row["on"] for row in rows) else []
    return Table("period", "Ratio by period, which can exceed 100%", columns, kept, None, _EMPTY, compared=("share",))


# ── what became of them ──────────────────────────────────────────────────────────────────────────────────────────────
async def _drop_off(
    connection: AsyncConnection, asked: Asked, steps: Sequence[tuple[str, str, Sequence[Any]]]
) -> Table:  # fmt: skip
    rows: list[Row] = []
    for stage, following, ways in steps:
        ripened = [way for way in ways if ripe(asked, way)]
        left = [way.lead_id for way in ripened if not went_on(asked, way)]
        fates = [(_fate(asked, one), one.id) for one in await report_funnel.fates(connection, left)]
        fates += [("on", way.lead_id) for way in ripened if went_on(asked, way)]
        for fate, lead in fates:
            asked.keep("drop-off", fate, (stage, following), lead)
            asked.keep("drop-off", "ripe", (stage, following), lead)
        counts = Counter(fate for fate, _ in fates)
        rows.append(
            {"stage": stage, "next": following, "ripe": len(ripened), **{key: counts[key] for key, *_ in FATES}}
        )
    columns = (
        Column("stage", "stage", "text"), Column("next", "next stage", "text"),
        Column("ripe", "ripe", "count", "the ripe ones of the cohort"),
        *(Column(key, head, "count", said) for key, head, said in FATES),
    )  # fmt: skip
    kept = rows if any(row["ripe"] for row in rows) else []
    return Table("drop-off", "What has become of them so far", columns, kept, None, "no cohort is ripe yet",
                 compared=("on",))  # fmt: skip


def _fate(asked: Asked, one: Any) -> str:
    if one.stage not in asked.order:
        return "outside"
    if one.lost:
        return "lost"
    if one.unsubscribed:
        return "unsubscribed"
    return "silent" if silent_since(asked, one.stage, one.quiet) <= asked.now else "active"


def silent_since(asked: Asked, stage: str, quiet: datetime) -> datetime:
    """When a lead who did nothing after `quiet` counts as silent."""
    own = next((one.reactivate.after for one in asked.program.stages if one.name == stage and one.reactivate), AWAY)
    workspace = asked.program.workspace
    return calendar.add(own, quiet, workspace.timezone, workspace.business_hours)

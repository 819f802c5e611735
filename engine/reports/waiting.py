"""Who waits longest on the way from one stage to the next, and how many will arrive within a month."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from engine.reports.asking import Asked
from engine.rules.reports.pipeline import arrivals, daily
from engine.rules.reports.table import Column, Row, Table
from engine.store import report_funnel

SLOWEST: Final = 10
AHEAD: Final = 30
"""Days that the forecast looks ahead."""
YEAR: Final = timedelta(days=365)
"""What happened longer ago says nothing of the coming month."""
FEW_ARRIVED: Final = 20
DAY: Final = timedelta(days=1)


def slowest(asked: Asked, steps: Sequence[tuple[str, str, Sequence[Any]]]) -> Table:
    """Of those who reached a stage in the period, the ten who took, or still take, the longest to the next one."""
    waits = [
        {"lead": str(way.lead_id), "stage": stage, "next": following,
         "days": ((way.reached or asked.now) - way.at) / DAY, "state": "arrived" if way.reached else "waiting"}
        for stage, following, ways in (steps if asked.main else ()) for way in ways if way.at <= asked.now
    ]  # fmt: skip
    waits.sort(key=lambda row: (-row["days"], row["lead"], row["stage"]))
    columns = (
        Column("lead", "lead", "text", "`coldframe leads show` tells about them"), Column("stage", "stage", "text"),
        Column("next", "next stage", "text"), Column("days", "days", "days", "from stage to stage, or until now"),
        Column("state", "state", "text", "waiting: the next stage is still to come"),
    )  # fmt: skip
    title = f"The {SLOWEST} slowest"
    return Table("slowest", title, columns, waits[:SLOWEST], None, "no lead has reached a stage in this period")


async def outlook(connection: AsyncConnection, asked: Asked) -> Table:
    """How many of the leads who wait before the qualified stage, and before each after it, will reach it in 30 days."""
    until = min(asked.query.until, asked.now + timedelta(microseconds=1))
    rows: list[Row] = []
    goals = asked.beyond(asked.qualified) if asked.qualified is not None and asked.main else ()
    for stage, following in pairwise(asked.order):
        if following not in goals:
            continue
        waits = await report_funnel.waits(
            connection, asked.beyond(stage), asked.beyond(following), until - YEAR, until
        )  # fmt: skip
        rows.append({"stage": stage, "next": following, **_expected(waits)})
    few = [row["next"] for row in rows if row["waiting"] and row["arrived"] < FEW_ARRIVED]
    if few:
        asked.note(f"few leads so far: the outlook for {', '.join(few)} rests on fewer than {FEW_ARRIVED} who arrived")
    columns = (
        Column("stage", "stage", "text"), Column("next", "next stage", "text"),
        Column("waiting", "waiting", "count", "leads who reached the stage in the last year, and not the next"),
        Column("arrived", "arrived", "count", "leads who reached both: what the chances of each day are counted from"),
        Column("expected", "expected", "number", f"who will reach the next stage within {AHEAD} days of the period"),
        Column("low", "from", "number", "the number lies from here, with 80% confidence"),
        Column("high", "to", "number", "to here"),
    )  # fmt: skip
    kept = rows if any(row["waiting"] or row["arrived"] for row in rows) else []
    return Table("outlook", f"Expected in the next {AHEAD} days", columns, kept, None, "no lead has reached a stage")


def _expected(waits: Sequence[Any]) -> dict[str, Any]:
    counted = [(one.days, one.arrived, one.many) for one in waits]
    arrived = sum(many for _, came, many in counted if came)
    waiting = [days for days, came, many in counted if not came for _ in range(many)]
    lengths = [(float(days), came) for days, came, many in counted for _ in range(many)]
    expected, low, high = arrivals(waiting, daily(lengths), AHEAD)
    return {"waiting": len(waiting), "arrived": arrived, "expected": expected, "low": low, "high": high}

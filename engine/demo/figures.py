"""The reports at the end of the demo, and whether they say what plain counting in the log says."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import text

from dsl.plan import Program
from engine.demo.summary import Fact
from engine.model.ports import Clock
from engine.reports.report import report
from engine.rules.reports.query import Query, read_query
from engine.rules.reports.table import Report, Table
from engine.store.db import Database

SHOWN: Final = ("sources", "funnel", "campaigns")
SETTLING: Final = 20.0
"""Real seconds that the worker gets to bring the tables behind the reports up to date."""
WORDING: Final = "the reports say what the log says"

_STAGES = text("SELECT lead_id, stage FROM stages")
_LEADS = text("SELECT id, stage FROM leads")
_RUNS = text("SELECT campaign, goal_at FROM enrolments WHERE campaign NOT LIKE 'confirm form %'")


@dataclass(frozen=True, slots=True)
class Counted:
    """Figures of the whole story, counted one by one: leads who reached each stage or a later one, leads by the stage
    they stand at, runs by campaign, and those of them that reached the goal."""

    reached: Mapping[str, int]
    standing: Mapping[str, int]
    entered: Mapping[str, int]
    goals: Mapping[str, int]


async def reports(db: Database, clock: Clock, program: Program, since: datetime) -> tuple[list[Report], Fact]:
    """The reports on the story, once the worker has taken in all that happened, and the fact that they are right.

    Time goes on meanwhile: what changes while one counts is counted again.
    """
    order = [one.name for one in program.stages if not one.outside]
    deadline = clock.real() + timedelta(seconds=SETTLING)
    while True:
        days = _days(program, since, clock.now())
        before = await counted(db, order)
        found = [await report(db, clock, program, _query(program, one, days, clock.now())) for one in SHOWN]
        still = await counted(db, order) == before and _days(program, since, clock.now()) == days
        broken = differences(found, before, order)
        if (still and not broken) or clock.real() > deadline:
            return found, Fact(WORDING, tuple(broken))
        await asyncio.sleep(0.2)


def _query(program: Program, name: str, days: Mapping[str, str], now: datetime) -> Query:
    return read_query({"report": name, **days}, now, program.workspace.timezone)


def _days(program: Program, since: datetime, now: datetime) -> dict[str, str]:
    zone = ZoneInfo(program.workspace.timezone)
    return {"from": str(since.astimezone(zone).date()), "to": str(now.astimezone(zone).date())}


async def counted(db: Database, order: Sequence[str]) -> Counted:
    async with db.engine.connect() as connection:
        leads = {row.id: row.stage for row in await connection.execute(_LEADS)}
        furthest = dict.fromkeys(leads, 0)
        for row in await connection.execute(_STAGES):
            if row.stage in order:
                furthest[row.lead_id] = max(furthest.get(row.lead_id, 0), order.index(row.stage))
        runs = [(row.campaign, row.goal_at) for row in await connection.execute(_RUNS)]
    return Counted(
        {stage: sum(place >= number for place in furthest.values()) for number, stage in enumerate(order)},
        Counter(leads.values()), Counter(name for name, _ in runs), Counter(name for name, goal in runs if goal),
    )  # fmt: skip


def differences(found: Sequence[Report], real: Counted, order: Sequence[str]) -> list[str]:
    """Where the reports say something else."""
    tables = {table.name: table for one in found for table in one.tables}
    said = list(_sources(tables["sources"], real, order))
    for row in tables["flow"].rows:
        said.append((f"at {row['stage']}", row["stay"], real.standing.get(row["stage"], 0)))
    for row in tables["cohort"].rows:
        said.append((f"reached {row['stage']}", row["reached"], real.reached[row["stage"]]))
    rows = {row["campaign"]: row for row in tables["campaigns"].rows}
    for name, many in real.entered.items():
        row = rows.get(name, {})
        said.append((f"entered {name}", row.get("entered", 0), many))
        said.append((f"goals of {name}", row.get("goals", 0), real.goals.get(name, 0)))
    return [f"{what}: {figure} in the report, {many} in the log" for what, figure, many in said if figure != many]


def _sources(table: Table, real: Counted, order: Sequence[str]) -> list[tuple[str, Any, int]]:
    total = table.total or {}
    keys = {stage: "leads" if number == 1 else f"stage{number - 2}" for number, stage in enumerate(order) if number}
    return [(f"{stage} by source", total.get(key, 0), real.reached[stage]) for stage, key in keys.items()]

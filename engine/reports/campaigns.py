"""The campaigns report: runs and goals, the lift against those held out, what campaigns cost and brought."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from dsl.plan import Duration
from dsl.plan.campaign import CONFIRMING
from engine.reports.asking import Asked
from engine.reports.costs import campaign_costs
from engine.reports.paths import live_credits
from engine.rules.conditions import calendar
from engine.rules.reports.statistics import chance_of_split, difference, leads_missing, mean_difference
from engine.rules.reports.table import Column, Row, Table, ratio, summed
from engine.store import report_funnel

UNLIKELY: Final = 0.001
"""Groups whose sizes are less likely than this were not drawn as the campaign says."""
FORGOTTEN: Final = "(forgotten)"
"""Whose run it was is not known any more."""
ENOUGH: Final = 5
"""So many held out must have reached the goal before a relative lift is told."""


@dataclass(slots=True)
class Lift:
    """Ripe runs and how many of them reached the goal, of the leads treated and of those held out. `expected`: how many
    would be held out by the campaign's percentage."""

    treated: int = 0
    treated_goals: int = 0
    held: int = 0
    held_goals: int = 0
    expected: float = 0.0
    unripe: int = 0
    worth: dict[bool, list[int]] = field(default_factory=lambda: {True: [], False: []})
    """What runs have brought where that is not nothing, of those held out and of the others."""


async def tables(connection: AsyncConnection, asked: Asked) -> list[Table]:
    found = await report_funnel.runs(connection, asked.query)
    runs = [one for one in found if not one.campaign.startswith(CONFIRMING)]
    goals = await report_funnel.goals(connection, sorted({one.digest for one in runs}))
    brought = await report_funnel.brought(connection, asked.query.since, asked.query.until) if asked.main else ()
    return [await _campaigns(connection, asked, runs), _lift(asked, runs, goals, brought)]


async def _campaigns(connection: AsyncConnection, asked: Asked, runs: Any) -> Table:
    keys = ("entered", "live", "goals", "outside", "labour", "revenue")
    rows: dict[str, dict[str, Any]] = {}

    def row(name: str) -> dict[str, Any]:
        return rows.setdefault(name, {"campaign": name, **dict.fromkeys(keys, 0)})

    for one in runs:
        row(one.campaign)["entered"] += one.many
        for column, counts in (("entered", True), ("live", one.state != "ended"), ("goals", one.reached)):
            if counts:
                asked.keep("campaigns", column, (one.campaign,), *[one.lead_id or FORGOTTEN] * one.many)
        row(one.campaign)["live"] += one.many * (one.state != "ended")
        row(one.campaign)["goals"] += one.many * one.reached
    for name, days in (await campaign_costs(connection, asked)).items():
        row(name)["outside"] += sum(day.outside for day in days)
        row(name)["labour"] += sum(day.labour for day in days)
    credited = await _credited(connection, asked)
    for name in rows:
        rows[name]["revenue"] = credited.pop(name.lower()[:200], 0)
    for name, amount in sorted(credited.items()):
        row(name)["revenue"] += amount
    lines = [_with_roi(one) for _, one in sorted(rows.items()) if any(one[key] for key in keys)]
    columns = (
        Column("campaign", "campaign", "text"),
        Column("entered", "entered", "count", "runs begun in the period"),
        Column("live", "live", "count", "of them, not ended yet"),
        Column("goals", "reached goal", "count", "of them, whose goal came in time, up to now"),
        Column("share", "share", "share", "reached goal ÷ entered"),
        Column("outside", "cost", "money", "the campaign's `costs` on these days, without labor"),
        Column("labour", "labor", "money", "its `hours` lines"),
        Column("revenue", "revenue", "money", f"credited to clicks in its emails by {asked.query.model}"),
        Column("roi", "ROI", "share", "(revenue − cost − labor) ÷ (cost + labor)"),
    )  # fmt: skip
    total = _with_roi({"campaign": "Total", **summed(lines, keys)}) if lines else None
    return Table("campaigns", "Campaigns", columns, lines, total, "no campaign did anything in this period",
                 ("entered", "goals", "revenue"))  # fmt: skip


async def _credited(connection: AsyncConnection, asked: Asked) -> dict[str, int]:
    query = asked.query
    if not query.live:
        return await report_funnel.own_credits(connection, query.model, query.since, query.until)
    found: dict[str, int] = {}
    for one in await live_credits(connection, asked):
        if one.channel == "Email" and one.source == "coldframe" and one.campaign is not None:
            found[one.campaign] = found.get(one.campaign, 0) + one.amount
    return found


def _with_roi(row: Mapping[str, Any]) -> Row:
    cost = row["outside"] + row["labour"]
    return {**row, "share": ratio(row["goals"], row["entered"]), "roi": ratio(row["revenue"] - cost, cost)}


# ── lift ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _lift(asked: Asked, runs: Any, goals: Mapping[str, Any], brought: Any) -> Table:
    found: dict[str, Lift] = {}
    for one in runs:
        plan = goals.get(one.digest)
        if one.held_out is None or plan is None or not plan.goal or not plan.control:
            continue
        lift = found.setdefault(one.campaign, Lift())
        if not _ripe(asked, one, plan.goal):
            lift.unripe += one.many
            continue
        lift.expected += one.many * float(plan.control) / 100
        if one.held_out:
            lift.held += one.many
            lift.held_goals += one.many * one.reached
        else:
            lift.treated += one.many
            lift.treated_goals += one.many * one.reached
    for one in brought:
        plan = goals.get(one.digest)
        if one.campaign in found and plan is not None and plan.goal and plan.control and _ripe(asked, one, plan.goal):
            found[one.campaign].worth[one.held_out].append(one.amount)
    rows = [_row(asked, name, lift) for name, lift in sorted(found.items())]
    columns = (
        Column("campaign", "campaign", "text"),
        Column("treated", "treated", "count", "ripe runs that got the campaign: the goal's time is over"),
        Column("treated_share", "reached goal", "share", "of them, who reached the goal in time"),
        Column("held", "held out", "count", "ripe runs of the control group, as drawn at the entry"),
        Column("held_share", "reached goal without", "share", "of them, who reached the goal in time"),
        Column("unripe", "not ripe", "count", "runs whose goal may still come; they count in nothing"),
        Column("lift", "lift", "points", "the difference of the two shares"),
        Column("low", "from", "points", "the true difference lies from here, with 95% confidence"),
        Column("high", "to", "points", "to here"),
        Column("relative", "relative", "points", f"lift ÷ share of the held out, if {ENOUGH} reached the goal"),
        Column("revenue", "revenue per lead", "money", "what a treated lead's deals brought since the entry, less what "
               "those of one held out did"),
        Column("revenue_low", "from", "money", "the true difference lies from here, with 95% confidence (bootstrap)"),
        Column("revenue_high", "to", "money", "to here"),
        Column("verdict", "verdict", "text", "whether the difference shows, or may be chance"),
    )  # fmt: skip
    empty = "no run of a campaign with a goal and a control group began in this period"
    return Table("lift", "Lift against the control group", columns, rows, None, empty, ("lift",))


def _ripe(asked: Asked, run: Any, goal: Mapping[str, Any]) -> bool:
    """A goal without a time can come until the run ends."""
    if not goal.get("within"):
        return bool(run.state == "ended")
    workspace = asked.program.workspace
    within = Duration.model_validate(goal["within"])
    due: Any = calendar.add(within, run.started_at, workspace.timezone, workspace.business_hours)
    return bool(due < asked.now)


def _row(asked: Asked, name: str, lift: Lift) -> Row:
    counts = lift.treated_goals, lift.treated, lift.held_goals, lift.held
    found = difference(*counts)
    share, other = ratio(lift.treated_goals, lift.treated), ratio(lift.held_goals, lift.held)
    worth = mean_difference(lift.worth[False], lift.treated, lift.worth[True], lift.held)
    whole = lift.treated + lift.held
    if whole and chance_of_split(lift.held, whole, lift.expected / whole) < UNLIKELY:
        sizes = f"{lift.held} of {whole} runs are held out, where {lift.expected:.0f} were expected"
        asked.note(f'do not trust the lift of campaign "{name}": {sizes}')
    return {
        "campaign": name, "treated": lift.treated, "treated_share": share, "held": lift.held, "held_share": other,
        "unripe": lift.unripe, "lift": found.value if found else None, "low": found.low if found else None,
        "high": found.high if found else None, "verdict": _verdict(lift, counts),
        "relative": share / other - 1 if share is not None and other and lift.held_goals >= ENOUGH else None,
        **({"revenue": round(worth.value), "revenue_low": round(worth.low), "revenue_high": round(worth.high)}
           if worth is not None and asked.main else {}),
    }  # fmt: skip


def _verdict(lift: Lift, counts: tuple[int, int, int, int]) -> str:
    found = difference(*counts)
    early = "early look: " if lift.unripe else ""
    if found is None:
        return f"{early}one group is still empty"
    if found.shows:
        return f"{early}shows"
    missing = leads_missing(*counts)
    more = f"; at these shares it takes some {missing:,} more leads" if missing else ""
    return f"{early}could be chance{more}"

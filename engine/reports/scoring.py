"""The report on scoring: how often each rule gives points, and whether they mean anything."""

from __future__ import annotations

from datetime import date
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from engine.reports.asking import Asked
from engine.rules.reports.statistics import difference
from engine.rules.reports.table import Column, Table, ratio, summed
from engine.store import report_content, report_funnel

FEW: Final = 5
"""Of a rule that fewer new leads had points from no effect is shown."""
EXPIRED: Final = "expired:"


async def tables(connection: AsyncConnection, asked: Asked) -> list[Table]:
    rows: dict[tuple[str, str], dict[str, Any]] = {}

    def row(model: str, rule: str) -> dict[str, Any]:
        known = places.get((model, rule), rule)
        return rows.setdefault((model, rule), {"model": model or "score", "rule": known, "times": 0, "points": 0,
                                               "expired": 0, "leads": 0})  # fmt: skip

    places = {(model.name, rule.id): f"{rule.amount:+g} at {rule.source}" for model in asked.program.scorings
              for rule in model.rules}  # fmt: skip
    for model, rule in places:
        row(model, rule)
    for one in await report_content.booked(connection, asked.query):
        if one.rule.startswith(EXPIRED):
            row(one.model, one.rule.removeprefix(EXPIRED))["expired"] += float(-one.amount)
            continue
        cell = row(one.model, one.rule)
        cell["times"] += one.times
        cell["points"] += float(one.amount)
        cell["leads"] += one.leads
    if asked.main:
        await _effects(connection, asked, row)
    lines = sorted(rows.values(), key=lambda one: (one["model"], -one["times"], one["rule"]))
    return [_table(asked, lines)]


async def _effects(connection: AsyncConnection, asked: Asked, row: Any) -> None:
    """Of the new leads with points from a rule before they were qualified, how many were later, beside the others."""
    query, goal, zone = asked.query, asked.qualified, asked.program.workspace.timezone
    new = [one.lead_id for one in await report_funnel.who(connection, asked.known, query.since, query.until)]
    if goal is None or not new:
        return
    reached: dict[UUID, date] = {
        lead: at.astimezone(ZoneInfo(zone)).date()
        for lead, at in (await report_funnel.reached(connection, asked.beyond(goal), new)).items()
    }
    came = {lead for lead in new if lead in reached}
    had: dict[tuple[str, str], set[UUID]] = {}
    for one in await report_content.first_points(connection, new, zone):
        if not one.rule.startswith(EXPIRED) and (one.lead_id not in reached or one.day <= reached[one.lead_id]):
            had.setdefault((one.model, one.rule), set()).add(one.lead_id)
    for key, leads in had.items():
        if len(leads) < FEW:
            continue
        counts = len(leads & came), len(leads), len(came - leads), len(new) - len(leads)
        found = difference(*counts)
        row(*key).update({
            "share": ratio(counts[0], counts[1]), "others": ratio(counts[2], counts[3]),
            **({"effect": found.value, "low": found.low, "high": found.high,
                "verdict": "shows" if found.shows else "no effect shown"} if found is not None else {}),
        })  # fmt: skip


def _table(asked: Asked, rows: list[dict[str, Any]]) -> Table:
    mql = asked.qualified or "the stage"
    columns = (
        Column("model", "model", "text", "the scoring model"),
        Column("rule", "rule", "text", "what it gives, and the line it stands on; one that is gone shows its id"),
        Column("times", "times", "count", "how often it gave points in the period"),
        Column("points", "points", "number", "how many"),
        Column("expired", "expired", "number", "points of it that expired in the period"),
        Column("leads", "leads", "count", "leads it gave points to"),
        Column("share", f"reached {mql}", "share", f"of the new leads with points from it, who reached {mql} later"),
        Column("others", "of the others", "share", f"of the new leads without, who reached {mql}"),
        Column("effect", "difference", "points", "of the two shares; an association, not a cause"),
        Column("low", "from", "points", "the true difference lies from here, with 95% confidence"),
        Column("high", "to", "points", "to here"), Column("verdict", "verdict", "text"),
    )  # fmt: skip
    total = {"model": "Total", **summed(rows, ("times", "points", "expired"))} if rows else None
    return Table("scoring", "Scoring rules", columns, rows, total, "the workspace has no scoring",
                 ("times", "points"))  # fmt: skip

"""The nurture report: new and reopened leads, qualified ones and what each cost, emails, touches of won deals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from statistics import mean, quantiles
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from engine.reports import emails, profile
from engine.reports.asking import Asked
from engine.reports.costs import campaign_costs
from engine.reports.funnel import silent_since
from engine.rules.reports.credits import converted
from engine.rules.reports.query import start_of
from engine.rules.reports.table import Column, Row, Table, per, summed
from engine.store import report_funnel, report_queries

_SUMS: Final = ("new", "times", "mqls", "cohort", "spend", "campaigns", "labour", "cost")


async def tables(connection: AsyncConnection, asked: Asked) -> list[Table]:
    new = {
        one.lead_id: one.at
        for one in await report_funnel.who(connection, asked.known, asked.query.since, asked.query.until)
    }
    if asked.main and asked.qualified is not None:
        await _definition(connection, asked)
    return [
        await _leads(connection, asked, new), *await emails.tables(connection, asked),
        await _touches(connection, asked), await profile.scores(connection, asked, new),
        await profile.activities(connection, asked, new),
    ]  # fmt: skip


async def _definition(connection: AsyncConnection, asked: Asked) -> None:
    """Say which definition of the qualified stage stood in the period, and who agreed to it."""
    name, stood = asked.qualified, list[tuple[Any, Any]]()
    for row in await report_funnel.stage_versions(connection, asked.query.until):
        stage = next((one for one in row.stages or () if one["name"] == name), None)
        meant = stage and {key: _placeless(stage.get(key)) for key in ("rules", "agreed_by", "agreed_on")}
        if meant is not None and (not stood or stood[-1][1] != meant):
            stood.append((row, meant))
    within = [one for one in stood if one[0].at >= asked.query.since]
    for row, meant in [*[one for one in stood if one not in within][-1:], *within]:
        agreed = f", agreed by {' and '.join(meant['agreed_by'])}" if meant["agreed_by"] else ""
        on = f" on {meant['agreed_on']}" if meant["agreed_on"] else ""
        asked.note(f"{name} as defined by deployment {row.epoch} from {row.at:%Y-%m-%d} on{agreed}{on}")


def _placeless(value: Any) -> Any:
    """Without where it was written, which says nothing of what it means."""
    if isinstance(value, dict):
        return {key: _placeless(one) for key, one in value.items() if key != "source"}
    return [_placeless(one) for one in value] if isinstance(value, list) else value


# ── leads and what they cost ─────────────────────────────────────────────────────────────────────────────────────────
async def _leads(connection: AsyncConnection, asked: Asked, new: Mapping[Any, datetime]) -> Table:
    query, zone = asked.query, ZoneInfo(asked.query.zone)
    rows: dict[date, dict[str, Any]] = {}

    def row_of(day: date) -> dict[str, Any]:
        begins = max(query.first, start_of(query.by, day))
        return rows.setdefault(begins, {"period": str(begins), "people": set(), **dict.fromkeys(_SUMS, 0)})

    last = min(query.last, asked.now.astimezone(zone).date())
    for number in range((last - query.first).days + 1):
        row_of(query.first + timedelta(days=number))

    def row_at(at: datetime) -> dict[str, Any]:
        return row_of(at.astimezone(zone).date())

    def count(column: str, at: datetime, lead: Any) -> None:
        row = row_at(at)
        row[column] += 1
        asked.keep("leads", column, (row["period"],), lead)

    for lead, at in new.items():
        count("new", at, lead)
    for one in await report_funnel.returns(connection, asked.known, query.since, query.until):
        quiet = (one.at - timedelta(seconds=one.silent)).astimezone(UTC)
        if one.sent_back or silent_since(asked, one.stage, quiet) <= one.at:
            count("times", one.at, one.lead_id)
            if one.lead_id not in row_at(one.at)["people"]:
                asked.keep("leads", "reopened", (row_at(one.at)["period"],), one.lead_id)
            row_at(one.at)["people"].add(one.lead_id)
    if asked.qualified is not None:
        beyond = asked.beyond(asked.qualified)
        for one in await report_funnel.who(connection, beyond, query.since, asked.now + timedelta(microseconds=1)):
            if one.at < query.until:
                count("mqls", one.at, one.lead_id)
            if one.lead_id in new:
                count("cohort", new[one.lead_id], one.lead_id)
    await _costs(connection, asked, row_of)
    people = set().union(*(row["people"] for row in rows.values()))
    lines = [_with_costs({**row, "reopened": len(row["people"])}) for _, row in sorted(rows.items())]
    counted = any(line[key] for line in lines for key in _SUMS)
    total = _with_costs({"period": "Total", **summed(lines, _SUMS), "reopened": len(people)})
    title = f"Leads and their cost by {query.by}"
    return Table("leads", title, _columns(asked), lines if counted else [], total if counted else None,
                 "no lead and no cost in this period", ("new", "mqls", "per_mql"), by_place=True)  # fmt: skip


async def _costs(connection: AsyncConnection, asked: Asked, row_of: Any) -> None:
    aside: dict[str, int] = {}
    for one in await report_queries.spent(connection, asked.query.first, asked.query.last):
        rate = Fraction(one.rate) if one.rate is not None else None
        if rate is None and one.currency != asked.currency:
            aside[one.currency] = aside.get(one.currency, 0) + one.amount
        else:
            row_of(one.day)["spend"] += converted(one.amount, one.currency, asked.currency, rate)
    asked.not_converted(aside, "cost")
    for days in (await campaign_costs(connection, asked)).values():
        for one in days:
            row_of(one.day)["campaigns"] += one.outside
            row_of(one.day)["labour"] += one.labour


def _with_costs(row: Mapping[str, Any]) -> Row:
    outside = row["spend"] + row["campaigns"]
    cost = outside + row["labour"]

    def each(amount: int, count: int) -> int | None:
        return per(amount, count) if amount else None

    return {
        **{key: value for key, value in row.items() if key != "people"}, "cost": cost,
        "per_lead": each(cost, row["new"]), "per_mql": each(cost, row["mqls"]),
        "without_labour": each(outside, row["mqls"]), "per_cohort": each(cost, row["cohort"]),
    }  # fmt: skip


def _columns(asked: Asked) -> Sequence[Column]:
    mql = asked.qualified or "MQL"
    return (
        Column("period", asked.query.by, "text", "its first day in the period"),
        Column("new", "new leads", "count", asked.new_lead),
        Column("reopened", "reopened", "count", "known leads who acted again after their stage's reactivation time "
               "(else 30 days) without doing anything, or after sales sent them back"),
        Column("times", "times", "count", "how often"),
        Column("mqls", mql, "count", f"leads whose first time at {mql} or beyond it was"),
        Column("cohort", f"{mql} so far", "count", f"of the new leads of the period, who have reached {mql} by now"),
        Column("spend", "advertising", "money", "what advertising cost on these days"),
        Column("campaigns", "campaigns", "money", "the `costs` of campaigns on these days, without labor"),
        Column("labour", "labor", "money", "their `hours` lines"),
        Column("cost", "cost", "money", "advertising + campaigns + labor"),
        Column("per_lead", "per new lead", "money", "cost ÷ new leads"),
        Column("per_mql", f"per {mql}", "money", f"cost ÷ {mql}"),
        Column("without_labour", "without labor", "money", f"(advertising + campaigns) ÷ {mql}"),
        Column("per_cohort", f"per {mql} so far", "money", f"cost ÷ {mql} so far, since costs come before {mql}"),
    )  # fmt: skip


# ── touches ──────────────────────────────────────────────────────────────────────────────────────────────────────────
async def _touches(connection: AsyncConnection, asked: Asked) -> Table:
    found = await report_funnel.path_lengths(connection, asked.query.since, asked.query.until)
    rows: list[Row] = []
    if found:
        low, middle, high = quantiles(found, n=4, method="inclusive") if len(found) > 1 else found * 3
        rows = [{"deals": len(found), "median": middle, "mean": mean(found), "low": low, "high": high}]
    columns = (
        Column("deals", "won deals", "count", "deals first won in the period"),
        Column("median", "median touches", "number", "of the touches in the path of each"),
        Column("mean", "mean", "number"), Column("low", "a quarter up to", "number"),
        Column("high", "a quarter from", "number"),
    )  # fmt: skip
    return Table("touches", "Touches per won deal", columns, rows, None, "no deal was won in this period",
                 ("deals", "median"), by_place=True)  # fmt: skip

"""Follow-up beside quality: how soon sales acts on leads of each source, and what becomes of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from engine.reports.asking import Asked
from engine.rules.conditions.shares import interval
from engine.rules.reports.follow_up import Handoff, kept
from engine.rules.reports.statistics import median_wait
from engine.rules.reports.table import Column, Row, Table, ratio
from engine.store import report_sales

HOUR: Final = timedelta(hours=1)
OPEN_OUTCOMES: Final = ("accepted", "rejected", "overdue")


async def table(connection: AsyncConnection, asked: Asked) -> Table:
    """By the channel that made the leads known."""
    found = await report_sales.handoffs(connection, asked.query.since, asked.query.until)
    reasons = reasons_of(asked, found)
    rows = [{"channel": channel, **figures(asked, mine, reasons, "follow-up", (channel,))}
            for channel, mine in grouped(found, "channel")]  # fmt: skip
    total = {"channel": "Total", **figures(asked, found, reasons)} if found else None
    head = Column("channel", "channel", "text", "what made the leads known")
    return Table("follow-up", "Follow-up beside quality", (head, *columns(reasons)), rows, total,
                 "no lead was handed off in this period", ("handoffs", "kept", "accepted_share"))  # fmt: skip


def grouped(found: Iterable[Any], name: str) -> list[tuple[str, list[Any]]]:
    groups: dict[str, list[Any]] = {}
    for one in found:
        groups.setdefault(getattr(one, name) or "", []).append(one)
    return sorted(groups.items())


def reasons_of(asked: Asked, found: Iterable[Any]) -> list[str]:
    """Why leads were rejected: the reasons that campaigns name, then the others."""
    given = {one.reason for one in found if one.outcome == "rejected" and one.reason}
    return [*(one for one in asked.program.reasons if one in given), *sorted(given - {*asked.program.reasons})]


def figures(
    asked: Asked, found: Sequence[Any], reasons: Sequence[str], table: str = "", heads: Sequence[str] = ()
) -> Row:  # fmt: skip
    """`table` and `heads`: of the row that they stand in, unless it is the total."""
    teams = {one.name.casefold(): one for one in asked.program.teams}
    judged = []
    for one in found:
        team = teams.get(one.team.casefold())
        if team is not None:
            told = Handoff(one.opened_at, one.acknowledged_at, one.contacted_at, one.closed_at)
            judged.append(kept(told, team, asked.now))
            if judged[-1] is False and table:
                asked.keep(table, "missed", heads, one.lead_id)
        for column in _columns_of(one, reasons) if table else ():
            asked.keep(table, column, heads, one.lead_id)
    decided = [one for one in judged if one is not None]
    outcomes = [one.outcome for one in found]
    closed = sum(outcomes.count(name) for name in OPEN_OUTCOMES)
    low, high = interval(outcomes.count("accepted"), closed) if closed else (None, None)
    rejected = [one.reason for one in found if one.outcome == "rejected"]
    return {
        "handoffs": len(found), "missed": decided.count(False), "kept": ratio(decided.count(True), len(decided)),
        "acknowledged": _median(asked, found, "acknowledged_at"), "contacted": _median(asked, found, "contacted_at"),
        "accepted": outcomes.count("accepted"), "accepted_share": ratio(outcomes.count("accepted"), closed),
        "low": low, "high": high,
        "rejected": len(rejected), "overdue": outcomes.count("overdue"),
        **{f"reason{number}": rejected.count(reason) for number, reason in enumerate(reasons)},
    }  # fmt: skip


def _columns_of(one: Any, reasons: Sequence[str]) -> Iterable[str]:
    """The columns that count a handoff, but for its time limits."""
    yield "handoffs"
    if one.outcome in OPEN_OUTCOMES:
        yield str(one.outcome)
    if one.outcome == "rejected" and one.reason in reasons:
        yield f"reason{list(reasons).index(one.reason)}"


def _median(asked: Asked, found: Sequence[Any], name: str) -> float | None:
    """In hours; those who still wait, and those closed without it, count as far as they have come."""

    def wait(one: Any) -> tuple[float, bool]:
        done: datetime | None = getattr(one, name)
        until = done or one.closed_at or asked.now
        return (until - one.opened_at) / HOUR, done is not None

    return median_wait(wait(one) for one in found)


def columns(reasons: Sequence[str]) -> Iterable[Column]:
    yield Column("handoffs", "handed off", "count", "leads handed off to sales in the period")
    yield Column("acknowledged", "hours to acknowledge", "number", "median, those who still wait counted in")
    yield Column("contacted", "hours to contact", "number", "median from the handoff, those who still wait counted in")
    yield Column("kept", "in time", "share", "of the handoffs whose time limits have run out, those that kept all")
    yield Column("missed", "missed", "count", "handoffs that missed a time limit")
    yield Column("accepted", "accepted", "count", "accepted by sales")
    yield Column("accepted_share", "accepted share", "share", "accepted ÷ accepted, rejected, and overdue")
    yield Column("low", "from", "share", "the true share lies from here, with 95% confidence")
    yield Column("high", "to", "share", "to here")
    yield Column("rejected", "rejected", "count", "rejected by sales")
    yield Column("overdue", "overdue", "count", "closed without an answer")
    for number, reason in enumerate(reasons):
        yield Column(f"reason{number}", f"rejected: {reason}", "count", "rejected for this reason")

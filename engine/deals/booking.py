"""One report about a deal, booked inside a transaction about one of its leads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from dsl.plan import Workspace
from engine.rules.deals.history import Deal, DealType, deal_of, judge
from engine.rules.deals.report import DealReport, fact_of
from engine.store import deals
from engine.store.db import Hot
from engine.store.writes import Writes


@dataclass(frozen=True)
class Booked:
    """`number` is the report's fact, `logged` the type of the event for the leads' logs; `leads`: all of the deal."""

    number: int
    logged: DealType
    leads: tuple[UUID, ...]


async def book(
    hot: Hot, writes: Writes, report: DealReport, lead: UUID, others: tuple[UUID, ...], workspace: Workspace,
    now: datetime, number: int | None = None,
) -> Booked | None:  # fmt: skip
    """Lock the deal, judge the report, and collect the rows. None: the deal was known to be so, and nothing follows.

    `lead` is the one whose transaction this is, `others` further ones of the report that are known already. `number`:
    the fact is booked already, by the transaction of another lead. A report that came before is booked once.
    Raises BadReport.
    """
    row, rows = await deals.lock(hot, report.id)
    known = _found(report, rows) if number is None else next(one for one in rows if one.number == number)
    if known is not None:
        return await _join(hot, writes, report, lead, workspace, row, rows, known, now)
    facts = [deals.fact_from(one) for one in rows]
    before = deal_of(facts)
    fact = fact_of(report, len(rows) + 1, now, before.currency if before else None, workspace.currency)
    fact = replace(fact, leads=tuple(dict.fromkeys((*others, lead))))
    undated = report.key is None and report.at is None
    same = undated and any(one.digest == report.digest for one in rows)
    verdict = judge(facts, fact, same=same)
    if verdict.type is None:
        twin = next((one for one in reversed(rows) if one.type == report.type), None)
        return None if twin is None else Booked(twin.number, twin.logged, verdict.after.leads)
    key = _key(report) or f"n:{fact.number}"
    deals.insert_fact(writes, report.id, fact, key, report.digest, verdict.type, now)
    await _update(hot, writes, report.id, verdict.after, fact.number, row, workspace, now)
    return Booked(fact.number, verdict.type, verdict.after.leads)


def _key(report: DealReport) -> str | None:
    """What tells the report from others of its deal: its sender's key, else what it says and since when that is so."""
    if report.key is not None:
        return f"k:{report.key}"
    return f"d:{report.digest}" if report.at is not None else None


def _found(report: DealReport, rows: list[Any]) -> Any | None:
    key = _key(report)
    return next((one for one in rows if one.key == key), None) if key is not None else None


async def _join(
    hot: Hot, writes: Writes, report: DealReport, lead: UUID, workspace: Workspace, row: Any, rows: list[Any],
    known: Any, now: datetime,
) -> Booked:  # fmt: skip
    """Make `lead` one of the fact's leads, unless it is."""
    facts = [deals.fact_from(one) for one in rows]
    deal = deal_of(facts)
    assert deal is not None
    if lead not in known.leads and lead not in deal.leads:
        leads = (*known.leads, lead)
        deals.add_lead(writes, report.id, known.number, leads)
        deal = deal_of(replace(one, leads=leads) if one.number == known.number else one for one in facts)
        assert deal is not None
        await _update(hot, writes, report.id, deal, len(rows), row, workspace, now)
    return Booked(known.number, known.logged, deal.leads)


async def _update(
    hot: Hot, writes: Writes, id: str, deal: Deal, facts: int, row: Any, workspace: Workspace, now: datetime
) -> None:  # fmt: skip
    deals.update_deal(writes, id, deal, facts, await _rate(hot, deal, row, workspace), now)


async def _rate(hot: Hot, deal: Deal, row: Any, workspace: Workspace) -> Decimal | None:
    """The rate of the day on which the deal was won, in the workspace's zone."""
    if deal.status != "won" or deal.currency is None or deal.closed_at is None:
        return None
    if deal.currency == workspace.currency:
        return Decimal(1)
    return await deals.rate_on(hot, deal.currency, day_of(deal.closed_at, workspace))


def day_of(at: datetime, workspace: Workspace) -> date:
    return at.astimezone(ZoneInfo(workspace.timezone)).date()

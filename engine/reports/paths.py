"""Credits computed while one waits: for models that learn from all paths, and without Direct."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.reports.asking import Asked
from engine.rules.deals.history import Deal, Fact, deal_of
from engine.rules.reports.attribution import LEARNED, PathTouch, path_of
from engine.rules.reports.credits import NO_TOUCH, NOT_CONVERTED, Terms, Won, credits_of
from engine.rules.reports.learned import FEW_DEALS, Ways, removal_effects, shapley_values
from engine.rules.reports.query import midnight
from engine.store.deals import fact_from
from engine.store.report_queries import rows

_FACTS = text("""
SELECT deal_id, number, type, logged, stage, pipeline, amount, currency, closes_on::text AS closes_on, owner, leads,
    whole, dated, happened_at FROM deal_events ORDER BY deal_id, number""")
_TOUCHES = text("""
SELECT t.lead_id, t.at, t.source_id, o.channel, t.seq, t.key FROM touches t JOIN sources o ON o.id = t.source_id
WHERE t.lead_id = ANY(:leads)""")
_KNOWN = text("SELECT id, created_at FROM leads WHERE id = ANY(:leads)")
_RATES = text("SELECT currency, day, rate::text AS rate FROM rates ORDER BY currency, day")
_NAMES = text("SELECT id, channel, source, campaign, keyword FROM sources WHERE id = ANY(:ids)")
# The ways of people without a won deal, and of strangers, as channels in their order, and how many went each.
_NOWHERE = text("""
SELECT path, count(*) AS many FROM (
    SELECT array_agg(o.channel ORDER BY t.at, coalesce(t.seq, -1), t.key) AS path
    FROM touches t JOIN sources o ON o.id = t.source_id
    WHERE t.at < :until AND t.lead_id <> ALL(:won) GROUP BY t.lead_id
    UNION ALL
    SELECT array_agg(o.channel ORDER BY s.begun, s.id)
    FROM sessions s JOIN sources o ON o.id = s.source_id
    WHERE s.lead_id IS NULL AND s.begun < :until GROUP BY s.visitor_id) ways
GROUP BY path""")


@dataclass(frozen=True, slots=True)
class Credited:
    """A part of the revenue as a row of `report_queries.credited`."""

    source_id: int
    amount: int
    currency: str
    channel: str | None = None
    source: str | None = None
    campaign: str | None = None
    keyword: str | None = None


async def live_credits(connection: AsyncConnection, asked: Asked) -> list[Credited]:
    """The credits of the period by source, by the question's model and switches."""
    query, deals = asked.query, await _deals(connection, asked)
    worth = await _worth(connection, asked, deals) if query.model in LEARNED else None
    terms = Terms(query.model, asked.currency, direct=query.direct, worth=worth, restated=query.restated)
    sums: Counter[tuple[int, str]] = Counter()
    for deal in deals:
        for one in credits_of(deal.won, terms):
            if query.since <= one.at < query.until:
                sums[one.source, one.currency] += one.amount
    ids = [source for source, _ in sums if source not in (NO_TOUCH, NOT_CONVERTED)]
    names = {row.id: row for row in await rows(connection, _NAMES, ids=ids)}
    found = []
    for (source, code), amount in sorted(sums.items()):
        row = names.get(source)
        known = (row.channel, row.source, row.campaign, row.keyword) if row is not None else ()
        found.append(Credited(source, amount, code, *known))
    return found


@dataclass(frozen=True, slots=True)
class _Deal:
    deal: Deal
    won: Won


async def _deals(connection: AsyncConnection, asked: Asked) -> list[_Deal]:
    """All deals that were ever won."""
    facts: dict[str, list[Fact]] = {}
    for row in await rows(connection, _FACTS):
        facts.setdefault(row.deal_id, []).append(fact_from(row))
    made = [deal for one in facts.values() if (deal := deal_of(one)) is not None and deal.bookings]
    leads = sorted({lead for deal in made for lead in deal.leads})
    touches: dict[Any, list[PathTouch]] = {}
    for row in await rows(connection, _TOUCHES, leads=leads):
        touch = PathTouch(row.at.astimezone(UTC), row.source_id, row.channel, row.seq, row.key)
        touches.setdefault(row.lead_id, []).append(touch)
    created = {row.id: row.created_at for row in await rows(connection, _KNOWN, leads=leads)}
    rates = _by_currency(await rows(connection, _RATES))
    return [_Deal(deal, _won(deal, touches, created, rates, asked)) for deal in made]


def _won(
    deal: Deal, touches: Mapping[Any, Sequence[PathTouch]], created: Mapping[Any, datetime],
    rates: Mapping[str, Sequence[tuple[date, Fraction]]], asked: Asked,
) -> Won:  # fmt: skip
    wins = [one.at for one in deal.turns if one.status == "won"]
    day = wins[-1].astimezone(ZoneInfo(asked.program.workspace.timezone)).date()
    codes = {one.currency for one in deal.bookings} - {asked.currency}
    known = {code: max(((at, rate) for at, rate in rates.get(code, ()) if at <= day), default=None) for code in codes}
    return Won(
        deal.bookings, wins, {code: found[1] if found else None for code, found in known.items()},
        [touch for lead in deal.leads for touch in touches.get(lead, ())],
        min((created[lead] for lead in deal.leads if lead in created), default=None), deal.opened_at,
    )  # fmt: skip


def _by_currency(found: Iterable[Any]) -> dict[str, list[tuple[date, Fraction]]]:
    rates: dict[str, list[tuple[date, Fraction]]] = {}
    for row in found:
        rates.setdefault(row.currency, []).append((row.day, Fraction(row.rate)))
    return rates


async def _worth(connection: AsyncConnection, asked: Asked, deals: Sequence[_Deal]) -> Mapping[str, Fraction]:
    """What all paths up to the end of yesterday say of each channel."""
    zone = asked.program.workspace.timezone
    today = asked.now.astimezone(ZoneInfo(zone)).date()
    until = midnight(today, zone)
    won: Counter[tuple[str, ...]] = Counter()
    leads: set[Any] = set()
    for one in deals:
        if one.won.wins[0] < until:
            won[tuple(touch.channel for touch in path_of(one.won.touches, one.won.wins[0]))] += 1
            leads.update(one.deal.leads)
    lost: Ways = {tuple(row.path): row.many for row in await rows(connection, _NOWHERE, until=until, won=list(leads))}
    many = won.total()
    asked.note(f"{asked.query.model} is learned from {many} won deals up to {today - timedelta(days=1)}" + (
        f"; with fewer than {FEW_DEALS}, do not trust it" if many < FEW_DEALS else ""
    ))  # fmt: skip
    return removal_effects(won, lost) if asked.query.model == "data-driven" else shapley_values(won, lost)

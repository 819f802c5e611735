"""The `costs` lines of a campaign, resolved to days. Pure; exact in minor units.

A day counts for the version that was in force at its end, and the day on which the campaign was taken out still counts.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final
from zoneinfo import ZoneInfo

from dsl.plan import Cost
from engine.rules.deals.money import places_of

ONE_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Version:
    """From `at` on the campaign has these costs; None: it is not deployed."""

    at: datetime
    costs: Sequence[Cost] | None


@dataclass(frozen=True)
class DayCost:
    """Minor units; `labour` is what the `hours` lines cost, `outside` all others."""

    day: date
    outside: int = 0
    labour: int = 0


def costs_by_day(
    versions: Iterable[Version], currency: str, zone: ZoneInfo, first: date, last: date
) -> tuple[DayCost, ...]:
    """The days from `first` up to, not including, `last` that cost something, in the workspace's currency and zone.

    What is per month is divided among the days of each month, so that a whole month costs exactly what the line says.
    What is once falls on the day on which the line first was in force; when it is changed, the difference falls on the
    day of the change.
    """
    found: list[DayCost] = []
    outside, labour = 0, 0
    for day, costs in _days(sorted(versions, key=lambda one: one.at), zone, last):
        once = _once(costs, currency, hours=False), _once(costs, currency, hours=True)
        spent = _share(_monthly(costs, currency, hours=False), day), _share(_monthly(costs, currency, hours=True), day)
        cost = DayCost(day, spent[0] + once[0] - outside, spent[1] + once[1] - labour)
        outside, labour = once
        if day >= first and (cost.outside or cost.labour):
            found.append(cost)
    return tuple(found)


def _days(versions: Sequence[Version], zone: ZoneInfo, last: date) -> Iterable[tuple[date, Sequence[Cost]]]:
    """Each day before `last` on which the campaign was deployed, with the costs that count on it."""
    days = [one.at.astimezone(zone).date() for one in versions]
    before: Sequence[Cost] | None = None
    for number, (version, day) in enumerate(zip(versions, days, strict=True)):
        until = days[number + 1] if number + 1 < len(versions) else last
        if version.costs is None and before is not None and until > day < last:
            yield day, before
        current = day
        while version.costs is not None and current < min(until, last):
            yield current, version.costs
            current += ONE_DAY
        before = version.costs if version.costs is not None or until > day else before


def _once(costs: Iterable[Cost], currency: str, *, hours: bool) -> int:
    return sum(_units(one, currency) for one in costs if not one.per_month and (one.hours is not None) == hours)


def _monthly(costs: Iterable[Cost], currency: str, *, hours: bool) -> int:
    return sum(_units(one, currency) for one in costs if one.per_month and (one.hours is not None) == hours)


def _share(month: int, day: date) -> int:
    """The day's part of what a month costs: what is due up to its end less what was due before."""
    days = monthrange(day.year, day.month)[1]
    return month * day.day // days - month * (day.day - 1) // days


def _units(cost: Cost, currency: str) -> int:
    """A plan holds amounts as they were written, so their shortest decimal is what the line says."""
    amount = Fraction(Decimal(repr(cost.amount))) * (1 if cost.hours is None else Fraction(Decimal(repr(cost.hours))))
    units: int = round(amount * 10 ** places_of(currency))
    return units

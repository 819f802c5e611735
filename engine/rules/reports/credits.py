"""The credits of a deal: how each change of its revenue is booked on the sources of its path. Pure.

After each change the net amount is split anew, and the difference to the split before is booked on the day of the
change. So what is booked adds up to the net amount at every moment, and a full refund leaves zero at every source.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Final

from engine.rules.deals.history import Booking
from engine.rules.deals.money import places_of
from engine.rules.reports.attribution import WINDOW, Journey, Model, PathTouch, path_of, split, weights

VERSION: Final = 1
"""Of these rules; stored with each credit."""
NO_TOUCH: Final = 0
"""The source of revenue whose path is empty."""
NOT_CONVERTED: Final = -1
"""The source of revenue in a currency without a rate, which stands outside all sums."""


@dataclass(frozen=True, slots=True)
class Credit:
    """What one change, the `number`th of its deal, books on a source, in minor units of `currency`."""

    number: int
    at: datetime
    source: int
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class Won:
    """What credits are computed from. `wins`: when the deal was won, each time; `rates` by currency, of the day of
    winning, None for a currency without one; `touches` of all its leads; `created`: when the first of them was."""

    bookings: Sequence[Booking]
    wins: Sequence[datetime]
    rates: Mapping[str, Fraction | None]
    touches: Sequence[PathTouch]
    created: datetime | None = None
    opened: datetime | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """How to attribute: `worth` by channel for learned models, `home` the currency of the sums. `restated`: every
    change is booked at the instant of the first one."""

    model: Model
    home: str
    window: timedelta = WINDOW
    direct: bool = True
    worth: Mapping[str, Fraction] | None = None
    restated: bool = False


def credits_of(deal: Won, terms: Terms) -> list[Credit]:
    """The deal's credits, in order of the change, then source."""
    if any(deal.rates.get(one.currency) is None and one.currency != terms.home for one in deal.bookings):
        found = [
            Credit(number, one.at, NOT_CONVERTED, one.amount, one.currency) for number, one in enumerate(deal.bookings)
        ]
    else:
        found = list(_converted(deal, terms))
    if terms.restated and found:
        first = deal.bookings[0].at
        found = [replace(one, at=first) for one in found]
    return found


def _converted(deal: Won, terms: Terms) -> Iterable[Credit]:
    nets: dict[str, int] = {}
    booked: dict[int, int] = {}
    for number, change in enumerate(deal.bookings):
        nets[change.currency] = nets.get(change.currency, 0) + change.amount
        net = sum(converted(units, code, terms.home, deal.rates.get(code)) for code, units in nets.items())
        now = _split(net, deal, terms, change.at)
        for source in sorted(booked.keys() | now.keys()):
            if amount := now.get(source, 0) - booked.get(source, 0):
                yield Credit(number, change.at, source, amount, terms.home)
        booked = now


def _split(net: int, deal: Won, terms: Terms, at: datetime) -> dict[int, int]:
    """A net amount by source, over the path to the last winning at or before `at`."""
    won = max((one for one in deal.wins if one <= at), default=at)
    path = path_of(deal.touches, won, terms.window)
    if not path:
        return {NO_TOUCH: net} if net else {}
    journey = Journey(path, deal.created, deal.opened)
    found: dict[int, int] = {}
    shares = split(net, weights(terms.model, journey, worth=terms.worth, direct=terms.direct))
    for touch, amount in zip(path, shares, strict=True):
        if amount:
            found[touch.source] = found.get(touch.source, 0) + amount
    return found


def converted(units: int, currency: str, home: str, rate: Fraction | None) -> int:
    """Minor units of `currency` in minor units of `home`, half to even. `rate`: what one unit of `currency` is worth;
    the home currency needs none."""
    if currency == home:
        return units
    assert rate is not None, "a currency without a rate is not converted"
    return round(units * rate * Fraction(10) ** (places_of(home) - places_of(currency)))

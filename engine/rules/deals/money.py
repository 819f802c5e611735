"""Amounts of money: decimal text to whole minor units of an ISO 4217 currency and back, exactly. Pure, no floats."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Final

import pycountry

LARGEST: Final = 10**15
"""Minor units; a larger amount is a mistake."""
FINEST = 100
"""Decimals, zeros at the end included, that a number may be written with."""
_PLAIN = re.compile(r"-?\d{1,18}(\.\d{1,18})?", re.ASCII)
_PLACES: Final = {
    0: ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF",
        "XOF", "XPF"),
    3: ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"),
    4: ("CLF", "UYW"),
}  # fmt: skip
"""Digits behind the point by ISO 4217, where they are not two."""
_NO_MONEY: Final = frozenset({
    "XAG", "XAU", "XBA", "XBB", "XBC", "XBD", "XDR", "XPD", "XPT", "XSU", "XTS", "XUA", "XXX",
})  # fmt: skip
"""Codes of metals, units of account and tests, which have no minor unit."""


class BadMoney(ValueError):
    """An amount, a currency or a rate that cannot be taken; the text says why, in a sentence."""


def currency_of(text: str) -> str:
    """The ISO 4217 code, in capitals. Raises BadMoney."""
    code = text.strip().upper()
    if not is_currency(code):
        raise BadMoney(f"`{text[:20]}` is not a currency; use a code of ISO 4217, such as EUR.")
    return code


@cache
def is_currency(code: str) -> bool:
    return code not in _NO_MONEY and pycountry.currencies.get(alpha_3=code) is not None


def places_of(currency: str) -> int:
    """Digits behind the point of a known currency: 2 for EUR, 0 for JPY, 3 for KWD."""
    return next((places for places, codes in _PLACES.items() if currency in codes), 2)


def minor_units(amount: Decimal | int | str, currency: str) -> int:
    """`12.5` EUR is 1250. Text is written with a point and at most the currency's places. Raises BadMoney."""
    if isinstance(amount, str):
        if not _PLAIN.fullmatch(amount):
            raise BadMoney(f"`{amount[:20]}` is not an amount; write it like 1250.50.")
        written = len(amount.partition(".")[2])
        amount = Decimal(amount)
    else:
        amount = Decimal(amount)
        if not amount.is_finite() or not -LARGEST <= amount <= LARGEST:
            raise BadMoney("This amount is too large.")
        written = FINEST if _too_fine(amount) else max(0, -int(amount.normalize().as_tuple().exponent))
    places = places_of(currency)
    if written > places:
        raise BadMoney(f"{currency} has at most {places} decimal places." if places else f"{currency} has no decimals.")
    units = int(Fraction(amount) * 10**places)
    if abs(units) > LARGEST:
        raise BadMoney("This amount is too large.")
    return units


def _too_fine(value: Decimal) -> bool:
    """Whether a number such as 1e-999999999 has more decimals than any amount: as a fraction it would fill the memory,
    and rounding it to look at it hides that."""
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and exponent < -FINEST


def decimal_text(units: int, currency: str) -> str:
    """1250 minor units of EUR are `12.50`."""
    places = places_of(currency)
    sign, digits = "-" if units < 0 else "", str(abs(units)).rjust(places + 1, "0")
    return sign + (f"{digits[:-places]}.{digits[-places:]}" if places else digits)


def rate_of(value: Decimal | int | str) -> Decimal:
    """What one unit of a currency is worth in the workspace's: above zero, at most 12 decimals. Raises BadMoney."""
    if isinstance(value, str) and not _PLAIN.fullmatch(value):
        raise BadMoney(f"`{value[:20]}` is not a rate; write it like 0.9235.")
    rate = Decimal(value)
    if not rate.is_finite() or not 0 < rate < 10**9:
        raise BadMoney("A rate is above 0 and below 1,000,000,000.")
    if _too_fine(rate) or -int(rate.normalize().as_tuple().exponent) > 12:
        raise BadMoney("A rate has at most 12 decimals.")
    return rate


def converted(units: int, currency: str, rate: Decimal, into: str) -> int:
    """Minor units of `currency` as minor units of `into`, rounded once, half to even."""
    return round(Fraction(units) * Fraction(rate) * Fraction(10 ** places_of(into), 10 ** places_of(currency)))

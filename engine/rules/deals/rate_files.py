"""Rates of currencies, from files with a day, a currency and a rate. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from engine.rules.deals.money import BadMoney, currency_of, rate_of
from engine.rules.deals.numerals import Order, Unreadable, day_of, mark_of, number_of, order_of
from engine.rules.deals.sheets import BadFile, BadLine, read_sheet

NAMES: Final = {
    "day": ("day", "date", "from", "from day", "tag", "datum", "time_period"),
    "currency": ("currency", "currency code", "währung"),
    "rate": ("rate", "exchange rate", "kurs", "wechselkurs"),
}


@dataclass(frozen=True)
class RateLine:
    """From `day` on one unit of `currency` is worth `rate` in the workspace's currency."""

    day: date
    currency: str
    rate: Decimal


@dataclass(frozen=True)
class RateFile:
    lines: tuple[RateLine, ...]
    bad: tuple[BadLine, ...]


def read_rates(data: bytes, home: str, order: Order | None = None) -> RateFile:
    """Read a file; `home` is the workspace's currency. Raises BadFile."""
    try:
        sheet = read_sheet(data, lambda header: len(found) if len(found := _places(header)) == len(NAMES) else 0)
    except BadFile as error:
        raise BadFile(f"{error}; a file of rates has day, currency, and rate") from None
    places = _places(sheet.header)
    order = order or order_of(row[places["day"]] for _, row in sheet.rows)
    mark = mark_of((row[places["rate"]] for _, row in sheet.rows), otherwise="," if sheet.delimiter == ";" else ".")
    lines: dict[tuple[date, str], RateLine] = {}
    bad: list[BadLine] = []
    for number, row in sheet.rows:
        try:
            line = checked_rate(
                day_of(row[places["day"]], order), row[places["currency"]], number_of(row[places["rate"]], mark), home
            )
            before = lines.setdefault((line.day, line.currency), line)
            if before != line:
                raise Unreadable(f"{line.currency} has another rate on {line.day} already.")
        except (Unreadable, BadMoney) as wrong:
            bad.append(BadLine(number, str(wrong)))
    return RateFile(tuple(lines.values()), tuple(bad))


def checked_rate(day: date, currency: str, rate: Decimal | int | str, home: str) -> RateLine:
    """Raises BadMoney."""
    code = currency_of(currency)
    if code == home:
        raise BadMoney(f"{home} is the workspace's own currency and needs no rate.")
    return RateLine(day, code, rate_of(rate))


def _places(header: Sequence[str]) -> dict[str, int]:
    plain = [" ".join(name.casefold().split()) for name in header]
    found = {
        column: next((plain.index(name) for name in names if name in plain), -1) for column, names in NAMES.items()
    }
    return {column: place for column, place in found.items() if place >= 0}

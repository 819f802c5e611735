"""What advertising cost, by day and source, from the files that the networks export. Pure.

A file is recognised by its columns: Google Ads has `Cost`, Meta `Amount spent (EUR)`, LinkedIn `Total Spent`, Microsoft
Advertising `Spend`; any other has `source` and `amount`. Lines in front of the header,
totals and footers do not count. A network shows a day without costs as a dash.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from engine.rules.deals.money import BadMoney, currency_of, is_currency, minor_units
from engine.rules.deals.numerals import Mark, Order, Unreadable, day_of, mark_of, number_of, order_of
from engine.rules.deals.sheets import BadFile, BadLine, Sheet, read_sheet

NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "day": ("day", "date", "tag", "datum", "gregorian date", "start date (in utc)", "start date", "time period",
            "reporting starts", "berichtsstart", "auswertungsstart", "zeitraum"),
    "end": ("reporting ends", "berichtsende", "auswertungsende", "end date (in utc)", "end date"),
    "source": ("source", "utm_source", "quelle"),
    "medium": ("medium", "utm_medium"),
    "campaign": ("campaign", "campaign name", "kampagne", "kampagnenname", "name der kampagne", "utm_campaign"),
    "keyword": ("keyword", "search keyword", "utm_term"),
    "content": ("content", "utm_content"),
    "amount": ("cost", "kosten", "amount spent", "ausgegebener betrag", "total spent", "gesamtausgaben", "spend",
               "ausgaben", "amount", "betrag"),
    "currency": ("currency", "currency code", "währung", "währungscode"),
    "clicks": ("link clicks", "link-klicks", "clicks", "klicks", "clicks (all)", "klicks (alle)"),
    "impressions": ("impressions", "impr.", "impressionen", "impr"),
}  # fmt: skip
"""Columns by their names in the exports, the better name first."""
STARTS: Final = ("start date (in utc)", "start date", "reporting starts", "berichtsstart", "auswertungsstart")
GERMAN: Final = frozenset({
    "tag", "datum", "kosten", "kampagne", "kampagnenname", "klicks", "impressionen", "ausgegebener betrag", "ausgaben",
    "währung", "währungscode", "betrag", "gesamtausgaben", "berichtsstart", "auswertungsstart",
})  # fmt: skip
NETWORKS: Final[Mapping[str, tuple[str, str, str]]] = {
    "cost": ("Google Ads", "google", "cpc"), "kosten": ("Google Ads", "google", "cpc"),
    "amount spent": ("Meta", "facebook", "paid_social"), "ausgegebener betrag": ("Meta", "facebook", "paid_social"),
    "total spent": ("LinkedIn", "linkedin", "paid_social"), "gesamtausgaben": ("LinkedIn", "linkedin", "paid_social"),
    "spend": ("Microsoft Advertising", "bing", "cpc"), "ausgaben": ("Microsoft Advertising", "bing", "cpc"),
}  # fmt: skip
"""Whose export a file is, its source and its medium, by the name of the column with the amounts."""
_UNIT = re.compile(r"(.*?)\s*\(([A-Za-z]{3})\)")
_TOTAL = re.compile(r"((grand )?totals?|gesamt(summe)?|summe|insgesamt)(\s*[:–-].*)?", re.IGNORECASE)
_WHOLE = re.compile(r"\d{1,3}([.,'’]\d{3})+|\d{1,15}", re.ASCII)
_FOOTER = re.compile(r"©|@|\(c\)|copyright", re.IGNORECASE)
_NOTHING: Final = ("", "-", "--", "—")


@dataclass(frozen=True)
class SpendLine:
    """What one source cost on one day; `amount` in minor units."""

    day: date
    source: str
    medium: str
    campaign: str
    keyword: str
    content: str
    amount: int
    currency: str
    clicks: int | None = None
    impressions: int | None = None

    @property
    def place(self) -> tuple[date, str, str, str, str, str]:
        return self.day, self.source, self.medium, self.campaign, self.keyword, self.content


@dataclass(frozen=True)
class SpendFile:
    """`network` is whose export it is, "" for none. `lines` are added up by day and source; `bad` in order."""

    network: str
    lines: tuple[SpendLine, ...]
    bad: tuple[BadLine, ...]


def read_spend(data: bytes, home: str, order: Order | None = None) -> SpendFile:
    """Read a file. `home`: the workspace's currency, for files that name none. Raises BadFile."""
    try:
        sheet = read_sheet(data, _known)
    except BadFile as error:
        raise BadFile(f"{error}; a file needs a day, an amount, and a campaign or a source") from None
    reading = _Reading.of(sheet, home, order)
    lines: dict[tuple[date, str, str, str, str, str], SpendLine] = {}
    bad: list[BadLine] = []
    for number, row in sheet.rows:
        try:
            line = reading.line(row)
            if line is not None:
                before = lines.get(line.place)
                lines[line.place] = line if before is None else _sum(before, line)
        except (Unreadable, BadMoney) as wrong:
            bad.append(BadLine(number, str(wrong)))
    return SpendFile(reading.network, tuple(lines.values()), tuple(bad))


def _sum(one: SpendLine, other: SpendLine) -> SpendLine:
    if one.currency != other.currency:
        raise Unreadable(f"The same day and source has an amount in {one.currency} already.")
    return replace(
        one, amount=one.amount + other.amount, clicks=_added(one.clicks, other.clicks),
        impressions=_added(one.impressions, other.impressions),
    )  # fmt: skip


def _added(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else one + other


def _plain(name: str) -> str:
    return " ".join(name.casefold().replace("\u00a0", " ").split())


def _columns(header: Sequence[str]) -> tuple[dict[str, int], dict[str, str], str]:
    """Where each column is, its name there, and the currency that the column of the amounts names."""
    plain = [_plain(name) for name in header]
    units = [found if (found := _UNIT.fullmatch(name)) and is_currency(found[2].upper()) else None for name in plain]
    bare = [unit[1] if unit else name for name, unit in zip(plain, units, strict=True)]
    places: dict[str, int] = {}
    for column, names in NAMES.items():
        known = bare if column == "amount" else plain
        place = next((known.index(name) for name in names if name in known), None)
        if place is not None:
            places[column] = place
    at = places.get("amount")
    unit = units[at] if at is not None else None
    return places, {column: bare[place] for column, place in places.items()}, unit[2].upper() if unit else ""


def _known(header: Sequence[str]) -> int:
    places, names, _ = _columns(header)
    whose = "source" in places or names.get("amount") in NETWORKS
    return len(places) if {"day", "amount"} <= places.keys() and whose else 0


@dataclass(frozen=True)
class _Reading:
    """How the rows of one file are read. `periods`: the day is the first one of a period that a line covers."""

    network: str
    source: str
    medium: str
    places: Mapping[str, int]
    currency: str
    mark: Mark
    order: Order | None
    periods: bool

    @staticmethod
    def of(sheet: Sheet, home: str, order: Order | None) -> _Reading:
        places, names, unit = _columns(sheet.header)
        network, source, medium = ("", "", "") if "source" in places else NETWORKS[names["amount"]]
        otherwise: Mark = "," if GERMAN & set(names.values()) or sheet.delimiter == ";" else "."
        mark = mark_of((row[places["amount"]] for _, row in sheet.rows), otherwise=otherwise)
        order = order or order_of(row[places["day"]] for _, row in sheet.rows)
        return _Reading(network, source, medium, places, unit or home, mark, order, names["day"] in STARTS)

    def line(self, row: tuple[str, ...]) -> SpendLine | None:
        """None for totals and footers. Raises Unreadable and BadMoney."""
        if self._beside(row):
            return None
        day = day_of(self._cell(row, "day"), self.order)
        if self.periods and (end := self._cell(row, "end")) and (last := day_of(end, self.order)) != day:
            raise Unreadable(f"This line covers {(last - day).days + 1} days. Export the costs by day.")
        source = self._cell(row, "source") or self.source
        if not source:
            raise Unreadable("The source is missing.")
        currency = currency_of(self._cell(row, "currency") or self.currency)
        given = self._cell(row, "amount") or ("0" if self.network else "")
        if not given:
            raise Unreadable("The amount is missing.")
        amount = number_of(given, self.mark)
        if amount < 0:
            raise Unreadable("An amount is not below zero.")
        return SpendLine(
            day, source, self._cell(row, "medium") or self.medium, self._cell(row, "campaign"),
            self._cell(row, "keyword").strip("[]\"'+ "), self._cell(row, "content"), minor_units(amount, currency),
            currency, self._count(row, "clicks"), self._count(row, "impressions"),
        )  # fmt: skip

    def _beside(self, row: tuple[str, ...]) -> bool:
        """Whether the row is a total of others, or stands below the table."""
        day, filled = self._cell(row, "day"), [cell for cell in row if cell not in _NOTHING]
        if not filled or _TOTAL.fullmatch(day) or (len(filled) == 1 and _FOOTER.match(filled[0])):
            return True
        nameless = bool(self.network) and "campaign" in self.places and not self._cell(row, "campaign")
        return bool(not day and _TOTAL.fullmatch(filled[0])) or (nameless and (self.periods or not day))

    def _cell(self, row: tuple[str, ...], column: str) -> str:
        place = self.places.get(column)
        text = row[place].strip() if place is not None else ""
        return "" if text in _NOTHING else text

    def _count(self, row: tuple[str, ...], column: str) -> int | None:
        """Whole numbers have no decimals, so either mark groups their digits."""
        text = self._cell(row, column)
        if not text:
            return None
        bare = "".join(text.split()).replace("\u00a0", "").replace("\u202f", "")
        if not _WHOLE.fullmatch(bare):
            raise Unreadable(f"`{text[:30]}` is not a number of {column}.")
        return int("".join(one for one in bare if one.isdigit()))

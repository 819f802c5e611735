"""Numbers and days as programs write them for people of many countries. Pure; what can be read two ways is refused."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Final, Literal

Mark = Literal[".", ","]
"""What stands between a number's whole part and its decimals."""
Order = Literal["day-first", "month-first"]

_AROUND = re.compile(r"[\s\u00a0\u202f'’]|[A-Z]{3}|[€$£¥₹]|kr\.?|zł|Fr\.", re.IGNORECASE)
_SHAPES: Final = {
    ".": re.compile(r"-?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?", re.ASCII),
    ",": re.compile(r"-?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?", re.ASCII),
}
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_GERMAN: Final = {"mär": 3, "mrz": 3, "mai": 5, "okt": 10, "dez": 12}
_YEAR_FIRST = re.compile(r"(\d{4})([-/.]?)(\d{2})\2(\d{2})(?:[T ].*)?", re.ASCII)
_PARTS = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})(?:[T ].*)?", re.ASCII)
_NAMED = re.compile(r"(?:(\d{1,2})\.?[ -])?([A-Za-zä]{3,9})\.?[ -](?:(\d{1,2}),? )?(\d{4})")


class Unreadable(ValueError):
    """The text says why, in a sentence."""


def mark_of(values: Iterable[str], *, otherwise: Mark) -> Mark:
    """The mark that most of the numbers show to be theirs; `otherwise`, if none of them shows any."""
    shown = [mark for value in values if (mark := _shown(_bare(value))) is not None]
    return max((".", ","), key=shown.count) if shown and shown.count(".") != shown.count(",") else otherwise


def number_of(text: str, mark: Mark) -> Decimal:
    """`1,234.50 EUR` with a point, `1.234,50 €` with a comma. Raises Unreadable."""
    bare = _bare(text)
    if not _SHAPES[mark].fullmatch(bare):
        raise Unreadable(f"`{text[:30]}` is not a number.")
    return Decimal(bare.replace("," if mark == "." else ".", "").replace(",", "."))


def _bare(text: str) -> str:
    return _AROUND.sub("", text.replace("\u2212", "-"))


def _shown(bare: str) -> Mark | None:
    """The mark a number shows by itself; `1,234` may be either."""
    points, commas = bare.count("."), bare.count(",")
    if points and commas:
        return "." if bare.rindex(".") > bare.rindex(",") else ","
    if points + commas > 1:
        return "," if points else "."
    if points + commas == 1:
        own: Mark = "." if points else ","
        whole, _, rest = bare.lstrip("-").partition(own)
        return own if len(rest) != 3 or len(whole) > 3 or whole in ("", "0") else None
    return None


def order_of(values: Iterable[str]) -> Order | None:
    """Whether days like 03/04/2026 begin with the day, as far as one of them shows it."""
    firsts, seconds = 0, 0
    for value in values:
        if (parts := _PARTS.fullmatch(value.strip())) and parts[2] != ".":
            firsts, seconds = max(firsts, int(parts[1])), max(seconds, int(parts[3]))
    return "day-first" if firsts > 12 >= seconds else "month-first" if seconds > 12 >= firsts else None


def day_of(text: str, order: Order | None, first_year: int = 2000) -> date:
    """`2026-09-01`, `01.09.2026`, `9/1/2026`, `Sep 1, 2026`. `first_year`: of the earliest day; before 2000, as for
    birthdays, a year has four digits. Raises Unreadable."""
    given = text.strip()
    if found := _YEAR_FIRST.fullmatch(given):
        return _date(text, int(found[1]), int(found[3]), int(found[4]), first_year)
    if found := _PARTS.fullmatch(given):
        if len(found[4]) == 2 and first_year < 2000:
            raise Unreadable(f"`{given}` has a year of two digits; write all four.")
        year = int(found[4]) + (2000 if len(found[4]) == 2 else 0)
        first, second = int(found[1]), int(found[3])
        if found[2] == ".":
            order = "day-first"
        if order is None and first != second:
            raise Unreadable(f"`{given}` can be read with the day or the month first; say which with --dates.")
        month, day = (second, first) if order == "day-first" else (first, second)
        return _date(text, year, month, day, first_year)
    if (found := _NAMED.fullmatch(given)) and (found[1] is None) != (found[3] is None):
        name = found[2].lower()[:3]
        month = _MONTHS.index(name) + 1 if name in _MONTHS else _GERMAN.get(name, 0)
        return _date(text, int(found[4]), month, int(found[1] or found[3]), first_year)
    raise Unreadable(f"`{given[:30]}` is not a day." if given else "The day is missing.")


def _date(text: str, year: int, month: int, day: int, first_year: int) -> date:
    try:
        found = date(year, month, day)
    except ValueError:
        raise Unreadable(f"`{text[:30]}` is not a day.") from None
    if not first_year <= year < 2100:
        raise Unreadable(f"`{text[:30]}` is not a day {'of this century' if first_year == 2000 else 'of our time'}.")
    return found

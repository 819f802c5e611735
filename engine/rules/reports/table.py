"""A report as values: tables with typed columns, so that a terminal, a file and a page show the same. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from typing import Any, Literal

from engine.rules.deals.money import decimal_text

Kind = Literal["text", "count", "number", "money", "share", "points", "ratio", "days"]
"""`money` is minor units of the report's currency; `share` and `points` (a difference of shares) are fractions of 1;
`ratio` is a multiple; `days` are days with their fraction."""
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """`definition` says in one sentence what the figures count."""

    key: str
    head: str
    kind: Kind = "count"
    definition: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A cell that is missing or None has no figure: there was nothing to count by. `empty` is said where no row is."""

    name: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    total: Row | None = None
    empty: str = ""
    compared: tuple[str, ...] = ()
    """The columns whose figures are shown with those of earlier periods."""
    by_place: bool = False
    """The rows of an earlier period stand beside these in their order: theirs are other days."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What stands out, in a sentence. `figures` are those it was found by; `ask` is the question that shows them, as
    words of `read_query`; `stake` is how much money it is about, in minor units, and `people` how many leads or deals.
    """

    text: str
    figures: Mapping[str, Any]
    ask: Mapping[str, str]
    stake: int = 0
    people: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """The days from `first` to `last`, both included, in `zone`; `as_of` is the end of the data."""

    name: str
    first: date
    last: date
    zone: str
    as_of: datetime
    currency: str
    tables: Sequence[Table]
    notes: Sequence[str] = ()
    findings: Sequence[Finding] = ()
    earlier: Mapping[str, tuple[date, date]] = field(default_factory=dict)
    """The periods it is compared with: `before` and `year`."""


def shown(value: Any, kind: Kind, currency: str) -> str:
    """A figure as people read it; empty where there is none."""
    if value is None:
        return ""
    match kind:
        case "text":
            return str(value)
        case "count":
            return f"{value:,}"
        case "money":
            return decimal_text(value, currency)
        case "share":
            return _percent(value)
        case "points":
            return f"{'+' if value > 0 else ''}{_percent(value)}"
        case _:
            return f"{float(value):,.1f}".removesuffix(".0")


def plain(value: Any, kind: Kind, currency: str) -> Any:
    """A figure as programs read it: money as decimal text, shares and ratios as numbers."""
    if value is None:
        return None
    if kind == "money":
        return decimal_text(value, currency)
    return round(float(value), 6) if kind in ("share", "points", "ratio", "days", "number") else value


def safe_cell(text: str) -> str:
    """Text for a spreadsheet, which would take what begins like a formula for one."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def ratio(part: int | Fraction | None, whole: int | None) -> Fraction | None:
    """None without a whole: never 0, never infinite."""
    return Fraction(part) / whole if whole and part is not None else None


def per(amount: int | None, count: int | None) -> int | None:
    """An amount for each, half to even; None without any."""
    return round(Fraction(amount, count)) if count and amount is not None else None


def summed(rows: Iterable[Row], keys: Iterable[str]) -> dict[str, Any]:
    found = list(rows)
    return {key: sum(row.get(key) or 0 for row in found) for key in keys}


def _percent(value: Any) -> str:
    number = float(value) * 100
    text = f"{number:.1f}" if abs(number) < 99.95 else f"{number:.0f}"
    return f"{text.removesuffix('.0')}%"

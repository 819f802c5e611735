"""Digit-led runs and the words beside them, classified: numbers, durations, times, dates."""

from __future__ import annotations

import re
from calendar import month_name, monthrange
from datetime import date

from dsl import plan
from dsl.problems.near import near
from dsl.problems.problems import Problems
from dsl.text.lexer import Lexeme, span_of
from dsl.tree.declarations import Amount, Amounts, Number, Span

UNITS = {
    "minute": ("minutes", 1), "hour": ("minutes", 60), "day": ("days", 1), "week": ("days", 7),
    "month": ("months", 1), "year": ("months", 12),
}  # fmt: skip
BUSINESS_UNITS = {"hour": ("business_minutes", 60), "day": ("business_days", 1)}
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
LONGEST_DAYS = 1827
"""Five years with two leap days."""
LIFETIME = 150 * 366
"""Days that a date may be counted from another."""

_PLAIN = re.compile(r"[+-]?\d{1,12}(\.\d{1,6})?", re.ASCII)
_TWO_WAYS = re.compile(r"([+-]?[1-9]\d{0,2})[.,](\d{3})", re.ASCII)
"""Thousands in one country, a fraction in another. As a share of a hundred it is a fraction everywhere."""
_WHOLE = re.compile(r"\d{1,9}", re.ASCII)
_TIME = re.compile(r"(\d{2}):(\d{2})", re.ASCII)
_LIKE_A_TIME = re.compile(r"\d{1,2}(:\d{2}|([:.]\d{2})?(am|pm|h|Uhr))", re.ASCII | re.IGNORECASE)
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)


def number(raw: str, span: Span, problems: Problems) -> float | None:
    """A plain number, `10`, `-2.5`; None after reporting anything else."""
    if is_plain(raw) and not _TWO_WAYS.fullmatch(raw):
        return _read(raw)
    _complain_number(raw, span, problems)
    return None


def _read(raw: str) -> float:
    value = float(raw)
    return int(value) if value.is_integer() else value


def is_plain(raw: str) -> bool:
    return _PLAIN.fullmatch(raw) is not None


def _complain_number(raw: str, span: Span, problems: Problems) -> None:
    ascii_digits = "".join(str(int(c)) if c.isdecimal() else {"\u2212": "-", "\u2013": "-"}.get(c, c) for c in raw)
    if ascii_digits != raw:
        problems.add("E202", span, text=raw, meant=ascii_digits)
    elif match := _TWO_WAYS.fullmatch(raw):
        fraction = match[2].rstrip("0")
        decimal = f"{match[1]}.{fraction}{'0' if len(fraction) == 3 else ''}" if fraction else match[1]
        problems.add("E203", span, near=(match[1] + match[2], decimal), text=raw)
    elif re.fullmatch(r"[+-]?\d{1,3}([,._']\d{3})+", raw):
        problems.add("E203", span, text=raw, meant=re.sub(r"[,._']", "", raw))
    elif re.fullmatch(r"[+-]?\d+,\d+", raw):
        problems.add("E203", span, text=raw, meant=raw.replace(",", "."))
    elif re.fullmatch(r"[+-]?\d+(\.\d+)?", raw):
        problems.add("E204", span, text=raw)
    elif raw.endswith("%"):
        problems.add("E205", span, text=raw, meant=raw[:-1])
    elif _DATE.fullmatch(raw):
        problems.add("E217", span, text=raw, meant=_day_meant(raw))
    elif re.fullmatch(r"\d{1,2}[./]\d{1,2}[./]\d{4}", raw):
        problems.add("E216", span, text=raw, meant=_date_meant(raw))
    elif match := re.fullmatch(r"([+-]?\d+(?:\.\d+)?)([a-zA-Z]+)", raw):
        problems.add("E206", span, text=raw, meant=f"{match[1]} {_unit_meant(match[2], match[1])}")
    else:
        problems.add("E207", span, text=raw)


def _unit_meant(text: str, digits: str) -> str:
    unit = {"m": "minute", "min": "minute", "h": "hour", "d": "day", "w": "week", "y": "year"}.get(text.lower())
    if unit is None:
        return text
    return unit if digits == "1" else unit + "s"


MOST_POINTS = 100_000
"""A step or rule adds or takes at most so many points."""


def check_points(amount: float | None, token: Lexeme, problems: Problems) -> None:
    if amount is not None and abs(amount) > MOST_POINTS:
        problems.add("E526", span_of(token), text=str(token))


def whole(token: Lexeme, problems: Problems, least: int = 1) -> int | None:
    """A count: a whole number of at least `least`."""
    return whole_number(str(token), span_of(token), problems, least)


def whole_number(raw: str, span: Span, problems: Problems, least: int = 1) -> int | None:
    value = number(raw, span, problems)
    if value is None:
        return None
    if value < least or value != int(value):
        problems.add("E208", span, text=raw, least=least)
        return None
    return int(value)


def percent(token: Lexeme, problems: Problems) -> float | None:
    """A share: `50%`, more than nothing and at most everything."""
    raw, span = str(token), span_of(token)
    if not raw.endswith("%"):
        if number(raw, span, problems) is not None:
            problems.add("E230", span, text=raw)
        return None
    if re.fullmatch(r"\d+,\d+%", raw):
        problems.add("E203", span, text=raw, meant=raw.replace(",", "."))
        return None
    share = raw[:-1]
    value = _read(share) if is_plain(share) else number(share, span, problems)
    if value is not None and not 0 < value <= 100:
        problems.add("E231", span, text=raw)
        return None
    return value


def duration(parts: Amounts, problems: Problems, longest: int = LONGEST_DAYS) -> plan.Duration | None:
    """A sum of units, more than nothing and at most `longest` days, which are five years."""
    span = parts[0].span.to(parts[-1].span)
    totals = {"months": 0, "days": 0, "minutes": 0, "business_days": 0, "business_minutes": 0}
    readable = True
    for amount in parts:
        found = _part(amount, problems)
        if found is None:
            readable = False
        else:
            totals[found[0]] += found[1]
    if not readable:
        return None
    if not any(totals.values()):
        problems.add("E212", span, text=shown(parts[:1]))
        return None
    length = plan.Duration(**totals)
    if days_of(length) > longest:
        problems.add("E213", span)
        return None
    return length


def shown(parts: Amounts) -> str:
    """A duration as it was written."""
    words = [
        (part.digits.value, "business" if part.business else "", part.unit.value if part.unit else "") for part in parts
    ]
    return " ".join(word for part in words for word in part if word)


def days_of(length: plan.Duration) -> float:
    """About how many days; exact enough to tell five years from more."""
    business = length.business_days * 7 / 5 + length.business_minutes / (8 * 60) * 7 / 5
    return length.months * 30.4375 + length.days + length.minutes / 1440 + business


def _part(amount: Amount, problems: Problems) -> tuple[str, int] | None:
    raw, unit = amount.digits.value, amount.unit
    if not _WHOLE.fullmatch(raw):
        _complain_amount(raw, unit.value if unit else "days", amount.digits.span, problems)
        return None
    if unit is None:
        problems.add("E209", amount.span, text=raw)
        return None
    units = BUSINESS_UNITS if amount.business else UNITS
    singular = unit.value.removesuffix("s")
    if singular not in units:
        names = [name + "s" for name in units]
        if amount.business:
            problems.add("E211", unit.span, text=unit.value, number=raw)
        else:
            problems.add("E210", unit.span, near=near(unit.value, names), text=unit.value)
        return None
    name, factor = units[singular]
    return name, int(raw) * factor


def _complain_amount(raw: str, unit: str, span: Span, problems: Problems) -> None:
    if raw.startswith("-"):
        problems.add("E212", span, text=f"{raw} {unit}")
    elif re.fullmatch(r"\+?\d{1,9}\.\d+", raw):
        problems.add("E214", span, text=f"{raw} {unit}")
    elif is_plain(raw):
        problems.add("E208", span, text=raw, least=1)
    else:
        _complain_number(raw, span, problems)


def time(token: Lexeme, problems: Problems, *, midnight: bool = False) -> str | None:
    """`HH:MM`; `24:00` only where a span may end at midnight."""
    return clock(str(token), span_of(token), problems, midnight=midnight)


def clock(raw: str, span: Span, problems: Problems, *, midnight: bool = False) -> str | None:
    if match := _TIME.fullmatch(raw):
        hours, minutes = int(match[1]), int(match[2])
        if (hours < 24 and minutes < 60) or (midnight and raw == "24:00"):
            return raw
    problems.add("E215", span, text=raw, meant=_time_meant(raw))
    return None


def time_meant(raw: str) -> str:
    """The time of day that was meant where a day is expected, `9:00` and `9am` too; empty when it is no time."""
    return _time_meant(raw) if _LIKE_A_TIME.fullmatch(raw) else ""


def _time_meant(raw: str) -> str:
    match = re.fullmatch(r"(\d{1,2})(?:[:.]?(\d{2}))?(am|pm|h|Uhr)?", raw, re.IGNORECASE)
    if not match:
        return "09:00"
    hours = int(match[1]) + (12 if (match[3] or "").lower() == "pm" and int(match[1]) < 12 else 0)
    return f"{hours:02}:{int(match[2] or 0):02}" if hours < 24 and int(match[2] or 0) < 60 else "09:00"


def day(token: Lexeme, problems: Problems) -> str | None:
    """`YYYY-MM-DD`, a day that exists."""
    return date_of(str(token), span_of(token), problems)


def date_of(raw: str, span: Span, problems: Problems) -> str | None:
    if is_date(raw):
        return raw
    if _DATE.fullmatch(raw):
        problems.add("E217", span, text=raw, meant=_day_meant(raw))
    else:
        problems.add("E216", span, text=raw, meant=_date_meant(raw))
    return None


def dates(first: Lexeme, last: Lexeme, problems: Problems) -> tuple[str, str] | None:
    """A span of days, both included."""
    start, end = day(first, problems), day(last, problems)
    if start is None or end is None:
        return None
    if end < start:
        problems.add("E220", span_of(first, last))
    return start, end


def is_date(raw: str) -> bool:
    match = _DATE.fullmatch(raw)
    if not match:
        return False
    try:
        date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return False
    return True


def _date_meant(raw: str) -> str:
    """The day if it can only be one; of one without a year, that day of some year; else an example."""
    if match := re.fullmatch(r"(\d{1,2}) ([A-Z][a-z]+)", raw, re.ASCII):
        months = [month.lower() for month in month_name]
        return (
            f"2027-{months.index(match[2].lower()):02}-{int(match[1]):02}"
            if match[2].lower() in months
            else "2026-12-24"
        )
    if match := re.fullmatch(r"(\d{4})[./](\d{1,2})[./](\d{1,2})", raw, re.ASCII):
        year, month, day = match.groups()
    elif match := re.fullmatch(r"(\d{1,2})([./])(\d{1,2})\2(\d{4})", raw, re.ASCII):
        day, mark, month, year = match.groups()
        if mark == "/" and int(month) > 12:
            day, month = month, day
        elif mark == "/" and int(day) <= 12 and day != month:
            return "2026-12-24"
    else:
        return "2026-12-24"
    return f"{year}-{int(month):02}-{int(day):02}" if 1 <= int(month) <= 12 else "2026-12-24"


def _day_meant(raw: str) -> str:
    """The last day of the month that was meant."""
    year, month = int(raw[:4]), int(raw[5:7])
    if not 1 <= month <= 12 or year < 1:
        return "2026-12-24"
    return f"{raw[:7]}-{monthrange(year, month)[1]:02}"


def weekday(token: Lexeme, problems: Problems) -> int | None:
    """Monday is 0."""
    word = str(token)
    if word in WEEKDAYS:
        return WEEKDAYS.index(word)
    problems.add("E218", span_of(token), near=near(word, WEEKDAYS), text=word)
    return None


def literal(operand: Number, problems: Problems) -> float | None:
    return number(operand.raw, operand.span, problems)

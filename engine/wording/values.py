"""Values of a lead as people read them: countries and languages by name, dates, numbers and amounts as they write them.

Emails and pages show the same value in the same words. `locale` is one that Babel knows.
"""

from __future__ import annotations

from datetime import date, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from babel import Locale, UnknownLocaleError, dates, numbers

from dsl.plan import LeadField

MOST = 10**15
"""Numbers from here on are shown as they are stored."""


@lru_cache(maxsize=64)
def locale_of(name: str) -> Locale:
    """What Babel knows of a language tag such as `de-AT`, else of what it falls back to, else English."""
    try:
        return Locale.parse(name.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        base = name.replace("-", "_").rpartition("_")[0]
        return locale_of(base) if base else Locale("en")


def country_name(code: str, locale: str) -> str:
    """`Deutschland` for `DE` in German; what is no country's code is given back."""
    found: str | None = locale_of(locale).territories.get(code.strip().upper())
    return found or code


def language_name(code: str, locale: str) -> str:
    """`German` for `de`, `German (Austria)` for `de-AT`; what is no language's code is given back."""
    try:
        spoken = Locale.parse(code.strip().replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        return code
    return spoken.get_display_name(locale_of(locale)) or code


def day(value: date, locale: str) -> str:
    """`Sep 1, 2026`; in German `01.09.2026`."""
    return dates.format_date(value, format="medium", locale=locale_of(locale))


def moment(value: datetime, locale: str, zone: tzinfo) -> str:
    """`Tue, Sep 1, 2026, 9:00 AM CEST`: with the name of the zone, so that it can be read elsewhere."""
    local = value.astimezone(zone)
    found = locale_of(locale)
    weekday = dates.format_datetime(local, "EEE", locale=found)
    clock = dates.format_time(local.timetz(), format="short", locale=found)
    return f"{weekday}, {day(local.date(), locale)}, {clock} {local.tzname()}"


def labeled(declared: LeadField | None, value: Any, locale: str) -> Any:
    """The value of a field, with the labels of choices instead of what is stored."""
    if declared is None or not declared.labels:
        return value
    many = value if isinstance(value, list | tuple) else [value]
    return ", ".join(declared.label(str(one), locale) for one in many)


def readable(kind: str, value: Any, locale: str, zone: tzinfo, currency: str = "") -> str:
    """The value of a field of that type. One that does not fit its type is shown as it is stored."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    text = str(value)
    try:
        match kind:
            case "country":
                return country_name(text, locale)
            case "language":
                return language_name(text, locale)
            case "date":
                return day(date.fromisoformat(text), locale)
            case "moment":
                at = datetime.fromisoformat(text)
                return moment(at, locale, zone) if at.tzinfo else text
            case "number" | "money":
                number = Decimal(text)
                if not number.is_finite() or abs(number) >= MOST:
                    return text
                if kind == "money" and currency:
                    return numbers.format_currency(number, currency, locale=locale_of(locale))
                return numbers.format_decimal(number, locale=locale_of(locale))
            case _:
                return text
    except (ValueError, OverflowError, InvalidOperation):
        return text

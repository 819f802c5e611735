"""Numbers as people write them. Pure. What could mean two things follows the language, or is asked back."""

from __future__ import annotations

import re
from typing import Literal

from babel import Locale, UnknownLocaleError
from babel.numbers import get_currency_symbol, get_decimal_symbol, get_group_symbol

from dsl.plan import tags

_SPACES = " \u00a0\u2007\u2009\u202f"
_GROUPED = re.compile(rf"\d{{1,3}}(?:(?P<mark>[.,'’{_SPACES}])\d{{3}})(?:(?P=mark)\d{{3}})*", re.ASCII)
_BOTH = re.compile(
    rf"(?P<whole>\d{{1,3}}(?:(?P<mark>[.,'’{_SPACES}])\d{{3}})+|\d+)(?P<decimal>[.,])(?P<rest>\d{{0,9}})", re.ASCII
)
_PLAIN = re.compile(r"\d{1,16}|\.\d{1,9}", re.ASCII)
_CURRENCY = re.compile(r"(?P<before>[^\d.,+\-−'’]*)(?P<amount>[+\-−]?[\d.,'’\s]*[\d.,])(?P<after>\D*)")


class Unclear(ValueError):
    """The text is no number, or could mean two: `ambiguous`."""

    def __init__(self, ambiguous: bool = False) -> None:
        super().__init__()
        self.ambiguous = ambiguous


def number_of(text: str, language: str | None = None) -> int | float:
    """The number that the text means to whoever writes that language; None: a program, whose point divides.

    `1.200` is a thousand and two hundred in German and asked back in English, `1,200` the other way round; `1.5` and
    `1.200,50` mean the same everywhere. Raises Unclear.
    """
    body = text.strip().replace("−", "-")
    sign = -1 if body.startswith("-") else 1
    body = body.lstrip("+-") if len(body) - len(body.lstrip("+-")) <= 1 else ""
    if _PLAIN.fullmatch(body):
        return sign * (float(body) if "." in body else int(body))
    grouped = _GROUPED.fullmatch(body)
    if grouped and (mark := grouped["mark"]) not in (".", ","):
        return sign * _whole(body)
    if grouped and (body.count(mark) > 1 or _groups(mark, body, language)):
        return sign * _whole(body)
    parts = _BOTH.fullmatch(body)
    if parts is None or (parts["mark"] is not None and parts["mark"] == parts["decimal"]):
        raise Unclear
    if parts["mark"] is None and parts["decimal"] == "," and _symbols(language)[0] != ",":
        raise Unclear
    return sign * float(f"{_whole(parts['whole'])}.{parts['rest'] or 0}")


def amount_of(text: str, currency: str, language: str | None = None) -> int | float:
    """An amount with or without the currency, by its code or its sign, before or behind. Raises Unclear."""
    match = _CURRENCY.fullmatch(text.strip())
    if match is None:
        raise Unclear
    known = {currency.casefold(), get_currency_symbol(currency, "en").casefold(), ""}
    if language and (locale := _locale(language)):
        known.add(get_currency_symbol(currency, locale).casefold())
    if not {match["before"].strip().casefold(), match["after"].strip().casefold()} <= known:
        raise Unclear
    return number_of(match["amount"], language)


def _groups(mark: str, body: str, language: str | None) -> bool:
    """Whether the one mark before three digits sets off thousands. Raises Unclear where nobody can know."""
    if body.startswith("0"):
        return False  # 0.125
    decimal, group = _symbols(language)
    if language is None:
        return False
    if mark == group or (decimal != mark and group not in (".", ",")):
        return True
    raise Unclear(ambiguous=True)


def _whole(text: str) -> int:
    return int(re.sub(r"\D", "", text))


def _symbols(language: str | None) -> tuple[Literal[".", ","], str]:
    """What divides a number in that language, and what sets off thousands."""
    locale = _locale(language) if language else None
    if locale is None:
        return ".", "" if language is None else ","
    decimal: Literal[".", ","] = "," if get_decimal_symbol(locale) == "," else "."
    return decimal, get_group_symbol(locale)


def _locale(language: str) -> Locale | None:
    for tag in tags.ancestors(language):
        try:
            return Locale.parse(tag, sep="-")
        except (UnknownLocaleError, ValueError):
            continue
    return None

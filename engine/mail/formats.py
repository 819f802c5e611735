"""How values read in a mail: dates, numbers, money and greetings in the reader's language; the filters of templates."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError, dates, numbers
from jinja2 import Undefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from engine.mail.errors import NotAllowed
from engine.mail.sandbox import Missing, Outside, alike, current, printable, short
from engine.rules.conditions.calendar import clamped
from engine.wording.values import country_name

ADDRESS_SCHEMES = frozenset(("http", "https", "mailto", "tel"))


# ── language ─────────────────────────────────────────────────────────────────────────────────────────────────────────
@lru_cache(maxsize=256)
def locale_of(language: str) -> str:
    """The locale Babel knows for a language tag ("de", "de-AT", "pt_BR"); English when it knows none."""
    try:
        return str(Locale.parse(language.replace("-", "_")))
    except (ValueError, UnknownLocaleError, TypeError):
        base = re.split(r"[-_]", language)[0]
        return locale_of(base) if base and base != language else "en"


@lru_cache(maxsize=1024)
def zone_of(name: str) -> tzinfo:
    """The time zone of that name; UTC when there is none."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return UTC


# ── dates and times ──────────────────────────────────────────────────────────────────────────────────────────────────
def as_date(value: Any, style: str = "long") -> str:
    """`{{ lead.contract_end|date }}`: 24 December 2026 as the language writes it; or "short", "medium", "full"."""
    moment = _moment(value)
    return dates.format_date(moment, format=style, locale=current().locale)


def as_time(value: Any, style: str = "short") -> str:
    """`{{ event.start|time }}`: the time of day in the reader's zone."""
    if isinstance(value, str) and re.fullmatch(r"\d\d:\d\d(:\d\d)?", value):
        return dates.format_time(time.fromisoformat(value), format=style, locale=current().locale)
    moment = _moment(value)
    if not isinstance(moment, datetime):
        raise NotAllowed("`time` needs a moment, but this is a day")
    return dates.format_time(moment.timetz(), format=style, locale=current().locale)


def _moment(value: Any) -> date | datetime:
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
        except ValueError:
            raise NotAllowed("`date` and `time` need a date such as 2026-12-24") from None
    if isinstance(value, datetime):
        return clamped(value).astimezone(zone_of(current().zone)) if value.tzinfo else value
    if isinstance(value, date):
        return value
    raise NotAllowed("`date` and `time` need a date such as 2026-12-24")


# ── numbers ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def as_number(value: Any, digits: int | None = None) -> str:
    """`{{ lead.company_size|number }}`: 12,000 or 12.000; `number(2)` fixes the digits after the point."""
    number = _decimal(value)
    if digits is None:
        return numbers.format_decimal(number, locale=current().locale)
    zeros = "0" * max(0, min(int(digits), 10))
    return numbers.format_decimal(number, format=f"#,##0.{zeros}" if zeros else "#,##0", locale=current().locale)


def as_money(value: Any, currency: str | None = None) -> str:
    """`{{ event.amount|money }}`: in the workspace's currency, in one given, or in the one written in the value."""
    if isinstance(value, str) and (found := re.fullmatch(r"\s*([\d.]+)\s*([A-Z]{3})\s*", value)):
        value, currency = found[1], currency or found[2]
    run = current()
    return numbers.format_currency(_decimal(value), currency or run.currency, locale=run.locale)


def as_percent(value: Any, digits: int | None = None) -> str:
    """`{{ discount|percent }}`: 10 is shown as 10%; `percent(1)` rounds to one digit after the point."""
    number = _decimal(value)
    number = number if digits is None else round(number, max(0, min(int(digits), 10)))
    return numbers.format_percent(number / 100, locale=current().locale, decimal_quantization=False)


def _decimal(value: Any) -> Decimal:
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        raise NotAllowed("this needs a number") from None
    if not number.is_finite() or abs(number) >= 10**15:
        raise NotAllowed("this needs a number of ordinary size")
    return number


# ── addresses ────────────────────────────────────────────────────────────────────────────────────────────────────────
def whole_address(value: Any) -> str:
    """A value that stands as the address of a link: http, https, mailto or tel, else `#`."""
    text = str(printable(value)).strip()
    try:
        known = urlsplit(text).scheme.lower() in ADDRESS_SCHEMES
    except ValueError:
        known = False
    return quote(text, safe=_URL_SAFE) if known else "#"


def part_of_address(value: Any) -> str:
    """A value inside the address of a link, after text of the template's own."""
    return quote(str(printable(value)), safe=_URL_SAFE)


_URL_SAFE = ":/?#[]@!$&'()*+,;=%-._~"
_LINK_LIKE = re.compile(r"(?<=\w)\.(?=\w{2,})(?!(?<=\d\.)\d)|://")
"""A point between letters, as in a name of a site; one between digits belongs to a date or a number."""
_ONE_ADDRESS = re.compile(r"[^\s@<>/]+@[^\s@<>/]+")
_JOINER = "\u200b"


def without_links(text: str) -> str:
    """Text from outside with an invisible space where a mail program would begin to see a link.

    One whole e-mail address stays as it is: a colleague must be able to copy it.
    """
    if not _LINK_LIKE.search(text) or _ONE_ADDRESS.fullmatch(text):
        return text
    return _LINK_LIKE.sub(lambda found: found[0][0] + _JOINER + found[0][1:], text)


@pass_context
def shown(context: Context, value: Any) -> Any:
    """How every `{{ … }}` prints: as `printable`, yes or no in words, text from outside without links and, in
    HTML, with its lines as lines."""
    if value is True or value is False:
        return words_of(current().locale)["yes" if value else "no"]
    value = printable(value)
    if not isinstance(value, Outside):
        return value
    text = without_links(value)
    if "\n" in text and context.eval_ctx.autoescape:
        return escape(text).replace("\n", Markup("<br>\n"))
    return text


# ── filters ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def _default(value: Any, other: Any = "", also_empty: bool = True) -> Any:
    """`default("there")`: instead of a missing or empty value."""
    return other if isinstance(value, Undefined) or value is None or (also_empty and value == "") else value


def _text(change: Callable[..., str]) -> Callable[..., str]:
    def apply(value: Any, *args: Any) -> str:
        source = value if isinstance(value, str) else str(printable(value))
        return alike(source, short(change(str(source), *args)))

    return apply


def _truncate(text: str, length: int = 255, end: str = "…") -> str:
    return text if len(text) <= length else text[: max(0, length - len(end))].rstrip() + end


def _replace(text: str, old: str, new: str) -> str:
    if len(text) + text.count(old) * len(new) > 64_000:
        raise NotAllowed("`replace` makes a text of more than 64,000 characters")
    return text.replace(old, new)


def _join(items: Any, between: str = "") -> str:
    texts = [str(printable(item)) for item in _list(items)]
    size = sum(map(len, texts)) + len(between) * len(texts)
    if size > 64_000:
        raise NotAllowed("`join` makes a text of more than 64,000 characters")
    joined = str(between).join(texts)
    return Outside(joined) if any(isinstance(item, Outside) for item in items) else joined


def _list(items: Any) -> list[Any]:
    if isinstance(items, Undefined):
        return []
    if not isinstance(items, list | tuple | range):
        raise NotAllowed("this filter needs a list")
    return list(items)


def _length(value: Any) -> int:
    return 0 if isinstance(value, Undefined) else len(value)


def _end(which: int) -> Callable[[Any], Any]:
    def pick(items: Any) -> Any:
        found = _list(items)
        return found[which] if found else Missing(name="first" if which == 0 else "last")

    return pick


def _spoken(change: Callable[..., str]) -> Callable[..., str]:
    """A filter whose result depends on the reader; asking for the context keeps Jinja from computing it beforehand."""

    @pass_context
    def apply(context: Context, value: Any, *args: Any) -> str:
        return change(printable(value) if isinstance(value, Undefined) else value, *args)

    return apply


FILTERS: Mapping[str, Callable[..., Any]] = {
    "date": _spoken(as_date),
    "time": _spoken(as_time),
    "number": _spoken(as_number),
    "money": _spoken(as_money),
    "percent": _spoken(as_percent),
    "country": _spoken(lambda value: country_name(str(printable(value)), current().locale)),
    "default": _default,
    "d": _default,
    "upper": _text(str.upper),
    "lower": _text(str.lower),
    "title": _text(str.title),
    "capitalize": _text(str.capitalize),
    "trim": _text(str.strip),
    "truncate": _text(_truncate),
    "replace": _text(_replace),
    "urlencode": lambda value: quote(str(printable(value)), safe=""),
    "join": _join,
    "first": _end(0),
    "last": _end(-1),
    "length": _length,
    "count": _length,
    "sort": lambda items: sorted(_list(items)),
    "unique": lambda items: list(dict.fromkeys(_list(items))),
    "round": lambda value, digits=0: float(round(_decimal(value), int(digits))),
    "int": lambda value: int(_decimal(value)),
    "abs": lambda value: abs(_decimal(value)),
    "_whole_address": whole_address,
    "_part_of_address": part_of_address,
}


# ── words ────────────────────────────────────────────────────────────────────────────────────────────────────────────
_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "yes": "yes", "no": "no", "unsubscribe": "Unsubscribe", "preferences": "Choose what you receive",
        "view": "View this email in your browser", "greeting": "Hello", "named": "Hello {name}",
    },
    "de": {
        "yes": "ja", "no": "nein", "unsubscribe": "Abmelden", "preferences": "Auswählen, was Sie erhalten",
        "view": "Diese Mail im Browser lesen", "greeting": "Guten Tag", "named": "Guten Tag {name}",
    },
    "ro": {
        "yes": "da", "no": "nu", "unsubscribe": "Dezabonare", "preferences": "Alegeți ce primiți",
        "view": "Citiți mesajul în browser", "greeting": "Bună ziua", "named": "Bună ziua, {name}",
    },
    "ja": {
        "yes": "はい", "no": "いいえ", "unsubscribe": "配信を停止する", "preferences": "配信内容を選ぶ",
        "view": "ブラウザで読む", "greeting": "お客様", "named": "{name} 様",
    },
}  # fmt: skip


def words_of(language: str) -> Mapping[str, str]:
    """The words Coldframe itself puts into mails, in English for a language it has none for."""
    return _WORDS.get(re.split(r"[-_]", language)[0].lower(), _WORDS["en"])


def greeting(language: str, first_name: Any, last_name: Any) -> str:
    """How a mail addresses its reader, without a comma after it; without a believable name, without a name.

    Japanese puts the family name first. German, formal and knowing no gender, uses all of the name there is.
    """
    words = words_of(language)
    first, last = _name(first_name), _name(last_name)
    match re.split(r"[-_]", language)[0].lower():
        case "ja":
            name = " ".join(part for part in (last, first) if part)
        case "de":
            name = " ".join(part for part in (first, last) if part)
        case _:
            name = first
    return words["named"].format(name=name) if name else words["greeting"]


def _name(value: Any) -> str:
    """A name as somebody may have typed it, or nothing when it does not look like one."""
    text = " ".join(str(value).split()) if isinstance(value, str) else ""
    letters = any(unicodedata.category(char)[0] == "L" for char in text)
    odd = any(unicodedata.category(char)[0] not in "LM" and char not in " .'’-·" for char in text)
    return "" if not letters or odd or len(text) > 60 or re.search(r"\.\w{2,}", text) else text


def plain(value: Any) -> Any:
    """A datum as templates get it: text marked as from outside, lists and mappings copied, nothing but plain values."""
    if isinstance(value, str):
        return Outside(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value if item is not None]
    if isinstance(value, bool | int | float | Decimal | date | time):
        return value
    raise NotAllowed("a value has a type that templates cannot use")

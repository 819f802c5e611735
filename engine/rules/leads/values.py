"""One reader for each type of value: what a form, another system or a step brings becomes a typed value, or a reason
why not. Pure: no clock, no database.

What copying brings along unseen is taken away; beyond that nothing is changed silently: a one-line field holds one
line, and what cannot be stored is refused.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import phonenumbers
import pycountry
from babel import Locale, UnknownLocaleError

from dsl.plan import LeadField, Program, Scalar, tags
from engine.rules.conditions.calendar import in_utc
from engine.rules.leads.countries import code_of, locales
from engine.rules.leads.numbers import Unclear, amount_of, number_of

MAX_CHARS = 2_000
"""The longest value of one field."""
MAX_LINES = 10_000
"""The longest value of a field of type `long text`."""
MAX_NUMBER = 1e15

FieldValue = Scalar | list[str]
"""A stored value; only a field of type `choices` is a list."""

_BREAKS = frozenset("\u2028\u2029")
"""LINE and PARAGRAPH SEPARATOR; like a line feed they are taken off the ends and refused inside."""
_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u061c\u180e\u200b\u200e\u200f\u2060\u2061\u2062\u2063\u2064\ufeff"
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"))  # fmt: skip
"""What copying brings along and nobody sees: direction marks, zero widths, soft hyphens, the byte order mark."""
_JOINERS = "\u200c\u200d"
"""They mean something between signs (Persian, emoji), and nothing at the ends."""
_YES = frozenset({"yes", "on", "true", "1", "y", "ja", "da", "oui", "sí", "si"})
_NO = frozenset({"no", "off", "false", "0", "n", "nein", "nu", "non"})
_UNTICKED = frozenset({"0", "off", "false"})
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?", re.ASCII)
_SHORTEST_PHONE = 5


@dataclass(frozen=True)
class Problem:
    """Why a field was refused: a code of `web.http.words` and what its sentence needs. Never the visitor's text."""

    code: str
    words: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):
    """One value cannot be taken."""

    def __init__(self, code: str, **words: str) -> None:
        super().__init__(code)
        self.problem = Problem(code, words)


@dataclass(frozen=True)
class Context:
    """What reading a value may depend on: the declarations, the country to read a national phone number in, and the
    language of whoever writes numbers; None: a program, whose point divides."""

    program: Program
    region: str | None = None
    language: str | None = None


def parse_field(declared: LeadField, given: Sequence[object], context: Context) -> FieldValue | None:
    """The value of one field; None when nothing was given. Raises Refused."""
    if declared.type == "choices":
        return _choices(declared, given, context)
    present = [value for value in given if not empty(value)]
    if not present:
        return None
    value = _one(declared, present)
    if isinstance(value, bool) and declared.type == "yes/no":
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and declared.type in {"number", "money"}:
        return _finite(value)
    if not isinstance(value, str):
        raise Refused("type")
    text = clean_lines(value) if declared.type == "long text" else clean(value)
    return READERS[declared.type](text, declared, context)


def _one(declared: LeadField, present: Sequence[object]) -> object:
    """The one value that was given: the same several times is one, and a box with its hidden 0 says yes where it is
    ticked. Raises Refused."""
    if isinstance(present[0], list):
        raise Refused("several")
    if all(one == present[0] for one in present[1:]):
        return present[0]
    if declared.type == "yes/no" and all(yes(one) or no(one) for one in present):
        return any(map(yes, present))
    raise Refused("several")


def yes(value: object) -> bool:
    """Whether a box or a word says yes."""
    return value is True or (isinstance(value, str) and value.strip().casefold() in _YES)


def no(value: object) -> bool:
    """Whether a box or a word says no."""
    return value is False or (isinstance(value, str) and value.strip().casefold() in _NO)


def visible(value: str) -> str:
    """The text without invisible characters, and without blanks, tabs and line ends around it."""
    if value.isascii():
        return value.strip()
    before, text = value, ""
    while text != before:
        before, text = text or before, (text or before).translate(_INVISIBLE).strip().strip(_JOINERS)
        if not text:
            break
    return text


def clean(value: str) -> str:
    """One line of text, normalised to NFC, without blanks around it and without what nobody sees; a tab is a blank.

    Raises Refused for control characters and line breaks, for what has no UTF-8 form, and above MAX_CHARS.
    """
    text = visible(value).replace("\t", " ")
    if len(text) > MAX_CHARS:
        raise Refused("long", limit=f"{MAX_CHARS:,}")
    if text.isascii() and text.isprintable():
        return text
    if any(char in _BREAKS or unicodedata.category(char) in {"Cc", "Cs"} for char in text):
        raise Refused("control")
    return unicodedata.normalize("NFC", text)


def clean_lines(value: str) -> str:
    """Several lines of text like `clean` makes one: each line without blanks at its end, at most one of them empty in
    a row, and `\\n` between them however they were sent. Raises Refused, above MAX_LINES characters as well."""
    lines = [line.rstrip() for line in re.split(r"\r\n|[\r\n\u2028\u2029\x0b\x0c\x85]", visible(value))]
    if sum(map(len, lines)) + len(lines) - 1 > MAX_LINES:
        raise Refused("long", limit=f"{MAX_LINES:,}")
    text = "\n".join(_visible_line(line) for line in lines)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _visible_line(line: str) -> str:
    text = line.translate(_INVISIBLE).replace("\t", " ").rstrip()
    if any(unicodedata.category(char) in {"Cc", "Cs"} for char in text):
        raise Refused("lines")
    return unicodedata.normalize("NFC", text)


def safe_url(value: str) -> str | None:
    """The address when it is http or https with a host and nothing hidden in it, else None."""
    try:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
            return None
        _ = parts.port
    except ValueError:
        return None
    return None if any(char.isspace() or char == "\\" or char < "!" for char in value) else value


def cut_url(value: str) -> str | None:
    """The address like `safe_url`, without the end of one that is longer than MAX_CHARS; no escape is cut in two."""
    text = value.strip()
    return safe_url(re.sub(r"%[0-9A-Fa-f]?$", "", text[:MAX_CHARS]) if len(text) > MAX_CHARS else text)


def empty(value: object) -> bool:
    """Whether nothing was given."""
    return value is None or (isinstance(value, str) and not visible(value))


# ── one reader per type ──────────────────────────────────────────────────────────────────────────────────────────────
def _text(value: str, declared: LeadField, context: Context) -> Scalar:
    return value


def _number(value: str, declared: LeadField, context: Context) -> Scalar:
    try:
        return _finite(number_of(value, context.language))
    except Unclear as unclear:
        raise Refused("ambiguous" if unclear.ambiguous else "number") from None


def _finite(value: int | float) -> Scalar:
    if not abs(value) <= MAX_NUMBER:  # false for what is not a number, too
        raise Refused("number")
    return int(value) if float(value).is_integer() else value


def _money(value: str, declared: LeadField, context: Context) -> Scalar:
    currency = context.program.workspace.currency
    try:
        return _finite(amount_of(value, currency, context.language))
    except Unclear as unclear:
        raise Refused("ambiguous" if unclear.ambiguous else "money", currency=currency) from None


def _yes_no(value: str, declared: LeadField, context: Context) -> Scalar:
    word = value.casefold()
    if word in _YES or word in _NO:
        return word in _YES
    raise Refused("yes/no")


def _date(value: str, declared: LeadField, context: Context) -> Scalar:
    try:
        if _DATE.fullmatch(value):
            return date.fromisoformat(value).isoformat()
    except ValueError:
        pass
    raise Refused("date")


def _moment(value: str, declared: LeadField, context: Context) -> Scalar:
    """An instant in UTC, or a local time without a zone of its own: whose clock that is, is known where the lead is
    (`Ledger.set_fields`, and whatever else asks `calendar.moment_of`)."""
    try:
        if _MOMENT.fullmatch(value):
            at = datetime.fromisoformat(value)
            shown = in_utc(at if at.tzinfo is not None else at.replace(tzinfo=UTC))
            return (at if at.tzinfo is None else shown).isoformat(timespec="seconds")
    except ValueError:
        pass
    raise Refused("moment")


def _country(value: str, declared: LeadField, context: Context) -> Scalar:
    code = code_of(value, context.program.workspace.languages)
    if code is None:
        raise Refused("country")
    return code


def _language(value: str, declared: LeadField, context: Context) -> Scalar:
    names = languages(context.program.workspace.languages)
    word = value.casefold()
    code = names.get(word) or names.get(re.split(r"[-_]", word)[0])
    if code is None:
        raise Refused("language")
    tag = tags.written(value)
    return tag if tag in context.program.workspace.languages else code


def _phone(value: str, declared: LeadField, context: Context) -> Scalar:
    """E.164 (ITU-T). Possible, not certain: number ranges are opened more often than libraries learn of it."""
    try:
        number = phonenumbers.parse(value, context.region)
    except phonenumbers.NumberParseException:
        raise Refused("phone") from None
    short = len(str(number.national_number)) < _SHORTEST_PHONE
    if short or number.extension or not phonenumbers.is_possible_number(number):
        raise Refused("phone")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _url(value: str, declared: LeadField, context: Context) -> Scalar:
    if safe_url(value) is None:
        raise Refused("url")
    return value


def _timezone(value: str, declared: LeadField, context: Context) -> Scalar:
    zone = _zones().get(value.casefold())
    if zone is None:
        raise Refused("timezone")
    return zone


def _choice(value: str, declared: LeadField, context: Context) -> Scalar:
    return _chosen(value, declared, context.language)


def _chosen(value: str, declared: LeadField, language: str | None) -> str:
    """The choice that is written so, or has such a label in any language. Raises Refused."""
    for choice in declared.choices:
        if choice.casefold() == value.casefold():
            return choice
    for choice, texts in declared.labels:
        if any(text.casefold() == value.casefold() for _, text in texts):
            return choice
    raise Refused("choice", choices=", ".join(declared.label(choice, language or "") for choice in declared.choices))


def _choices(declared: LeadField, given: Sequence[object], context: Context) -> FieldValue | None:
    flat = [item for value in given for item in (value if isinstance(value, list) else [value]) if not empty(item)]
    chosen: list[str] = []
    names = {choice.casefold() for choice in declared.choices}
    for item in flat:
        if isinstance(item, str) and item.strip() in _UNTICKED and item.strip() not in names:
            continue  # the hidden field that frameworks put before boxes
        if not isinstance(item, str):
            raise Refused("type")
        chosen.append(_chosen(clean(item), declared, context.language))
    return list(dict.fromkeys(chosen)) or None


READERS: Mapping[str, Callable[[str, LeadField, Context], Scalar]] = {
    "text": _text,
    "long text": _text,
    "number": _number,
    "money": _money,
    "yes/no": _yes_no,
    "date": _date,
    "moment": _moment,
    "country": _country,
    "language": _language,
    "phone": _phone,
    "url": _url,
    "timezone": _timezone,
    "choice": _choice,
}


# ── names that people write for codes ────────────────────────────────────────────────────────────────────────────────
@lru_cache(maxsize=16)
def languages(spoken: tuple[str, ...]) -> Mapping[str, str]:
    """Codes and names, casefolded → ISO 639-1. Names in English, in the given languages, and each in its own."""
    known = {language.alpha_2: language.name for language in pycountry.languages if hasattr(language, "alpha_2")}
    found = {name.casefold(): code for code, name in known.items()}
    for locale in locales(spoken):
        names = Locale.parse(locale).languages
        found.update({names[code].casefold(): code for code in known if code in names})
    for code in known:
        if own := _own_name(code):
            found[own.casefold()] = code
    return {**found, **{code: code for code in known}}


def _own_name(code: str) -> str | None:
    try:
        return Locale.parse(code).get_language_name()
    except (UnknownLocaleError, ValueError):
        return None


@lru_cache(maxsize=1)
def _zones() -> Mapping[str, str]:
    return {name.casefold(): name for name in available_timezones()}

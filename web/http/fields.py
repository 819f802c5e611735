"""What a visitor typed into a form becomes typed values, or a problem per field. Pure: no clock, no database.

Each type is read by `engine.rules.leads.values`, as in every other door.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dsl.plan import Form, LeadField, Program
from engine.model.lead import TRACKING
from engine.platform.tokens import email_key
from engine.rules.leads import values
from engine.rules.leads.countries import country_names
from engine.rules.leads.values import (
    MAX_CHARS,
    MAX_NUMBER,
    Context,
    FieldValue,
    Problem,
    Refused,
    clean,
    cut_url,
    languages,
    safe_url,
)
from web.http import idioms

__all__ = [
    "MAX_CHARS", "MAX_NUMBER", "Context", "FieldValue", "Parsed", "Problem", "Raw", "Refused", "clean",
    "country_names", "cut_url", "languages", "parse_field", "parse_form", "safe_url", "ticked", "tidy",
]  # fmt: skip

ADDRESS = LeadField(name="email", type="text")
"""As what an address is read, before it is looked at."""
Raw = Mapping[str, Sequence[object]]
"""What was posted: name → the values given under it, in order. Text from HTML forms, any JSON value from JSON."""


@dataclass(frozen=True)
class Parsed:
    """A form's values by field name, the topics whose consent was ticked, and the problems by field name."""

    values: dict[str, FieldValue]
    topics: tuple[str, ...]
    problems: dict[str, Problem]
    ignored: tuple[str, ...] = ()
    """Names that were posted and mean nothing to this form."""


def parse_form(form: Form, program: Program, raw: Raw, language: str | None = None) -> Parsed:
    """Check everything the form asks for, and nothing else: other names are given back as ignored.

    Numbers are read as they are written in `language`, the page's or else the company's first. An optional field left
    empty has no value; the address never is optional, a lead is known by it. Hidden values come from the declaration,
    whatever was posted; those without a value there come from the page.
    """
    found: dict[str, FieldValue] = {}
    problems: dict[str, Problem] = {}
    raw = tidy(form, program, raw)
    context = Context(program, _region(form, program, raw), language or program.workspace.languages[0])
    for ask in form.asks:
        declared = program.all_fields[ask.field]
        try:
            value = parse_field(declared, raw.get(ask.field, ()), context)
            if value is not None:
                found[ask.field] = value
            elif ask.required or ask.field == "email":
                raise Refused("choose" if declared.type in {"choice", "choices", "country"} else "required")
        except Refused as refused:
            problems[ask.field] = refused.problem
    for name in form.filled:
        try:
            value = parse_field(program.all_fields[name], raw.get(name, ()), context)
        except Refused as refused:
            problems[name] = refused.problem
        else:
            found |= {name: value} if value is not None else {}
    found.update(form.hidden)
    topics, unclear = _ticked(form, program, raw)
    names = idioms.ignored(raw, {*(ask.field for ask in form.asks), *form.filled})
    return Parsed(found, topics, problems, (*names, *(["consent"] if unclear else [])))


def tidy(form: Form, program: Program, raw: Raw) -> Raw:
    """The post with each name as the form has it."""
    asked = [*(ask.field for ask in form.asks), *form.filled]
    several = {name for name in asked if program.all_fields[name].type == "choices"}
    return idioms.tidied(raw, asked, {*several, "consent"})


def ticked(form: Form, program: Program, raw: Raw) -> tuple[str, ...]:
    """What was ticked of this form's consents."""
    return _ticked(form, program, tidy(form, program, raw))[0]


def _ticked(form: Form, program: Program, raw: Raw) -> tuple[tuple[str, ...], bool]:
    """What was ticked of this form's consents, and whether something else was said that cannot be understood.

    `consent` carries each topic's name, TRACKING where that needs one. A box without a value of its own sends `on`,
    which says enough where the form offers one consent.
    """
    own = [consent.topic for consent in form.consents]
    offered = [*own, *([TRACKING] if program.workspace.tracking_needs_consent else [])]
    names = {topic.casefold(): topic for topic in offered}
    meant = own or offered
    given, unclear = set(), False
    for item in (one for value in raw.get("consent", ()) for one in (value if isinstance(value, list) else [value])):
        topic = names.get(item.strip().casefold()) if isinstance(item, str) else None
        if topic is None and values.yes(item) and len(meant) == 1:
            topic = meant[0]
        if topic is not None:
            given.add(topic)
        else:
            unclear = unclear or not (values.no(item) or values.empty(item))
    return tuple(topic for topic in dict.fromkeys(offered) if topic in given), unclear


def parse_field(declared: LeadField, given: Sequence[object], context: Context) -> FieldValue | None:
    """The value of one field; None when nothing was given. Raises Refused."""
    if declared.type != "email":
        return values.parse_field(declared, given, context)
    address = values.parse_field(ADDRESS, given, context)
    if address is not None:
        try:
            email_key(str(address))
        except ValueError:
            raise Refused("email") from None
    return address


def _region(form: Form, program: Program, raw: Raw) -> str | None:
    """The country asked for in the same form, when one was given that can be read."""
    for ask in form.asks:
        declared = program.all_fields[ask.field]
        if declared.type == "country":
            try:
                value = parse_field(declared, raw.get(ask.field, ()), Context(program))
            except Refused:
                return None
            return value if isinstance(value, str) else None
    hidden = dict(form.hidden).get("country")
    return hidden if isinstance(hidden, str) else None

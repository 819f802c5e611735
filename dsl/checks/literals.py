"""Values as they are written: addresses, and what a field can hold."""

from __future__ import annotations

import re
from typing import Any

from dsl.names.known import check_country, check_language, check_zone, is_language
from dsl.names.scope import Scope
from dsl.plan import LeadField, tags
from dsl.problems.near import near
from dsl.problems.problems import Problems
from dsl.text import values
from dsl.tree import declarations as tree
from dsl.tree.declarations import Operand, Quoted, Text

ADDRESS = re.compile(r"[^@\s<>\",;]+@[^@\s<>\",;.]+(\.[^@\s<>\",;.]+)+")
SENDER = re.compile(rf"(?:[^<>\r\n]*<{ADDRESS.pattern}>|{ADDRESS.pattern})")
URL = re.compile(r"(?!.*%(?:25)*(?:0[0-9a-fA-F]|1[0-9a-fA-F]|7[fF]))https?://[^\s/?#\"<>]+[^\s\"<>]*")
SITE = re.compile(r"https?://[^\s/?#\"<>]+")


def check_sender(sender: Text, problems: Problems) -> None:
    if not SENDER.fullmatch(sender.value):
        problems.add("E504", sender.span, text=sender.value)


def check_address(address: Text, problems: Problems) -> None:
    """The shape of an address; whether it exists only a mail can tell."""
    if not ADDRESS.fullmatch(address.value) or len(address.value) > 254:
        problems.add("E503", address.span, text=address.value)


def check_spoken(name: Text, scope: Scope, problems: Problems) -> None:
    """A language that a lead can have: leads keep a region only if the workspace writes in it."""
    check_language(name, problems)
    spoken = scope.workspace.languages if scope.workspace else ()
    regional = is_language(name.value) and "-" in name.value and not scope.lost("workspace")
    if regional and all(name.value not in tags.ancestors(one.value) for one in spoken):
        problems.add("E121", name.span, name=name.value, language=name.value.partition("-")[0])


HOLDS = {
    "number": "a number", "money": "an amount", "yes/no": "yes or no", "date": "a date", "moment": "a date",
}  # fmt: skip
"""What fields hold that do not hold text."""


def check_literal(field: LeadField, value: Operand, problems: Problems) -> None:
    """Whether a field can hold a value that is written out."""
    wrong = False
    match value:
        case Quoted(value=text, span=span):
            wrong = field.type in HOLDS
            if field.choices and text.casefold() not in {choice.casefold() for choice in field.choices}:
                words: dict[str, Any] = {"name": text, "field": field.name, "options": field.choices}
                problems.add("E115", span, near=near(text, field.choices), **words)
            elif field.type == "country":
                check_country(Text(text, span), problems)
            elif field.type == "language":
                check_language(Text(text, span), problems)
            elif field.type == "timezone":
                check_zone(Text(text, span), problems)
        case tree.Number(raw=raw, span=span, unit=unit):
            if unit is None and values.is_date(raw):
                wrong = field.type not in ("date", "moment")
            elif values.number(raw, span, problems) is not None:
                wrong = field.type not in (("number", "money") if unit is None else ("money",))
        case tree.Word(name="yes" | "no"):
            wrong = field.type != "yes/no"
        case _:
            wrong = True
    if wrong:
        example = HOLDS.get(field.type, 'a text in quotes, such as "Pumps"')
        if field.choices:
            example = "one of its choices: " + ", ".join(f'"{choice}"' for choice in field.choices)
        problems.add("E523", value.span, what=f"`{field.name}`", text=_raw(value), hint=example)


def _raw(value: Operand) -> str:
    if isinstance(value, Quoted):
        return f'"{value.value}"'
    return str(getattr(value, "value", None) or getattr(value, "raw", None) or getattr(value, "name", "this"))

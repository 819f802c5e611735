"""Values in a script and in `--lead`: what a word stands for, and whether it fits the field."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from dsl.names.known import is_language
from dsl.plan import Program, Scalar
from dsl.problems.near import did_you_mean, near
from engine.rules.conditions.calendar import moment_of


def plain_value(text: str, *, quoted: bool = False) -> Scalar:
    """A word as a value: numbers and yes or no are what they look like unless they stand in quotes."""
    if not quoted and text.lower() in ("yes", "no", "true", "false"):
        return text.lower() in ("yes", "true")
    if not quoted and re.fullmatch(r"-?\d{1,15}(\.\d{1,6})?", text, re.ASCII):
        return float(text) if "." in text else int(text)
    return text


def misfit(program: Program, field: str, value: Scalar) -> tuple[str, str | None] | None:
    """Why a value cannot stand in a field of the lead, and what would; None when it can or the field is unknown."""
    declared = program.all_fields.get(field)
    if declared is None:
        return None
    checks: dict[str, Callable[[Any], bool]] = {
        "number": lambda one: isinstance(one, int | float) and not isinstance(one, bool),
        "money": lambda one: isinstance(one, int | float) and not isinstance(one, bool),
        "yes/no": lambda one: isinstance(one, bool),
        "date": lambda one: len(str(one)) == len("2026-12-24") and moment_of(one, "UTC", "00:00") is not None,
        "moment": lambda one: moment_of(one, "UTC", "00:00") is not None,
        "country": lambda one: isinstance(one, str) and re.fullmatch("[A-Z]{2}", one) is not None,
        "language": lambda one: is_language(str(one)),
    }
    if declared.type in checks and not checks[declared.type](value):
        examples = {
            "number": "500", "money": "1200", "yes/no": "yes", "date": "2026-12-24", "moment": "2026-12-24T09:30",
            "country": "DE", "language": "de",
        }  # fmt: skip
        return f"`{field}` is a {declared.type}", like_this(f"{field} = {examples[declared.type]}")
    if declared.choices and str(value).casefold() not in [one.casefold() for one in declared.choices]:
        help = did_you_mean(near(str(value), declared.choices)) or "use one of " + ", ".join(declared.choices)
        return f"`{value}` is not a choice of `{field}`", help
    return None


def like_this(example: str) -> str:
    return f"write it like this: {example}"

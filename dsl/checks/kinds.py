"""How types of fields compare, and which fields a comparison can have been meant for."""

from __future__ import annotations

from collections.abc import Mapping

from dsl.plan import LeadField
from dsl.text import values
from dsl.tree import declarations as tree
from dsl.tree.declarations import Operand

KINDS = {
    "number": "number", "money": "money", "date": "date", "moment": "date", "yes/no": "flag", "choices": "choices",
}  # fmt: skip
"""How field types compare; every other type is text."""
ORDERED = ("number", "money", "date", "any")
TYPES = {"flag": "yes/no"}
"""The type of a kind that has another name."""


def type_for(value: Operand | None, fields: Mapping[str, LeadField]) -> str | None:
    """The type of field that compares with a value; None where any may."""
    match value:
        case tree.Number(unit=None, raw=raw):
            return "date" if values.is_date(raw) else "number"
        case tree.Number():
            return "money"
        case tree.Word(name="yes" | "no"):
            return "yes/no"
        case tree.Word(name=name):
            return fields[name].type if name in fields else None
        case tree.Today() | tree.Shifted():
            return "date"
        case tree.Score() | tree.InterestCount() | tree.Age():
            return "number"
        case tree.Quoted():
            return "text"
        case _:
            return None


def comparable(left: str, right: str) -> bool:
    if "any" in (left, right) or left == right:
        return True
    if left == "choices":
        return right == "text"
    return {left, right} == {"number", "money"}


def unsuited(op: str, left: str) -> str:
    """Why an operator does not go with a kind on its left; empty when it does. `{}` is what stands there."""
    if op in ("<", "<=", ">", ">=") and left not in ORDERED:
        return "use `is`; more and less work only for numbers, amounts and dates"
    if op in ("contains", "starts with") and left not in ("text", "choices", "any"):
        return f"use `is` or a comparison such as `>=`; `{op}` works only for texts"
    if left == "choices" and op != "contains":
        return 'write `{} contains "…"`'
    return ""


def fitting(fields: Mapping[str, LeadField], type: str | None, op: str = "") -> dict[str, LeadField]:
    """The fields that may stand before `op` and a value of that type; None: of any type."""
    kind = KINDS.get(type, "text") if type else "any"
    kinds = {name: KINDS.get(field.type, "text") for name, field in fields.items()}
    return {
        name: field
        for name, field in fields.items()
        if comparable(kinds[name], kind) and not (op and unsuited(op, kinds[name]))
    }

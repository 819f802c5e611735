"""Conditions on what is known of a lead. Pure: everything a condition may ask for stands in `Facts`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dsl.plan import (
    All,
    Any_,
    Compare,
    Condition,
    EventRef,
    FieldRef,
    FreeMail,
    In,
    Known,
    Not,
    Operand,
    Scalar,
    ScoreRef,
    StageIs,
    Value,
)  # fmt: skip
from engine.free_mail import FREE_MAIL_DOMAINS


@dataclass(frozen=True)
class Facts:
    """A lead at one moment. `order` lists the stages from first to last, without those outside the order."""

    fields: Mapping[str, Scalar] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    stage: str = ""
    order: tuple[str, ...] = ()
    event: Mapping[str, Any] = field(default_factory=dict)


def holds(condition: Condition | None, facts: Facts) -> bool:
    """Whether the condition is true. No condition always is; a missing value makes every comparison false."""
    match condition:
        case None:
            return True
        case All(items=items):
            return all(holds(item, facts) for item in items)
        case Any_(items=items):
            return any(holds(item, facts) for item in items)
        case Not(item=item):
            return not holds(item, facts)
        case Compare(left=left, op=op, right=right):
            return compare(value_of(left, facts), op, value_of(right, facts))
        case In(left=left, values=values):
            found = value_of(left, facts)
            return any(compare(found, "eq", value) for value in values)
        case Known(operand=operand):
            return value_of(operand, facts) is not None
        case StageIs(stage=stage, at_least=at_least):
            return reached(facts.stage, stage, facts.order) if at_least else facts.stage == stage
        case FreeMail():
            domain = str(facts.fields.get("email", "")).rpartition("@")[2].lower()
            return domain in FREE_MAIL_DOMAINS


def value_of(operand: Operand, facts: Facts) -> Any:
    match operand:
        case Value(value=value):
            return value
        case FieldRef(name=name):
            return _present(facts.fields.get(name))
        case ScoreRef(model=model):
            return facts.scores.get(model, 0)
        case EventRef(name=name):
            return _present(facts.event.get(name))


def reached(stage: str, wanted: str, order: tuple[str, ...]) -> bool:
    """Whether `stage` is `wanted` or later in the order; a stage outside the order has reached nothing."""
    if stage not in order or wanted not in order:
        return False
    return order.index(stage) >= order.index(wanted)


def compare(left: Any, op: str, right: Any) -> bool:
    """Text is compared regardless of case; values of different types are never equal, less or more."""
    if left is None or right is None:
        return False
    left, right = _comparable(left), _comparable(right)
    if op == "contains":
        return str(right) in left if isinstance(left, tuple) else str(right) in str(left)
    if op == "starts":
        return str(left).startswith(str(right))
    if op == "eq" and isinstance(left, tuple):
        return right in left
    if type(left) is not type(right):
        return False
    match op:
        case "eq":
            return bool(left == right)
        case "lt":
            return bool(left < right)
        case "le":
            return bool(left <= right)
        case "gt":
            return bool(left > right)
        case "ge":
            return bool(left >= right)
    raise ValueError(f"no such comparison: {op}")


def _present(value: Any) -> Any:
    return None if value == "" or value == [] else value


def _comparable(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, list | tuple):
        return tuple(str(item).casefold() for item in value)
    return str(value).casefold()

"""Operands as their author wrote them, for messages."""

from __future__ import annotations

from dsl.text import values
from dsl.tree import declarations as tree
from dsl.tree.declarations import Operand


def show(operand: Operand) -> str:
    match operand:
        case tree.Word(name=name):
            return f"`{name}`"
        case tree.EventDatum(name=name):
            return f"`event.{name}`"
        case tree.Score(model=model):
            return f'`score of "{model.value}"`' if model else "`score`"
        case tree.InterestCount(name=profile):
            return f'`interest in "{profile.value}"`'
        case tree.Today():
            return "`today`"
        case tree.Shifted(base=base, offset=offset, before=before):
            return f"`{plain(base)} {'minus' if before else 'plus'} {values.shown(offset)}`"
        case tree.Age(field=field):
            return f"`age of {field.value}`"
        case tree.Quoted(value=value):
            return f'"{value}"'
        case tree.Number(raw=raw, unit=unit):
            return f"{raw} {unit.value}" if unit else raw


def plain(operand: Operand) -> str:
    return show(operand).strip("`")

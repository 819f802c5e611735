"""Checked operands, literals and names become the plan's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dsl import plan
from dsl.names.scope import Scope
from dsl.plan import tags
from dsl.problems.problems import Problems
from dsl.text import values
from dsl.text.values import LIFETIME
from dsl.tree import declarations as tree
from dsl.tree.declarations import Amounts, Operand, Text

FLAGS = {"yes": True, "no": False}


def operand(written: Operand, *, of_event: bool = False) -> plan.Operand:
    """With `of_event`, inside `where`: a bare word is a datum of the event that is matched, `event.…` one of the event
    that started the run."""
    match written:
        case tree.Word(name=name):
            if name in FLAGS:
                return plan.Value(value=FLAGS[name])
            return plan.EventRef(name=name) if of_event else plan.FieldRef(name=name)
        case tree.EventDatum(name=name):
            return plan.StartRef(name=name) if of_event else plan.EventRef(name=name)
        case tree.Score(model=model):
            return plan.ScoreRef(model=model.value if model else "")
        case tree.InterestCount(name=profile):
            return plan.InterestRef(name=profile.value)
        case tree.Today():
            return plan.Today()
        case tree.Shifted(base=base, offset=offset, before=before):
            counted = values.duration(offset, Problems(), longest=LIFETIME) or plan.Duration()
            inner: Any = operand(base, of_event=of_event)
            return plan.Shifted(base=inner, offset=counted, before=before)
        case tree.Age(field=field):
            return plan.Age(field=field.value)
        case _:
            return plan.Value(value=scalar(written))


def scalar(written: Operand) -> plan.Scalar:
    """A literal's value; dates stay text."""
    match written:
        case tree.Quoted(value=value):
            return value
        case tree.Number(raw=raw):
            return _number(raw)
        case tree.Word(name=name):
            return FLAGS.get(name, name)
        case _:
            return ""


def regional(field: str, value: plan.Scalar, scope: Scope) -> tuple[str, ...]:
    """The languages of the workspace that are the language `value` in a region, if `field` holds languages."""
    known = scope.fields.get(field)
    if known is None or known.type != "language" or scope.workspace is None:
        return ()
    return tuple(one.value for one in scope.workspace.languages if value in tags.ancestors(one.value)[1:])


def _number(raw: str) -> plan.Scalar:
    if not values.is_plain(raw):
        return raw
    value = float(raw)
    return int(value) if value.is_integer() else value


def duration(written: Amounts | None) -> plan.Duration | None:
    return values.duration(written, Problems()) if written else None


def declared(name: Text, known: Mapping[str, Any]) -> str:
    """The name as its declaration writes it; names that need none stay as they are."""
    found = known.get(name.key)
    return str(found.name.value) if found else name.value


def scoring_name(written: Text | None, scope: Scope) -> str:
    """The name as it was declared; empty for the default scoring."""
    return declared(written, scope.scorings) if written else ""

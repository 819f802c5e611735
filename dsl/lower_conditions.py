"""Checked conditions and events become the plan's."""

from __future__ import annotations

from typing import Any

from dsl import plan, tree, values
from dsl.events import spec_of
from dsl.scope import Scope
from dsl.tree import Condition, Event, Operand

_OPS: dict[str, Any] = {
    "is": "eq", "is not": "eq", "<": "lt", "<=": "le", ">": "gt", ">=": "ge", "contains": "contains",
    "starts with": "starts",
}  # fmt: skip
_FLAGS = {"yes": True, "no": False}


def condition(written: Condition, scope: Scope, *, of_event: bool = False) -> plan.Condition:
    """With `of_event`, bare words are data of the event that is being matched."""
    match written:
        case tree.And(items=items):
            return plan.All(items=tuple(condition(item, scope, of_event=of_event) for item in items))
        case tree.Or(items=items):
            return plan.Any_(items=tuple(condition(item, scope, of_event=of_event) for item in items))
        case tree.Not(item=item):
            return plan.Not(item=condition(item, scope, of_event=of_event))
        case tree.Bare(operand=only):
            return _flag(only, of_event)
        case tree.Compare(left=left, op=op, right=right):
            if stage := _stage(left, right, of_event):
                return _maybe_not(plan.StageIs(stage=stage), op == "is not")
            compared = plan.Compare(
                left=operand(left, of_event=of_event),
                op=_OPS[op],
                right=operand(right, of_event=of_event and not _is_field(right, scope)),
            )
            return _maybe_not(compared, op == "is not")
        case tree.OneOf(left=left, values=chosen, negated=negated):
            scalars = tuple(scalar(value) for value in chosen)
            return _maybe_not(plan.In(left=operand(left, of_event=of_event), values=scalars), negated)
        case tree.Known(left=left, negated=negated):
            return _maybe_not(plan.Known(operand=operand(left, of_event=of_event)), negated)
        case tree.AtLeast(right=right):
            return plan.StageIs(stage=right.name if isinstance(right, tree.Word) else "", at_least=True)
        case tree.FreeAddress(negated=negated):
            return _maybe_not(plan.FreeMail(), negated)


def _is_field(written: Operand, scope: Scope) -> bool:
    """In `where`, a bare word on the right is the lead's field."""
    return isinstance(written, tree.Word) and written.name in scope.fields


def _flag(only: Operand, of_event: bool) -> plan.Condition:
    if isinstance(only, tree.Word) and only.name in _FLAGS:
        always = plan.Value(value=_FLAGS[only.name])
        return plan.Compare(left=always, op="eq", right=plan.Value(value=True))
    return plan.Compare(left=operand(only, of_event=of_event), op="eq", right=plan.Value(value=True))


def _stage(left: Operand, right: Operand, of_event: bool) -> str | None:
    if not of_event and isinstance(left, tree.Word) and left.name == "stage" and isinstance(right, tree.Word):
        return right.name
    return None


def _maybe_not(item: plan.Condition, negated: bool) -> plan.Condition:
    return plan.Not(item=item) if negated else item


def operand(written: Operand, *, of_event: bool = False) -> plan.Operand:
    match written:
        case tree.Word(name=name):
            if name in _FLAGS:
                return plan.Value(value=_FLAGS[name])
            return plan.EventRef(name=name) if of_event else plan.FieldRef(name=name)
        case tree.EventDatum(name=name):
            return plan.EventRef(name=name)
        case tree.Score(model=model):
            return plan.ScoreRef(model=model.value if model else "")
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
            return _FLAGS.get(name, name)
        case _:
            return ""


def _number(raw: str) -> plan.Scalar:
    if not values.is_plain(raw):
        return raw
    value = float(raw)
    return int(value) if value.is_integer() else value


def pattern(event: Event, scope: Scope, sent: frozenset[str] = frozenset()) -> plan.Pattern:
    """`sent`: templates that the campaign itself sends, for waits and whenevers about its own mails."""
    spec = spec_of(event)
    assert spec is not None, "events were checked before"
    name = event.name.value if event.name else None
    link: str | None = None
    model = ""
    if event.noun.value == "link":
        name, link = (event.email.value if event.email else None), name
    elif event.noun.value == "form" and event.name and event.name.key in scope.forms:
        name = scope.forms[event.name.key].name.value
    elif event.noun.value == "lead" and event.subject:
        name = event.subject.value
    elif event.noun.value == "score":
        model, name = scoring_name(event.name, scope), None
    return plan.Pattern(
        type=spec.type,
        name=name,
        link=link,
        own=spec.type.startswith("email.") and name in sent,
        model=model,
        threshold=float(event.number.raw) if event.number else None,
        where=condition(event.where, scope, of_event=True) if event.where else None,
    )


def scoring_name(written: tree.Text | None, scope: Scope) -> str:
    """The name as it was declared; empty for the default scoring."""
    if written is None:
        return ""
    found = scope.scorings.get(written.key)
    return found.name.value if found and found.name else written.value

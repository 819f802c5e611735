"""Checked conditions, and events with their conditions, become the plan's."""

from __future__ import annotations

from typing import Any

from dsl import plan
from dsl.lower.events import absence, happening
from dsl.lower.operands import FLAGS, declared, duration, operand, regional, scalar
from dsl.names.scope import Scope
from dsl.tree import declarations as tree
from dsl.tree.declarations import Condition, Event, Operand

_OPS: dict[str, Any] = {
    "is": "eq", "is not": "eq", "<": "lt", "<=": "le", ">": "gt", ">=": "ge", "contains": "contains",
    "starts with": "starts",
}  # fmt: skip
_RELATIONS: dict[str, Any] = {name: name for name in ("next", "last", "past", "future", "today", "before", "after")}
EMPTY = plan.All(items=())


def condition(written: Condition, scope: Scope, *, of_event: bool = False) -> plan.Condition:
    """With `of_event`, bare words are data of the event that is being matched."""
    return _Lowering(scope, of_event).condition(written)


class _Lowering:
    """`inside`: the segments whose conditions are being written out, so that a circle ends."""

    def __init__(self, scope: Scope, of_event: bool, inside: frozenset[str] = frozenset()) -> None:
        self.scope = scope
        self.of_event = of_event
        self.inside = inside

    def condition(self, written: Condition) -> plan.Condition:
        match written:
            case tree.And(items=items):
                return plan.All(items=tuple(self.condition(item) for item in items))
            case tree.Or(items=items):
                return plan.Any_(items=tuple(self.condition(item) for item in items))
            case tree.Not(item=item):
                return plan.Not(item=self.condition(item))
            case tree.Bare(operand=only):
                return self._flag(only)
            case tree.Compare():
                return self._compare(written)
            case tree.OneOf(left=tree.Word(name="stage"), values=chosen, negated=negated) if not self.of_event:
                return _maybe_not(plan.Any_(items=tuple(plan.StageIs(stage=_stage(one)) for one in chosen)), negated)
            case tree.OneOf(left=left, values=chosen, negated=negated):
                scalars = tuple(scalar(value) for value in chosen)
                scalars += tuple(tag for one in scalars for tag in self._regional(left, one) if tag not in scalars)
                return _maybe_not(plan.In(left=self._operand(left), values=scalars), negated)
            case tree.Known(left=left, negated=negated):
                return _maybe_not(plan.Known(operand=self._operand(left)), negated)
            case tree.AtLeast(right=right):
                return plan.StageIs(stage=_stage(right), at_least=True)
            case tree.FreeAddress(negated=negated):
                return _maybe_not(plan.FreeMail(), negated)
            case tree.Subscribed(topic=topic):
                return plan.Subscribed(topic=declared(topic, self.scope.topics))
            case tree.TrackingAllowed(negated=negated):
                return _maybe_not(plan.TrackingAllowed(), negated)
            case tree.Membership():
                return _maybe_not(self._membership(written), written.negated)
            case tree.DateIs():
                return _maybe_not(self._date(written), written.negated)
            case tree.Has():
                return _maybe_not(self._has(written), written.negated)

    def _operand(self, written: Operand) -> plan.Operand:
        if isinstance(written, tree.InterestCount):
            return plan.InterestRef(name=declared(written.name, self.scope.interests))
        return operand(written, of_event=self.of_event)

    def _flag(self, only: Operand) -> plan.Condition:
        if isinstance(only, tree.Word) and only.name in FLAGS:
            always = plan.Value(value=FLAGS[only.name])
            return plan.Compare(left=always, op="eq", right=plan.Value(value=True))
        return plan.Compare(left=self._operand(only), op="eq", right=plan.Value(value=True))

    def _compare(self, written: tree.Compare) -> plan.Condition:
        left, op, right = written.left, written.op, written.right
        if not self.of_event and isinstance(left, tree.Word) and left.name == "stage":
            return _maybe_not(plan.StageIs(stage=_stage(right)), op == "is not")
        compared: plan.Condition = plan.Compare(left=self._operand(left), op=_OPS[op], right=self._operand(right))
        if op in ("is", "is not") and isinstance(right, tree.Quoted) and (tags := self._regional(left, right.value)):
            compared = plan.In(left=self._operand(left), values=(right.value, *tags))
        return _maybe_not(compared, op == "is not")

    def _regional(self, left: Operand, value: plan.Scalar) -> tuple[str, ...]:
        """The company's languages that are the one compared with, in a region: `de-AT` for `de`."""
        named = left.name if isinstance(left, tree.Word | tree.EventDatum) else ""
        return regional(named, value, self.scope)

    def _membership(self, written: tree.Membership) -> plan.Condition:
        name, scope = written.name, self.scope
        match written.group.value:
            case "list":
                return plan.InList(name=declared(name, scope.lists))
            case "campaign":
                return plan.InCampaign(name=declared(name, scope.campaigns), ever=written.ever)
            case _:
                return self._segment(name)

    def _segment(self, name: tree.Text) -> plan.Condition:
        segment = self.scope.segments.get(name.key)
        asked = segment.condition if segment else None
        inner: plan.Condition = EMPTY
        if asked is not None and name.key not in self.inside:
            inner = _Lowering(self.scope, False, self.inside | {name.key}).condition(asked)
        return plan.InSegment(name=declared(name, self.scope.segments), condition=inner)

    def _date(self, written: tree.DateIs) -> plan.Condition:
        relation, right = written.relation.value, written.right
        left = self._operand(written.left)
        if isinstance(right, tree.Number):
            return plan.DateIs(operand=left, relation=_RELATIONS[relation], date=right.raw)
        if isinstance(right, tree.Today):
            return plan.DateIs(operand=left, relation="past" if relation == "before" else "future")
        if right is not None:
            return plan.Compare(left=left, op="lt" if relation == "before" else "gt", right=self._operand(right))
        span = duration(written.length)
        return plan.DateIs(operand=left, relation=_RELATIONS.get(relation, "today"), span=span)

    def _has(self, written: tree.Has) -> plan.Condition:
        where = written.deed.where
        asked = _Lowering(self.scope, True, self.inside).condition(where) if where else None
        return plan.Has(
            pattern=happening(written.deed, self.scope, asked),
            times=int(written.times.raw) if written.times else None,
            within=duration(written.within),
            since_entering=written.entering is not None,
        )


def _stage(written: Operand) -> str:
    named = tree.stage_named(written)
    return named.value if named else ""


def _maybe_not(item: plan.Condition, negated: bool) -> plan.Condition:
    return plan.Not(item=item) if negated else item


def pattern(event: Event, scope: Scope, sent: frozenset[str] = frozenset()) -> plan.Pattern:
    """`sent`: templates that the campaign itself sends, for waits and whenevers about its own mails."""
    found = happening(event, scope, _where(event, scope), sent)
    if event.absent is None:
        return found
    missing = absence(event.absent, scope, _where(event.absent.event, scope))
    return found.model_copy(update={"absent": missing})


def _where(event: Event, scope: Scope) -> plan.Condition | None:
    return condition(event.where, scope, of_event=True) if event.where else None

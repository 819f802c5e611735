"""Which events can have happened last when a lead comes to a statement: those whose data `event.…` means there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dsl.tree import declarations as tree
from dsl.tree.declarations import Block, Campaign, Event, EventDatum, Operand, Span, Statement, Text

Last = Mapping[Span, Event]
"""Events by their place; empty: none, for whoever came in on a date or from another campaign."""


def arrivals(campaign: Campaign) -> dict[int, tuple[Event, ...]]:
    """Statement, by identity → the events."""
    found: dict[int, tuple[Event, ...]] = {}
    walk = _Walk(found)
    walk.block(campaign.flow, {start.event.span: start.event for start in campaign.starts}, detached=False)
    sides = [(whenever.event, whenever.body) for whenever in campaign.whenevers]
    for event, body in (*sides, *((leave.event, leave.body) for leave in campaign.leaves)):
        walk.block(body, {event.span: event}, detached=True)
    return found


def data(statement: Statement) -> Iterator[EventDatum]:
    """Event data that a statement hands on or keeps."""
    values: tuple[Operand | None, ...] = ()
    match statement:
        case tree.Send(values=pairs) | tree.Post(values=pairs) | tree.Notify(values=pairs):
            values = tuple(value for _, value in pairs)
        case tree.SetField(value=value):
            values = (value,)
        case _:
            pass
    for value in values:
        base = value.base if isinstance(value, tree.Shifted) else value
        if isinstance(base, EventDatum):
            yield base


class _Walk:
    def __init__(self, found: dict[int, tuple[Event, ...]]) -> None:
        self.found = found
        self.through: dict[int, tuple[dict[Span, Event], bool]] = {}

    def block(self, block: Block, last: Last, detached: bool) -> None:
        """Note what can have happened last at each statement, for leads who come to the block after `last`."""
        for statement in block:
            if isinstance(statement, tree.Repeat):
                last = {**last, **self._after(statement.body, detached)[0]}
            self.found[id(statement)] = tuple(last.values())
            for first, body in _ways(statement, detached):
                self.block(body, last if first is None else {first.span: first}, detached)
            new, passes = self._past(statement, detached)
            last = {**last, **new} if passes else new

    def _after(self, block: Block, detached: bool) -> tuple[dict[Span, Event], bool]:
        """The events of the block itself that can have happened last at its end, and whether those from before can."""
        key = id(block)
        if key not in self.through:
            new: dict[Span, Event] = {}
            whole = True
            for statement in block:
                its, passes = self._past(statement, detached)
                new, whole = {**(new if passes else {}), **its}, whole and passes
            self.through[key] = new, whole
        return self.through[key]

    def _past(self, statement: Statement, detached: bool) -> tuple[dict[Span, Event], bool]:
        new: dict[Span, Event] = {}
        passes = _has_way_past(statement, detached)
        if isinstance(statement, tree.HandOff) and not detached:
            new[statement.span] = _answer(statement.span)
        for first, body in _ways(statement, detached):
            its, through = self._after(body, detached)
            new |= its
            if through and first is not None:
                new[first.span] = first
            passes = passes or (through and first is None)
        return new, passes


def _ways(statement: Statement, detached: bool) -> Iterator[tuple[Event | None, Block]]:
    """The blocks below a statement, each with the event that leads into it; None: whatever was before."""
    match statement:
        case tree.Wait(arms=arms, otherwise=otherwise, until=until):
            yield from ((arm.event, arm.body) for arm in arms)
            if until is not None and (arms or otherwise):
                yield None, otherwise or ()
        case tree.HandOff(cases=cases):
            answer = None if detached else _answer(statement.span)
            yield from ((answer, case.body) for case in cases)
        case _:
            yield from ((None, body) for body in tree.bodies(statement))


def _has_way_past(statement: Statement, detached: bool) -> bool:
    """Whether leads can get by without going into any of its blocks, nothing new having happened."""
    match statement:
        case tree.Stop() | tree.Enter(move=True):
            return False
        case tree.HandOff():
            return detached
        case tree.If(otherwise=otherwise):
            return otherwise is None
        case tree.Split() | tree.VariantTest():
            return False
        case tree.Wait(arms=arms):
            return not arms
        case _:
            return True


def _answer(span: Span) -> Event:
    """What sales answers to a handoff, as an event: its cases know `reason` and `by`."""
    return Event(Text("sales", span), Text("rejects", span), span)

"""Every event, condition and statement of a program, each with what surrounds it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Generic, Literal, TypeVar

from dsl.names.arrivals import arrivals
from dsl.tree import declarations as tree
from dsl.tree.declarations import Block, Campaign, Condition, Event, Statement
from dsl.tree.flow import bodies as bodies
from dsl.tree.flow import statements as statements


@dataclass(frozen=True)
class Place:
    """Where a condition stands, which decides what it may ask. With `event`, bare words are that event's data; `last`
    gives the events one of which has happened last, for `event.…`. Inside `where` that is the event which started the
    run, one of `start`; None: no run asks here."""

    kind: Literal["flow", "trigger", "team", "scoring", "segment", "where"]
    event: Event | None = None
    last: Callable[[], tuple[Event, ...]] = tuple
    start: tuple[Event, ...] | None = None


def blocks(campaign: Campaign) -> tuple[Block, ...]:
    """The flow, and the blocks that run beside it."""
    return campaign.blocks


def all_statements(campaign: Campaign) -> tuple[Statement, ...]:
    """Of all its blocks, in the order in which they were written."""
    return campaign.statements


def events(program: tree.Program) -> Iterator[Event]:
    yield from (event for event, _ in _events(program))


def _events(program: tree.Program) -> Iterator[tuple[Event, tuple[Event, ...] | None]]:
    """Each with the events that start the runs which listen for it; None where no run does."""
    for scoring in program.scorings:
        yield from ((rule.event, None) for rule in scoring.rules if rule.event)
    for lifecycle in program.lifecycles:
        yield from ((rule.event, None) for stage in lifecycle.stages for rule in stage.rules)
    for campaign in program.campaigns:
        begun = _begun(campaign)
        yield from ((start.event, None) for start in campaign.starts)
        yield from ((leave.event, begun) for leave in campaign.leaves)
        yield from ((whenever.event, begun) for whenever in campaign.whenevers)
        if campaign.goal:
            yield campaign.goal.event, begun
        for statement in all_statements(campaign):
            if isinstance(statement, tree.Wait):
                yield from ((arm.event, begun) for arm in statement.arms)


def _begun(campaign: Campaign) -> tuple[Event, ...]:
    return tuple(start.event for start in campaign.starts)


def conditions(program: tree.Program) -> Iterator[tuple[Condition, Place]]:
    for event, begun in _events(program):
        if event.where:
            yield event.where, Place("where", event, start=begun)
        if event.absent and event.absent.event.where:
            missing = replace(event.absent.event, absent=event.absent)
            yield event.absent.event.where, Place("where", missing, start=begun)
    for scoring in program.scorings:
        yield from ((rule.condition, Place("scoring")) for rule in scoring.rules if rule.condition)
    for team in program.teams:
        if team.takes:
            yield team.takes, Place("team")
        yield from ((member.condition, Place("team")) for member in team.members if member.condition)
    for lifecycle in program.lifecycles:
        for stage in lifecycle.stages:
            yield from _triggers(stage.rules)
    for segment in program.segments:
        yield from ((line, Place("segment")) for line in segment.lines)
    for campaign in program.campaigns:
        yield from _triggers((*campaign.starts, *campaign.schedules))
        for statement in all_statements(campaign):
            if isinstance(statement, tree.If):
                place = Place("flow", last=partial(last_at, statement, campaign), start=_begun(campaign))
                yield from ((condition, place) for condition, _ in statement.branches)
            elif isinstance(statement, tree.Repeat) and statement.until:
                place = Place("flow", last=partial(last_at, statement, campaign), start=_begun(campaign))
                yield statement.until, place


def joined(program: tree.Program) -> Iterator[tuple[Condition, ...]]:
    """Conditions on lines of their own that are joined by `and`: a segment's, and those below a start."""
    yield from (segment.lines for segment in program.segments)
    for lifecycle in program.lifecycles:
        yield from (rule.only_if for stage in lifecycle.stages for rule in stage.rules)
    for campaign in program.campaigns:
        yield from (start.only_if for start in campaign.starts)
        yield from (schedule.only_if for schedule in campaign.schedules)


def _triggers(triggers: tuple[tree.Trigger | tree.Schedule, ...]) -> Iterator[tuple[Condition, Place]]:
    for trigger in triggers:
        events = (trigger.event,) if isinstance(trigger, tree.Trigger) else ()
        place = Place("trigger", last=partial(tuple, events), start=events)
        yield from ((condition, place) for condition in trigger.only_if)


T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Same(Generic[T]):
    """A part of the tree as a key: equal to itself only, and as cheap to look up as its identity."""

    of: T

    def __hash__(self) -> int:
        return id(self.of)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.of is self.of


def last_at(statement: Statement, campaign: Campaign) -> tuple[Event, ...]:
    """The events one of which has happened last when a lead comes to a statement; none after a start on a date."""
    return _arrivals(Same(campaign)).get(id(statement), ())


@lru_cache(maxsize=8)
def _arrivals(campaign: Same[Campaign]) -> dict[int, tuple[Event, ...]]:
    return arrivals(campaign.of)


def atoms(condition: Condition) -> Iterator[Condition]:
    """The single questions in a condition."""
    match condition:
        case tree.And(items=items) | tree.Or(items=items):
            for item in items:
                yield from atoms(item)
        case tree.Not(item=item):
            yield from atoms(item)
        case _:
            yield condition


def in_bulk(campaign: Campaign) -> bool:
    """Whether many leads enter at one moment: on a date, regularly, or as present members."""
    return bool(campaign.schedules) or any(start.present for start in campaign.starts)

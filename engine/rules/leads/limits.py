"""One deployment's rules as they are asked, what a transaction books, and what limits ask of the past. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from dsl.plan import Every, Pattern, Plan, Program, Rule
from engine.model.lead import HANDOFF_EVENTS, Event, Lead, stage_order
from engine.model.records import Record, record
from engine.rules.conditions import calendar
from engine.rules.conditions.conditions import matches, trigger
from engine.rules.conditions.matching import Index


@dataclass(frozen=True, slots=True)
class Rules:
    """One deployment, ready to be asked."""

    program: Program
    index: Index
    order: tuple[str, ...]
    plan_of: Callable[[str], Plan | None]
    epoch: int = 0
    at: datetime | None = None

    @staticmethod
    def of(
        program: Program, plan_of: Callable[[str], Plan | None], epoch: int = 0, at: datetime | None = None
    ) -> Rules:
        """`epoch` and `at` say which deployment it is, and since when."""
        return Rules(program, Index(program), stage_order(program), plan_of, epoch, at)


@record
class Probe(Record):
    """A question about past bookings: how often and how much `rule` gave since (and for `thing`, unless None).

    `number` is which of the rule's limits asks. The answer stays the same question's while the clock runs on, or when
    the lead's zone becomes another, within one transaction.
    """

    rule: str
    number: int
    thing: str | None
    since: datetime | None = field(compare=False)


@record
class Booking(Record):
    """Points that a lead got or lost: why (`cause`), by which rule, and the score of the model after it."""

    cause: str
    rule: str
    model: str
    amount: float
    thing: str
    seq: int
    score_after: float
    earned_at: datetime
    booked_at: datetime
    expires_at: datetime | None = None


def probes(rule: Rule, event: Event, zone: str) -> list[tuple[Every, Probe]]:
    """What must be known of the past to judge the rule's limits for this event."""
    found = []
    for number, limit in enumerate(rule.limits):
        start = None
        if limit.unit is not None:
            start = calendar.period_start(limit.unit, event.at, zone)
        elif limit.span is not None:
            start = calendar.since(limit.span, event.at, zone)
        found.append((limit, Probe(rule.id, number, event.name if limit.per_thing else None, start)))
    return found


def needed(rules: Rules, lead: Lead, type: str, name: str, data: Mapping[str, Any], now: datetime) -> list[Probe]:
    """The probes that judging such an event, and what may follow from it, will ask for."""
    zone = lead.zone(rules.program)
    at = max(now, lead.last_at)
    event = Event(seq=lead.seq + 1, at=at, type=type, name=name, data=data)
    found = [
        probe
        for _, rule in rules.index.rules.near(event)
        if rule.limits and rule.pattern is not None and matches(rule.pattern, event, zone=zone)
        for _, probe in probes(rule, event, zone)
    ]
    for rule in derived(rules):
        assert rule.pattern is not None
        for thing in _things(rules, rule.pattern):
            named = replace(event, type=trigger(rule.pattern), name=thing)
            found += [probe for _, probe in probes(rule, named, zone)]
    return found


def derived(rules: Rules) -> Sequence[Rule]:
    """The limited rules that count what Coldframe itself finds; any transaction may come to ask for their past."""
    return rules.index.derived


def _things(rules: Rules, pattern: Pattern) -> set[str]:
    """The names that events of such a derived pattern can have."""
    if pattern.type == "stage.entered":
        return {stage.name for stage in rules.program.stages}
    if pattern.type in HANDOFF_EVENTS:
        return {team.name for team in rules.program.teams}
    return {pattern.key if pattern.composite else pattern.name or pattern.model}

"""Waits until a date of the lead: the date may be unknown, or the moment may have passed when the lead gets there."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from functools import partial

from dsl import plan
from dsl.names.scope import Scope
from dsl.names.steps import find_entered
from dsl.problems.diagnostics import Diagnostic
from dsl.problems.problems import Problems
from dsl.text import values
from dsl.tree import declarations as tree
from dsl.tree.declarations import Block, Campaign, Condition, Event, Statement

Dates = Mapping[str, float | None]
"""The lead's date fields that are known to hold a date, each with the least number of days until it; None: it may lie
in the past."""
NOTHING: Dates = {}
Moment = tuple[str, str]
"""A day and a time of day, as they are compared."""
END_OF_DAY = "24:00"
ENDLESS: Moment = ("9999-12-31", END_OF_DAY)
NEVER: Moment = ("", "")
HELD = 2.0
"""Days that a mail may wait for its window, about, where it says nothing itself."""


def check_moments(scope: Scope) -> list[Diagnostic]:
    if scope.lost("campaign"):
        return []
    entered, found = find_entered(scope), list[Diagnostic]()
    for campaign in scope.program.campaigns:
        found += scope.memory.keep("moments", campaign, entered, partial(_find_moments, scope, entered, campaign))
    return found


def _find_moments(scope: Scope, entered: frozenset[str], campaign: Campaign) -> list[Diagnostic]:
    walk = _Walk(scope, Problems(), entered)
    walk.last = walk.last_entry(campaign)
    walk.block(campaign.flow, walk.entering(campaign))
    return walk.problems.found


class _Walk:
    def __init__(self, scope: Scope, problems: Problems, entered: frozenset[str]) -> None:
        self.scope, self.problems, self.entered = scope, problems, entered
        self.last = NEVER
        """The last day and time at which a lead that comes here may have entered the campaign."""
        self.since = ""
        """The fixed day that every lead has reached here, as far as waits before show; empty: none."""

    def last_entry(self, campaign: Campaign) -> Moment:
        """Until when leads may enter: the end of `runs`, the last of its dates, or no end."""
        if campaign.runs:
            return campaign.runs[1], END_OF_DAY
        if campaign.name.key in self.entered or not (campaign.starts or campaign.schedules):
            return ENDLESS
        ends = [self._last_of(start.event) for start in campaign.starts]
        ends += [(one.dated.at.date, one.dated.at.time) if one.dated.at else ENDLESS for one in campaign.schedules]
        return max(ends)

    def _last_of(self, event: Event) -> Moment:
        """`1 day before webinar "Seals explained"` happens once."""
        dated = event.dated
        webinar = self.scope.webinars.get(dated.name.key) if dated and dated.name else None
        if dated is None or webinar is None or event.absent is not None:
            return ENDLESS
        length = values.duration(dated.offset, Problems()) if dated.offset and not dated.before else None
        after = timedelta(days=math.ceil(_days(length)))
        return (date.fromisoformat(webinar.date) + after).isoformat(), END_OF_DAY

    # ── what is known ────────────────────────────────────────────────────────────────────────────────────────────────
    def entering(self, campaign: Campaign) -> Dates:
        if campaign.name.key in self.entered:
            return NOTHING
        ways = [_given(start.only_if, self._of_event(start.event)) for start in campaign.starts]
        return _met([*ways, *(_given(schedule.only_if, NOTHING) for schedule in campaign.schedules)]) or NOTHING

    def _of_event(self, event: Event) -> Dates:
        """`30 days before contract_end`; a form that asks for the date."""
        dated = event.dated
        if dated is not None and event.absent is None:
            named = dated.field or dated.word
            if dated.name is not None or dated.word.value in ("birthday", "anniversary"):
                return NOTHING
            length = _days(values.duration(dated.offset, Problems())) if dated.offset else 0.0
            return {named.value: length if dated.before else -length}
        if (event.noun.value, event.verb.value) == ("form", "submitted"):
            forms = self.scope.matching_forms(event.name)
            asked = [{ask.field.value for ask in form.asks if ask.required} for form in forms]
            return dict.fromkeys(set.intersection(*asked) if asked else (), None)
        return NOTHING

    # ── steps ────────────────────────────────────────────────────────────────────────────────────────────────────────
    def block(self, block: Block, known: Dates) -> Dates | None:
        """What is known at its end; None where no lead gets there."""
        since, last = self.since, self.last
        try:
            for statement in block:
                after = self._step(statement, known)
                if after is None:
                    return None
                known = after
            return known
        finally:
            self.since, self.last = since, last

    def _step(self, statement: Statement, known: Dates) -> Dates | None:
        match statement:
            case tree.Stop() | tree.Enter(move=True):
                return None
            case tree.Send(mode=mode, within=within):
                return known if mode == "transactional" else _later(known, _days(within) if within else HELD)
            case tree.SetField(field=field, value=value):
                rest = {name: days for name, days in known.items() if name != field.value}
                return {**rest, field.value: 0.0} if isinstance(value, tree.Today) else rest
            case tree.If(branches=branches, otherwise=otherwise):
                ends = [self.block(body, _given((asked,), known)) for asked, body in branches]
                return _met([*ends, self.block(otherwise or (), known)])
            case tree.Split() | tree.VariantTest() | tree.NextOf():
                return _met([self.block(way, known) for way in tree.bodies(statement)])
            case tree.Wait():
                return self._wait(statement, known)
            case tree.HandOff(cases=cases):
                after = _later(known, None)
                return _met([after, *(self.block(case.body, after) for case in cases)])
            case tree.Repeat(body=body):
                self.block(body, _later(known, None))
                return _later(known, None)
            case tree.AddPoints() | tree.ListStep() | tree.TopicStep() | tree.Qualify() | tree.Recycle():
                return known
            case tree.Notify() | tree.Post() | tree.Enter() | tree.LeaveCampaign():
                return known

    def _wait(self, wait: tree.Wait, known: Dates) -> Dates | None:
        until = wait.until
        if isinstance(until, plan.Relative) and wait.field is not None:
            self._check(wait, until, known)
            length = _days(until.offset)
            reached = {**_later(known, None), wait.field.value: length if until.before else -length}
            answered = wait.otherwise is not None or wait.skips
            return _met([reached, self.block(wait.otherwise or (), known)]) if answered else reached
        if wait.datum is not None and wait.otherwise is None and not wait.skips:
            self.problems.add("W114", wait.span, field=f"event.{wait.datum.value}")
        late = isinstance(until, plan.At) and self._fixed(wait, until)
        after = _later(known, _length(until))
        ends = [self.block(arm.body, after) for arm in wait.arms]
        if not wait.arms:
            ends.append(after)
        if until is not None or not wait.arms:
            ends.append(self.block(wait.otherwise or (), after))
        if isinstance(until, plan.At) and (late or (wait.otherwise is not None and ends[-1] is None)):
            self.last = min(self.last, (until.date, until.time))
        return _met(ends)

    def _fixed(self, wait: tree.Wait, until: plan.At) -> bool:
        """`wait until 2026-10-06 10:00` where leads may still enter on that day or later, or come after a later day.
        Whether that is reported; what follows is judged as if only leads that came in time went on."""
        late = (until.date, until.time) <= self.last or until.date < self.since
        told = late and wait.otherwise is None and not wait.skips and not wait.arms
        if told:
            self.problems.add("W114", wait.span, field=until.date)
        if not wait.arms:
            self.since = max(self.since, until.date)
        return told

    def _check(self, wait: tree.Wait, until: plan.Relative, known: Dates) -> None:
        field = self.scope.fields.get(until.field)
        if wait.otherwise is not None or wait.skips or field is None or field.type not in ("date", "moment"):
            return
        if until.field not in known:
            self.problems.add("E651", wait.span, field=until.field)
            return
        days, length = known[until.field], _days(until.offset)
        if days is None or days < (length if until.before else -length):
            self.problems.add("W114", wait.span, field=until.field)


def _given(conditions: Iterable[Condition], known: Dates) -> Dates:
    """What holds besides where these conditions do."""
    for one in conditions:
        match one:
            case tree.And(items=items):
                known = _given(items, known)
            case tree.Known(left=tree.Word(name=name), negated=False):
                known = {**known, name: known.get(name)}
            case tree.DateIs(left=tree.Word(name=name), relation=relation, right=right, negated=False):
                ahead = relation.value in ("next", "future", "today")
                later = relation.value == "after" and isinstance(right, tree.Today)
                least = 1.0 if later else 0.0 if ahead else known.get(name)
                known = {**known, name: least}
            case tree.Compare(left=tree.Word(name=name), op=">" | ">=" as op, right=tree.Today()):
                known = {**known, name: 1.0 if op == ">" else 0.0}
            case _:
                pass
    return known


def _later(known: Dates, days: float | None) -> Dates:
    """The same after so many days at most; None: after any time."""
    return {name: None if left is None or days is None else left - days for name, left in known.items()}


def _met(ends: list[Dates | None]) -> Dates | None:
    """What holds on every way that comes here."""
    ways = [one for one in ends if one is not None]
    if not ways:
        return None
    found: dict[str, float | None] = {}
    for name in set.intersection(*(set(way) for way in ways)):
        least = [days for way in ways if (days := way[name]) is not None]
        found[name] = min(least) if len(least) == len(ways) else None
    return found


def _length(until: plan.After | plan.Weekday | plan.At | plan.Relative | None) -> float | None:
    match until:
        case plan.After(duration=duration):
            return _days(duration)
        case plan.Weekday():
            return 7.0
        case _:
            return None


def _days(duration: plan.Duration | None) -> float:
    """About how many days it takes, at most."""
    if duration is None:
        return 0.0
    business = (duration.business_days + duration.business_minutes / 480) * 7 / 5
    return duration.months * 31 + duration.days + duration.minutes / 1440 + business

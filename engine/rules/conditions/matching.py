"""Which patterns of a deployment an event could touch, and what it must be told and must remember for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from pydantic import BaseModel

from dsl.plan import (
    Age,
    DateIs,
    Has,
    InSegment,
    Pattern,
    Plan,
    Program,
    Relative,
    Rule,
    Segment,
    Stage,
    StageRule,
    Start,
    Today,
    Wait,
)
from engine.model.lead import HANDOFF_EVENTS
from engine.model.plan_cache import per_plan
from engine.rules.conditions.conditions import glob, triggers
from engine.rules.conditions.listeners import Listeners


@dataclass(frozen=True)
class Watch:
    """What somebody listens for: the types of events, the fields (globs) whose changes count, the composite patterns
    by key, and the types of events whose past is asked for."""

    types: frozenset[str]
    fields: tuple[str, ...]
    composites: Mapping[str, Pattern]
    history: frozenset[str]

    @staticmethod
    def over(*roots: object) -> Watch:
        found = [one for root in roots for one in parts(root)]
        patterns = [one for one in found if isinstance(one, Pattern)]
        composites = {one.key: one for one in [*patterns, *map(base, patterns)] if one.composite}
        history = {type for one in found if isinstance(one, Has) for type in one.pattern.types}
        for one in composites.values():
            if one.times:
                history |= {*one.types, "pattern.met"}
        fields = {one.name or "*" for one in patterns if one.type == "field.changed"}
        counted_from = {one.field for one in found if isinstance(one, Relative) and not one.of_event}
        return Watch(
            types=frozenset(type for one in patterns for type in triggers(one))
            | {type for one in composites.values() for type in one.types},
            fields=tuple(sorted(fields | counted_from)),
            composites=composites,
            history=frozenset(history),
        )

    def field(self, name: str) -> bool:
        """Whether somebody listens for changes of the field."""
        return name.casefold() in self._named_fields or any(glob(one, name) for one in self._globs)

    @cached_property
    def counted(self) -> Listeners[tuple[str, Pattern, Pattern]]:
        """The composite patterns that events carry on, each with its key and the event that it counts."""
        found: Listeners[tuple[str, Pattern, Pattern]] = Listeners()
        for key, pattern in self.composites.items():
            if pattern.times or pattern.absent:
                found.add(base(pattern), (key, pattern, base(pattern)))
        return found

    @cached_property
    def silent(self) -> Mapping[str, Pattern]:
        """The composite patterns that silence makes true, by key."""
        return {key: one for key, one in self.composites.items() if one.silent is not None}

    @cached_property
    def dated(self) -> Mapping[str, Pattern]:
        """The composite patterns that a date makes true, by key."""
        return {key: one for key, one in self.composites.items() if one.dated is not None and one.absent is None}

    @cached_property
    def _named_fields(self) -> frozenset[str]:
        return frozenset(one.casefold() for one in self.fields if "*" not in one)

    @cached_property
    def _globs(self) -> tuple[str, ...]:
        return tuple(one for one in self.fields if "*" in one)


def base(pattern: Pattern) -> Pattern:
    """The event that a composite pattern counts, or after which nothing may follow."""
    if not (pattern.times or pattern.absent):
        return pattern
    if (found := _bases.get(pattern.key)) is None:
        bare = pattern.model_dump(mode="json") | {"times": None, "within": None, "absent": None, "own": False}
        found = _bases[pattern.key] = Pattern.model_validate(bare)
    return found


_bases: dict[str, Pattern] = {}


def parts(root: object) -> Iterator[BaseModel]:
    """Every model inside, itself first. A `has …` is given whole: its pattern is asked for and not listened for."""
    if isinstance(root, tuple):
        for item in root:
            yield from parts(item)
    elif isinstance(root, BaseModel):
        yield root
        if not isinstance(root, Has):
            for name in type(root).model_fields:
                yield from parts(getattr(root, name))


@per_plan
def watch_of(plan: Plan) -> Watch:
    """What a run of the plan may ask for or wait for, also once its campaign has another plan."""
    return Watch.over(plan.steps, plan.whenevers, plan.leaves, plan.goal)


FOUND = (
    "stage.entered", "score.reached", "score.dropped", "interest.reached", "lead.returned", "field.changed",
    "list.joined", "list.left", "segment.joined", "segment.left", "topic.joined", "topic.left", "campaign.entered",
    "campaign.left", "date.due", "pattern.met", *HANDOFF_EVENTS,
)  # fmt: skip
"""What Coldframe itself finds out, so that it may follow from any other event."""


class Index:
    """The patterns of one deployment by the events that can meet them, so that an event looks only at what it could
    touch, however many campaigns are deployed.

    `segments` are those that somebody wants to hear about; only of them it is known who is in. `waited` are the keys of
    composite patterns that something else than a campaign's start listens for, `crossings` the watched values of
    interests, `daily` whether the passing of time alone can change a segment or a state rule, `reviews` whether there
    are any, and `refreshes` whether leads that are there already must be looked at after the deployment. `current` are
    the digests of the plans, `reactivations` what stages say about silence, `schedules` the starts at a date by the
    pattern's key, `derived` the limited rules that count what Coldframe itself finds.
    """

    def __init__(self, program: Program) -> None:
        self.starts: Listeners[tuple[Plan, Start]] = Listeners()
        self.rules: Listeners[tuple[str, Rule]] = Listeners()
        self.stages: Listeners[tuple[Stage, StageRule]] = Listeners()
        self.schedules: dict[str, list[Start]] = {}
        self.state_rules: list[tuple[str, Rule]] = []
        self.current = frozenset(plan.digest for plan in program.campaigns)
        self.plans: dict[str, Plan] = {plan.campaign.casefold(): plan for plan in program.campaigns}
        for plan in program.campaigns:
            for start in plan.starts:
                self.starts.add(start.pattern, (plan, start))
                if "date.due" in triggers(start.pattern):
                    self.schedules.setdefault(start.pattern.key, []).append(start)
        for scoring in program.scorings:
            for rule in scoring.rules:
                if rule.pattern is None:
                    self.state_rules.append((scoring.name, rule))
                    continue
                self.rules.add(rule.pattern, (scoring.name, rule))
        for stage in program.stages:
            for stage_rule in stage.rules:
                self.stages.add(stage_rule.pattern, (stage, stage_rule))
        self.derived = tuple(rule for type in FOUND for _, rule in self.rules.all_for(type) if rule.limits)
        self.thresholds = thresholds(_patterns(program), "score.")
        asking = (program.campaigns, program.scorings, program.stages, program.teams)
        watched = [one.name or "*" for one in _patterns(program) if one.type in ("segment.joined", "segment.left")]
        watched += [one.name for one in program.workspace.unmailed if isinstance(one, InSegment)]
        self.segments: tuple[Segment, ...] = tuple(
            one for one in program.segments if any(glob(name, one.name) for name in watched)
        )
        self.watch = Watch.over(*asking, self.segments)
        running = [watch_of(plan) for plan in program.campaigns] + [Watch.over(program.scorings, program.stages)]
        self.waited: frozenset[str] = frozenset(key for watch in running for key in watch.composites)
        self.interests = program.interests
        self.crossings = thresholds(_patterns(program), "interest.")
        timed = [*(one.condition for one in self.segments), *(rule.condition for _, rule in self.state_rules)]
        self.daily = any(depends_on_time(condition) for condition in timed)
        clocked = any(one.silent or one.dated for one in self.watch.composites.values())
        self.reviews = bool(self.state_rules or self.segments)
        self.reactivations = {stage.name: stage.reactivate for stage in program.stages if stage.reactivate}
        present = any(start.present for plan in program.campaigns for start in plan.starts)
        self.refreshes = bool(self.daily or clocked or self.reactivations or present or self.segments)


def depends_on_time(condition: object) -> bool:
    """Whether a condition can change its answer while nothing happens."""
    found = parts(condition)
    return any(
        isinstance(one, DateIs | Today | Age) or (isinstance(one, Has) and one.within is not None) for one in found
    )


def _patterns(program: Program) -> Iterable[Pattern]:
    for plan in program.campaigns:
        yield from listening(plan)
        for start in plan.starts:
            yield start.pattern
    for stage in program.stages:
        for rule in stage.rules:
            yield rule.pattern
    for scoring in program.scorings:
        for one in scoring.rules:
            if one.pattern is not None:
                yield one.pattern


def listening(plan: Plan) -> Iterable[Pattern]:
    """Every pattern a run of the plan may wait for."""
    for step in plan.steps:
        if isinstance(step, Wait):
            for arm in step.arms:
                yield arm.pattern
    for whenever in plan.whenevers:
        yield whenever.pattern
    for leave in plan.leaves:
        yield leave.pattern
    if plan.goal is not None:
        yield plan.goal.pattern


def thresholds(patterns: Iterable[Pattern], family: str) -> Mapping[str, frozenset[float]]:
    """The values somebody watches, per scoring model (`score.`) or casefolded interest (`interest.`)."""
    found: dict[str, set[float]] = {}
    for pattern in patterns:
        if pattern.threshold is not None and pattern.type.startswith(family):
            name = pattern.model if family == "score." else (pattern.name or "*").casefold()
            found.setdefault(name, set()).add(pattern.threshold)
    return {model: frozenset(values) for model, values in found.items()}

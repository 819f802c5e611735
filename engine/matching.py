"""Whether an event is one a pattern asks for, and which patterns of a deployment an event could touch."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from uuid import UUID

from dsl.plan import Pattern, Plan, Program, Rule, Stage, StageRule, Start, Wait
from engine.conditions import Facts, holds
from engine.model import Event


def matches(pattern: Pattern, event: Event, enrolment: UUID | None = None) -> bool:
    """Whether `event` counts for `pattern`. `enrolment` is the run that asks: `own` patterns need its mails."""
    if pattern.type != event.type:
        return False
    if pattern.own and (enrolment is None or event.enrolment_id != enrolment):
        return False
    if pattern.name is not None and not glob(pattern.name, event.name):
        return False
    if pattern.link is not None and not glob(pattern.link, str(event.data.get("link", ""))):
        return False
    if pattern.threshold is not None and not _crossed(pattern, event):
        return False
    return holds(pattern.where, Facts(event=event.data))


def _crossed(pattern: Pattern, event: Event) -> bool:
    if event.name != pattern.model or pattern.threshold is None:
        return False
    before, after = float(event.data.get("before", 0)), float(event.data.get("after", 0))
    if pattern.type == "score.reached":
        return before < pattern.threshold <= after
    return before >= pattern.threshold > after


def glob(pattern: str, text: str) -> bool:
    """`*` stands for anything; case does not count."""
    if "*" not in pattern:
        return pattern.casefold() == text.casefold()
    return _expression(pattern.casefold()).fullmatch(text.casefold()) is not None


@lru_cache(maxsize=4096)
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in re.split(r"\*+", pattern)), re.DOTALL)


class Index:
    """The patterns of one deployment by event type, so that an event looks only at what it could touch."""

    def __init__(self, program: Program) -> None:
        self.starts: dict[str, list[tuple[Plan, Start]]] = {}
        self.rules: dict[str, list[tuple[str, Rule]]] = {}
        self.stages: dict[str, list[tuple[Stage, StageRule]]] = {}
        self.state_rules: list[tuple[str, Rule]] = []
        self.plans: dict[str, Plan] = {plan.campaign.casefold(): plan for plan in program.campaigns}
        for plan in program.campaigns:
            for start in plan.starts:
                self.starts.setdefault(start.pattern.type, []).append((plan, start))
        for scoring in program.scorings:
            for rule in scoring.rules:
                if rule.pattern is None:
                    self.state_rules.append((scoring.name, rule))
                else:
                    self.rules.setdefault(rule.pattern.type, []).append((scoring.name, rule))
        for stage in program.stages:
            for stage_rule in stage.rules:
                self.stages.setdefault(stage_rule.pattern.type, []).append((stage, stage_rule))
        self.thresholds = thresholds(_patterns(program))


def _patterns(program: Program) -> Iterable[Pattern]:
    for plan in program.campaigns:
        yield from listening(plan)
        for start in plan.starts:
            yield start.pattern
    for stage in program.stages:
        for rule in stage.rules:
            yield rule.pattern


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


def thresholds(patterns: Iterable[Pattern]) -> Mapping[str, frozenset[float]]:
    """The score values somebody watches, per model."""
    found: dict[str, set[float]] = {}
    for pattern in patterns:
        if pattern.threshold is not None:
            found.setdefault(pattern.model, set()).add(pattern.threshold)
    return {model: frozenset(values) for model, values in found.items()}

"""Warnings: what works as written, and is probably not what was meant."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from functools import lru_cache

from dsl import plan
from dsl.names.scope import Scope
from dsl.names.steps import find_steps
from dsl.names.walk import Same, all_statements, atoms, blocks, bodies, conditions, events, statements
from dsl.problems.diagnostics import Diagnostic, at
from dsl.problems.problems import Problems
from dsl.text.values import is_plain
from dsl.tree import declarations as tree
from dsl.tree.declarations import Block, Campaign, Rule, Scoring, Span, Text

Asked = tuple[Text | None, float, Span]
"""A scoring, the score that is asked for, and where."""

EFFORT = (
    ("visiting a page", (("page", "visited"),)),
    ("opening an email", (("email", "opened"),)),
    ("clicking in an email", (("email", "clicked"), ("link", "clicked"))),
    ("downloading a file", (("file", "downloaded"),)),
    ("watching a video", (("video", "watched"),)),
    ("a webinar", (("webinar", "registered"), ("webinar", "attended"))),
    ("a meeting", (("meeting", "booked"), ("meeting", "held"))),
)
"""What leads do, from the easiest to the hardest."""


def check_stages(scope: Scope) -> list[Diagnostic]:
    """Stages of the order that nothing leads to. Visitors are at the first without doing anything."""
    problems = Problems()
    kinds: tuple[type[tree.Qualify | tree.HandOff | tree.Recycle], ...] = (tree.Qualify, tree.HandOff, tree.Recycle)
    steps = (step for one in scope.program.campaigns for kind in kinds for step in find_steps(scope, one, kind))
    reached = {step.stage.key for step in steps if step.stage is not None}
    for lifecycle in scope.program.lifecycles[:1] if not scope.lost("campaign") else ():
        inside = [stage for stage in lifecycle.stages if not stage.outside]
        for stage in inside[1:]:
            if not stage.rules and stage.name.key not in reached:
                problems.add("W104", stage.span, name=stage.name.value)
    return problems.found


def check_topics(scope: Scope) -> list[Diagnostic]:
    """Topics that no form offers and no campaign uses; those that a campaign uses are told there."""
    problems = Problems()
    workspace = scope.workspace
    if workspace is None or not workspace.mail_needs_consent or scope.lost("form", "campaign"):
        return []
    known = {consent.topic.key for form in scope.program.forms for consent in form.consents}
    known |= {campaign.topic.key for campaign in scope.program.campaigns if campaign.topic}
    for topic in workspace.topics:
        if topic.name.key not in known and scope.program.forms:
            problems.add("W105", topic.name.span, name=topic.name.value)
    return problems.found


# ── scoring ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def check_efforts(scope: Scope) -> list[Diagnostic]:
    """An easier action that earns more than a harder one. Rules about certain pages or mails are not compared."""
    problems = Problems()
    for scoring in scope.program.scorings:
        ranked = [(rank, rule) for rule in scoring.rules if (rank := _effort(rule)) is not None and rule.amount > 0]
        for rank, rule in ranked:
            harder = [(other, one) for other, one in ranked if other > rank and one.amount < rule.amount]
            if harder:
                other, one = min(harder, key=lambda found: found[1].amount)
                related = [at("the harder one is here", one.span)]
                words = {"easy": EFFORT[rank][0], "hard": EFFORT[other][0]}
                problems.add(
                    "W106", rule.span, related=related, more=_plain(rule.amount), less=_plain(one.amount), **words
                )
    return problems.found


def _effort(rule: Rule) -> int | None:
    event = rule.event
    if event is None or event.name is not None or event.where is not None:
        return None
    kind = (event.noun.value, event.verb.value)
    return next((rank for rank, (_, kinds) in enumerate(EFFORT) if kind in kinds), None)


def check_thresholds(scope: Scope) -> list[Diagnostic]:
    """A score asked for that no sum of rules can reach."""
    problems = Problems()
    if scope.lost("scoring", "campaign"):
        return []
    most = {scoring.name.key if scoring.name else "": _most(scoring) for scoring in scope.program.scorings}
    company = dataclasses.replace(scope.program, campaigns=())
    found = [_of_campaign(Same(campaign)) for campaign in scope.program.campaigns]
    for boosted, _ in found:
        most.update(dict.fromkeys(boosted, math.inf))
    asked = (*_thresholds(company), *(one for _, thresholds in found for one in thresholds))
    for model, threshold, span in asked:
        key = model.key if model else ""
        if threshold > most.get(key, math.inf):
            what = f'score of "{model.value}"' if model else "score"
            problems.add("W107", span, what=what, threshold=_plain(threshold), most=_plain(most[key]))
    return problems.found


@lru_cache(maxsize=512)
def _of_campaign(same: Same[Campaign]) -> tuple[frozenset[str], tuple[Asked, ...]]:
    """The scorings to which a campaign adds points, and the scores it asks for. Kept, because an editor asks again for
    every campaign when one has changed."""
    campaign = same.of
    boosted = frozenset(
        statement.model.key if statement.model else ""
        for statement in all_statements(campaign)
        if isinstance(statement, tree.AddPoints) and statement.amount > 0
    )
    return boosted, tuple(_thresholds(tree.Program(campaigns=(campaign,))))


def _most(scoring: Scoring) -> float:
    """The highest sum of its rules; infinite when one can count again and again."""
    return sum(_most_of(rule) for rule in scoring.rules if rule.amount > 0)


def _most_of(rule: Rule) -> float:
    if rule.event is None:
        return rule.amount
    caps = [math.inf]
    for every in rule.limits:
        limit = every.limit
        if limit.unit is None and limit.span is None:
            if limit.points is not None:
                caps.append(limit.points)
            elif limit.times is not None:
                caps.append(limit.times * rule.amount)
    return min(caps)


def _thresholds(program: tree.Program) -> Iterator[Asked]:
    for event in events(program):
        if (event.noun.value, event.verb.value) == ("score", "reaches") and event.number and is_plain(event.number.raw):
            yield event.name, float(event.number.raw), event.span
    for condition, _ in conditions(program):
        for atom in atoms(condition):
            match atom:
                case tree.Compare(left=tree.Score(model=model), op=">=" | ">" as op, right=tree.Number(raw=raw)):
                    if is_plain(raw):
                        yield model, float(raw) + (0.000001 if op == ">" else 0), atom.span
                case _:
                    pass


def _plain(value: float) -> str:
    return f"{round(value, 3):g}"


# ── frequency ────────────────────────────────────────────────────────────────────────────────────────────────────────
def check_frequency(scope: Scope) -> list[Diagnostic]:
    """More mails in a row than the workspace's limit allows in that time. Only plain waits between them are counted:
    what else lies between may take any time."""
    problems = Problems()
    workspace = scope.workspace
    limit = workspace.mail_limit if workspace else None
    if workspace is None or limit is None:
        return []
    span = _days(limit.per)
    for campaign in scope.program.campaigns:
        for block in blocks(campaign):
            for inner in _all_blocks(block):
                for mail, first in _too_close(inner, limit.times, span):
                    related = [
                        at("these emails start here", first.span),
                        at("the limit is declared here", workspace.span),
                    ]
                    problems.add("W108", mail.span, times=limit.times, count=limit.times + 1, related=related)
    return problems.found


def _all_blocks(block: Block) -> Iterator[Block]:
    yield block
    for statement in statements(block):
        yield from bodies(statement)


def _too_close(block: Block, times: int, span: float) -> Iterator[tuple[tree.Send, tree.Send]]:
    """The first mail of a block that comes too early, with the one from which it is counted."""
    sent: list[tuple[float, tree.Send]] = []
    now = 0.0
    for statement in block:
        match statement:
            case tree.Send(mode="normal" | "trigger"):
                sent.append((now, statement))
                if len(sent) > times and now - sent[-times - 1][0] < span:
                    yield statement, sent[-times - 1][1]
                    return
            case tree.NextOf(sends=(tree.Send(mode="normal" | "trigger") as first, *_)):
                sent.append((now, first))
                if len(sent) > times and now - sent[-times - 1][0] < span:
                    yield first, sent[-times - 1][1]
                    return
            case tree.NextOf():
                pass
            case tree.Wait(until=plan.After(duration=duration), arms=()):
                now += _days(duration)
            case tree.Send() | tree.AddPoints() | tree.SetField() | tree.ListStep() | tree.TopicStep() | tree.Qualify():
                pass
            case tree.Notify() | tree.Post() | tree.Enter() | tree.LeaveCampaign():
                pass
            case tree.Wait() | tree.If() | tree.Split() | tree.VariantTest() | tree.Repeat():
                sent, now = [], 0.0
            case tree.HandOff() | tree.Recycle() | tree.Stop():
                sent, now = [], 0.0


def _days(duration: plan.Duration) -> float:
    """The longest that a duration can take, about."""
    business = duration.business_days * 7 / 5 + duration.business_minutes / 480 * 7 / 5
    return duration.months * 31 + duration.days + duration.minutes / 1440 + business

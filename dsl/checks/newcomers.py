"""Warnings about leads that a campaign would not reach, or would reach by mistake: leads that came yesterday have not
opened anything in a year either, and those who never agreed to a topic get no email of it."""

from __future__ import annotations

from collections.abc import Iterable

from dsl.names.scope import Scope
from dsl.names.walk import all_statements, atoms
from dsl.problems.diagnostics import Diagnostic
from dsl.problems.problems import Problems
from dsl.text import values
from dsl.tree import declarations as tree
from dsl.tree.declarations import Campaign, Condition

LONG = 90
"""Days; in a shorter time a lead that has just come is often meant as well."""


def check_newcomers(scope: Scope) -> list[Diagnostic]:
    """`has not opened email in the last 1 year`, where nothing says that the lead has been known for so long."""
    problems = Problems()
    for lines in _together(scope.program):
        asked = [atom for line in lines for atom in atoms(line)]
        if any(_tells_age(atom) for atom in asked):
            continue
        for atom in asked:
            if isinstance(atom, tree.Has) and atom.negated and atom.within is not None:
                length = values.duration(atom.within, Problems())
                if length is not None and length.months * 30 + length.days >= LONG:
                    problems.add("W115", atom.span, length=values.shown(atom.within))
    return problems.found


def _together(program: tree.Program) -> Iterable[tuple[Condition, ...]]:
    """Conditions that hold together, wherever they choose among leads."""
    yield from (segment.lines for segment in program.segments)
    yield from ((rule.condition,) for scoring in program.scorings for rule in scoring.rules if rule.condition)
    for campaign in program.campaigns:
        yield from (start.only_if for start in campaign.starts)
        yield from (schedule.only_if for schedule in campaign.schedules)
        for statement in all_statements(campaign):
            if isinstance(statement, tree.If):
                yield from ((condition,) for condition, _ in statement.branches)


def _tells_age(atom: Condition) -> bool:
    """Whether the question shows that the lead is no newcomer: when it was created, or what it did."""
    if isinstance(atom, tree.Has):
        return not atom.negated
    operands = (getattr(atom, side, None) for side in ("left", "right"))
    return any(isinstance(one, tree.Word) and one.name == "created" for one in operands)


def check_agreement(scope: Scope) -> list[Diagnostic]:
    """Campaigns with a topic that only forms start, none of which asks for consent to it."""
    problems = Problems()
    workspace = scope.workspace
    if workspace is None or not workspace.mail_needs_consent or scope.lost("form", "campaign", "workspace"):
        return []
    statements = [one for campaign in scope.program.campaigns for one in all_statements(campaign)]
    entered = {one.campaign.key for one in statements if isinstance(one, tree.Enter)}
    entered |= {stage.reactivate.campaign.key for stage in scope.stages.values() if stage.reactivate}
    joined = {one.topic.key for one in statements if isinstance(one, tree.TopicStep) and not one.remove}
    for campaign in scope.program.campaigns:
        if campaign.name.key not in entered and not (campaign.topic and campaign.topic.key in joined):
            _check_agreement(campaign, scope, problems)
    return problems.found


def _check_agreement(campaign: Campaign, scope: Scope, problems: Problems) -> None:
    events = [start.event for start in campaign.starts]
    if campaign.schedules or not events or any(event.noun.value != "form" or event.name is None for event in events):
        return
    forms = [form for event in events for form in scope.matching_forms(event.name)]
    sends = [one for one in all_statements(campaign) if isinstance(one, tree.Send) and one.mode != "transactional"]
    topic = campaign.topic
    asked = {consent.topic.key for form in forms for consent in form.consents}
    somewhere = {consent.topic.key for form in scope.program.forms for consent in form.consents}
    if topic is None or topic.key not in somewhere:
        return  # that no form at all asks for it is told once
    if topic.key in scope.topics and forms and sends and topic.key not in asked:
        problems.add("W116", topic.span, topic=topic.value, form=forms[0].name.value)

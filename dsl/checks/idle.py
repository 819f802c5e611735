"""Campaigns in which nothing is done: leads enter, wait, take a branch, and leave as they came."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from dsl.names.scope import Scope, matches
from dsl.names.walk import all_statements, atoms, conditions, events
from dsl.problems.diagnostics import Diagnostic
from dsl.problems.problems import Problems
from dsl.tree import declarations as tree
from dsl.tree.declarations import Campaign, Event, Statement


def check_idle(scope: Scope) -> list[Diagnostic]:
    """A campaign without a step that does anything, unless being in it, entering it, or leaving it is asked for."""
    problems = Problems()
    if scope.lost("campaign"):
        return []
    everyone = scope.program.campaigns
    asked = {*_asked(replace(scope.program, campaigns=()))}
    for campaign in everyone:
        asked |= scope.memory.keep("asks", campaign, None, partial(_asked_by, campaign))
    for campaign in everyone:
        if not scope.memory.keep("idle", campaign, None, partial(_idles, campaign)):
            continue
        if not any(matches(campaign.name.key, name) for name in asked):
            problems.add("E656", campaign.name.span, name=campaign.name.value, example=f'send "{_an_email(scope)}"')
    return problems.found


def _asked_by(campaign: Campaign) -> frozenset[str]:
    return frozenset(_asked(tree.Program(campaigns=(campaign,))))


def _idles(campaign: Campaign) -> bool:
    statements = all_statements(campaign)
    return bool(statements) and not any(_acts(one) for one in statements)


def _an_email(scope: Scope) -> str:
    confirming = {form.confirm_with.value for form in scope.program.forms if form.confirm_with}
    parts = {name for name in scope.templates if name.rpartition("/")[2].startswith("_")}
    return min(scope.templates - confirming - parts, default="welcome")


def _acts(statement: Statement) -> bool:
    match statement:
        case tree.Wait() | tree.If() | tree.Split() | tree.VariantTest() | tree.Repeat() | tree.Stop():
            return False
        case (
            tree.Send() | tree.NextOf() | tree.AddPoints() | tree.SetField() | tree.ListStep() | tree.TopicStep()
            | tree.Qualify() | tree.Recycle() | tree.HandOff() | tree.Notify() | tree.Post() | tree.Enter()
            | tree.LeaveCampaign()
        ):  # fmt: skip
            return True


def _asked(program: tree.Program) -> Iterator[str]:
    """The names, folded, of campaigns that conditions or events ask for; `*` at the end stands for any ending."""
    for condition, _ in conditions(program):
        for atom in atoms(condition):
            if isinstance(atom, tree.Membership) and atom.group.value == "campaign":
                yield atom.name.key
    for event in events(program):
        yield from _named(event)
        if event.absent:
            yield from _named(event.absent.event)


def _named(event: Event) -> Iterator[str]:
    if event.noun.value == "campaign" and not event.dated:
        yield event.name.key if event.name else "*"

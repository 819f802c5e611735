"""Lifecycle, scoring and teams."""

from __future__ import annotations

from typing import Any

from dsl.checks.declarations import check_hours
from dsl.checks.literals import check_address
from dsl.checks.references import check_campaign
from dsl.checks.territories import check_overlaps
from dsl.names.scope import Scope, unknown
from dsl.problems.diagnostics import Diagnostic, at
from dsl.problems.messages import FIRST_HERE, a
from dsl.problems.near import near
from dsl.problems.problems import Problems
from dsl.tree import declarations as tree
from dsl.tree.declarations import Team, Text

THINGS_OF = {"link": ("email",)}
"""What an event's noun may be counted once per, when it is not the noun itself."""


def check_lifecycle(scope: Scope) -> list[Diagnostic]:
    problems = Problems()
    for lifecycle in scope.program.lifecycles:
        inside = [stage for stage in lifecycle.stages if not stage.outside]
        if len(inside) < 2 and not scope.lost("stage"):
            problems.add("E510", lifecycle.span)
        for stage in lifecycle.stages:
            for address in stage.agreed_by:
                check_address(address, problems)
            if stage.reactivate:
                check_campaign(stage.reactivate.campaign, scope, problems)
    return problems.found


def check_scoring(scope: Scope) -> list[Diagnostic]:
    problems = Problems()
    for scoring in scope.program.scorings:
        for rule in scoring.rules:
            if rule.event is None:
                continue
            noun = rule.event.noun.value
            allowed = THINGS_OF.get(noun, (noun,))
            for every in rule.limits:
                if every.thing and every.thing.value not in allowed:
                    words: dict[str, Any] = {"unit": every.thing.value, "noun": a(noun), "meant": allowed[0]}
                    problems.add("E312", every.thing.span, **words)
    return problems.found


def check_teams(scope: Scope) -> list[Diagnostic]:
    problems = Problems()
    teams = scope.program.teams
    for team in teams:
        _check_team(team, scope, problems)
    catching = [team for team in teams if team.others]
    for team in catching[1:]:
        first = at(FIRST_HERE, catching[0].takes_span or catching[0].span)
        problems.add("E512", team.takes_span or team.span, related=[first])
    if teams and not catching and all(team.takes_span for team in teams) and not scope.lost("team"):
        problems.add("E513", teams[-1].takes_span or teams[-1].span)
    check_overlaps(scope, problems)
    return problems.found


def _check_team(team: Team, scope: Scope, problems: Problems) -> None:
    check_hours(team.hours, problems)
    if team.takes_span is None:
        problems.add("E515", team.span, name=team.name.value)
    if not team.members:
        problems.add("E514", team.span, name=team.name.value)
    seen: dict[str, Text] = {}
    for member in team.members:
        check_address(member.email, problems)
        if first := seen.get(member.email.key):
            name: dict[str, Any] = {"kind": "member", "name": member.email.value}
            problems.add("E130", member.email.span, related=[at(FIRST_HERE, first.span)], **name)
        seen.setdefault(member.email.key, member.email)
    for away in team.away:
        if away.email.key not in seen:
            close = near(away.email.value, [member.email.value for member in team.members])
            problems.add("E118", away.email.span, near=close, name=away.email.value)
    for limit in (team.acknowledge, team.contact, team.decide):
        if limit and limit.then.kind == "escalate" and limit.then.to:
            check_address(limit.then.to, problems)
    if team.when_full:
        _check_when_full(team, team.when_full, scope, problems)


def _check_when_full(team: Team, action: tree.Action, scope: Scope, problems: Problems) -> None:
    if action.to is None:
        return
    if action.kind == "escalate":
        check_address(action.to, problems)
    elif action.to.key == team.name.key:
        problems.add("E520", action.to.span)
    elif action.to.key not in scope.teams and not scope.lost("team"):
        unknown(problems, "E107", action.to, scope.teams)

"""What campaigns and their steps refer to by name."""

from __future__ import annotations

from dsl.checks.events import check_group
from dsl.checks.literals import check_address
from dsl.checks.stages import check_stage
from dsl.names.scope import Scope, no_template, unknown
from dsl.names.walk import all_statements
from dsl.problems.diagnostics import Diagnostic
from dsl.problems.problems import Problems
from dsl.text import values
from dsl.tree import declarations as tree
from dsl.tree.declarations import Operand, Statement, Text


def check_references(scope: Scope) -> list[Diagnostic]:
    """Templates, stages, teams, scorings, topics, segments and campaigns."""
    problems = Problems()
    for campaign in scope.program.campaigns:
        if campaign.topic:
            check_group("topic", campaign.topic, scope, problems)
        for schedule in campaign.schedules:
            check_group(schedule.kind, schedule.audience, scope, problems)
        for statement in all_statements(campaign):
            _check_statement(statement, scope, problems)
    return problems.found


def _check_statement(statement: Statement, scope: Scope, problems: Problems) -> None:
    match statement:
        case tree.Send(template=template, values=pairs):
            check_template(template, scope, problems)
            _check_values(pairs, scope, problems)
        case tree.AddPoints(model=model) if model and model.key not in scope.scorings:
            if not scope.lost("scoring"):
                unknown(problems, "E110", model, scope.scorings)
        case tree.Qualify(stage=stage):
            check_stage(stage, scope, problems)
        case tree.HandOff(team=team, stage=stage):
            if stage:
                check_stage(stage, scope, problems)
            if team:
                check_team(team, scope, problems)
            elif not scope.teams and not scope.lost("team"):
                problems.add("E516", statement.span)
        case tree.Recycle(stage=stage):
            if stage:
                check_stage(stage, scope, problems)
        case tree.Notify(to=receivers, template=template, values=pairs):
            if template:
                check_template(template, scope, problems)
            _check_values(pairs, scope, problems)
            for receiver in receivers:
                if receiver.kind == "team" and receiver.name:
                    check_team(receiver.name, scope, problems)
                elif receiver.kind == "address" and receiver.name:
                    check_address(receiver.name, problems)
        case tree.Post(values=pairs):
            _check_values(pairs, scope, problems)
        case tree.TopicStep(topic=topic):
            check_group("topic", topic, scope, problems)
        case tree.ListStep(name=name):
            check_group("list", name, scope, problems)
        case tree.Enter(campaign=name) | tree.LeaveCampaign(campaign=name):
            check_campaign(name, scope, problems)
        case tree.AddPoints() | tree.SetField():
            pass  # their names are known, or checked with their values
        case tree.Wait() | tree.If() | tree.Split() | tree.VariantTest() | tree.Repeat() | tree.NextOf() | tree.Stop():
            pass


def check_unmailed(scope: Scope) -> list[Diagnostic]:
    """The segments and lists that the workspace emails nobody in."""
    problems = Problems()
    for workspace in scope.program.workspaces:
        for kind, name in workspace.unmailed:
            check_group(kind.value, name, scope, problems)
    return problems.found


def _check_values(pairs: tuple[tuple[Text, Operand], ...], scope: Scope, problems: Problems) -> None:
    """What a template or a webhook is given."""
    for _, value in pairs:
        if isinstance(value, tree.Word) and value.name not in (*scope.fields, "yes", "no", "stage"):
            if not scope.lost("field"):
                unknown(problems, "E101", Text(value.name, value.span), scope.fields)
        elif isinstance(value, tree.Number) and not values.is_date(value.raw):
            values.number(value.raw, value.span, problems)


def check_template(name: Text, scope: Scope, problems: Problems) -> None:
    if name.value not in scope.templates:
        no_template(problems, name, scope)
    elif name.value.rpartition("/")[2].startswith("_"):
        problems.add("E609", name.span, name=name.value)


def check_campaign(name: Text, scope: Scope, problems: Problems) -> None:
    if name.key not in scope.campaigns and not scope.lost("campaign"):
        unknown(problems, "E106", name, scope.campaigns)


def check_team(name: Text, scope: Scope, problems: Problems) -> None:
    if name.key not in scope.teams and not scope.lost("team"):
        unknown(problems, "E107", name, scope.teams)

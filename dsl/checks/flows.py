"""Campaigns: what their steps refer to, what can be reached, and what would run in circles."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from dsl import tree, values
from dsl.checks.comparisons import check_stage
from dsl.diagnostics import Diagnostic, at
from dsl.ids import slug
from dsl.messages import FIRST_HERE
from dsl.problems import Problems
from dsl.scope import Scope, unknown
from dsl.tree import Block, Campaign, Span, Statement, Text
from dsl.walk import all_statements, bodies, statements


def check_references(scope: Scope) -> list[Diagnostic]:
    """Templates, stages, teams, scorings, topics and campaigns that steps name."""
    problems = Problems()
    for campaign in scope.program.campaigns:
        if campaign.topic and campaign.topic.key not in scope.topics and not scope.lost("workspace", "topic"):
            unknown(problems, "E108", campaign.topic, scope.topics)
        for statement in all_statements(campaign):
            _check_statement(statement, scope, problems)
    return problems.found


def _check_statement(statement: Statement, scope: Scope, problems: Problems) -> None:
    match statement:
        case tree.Send():
            check_template(statement.template, scope, problems)
            for _, value in statement.values:
                if isinstance(value, tree.Word) and value.name not in (*scope.fields, "yes", "no", "stage"):
                    unknown(problems, "E101", Text(value.name, value.span), scope.fields)
                elif isinstance(value, tree.Number) and not values.is_date(value.raw):
                    values.number(value.raw, value.span, problems)
        case tree.AddPoints(model=model) if model and model.key not in scope.scorings:
            if not scope.lost("scoring"):
                unknown(problems, "E110", model, scope.scorings)
        case tree.Qualify(stage=stage):
            check_stage(stage, scope, problems)
        case tree.HandOff(team=team, stage=stage):
            if stage:
                check_stage(stage, scope, problems)
            if team and team.key not in scope.teams and not scope.lost("team"):
                unknown(problems, "E107", team, scope.teams)
            elif not team and not scope.teams and not scope.lost("team"):
                problems.add("E516", statement.span)
        case tree.Enter(campaign=name) if name.key not in scope.campaigns and not scope.lost("campaign"):
            unknown(problems, "E106", name, scope.campaigns)


def check_template(name: Text, scope: Scope, problems: Problems) -> None:
    if name.value not in scope.templates:
        unknown(problems, "E103", name, scope.templates)
    elif name.value.rpartition("/")[2].startswith("_"):
        problems.add("E609", name.span, name=name.value)


def check_labels(scope: Scope) -> list[Diagnostic]:
    problems = Problems()
    for campaign in scope.program.campaigns:
        seen: dict[str, Span] = {}
        for statement in all_statements(campaign):
            label = statement.label
            if label is None:
                continue
            key = slug(label.value)
            if not key:
                problems.add("E134", label.span)
            elif key in seen:
                problems.add("E131", label.span, name=label.value, related=[at(FIRST_HERE, seen[key])])
            else:
                seen[key] = label.span
    return problems.found


def check_reachable(scope: Scope) -> list[Diagnostic]:
    """Steps after a `stop`, or after a branching all of whose ways stop. The first of each such run is told."""
    problems = Problems()
    for campaign in scope.program.campaigns:
        tops = (campaign.flow, *(w.body for w in campaign.whenevers), *(leave.body for leave in campaign.leaves))
        for block in tops:
            for inner in _blocks(block):
                for before, after in pairwise(inner):
                    if ends(before):
                        problems.add("E602", after.span)
                        break
    return problems.found


def _blocks(block: Block) -> Iterator[Block]:
    yield block
    for statement in statements(block):
        yield from bodies(statement)


def ends(statement: Statement) -> bool:
    """Whether the campaign is over for everyone who comes to this step."""
    match statement:
        case tree.Stop():
            return True
        case tree.If(branches=branches, otherwise=otherwise):
            return otherwise is not None and _end(otherwise) and all(_end(body) for _, body in branches)
        case tree.Wait(arms=arms, otherwise=otherwise, until=until) if arms:
            in_time = until is None or (otherwise is not None and _end(otherwise))
            return in_time and all(_end(arm.body) for arm in arms)
        case _:
            return False


def _end(block: Block) -> bool:
    return any(ends(statement) for statement in block)


def check_side_blocks(scope: Scope) -> list[Diagnostic]:
    """What runs beside the flow cannot wait there."""
    problems = Problems()
    for campaign in scope.program.campaigns:
        sides = [("whenever", whenever.body) for whenever in campaign.whenevers]
        sides += [("leaves when", leave.body) for leave in campaign.leaves]
        for where, body in sides:
            for statement in statements(body):
                if isinstance(statement, tree.Wait):
                    problems.add("E605", statement.span, what="wait", where=where)
                elif isinstance(statement, tree.HandOff) and statement.cases:
                    problems.add("E606", statement.cases[0].span, where=where)
    return problems.found


def check_circles(scope: Scope) -> list[Diagnostic]:
    """Campaigns that enter themselves, or each other, before anything was waited for."""
    problems = Problems()
    edges: dict[str, list[tuple[str, Span]]] = {}
    for campaign in scope.program.campaigns:
        for statement in all_statements(campaign):
            if isinstance(statement, tree.Enter) and statement.campaign.key == campaign.name.key:
                problems.add("E603", statement.span)
        edges[campaign.name.key] = [
            (enter.campaign.key, enter.campaign.span)
            for enter in _at_once(campaign)
            if enter.campaign.key != campaign.name.key
        ]
    for cycle in _cycles(edges):
        names = [scope.campaigns[key].name.value for key in cycle if key in scope.campaigns]
        span = next(span for target, span in edges[cycle[0]] if target == cycle[1])
        problems.add("E604", span, path=" → ".join(f"`{name}`" for name in names))
    return problems.found


def _at_once(campaign: Campaign) -> Iterator[tree.Enter]:
    """The `enter campaign` steps that a lead can come to without having waited."""

    def visit(block: Block) -> Iterator[tree.Enter | None]:
        """Yields those of a block, and None at its end when the end too is reached without a wait."""
        for statement in block:
            if isinstance(statement, tree.Wait | tree.HandOff | tree.Stop):
                return
            if isinstance(statement, tree.Enter):
                yield statement
            if isinstance(statement, tree.If):
                through = statement.otherwise is None
                for body in bodies(statement):
                    for found in visit(body):
                        through = through or found is None
                        if found is not None:
                            yield found
                if not through:
                    return
        yield None

    for block in (campaign.flow, *(leave.body for leave in campaign.leaves)):
        yield from (found for found in visit(block) if found is not None)


def _cycles(edges: dict[str, list[tuple[str, Span]]]) -> Iterator[list[str]]:
    """Each circle once, beginning and ending with the same campaign."""
    told: set[frozenset[str]] = set()
    done: set[str] = set()
    for root in edges:
        path: list[str] = [root]
        stack = [iter(edges[root])]
        while stack:
            target = next(stack[-1], None)
            if target is None:
                stack.pop()
                done.add(path.pop())
            elif target[0] in path:
                cycle = [*path[path.index(target[0]) :], target[0]]
                if frozenset(cycle) not in told:
                    told.add(frozenset(cycle))
                    yield cycle
            elif target[0] in edges and target[0] not in done:
                path.append(target[0])
                stack.append(iter(edges[target[0]]))


def check_sending(scope: Scope) -> list[Diagnostic]:
    """Who sends mail says who they are; said once, at the first mail."""
    problems = Problems()
    workspace = scope.workspace
    if workspace is None or scope.lost("workspace"):
        return []
    sends = [
        (campaign, statement)
        for campaign in scope.program.campaigns
        for statement in all_statements(campaign)
        if isinstance(statement, tree.Send)
    ]
    marketing = next((send for _, send in sends if send.mode != "transactional"), None)
    if marketing and not (workspace.address and workspace.address.value.strip()):
        problems.add("E528", marketing.span, related=[at("the workspace is declared here", workspace.span)])
    nameless = [send.span for campaign, send in sends if campaign.sender is None]
    nameless += [form.confirm_with.span for form in scope.program.forms if form.confirm_with]
    if nameless and workspace.sender is None:
        problems.add("E529", nameless[0], related=[at("the workspace is declared here", workspace.span)])
    return problems.found


def check_entrances(scope: Scope) -> list[Diagnostic]:
    """Warnings: campaigns nobody enters, and waits for a score that may have been reached before."""
    problems = Problems()
    entered = {
        statement.campaign.key
        for campaign in scope.program.campaigns
        for statement in all_statements(campaign)
        if isinstance(statement, tree.Enter)
    }
    for campaign in scope.program.campaigns:
        if not campaign.starts and campaign.name.key not in entered:
            problems.add("W101", campaign.span, name=campaign.name.value)
        for statement in all_statements(campaign):
            for arm in statement.arms if isinstance(statement, tree.Wait) else ():
                if (arm.event.noun.value, arm.event.verb.value) == ("score", "reaches") and arm.event.number:
                    problems.add("W103", arm.event.span, threshold=arm.event.number.raw)
    return problems.found

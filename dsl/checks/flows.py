"""Campaigns: labels, what can be reached, what would run in circles, and what a campaign needs to run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import pairwise

from dsl.names.ids import slug
from dsl.names.scope import Scope, matches
from dsl.names.steps import find_entered, find_steps
from dsl.names.walk import all_statements, atoms, bodies, statements
from dsl.problems.diagnostics import Diagnostic, at
from dsl.problems.messages import FIRST_HERE
from dsl.problems.problems import Problems
from dsl.tree import declarations as tree
from dsl.tree.declarations import Block, Campaign, Condition, Span, Statement


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
        case tree.Stop() | tree.Enter(move=True):
            return True
        case tree.Split() | tree.VariantTest():
            return all(_end(body) for body in bodies(statement))
        case tree.Repeat(body=body, until=None):
            return _end(body)
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
                elif isinstance(statement, tree.Repeat) and statement.every:
                    problems.add("E605", statement.span, what="repeat … every …", where=where)
                elif isinstance(statement, tree.HandOff) and statement.cases:
                    problems.add("E606", statement.cases[0].span, where=where)
    return problems.found


def check_feeding(scope: Scope) -> list[Diagnostic]:
    """Blocks beside the flow that set themselves off without a limit."""
    problems = Problems()
    for campaign in scope.program.campaigns:
        for whenever in campaign.whenevers:
            event = whenever.event
            if whenever.limit is not None or event.times is not None or event.absent is not None:
                continue
            for statement in statements(whenever.body):
                if _feeds(statement, event):
                    related = [at("this event sets off the block", event.span)]
                    problems.add("E610", statement.span, related=related)
    return problems.found


def _feeds(statement: Statement, event: tree.Event) -> bool:
    """Whether a step certainly makes this event happen each time."""
    name = event.name
    if event.where is not None:
        return False
    match statement:
        case tree.SetField(field=field, add=True):
            changes = (event.noun.value, event.verb.value) == ("field", "changes")
            free = event.to is None and event.before is None
            return changes and free and event.subject is not None and event.subject.value == field.value
        case tree.Send(template=template):
            delivered = (event.noun.value, event.verb.value) == ("email", "delivered")
            return delivered and (name is None or matches(template.key, name.key))
        case _:
            return False


def check_circles(scope: Scope) -> list[Diagnostic]:
    """Campaigns that enter themselves, or each other, before anything was waited for."""
    problems = Problems()
    edges: dict[str, list[tuple[str, Span]]] = {}
    over: set[str] = set()
    for campaign in scope.program.campaigns:
        for enters in find_steps(scope, campaign, tree.Enter):
            if enters.campaign.key == campaign.name.key:
                problems.add("E603", enters.span)
        at_once = scope.memory.keep("at once", campaign, None, partial(_list_at_once, campaign))
        edges[campaign.name.key] = [
            (enter.campaign.key, enter.campaign.span)
            for enter in at_once
            if isinstance(enter, tree.Enter) and enter.campaign.key != campaign.name.key
        ]
        if any(not isinstance(step, tree.Enter) or step.move for step in at_once):
            over.add(campaign.name.key)
    for campaign in scope.program.campaigns:
        for start in campaign.starts:
            before, verb = start.event.name, start.event.verb.value
            if before is None or start.event.noun.value != "campaign" or verb not in ("entered", "left"):
                continue
            if before.key == campaign.name.key:
                problems.add("E603", start.span)
            elif before.key in edges and (verb == "entered" or before.key in over):
                edges[before.key].append((campaign.name.key, start.span))
    for cycle in cycles(edges):
        names = [scope.campaigns[key].name.value for key in cycle if key in scope.campaigns]
        span = next(span for target, span in edges[cycle[0]] if target == cycle[1])
        problems.add("E604", span, path=" → ".join(f"`{name}`" for name in names))
    return problems.found


AtOnce = tree.Enter | tree.Stop | None


def _at_once(campaign: Campaign) -> Iterator[AtOnce]:
    """The steps that enter a campaign or stop this one and that a lead can come to without having waited; None for the
    end of the flow."""

    def visit(block: Block) -> Iterator[AtOnce]:
        """Yields those of a block, and None at its end when the end too is reached without a wait."""
        for statement in block:
            if isinstance(statement, tree.Stop):
                yield statement
            if isinstance(statement, tree.Wait | tree.HandOff | tree.Stop):
                return
            if isinstance(statement, tree.Enter):
                yield statement
            if isinstance(statement, tree.If | tree.Split | tree.VariantTest | tree.Repeat):
                through = has_way_past(statement)
                for body in bodies(statement):
                    for found in visit(body):
                        through = through or found is None
                        if found is not None:
                            yield found
                if not through:
                    return
        yield None

    yield from visit(campaign.flow)
    for leave in campaign.leaves:
        yield from (found for found in visit(leave.body) if isinstance(found, tree.Enter))


def has_way_past(statement: tree.If | tree.Split | tree.VariantTest | tree.Repeat) -> bool:
    """Whether leads can get past without going into any of its blocks."""
    match statement:
        case tree.If(otherwise=otherwise):
            return otherwise is None
        case tree.Repeat(until=until):
            return until is not None
        case _:
            return False


def cycles(edges: dict[str, list[tuple[str, Span]]]) -> Iterator[list[str]]:
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


def _list_at_once(campaign: Campaign) -> tuple[tree.Enter | tree.Stop | None, ...]:
    return tuple(_at_once(campaign))


def check_sending(scope: Scope) -> list[Diagnostic]:
    """Who sends mail says who they are; said once, at the first mail."""
    problems = Problems()
    workspace = scope.workspace
    if workspace is None or scope.lost("workspace"):
        return []
    everyone = scope.program.campaigns
    sends = [(campaign, send) for campaign in everyone for send in find_steps(scope, campaign, tree.Send)]
    marketing = next((send for _, send in sends if send.mode != "transactional"), None)
    if marketing and not (workspace.address and workspace.address.value.strip()):
        problems.add("E528", marketing.span, related=[at("the workspace is declared here", workspace.span)])
    nameless = [send.span for campaign, send in sends if campaign.sender is None]
    nameless += [notify.span for campaign in everyone for notify in find_steps(scope, campaign, tree.Notify)]
    nameless += [form.confirm_with.span for form in scope.program.forms if form.confirm_with]
    if nameless and workspace.sender is None:
        problems.add("E529", nameless[0], related=[at("the workspace is declared here", workspace.span)])
    return problems.found


def check_entrances(scope: Scope) -> list[Diagnostic]:
    """Warnings: campaigns nobody enters, and waits for a score that may have been reached before."""
    problems = Problems()
    entered = find_entered(scope)
    found = []
    for campaign in scope.program.campaigns:
        if not campaign.starts and not campaign.schedules and campaign.name.key not in entered:
            problems.add("W101", campaign.span, name=campaign.name.value)
        found += scope.memory.keep("reached", campaign, None, partial(_find_reached, campaign))
    return [*problems.found, *found]


def _find_reached(campaign: Campaign) -> list[Diagnostic]:
    problems = Problems()
    _check_reached(campaign.flow, frozenset(), problems)
    return problems.found


def _check_reached(block: Block, asked: frozenset[str], problems: Problems) -> None:
    """Waits for a score that a lead may have already, unless the score was asked for on the way there. `asked`: the
    scores, by the key of their scoring."""
    for statement in block:
        if isinstance(statement, tree.If):
            asked |= _scores(condition for condition, _ in statement.branches)
        elif isinstance(statement, tree.Repeat) and statement.until:
            asked |= _scores((statement.until,))
        for arm in statement.arms if isinstance(statement, tree.Wait) else ():
            event = arm.event
            if (event.noun.value, event.verb.value) == ("score", "reaches") and event.number:
                model = event.name
                if (model.key if model else "") not in asked:
                    score = f'score of "{model.value}"' if model else "score"
                    problems.add("W103", event.span, score=score, threshold=event.number.raw)
        for body in bodies(statement):
            _check_reached(body, asked, problems)


def _scores(conditions: Iterable[Condition]) -> frozenset[str]:
    found = set()
    for atom in (atom for condition in conditions for atom in atoms(condition)):
        for side in (atom.left, atom.right) if isinstance(atom, tree.Compare) else ():
            if isinstance(side, tree.Score):
                found.add(side.model.key if side.model else "")
            elif isinstance(side, tree.Word) and side.name == "score":
                found.add("")
    return frozenset(found)

"""Campaigns that start each other over what they change of a lead, each time anew and without a wait: lists, topics,
fields, and stages."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from dsl.checks.flows import cycles, has_way_past
from dsl.names.scope import Scope
from dsl.names.walk import bodies
from dsl.problems.diagnostics import Diagnostic
from dsl.problems.problems import Problems
from dsl.tree import declarations as tree
from dsl.tree.declarations import Block, Campaign, Operand, Span, Trigger

Change = tuple[str, str, str]
"""`list` or `topic`, its name regardless of case, and `joined` or `left`; `field`, its name, and the value;
`stage`, its name, and how a lead gets there."""
ANY, COUNTED = "*", "+"
"""In place of a value: any, and another one each time."""


def check_group_circles(scope: Scope) -> list[Diagnostic]:
    """`remove from list "x"` and `add to list "x"` in campaigns that joining and leaving it start every time, and the
    same with what else a step can change."""
    problems = Problems()
    if scope.lost("campaign"):
        return []
    started: dict[Change, list[str]] = {}
    for campaign in scope.program.campaigns:
        for start in campaign.starts:
            change = _asked(start)
            if change is not None and campaign.reentry.kind == "always":
                started.setdefault(change, []).append(campaign.name.key)
    edges: dict[str, list[tuple[str, Span]]] = {}
    kinds: dict[tuple[str, str], tuple[str, str]] = {}
    for campaign in scope.program.campaigns:
        found = edges.setdefault(campaign.name.key, [])
        for change, span in _changes(campaign.flow):
            for target in (*started.get(change, ()), *started.get((*change[:2], ANY), ())):
                found.append((target, span))
                kinds.setdefault((campaign.name.key, target), change[:2])
    for cycle in cycles(edges):
        path = " → ".join(f"`{scope.campaigns[key].name.value}`" for key in cycle if key in scope.campaigns)
        span = next(span for target, span in edges[cycle[0]] if target == cycle[1])
        changed = {change for key in cycle if key in scope.campaigns for change in _both(scope.campaigns[key])}
        if all(_goes_on(kinds[pair], changed, len(cycle)) for pair in pairwise(cycle)):
            problems.add("E612", span, path=path)
    return problems.found


def _asked(start: Trigger) -> Change | None:
    """What a start waits for, if steps bring it about for certain."""
    event = start.event
    noun, verb = event.noun.value, event.verb.value
    if noun in ("list", "topic") and event.name is not None:
        return noun, event.name.key, verb
    if event.absent or event.times or event.where or start.only_if:
        return None
    if noun == "field" and event.subject is not None and event.before is None:
        return noun, event.subject.value, _value(event.to) if event.to else ANY
    if (noun, verb) == ("lead", "becomes") and event.subject is not None:
        return "stage", event.subject.value, ANY
    return None


def _value(operand: Operand | None) -> str:
    return str(getattr(operand, "value", None) or getattr(operand, "raw", None) or getattr(operand, "name", operand))


def _goes_on(kind: tuple[str, str], changed: set[Change], length: int) -> bool:
    """Whether what starts the next campaign happens in each round again: a field that gets the value it has does not
    change, nor does a list that the lead is on already."""
    ways = {way for what, name, way in changed if (what, name) == kind}
    match kind[0]:
        case "field":
            return COUNTED in ways or len(ways) > 1
        case "stage":
            return {"recycle", "qualify"} <= {way for what, _, way in changed if what == "stage"}
        case _:
            return length > 2 or {"joined", "left"} <= ways


def _both(campaign: Campaign) -> set[Change]:
    return {change for change, _ in _changes(campaign.flow)}


def _changes(block: Block) -> Iterator[tuple[Change, Span]]:
    """What a lead that comes to the block joins and leaves before it has waited."""
    for statement in block:
        match statement:
            case tree.Wait() | tree.HandOff() | tree.Stop():
                return
            case tree.ListStep(name=name, remove=remove):
                yield ("list", name.key, "left" if remove else "joined"), statement.span
            case tree.TopicStep(topic=name, remove=remove):
                yield ("topic", name.key, "left" if remove else "joined"), statement.span
            case tree.SetField(field=field, value=value, add=add):
                yield ("field", field.value, COUNTED if add else _value(value)), statement.span
            case tree.Qualify(stage=stage):
                yield ("stage", stage.value, "qualify"), statement.span
            case tree.Recycle(stage=back):
                yield ("stage", back.value if back else "", "recycle"), statement.span
            case tree.If():
                for body in bodies(statement):
                    yield from (one for one in _changes(body) if one[0][0] in ("list", "topic"))
                if not has_way_past(statement) and all(map(_waits, bodies(statement))):
                    return
            case tree.Split() | tree.VariantTest() | tree.Repeat():
                for body in bodies(statement):
                    yield from _changes(body)
                if not has_way_past(statement) and all(map(_waits, bodies(statement))):
                    return
            case (
                tree.Send()
                | tree.NextOf()
                | tree.AddPoints()
                | tree.Notify()
                | tree.Post()
                | tree.Enter()
                | tree.LeaveCampaign()
            ):
                pass


def _waits(block: Block) -> bool:
    return any(isinstance(one, tree.Wait | tree.HandOff | tree.Stop) for one in block)

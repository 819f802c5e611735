"""Campaigns that start each other over a list or topic, each time anew and without a wait."""

from __future__ import annotations

from collections.abc import Iterator

from dsl.checks.flows import cycles, has_way_past
from dsl.names.scope import Scope
from dsl.names.walk import bodies
from dsl.problems.diagnostics import Diagnostic
from dsl.problems.problems import Problems
from dsl.tree import declarations as tree
from dsl.tree.declarations import Block, Campaign, Span

Change = tuple[str, str, str]
"""`list` or `topic`, its name regardless of case, and `joined` or `left`."""


def check_group_circles(scope: Scope) -> list[Diagnostic]:
    """`remove from list "x"` and `add to list "x"` in campaigns that joining and leaving it start every time."""
    problems = Problems()
    if scope.lost("campaign"):
        return []
    started: dict[Change, list[str]] = {}
    for campaign in scope.program.campaigns:
        for start in campaign.starts:
            event = start.event
            if event.noun.value in ("list", "topic") and event.name is not None and campaign.reentry.kind == "always":
                change = event.noun.value, event.name.key, event.verb.value
                started.setdefault(change, []).append(campaign.name.key)
    edges: dict[str, list[tuple[str, Span]]] = {}
    for campaign in scope.program.campaigns:
        edges[campaign.name.key] = [
            (target, span) for change, span in _changes(campaign.flow) for target in started.get(change, ())
        ]
    for cycle in cycles(edges):
        path = " → ".join(f"`{scope.campaigns[key].name.value}`" for key in cycle if key in scope.campaigns)
        span = next(span for target, span in edges[cycle[0]] if target == cycle[1])
        if len(cycle) > 2 or _moves_both_ways(scope.campaigns[cycle[0]]):
            problems.add("E612", span, path=path)
    return problems.found


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
            case tree.If() | tree.Split() | tree.VariantTest() | tree.Repeat():
                for body in bodies(statement):
                    yield from _changes(body)
                if not has_way_past(statement) and all(map(_waits, bodies(statement))):
                    return
            case tree.Send() | tree.NextOf() | tree.AddPoints() | tree.SetField() | tree.Qualify() | tree.Recycle():
                pass
            case tree.Notify() | tree.Post() | tree.Enter() | tree.LeaveCampaign():
                pass


def _waits(block: Block) -> bool:
    return any(isinstance(one, tree.Wait | tree.HandOff | tree.Stop) for one in block)


def _moves_both_ways(campaign: Campaign) -> bool:
    """Whether it both adds to and removes from one group: adding a lead that is in it already starts nothing."""
    found = {change for change, _ in _changes(campaign.flow)}
    return any((kind, name, "left") in found for kind, name, verb in found if verb == "joined")

"""A campaign as boxes and edges: the flow, and beside it each `whenever` and each way of leaving."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from dsl.plan import AnyStep, Plan, Target
from engine.graph.layout import Edge
from engine.wording.steps import leave_words, outline, reachable, start_words, whenever_words

Kind = Literal["start", "mail", "wait", "choice", "sales", "data", "campaign", "stop", "label", "end", "side"]

KINDS: Mapping[str, Kind] = {
    "send": "mail", "wait": "wait", "if": "choice", "split": "choice", "test": "choice", "repeat": "choice",
    "round": "choice",
    "handoff": "sales", "notify": "sales", "qualify": "sales", "recycle": "sales", "points": "data", "set": "data",
    "list": "data", "topic": "data", "post": "data", "enter": "campaign", "leave": "campaign", "stop": "stop",
}  # fmt: skip
"""What a step looks like in a drawing."""


@dataclass(frozen=True, slots=True)
class Node:
    """A box. `source` is its place, file:line; `figures` what happened there, each a short text."""

    id: str
    kind: Kind
    words: str
    source: str = ""
    step: str = ""
    label: str = ""
    figures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """One connected drawing: the flow, or a block beside it."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


@dataclass
class _Drawing:
    plan: Plan
    prefix: str
    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)

    def add(self, kind: Kind, words: str, source: str = "", step: str = "", label: str = "") -> str:
        id = f"{self.prefix}{len(self.nodes)}"
        self.nodes.append(Node(id, kind, words, source, step, label))
        return id

    def steps(self, entry: Target) -> dict[str, str]:
        """All steps of a block with their ways on; step id → node id."""
        steps = reachable(self.plan, entry)
        known = {one.id: self._step(one) for one in steps}
        back = circles({one.id: [way.target for way in outline(one).exits] for one in steps}, entry)
        for one in steps:
            for number, way in enumerate(outline(one).exits):
                at = known[one.id]
                if way.label:
                    label = self.add("label", way.label, one.source)
                    self.edges.append(Edge(at, label))
                    at = label
                self.lead(at, way.target, known, back=(one.id, number) in back)
        return known

    def _step(self, step: AnyStep) -> str:
        return self.add(KINDS[step.kind], outline(step).short, step.source, step=step.id, label=step.label or "")

    def lead(self, at: str, target: Target, known: Mapping[str, str], *, back: bool = False) -> None:
        if target is not None and target in known:
            self.edges.append(Edge(at, known[target], back))
        else:
            self.edges.append(Edge(at, self.add("end", "end")))

    def part(self) -> Part:
        return Part(tuple(self.nodes), tuple(self.edges))


def scene(plan: Plan) -> tuple[Part, ...]:
    """The flow with its starts first, then the side blocks in the order of the text."""
    flow = _Drawing(plan, "n")
    heads = [flow.add("start", start_words(start), start.source) for start in plan.starts]
    known = flow.steps(plan.entry)
    for head in heads:
        flow.lead(head, plan.entry, known)
    sides = [("w", number, whenever_words(one), one.source, one.entry) for number, one in enumerate(plan.whenevers)]
    sides += [("l", number, leave_words(one), one.source, one.entry) for number, one in enumerate(plan.leaves)]
    return (flow.part(), *(_side(plan, *side) for side in sides))


def _side(plan: Plan, letter: str, number: int, said: str, source: str, entry: Target) -> Part:
    drawing = _Drawing(plan, f"{letter}{number}x")
    head = drawing.add("side", said, source)
    if entry is not None:
        drawing.lead(head, entry, drawing.steps(entry))
    return drawing.part()


def with_figures(parts: Iterable[Part], figures: Mapping[str, Sequence[str]]) -> tuple[Part, ...]:
    """The same with what happened at each step."""
    return tuple(
        replace(part, nodes=tuple(replace(one, figures=tuple(figures.get(one.step, ()))) for one in part.nodes))
        for part in parts
    )


def circles(after: Mapping[str, Sequence[Target]], entry: Target) -> set[tuple[str, int]]:
    """The ways that lead back to where the walk has come from, as (step, number of the exit): without them there is no
    circle."""
    back: set[tuple[str, int]] = set()
    done: set[str] = set()
    for root in [entry, *after]:
        if root is None or root in done or root not in after:
            continue
        path, walk = {root}, [(root, iter(enumerate(after[root])))]
        while walk:
            at, ways = walk[-1]
            for number, target in ways:
                if target in path:
                    back.add((at, number))
                elif target is not None and target in after and target not in done:
                    path.add(target)
                    walk.append((target, iter(enumerate(after[target]))))
                    break
            else:
                walk.pop()
                path.discard(at)
                done.add(at)
    return back

"""Places boxes in layers from top to bottom and leads the edges between them around every box.

The method of Sugiyama, Tagawa and Toda (1981): edges that go up are turned round, each node gets a layer below those it
comes from, an edge over several layers becomes a chain of dummies with a width of their own, the order within a layer
follows the medians of the neighbours, and the positions pull each node towards its neighbours without touching the next
one. So no two boxes overlap, and an edge runs either in the space between two layers or on a dummy's own strip.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

ACROSS, DOWN, STRIP = 28.0, 34.0, 14.0
"""Space between two boxes of a layer, between two layers, and the width of an edge that passes a layer."""
SWEEPS = 12
PULLS = 24


@dataclass(frozen=True, slots=True)
class Box:
    """What is to be placed. Sizes are in pixels."""

    id: str
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Edge:
    """From one box to another; `back` is drawn upwards, beside what lies between."""

    source: str
    target: str
    back: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A box's upper left corner and size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Route:
    """The way of an edge: points in the order it is drawn. Between points of one x it is straight; all else happens
    between two layers."""

    edge: Edge
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    places: dict[str, Place]
    routes: tuple[Route, ...]
    width: float
    height: float


@dataclass
class _Node:
    id: str
    width: float
    height: float
    layer: int = 0
    up: list[_Node] = field(default_factory=list)
    down: list[_Node] = field(default_factory=list)
    at: float = 0.0
    """The middle, from the left."""
    dummy: bool = False
    over: _Node | None = None
    """Where several ways meet: the node at which they parted; `under` is the reverse."""
    under: _Node | None = None


def lay_out(boxes: Sequence[Box], edges: Sequence[Edge]) -> Layout:
    """A place for every box and a route for every edge. The order of `boxes` decides where nothing else does."""
    nodes = {box.id: _Node(box.id, box.width, box.height) for box in boxes}
    forward = [edge for edge in edges if not edge.back]
    _find_partings(nodes, forward, _assign_layers(nodes, forward))
    chains = {id(edge): _chain(edge, nodes) for edge in edges}
    layers = _layers([*nodes.values(), *(one for chain in chains.values() for one in chain if one.dummy)])
    _order(layers)
    _position(layers)
    for edge in edges:
        _straighten([one for one in chains[id(edge)] if one.dummy], layers, beside=edge.back)
    tops, bottoms, height = _rows(layers)
    left = min((one.at - one.width / 2 for layer in layers for one in layer), default=0)
    for layer in layers:
        for one in layer:
            one.at -= left
    places = {one.id: Place(one.at - one.width / 2, tops[one.layer], one.width, one.height) for one in nodes.values()}
    routes = tuple(Route(edge, _points(edge, chains[id(edge)], places, tops, bottoms)) for edge in edges)
    width = max((one.at + one.width / 2 for layer in layers for one in layer), default=0)
    return Layout(places, routes, width, height)


# ── layers ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def _assign_layers(nodes: dict[str, _Node], forward: Sequence[Edge]) -> list[str]:
    """Each node right below the lowest it comes from; then, where there is room, as near to what follows as it can.
    Gives the nodes in an order in which each comes after all it comes from."""
    into: dict[str, int] = dict.fromkeys(nodes, 0)
    after: dict[str, list[str]] = {id: [] for id in nodes}
    for edge in forward:
        into[edge.target] += 1
        after[edge.source].append(edge.target)
    ready = [id for id in nodes if into[id] == 0]
    done = []
    while ready:
        current = ready.pop()
        done.append(current)
        for target in after[current]:
            nodes[target].layer = max(nodes[target].layer, nodes[current].layer + 1)
            into[target] -= 1
            if into[target] == 0:
                ready.append(target)
    if len(done) != len(nodes):
        raise ValueError("the edges that are not marked as going back form a circle")
    came_from = {edge.target for edge in forward}
    for id in reversed(done):
        if after[id] and id not in came_from:
            nodes[id].layer = max(nodes[id].layer, min(nodes[target].layer for target in after[id]) - 1)
    return done


def _find_partings(nodes: dict[str, _Node], forward: Sequence[Edge], order: Sequence[str]) -> None:
    """The immediate dominator of each node at which ways meet (Cooper, Harvey and Kennedy, 2001)."""
    before: dict[str, list[str]] = {id: [] for id in nodes}
    for edge in forward:
        before[edge.target].append(edge.source)
    rank = {id: number for number, id in enumerate(order)}
    above: dict[str, str | None] = {}
    for id in order:
        found: str | None = before[id][0] if before[id] else None
        for other in before[id][1:]:
            at: str | None = other
            while found is not None and at is not None and found != at:
                if rank[found] > rank[at]:
                    found = above[found]
                else:
                    at = above[at]
            found = found if at is not None else None
        above[id] = found
        if found is not None and len(before[id]) > 1:
            nodes[id].over, nodes[found].under = nodes[found], nodes[id]


def _chain(edge: Edge, nodes: dict[str, _Node]) -> list[_Node]:
    """The nodes an edge passes, from top to bottom: its own two and a dummy in every layer between. One that goes back
    has dummies also beside its own two."""
    source, target = nodes[edge.source], nodes[edge.target]
    if edge.back:
        span = range(target.layer, source.layer + 1)
        dummies = [_Node("", STRIP, 0, layer, dummy=True) for layer in span]
        _link(dummies)
        return dummies
    dummies = [_Node("", STRIP, 0, layer, dummy=True) for layer in range(source.layer + 1, target.layer)]
    chain = [source, *dummies, target]
    _link(chain)
    return chain


def _link(chain: Sequence[_Node]) -> None:
    for upper, lower in itertools.pairwise(chain):
        upper.down.append(lower)
        lower.up.append(upper)


def _layers(nodes: Sequence[_Node]) -> list[list[_Node]]:
    found: list[list[_Node]] = [[] for _ in range(max((one.layer for one in nodes), default=-1) + 1)]
    for one in nodes:
        found[one.layer].append(one)
    return found


# ── order within a layer ─────────────────────────────────────────────────────────────────────────────────────────────
def _order(layers: list[list[_Node]]) -> None:
    """The order with the fewest crossings that the sweeps came across."""
    place = _numbered(layers)
    best, fewest = [list(layer) for layer in layers], _crossings(layers, place)
    for sweep in range(SWEEPS):
        if fewest == 0:
            break
        downwards = sweep % 2 == 0
        for layer in layers if downwards else reversed(layers):
            medians = {
                id(one): _median([place[id(other)] for other in (one.up if downwards else one.down)]) for one in layer
            }
            _sort(layer, medians)
            place.update({id(one): number for number, one in enumerate(layer)})
        crossings = _crossings(layers, place)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in layers], crossings
    for layer, chosen in zip(layers, best, strict=True):
        layer[:] = chosen


def _numbered(layers: list[list[_Node]]) -> dict[int, int]:
    return {id(one): number for layer in layers for number, one in enumerate(layer)}


def _sort(layer: list[_Node], medians: dict[int, float | None]) -> None:
    """By median; a node without neighbours keeps its place."""
    moving = iter(sorted((one for one in layer if medians[id(one)] is not None), key=lambda one: medians[id(one)] or 0))
    layer[:] = [one if medians[id(one)] is None else next(moving) for one in layer]


def _median(numbers: list[int]) -> float | None:
    if not numbers:
        return None
    numbers.sort()
    half = len(numbers) // 2
    return numbers[half] if len(numbers) % 2 else (numbers[half - 1] + numbers[half]) / 2


def _crossings(layers: list[list[_Node]], place: dict[int, int]) -> int:
    total = 0
    for layer in layers:
        ends = [place[id(other)] for one in layer for other in sorted(one.down, key=lambda each: place[id(each)])]
        total += sum(first > second for number, first in enumerate(ends) for second in ends[number + 1 :])
    return total


# ── positions ────────────────────────────────────────────────────────────────────────────────────────────────────────
def _position(layers: list[list[_Node]]) -> None:
    for layer in layers:
        edge = 0.0
        for one in layer:
            one.at = edge + one.width / 2
            edge += one.width + ACROSS
    for pull in range(PULLS):
        downwards = pull % 2 == 0
        for layer in layers if downwards else reversed(layers):
            wanted = [_wanted(one, downwards) for one in layer]
            _spread(layer, wanted)


def _wanted(one: _Node, downwards: bool) -> float:
    if facing := one.over if downwards else one.under:
        return facing.at
    neighbours = one.up if downwards else one.down
    if not neighbours:
        return one.at
    return sum(other.at for other in neighbours) / len(neighbours)


def _spread(layer: list[_Node], wanted: list[float]) -> None:
    """The positions nearest to the wanted ones (least squares) at which nobody touches: pool adjacent violators."""
    offsets, edge = [], 0.0
    for number, one in enumerate(layer):
        if number:
            edge += layer[number - 1].width / 2 + ACROSS + one.width / 2
        offsets.append(edge)
    blocks: list[tuple[float, float, int]] = []
    for want, offset, one in zip(wanted, offsets, layer, strict=True):
        weight = 4.0 if one.dummy else 1.0
        blocks.append((want - offset, weight, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (first, heavy, many), (second, light, more) = blocks[-2], blocks[-1]
            blocks[-2:] = [((first * heavy + second * light) / (heavy + light), heavy + light, many + more)]
    starts = [start for start, _, many in blocks for _ in range(many)]
    for one, start, offset in zip(layer, starts, offsets, strict=True):
        one.at = start + offset


def _straighten(lane: list[_Node], layers: list[list[_Node]], *, beside: bool) -> None:
    """One x for all dummies of an edge where their neighbours leave room for it; `beside`: as far left as can be."""
    if not lane:
        return
    least, most = float("-inf"), float("inf")
    for one in lane:
        layer = layers[one.layer]
        number = next(number for number, other in enumerate(layer) if other is one)
        if number:
            before = layer[number - 1]
            least = max(least, before.at + before.width / 2 + ACROSS + one.width / 2)
        if number + 1 < len(layer):
            behind = layer[number + 1]
            most = min(most, behind.at - behind.width / 2 - ACROSS - one.width / 2)
    if least > most:
        return
    middle = sum(one.at for one in lane) / len(lane)
    wanted = min(middle, least) if beside and least > float("-inf") else middle
    for one in lane:
        one.at = min(max(wanted, least), most)


def _rows(layers: list[list[_Node]]) -> tuple[list[float], list[float], float]:
    """The top and bottom of each layer, and the height of all."""
    tops, bottoms, y = [], [], 0.0
    for layer in layers:
        tops.append(y)
        bottoms.append(y + max(one.height for one in layer))
        y = bottoms[-1] + DOWN
    return tops, bottoms, max(y - DOWN, 0)


# ── edges ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _points(
    edge: Edge, chain: list[_Node], places: dict[str, Place], tops: list[float], bottoms: list[float]
) -> tuple[Point, ...]:
    source, target = places[edge.source], places[edge.target]
    if edge.back:
        lane = [point for one in reversed(chain) for point in ((one.at, bottoms[one.layer]), (one.at, tops[one.layer]))]
        below = bottoms[chain[-1].layer]
        return ((source.middle, source.y + source.height), (source.middle, below), *lane, (target.middle, target.y))
    points = [(source.middle, source.y + source.height), (source.middle, bottoms[chain[0].layer])]
    for one in chain[1:-1]:
        points += [(one.at, tops[one.layer]), (one.at, bottoms[one.layer])]
    return (*points, (target.middle, target.y))

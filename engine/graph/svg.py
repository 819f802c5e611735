"""A campaign as an SVG page of its own: no script, no fonts or pictures from elsewhere, light or dark as the reader is.

The flow stands on the left, the blocks beside it in columns on the right. Every box has its place in the campaign file
as a tooltip.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from engine.graph import lettering
from engine.graph.layout import ACROSS, Box, Layout, Point, Route, lay_out
from engine.graph.scene import Node, Part

MARGIN, GAP = 32.0, 56.0
SIZE, LINE, SMALL, SMALL_LINE = 13.0, 18.0, 11.5, 15.0
TEXT, LABEL = 230.0, 170.0
"""The widest line in a box and in a label."""
PAD, LABEL_PAD = 12.0, 8.0

_STYLE = """
svg { --page: #fbfaf8; --ink: #23211d; --soft: #6d675e; --edge: #a39b8f; --label: #efece6; --mail: #dcebf7;
  --mail-edge: #3f7fb5; --wait: #f6ecd2; --wait-edge: #b98a1d; --choice: #e9e3f6; --choice-edge: #7d62b8;
  --sales: #d9f0e0; --sales-edge: #38885a; --data: #eceae4; --data-edge: #8d867a; --campaign: #fbe3da;
  --campaign-edge: #c5653c; --start: #2f4a3d; --start-ink: #ffffff; --side: #4b4560; --side-ink: #ffffff;
  --stop: #e6d9d9; --stop-edge: #96615f;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", Arial, sans-serif;
  background: var(--page) }
@media (prefers-color-scheme: dark) { svg { --page: #1b1c1e; --ink: #eceae5; --soft: #a5a097; --edge: #77726a;
  --label: #2d2e31; --mail: #1d3447; --mail-edge: #5f9fd4; --wait: #3d3319; --wait-edge: #c9a03f; --choice: #302846;
  --choice-edge: #9a82d2; --sales: #1c3a2a; --sales-edge: #55ab7a; --data: #2f2f30; --data-edge: #8b867d;
  --campaign: #45281c; --campaign-edge: #da8057; --start: #b9d8c7; --start-ink: #14211a; --side: #cdc4e6;
  --side-ink: #1d1929; --stop: #402c2c; --stop-edge: #b77d7b } }
text { fill: var(--ink); font-size: 13px; white-space: pre } .verb { font-weight: 650 }
.page { fill: var(--page) } .small, .label text { font-size: 11.5px } .small { fill: var(--soft) }
.title { font-size: 20px; font-weight: 650 } .figures { font-size: 11.5px; font-weight: 600 }
.box rect { stroke-width: 1.4 } .label rect { fill: var(--label); stroke: none }
.rule { stroke: var(--edge); opacity: .5 }
.mail rect { fill: var(--mail); stroke: var(--mail-edge) } .wait rect { fill: var(--wait); stroke: var(--wait-edge) }
.choice rect { fill: var(--choice); stroke: var(--choice-edge) }
.sales rect { fill: var(--sales); stroke: var(--sales-edge) } .data rect { fill: var(--data); stroke: var(--data-edge) }
.campaign rect { fill: var(--campaign); stroke: var(--campaign-edge) }
.stop rect { fill: var(--stop); stroke: var(--stop-edge) } .end rect { fill: none; stroke: var(--edge) }
.end text { fill: var(--soft); font-size: 11.5px }
.start rect { fill: var(--start); stroke: none } .start text { fill: var(--start-ink) }
.side rect { fill: var(--side); stroke: none } .side text { fill: var(--side-ink) }
.edge { fill: none; stroke: var(--edge); stroke-width: 1.6 } .back { stroke-dasharray: 6 4 }
.tip { fill: var(--edge) }
"""


_LINKED = """a { cursor: pointer; outline-offset: 3px } a:hover .box rect { stroke-width: 2.5 }
a:target .box rect { stroke-width: 4 }
"""


@dataclass(frozen=True, slots=True)
class _Sized:
    node: Node
    lines: tuple[str, ...]
    figures: tuple[str, ...]
    width: float
    height: float


Link = Callable[[str], tuple[str, str]]
"""From a place, file:line, to the address that a step leads to, and the id by which it can be shown as the one meant.
Neither has quotes."""


def svg(title: str, facts: Sequence[str], parts: Sequence[Part], link: Link | None = None) -> str:
    """The page as text. `facts` are lines about the campaign as a whole, set below its title."""
    drawn = [_drawn(part, link) for part in parts]
    head = [line for fact in facts for line in lettering.wrapped(fact, SIZE, 640)]
    top = MARGIN + 28 + len(head) * LINE + 20
    spots, width, height = _arranged([layout for layout, _ in drawn])
    width = max(width, 480.0, *(lettering.width(line, SIZE) for line in head), lettering.width(title, 21)) + 2 * MARGIN
    height = top + height + MARGIN
    body = [f'<text class="title" x="{MARGIN:g}" y="{MARGIN + 16:g}">{escape(title)}</text>']
    body += [
        f'<text class="small" style="font-size:13px" x="{MARGIN:g}" y="{MARGIN + 28 + LINE * (number + 0.6):g}">'
        f"{escape(line)}</text>"
        for number, line in enumerate(head)
    ]
    for (x, y), (_layout, text) in zip(spots, drawn, strict=True):
        body.append(f'<g transform="translate({MARGIN + x:g} {top + y:g})">{text}</g>')
    style = _STYLE + (_LINKED if link else "")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}" role="img">\n<title>{escape(title)}</title>\n<style>{style}</style>\n'
        f'<rect class="page" width="100%" height="100%"/>\n' + "\n".join(body) + "\n</svg>\n"
    )


def _arranged(layouts: Sequence[Layout]) -> tuple[list[Point], float, float]:
    """The flow first, the others right of it, below each other as long as that makes the page no longer."""
    spots: list[Point] = [(0.0, 0.0)]
    tallest = max(layouts[0].height, 600.0)
    x, y, column = layouts[0].width + GAP, 0.0, 0.0
    for layout in layouts[1:]:
        if y and y + layout.height > tallest:
            x, y, column = x + column + GAP, 0.0, 0.0
        spots.append((x, y))
        y += layout.height + GAP
        column = max(column, layout.width)
    width = max(spot[0] + layout.width for spot, layout in zip(spots, layouts, strict=True))
    return spots, width, max(spot[1] + layout.height for spot, layout in zip(spots, layouts, strict=True))


def measured(node: Node) -> _Sized:
    """A node with its text broken into lines, and the room it takes."""
    if node.kind == "label":
        lines = lettering.wrapped(node.words, SMALL, LABEL, lines=6)
        wide = max(lettering.width(line, SMALL) for line in lines) + 2 * LABEL_PAD
        return _Sized(node, tuple(lines), (), wide, len(lines) * SMALL_LINE + 6)
    if node.kind == "end":
        return _Sized(node, (node.words,), (), 44.0, 22.0)
    lines = lettering.wrapped(node.words, SIZE, TEXT)
    figures = [line for said in node.figures for line in lettering.wrapped(said, SMALL, TEXT)]
    notes = [f"step {node.label}"] if node.label else []
    wide = max(
        [lettering.width(line, SIZE * 1.04) for line in lines]
        + [lettering.width(line, SMALL * 1.04) for line in [*figures, *notes]]
    )
    high = len(lines) * LINE + len(notes) * SMALL_LINE + 2 * 8
    high += len(figures) * SMALL_LINE + 10 if figures else 0
    return _Sized(node, (*lines, *notes), tuple(figures), max(wide + 2 * PAD, 90.0), high)


def placed(part: Part) -> tuple[Layout, dict[str, _Sized]]:
    """Where everything of a part stands."""
    sizes = {one.id: measured(one) for one in part.nodes}
    layout = lay_out([Box(one.node.id, one.width, one.height) for one in sizes.values()], part.edges)
    return layout, sizes


def _drawn(part: Part, link: Link | None) -> tuple[Layout, str]:
    layout, sizes = placed(part)
    labels = {one.id for one in part.nodes if one.kind == "label"}
    pieces = [_edge(route, tip=route.edge.target not in labels) for route in layout.routes]
    pieces += [_box(sizes[id], layout.places[id].x, layout.places[id].y, link) for id in sizes]
    return layout, "\n".join(pieces)


def _box(sized: _Sized, x: float, y: float, link: Link | None = None) -> str:
    node = sized.node
    round_corner = {"label": 9, "end": 11, "start": 17, "side": 17}.get(node.kind, 6)
    kind = node.kind if node.kind == "label" else f"box {node.kind}"
    tip = " · ".join(filter(None, (node.source, f"step {node.step}" if node.step else "")))
    pieces = [f'<g class="{kind}" transform="translate({x:.1f} {y:.1f})">']
    pieces += [f"<title>{escape(tip)}</title>"] if tip else []
    pieces.append(f'<rect width="{sized.width:.1f}" height="{sized.height:.1f}" rx="{round_corner}"/>')
    pieces += _lettering(sized)
    drawn = "".join([*pieces, "</g>"])
    if link is None or not node.source or node.kind == "label":
        return drawn
    address, id = link(node.source)
    return f'<a id="{escape(id)}" href="{escape(address)}" target="_top">{drawn}</a>'


def _lettering(sized: _Sized) -> list[str]:
    node, middle = sized.node, sized.width / 2
    if node.kind in ("label", "end"):
        size = SMALL_LINE
        first = (sized.height - len(sized.lines) * size) / 2 + 11
        return [
            f'<text text-anchor="middle" x="{middle:.1f}" y="{first + number * size:.1f}">{escape(line)}</text>'
            for number, line in enumerate(sized.lines)
        ]
    said, y = [], 8 + 13.0
    notes = 1 if node.label else 0
    for number, line in enumerate(sized.lines):
        if number >= len(sized.lines) - notes:
            said.append(f'<text class="small" x="{PAD:g}" y="{y - 1:.1f}">{escape(line)}</text>')
            y += SMALL_LINE
            continue
        said.append(f'<text x="{PAD:g}" y="{y:.1f}">{_with_verb(line) if number == 0 else escape(line)}</text>')
        y += LINE
    if sized.figures:
        y -= 5
        said.append(f'<line class="rule" x1="{PAD:g}" x2="{sized.width - PAD:.1f}" y1="{y - 4:.1f}" y2="{y - 4:.1f}"/>')
        y += 11
        for line in sized.figures:
            said.append(f'<text class="figures" x="{PAD:g}" y="{y:.1f}">{escape(line)}</text>')
            y += SMALL_LINE
    return said


def _with_verb(line: str) -> str:
    verb, space, rest = line.partition(" ")
    return f'<tspan class="verb">{escape(verb)}</tspan>{escape(space + rest)}'


def _edge(route: Route, *, tip: bool) -> str:
    points = route.points
    path = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for (x1, y1), (x2, y2) in itertools.pairwise(points):
        if abs(x1 - x2) < 0.5:
            path.append(f"L{x2:.1f} {y2:.1f}")
        elif route.edge.back and abs(y1 - y2) < 0.5:
            turn = y1 + (26 if (x1, y1) == points[1] else -26)
            path.append(f"C{x1:.1f} {turn:.1f} {x2:.1f} {turn:.1f} {x2:.1f} {y2:.1f}")
        else:
            half = (y1 + y2) / 2
            path.append(f"C{x1:.1f} {half:.1f} {x2:.1f} {half:.1f} {x2:.1f} {y2:.1f}")
    drawn = f'<path class="edge{" back" if route.edge.back else ""}" d="{" ".join(path)}"/>'
    if not tip:
        return drawn
    x, y = points[-1]
    return drawn + f'<path class="tip" d="M{x:.1f} {y:.1f}l-4.5 -8h9z"/>'


__all__ = ["ACROSS", "measured", "placed", "svg"]

"""A campaign as a Mermaid flowchart (https://mermaid.js.org/syntax/flowchart.html), for documents that render it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.graph.layout import Edge
from engine.graph.lettering import wrapped
from engine.graph.scene import Node, Part

_SHAPES: Mapping[str, tuple[str, str]] = {
    "start": ("([", "])"), "wait": ("[/", "/]"), "choice": ("{{", "}}"), "end": ("((", "))"), "stop": ("([", "])"),
    "side": ("([", "])"), "sales": ("[[", "]]"),
}  # fmt: skip
_LINE, _SIZE = 260.0, 13.0


def mermaid(parts: Sequence[Part]) -> str:
    """The text of the chart, one block beside the flow per subgraph. Labels on edges are edges' own texts."""
    lines = ["flowchart TD"]
    for number, part in enumerate(parts):
        indent = "    "
        if number:
            lines.append(f"    subgraph beside{number}[{_text(_kind_of_block(part))}]")
            indent = "        "
        lines += [indent + line for line in _part(part)]
        if number:
            lines.append("    end")
    return "\n".join(lines) + "\n"


def _kind_of_block(part: Part) -> str:
    return "beside the flow" if part.nodes[0].words.startswith("whenever") else "leaving"


def _part(part: Part) -> list[str]:
    labels = {one.id: one for one in part.nodes if one.kind == "label"}
    inward = {edge.target: edge for edge in part.edges if edge.target in labels}
    lines = [_node(one) for one in part.nodes if one.kind != "label"]
    for edge in part.edges:
        if edge.target in labels:
            continue
        lines.append(_edge(edge, labels, inward))
    return lines


def _edge(edge: Edge, labels: Mapping[str, Node], inward: Mapping[str, Edge]) -> str:
    if edge.source not in labels:
        return f"{edge.source} --> {edge.target}"
    return f"{inward[edge.source].source} -->|{_text(labels[edge.source].words)}| {edge.target}"


def _node(one: Node) -> str:
    opening, closing = _SHAPES.get(one.kind, ("[", "]"))
    return f"{one.id}{opening}{_text(one.words, *one.figures)}{closing}"


def _text(*texts: str) -> str:
    """A quoted Mermaid string: lines broken, and every character that Mermaid or its HTML could read as entity code."""
    lines = [_escaped(line) for text in texts for line in wrapped(text, _SIZE, _LINE, lines=12)]
    return '"' + "<br/>".join(lines) + '"'


def _escaped(text: str) -> str:
    return "".join(char if char.isalnum() or char in " .,:-/+=()'?!%…" else f"#{ord(char)};" for char in text)

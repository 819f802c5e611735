"""Drawings of campaigns: nothing overlaps, no edge crosses a box, and every text survives whatever a name holds."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import combinations, pairwise

import pytest
from hypothesis import given

from dsl.plan import Plan
from engine.graph.layout import Box, Edge, Layout, Place, lay_out
from engine.graph.mermaid import mermaid
from engine.graph.scene import circles, scene, with_figures
from engine.graph.svg import measured, placed, svg
from engine.wording.steps import entries, exits, head_lines, reachable
from tests.graph.samples import TEXTS, WHITEPAPER, long_campaign, plans
from tests.support.examples import examples

SVG = "{http://www.w3.org/2000/svg}"
HAIR = 0.01


def overlap(one: Place, other: Place) -> bool:
    beside = one.x + one.width <= other.x + HAIR or other.x + other.width <= one.x + HAIR
    above = one.y + one.height <= other.y + HAIR or other.y + other.height <= one.y + HAIR
    return not (beside or above)


def assert_clear(layout: Layout) -> None:
    """No two boxes touch, all lie on the page, and each straight or bent piece of an edge keeps off every box that is
    not its own: a bent piece stays between the heights of its ends."""
    assert [pair for pair in combinations(layout.places.items(), 2) if overlap(pair[0][1], pair[1][1])] == []
    for place in layout.places.values():
        assert place.x >= -HAIR
        assert place.y >= -HAIR
        assert place.x + place.width <= layout.width + HAIR
        assert place.y + place.height <= layout.height + HAIR
    for route in layout.routes:
        others = [place for id, place in layout.places.items() if id not in (route.edge.source, route.edge.target)]
        for (x1, y1), (x2, y2) in pairwise(route.points):
            left, right, top, bottom = min(x1, x2), max(x1, x2), min(y1, y2), max(y1, y2)
            piece = Place(left, top, right - left, bottom - top)
            assert [one for one in others if overlap(piece, one)] == [], route.edge


@examples(30)
@given(plans())
def test_no_box_overlaps_and_no_edge_crosses_a_box_in_any_campaign(plan: Plan):
    for part in scene(plan):
        layout, _ = placed(part)
        assert set(layout.places) == {one.id for one in part.nodes}
        assert len(layout.routes) == len(part.edges)
        assert_clear(layout)


@examples(20)
@given(plans())
def test_every_way_of_the_plan_is_drawn_once(plan: Plan):
    for part in scene(plan):
        drawn = {one.id: one for one in part.nodes}
        for one in part.nodes:
            if one.step:
                ways = exits(plan.by_id[one.step])
                leading = [edge.target for edge in part.edges if edge.source == one.id]
                assert [drawn[target].words for target in leading if drawn[target].kind == "label"] == [
                    way.label for way in ways if way.label
                ]
                assert len(leading) == len(ways)


@examples(20)
@given(plans(), TEXTS)
def test_the_svg_is_well_formed_and_needs_nothing_from_elsewhere(plan: Plan, said: str):
    parts = with_figures(scene(plan), {step.id: [said] for step in plan.steps})
    text = svg(plan.campaign, head_lines(plan), parts)
    root = ET.fromstring(text)
    titles = [element.text for element in root.iter(f"{SVG}title")]
    steps = {step.id: step.source for _, _, entry in entries(plan) for step in reachable(plan, entry)}
    assert [source for source in steps.values() if not any(source in (title or "") for title in titles)] == []
    assert re.findall(r"(?:href|src|@import|url\()", re.sub(r"<text.*?</text>|<title>.*?</title>", "", text)) == []
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg", "title", "style", "rect", "g", "text", "tspan", "path", "line",
    }  # fmt: skip


@examples(20)
@given(plans())
def test_mermaid_text_can_hold_any_name(plan: Plan):
    """Each line is one of the few shapes that Mermaid reads, whatever the names hold."""
    text = r'"(?:[^"\\<>{}\[\]|#;]|<br/>|#\d+;)*"'
    shapes = [
        r"flowchart TD", r"end", rf"subgraph \w+\[{text}\]", r"\w+ --> \w+", rf"\w+ -->\|{text}\| \w+",
        rf"\w+(?:\[{text}\]|\(\[{text}\]\)|\[/{text}/\]|\{{\{{{text}\}}\}}|\(\({text}\)\)|\[\[{text}\]\])",
    ]  # fmt: skip
    for line in mermaid(scene(plan)).splitlines():
        assert any(re.fullmatch(shape, line.strip()) for shape in shapes), line


def test_a_box_is_as_wide_as_its_longest_line_and_as_high_as_all_of_them():
    flow = scene(WHITEPAPER)[0]
    one = next(node for node in flow.nodes if node.words.startswith("starts when form"))
    sized = measured(one)
    assert sized.width <= 260
    assert len(sized.lines) == 3
    assert sized.height >= 3 * 18


def test_a_round_leads_back_beside_what_it_repeats():
    flow = scene(WHITEPAPER)[0]
    back = [edge for edge in flow.edges if edge.back]
    assert len(back) == 1
    layout, _ = placed(flow)
    route = next(route for route in layout.routes if route.edge.back)
    source, target = layout.places[back[0].source], layout.places[back[0].target]
    lane = max(x for x, _ in route.points)
    assert lane > source.x + source.width
    assert lane > target.x + target.width
    assert route.points[-1] == (target.middle, target.y)


def test_a_long_campaign_runs_straight_down():
    """The mails of a series of twenty stand below each other, so that sixty steps stay readable."""
    flow = scene(long_campaign())[0]
    layout, _ = placed(flow)
    mails = [layout.places[one.id] for one in flow.nodes if one.kind == "mail"]
    assert len(mails) == 20
    assert max(one.middle for one in mails) - min(one.middle for one in mails) < 40
    assert layout.width < 600
    assert_clear(layout)


def test_a_way_back_without_a_mark_is_refused_and_circles_are_found():
    boxes = [Box("a", 10, 10), Box("b", 10, 10)]
    around = [Edge("a", "b"), Edge("b", "a")]
    with pytest.raises(ValueError, match="circle"):
        lay_out(boxes, around)
    assert circles({"a": ["b"], "b": ["a", None]}, "a") == {("b", 0)}
    assert_clear(lay_out(boxes, [Edge("a", "b"), Edge("b", "a", back=True)]))


def test_nothing_to_draw_is_an_empty_page():
    empty = Plan(campaign="Empty", source="a:1", starts=(), entry=None, steps=())
    layout, _ = placed(scene(empty)[0])
    assert (layout.width, layout.height) == (0, 0)
    ET.fromstring(svg("Empty", [], scene(empty)))

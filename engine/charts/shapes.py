"""The five charts: line with range, bars, stacked bars, funnel, and dots with intervals. Values in, SVG out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from engine.charts.drawing import (
    BOTTOM,
    RIGHT,
    ROW,
    TOP,
    WIDTH,
    Mark,
    Scale,
    Series,
    color,
    legend,
    page,
    room_for,
    scale_of,
    shortened,
    text,
    titled,
)  # fmt: skip

PLOT = 240.0
"""How high a line chart's plot is."""
Said = Callable[[float], str]


def line(title: str, series: Sequence[Series], said: Said, *, alone: bool = False) -> str:
    """Series over time, each with its range behind it if it has one; a stretch up to an unripe figure is dashed.

    `said`: a tick's figure as people read it."""
    every = [mark for one in series for mark in one.marks]
    scale = scale_of(every, TOP + PLOT, TOP)
    left = room_for([said(tick) for tick in scale.ticks])
    labels = [mark.label for mark in series[0].marks] if series else []
    step = (WIDTH - left - RIGHT) / max(1, len(labels) - 1)
    xs = [left + step * number for number in range(len(labels))]
    body = []
    for tick in scale.ticks:
        y, kind = scale.at(tick), "zero" if tick == 0 else "rule"
        body.append(f'<line class="{kind}" x1="{left:.1f}" x2="{WIDTH - RIGHT:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>')
        body.append(text(left - 8, y + 4, said(tick), "tick", "end"))
    every_nth = max(1, -(-len(labels) * 80 // int(WIDTH - left - RIGHT)))
    for number in range(0, len(labels), every_nth):
        anchor = "middle" if 0 < number < len(labels) - 1 else "start" if number == 0 else "end"
        body.append(text(xs[number], TOP + PLOT + 18, labels[number], "tick", anchor))
    for number, one in enumerate(series):
        body += _curve(one, xs, scale, color(number))
    if len(series) > 1:
        body += legend([one.name for one in series], TOP + PLOT + 40)
    return page(title, _sentence(title, every), body, TOP + PLOT + BOTTOM + 20 * (len(series) > 1), alone=alone)


def _curve(series: Series, xs: Sequence[float], scale: Scale, kind: str) -> list[str]:
    drawn = []
    found = [(x, mark) for x, mark in zip(xs, series.marks, strict=True)]
    ranged = [(x, mark) for x, mark in found if mark.low is not None and mark.high is not None]
    if len(ranged) > 1:
        there = [f"{x:.1f},{scale.at(mark.high or 0):.1f}" for x, mark in ranged]
        back = [f"{x:.1f},{scale.at(mark.low or 0):.1f}" for x, mark in reversed(ranged)]
        drawn.append(f'<polygon class="range {kind}" points="{" ".join([*there, *back])}"/>')
    for (x, mark), (following, after) in pairwise(found):
        if mark.value is not None and after.value is not None:
            dashed = "" if after.ripe else " open"
            ends = f'x1="{x:.1f}" y1="{scale.at(mark.value):.1f}" x2="{following:.1f}" y2="{scale.at(after.value):.1f}"'
            drawn.append(f'<line class="line {kind}{dashed}" {ends}/>')
    drawn += [
        titled(
            f'<circle class="{kind}" cx="{x:.1f}" cy="{scale.at(mark.value):.1f}" r="3"', f"{series.name}, {mark.tip}"
        )
        for x, mark in found
        if mark.value is not None
    ]
    return drawn


def bars(title: str, marks: Sequence[Mark], *, alone: bool = False) -> str:
    """A bar for each figure, from zero, negative ones to the left."""
    left, right = room_for([shortened(mark.label) for mark in marks]), room_for([mark.said for mark in marks])
    scale = scale_of(marks, left, WIDTH - RIGHT - right)
    body = []
    for number, mark in enumerate(marks):
        y = TOP + number * ROW
        body.append(text(left - 8, y + 14, shortened(mark.label), "", "end"))
        begin, end = sorted((scale.at(0), scale.at(mark.value or 0)))
        shape = f'<rect class="c0" x="{begin:.1f}" y="{y:.1f}" width="{end - begin:.1f}" height="{ROW - 8:g}"'
        body += [titled(shape, mark.tip), text(end + 6, y + 14, mark.said)]
    return _rows(title, marks, body, scale, len(marks), alone)


def stacked_bars(title: str, series: Sequence[Series], *, alone: bool = False) -> str:
    """A bar for each label, made of the figures of every series, which are not negative."""
    labels = [mark.label for mark in series[0].marks] if series else []
    sums = [sum(max(one.marks[place].value or 0, 0) for one in series) for place in range(len(labels))]
    left = room_for([shortened(label) for label in labels])
    scale = scale_of([Mark(label, value, "") for label, value in zip(labels, sums, strict=True)], left, WIDTH - RIGHT)
    body = []
    for place, label in enumerate(labels):
        y, so_far = TOP + place * ROW, 0.0
        body.append(text(left - 8, y + 14, shortened(label), "", "end"))
        for number, one in enumerate(series):
            mark = one.marks[place]
            x, so_far = scale.at(so_far), so_far + max(mark.value or 0, 0)
            shape = f'<rect class="{color(number)}" x="{x:.1f}" y="{y:.1f}" width="{scale.at(so_far) - x:.1f}"'
            body.append(titled(f'{shape} height="{ROW - 8:g}"', f"{one.name}, {mark.tip}"))
    body += legend([one.name for one in series], TOP + len(labels) * ROW + 16)
    every = [mark for one in series for mark in one.marks]
    return _rows(title, every, body, scale, len(labels) + 1, alone)


def funnel(title: str, marks: Sequence[Mark], *, alone: bool = False) -> str:
    """A bar for each stage, centred, as wide as its share of the widest."""
    left, right = room_for([shortened(mark.label) for mark in marks]), room_for([mark.said for mark in marks])
    middle, room = (left + WIDTH - RIGHT - right) / 2, WIDTH - RIGHT - right - left
    most = max((mark.value or 0 for mark in marks), default=0) or 1
    body = []
    for number, mark in enumerate(marks):
        y, wide = TOP + number * ROW, max(0.0, mark.value or 0) / most * room
        body.append(text(left - 8, y + 15, shortened(mark.label), "", "end"))
        shape = f'<rect class="c0" x="{middle - wide / 2:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{ROW - 5:g}"'
        body += [titled(shape, mark.tip), text(WIDTH - RIGHT, y + 15, mark.said, "", "end")]
    return page(title, _sentence(title, marks), body, TOP + len(marks) * ROW + 12, alone=alone)


def dots(title: str, marks: Sequence[Mark], *, alone: bool = False) -> str:
    """A dot for each figure on the range in which the true one lies."""
    left, right = room_for([shortened(mark.label) for mark in marks]), room_for([mark.said for mark in marks])
    scale = scale_of(marks, left, WIDTH - RIGHT - right)
    body = []
    for number, mark in enumerate(marks):
        y = TOP + number * ROW + 10
        body.append(text(left - 8, y + 4, shortened(mark.label), "", "end"))
        body.append(text(WIDTH - RIGHT, y + 4, mark.said, "", "end"))
        if mark.low is not None and mark.high is not None:
            ends = f'x1="{scale.at(mark.low):.1f}" x2="{scale.at(mark.high):.1f}" y1="{y:.1f}" y2="{y:.1f}"'
            body.append(f'<line class="whisker c0" {ends}/>')
        if mark.value is not None:
            body.append(titled(f'<circle class="c0" cx="{scale.at(mark.value):.1f}" cy="{y:.1f}" r="5"', mark.tip))
    return _rows(title, marks, body, scale, len(marks), alone)


def _rows(
    title: str, marks: Sequence[Mark], body: Sequence[str], scale: Scale, rows: int, alone: bool
) -> str:  # fmt: skip
    x, low = scale.at(0), TOP + rows * ROW
    zero = f'<line class="zero" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 6:g}" y2="{low:g}"/>'
    return page(title, _sentence(title, marks), [zero, *body], low + 12, alone=alone)


def _sentence(title: str, marks: Sequence[Mark]) -> str:
    """The title with the largest and the smallest figure."""
    counted = [mark for mark in marks if mark.value is not None]
    if not counted:
        return f"{title}: no figures"
    most, least = max(counted, key=_value), min(counted, key=_value)
    return f"{title}: most, {most.tip}" + (f"; least, {least.tip}" if most is not least else "")


def _value(mark: Mark) -> float:
    return mark.value or 0.0

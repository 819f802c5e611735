"""What all charts share: figures with their texts, a scale with round ticks, and the page around the marks. Pure.

A chart has no script and no inline style, so it can stand in a page with a strict policy: marks have classes, and
`STYLE` is their style sheet, which `page(…, alone=True)` puts into the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from engine.graph import lettering

WIDTH: Final = 720.0
TOP, BOTTOM, RIGHT, ROW, SIZE, SMALL = 44.0, 30.0, 24.0, 26.0, 13.0, 11.5
WIDEST_LABEL: Final = 200.0
COLORS: Final = 6
"""Series have the classes `c0` to `c5`; a seventh has that of the first again."""
STYLE: Final = """
.chart { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", Arial, sans-serif; font-size: 13px;
  --ink: #23211d; --soft: #6d675e; --rule: #dcd7cf; --c0: #2f6f9f; --c1: #b0651d; --c2: #38885a; --c3: #7d62b8;
  --c4: #a8475f; --c5: #6f6a1f }
@media (prefers-color-scheme: dark) { .chart { --ink: #eceae5; --soft: #a5a097; --rule: #3f3d39; --c0: #6bb0e0;
  --c1: #dba05c; --c2: #6cc293; --c3: #b39be6; --c4: #e08aa0; --c5: #c3bd5f } }
.chart text { fill: var(--ink) } .chart .tick, .chart .key { fill: var(--soft); font-size: 11.5px }
.chart .head { font-weight: 650 } .chart .rule { stroke: var(--rule) } .chart .zero { stroke: var(--soft) }
.chart .line { fill: none; stroke-width: 2 } .chart .range { stroke: none; opacity: .18 }
.chart .whisker { stroke-width: 2 } .chart .open { stroke-dasharray: 5 4 }
.chart .c0 { fill: var(--c0); stroke: var(--c0) } .chart .c1 { fill: var(--c1); stroke: var(--c1) }
.chart .c2 { fill: var(--c2); stroke: var(--c2) } .chart .c3 { fill: var(--c3); stroke: var(--c3) }
.chart .c4 { fill: var(--c4); stroke: var(--c4) } .chart .c5 { fill: var(--c5); stroke: var(--c5) }
.chart .line { fill: none }
"""


@dataclass(frozen=True, slots=True)
class Mark:
    """One figure: `value` None where there is none; `said` as people read it; `low` and `high` its range, if any.
    `ripe` is False for a figure that may still grow."""

    label: str
    value: float | None
    said: str
    low: float | None = None
    high: float | None = None
    ripe: bool = True

    @property
    def tip(self) -> str:
        return f"{self.label}: {self.said or 'no figure'}" + ("" if self.ripe else ", so far")


@dataclass(frozen=True, slots=True)
class Series:
    """Figures of one kind, with the same labels in the same order as every other series of the chart."""

    name: str
    marks: Sequence[Mark]


@dataclass(frozen=True, slots=True)
class Scale:
    """From figures to places: `begin` and `end` are the places of the outermost ticks."""

    ticks: Sequence[float]
    begin: float
    end: float

    def at(self, value: float) -> float:
        low, high = self.ticks[0], self.ticks[-1]
        return self.begin + (value - low) / (high - low) * (self.end - self.begin)


def round_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """From at or below `low` to at or above `high`, in steps of 1, 2 or 5 times a power of ten; 0 is one of them.

    At least two and about `most` ticks, whatever the figures are.
    """
    low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        high = 1.0
    rough = (high - low) / most
    power = 10.0 ** floor(log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    return [number * step for number in range(first, last + 1)]


def scale_of(marks: Sequence[Mark], begin: float, end: float) -> Scale:
    values = [value for mark in marks for value in (mark.value, mark.low, mark.high) if value is not None]
    return Scale(round_ticks(min(values, default=0.0), max(values, default=0.0)), begin, end)


def color(number: int) -> str:
    return f"c{number % COLORS}"


def text(x: float, y: float, said: str, kind: str = "", anchor: str = "start") -> str:
    kind = f' class="{kind}"' if kind else ""
    return f'<text{kind} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(printable(said))}</text>'


def titled(shape: str, tip: str) -> str:
    """A mark with its tooltip: `shape` is the mark's element without its end, such as `<rect x="1"`."""
    tag = shape[1:].partition(" ")[0]
    return f"{shape}><title>{escape(printable(tip))}</title></{tag}>"


def shortened(label: str, most: float = WIDEST_LABEL) -> str:
    return lettering.wrapped(label, SIZE, most, lines=1)[0]


def room_for(labels: Sequence[str]) -> float:
    """The room that the labels left of the marks take."""
    return max((lettering.width(label, SIZE) for label in labels), default=0.0) + 12.0


def legend(names: Sequence[str], y: float) -> list[str]:
    drawn, x = [], 8.0
    for number, name in enumerate(names):
        drawn.append(f'<rect class="{color(number)}" x="{x:.1f}" y="{y - 9:.1f}" width="10" height="10"/>')
        drawn.append(text(x + 15, y, name, "key"))
        x += 30 + lettering.width(name, SMALL)
    return drawn


def page(title: str, sentence: str, body: Sequence[str], height: float, *, alone: bool) -> str:
    """The chart as text. `sentence` says what it shows, for those who do not see it."""
    style = f"<style>{STYLE}</style>" if alone else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" aria-label={quoteattr(printable(sentence))} '
        f'width="{WIDTH:g}" height="{height:g}" viewBox="0 0 {WIDTH:g} {height:g}">{style}\n'
        + "\n".join([text(8, 22, title, "head"), *body])
        + "\n</svg>\n"
    )


def printable(said: str) -> str:
    """Without the signs that XML cannot have."""
    return "".join(
        sign for sign in said if sign >= " " and sign not in "\ufffe\uffff" and not "\ud800" <= sign < "\ue000"
    )

"""The sample of `docs/charts.md`: one of each shape below each other. `python -m tests.charts.samples` writes it."""

from __future__ import annotations

import re
from pathlib import Path

from engine.charts import shapes
from engine.charts.drawing import STYLE, WIDTH, Mark, Series

FILE = Path(__file__).parents[2] / "docs" / "charts" / "sample.svg"
MONTHS = ("July", "August", "September", "October")


def mark(label: str, value: float | None, low: float | None = None, high: float | None = None) -> Mark:
    return Mark(label, value, "" if value is None else f"{value:g}", low, high)


def drawn() -> list[str]:
    leads = [mark(name, value, value - 8, value + 9) for name, value in zip(MONTHS, (31, 44, 40, 52), strict=True)]
    before = [mark(name, value) for name, value in zip(MONTHS, (20, 25, None, 30), strict=True)]
    sources = [mark("Organic Search", 61), mark("Paid Search <brand>", 48), mark("Email", 22), mark("Refunded", -9)]
    form = [mark(name, value) for name, value in zip(MONTHS, (12, 20, 18, 25), strict=True)]
    call = [mark(name, value) for name, value in zip(MONTHS, (19, 24, 22, 27), strict=True)]
    stages = [mark("Lead", 400), mark("MQL", 140), mark("SQL", 60), mark("Customer", 14)]
    steps = [mark("Lead to MQL", 35, 30, 40), mark("MQL to SQL", 43, 35, 51), mark("SQL to Customer", 23, 14, 36)]
    return [
        shapes.line(
            "New leads", [Series("this year", leads), Series("a year before", before)], lambda tick: f"{tick:g}"
        ),
        shapes.bars("New leads by channel", sources),
        shapes.stacked_bars("New leads by what they did", [Series("form", form), Series("call", call)]),
        shapes.funnel("Leads at each stage", stages),
        shapes.dots("Conversion within 90 days, in percent", steps),
    ]


def page() -> str:
    """All five in one file."""
    body, y = [], 0.0
    for one in drawn():
        body.append(one.replace("<svg ", f'<svg y="{y:g}" ', 1).rstrip())
        y += float(re.findall(r' height="([\d.]+)"', one)[0]) + 20
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH:g}" height="{y:g}" viewBox="0 0 {WIDTH:g} {y:g}">'
    return f"{head}<style>{STYLE}</style>\n" + "\n".join(body) + "\n</svg>\n"


if __name__ == "__main__":
    FILE.write_text(page(), encoding="utf-8")

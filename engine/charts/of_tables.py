"""The one chart of a report's table, chosen by its columns: the same figures as the table below it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from engine.charts import shapes
from engine.charts.drawing import Mark, Series
from engine.rules.deals.money import places_of
from engine.rules.reports.table import Column, Kind, Report, Row, Table, shown

MOST_ROWS: Final = 20
"""Beyond so many, a bar chart draws the largest and adds up the rest."""
TIMES: Final = frozenset({"period", "day", "week", "month", "quarter", "year"})
"""First columns whose rows follow each other in time."""
REST: Final = "(all others)"


def chart(found: Report, table: Table, *, alone: bool = False) -> str | None:
    """SVG; None where the table has nothing to draw. `alone`: a file of its own, with its style sheet in it."""
    if not table.rows:
        return None
    keys = {one.key: one for one in table.columns}
    named = f"{table.title}, {found.first} to {found.last}"
    labels = _labels(table)
    if {"share", "low", "high"} <= keys.keys():
        marks = [
            _mark(label, row, keys["share"], found.currency, row.get("low"), row.get("high"))
            for label, row in zip(labels, table.rows, strict=True)
        ]
        return shapes.dots(f"{named}: {keys['share'].head}", marks, alone=alone)
    measure = measure_of(table)
    if measure is None:
        return None
    title = f"{named}: {measure.head}"
    marks = [_mark(label, row, measure, found.currency) for label, row in zip(labels, table.rows, strict=True)]
    first = table.columns[0].key
    if first in TIMES:
        series = [Series(measure.head, marks)]
        return shapes.line(title, series, lambda tick: _tick(tick, measure.kind, found.currency), alone=alone)
    if first == "stage" and table.name == "flow":
        return shapes.funnel(title, marks, alone=alone)
    return shapes.bars(title, _largest(marks, measure.kind, found.currency), alone=alone)


def measure_of(table: Table) -> Column | None:
    """The column that stands for the table: of the compared ones the last that has a figure other than 0, money first;
    else the first count. A place in an order measures nothing."""
    columns = [one for one in table.columns if one.kind in ("money", "count", "share") and one.key != "place"]
    counted = [one for one in columns if any(row.get(one.key) for row in table.rows)]
    compared = [one for one in counted if one.key in table.compared]
    money = [one for one in compared if one.kind == "money"]
    return next(iter((*money, *compared, *counted)), None)


def bars_of(table: Table, width: int = 20) -> list[str]:
    """A bar of block signs for each row, by the same measure; empty where there is none to compare."""
    measure = measure_of(table)
    values = [float(row.get(measure.key) or 0) for row in table.rows] if measure is not None else []
    most = max(values, default=0.0)
    if most <= 0 or len(values) < 2:
        return []
    return [_blocks(value / most * width) for value in values]


def _blocks(length: float) -> str:
    eighths = max(0, round(length * 8))
    return "█" * (eighths // 8) + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[eighths % 8]


def _labels(table: Table) -> Sequence[str]:
    texts = [one.key for one in table.columns if one.kind == "text"]
    return [" · ".join(str(row.get(key)) for key in texts if row.get(key)) for row in table.rows]


def _mark(label: str, row: Row, column: Column, currency: str, low: Any = None, high: Any = None) -> Mark:
    value = row.get(column.key)
    said = shown(value, column.kind, currency)
    if low is not None and high is not None:
        said += f" ({shown(low, column.kind, currency)} to {shown(high, column.kind, currency)})"
    return Mark(
        label, float(value) if value is not None else None, said,
        float(low) if low is not None else None, float(high) if high is not None else None,
    )  # fmt: skip


def _largest(marks: Sequence[Mark], kind: Kind, currency: str) -> Sequence[Mark]:
    if len(marks) <= MOST_ROWS or kind == "share":
        return marks[:MOST_ROWS]
    ordered = sorted(marks, key=lambda mark: -(mark.value or 0))
    rest = sum(int(mark.value or 0) for mark in ordered[MOST_ROWS - 1 :])
    return [*ordered[: MOST_ROWS - 1], Mark(REST, float(rest), shown(rest, kind, currency))]


def _tick(tick: float, kind: Kind, currency: str) -> str:
    if kind == "money":
        return f"{tick / 10 ** places_of(currency):,.6g}"
    return shown(tick, "share", currency) if kind == "share" else f"{tick:,.6g}"

"""A table beside those of the period before and of the one a year before. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any, Final

from engine.rules.reports.table import Column, Row, Table

EARLIER: Final[Mapping[str, str]] = {"before": "before", "year": "a year before"}
"""The periods that a report is compared with, by the end of their columns' keys, and how heads call them."""
_COUNTED: Final = ("count", "money")


def compared(table: Table, earlier: Mapping[str, Table]) -> Table:
    """The table with a column for each figure that is compared and each earlier period. `earlier` by names of EARLIER.

    A row that only an earlier period has is there too, with nothing in this one.
    """
    if not table.compared or not earlier:
        return table
    heads = [one.key for one in takewhile(lambda one: one.kind == "text", table.columns)]
    beside = {name: _by_key(other.rows, heads, by_place=table.by_place) for name, other in earlier.items()}
    rows = list(table.rows)
    if table.total is not None and not table.by_place:
        rows += _gone(table, heads, [other.rows for other in earlier.values()])
    lines = [
        {**row, **_cells(table, {name: found.get(_key(row, heads, place, by_place=table.by_place), {})
                                 for name, found in beside.items()})}
        for place, row in enumerate(rows)
    ]  # fmt: skip
    total = None
    if table.total is not None:
        total = {**table.total, **_cells(table, {name: other.total or {} for name, other in earlier.items()})}
    return replace(table, columns=list(_columns(table, earlier)), rows=lines, total=total)


def _by_key(rows: Sequence[Row], heads: Sequence[str], *, by_place: bool) -> dict[Any, Row]:
    return {_key(row, heads, place, by_place=by_place): row for place, row in enumerate(rows)}


def _key(row: Row, heads: Sequence[str], place: int, *, by_place: bool) -> Any:
    return place if by_place else tuple(row.get(head) for head in heads)


def _gone(table: Table, heads: Sequence[str], others: Iterable[Sequence[Row]]) -> list[Row]:
    known = {_key(row, heads, 0, by_place=False) for row in table.rows}
    nothing = {one.key: 0 for one in table.columns if one.kind in _COUNTED and not _derived(one)}
    found: list[Row] = []
    for rows in others:
        for row in rows:
            key = _key(row, heads, 0, by_place=False)
            if key not in known and any(row.get(one) for one in table.compared):
                known.add(key)
                found.append({**nothing, **dict(zip(heads, key, strict=True))})
    return found


def _derived(column: Column) -> bool:
    """Whether a figure is divided by another, and has none where that is zero."""
    return "÷" in column.definition


def _cells(table: Table, rows: Mapping[str, Row]) -> dict[str, Any]:
    return {f"{key}_{name}": row.get(key) for key in table.compared for name, row in rows.items()}


def _columns(table: Table, earlier: Mapping[str, Table]) -> Iterable[Column]:
    for one in table.columns:
        yield one
        if one.key in table.compared:
            for name in earlier:
                said = "in the period before" if name == "before" else "in the same days a year before"
                yield Column(f"{one.key}_{name}", f"{one.head} {EARLIER[name]}", one.kind, said)

"""What is behind a figure: the list of the leads or deals that it counts. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile

from engine.rules.reports.query import BadQuery, Query, nearest
from engine.rules.reports.table import Column, Table


def listed(
    query: Query, tables: Sequence[Table], behind: Mapping[tuple[str, str], Sequence[tuple[tuple[str, ...], str]]]
) -> Table:  # fmt: skip
    """The list behind the column that the question names, by its key or its head. Raises BadQuery."""
    table, column = _found(query, tables, behind)
    heads = list(takewhile(lambda one: one.kind == "text", table.columns))
    rows = [
        {**{head.key: text for head, text in zip(heads, texts, strict=False)}, "id": id}
        for texts, id in behind.get((table.name, column.key), ())
        if not query.row or query.row.casefold() in {text.casefold() for text in texts}
    ]
    if query.row and not rows:
        known = sorted({text for texts, _ in behind.get((table.name, column.key), ()) for text in texts})
        if query.row.casefold() not in {text.casefold() for text in known}:
            near = nearest(query.row, known)
            hint = f"did you mean `{near}`?" if near else "leave out --row"
            raise BadQuery(f"nothing is counted in a row named `{query.row[:40]}`: {hint}")
    return Table("list", f"{table.title}: {column.head}", (*heads, Column("id", "id", "text", "of the lead or deal")),
                 rows, None, "nothing is counted here")  # fmt: skip


def _found(
    query: Query, tables: Sequence[Table], behind: Mapping[tuple[str, str], Sequence[tuple[tuple[str, ...], str]]]
) -> tuple[Table, Column]:  # fmt: skip
    chosen = [one for one in tables if not query.part or one.name == query.part.casefold()]
    if not chosen:
        names = [one.name for one in tables]
        near = nearest(query.part, names)
        hint = f"did you mean `{near}`?" if near else "use one of " + ", ".join(f"`{one}`" for one in names)
        raise BadQuery(f"no part named `{query.part[:40]}`: {hint}")
    wanted = query.listed.casefold()
    lists = [(table, column) for table in chosen for column in table.columns if (table.name, column.key) in behind]
    lists += [(table, column) for table in chosen for column in table.columns if _zero(table, column)]
    for table, column in lists:
        if wanted in (column.key.casefold(), column.head.casefold()):
            return table, column
    heads = list(dict.fromkeys(column.head for _, column in lists))
    near = nearest(query.listed, heads)
    hint = f"did you mean `{near}`?" if near else "use one of " + ", ".join(f"`{head}`" for head in heads)
    raise BadQuery(f"no list behind `{query.listed[:40]}`: {hint}")


def _zero(table: Table, column: Column) -> bool:
    """Whether it counts, and has counted nothing: its list is empty."""
    return column.kind == "count" and not any(row.get(column.key) for row in table.rows)

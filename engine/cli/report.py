"""`coldframe report`: figures of a period, as tables, CSV or JSON."""

from __future__ import annotations

import asyncio
import csv
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.common import FAILED, Stop, database, load_settings, out, print_json
from engine.wording.refusals import NOTHING_DEPLOYED

if TYPE_CHECKING:
    from rich.console import Console

    from engine.platform.settings import Settings
    from engine.rules.reports.table import Column, Report, Table

WIDEST = 10_000
"""Characters of a line where no terminal bounds it."""
Words = dict[str, str | None]


def report(
    name: Annotated[
        str,
        typer.Argument(
            help="Sources, funnel, nurture, campaigns, opportunities, content, segments, sales, or scoring.",
            show_default=False,
        ),
    ],
    begins: Annotated[str | None, typer.Option("--from", help="The first day, as 2026-07-01.")] = None,
    ends: Annotated[str | None, typer.Option("--to", help="The last day; today if it is not given.")] = None,
    last: Annotated[
        str | None, typer.Option(help='A period instead: "30 days" (default), "last quarter", "this year".')
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(help="What to divide by, such as campaign, month, owner, or a field of leads."),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="How to divide revenue among touches; last-non-direct by default.")
    ] = None,
    days: Annotated[
        str | None, typer.Option(help="In funnel: within how many days the next stage counts; 90 by default.")
    ] = None,
    without_direct: Annotated[bool, typer.Option(help="Give no credit to direct visits where others exist.")] = False,
    restated: Annotated[
        bool,
        typer.Option("--as-restated", "--restated", help="Count refunds and changed amounts on the day of winning."),
    ] = False,
    as_known_on: Annotated[
        str | None, typer.Option("--as-known-on", help="Leave out what was taken in after this day.")
    ] = None,
    zone: Annotated[str | None, typer.Option(help="Time zone of the days; by default the workspace's.")] = None,
    alone: Annotated[bool, typer.Option(help="Compare with no earlier period.")] = False,
    part: Annotated[str | None, typer.Option(help="Show only this table of the report.")] = None,
    listed: Annotated[
        str | None, typer.Option("--list", help="Show the leads or deals that this column counts instead.")
    ] = None,
    row: Annotated[str | None, typer.Option(help="With --list: only of the rows with this text.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print one table as CSV; --part says which.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Show a report on a period.

    `docs/reports.md` defines every figure.

    Example: `coldframe report sources --last "last quarter" --by campaign --model u-shaped`
    """
    words: Words = {
        "report": name, "from": begins, "to": ends, "last": last, "by": by, "model": model, "zone": zone, "days": days,
        "without-direct": "yes" if without_direct else None, "restated": "yes" if restated else None,
        "alone": "yes" if alone else None, "as-known-on": as_known_on, "list": listed,
        "row": row, "part": part if listed else None,
    }  # fmt: skip
    settings = load_settings(reading=True)
    with database(settings) as url:
        found = asyncio.run(_ask(settings, url, words))
    if part is not None and listed is None:
        found = _only(found, part)
    if as_json:
        print_json(for_programs(found))
    elif as_csv:
        write_csv(found.tables[0], found.currency)
    else:
        show(found)


async def _ask(settings: Settings, url: str, words: Words) -> Report:
    from engine.platform.clock import parse_clock
    from engine.reports.report import report as read
    from engine.rules.reports.query import BadQuery, read_query
    from engine.runtime.catalog import Catalog
    from engine.store.db import Database

    clock = parse_clock(settings.clock)
    db = Database(url, size=2)
    try:
        deployment = await Catalog(db).refresh()
        if deployment is None:
            raise Stop(NOTHING_DEPLOYED, FAILED)
        program = deployment.program
        query = read_query(words, clock.now(), program.workspace.timezone, list(program.all_fields))
        return await read(db, clock, program, query)
    except BadQuery as bad:
        raise Stop(str(bad)) from None
    finally:
        await db.close()


def _only(found: Report, part: str) -> Report:
    from dataclasses import replace

    from dsl.problems.near import near_or_known

    tables = [one for one in found.tables if one.name == part.casefold()]
    if not tables:
        names = [one.name for one in found.tables]
        raise Stop(f"no part named `{part}` in the report `{found.name}`: {near_or_known(part, names)}")
    return replace(found, tables=tables)


def show(found: Report, out: Console = out) -> None:
    """The tables for people, without columns in which nothing was counted, and below what the figures leave out."""
    from rich.table import Table as Grid
    from rich.text import Text

    from engine.rules.reports.table import shown

    days = f"{found.first} to {found.last}" if found.first != found.last else f"{found.first}"
    out.print(f"{found.name}, {days}, {found.zone}, amounts in {found.currency}", markup=False, style="bold")
    if found.earlier:
        spans = {name: f"{first} to {last}" for name, (first, last) in found.earlier.items()}
        said = {"before": "before", "year": "a year before"}
        compared = ", ".join(f"{said[name]}: {span}" for name, span in spans.items())
        out.print(f"compared with {compared}", markup=False, style="dim")
    for finding in found.findings:
        out.print(f"\n• {finding.text}" if finding is found.findings[0] else f"• {finding.text}", markup=False)
        out.print(f"  {command(finding.ask)}", markup=False, style="dim", soft_wrap=True)
    for table in found.tables:
        out.print()
        if not table.rows:
            out.print(f"{table.title}: {table.empty}", markup=False)
            continue
        lines = [*table.rows, *([table.total] if table.total is not None else [])]
        columns = [one for one in table.columns if any(row.get(one.key) for row in table.rows)]
        texts = {one.key: [shown(row.get(one.key), one.kind, found.currency) for row in lines] for one in columns}
        out.print(table.title, markup=False, style="italic")
        for part in _fitting(columns, texts, out.width if out.is_terminal else WIDEST):
            grid = Grid(box=None, padding=(0, 2, 0, 0))
            for column in part:
                grid.add_column(Text(column.head), justify="left" if column.kind == "text" else "right", no_wrap=True)
            for number in range(len(lines)):
                style = "bold" if number >= len(table.rows) else ""
                grid.add_row(*(Text(texts[one.key][number]) for one in part), style=style)
            out.print(grid, width=WIDEST)
    for note in found.notes:
        out.print(f"\n{note}" if note == found.notes[0] else note, markup=False, style="dim")


def command(ask: Mapping[str, str]) -> str:
    """The command that answers a question."""
    options = " ".join(f"--{name} {shlex.quote(said)}" for name, said in ask.items() if name != "report")
    return f"coldframe report {ask['report']} {options}".rstrip()


def _fitting(columns: Sequence[Column], texts: Mapping[str, Sequence[str]], width: int) -> list[list[Column]]:
    """The columns side by side, as many as `width` characters have room for; those with text come first each time."""
    heads = [one for one in columns if one.kind == "text"]
    widths = {one.key: max(map(len, (one.head, *texts[one.key]))) + 2 for one in columns}
    room = width - sum(widths[one.key] for one in heads)
    parts: list[list[Column]] = []
    taken = 0
    for one in columns:
        if one in heads:
            continue
        if not parts or taken + widths[one.key] > room:
            parts.append([*heads])
            taken = 0
        parts[-1].append(one)
        taken += widths[one.key]
    return parts or [heads]


def for_programs(found: Report) -> dict[str, Any]:
    from engine.rules.reports.table import plain

    def cells(table: Table, row: Any) -> dict[str, Any]:
        return {one.key: plain(row.get(one.key), one.kind, found.currency) for one in table.columns}

    return {
        "report": found.name, "from": found.first, "to": found.last, "zone": found.zone, "as_of": found.as_of,
        "currency": found.currency, "notes": list(found.notes),
        "compared_with": {name: {"from": days[0], "to": days[1]} for name, days in found.earlier.items()},
        "findings": [
            {"text": one.text, "figures": _figures(one.figures, found.currency), "shown_by": dict(one.ask)}
            for one in found.findings
        ],
        "tables": [
            {
                "name": table.name, "title": table.title,
                "columns": [
                    {"key": one.key, "head": one.head, "kind": one.kind, "definition": one.definition}
                    for one in table.columns
                ],
                "rows": [cells(table, row) for row in table.rows],
                "total": cells(table, table.total) if table.total is not None else None,
            } for table in found.tables
        ],
    }  # fmt: skip


_MONEY = frozenset({"revenue", "cost", "amount", "without_touch"})
"""The figures of findings that are amounts."""


def _figures(figures: Mapping[str, Any], currency: str) -> dict[str, Any]:
    from fractions import Fraction

    from engine.rules.reports.table import plain

    kinds = {
        name: "money" if name in _MONEY and isinstance(value, int) else "number" for name, value in figures.items()
    }
    return {
        name: plain(value, kinds[name], currency)  # type: ignore[arg-type]
        if kinds[name] == "money" or isinstance(value, Fraction | float) else value
        for name, value in figures.items()
    }  # fmt: skip


def write_csv(table: Table, currency: str) -> None:
    """As RFC 4180 has it, with a mark of UTF-8 for spreadsheets, and with the total as the last row."""
    from engine.rules.reports.table import plain, safe_cell

    sys.stdout.write("\ufeff")
    writer = csv.writer(sys.stdout, lineterminator="\r\n")
    writer.writerow([f"{one.head} ({currency})" if one.kind == "money" else one.head for one in table.columns])
    for row in (*table.rows, *([table.total] if table.total is not None else [])):
        cells = ((plain(row.get(one.key), one.kind, currency), one.kind) for one in table.columns)
        writer.writerow(["" if cell is None else safe_cell(str(cell)) if kind == "text" else cell
                         for cell, kind in cells])  # fmt: skip

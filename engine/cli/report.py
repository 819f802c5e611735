"""`coldframe report`: figures of a period, as tables, charts, CSV or JSON."""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.common import FAILED, Stop, database, err, load_settings, out, print_json
from engine.wording.refusals import NOTHING_DEPLOYED

if TYPE_CHECKING:
    from rich.console import Console

    from engine.platform.settings import Settings
    from engine.rules.reports.table import Column, Report

WIDEST = 10_000
"""Characters of a line where no terminal bounds it."""
BAR = 22
"""Characters of the bar beside a row, with the room before it."""
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
    without_direct: Annotated[
        bool, typer.Option("--without-direct", help="Give no credit to direct visits if there are others.")
    ] = False,
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
    xlsx: Annotated[Path | None, typer.Option(help="Write a workbook to this file, such as sources.xlsx.")] = None,
    svg: Annotated[Path | None, typer.Option(help="Draw one table as a chart in this file; --part says which.")] = None,
) -> None:
    """Show a report on a period.

    `docs/reports.md` defines every figure.

    Example: `coldframe report sources --last "last quarter" --by campaign --model u-shaped`
    """
    from engine.reports import formats

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
        print_json(formats.as_json(found))
    elif as_csv:
        sys.stdout.write(formats.as_csv(found.tables[0], found.currency))
    elif xlsx is None and svg is None:
        show(found)
    if xlsx is not None:
        _save(xlsx, formats.as_workbook(found))
    if svg is not None:
        _draw(svg, found)


def _draw(path: Path, found: Report) -> None:
    from engine.charts.of_tables import chart

    drawn = next((text for table in found.tables if (text := chart(found, table, alone=True))), None)
    if drawn is None:
        raise Stop("nothing to draw: the tables of this report are empty", FAILED)
    _save(path, drawn.encode())


def _save(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise Stop(f"could not write {path}: {error.strerror or error}") from None
    err.print(f"wrote {path}", markup=False)


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
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

    from engine.charts.of_tables import bars_of
    from engine.rules.reports.table import shown

    if not out.is_terminal:
        out = Console(file=out.file, width=WIDEST, highlight=False, soft_wrap=True)
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
        bars = bars_of(table)
        for part in _fitting(columns, texts, out.width - (BAR if bars else 0)):
            grid = Grid(box=None, padding=(0, 2, 0, 0))
            for column in part:
                grid.add_column(Text(column.head), justify="left" if column.kind == "text" else "right", no_wrap=True)
            if bars:
                grid.add_column("", no_wrap=True)
            for number in range(len(lines)):
                style = "bold" if number >= len(table.rows) else ""
                bar = [Text(bars[number] if number < len(bars) else "")] if bars else []
                grid.add_row(*(Text(texts[one.key][number]) for one in part), *bar, style=style)
            out.print(grid)
            bars = []
    for note in found.notes:
        out.print(f"\n{note}" if note == found.notes[0] else note, markup=False, style="dim")


def command(ask: Mapping[str, str]) -> str:
    """The command that answers a question."""
    options = " ".join(f"--{name} {shlex.quote(said)}" for name, said in ask.items() if name != "report")
    return f"coldframe report {ask['report']} {options}".rstrip()


def _fitting(columns: Sequence[Column], texts: Mapping[str, Sequence[str]], width: int) -> list[list[Column]]:
    """The columns side by side, as many as `width` characters have room for; the texts that rows begin with come first
    each time."""
    heads = list(takewhile(lambda one: one.kind == "text", columns))
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

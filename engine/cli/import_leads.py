"""`coldframe import leads`: people from a spreadsheet or CSV file, with their consent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.common import COULD_NOT_LOOK, FAILED, Stop, database, err, load_settings
from engine.cli.import_view import BadRows, show
from engine.cli.imports import InDates, order_of_dates
from engine.wording.refusals import NOTHING_DEPLOYED

if TYPE_CHECKING:
    from datetime import datetime

    from dsl.plan import Program
    from engine.leads.import_files import LeadFile
    from engine.leads.imports import Import, Totals
    from engine.platform.settings import Settings
    from engine.rules.deals.numerals import Order
    from engine.rules.imports.columns import Columns
    from engine.rules.imports.rows import Proof, Reading

File = Annotated[Path, typer.Argument(help="The CSV or XLSX file to import.", show_default=False)]
Lists = Annotated[list[str] | None, typer.Option("--list", help="Add every lead to this list. Can be repeated.")]
Topics = Annotated[
    list[str] | None, typer.Option("--consent", help="The topic that the leads consented to. Can be repeated.")
]
Wording = Annotated[str, typer.Option(help="The wording the leads agreed to.", show_default=False)]
GivenAt = Annotated[str, typer.Option("--given-at", help="The day they agreed, for example 2026-09-01.")]
How = Annotated[str, typer.Option(help="How they agreed, for example `signed form at the stand`.", show_default=False)]
Column = Annotated[
    list[str] | None, typer.Option("--column", help="What a column means, as NAME=FIELD. Can be repeated.")
]
Ignore = Annotated[list[str] | None, typer.Option("--ignore", help="Leave this column out. Can be repeated.")]
Others = Annotated[bool, typer.Option("--ignore-others", help="Leave out every column that is not a field.")]
Quietly = Annotated[bool, typer.Option("--quietly", help="Start no campaign because of the import.")]
Fill = Annotated[bool, typer.Option("--fill", help="Write only fields that are empty.")]
Source = Annotated[str, typer.Option(help="Where these people come from, for example `Trade show 2026`.")]
Language = Annotated[str | None, typer.Option(help="The language of numbers. [default: the workspace's first]")]
Sheet = Annotated[str | None, typer.Option(help="The sheet of a spreadsheet. [default: the one that was open]")]
Report = Annotated[Path | None, typer.Option("--bad-rows", help="Write the rows that cannot be imported to this CSV.")]
Author = Annotated[str | None, typer.Option(help="Your name, kept with the leads. [default: your account name]")]
Dry = Annotated[bool, typer.Option("--dry-run", help="Show what would happen, and change nothing.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@dataclass(frozen=True)
class Asked:
    """What the command line says of the file. `renamed`: column → field."""

    path: Path
    renamed: Mapping[str, str]
    ignored: tuple[str, ...]
    others: bool
    order: Order | None
    language: str | None
    sheet: str | None
    proof: Proof


def leads(
    file: File, to_list: Lists = None, consent: Topics = None, wording: Wording = "", given_at: GivenAt = "",
    how: How = "", column: Column = None, ignore: Ignore = None, ignore_others: Others = False,
    quietly: Quietly = False, fill: Fill = False, source: Source = "", dates: InDates = None,
    language: Language = None, sheet: Sheet = None, bad_rows: Report = None, author: Author = None,
    dry_run: Dry = False, as_json: Json = False,
) -> None:  # fmt: skip
    """Import leads from a CSV or XLSX file.

    Columns are found by their names, such as email, first name, or company, and by the names of your fields. The good
    rows are imported and the others reported. An import that was interrupted continues when you run it again, and
    importing the same file twice changes nothing.

    Consent needs its proof: `--wording`, `--given-at`, and `--how`, or the columns consent wording, consent given at,
    and consent how.

    Example: `coldframe import leads show.xlsx --list "Trade show" --dry-run`
    """
    from engine.cli.deploy import account
    from engine.leads.imports import Import
    from engine.rules.imports.rows import Proof

    asked = Asked(
        file, _renamed(column or ()), tuple(ignore or ()), ignore_others, order_of_dates(dates), language, sheet,
        Proof(tuple(consent or ()), wording.strip(), given_at.strip(), how.strip()),
    )  # fmt: skip
    options = Import(
        file.name, "", author or account(), tuple(dict.fromkeys(to_list or ())), source.strip(), quietly, fill
    )
    if bad_rows is not None and bad_rows.resolve() == file.resolve():
        raise Stop("--bad-rows would overwrite the file that is imported; name another file")
    settings = load_settings()
    with database(settings) as url, BadRows(bad_rows) as report:
        columns, totals = asyncio.run(_run(settings, url, asked, options, report, dry=dry_run))
        show(file, columns, totals, report, dry=dry_run, as_json=as_json)
    if report.count:
        raise typer.Exit(FAILED)


def _renamed(given: Sequence[str]) -> dict[str, str]:
    found = {}
    for one in given:
        name, _, meant = one.rpartition("=")
        if not name or not meant:
            raise Stop(f'`{one}` does not say what a column means; write it like --column "E-Mail=email"')
        found[name] = meant
    return found


async def _run(
    settings: Settings, url: str, asked: Asked, options: Import, report: BadRows, *, dry: bool
) -> tuple[Columns, Totals]:  # fmt: skip
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from engine.leads.imports import import_leads
    from engine.runtime.runtime import open_runtime

    async with open_runtime(settings.model_copy(update={"database_url": url}), size=6) as rt:
        deployment = await rt.catalog.refresh()
        if deployment is None:
            raise Stop(NOTHING_DEPLOYED, FAILED)
        options = replace(options, lists=_lists(options.lists, deployment.program))
        file = _opened(asked, deployment.program)
        reading = reading_of(asked, file, deployment.program, rt.clock.now())
        report.begin(file.header)
        bars = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*bars, console=err, transient=True, disable=not err.is_terminal) as progress:
            bar = progress.add_task("checking rows" if dry else "importing rows", total=file.count)
            try:
                rows = (reading.row(line, cells) for line, cells in file.rows())
                totals = await import_leads(
                    rt, rows, replace(options, digest=file.digest), report.add, partial(progress.advance, bar), dry=dry
                )
            except BaseException:
                done = int(progress.tasks[bar].completed)
                if not dry:
                    said = f"stopped after {done} of {file.count} rows; run the same command again to continue"
                    err.print(said, markup=False)
                raise
    return reading.columns, totals


def _lists(names: Sequence[str], program: Program) -> tuple[str, ...]:
    from engine.rules.imports.columns import BadColumns, lists_for

    try:
        return lists_for(names, program)
    except BadColumns as bad:
        raise Stop(str(bad), COULD_NOT_LOOK) from None


def _opened(asked: Asked, program: Program) -> LeadFile:
    """The file, looked through. Raises Stop."""
    from engine.leads.import_files import open_file
    from engine.rules.deals.sheets import BadFile
    from engine.rules.imports.columns import count_known, known_names

    names = known_names(program)
    try:
        return open_file(asked.path, lambda header: count_known(header, names, asked.renamed), asked.sheet)
    except OSError as error:
        raise Stop(f"cannot read {asked.path}: {error.strerror or error}", COULD_NOT_LOOK) from None
    except BadFile as bad:
        raise Stop(f"cannot import {asked.path}: {bad}", COULD_NOT_LOOK) from None


def reading_of(asked: Asked, file: LeadFile, program: Program, now: datetime) -> Reading:
    """How the file's rows are read. Raises Stop for columns or a proof of consent that cannot be meant."""
    from engine.platform.tokens import email_key
    from engine.rules.conditions.calendar import local_date
    from engine.rules.deals.numerals import Unreadable, order_of
    from engine.rules.imports.columns import BadColumns, resolve
    from engine.rules.imports.rows import Reading, proof_for, text_of

    today = local_date(now, program.workspace.timezone)
    try:
        columns = resolve(file.header, program, asked.renamed, asked.ignored, others=asked.others)
        proof = proof_for(asked.proof, columns, program, asked.order, today)
    except BadColumns as bad:
        raise Stop(f"cannot import {asked.path}:\n  " + "\n  ".join(bad.problems), COULD_NOT_LOOK) from None
    except Unreadable as bad:
        raise Stop(f"cannot import {asked.path}: {bad}", COULD_NOT_LOOK) from None
    days = [place for place, declared in columns.fields.items() if declared.type in ("date", "moment")]
    order = asked.order
    if days and order is None:
        order = order_of(text_of(cells[place]) for _, cells in file.rows() for place in days if place < len(cells))
    language = asked.language or program.workspace.languages[0]
    return Reading(columns, program, email_key, today, proof, order, language)

"""`coldframe import`: what advertising cost and what currencies are worth, from files; leads in `import_leads`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.common import COULD_NOT_LOOK, FAILED, Stop, database, err, load_settings, out, print_json
from engine.wording.refusals import NOTHING_DEPLOYED

if TYPE_CHECKING:
    from dsl.plan import Program
    from engine.model.ports import Clock
    from engine.platform.settings import Settings
    from engine.rules.deals.numerals import Order
    from engine.rules.deals.rate_files import RateFile
    from engine.rules.deals.spend_files import SpendFile
    from engine.store.db import Database
    from engine.store.spend import Stored

    Read = SpendFile | RateFile
    Storing = Callable[[Database, Clock, Program, str, Any, Callable[[int], None]], Any]

app = typer.Typer(no_args_is_help=True, help="Import leads, what advertising cost, and exchange rates.")

MOST = 20
"""Bad lines that are printed for one file; JSON has them all."""


class Dates(StrEnum):
    """How to read 03/04/2026."""

    day_first = "day-first"
    month_first = "month-first"


Files = Annotated[list[Path], typer.Argument(help="The files to import.", show_default=False)]
Dry = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")]
Skip = Annotated[bool, typer.Option("--skip-bad", help="Import the good lines of files that have bad ones.")]
InDates = Annotated[Dates | None, typer.Option(help="How to read dates such as 03/04/2026.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command()
def spend(
    files: Files, dry_run: Dry = False, skip_bad: Skip = False, dates: InDates = None, as_json: Json = False
) -> None:  # fmt: skip
    """Import what advertising cost, by day and source.

    Reads the exports of Google Ads, Meta, LinkedIn, and Microsoft Advertising, which it tells apart by their columns,
    and files with the columns day, source, and amount. Nothing is imported if a line is wrong. Importing a file again
    changes nothing; a later value for the same day and source replaces the earlier one.

    Example: `coldframe import spend google.csv meta.csv --dry-run`
    """
    from engine.deals.costs import take_spend
    from engine.rules.deals.spend_files import read_spend

    order = order_of_dates(dates)

    def store(db: Database, clock: Clock, program: Program, origin: str, lines: Any, done: Any) -> Any:
        return take_spend(db, clock, program, lines, origin, done, dry=dry_run)

    _import(files, lambda data, home: read_spend(data, home, order), store, dry_run, skip_bad, as_json)


@app.command()
def rates(
    files: Files, dry_run: Dry = False, skip_bad: Skip = False, dates: InDates = None, as_json: Json = False
) -> None:  # fmt: skip
    """Import exchange rates to the workspace's currency.

    A file has the columns day, currency, and rate: what one unit of the currency is worth from that day on.

    Example: `coldframe import rates rates.csv`
    """
    from engine.deals.costs import take_rates
    from engine.rules.deals.rate_files import read_rates

    order = order_of_dates(dates)

    def store(db: Database, clock: Clock, program: Program, origin: str, lines: Any, done: Any) -> Any:
        return take_rates(db, clock, program, lines, origin, dry=dry_run)

    _import(files, lambda data, home: read_rates(data, home, order), store, dry_run, skip_bad, as_json)


def _import(
    files: Sequence[Path], read: Callable[[bytes, str], Read], store: Storing, dry: bool, skip: bool, as_json: bool
) -> None:  # fmt: skip
    contents = [(file, _bytes(file)) for file in files]
    settings = load_settings()
    with database(settings) as url:
        found = asyncio.run(_run(settings, url, contents, read, store, skip))
    refused = not skip and any(one.bad for _, one, _ in found)
    if as_json:
        print_json({"dry_run": dry, "imported": not dry and not refused, "files": [_json(*one) for one in found]})
    else:
        for one in found:
            _tell(*one, dry)
        if refused:
            out.print("nothing was imported; correct the lines, or pass --skip-bad to import the others", markup=False)
    if refused:
        raise typer.Exit(FAILED)


def order_of_dates(dates: Dates | None) -> Order | None:
    """What `--dates` says."""
    return None if dates is None else "day-first" if dates is Dates.day_first else "month-first"


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Stop(f"cannot read {file}: {error.strerror or error}", COULD_NOT_LOOK) from None


async def _run(
    settings: Settings, url: str, contents: Sequence[tuple[Path, bytes]], read: Callable[[bytes, str], Read],
    store: Storing, skip: bool,
) -> list[tuple[Path, Read, Stored | None]]:  # fmt: skip
    """Each file with what is in it and, unless a line of any of them is wrong, what became of it."""
    from rich.progress import Progress

    from engine.platform.clock import parse_clock
    from engine.rules.deals.sheets import BadFile
    from engine.runtime.runtime import open_runtime

    async with open_runtime(settings.model_copy(update={"database_url": url}), size=2) as rt:
        deployment = await rt.catalog.refresh()
        if deployment is None:
            raise Stop(NOTHING_DEPLOYED, FAILED)
        program, found = deployment.program, []
        for file, data in contents:
            try:
                found.append((file, read(data, program.workspace.currency)))
            except BadFile as bad:
                raise Stop(f"{file}: {bad}", FAILED) from None
        if not skip and any(one.bad for _, one in found):
            return [(file, one, None) for file, one in found]
        clock, results = parse_clock(settings.clock), []
        with Progress(console=err, transient=True, disable=not err.is_terminal) as progress:
            bar = progress.add_task("lines", total=sum(len(one.lines) for _, one in found))
            for file, one in found:
                stored = await store(
                    rt.db, clock, program, file.name, one.lines, lambda many: progress.advance(bar, many)
                )
                results.append((file, one, stored))
        return results


def _json(file: Path, read: Read, stored: Stored | None) -> dict[str, Any]:
    return {
        "file": str(file), "network": getattr(read, "network", ""), "lines": len(read.lines), "totals": _totals(read),
        "new": stored.new if stored else 0, "replaced": stored.replaced if stored else 0,
        "unchanged": stored.same if stored else 0,
        "bad": [{"line": one.line, "reason": one.reason} for one in read.bad],
    }  # fmt: skip


def _totals(read: Read) -> dict[str, str]:
    """What the lines cost in all, by currency; nothing for rates."""
    from engine.rules.deals.money import decimal_text
    from engine.rules.deals.spend_files import SpendFile

    sums: dict[str, int] = {}
    for one in read.lines if isinstance(read, SpendFile) else ():
        sums[one.currency] = sums.get(one.currency, 0) + one.amount
    return {currency: decimal_text(units, currency) for currency, units in sorted(sums.items())}


def _tell(file: Path, read: Read, stored: Stored | None, dry: bool) -> None:
    for one in read.bad[:MOST]:
        out.print(f"{file}:{one.line}: {one.reason}", markup=False)
    if len(read.bad) > MOST:
        out.print(f"{file}: {len(read.bad) - MOST} more lines are wrong; --json shows all", markup=False)
    if stored is None:
        return
    network = getattr(read, "network", "")
    whose = f" ({network})" if network else ""
    total = "".join(f", {amount} {currency}" for currency, amount in _totals(read).items())
    would = "would be " if dry else ""
    counts = f"{stored.new} {would}new, {stored.replaced} {would}replaced, {stored.same} unchanged"
    out.print(f"{file}{whose}: {counts}{total}", markup=False)

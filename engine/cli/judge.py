"""`coldframe judge`: judge stored opens, clicks, and downloads again by the current rules."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.common import database, err, load_settings, out, print_json

if TYPE_CHECKING:
    from engine.tracking.hits import Judged


def judge(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as one JSON document.")] = False,
) -> None:
    """Judge stored opens and clicks again: person or machine.

    Run it after an upgrade that changes the rules. It corrects the stored judgments of the last 180 days and nothing
    else. Points, stages, and branches that a click caused stay, and `coldframe why` says so. Running it again
    changes nothing.

    Example: `coldframe judge --dry-run`
    """
    settings = load_settings(reading=True)
    with database(settings) as url:
        found = asyncio.run(_judge(url, dry_run))
    if as_json:
        print_json({**found.as_json(), "dry_run": dry_run})
        return
    for line in _told(found, dry_run):
        out.print(line, markup=False)


async def _judge(url: str, dry_run: bool) -> Judged:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from engine.store import hits
    from engine.store.db import Database
    from engine.tracking.hits import judge_again

    db = Database(url, size=2)
    try:
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
        with Progress(*columns, console=err, transient=True) as progress:
            task = progress.add_task("hits", total=await hits.count(db))
            return await judge_again(db, dry_run=dry_run, done=lambda many: progress.advance(task, many))
    finally:
        await db.close()


def _told(found: Judged, dry_run: bool) -> list[str]:
    did = "would change" if dry_run else "changed"
    lines = [f"judged {found.hits} hits; {did} {found.machine + found.human} judgments"]
    if found.machine:
        lines.append(f"  from person to machine: {found.machine}")
    if found.human:
        lines.append(f"  from machine to person: {found.human}")
    if found.counted:
        lines.append(f"  of these, {found.counted} had counted as an event; what it caused stays")
    return lines

"""`coldframe plan`: what a deployment would change, before anybody deploys."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from engine.cli.common import FAILED, Stop, database, err, load_settings, no_database, out, print_json

if TYPE_CHECKING:
    from dsl.problems.diagnostics import Diagnostic
    from engine.cli.workspace import Examined
    from engine.deploying.impact import Outlook
    from engine.platform.settings import Settings


def plan(
    path: Annotated[
        Path | None, typer.Argument(help="The workspace folder; also --path. [default: COLDFRAME_CAMPAIGNS]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Show what `deploy` would change, without changing anything.

    For each campaign that differs: the steps that are new, removed, changed, or moved, how many leads are waiting at
    them, and what `deploy --move` would do with each lead. The last line gives the base: `deploy --base N` refuses if
    someone else has deployed in the meantime.

    Example: `coldframe plan campaigns`
    """
    settings = load_settings(reading=True)
    found = sound(path or settings.campaigns, as_json, "nothing was compared")
    outlook = _compared(settings, found)
    from engine.cli.impact import as_data, show

    if as_json:
        print_json(as_data(outlook, found.files))
        return
    show(outlook, found.files)
    if outlook.changes:
        out.print(f"to deploy these changes, run `coldframe deploy --base {outlook.base}`", markup=False)


def _compared(settings: Settings, found: Examined) -> Outlook:
    from engine.deploying.impact import first

    if no_database(settings):
        assert found.program is not None
        return first(found.program, found.assets)
    with database(settings) as url:
        return asyncio.run(ask(settings, url, found))


def sound(folder: Path, as_json: bool, otherwise: str) -> Examined:
    """The workspace, compiled; with an error in it the diagnostics are shown and the command ends with 1."""
    from engine.cli.workspace import examine

    found = examine(folder)
    if found.program is None:
        refuse(found.diagnostics, found.files, found.campaigns, as_json, otherwise)
    return found


def refuse(
    problems: tuple[Diagnostic, ...], files: Mapping[str, str], campaigns: int, as_json: bool, otherwise: str
) -> NoReturn:
    """Show why the workspace cannot be used, and end the command with 1."""
    from dsl.problems.diagnostics import as_json as rendered_json
    from dsl.problems.diagnostics import as_text
    from engine.cli.check import summary

    if as_json:
        out.print(rendered_json(problems), markup=False)
    else:
        out.print(as_text(problems, files), markup=False)
        err.print(f"{summary(problems, campaigns)}; {otherwise}")
    raise typer.Exit(FAILED)


async def ask(settings: Settings, url: str, found: Examined, *, leave: bool = False) -> Outlook:
    """Compare with what is deployed. Raises Stop when this version cannot read that."""
    from engine.deploying.impact import look
    from engine.platform.clock import parse_clock
    from engine.runtime.epochs import Refused
    from engine.store.db import Database

    assert found.program is not None, "a workspace with errors is not compared"
    db = Database(url, size=2)
    try:
        return await look(db, found.program, found.assets, leave=leave, now=parse_clock(settings.clock).now())
    except Refused as refusal:
        raise Stop(str(refusal)) from None
    finally:
        await db.close()

"""`coldframe deploy`: put a checked workspace into force."""

from __future__ import annotations

import asyncio
import getpass
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.common import FAILED, Stop, database, err, load_settings, out, print_json

if TYPE_CHECKING:
    from engine.cli.workspace import Examined
    from engine.deploy import Deployed
    from engine.settings import Settings


def deploy(
    path: Annotated[Path | None, typer.Argument(help="The workspace folder. [default: COLDFRAME_CAMPAIGNS]")] = None,
    author: Annotated[str | None, typer.Option(help="Who deploys. [default: your account's name]")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was done, or the diagnostics, as JSON.")] = False,
) -> None:
    """Check a workspace and put it into force, as a whole or not at all.

    Leads who are in a campaign finish on the version they entered with; new entries take the new one. With an error in
    any file nothing is deployed, the errors are shown, and the exit code is 1.

    Example: `coldframe deploy campaigns`
    """
    from dsl.diagnostics import as_json as rendered_json
    from dsl.diagnostics import as_text
    from engine.cli.check import summary
    from engine.cli.workspace import examine

    settings = load_settings()
    found = examine(path or settings.campaigns)
    if found.program is None:
        if as_json:
            out.print(rendered_json(found.diagnostics), markup=False)
        else:
            out.print(as_text(found.diagnostics, found.files), markup=False)
            err.print(f"{summary(found.diagnostics, found.campaigns)}; nothing was deployed")
        raise typer.Exit(FAILED)
    with database(settings) as url:
        done = asyncio.run(put_into_force(settings, url, found, author or _account()))
    if as_json:
        print_json(asdict(done))
    else:
        out.print(described(done))


async def put_into_force(settings: Settings, url: str, found: Examined, author: str) -> Deployed:
    """Deploy an examined workspace without errors. Raises Stop when running processes could not read it."""
    from engine.clock import clock_from
    from engine.deploy import Refused
    from engine.deploy import deploy as store
    from engine.store.db import Database

    assert found.program is not None, "a workspace with errors is not deployed"
    db = Database(url, size=2)
    try:
        return await store(db, clock_from(settings), found.program, found.assets, author)
    except Refused as refusal:
        raise Stop(str(refusal), FAILED) from None
    finally:
        await db.close()


def described(done: Deployed) -> str:
    """What a deployment did, in one line for people."""
    campaigns = f"{len(done.campaigns)} campaign{'' if len(done.campaigns) == 1 else 's'}"
    if not done.changed:
        return f"nothing has changed since deployment {done.epoch} ({campaigns})"
    changed = ", ".join(done.new_plans) or "none of them changed"
    return f"deployment {done.epoch}: {campaigns} in force; new or changed: {changed}"


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"

"""`coldframe rollback` and `coldframe deployments`: what was in force, and back to it."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.common import FAILED, NOTHING_DEPLOYED, Stop, database, load_settings, out, print_json

if TYPE_CHECKING:
    from engine.deploying.history import Stored
    from engine.deploying.impact import Outlook
    from engine.platform.settings import Settings

VERBS = {"deploy": "deployed", "rollback": "rolled back to", "stop": "stopped", "resume": "resumed"}


@dataclass(frozen=True)
class _Way:
    """From what is in force to what was."""

    stored: Stored
    outlook: Outlook


def rollback(
    to: Annotated[int | None, typer.Option(help="Which deployment. [default: the one before]")] = None,
    author: Annotated[str | None, typer.Option(help="Who rolls back. [default: your account's name]")] = None,
    move: Annotated[
        bool, typer.Option("--move", help="Move leads inside back to those plans, where steps match.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was done as JSON.")] = False,
) -> None:
    """Put an earlier deployment into force again, with its templates and files.

    It becomes the newest deployment; your files stay as they are. Leads inside finish on the version they are on, or go
    over to the earlier one with `--move`. A second rollback goes one further back.

    Example: `coldframe rollback --move`
    """
    from engine.cli.deploy import account, carry_out, confirm, report
    from engine.deploying.deploy import How

    settings = load_settings()
    with database(settings) as url:
        way = asyncio.run(_find(settings, url, to))
        if not as_json:
            confirm(way.outlook, way.stored.sources, move, yes, f"roll back to deployment {way.stored.epoch} like")
        how = How(base=way.outlook.base, move=move, kind="rollback", target=way.stored.epoch)
        done = asyncio.run(_back(settings, url, way.stored, author or account(), how))
        moved = carry_out(settings, url, done.jobs, way.outlook.leads, quiet=as_json)
    report(done, way.outlook, moved, as_json)


async def _find(settings: Settings, url: str, to: int | None) -> _Way:
    from engine.deploying.history import before, load
    from engine.deploying.impact import look
    from engine.runtime.epochs import Refused
    from engine.store.db import Database

    db = Database(url, size=2)
    try:
        epoch = await before(db) if to is None else to
        stored = await load(db, epoch)
        if stored is None:
            raise Stop(f"there is no deployment {epoch}: `coldframe deployments` lists them", FAILED)
        return _Way(stored, await look(db, stored.program, stored.bundle))
    except Refused as refusal:
        raise Stop(str(refusal), FAILED) from None
    finally:
        await db.close()


async def _back(settings: Settings, url: str, stored: Stored, author: str, how: Any) -> Any:
    from engine.deploying.deploy import Refused, deploy
    from engine.platform.clock import parse_clock
    from engine.store.db import Database

    db = Database(url, size=2)
    try:
        return await deploy(db, parse_clock(settings.clock), stored.program, stored.bundle, author, how, stored.sources)
    except Refused as refusal:
        raise Stop(str(refusal), FAILED) from None
    finally:
        await db.close()


def deployments(
    many: Annotated[int, typer.Option(min=1, max=10_000, help="How many to list.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
) -> None:
    """List what was deployed: who, when and what, the newest first, and jobs that still move leads.

    Example: `coldframe deployments`
    """
    settings = load_settings(reading=True)
    with database(settings) as url:
        found, jobs = asyncio.run(_list(settings, url, many))
    if as_json:
        listed = [{key: value for key, value in asdict(one).items() if key != "content"} for one in found]
        print_json({"deployments": listed, "jobs": jobs})
        return
    if not found:
        out.print(NOTHING_DEPLOYED, markup=False)
    for one in found:
        out.print(f"{one.epoch:>5}  {one.at:%Y-%m-%d %H:%M} UTC  {one.author:<16} {_what(one)}", markup=False)
    for job in jobs:
        ends = ", ".join(f"{many} {end}" for end, many in job["result"].items()) or "nobody yet"
        out.print(f'moving leads of "{job["campaign"]}": {ends}', markup=False)


def _what(entry: Any) -> str:
    if entry.kind == "rollback":
        return f"rolled back to {entry.target}"
    if entry.note:
        return f'{VERBS.get(entry.kind, entry.kind)} campaign "{entry.note}"'
    campaigns = f"{entry.plans} campaign{'' if entry.plans == 1 else 's'}"
    return f"deployed, {campaigns} new or changed"


async def _list(settings: Settings, url: str, many: int) -> Any:
    from engine.deploying.history import entries
    from engine.deploying.jobs import unfinished
    from engine.store.db import Database

    db = Database(url, size=2)
    try:
        return await entries(db, many), await unfinished(db)
    finally:
        await db.close()

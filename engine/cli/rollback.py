"""`coldframe rollback` and `coldframe deployments`: what was live, and back to it."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.common import FAILED, Stop, database, load_settings, out, print_json
from engine.wording.refusals import NOTHING_DEPLOYED

if TYPE_CHECKING:
    from engine.deploying.history import Stored
    from engine.deploying.impact import Outlook
    from engine.platform.settings import Settings

VERBS = {"deploy": "deployed", "rollback": "rolled back to", "stop": "ended", "resume": "resumed"}


@dataclass(frozen=True)
class _Way:
    """From what is in force to what was."""

    stored: Stored
    outlook: Outlook


def rollback(
    to: Annotated[int | None, typer.Option(help="The deployment to go back to. [default: the previous one]")] = None,
    author: Annotated[
        str | None, typer.Option(help="Your name, kept with the deployment. [default: your account name]")
    ] = None,
    move: Annotated[
        bool, typer.Option("--move", help="Move leads already in a campaign back if their step is in that version.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Skip the confirmation prompt.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Redeploy an earlier deployment, including its templates and files.

    It becomes the newest deployment, and your files stay as they are. Leads already in a campaign stay on their
    version, or move to the earlier one with `--move`. A second rollback goes one deployment further back.

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
            raise Stop(f"no deployment {epoch}; `coldframe deployments` lists them all", FAILED)
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
    many: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="The most deployments to list.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print the deployments as JSON.")] = False,
) -> None:
    """List deployments, newest first, with their authors and times.

    Jobs that are still moving leads follow.

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
        ends = ", ".join(f"{many} {end}" for end, many in job["result"].items()) or "none yet"
        out.print(f'moving leads of "{job["campaign"]}": {ends}', markup=False)


def _what(entry: Any) -> str:
    if entry.kind == "rollback":
        return f"rolled back to {entry.target}"
    if entry.note and entry.kind != "deploy":
        return f'{VERBS.get(entry.kind, entry.kind)} campaign "{entry.note}"'
    campaigns = f"{entry.plans} campaign{'' if entry.plans == 1 else 's'}"
    return f"deployed, {campaigns} new or changed" + (f": {entry.note}" if entry.note else "")


async def _list(settings: Settings, url: str, many: int) -> Any:
    from engine.deploying.history import entries
    from engine.deploying.jobs import unfinished
    from engine.store.db import Database

    db = Database(url, size=2)
    try:
        return await entries(db, many), await unfinished(db)
    finally:
        await db.close()

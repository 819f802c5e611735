"""`coldframe deploy`: make a checked workspace the live one."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.common import FAILED, Stop, database, err, load_settings, out, print_json
from engine.cli.spend_folder import import_spend

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from engine.cli.workspace import Examined
    from engine.deploying.deploy import Deployed, How
    from engine.deploying.impact import Outlook
    from engine.platform.settings import Settings

AT_ONCE = 1_000
"""Up to so many leads the command deals with itself; more are left to the workers."""


def deploy(
    path: Annotated[
        Path | None, typer.Argument(help="The workspace folder; also --path. [default: COLDFRAME_CAMPAIGNS]")
    ] = None,
    author: Annotated[
        str | None, typer.Option(help="Your name, kept with the deployment. [default: your account name]")
    ] = None,
    base: Annotated[
        int | None, typer.Option(help="Deploy only if this is still the live deployment, as `coldframe plan` shows it.")
    ] = None,
    move: Annotated[
        bool, typer.Option("--move", help="Move leads already in a campaign to the new version if their step is in it.")
    ] = False,
    leave: Annotated[
        bool,
        typer.Option(
            "--remove-stranded", help="With --move: also remove leads whose step or campaign no longer exists."
        ),
    ] = False,
    note: Annotated[str, typer.Option(help="What this deployment is for, kept with it.")] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Skip the confirmation prompt.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result, or the diagnostics, as JSON.")] = False,
) -> None:
    """Check a workspace and deploy it, all or nothing.

    On a terminal, it shows the changes and asks first. Leads already in a campaign stay on the version they started
    with, and new leads start on the new one. With `--move`, leads move to the new version if it has the step they are
    waiting at. If any file has an error, nothing is deployed and the exit code is 1.

    Example: `coldframe deploy campaigns`
    """
    from engine.cli.plan import ask, sound
    from engine.deploying.deploy import MAX_NOTE, How

    settings = load_settings()
    if leave and not move:
        raise Stop("--remove-stranded needs --move: `coldframe deploy --move --remove-stranded`")
    found = sound(path or settings.campaigns, as_json, "nothing was deployed")
    with database(settings, make=True) as url:
        outlook = asyncio.run(ask(settings, url, found, leave=leave))
        if not as_json:
            confirm(outlook, found.files, move, yes, "deploy")
        how = How(base=outlook.base if base is None else base, move=move, leave=leave, note=note.strip()[:MAX_NOTE])
        done = asyncio.run(put_into_force(settings, url, found, author or account(), how))
        moved = carry_out(settings, url, done.jobs, len(outlook.waiting) and outlook.leads, quiet=as_json)
        if found.program is not None and found.program.workspace.spend_files:
            import_spend(settings, url, path or settings.campaigns, found.program)
    report(done, outlook, moved, as_json)


def confirm(outlook: Outlook, sources: Mapping[str, str], move: bool, yes: bool, verb: str) -> None:
    """Show what would change; on a terminal ask, unless `yes`. Ends the command when the answer is no."""
    from engine.cli.impact import show

    if outlook.base == 0 or not (outlook.changes or (move and outlook.waiting)):
        return
    show(outlook, sources, moving=move)
    if not yes and sys.stdin.isatty() and not typer.confirm(f"{verb} this?"):
        err.print("nothing changed")
        raise typer.Exit(FAILED)


async def put_into_force(
    settings: Settings, url: str, found: Examined, author: str, how: How | None = None
) -> Deployed:  # fmt: skip
    """Deploy an examined workspace without errors. Raises Stop when running processes could not read it, or somebody
    has deployed since the base."""
    from engine.deploying.deploy import Refused
    from engine.deploying.deploy import deploy as store
    from engine.platform.clock import parse_clock
    from engine.store.db import Database

    assert found.program is not None, "a workspace with errors is not deployed"
    db = Database(url, size=2)
    sources = {path: text for path, text in found.files.items() if path.endswith(".campaign")}
    try:
        return await store(db, parse_clock(settings.clock), found.program, found.assets, author, how, sources)
    except Refused as refusal:
        raise Stop(str(refusal), FAILED) from None
    finally:
        await db.close()


def carry_out(
    settings: Settings, url: str, jobs: Sequence[UUID], many: int, *, quiet: bool = False
) -> Mapping[str, int] | None:  # fmt: skip
    """Deal with the runs of these jobs, with a bar of progress, or leave them to the workers when there are too many:
    then None. How many came to which end."""
    if not jobs:
        return {}
    if many > AT_ONCE:
        return None
    return asyncio.run(_carry_out(settings, url, jobs, many, quiet))


async def _carry_out(settings: Settings, url: str, jobs: Sequence[UUID], many: int, quiet: bool) -> Mapping[str, int]:
    from rich.progress import Progress

    from engine.deploying.jobs import carry, look
    from engine.runtime.runtime import open_runtime

    ends: Counter[str] = Counter()
    with Progress(console=err, transient=True, disable=quiet or not err.is_terminal) as progress:
        bar = progress.add_task("leads", total=many)
        async with open_runtime(settings.model_copy(update={"database_url": url}), size=2) as rt:
            for job in jobs:
                last: Mapping[str, int] = {}
                while not (found := await carry(rt, job) or await look(rt.db, job)).finished:
                    progress.advance(bar, sum(found.result.values()) - sum(last.values()))
                    last = found.result
                    await asyncio.sleep(0.05)  # a worker may be at it
                ends.update(found.result)
    return ends


def report(done: Deployed, outlook: Outlook, moved: Mapping[str, int] | None, as_json: bool) -> None:
    """Say what was done."""
    if as_json:
        shown = {key: value for key, value in asdict(done).items() if key != "jobs"}
        print_json({**shown, **({"moved": moved} if done.jobs else {})})
        return
    out.print(described(done), markup=False)
    if moved is None:
        out.print(f"the workers are moving {outlook.leads} leads; `coldframe deployments` shows their progress")
    elif moved:
        from engine.deploying.impact_words import tell_end

        out.print(", ".join(tell_end(end, many) for end, many in moved.items()), markup=False)


def described(done: Deployed) -> str:
    """What a deployment did, in one line for people."""
    campaigns = f"{len(done.campaigns)} campaign{'' if len(done.campaigns) == 1 else 's'}"
    if not done.changed:
        return f"no changes since deployment {done.epoch} ({campaigns})"
    changed = f"; new or changed: {', '.join(done.new_plans)}" if done.new_plans else ""
    return f"deployment {done.epoch} is live: {campaigns}{changed}"


def account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"

"""`coldframe leads erase`: a person's data is erased, for good."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.common import FAILED, Stop, database, err, load_settings, out, print_json
from engine.cli.leads_merge import lead_id

if TYPE_CHECKING:
    from engine.leads.erase import Erased
    from engine.platform.settings import Settings


def erase(
    lead: Annotated[str, typer.Argument(help="The lead's email address or id.")],
    author: Annotated[
        str | None, typer.Option(help="Your name, kept in the process log. [default: your account name]")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Skip the confirmation prompt.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Erase a lead permanently, and everything that is known of them.

    Name, addresses, fields, visits, emails, and texts go; runs end, and an open handoff closes. What reports count
    stays under a random id: days, stages, sources, points, amounts. A keyed hash of the address stays, so that no
    import brings the person back. Backups keep their copy until you delete them.

    Without a terminal, it needs `--yes`.

    Example: `coldframe leads erase ada@lead.example`
    """
    from engine.cli.deploy import account

    settings = load_settings()
    with database(settings) as url:
        if not yes and (as_json or not sys.stdin.isatty()):
            raise Stop("nothing changed: erasing cannot be undone; to confirm without a prompt, pass --yes")
        if not yes and not typer.confirm(f"erase {lead}? This cannot be undone"):
            err.print("nothing changed")
            raise typer.Exit(FAILED)
        done = asyncio.run(_erase(settings, url, lead, author or account()))
    if as_json:
        print_json({"records": done.records, "figures": str(done.figures)})
        return
    out.print(f"erased {lead}; figures stay under {done.figures}", markup=False, soft_wrap=True)


async def _erase(settings: Settings, url: str, lead: str, author: str) -> Erased:
    from engine.leads.erase import erase as forget
    from engine.runtime.runtime import open_runtime

    async with open_runtime(settings.model_copy(update={"database_url": url}), size=2) as rt:
        done = await forget(rt, await lead_id(rt, lead), author)
    if done is None:
        raise Stop(f"`{lead}` was erased before", FAILED)
    return done

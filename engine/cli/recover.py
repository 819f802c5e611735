"""`coldframe recover`: after PostgreSQL was restored from a backup, release the runs that wait because of it."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.common import FAILED, database, load_settings, out, print_json

if TYPE_CHECKING:
    from engine.platform.settings import Settings


def recover(
    yes: Annotated[bool, typer.Option("--yes", help="Release them without asking.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the numbers as JSON.")] = False,
) -> None:
    """Release runs that are ahead of a restored database.

    After PostgreSQL is restored to an earlier moment, Temporal knows more than the database. Such a run stops when it
    next wakes, and sends nothing. Compare with the email provider's log first: a released run continues from what the
    database says, so an email that went out after the backup can go out again. Run it again until it finds none.

    Example: `coldframe recover --yes`
    """
    settings = load_settings()
    with database(settings) as url:
        found = asyncio.run(_ask(settings, url, release=False))
        many = sum(one["runs"] for one in found)
        if not as_json:
            for one in found:
                out.print(f'{one["runs"]} {one["kind"]}s in campaign "{one["campaign"]}"', markup=False)
        sure = yes or (many and not as_json and sys.stdin.isatty() and typer.confirm(f"release {many} runs?"))
        released = asyncio.run(_ask(settings, url, release=True))[0]["runs"] if many and sure else 0
    if as_json:
        print_json({"parked": found, "released": released})
    elif not many:
        out.print("no run is ahead of the database", markup=False)
    elif released:
        out.print(f"released {released} leads; they continue from what the database says", markup=False)
    else:
        out.print("nothing was released; to release them, run `coldframe recover --yes`", markup=False)
    if many and not released:
        raise SystemExit(FAILED)


async def _ask(settings: Settings, url: str, *, release: bool) -> list[dict[str, Any]]:
    from engine.rules.runs.answer import RESTORED
    from engine.runs.retry import parked_by_campaign, retry
    from engine.runtime.runtime import open_runtime

    async with open_runtime(settings.model_copy(update={"database_url": url}), size=2) as rt:
        if release:
            return [{"runs": await retry(rt, campaign=None, lead=None, attention=RESTORED)}]
        return await parked_by_campaign(rt, RESTORED)

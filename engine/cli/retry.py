"""`coldframe retry`: let leads that wait under "needs attention" go on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.common import Stop, database, load_settings, out, print_json

if TYPE_CHECKING:
    from engine.platform.settings import Settings


def retry(
    campaign: Annotated[str | None, typer.Option(help="Only leads in this campaign.")] = None,
    lead: Annotated[str | None, typer.Option(help="Only the lead with this email address.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every lead that needs attention.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print how many go on, as JSON.")] = False,
) -> None:
    """Try again where a lead or its handoff was parked under "needs attention", once the reason is gone.

    Steps that are done stay done; the parked step is tried again at once. `coldframe status` shows who is parked, and
    why.

    Example: `coldframe retry --campaign "Whitepaper nurture"`
    """
    if not (campaign or lead or everything):
        raise Stop("say which: --campaign, --lead or --all")
    settings = load_settings()
    with database(settings) as url:
        count = asyncio.run(_retry(settings, url, campaign, lead))
    if as_json:
        print_json({"retried": count})
    else:
        out.print(_told(count, campaign, lead), markup=False)


def _told(count: int, campaign: str | None, lead: str | None) -> str:
    if count:
        return f"{count} lead{'' if count == 1 else 's'} tried again"
    which = (f" with the address {lead}" if lead else "") + (f' in campaign "{campaign}"' if campaign else "")
    return f"no lead{which} needs attention, so nothing was tried again; `coldframe status` shows who does"


async def _retry(settings: Settings, url: str, campaign: str | None, lead: str | None) -> int:
    from engine.cli.lookup import named
    from engine.runs.retry import retry as again
    from engine.runtime.runtime import open_runtime

    async with open_runtime(settings.model_copy(update={"database_url": url}), size=2) as rt:
        if campaign is not None:
            campaign, _ = await named(rt.db, campaign)
        return await again(rt, campaign=campaign, lead=lead)

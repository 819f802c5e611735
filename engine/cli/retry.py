"""`coldframe retry`: try the failed step again for leads that need attention."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.common import Stop, database, load_settings, out, print_json

if TYPE_CHECKING:
    from engine.platform.settings import Settings


def retry(
    campaign: Annotated[str | None, typer.Option(help="Retry only leads in this campaign.")] = None,
    lead: Annotated[str | None, typer.Option(help="Retry only the lead with this email address.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Retry every lead that needs attention.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the number of retried leads as JSON.")] = False,
) -> None:
    """Retry leads and handoffs that need attention.

    Run it after you have fixed the cause. Steps that are done stay done, and the failed step runs again immediately.
    `coldframe status` shows which leads need attention, and why.

    Example: `coldframe retry --campaign "Whitepaper nurture"`
    """
    if not (campaign or lead or everything):
        raise Stop("choose the leads to retry: pass --campaign, --lead, or --all")
    settings = load_settings()
    with database(settings) as url:
        count = asyncio.run(_retry(settings, url, campaign, lead))
    if as_json:
        print_json({"retried": count})
    else:
        out.print(_told(count, campaign, lead), markup=False)


def _told(count: int, campaign: str | None, lead: str | None) -> str:
    if count:
        return f"retried {count} lead{'' if count == 1 else 's'}"
    which = (f" with the address {lead}" if lead else "") + (f' in campaign "{campaign}"' if campaign else "")
    return f"no lead{which} needs attention, so nothing was retried; `coldframe status` shows the leads that do"


async def _retry(settings: Settings, url: str, campaign: str | None, lead: str | None) -> int:
    from engine.cli.lookup import named
    from engine.runs.retry import retry as again
    from engine.runtime.runtime import open_runtime

    async with open_runtime(settings.model_copy(update={"database_url": url}), size=2) as rt:
        if campaign is not None:
            campaign, _ = await named(rt.db, campaign)
        return await again(rt, campaign=campaign, lead=lead)

"""`coldframe results`: what tests of variants and of subject lines have shown."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.common import database, load_settings, out, print_json

if TYPE_CHECKING:
    from engine.platform.settings import Settings
    from engine.reports.results import Result

_COUNTED = {"clicks": "clicked", "opens": "opened", "replies": "replied", "goal": "reached the goal"}


def results(
    campaign: Annotated[str | None, typer.Argument(help="Show only tests in this campaign.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Show the results of variant tests and subject line tests.

    Each variant (`test`) or subject (`testing subject`) has its share, and the range that holds the true share with 95%
    confidence. If the ranges of two variants overlap, the difference between them may be chance.

    Example: `coldframe results "Webinar"`
    """
    from engine.platform.clock import parse_clock

    settings = load_settings(reading=True)
    with database(settings) as url:
        found = asyncio.run(_read(settings, url, campaign))
    if as_json:
        print_json([_for_programs(one) for one in found])
    elif not found:
        out.print(_nothing(campaign), markup=False)
    else:
        for one in found:
            _show(one, parse_clock(settings.clock).now())


async def _read(settings: Settings, url: str, campaign: str | None) -> list[Result]:
    from engine.cli.lookup import named
    from engine.reports.results import results as read
    from engine.store.db import Database

    db = Database(url, size=2)
    try:
        if campaign is not None:
            campaign, _ = await named(db, campaign)
        return await read(db, campaign)
    finally:
        await db.close()


def _nothing(campaign: str | None) -> str:
    where = f' in campaign "{campaign}"' if campaign else ""
    return f"no test has started{where}; a test starts when the first lead reaches it"


def _for_programs(one: Result) -> dict[str, Any]:
    return {
        "campaign": one.campaign, "what": one.what, "name": one.name, "by": one.by, "started_at": one.started_at,
        "ends_at": one.ends_at, "winner": one.winner, "beyond_chance": one.leader.name if one.leader else None,
        "arms": [
            {
                "name": arm.name, "leads": arm.leads, "successes": arm.successes, "share": round(arm.share, 4),
                "low": round(arm.low, 4), "high": round(arm.high, 4),
            } for arm in one.arms
        ],
    }  # fmt: skip


def _show(one: Result, now: datetime) -> None:
    from rich.table import Table

    what = f'test "{one.name}"' if one.what == "variants" else f'subjects of "{one.name}"'
    out.print(f"\n{one.campaign}: {what}, by {one.by}, since {one.started_at:%Y-%m-%d}", markup=False, style="bold")
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
    for arm in one.arms:
        counted = f"{arm.successes} of {arm.leads} {_COUNTED.get(one.by, one.by)}"
        share = f"{arm.share:.0%}, between {arm.low:.0%} and {arm.high:.0%}" if arm.leads else ""
        table.add_row(arm.name, counted, share)
    out.print(table)
    out.print(f"  {verdict(one, now)}", markup=False, style="dim")


def verdict(one: Result, now: datetime) -> str:
    """What the numbers show at an instant."""
    tried = [arm.name for arm in one.arms if arm.leads]
    if one.leader:
        said = f'"{one.leader.name}" is ahead, and chance is an unlikely explanation'
    elif len(tried) < 2:
        said = f'only "{tried[0]}" has been sent so far' if tried else "no variant has been sent so far"
    else:
        said = "no clear winner yet: the difference may be chance"
    if one.winner is not None:
        return f'winner: "{one.winner}", now sent to everyone; {said}'
    if one.ends_at is None:
        return said
    if one.ends_at <= now:
        return f"{said}; the test ended on {one.ends_at:%Y-%m-%d %H:%M} UTC, and the next lead to reach it settles it"
    return f"{said}; the test runs until {one.ends_at:%Y-%m-%d %H:%M} UTC"

"""`coldframe pause`, `resume` and `stop`: hold the leads of a campaign, let them go on, or take them out."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.common import FAILED, Stop, database, err, load_settings, out, print_json

if TYPE_CHECKING:
    from engine.platform.settings import Settings
    from engine.store.db import Database

Campaign = Annotated[str | None, typer.Argument(help="The campaign's name.")]
All = Annotated[bool, typer.Option("--all", help="Every campaign, including ones deployed later.")]
Author = Annotated[str | None, typer.Option(help="Your name, kept with the change. [default: your account name]")]
Because = Annotated[str, typer.Option("--reason", help="The reason, shown in `coldframe status`.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


def pause(
    campaign: Campaign = None,
    everything: All = False,
    author: Author = None,
    because: Because = "",
    as_json: Json = False,
) -> None:
    """Pause a campaign: leads stay where they are, and nothing goes out.

    No emails or handoffs go out once the command returns. Clicks, forms, and replies are still recorded, and leads who
    enter wait at the first step. Handoffs that sales already has continue. `coldframe resume` ends the pause.

    Example: `coldframe pause "Whitepaper nurture" --reason "wrong price in the second email"`
    """
    from engine.deploying import pauses

    settings, who = load_settings(), author or _account()
    with database(settings) as url:
        name = asyncio.run(_named(settings, url, campaign, everything))
        done = asyncio.run(_do(settings, url, lambda db, clock: pauses.pause(db, clock, name, who, because)))
    if as_json:
        print_json(asdict(done))
    else:
        out.print(
            f"paused {_title(name)} with {_leads(done.leads)} in it; to resume, run `{_again(name)}`", markup=False
        )


def resume(
    campaign: Campaign = None,
    everything: All = False,
    spread: Annotated[str, typer.Option(help="How long to spread overdue emails over: 30min, 1h, 0.")] = "1h",
    author: Author = None,
    because: Because = "",
    as_json: Json = False,
) -> None:
    """Resume a paused campaign, spreading overdue emails over time.

    Leads whose wait ended during the pause continue immediately. An email older than its `within` allows is skipped as
    "too late". The others go out over an hour, each lead at its own moment and none past its `within`. An ended
    campaign takes new leads again.

    Example: `coldframe resume "Whitepaper nurture" --spread 30min`
    """
    from engine.cli.deploy import carry_out
    from engine.deploying import pauses

    settings, who, over = load_settings(), author or _account(), _span(spread)
    with database(settings) as url:
        name = asyncio.run(_named(settings, url, campaign, everything))
        work = asyncio.run(
            _do(settings, url, lambda db, clock: pauses.resume(db, clock, name, who, because, over))
        )  # fmt: skip
        carry_out(settings, url, [work.job] if work.job else [], work.leads, quiet=as_json)
    if as_json:
        print_json(asdict(work))
    else:
        out.print(f"resumed {_title(name)} with {_leads(work.leads)} in it", markup=False)


def end(
    campaign: Annotated[str, typer.Argument(help="The campaign's name.")],
    author: Author = None,
    because: Because = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Skip the confirmation prompt.")] = False,
    as_json: Json = False,
) -> None:
    """Remove every lead from a campaign permanently and close it.

    It shows how many leads are in the campaign and asks first. Without a terminal, it needs `--yes`. Emails that were
    due are shown as skipped. No new leads enter until the campaign is deployed again or resumed, and removed leads do
    not come back.

    Example: `coldframe end "Whitepaper nurture"`
    """
    from engine.cli.deploy import carry_out
    from engine.deploying import pauses

    settings, who = load_settings(), author or _account()
    with database(settings) as url:
        name = asyncio.run(_named(settings, url, campaign, False))
        count = asyncio.run(_do(settings, url, lambda db, _: pauses.inside(db, name)))
        if not as_json:
            out.print(f"this removes {_leads(count)} from {_title(name)}", markup=False)
        if not yes and (as_json or not sys.stdin.isatty()):
            raise Stop("nothing changed: ending a campaign cannot be undone; to confirm without a prompt, pass --yes")
        if not yes and not typer.confirm("end it?"):
            err.print("nothing changed")
            raise typer.Exit(FAILED)
        done = asyncio.run(_do(settings, url, lambda db, clock: pauses.stop(db, clock, name, who, because)))
        carry_out(settings, url, [done.job] if done.job else [], done.leads, quiet=as_json)
    if as_json:
        print_json(asdict(done))
    else:
        out.print(f"ended {_title(name)}; the workers are removing {_leads(done.leads)}", markup=False)


async def _do(settings: Settings, url: str, what: Callable[[Database, Any], Awaitable[Any]]) -> Any:
    from engine.platform.clock import parse_clock
    from engine.runtime.epochs import Refused
    from engine.store.db import Database

    db = Database(url, size=2)
    try:
        return await what(db, parse_clock(settings.clock))
    except Refused as refusal:
        raise Stop(str(refusal), FAILED) from None
    finally:
        await db.close()


async def _named(settings: Settings, url: str, campaign: str | None, everything: bool) -> str:
    """The campaign as it is written; empty for all. Raises Stop, with near names."""
    from engine.cli.lookup import named
    from engine.deploying import pauses

    if everything == bool(campaign):
        raise Stop("name a campaign, or pass --all")
    if not campaign:
        return pauses.EVERYTHING
    name, over = await _do(settings, url, lambda db, _: named(db, campaign))
    if over:
        raise Stop(f'campaign "{campaign}" is no longer deployed and has no leads in it', FAILED)
    return str(name)


def _span(text: str) -> timedelta:
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|m|min|h|d)?\s*", text)
    if match is None or (match[2] is None and float(match[1])):
        raise Stop(f"`{text}` is not a length of time; use 30min, 1h, or 0")
    return timedelta(seconds=float(match[1]) * _UNITS[match[2] or "s"])


def _account() -> str:
    from engine.cli.deploy import account

    return account()


def _title(name: str) -> str:
    return f'campaign "{name}"' if name else "all campaigns"


def _again(name: str) -> str:
    return f'coldframe resume "{name}"' if name else "coldframe resume --all"


def _leads(many: int) -> str:
    from engine.deploying.impact_words import count_leads

    return count_leads(many)

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
All = Annotated[bool, typer.Option("--all", help="Every campaign at once, also those that are deployed later.")]
Author = Annotated[str | None, typer.Option(help="Who does it. [default: your account's name]")]
Because = Annotated[str, typer.Option("--because", help="Why, for those who look later.")]
Json = Annotated[bool, typer.Option("--json", help="Print what was done as JSON.")]

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


def pause(
    campaign: Campaign = None,
    everything: All = False,
    author: Author = None,
    because: Because = "",
    as_json: Json = False,
) -> None:
    """Hold every lead of a campaign where it is: no mail leaves, nobody is handed to sales.

    From the moment the command returns. Clicks, forms and replies are stored as always; leads who enter meanwhile are
    enrolled and rest at their first step. What sales already has goes on. `coldframe resume` lets them go on.

    Example: `coldframe pause "Whitepaper nurture" --because "wrong price in the second mail"`
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
            f"{_title(name)} is paused with {_leads(done.leads)} inside; go on with `{_again(name)}`", markup=False
        )


def resume(
    campaign: Campaign = None,
    everything: All = False,
    spread: Annotated[str, typer.Option(help="Over how long overdue mails leave: 30min, 1h, 0.")] = "1h",
    author: Author = None,
    because: Because = "",
    as_json: Json = False,
) -> None:
    """Let a paused campaign go on, without a burst of overdue mail.

    Waits that have ended meanwhile go on at once. A mail that has become too old for its `within` is skipped and shown
    as "too late"; the others leave spread over an hour, each lead at a moment of its own, none past its `within`. A
    stopped campaign takes new leads again.

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
        out.print(f"{_title(name)} goes on with {_leads(work.leads)} inside", markup=False)


def stop(
    campaign: Annotated[str, typer.Argument(help="The campaign's name.")],
    author: Author = None,
    because: Because = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Take every lead out of a campaign, for good, and let nobody enter it.

    Says how many are inside and asks first; where nobody can be asked, nothing happens without `--yes`. Mails that
    were due are shown as skipped. Nobody enters until the campaign is deployed again or resumed; those who were taken
    out do not come back by themselves.

    Example: `coldframe stop "Whitepaper nurture"`
    """
    from engine.cli.deploy import carry_out
    from engine.deploying import pauses

    settings, who = load_settings(), author or _account()
    with database(settings) as url:
        name = asyncio.run(_named(settings, url, campaign, False))
        count = asyncio.run(_do(settings, url, lambda db, _: pauses.inside(db, name)))
        if not as_json:
            out.print(f"{_leads(count)} inside {_title(name)} would be taken out", markup=False)
        if not yes and (as_json or not sys.stdin.isatty()):
            raise Stop("nothing was changed: leads do not come back from this, so say --yes where nobody can be asked")
        if not yes and not typer.confirm("stop it?"):
            err.print("nothing was changed")
            raise typer.Exit(FAILED)
        done = asyncio.run(_do(settings, url, lambda db, clock: pauses.stop(db, clock, name, who, because)))
        carry_out(settings, url, [done.job] if done.job else [], done.leads, quiet=as_json)
    if as_json:
        print_json(asdict(done))
    else:
        out.print(f"{_title(name)} is stopped: the workers take {_leads(done.leads)} out", markup=False)


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
        raise Stop("say which: the campaign's name, or --all")
    if not campaign:
        return pauses.EVERYTHING
    name, over = await _do(settings, url, lambda db, _: named(db, campaign))
    if over:
        raise Stop(f'campaign "{campaign}" is not deployed any more, and nobody is inside', FAILED)
    return str(name)


def _span(text: str) -> timedelta:
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|m|min|h|d)?\s*", text)
    if match is None or (match[2] is None and float(match[1])):
        raise Stop(f"`{text}` is not a span of time: write 30min, 1h or 0")
    return timedelta(seconds=float(match[1]) * _UNITS[match[2] or "s"])


def _account() -> str:
    from engine.cli.deploy import account

    return account()


def _title(name: str) -> str:
    return f'campaign "{name}"' if name else "everything"


def _again(name: str) -> str:
    return f'coldframe resume "{name}"' if name else "coldframe resume --all"


def _leads(many: int) -> str:
    from engine.cli.impact import leads

    return leads(many)

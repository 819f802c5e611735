"""`coldframe why`: what happened to a lead in a campaign, what did not, and the line that decided it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.common import FAILED, Stop, database, load_settings, out, print_json
from engine.wording.refusals import NOTHING_DEPLOYED

if TYPE_CHECKING:
    from engine.platform.settings import Settings
    from engine.why.log import Log, Said
    from engine.why.read import Unknown
    from engine.why.tell import Told

_SIGNS = {
    "did": ("•", ""),
    "not": ("×", "yellow"),
    "wait": ("…", "cyan"),
    "warn": ("!", "bold red"),
    "beside": ("·", ""),
}


def why(
    lead: Annotated[str, typer.Argument(help="The lead's email address or id.")],
    campaign: Annotated[
        str | None, typer.Argument(help="The campaign's name. [default: every campaign the lead was in]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Explain what happened to a lead in a campaign, line by line.

    Without a campaign it shows one line for each campaign the lead was in, or the whole story if there is only one.

    Each entry, step, email, wait, and choice comes with the line and the values that decided it, followed by points,
    stages, and sales. It also shows why a lead did not enter. Times are the lead's own, and values are those of the
    time. A value whose history is unknown is marked "as of today".

    Example: `coldframe why ada@lead.example "Whitepaper nurture"`
    """
    from engine.why.tell import as_json as for_programs
    from engine.why.tell import tell

    settings = load_settings(reading=True)
    with database(settings) as url:
        logs = asyncio.run(_read(settings, url, lead, campaign))
    told = [tell(log) for log in logs]
    if as_json:
        whole = [for_programs(log, one) for log, one in zip(logs, told, strict=True)]
        print_json(whole[0] if campaign is not None else whole)
    elif len(logs) == 1:
        show(logs[0], told[0])
    else:
        _list(lead, logs, told)


def _list(lead: str, logs: Sequence[Log], told: Sequence[Told]) -> None:
    """One line for each campaign, the newest run last."""
    from shlex import quote

    from engine.why.tell import standing

    out.print(standing(logs[0]), markup=False, style="dim")
    for one in told:
        out.print(f"• {one.verdict}", markup=False)
    example = f"coldframe why {quote(lead)} {quote(logs[-1].campaign)}"
    out.print(f"\nfor a whole story, name the campaign: `{example}`", markup=False)


async def _read(settings: Settings, url: str, lead: str, campaign: str | None) -> Sequence[Log]:
    from engine.platform.clock import parse_clock
    from engine.store.db import Database
    from engine.why.read import Unknown, campaigns_of, read

    db = Database(url, size=2)
    try:
        now = parse_clock(settings.clock).now()
        names = [campaign] if campaign is not None else await campaigns_of(db, lead)
        if not names:
            said = f"{lead} has not been in any campaign; name one to see why: `coldframe why {lead} CAMPAIGN`"
            raise Stop(said, FAILED)
        return [await read(db, lead, name, now) for name in names]
    except Unknown as error:
        raise explained(error) from None
    finally:
        await db.close()


def explained(error: Unknown) -> Stop:
    """What is not there, with what there is instead."""
    from dsl.problems.near import did_you_mean, near

    if error.what == "deployment":
        return Stop(NOTHING_DEPLOYED, FAILED)
    close = near(error.word, error.names) or (error.names[:10] if error.what == "campaign" else ())
    asked = did_you_mean(close) or "`coldframe status` shows the leads there are"
    verb = "named" if error.what == "campaign" else "with the address or id"
    return Stop(f"no {error.what} {verb} `{error.word}`: {asked}", FAILED)


def show(log: Log, told: Told) -> None:
    """The same for people."""
    from engine.why.tell import standing

    out.print(told.verdict, markup=False, style="bold")
    out.print(standing(log), markup=False, style="dim")
    for run, lines in told.runs:
        if len(told.runs) > 1:
            out.print(f"\nRun {run.number}", markup=False, style="bold")
        else:
            out.print()
        _lines(log, lines)
    if told.outside:
        out.print(
            "\nWhy the lead did not enter again" if told.runs else "\nWhy the lead did not enter",
            markup=False,
            style="bold",
        )
        _lines(log, told.outside)


def _lines(log: Log, lines: Iterable[Said]) -> None:
    from rich.text import Text

    last = ""
    for one in lines:
        when = log.local(one.at) if one.at else ""
        shown = when if when != last else ""
        last = when
        sign, style = _SIGNS[one.tone]
        row = Text(f"{shown:20} ", "dim").append(f"{sign} ", style).append(one.text, style)
        if one.source:
            row.append(f"  {one.source}", "dim")
        out.print(row)
        if one.why:
            out.print(Text(f"{'':23}{one.why}", "dim italic"))

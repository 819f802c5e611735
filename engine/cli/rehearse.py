"""`coldframe replay`: the last days of real events through a draft of the campaigns, compared with what happened."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.common import Stop, database, err, load_settings, out, print_json
from engine.cli.lookup import campaign_of

if TYPE_CHECKING:
    from engine.cli.workspace import Examined
    from engine.platform.settings import Settings
    from engine.simulation.rehearsal import Line, Rehearsal

ASSUMED = (
    "Assumptions: if the draft sends an email from the same template within a day of the real one, the lead opens and "
    "clicks it as before. Reactions to other emails are dropped. Sales decides as it did, and a test of "
    "variants has the winner it had. Anything the log does not record is taken from today."
)

_SPAN = re.compile(r"\s*(\d{1,4})\s*(d|day|days|w|week|weeks)\s*", re.ASCII)


def rehearse(
    path: Annotated[
        Path | None, typer.Argument(help="The folder of the draft; also --path. [default: COLDFRAME_CAMPAIGNS]")
    ] = None,
    last: Annotated[str, typer.Option(help='How far back to go: "30 days", "8 weeks".')] = "30 days",
    campaign: Annotated[str | None, typer.Option(help="Compare only this campaign, and lead stages.")] = None,
    show_addresses: Annotated[
        bool, typer.Option("--show-addresses", help="Show example leads by address instead of id.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Replay recent real events through a draft and compare the results.

    It shows what the draft would have done differently, and changes nothing in the database. Events from outside
    (forms, visits, clicks, deals, decisions by sales) happen again. Entries, emails, points, stages, and handoffs are
    computed again and compared.

    Example: `coldframe replay campaigns --last 30 days --campaign "Whitepaper nurture"`
    """
    from engine.cli.simulate import examined

    span = _span(last)
    found = examined(path, as_json)
    settings = load_settings(reading=True)
    with database(settings) as url:
        rehearsal = asyncio.run(_rehearse(settings, url, found, span, campaign))
    lines = rehearsal.lines()
    if not show_addresses:
        for line in lines:
            for example in line.examples:
                example.pop("email", None)
    if as_json:
        print_json(_as_json(rehearsal, lines))
    else:
        _show(rehearsal, lines)


def with_spans(arguments: Sequence[str]) -> list[str]:
    """Words of a command line in which `--last 30 days` is one value, as if it were in quotes."""
    joined: list[str] = []
    for word in arguments:
        if joined[-2:-1] == ["--last"] and joined[-1].isdigit() and _SPAN.fullmatch(f"1 {word}"):
            joined[-1] += f" {word}"
        else:
            joined.append(word)
    return joined


def _span(text: str) -> timedelta:
    match = _SPAN.fullmatch(text)
    if match is None or not 0 < int(match[1]) <= 1000:
        raise Stop(f"--last {text!r} is not a number of days or weeks; write --last 30 days")
    return timedelta(days=int(match[1]) * (7 if match[2].startswith("w") else 1))


async def _rehearse(
    settings: Settings, url: str, found: Examined, span: timedelta, campaign: str | None
) -> Rehearsal:  # fmt: skip
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from engine.platform.clock import parse_clock
    from engine.simulation.rehearsal import Rehearsal
    from engine.simulation.simulation import deployment_of
    from engine.store import past
    from engine.store.db import Database

    assert found.program is not None
    if campaign is not None:
        campaign_of(found.program, campaign)
    now = parse_clock(settings.clock).now()
    rehearsal = Rehearsal(deployment_of(found.program, found.assets), now - span, now, campaign=campaign)
    db = Database(url, size=2)
    try:
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
        with Progress(*columns, console=err, transient=True) as progress:
            task = progress.add_task("leads", total=await past.count(db, now - span, now))
            async for one in past.pasts(db, now - span, now):
                rehearsal.add(one)
                progress.advance(task)
    finally:
        await db.close()
    return rehearsal


def _as_json(rehearsal: Rehearsal, lines: Sequence[Line]) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "since": rehearsal.since.isoformat(), "until": rehearsal.until.isoformat(), "leads": rehearsal.leads,
        "differing": rehearsal.differing, "dropped": dict(rehearsal.dropped), "assumed": ASSUMED,
        "differences": [asdict(line) for line in lines],
    }  # fmt: skip


_TITLES = {"entries": "Entries", "mails": "Emails", "stages": "Stages", "handoffs": "Handoffs", "points": "Points"}


def _show(rehearsal: Rehearsal, lines: Sequence[Line]) -> None:
    from engine.deploying.impact_words import count_leads

    out.print(
        f"replayed {count_leads(rehearsal.leads)} with events since {rehearsal.since:%Y-%m-%d}; the draft differs for "
        f"{rehearsal.differing:,} of them", markup=False,
    )  # fmt: skip
    for kind, title in _TITLES.items():
        own = [line for line in lines if line.kind == kind]
        if own:
            out.print(f"\n[bold]{title}[/]")
        for line in own:
            _show_line(line)
    if rehearsal.dropped:
        counts = ", ".join(f"{many} {type}" for type, many in sorted(rehearsal.dropped.items()))
        out.print(f"\ndropped, because the draft sent no matching email or handoff: {counts}", markup=False)
    out.print(f"\n{ASSUMED}", markup=False)


def _show_line(line: Line) -> None:
    name = " · ".join(part for part in (line.campaign, line.what) if part)
    parts = [
        f"{many:,} lead{'' if many == 1 else 's'} {word}"
        for many, word in ((line.added, "more"), (line.missing, "fewer"))
        if many
    ]
    place = f"   {line.source}" if line.source else ""
    out.print(f"  {name}: {line.real:g} → {line.draft:g} ({', '.join(parts)}){place}", markup=False)
    for example in line.examples:
        who = example.get("email") or example["lead"]
        out.print(f"      {who}: {example['real']} → {example['draft']}", markup=False, style="dim")

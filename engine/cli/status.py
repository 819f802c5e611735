"""`coldframe status`: where each lead is, what it is waiting for, and what needs attention."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.common import database, load_settings, out, print_json
from engine.wording.refusals import NOTHING_DEPLOYED

if TYPE_CHECKING:
    from engine.platform.settings import Settings
    from engine.reports.status import Status


def status(
    campaign: Annotated[str | None, typer.Option(help="Show only this campaign, with its leads and handoffs.")] = None,
    lead: Annotated[str | None, typer.Option(help="Show only the lead with this email address or id.")] = None,
    many: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="The most leads and handoffs to list.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Show where every lead is and what it is waiting for.

    Leads and handoffs that need attention come first. It reads only PostgreSQL, so it works while Temporal is down.

    Example: `coldframe status --campaign "Whitepaper nurture"`
    """
    settings = load_settings(reading=True)
    with database(settings) as url:
        found = asyncio.run(_ask(settings, url, campaign, lead, many))
    if as_json:
        print_json(asdict(found))
    else:
        show(found)


async def _ask(settings: Settings, url: str, campaign: str | None, lead: str | None, many: int) -> Status:
    from engine.cli.lookup import named
    from engine.cli.why import explained
    from engine.platform.clock import parse_clock
    from engine.reports.status import status as ask
    from engine.store.db import Database
    from engine.why.read import Unknown, find_lead

    clock = parse_clock(settings.clock)
    db = Database(url, size=2)
    try:
        if campaign is not None:
            campaign, _ = await named(db, campaign)
        id = None
        if lead is not None:
            async with db.engine.connect() as connection:
                id = (await find_lead(connection, lead)).id
        return await ask(db, clock.now(), clock.real(), campaign=campaign, lead=id, many=many)
    except Unknown as error:
        raise explained(error) from None
    finally:
        await db.close()


def show(found: Status) -> None:
    """The same as tables."""
    from engine.deploying.pauses import SHOWN

    if found.epoch is None:
        out.print(NOTHING_DEPLOYED, markup=False)
        return
    mails = ", ".join(f"{many} {_SENDS.get(state, state)}" for state, many in found.mails.items()) or "none"
    stages = ", ".join(f"{many} {stage}" for stage, many in found.stages.items()) or "none yet"
    out.print(f"deployment {found.epoch} · leads: {stages} · emails: {mails} · outbox: {found.outbox}", markup=False)
    if found.suppressed:
        reasons = ", ".join(f"{many} {reason}" for reason, many in found.suppressed.items())
        out.print(f"suppressed: {reasons}", markup=False)
    if found.unmailed:
        groups = ", ".join(f'{one["kind"]} "{one["name"]}" ({one["leads"]:,})' for one in found.unmailed)
        out.print(f"no marketing email, with the leads in each: {groups}", markup=False)
    if found.complaints:
        share = f" ({found.complaints / found.recent:.2%})" if found.recent else ""
        said = f"complaints in 30 days: {found.complaints} among {found.recent} emails{share}"
        if found.alarming:
            said += "; at 0.08% and above, mailbox providers may start to filter your email; "
            said += "`coldframe pause` pauses a campaign"
        out.print(said, markup=False, style="bold yellow" if found.alarming else "")
    for gate in found.closed_gates:
        since = f" since {gate['since'][:16].replace('T', ' ')} UTC" if gate["since"] else ""
        said = f"sending through {gate['provider']} is on hold{since} until {gate['until'][:16].replace('T', ' ')} UTC"
        out.print(f"{said}: {gate['reason']}; `coldframe gate open` ends it", markup=False, style="bold yellow")
    if found.set_aside:
        fates = ", ".join(f"{many} {fate}" for fate, many in found.set_aside.items())
        said = f"set aside: {fates}; the provider named another address than the email's"
        out.print(said, markup=False, style="bold yellow")
    if any(found.posts.values()):
        later, failed = found.posts["waiting"], found.posts["failed"]
        said = f"posts to other systems: {later} waiting for another attempt, {failed} failed within a day; "
        out.print(f"{said}`coldframe webhooks list` shows them", markup=False, style="bold yellow" if failed else "")
    for one in found.held:
        which = f'campaign "{one["campaign"]}" has been' if one["campaign"] else "all campaigns have been"
        why = f": {one['reason']}" if one["reason"] else ""
        state = SHOWN[one["state"]]
        said = f"{which} {state} since {one['at']:%Y-%m-%d %H:%M} UTC by {one['author']}{why}"
        out.print(said, markup=False, style="bold yellow")
    _table("Leads that need attention", found.parked, ("email", "attention"), found.now)
    _table("Campaigns", found.campaigns, ("campaign", "live", "entered", "attention"), found.now)
    _table("Steps", found.steps, ("campaign", "source", "what", "leads", "next"), found.now)
    _table("Emails held back", found.held_back, ("campaign", "source", "leads", "next", "held"), found.now)
    waiting = ("campaign", "email", "stage", "score", "what", "due_at", "held", "attention")
    _table("Leads", found.waiting, waiting, found.now)
    _table("Open handoffs", found.handoffs, ("team", "member", "email", "phase", "due_at", "attention"), found.now)


_SENDS = {"accepted": "sent"}
"""What is stored, and what people read."""
_HEADS = {
    "source": "source", "what": "waiting for", "due_at": "due (UTC)", "next": "next due (UTC)",
    "attention": "needs attention", "member": "team member", "held": "held back because",
}  # fmt: skip


def _table(title: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str], now: datetime) -> None:
    from rich.table import Table
    from rich.text import Text

    if not rows:
        return
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    shown = [column for column in columns if any(row[column] not in (None, "", 0) for row in rows)]
    for column in shown:
        table.add_column(_HEADS.get(column, column), overflow="fold")
    for row in rows:
        style = "bold yellow" if row.get("attention") else ""
        table.add_row(*(Text(_cell(row[column], now)) for column in shown), style=style)
    out.print(table)


def _cell(value: Any, now: datetime) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} ({_distance((value - now).total_seconds())})"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _distance(seconds: float) -> str:
    """How far away an instant is, in its largest unit."""
    size = abs(seconds)
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if size >= length:
            text = f"{size / length:.0f} {unit}"
            break
    else:
        text = f"{size:.0f} s"
    return f"in {text}" if seconds >= 0 else f"{text} ago"

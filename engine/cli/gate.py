"""`coldframe gate`: see whether sending is on hold, and end it once the cause is gone."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.common import Stop, database, load_settings, out, print_json

if TYPE_CHECKING:
    from engine.platform.settings import Settings


def gate(
    action: Annotated[str, typer.Argument(help="`open` ends the hold; without it the gates are shown.")] = "show",
    provider: Annotated[str | None, typer.Option(help="Only this email provider, such as sendgrid.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the gates as JSON.")] = False,
) -> None:
    """Show or end a hold on sending.

    Coldframe closes the gate when the email provider refuses everything, for example with a revoked API key. It opens
    on its own at the time shown. `coldframe gate open` opens it now; emails that wait go out within seconds.

    Example: `coldframe gate open`
    """
    if action not in ("show", "open"):
        raise Stop(f"`{action}` is not an action; use `coldframe gate` or `coldframe gate open`")
    settings = load_settings(reading=True)
    with database(settings) as url:
        found = asyncio.run(_ask(settings, url, provider, opening=action == "open"))
    if as_json:
        print_json({"opened" if action == "open" else "closed": found})
    elif not found:
        out.print("no gate is closed: emails go out", markup=False)
    for one in [] if as_json else found:
        since = f" since {one['since']}" if one["since"] else ""
        opened = f"opened {one['provider']}, which was closed{since}: {one['reason']}"
        closed = f"{one['provider']} is closed{since} until {one['until']}: {one['reason']}"
        out.print(opened if action == "open" else closed, markup=False)


async def _ask(settings: Settings, url: str, provider: str | None, *, opening: bool) -> list[dict[str, Any]]:
    from engine.platform.clock import parse_clock
    from engine.store import gates
    from engine.store.db import Database

    db, now = Database(url, size=1), parse_clock(settings.clock).real()
    try:
        found = await gates.closed(db, now, provider)
        if opening:
            await gates.open_all(db, now, provider)
        return [{**one, "until": _written(one["until"]), "since": _written(one["since"])} for one in found]
    finally:
        await db.close()


def _written(at: datetime | None) -> str | None:
    return None if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"

"""`coldframe dev`: everything on this machine, until Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.common import Stop, err, load_settings, out

if TYPE_CHECKING:
    from engine.cli.stack import Stack
    from engine.platform.settings import Settings


def dev(
    path: Annotated[Path | None, typer.Argument(help="The workspace folder. [default: COLDFRAME_CAMPAIGNS]")] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh/--keep", help="Start with empty servers, or keep the existing data.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, max=16, help="The number of worker processes.")] = 1,
) -> None:
    """Run everything locally until you press Ctrl-C.

    Brings the database to the newest schema, deploys the workspace, prints the addresses, and starts again whatever
    ends by itself. Data and logs are under `COLDFRAME_HOME`; Ctrl-C stops everything in order. A server that
    `DATABASE_URL` or `TEMPORAL_ADDRESS` names is used instead of an embedded one.

    Example: `coldframe dev --fresh`
    """
    settings = load_settings(campaigns=path)
    asyncio.run(_dev(settings, fresh=fresh, workers=workers))


async def _dev(settings: Settings, *, fresh: bool, workers: int) -> None:
    from engine.cli.stack import Stack

    stack = Stack(settings, fresh=fresh, workers=workers, temporal_page=True, say=say)
    with suppress(asyncio.CancelledError), until_stopped(stack.hurry):
        async with stack:
            await deploy_or_explain(stack)
            addresses(stack)
            await asyncio.Event().wait()
    err.print("stopped")


class until_stopped:
    """The first Ctrl-C or SIGTERM cancels the surrounding task, the second calls `hurry`."""

    def __init__(self, hurry: Callable[[], None]) -> None:
        self._hurry = hurry
        self._asked = False

    def __enter__(self) -> None:
        self._task = asyncio.current_task()
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, self._stop)

    def __exit__(self, *_: object) -> None:
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().remove_signal_handler(name)

    def _stop(self) -> None:
        if self._asked:
            self._hurry()
        elif self._task is not None:
            self._asked = True
            say("stopping; press Ctrl-C again to stop without waiting for work in progress")
            self._task.cancel()


async def deploy_or_explain(stack: Stack) -> None:
    """Deploy the workspace; with errors in it they are shown, nothing is deployed, and the stack stays."""
    from dsl.problems.diagnostics import as_text
    from engine.cli.deploy import described, put_into_force
    from engine.cli.workspace import examine

    folder = stack.settings.campaigns
    try:
        found = await asyncio.to_thread(examine, folder)
        if found.program is None:
            out.print(as_text(found.diagnostics, found.files), markup=False)
            say(f"{folder} has errors, so nothing was deployed; fix them and run `coldframe deploy`")
            return
        say(described(await put_into_force(stack.settings, stack.database_url, found, "coldframe dev")))
    except Stop as problem:
        say(f"nothing was deployed: {problem}")


def say(line: str) -> None:
    """One line about what happens, on standard error."""
    err.print(f"· {line}", style="dim", markup=False)


def addresses(stack: Stack, last: str = "the data stays for the next time") -> None:
    """Where everything is, and how it ends."""
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    rows = [
        ("Coldframe", stack.base_url),
        (
            "Mailbox",
            f"{stack.base_url}/mailbox" if stack.settings.sendgrid_api_key is None else "email goes to SendGrid",
        ),
        ("Temporal", stack.temporal_page or stack.temporal_address or "as its own settings say"),
        ("Metrics", ", ".join(f"{part.address}/metrics" for part in stack.parts.values() if part.ours)),
        ("Logs", str(stack.home / "logs")),
    ]
    for name, value in rows:
        table.add_row(name, value)
    out.print(table)
    out.print(f"Ctrl-C stops everything; {last}.")

"""`coldframe dev`: everything on this machine, until Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from engine.cli.common import Stop, err, load_settings, need_secrets, out

if TYPE_CHECKING:
    from engine.cli.stack import Stack
    from engine.model.ports import Clock
    from engine.platform.settings import Settings


LOOK_EVERY = 1.0
"""Real seconds between two looks for emails that are held back."""
MOST_FORMS = 3
"""Forms whose addresses are shown."""


def dev(
    path: Annotated[
        Path | None, typer.Argument(help="The workspace folder; also --path. [default: COLDFRAME_CAMPAIGNS]")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", help='Set the time, such as "tomorrow 09:00", "monday 8:30" or "2026-12-24 08:30".'),
    ] = None,
    speed: Annotated[
        str | None, typer.Option(help="Let time pass this many times as fast: with 60, an hour takes a minute.")
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh/--keep", help="Start with empty servers, or keep what is there.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, max=16, help="The number of worker processes.")] = 1,
) -> None:
    """Run everything locally until you press Ctrl-C.

    Starts PostgreSQL, Temporal, the web process and a worker, deploys the workspace, prints the addresses, and restarts
    any part that ends on its own. Data and logs are under `COLDFRAME_HOME`. If `DATABASE_URL` or `TEMPORAL_ADDRESS`
    names a server, that server is used.

    Emails wait for send windows and quiet hours. To see the first one in the evening too, set the time with `--at`; it
    is in the workspace's time zone. To watch a wait of days, add `--speed`. Other commands use the same time, and the
    next `coldframe dev` continues from where this one stopped. `--fresh` goes back to the real time.

    Example: `coldframe dev --fresh --at "tomorrow 09:00" --speed 60`
    """
    from engine.cli.dev_clock import misplaced

    if path is not None and at is not None:
        misplaced(path)
    settings = load_settings(campaigns=path)
    need_secrets(settings)
    settings = settings.model_copy(update={"checkout": settings.checkout or settings.campaigns})
    asyncio.run(_dev(settings, fresh=fresh, workers=workers, at=at, speed=speed))


async def _dev(settings: Settings, *, fresh: bool, workers: int, at: str | None, speed: str | None) -> None:
    from engine.cli.dev_clock import from_environment, local, refuse_turning_back, shown, wanted_clock
    from engine.cli.stack import Stack
    from engine.platform.clock import keep_clock, parse_clock

    if fresh and not from_environment():
        settings = settings.model_copy(update={"clock": ""})
    zone = await asyncio.to_thread(_zone, settings)
    clock = wanted_clock(settings, zone, at, speed)

    async def migrated(url: str) -> None:
        if clock is not None:
            await refuse_turning_back(url, clock, zone)
        if settings.database_url is None:
            keep_clock(settings.home, clock)

    stack = Stack(
        settings, clock=clock, fresh=fresh, workers=workers, temporal_page=True, say=say, migrated=migrated
    )  # fmt: skip
    with suppress(asyncio.CancelledError), until_stopped(stack.hurry):
        async with stack:
            if clock is not None:
                clock.start()
            forms = await deploy_or_explain(stack)
            at = shown(clock, zone) if clock is not None else ""
            addresses(stack, await desk_address(stack), clock=at, forms=forms)
            if clock is not None and settings.database_url is not None:
                out.print(f"Other commands need COLDFRAME_CLOCK='{clock.describe()}'.", markup=False)
            try:
                await tell_what_waits(stack, parse_clock(stack.settings.clock), zone)
            finally:
                if clock is not None and settings.database_url is None:
                    keep_clock(settings.home, clock, running=False)
                    say(f"the time stops at {local(clock.now(), zone)}; the next `coldframe dev` continues from there")
    err.print("stopped")


def _zone(settings: Settings) -> str:
    """The workspace's time zone; UTC where its files have errors."""
    from engine.cli.workspace import examine

    try:
        found = examine(settings.campaigns)
    except Stop:
        return "UTC"
    return found.program.workspace.timezone if found.program is not None else "UTC"


async def tell_what_waits(stack: Stack, clock: Clock, zone: str) -> None:
    """Until cancelled: say now which campaigns cannot send, and then each email that is held back, once."""
    from engine.cli.dev_clock import HeldBack, closed_now
    from engine.cli.workspace import examine

    with suppress(Stop):
        found = await asyncio.to_thread(examine, stack.settings.campaigns)
        for line in closed_now(found.program, clock.now()) if found.program is not None else ():
            say(line)
    held = HeldBack(stack.database_url, clock, zone)
    try:
        while True:
            for line in await held.news():
                say(line)
            await asyncio.sleep(LOOK_EVERY)
    finally:
        await held.close()


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


async def deploy_or_explain(stack: Stack) -> Sequence[str]:
    """Deploy the workspace and return the names of its forms. With errors in it they are shown, nothing is deployed,
    and the stack stays."""
    from dsl.problems.diagnostics import as_text
    from engine.cli.deploy import described, put_into_force
    from engine.cli.spend_folder import import_spend
    from engine.cli.workspace import examine

    folder = stack.settings.campaigns
    try:
        found = await asyncio.to_thread(examine, folder)
        if found.program is None:
            out.print(as_text(found.diagnostics, found.files), markup=False)
            say(f"{folder} has errors, so nothing was deployed; fix them and run `coldframe deploy`")
            return ()
        say(described(await put_into_force(stack.settings, stack.database_url, found, "coldframe dev")))
        if found.program.workspace.spend_files:
            await asyncio.to_thread(import_spend, stack.settings, stack.database_url, folder, found.program)
    except Stop as problem:
        say(f"nothing was deployed: {problem}")
        return ()
    return [form.name for form in found.program.forms]


def say(line: str) -> None:
    """One line about what happens, on standard error."""
    err.print(f"· {line}", style="dim", markup=False)


async def desk_address(stack: Stack) -> str:
    """Where the desk is. Until somebody has chosen a password, a link comes with it that signs the admin in once; where
    a database is named, other people use it too, and `coldframe user add` makes its users."""
    from engine.access.users import local_admin
    from engine.runtime.runtime import open_runtime

    if stack.named_database:
        return f"{stack.base_url}/desk; `coldframe user add` adds users"
    async with open_runtime(stack.settings, size=2) as rt:
        path = await local_admin(rt)
    return f"{stack.base_url}{path or '/desk'}" + (" (signs you in, once)" if path else "")


def addresses(
    stack: Stack, desk: str, last: str = "the data stays for the next time", clock: str = "", forms: Sequence[str] = ()
) -> None:  # fmt: skip
    """Where everything is, and how it ends. `clock`: the time, if it is not the real one. `forms`: those to try."""
    rows = [
        ("Desk", desk),
        ("Coldframe", stack.base_url),
        *[("Form", f"{stack.base_url}/f/{quote(name, safe='')}") for name in forms[:MOST_FORMS]],
        (
            "Mailbox",
            f"{stack.base_url}/mailbox" if stack.settings.sendgrid_api_key is None else "email goes to SendGrid",
        ),
        ("Temporal", stack.temporal_page or stack.temporal_address or "as its own settings say"),
        ("Metrics", ", ".join(f"{part.address}/metrics" for part in stack.parts.values() if part.ours)),
        ("Logs", str(stack.home / "logs")),
        *([("Time", clock)] if clock else []),
    ]
    width = max(len(name) for name, _ in rows)
    for name, value in rows:  # no table: it would cut what is longer than the terminal, such as the link to the desk
        out.print(f"{name:<{width}}  {value}", markup=False)
    out.print(f"Ctrl-C stops everything; {last}.")

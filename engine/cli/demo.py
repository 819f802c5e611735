"""`coldframe demo`: two weeks of a campaign on real parts, in little more than a minute."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.common import FAILED, Stop, err, load_settings, print_json

if TYPE_CHECKING:
    from rich.console import Console

    from engine.cli.stack import Stack
    from engine.demo.people import Person
    from engine.demo.summary import Summary
    from engine.platform.clock import HeldClock
    from engine.platform.settings import Settings
    from engine.store.db import Database

CAMPAIGNS = Path(__file__).resolve().parents[2] / "campaigns"
INTERRUPTED = 130


def demo(
    leads: Annotated[int, typer.Option(min=1, max=200, help="The number of simulated leads.")] = 25,
    seed: Annotated[int, typer.Option(help="Random seed; the same seed gives the same leads.")] = 7,
    speed: Annotated[
        float,
        typer.Option(min=0.1, max=3, help="How fast time passes: at 1, a day takes 5 seconds; 2 is twice as fast."),
    ] = 1.0,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep everything running afterwards, until you press Ctrl-C.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON instead of the timeline.")] = False,
) -> None:
    """Watch two simulated weeks of the sample campaigns in about a minute.

    It starts its own PostgreSQL, Temporal, web process, and worker in `.coldframe/demo`, empty each time, and plays two
    weeks on a fast clock. People submit forms, read emails, click, and unsubscribe, and sales accepts or rejects leads.
    Everything works as in production, but emails stay in the built-in mailbox. It stops on its own and checks the
    results. Exits with 0 if every check passes, 1 if one fails.

    Example: `coldframe demo --keep`
    """
    if keep and as_json:
        raise Stop("--json prints the result at the end, and --keep never ends; choose one")
    from engine.demo.look import environment

    begins = environment(load_settings().home / "demo")
    settings = _settings()
    try:
        summary = asyncio.run(_demo(settings, begins, leads=leads, seed=seed, speed=speed, keep=keep, as_json=as_json))
    except asyncio.CancelledError:
        err.print("stopped early")
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        print_json(summary.as_json())
    if not summary.holds:
        err.print(f"a check failed; the logs are in {settings.home / 'logs'}", markup=False)
        raise typer.Exit(FAILED)


def _settings() -> Settings:
    """The demo's own: whatever this machine is set up for, no real database, cluster or mail account is touched."""
    from engine.platform.private import private_folder

    home = load_settings().home / "demo"
    for name in list(os.environ):
        ours = name.startswith("COLDFRAME_") and not name.startswith("COLDFRAME_LOG_")
        if ours or name.startswith(("TEMPORAL_", "SENDGRID_")) or name == "DATABASE_URL":
            del os.environ[name]
    private_folder(home)
    for old in (home / "logs").glob("*.log"):
        old.unlink()
    os.environ["TEMPORAL_CONFIG_FILE"] = str((home / "temporal.toml").absolute())
    return load_settings(home=home, campaigns=CAMPAIGNS)


async def _demo(
    settings: Settings, begins: str, *, leads: int, seed: int, speed: float, keep: bool, as_json: bool
) -> Summary:
    """`begins`: what a command line begins with to use the demo's data."""
    from rich.console import Console

    from engine.cli.dev import say, until_stopped
    from engine.cli.stack import Stack
    from engine.demo.people import cast
    from engine.platform.clock import VirtualClock, keep_clock

    keep_clock(settings.home, None)
    stack = Stack(
        settings, fresh=True, web=False, workers=0, temporal_page=keep, say=say,
        environment={"COLDFRAME_MAILS_PER_SECOND": "200"},
    )  # fmt: skip
    console = Console(highlight=False, stderr=as_json, quiet=as_json)
    if not console.is_terminal:
        console.width = 140
    _announce(console, leads, speed)
    with until_stopped(stack.hurry):
        async with stack:
            people = cast(seed, leads)
            summary, clock = await _play(stack, console, people, seed, speed)
            keep_clock(stack.home, clock)
            try:
                await _show_looks(stack, console, begins, keep)
                if keep:
                    await _stay(stack)
            finally:
                keep_clock(stack.home, VirtualClock(clock.now(), clock.real(), 1), running=False)
    return summary


async def _show_looks(stack: Stack, console: Console, begins: str, keep: bool) -> None:
    """Say what there is to look at now, and how."""
    from engine.demo.look import commands, pages
    from engine.demo.show import show_looks
    from engine.store.db import Database

    db = Database(stack.database_url, size=1)
    try:
        looks = await commands(db, begins, stack.settings.campaigns, running=keep)
    finally:
        await db.close()
    show_looks(console, [*(pages(stack.base_url) if keep else ()), *looks], keep)


def _announce(console: Console, leads: int, speed: float) -> None:
    from engine.demo.story import DAY_SECONDS, LENGTH

    seconds = LENGTH / timedelta(days=1) * DAY_SECONDS / speed
    console.print(f"[bold]Acme Pumps, two weeks in September[/]: {leads} simulated leads, about {seconds:.0f} seconds")
    console.print("The forms, emails, clicks, and buttons are real. The people and the clock are simulated.\n")


async def _play(
    stack: Stack, console: Console, people: list[Person], seed: int, speed: float
) -> tuple[Summary, HeldClock]:
    from engine.cli.dev import say
    from engine.cli.report import show
    from engine.cli.workspace import examine
    from engine.demo.figures import reports
    from engine.demo.show import Display, show_summary
    from engine.demo.story import Story, clock_for
    from engine.demo.summary import Summary, settle, summarise
    from engine.reports.formats import as_json as for_programs
    from engine.store.db import Database

    found = await asyncio.to_thread(examine, stack.settings.campaigns)
    if found.program is None:
        raise Stop(f"{stack.settings.campaigns} has errors; `coldframe check` shows them", FAILED)
    program = found.program
    zone = program.workspace.timezone
    clock = clock_for(zone, stack.home / "clock", speed)
    clock.signal.unlink(missing_ok=True)
    stack.set_clock(clock)
    db = Database(stack.database_url, size=4)
    try:
        key = await _prepare(stack, db, clock)
        await asyncio.gather(stack.add_web(), stack.add_worker())
        story = Story(stack.base_url, clock, program, people, key, seed)
        say(f"ready; read the emails at {stack.base_url}/mailbox while it runs")
        with Display(console, zone, people, clock.domain_start, story.end) as display:
            await story.play(db, None if console.quiet else display)
        say("the two weeks are over; finishing work in progress")
        await settle(db, clock)
        summary = await summarise(db, clock, people, story.counts, story.problems)
        read, fact = await reports(db, clock, program, clock.domain_start)
        told = {**summary.figures, "reports": [for_programs(one) for one in read]}
        summary = Summary(told, (*summary.facts, fact))
        show_summary(console, summary)
        for one in read:
            console.print()
            show(one, console)
    finally:
        await db.close()
    return summary, clock


async def _prepare(stack: Stack, db: Database, clock: HeldClock) -> str:
    """Deploy the workspace, and make an API key for the company's other system."""
    from engine.access.keys import make_key
    from engine.cli.dev import deploy_or_explain

    await deploy_or_explain(stack)
    return await make_key(db, clock, "demo")


async def _stay(stack: Stack) -> None:
    from contextlib import suppress

    from engine.cli.dev import addresses, desk_address

    addresses(
        stack, await desk_address(stack), last="until then, the clock keeps running; the next demo starts from scratch"
    )
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()

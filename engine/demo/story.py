"""The demo's story, from the first visit to the last decision: who plays, who watches, and when it is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from dsl.plan import Program
from engine.demo.colleagues import Office
from engine.demo.leads import Player, robot
from engine.demo.people import Person
from engine.demo.show import Display
from engine.demo.timeline import Timeline
from engine.demo.world import HEAD_START, Postbox, World, patiently
from engine.platform.clock import HeldClock
from engine.store.db import Database

LENGTH = timedelta(days=16, hours=6)
"""Two Tuesdays on which leads are handed over, and time for sales to answer."""
DAY_SECONDS = 5.0
"""Real seconds in which a virtual day passes, at speed 1."""
LOOK_EVERY = 0.3
"""Real seconds between two looks at what has happened."""
CONNECTIONS = httpx.Limits(max_connections=60, max_keepalive_connections=40, keepalive_expiry=2)
"""The server closes a connection that has been idle for 5 seconds; one that is about to be closed is not used again."""


def clock_for(zone: str, signal: Path, speed: float = 1.0) -> HeldClock:
    """The story's clock: it stands at Tuesday 2026-09-01, 08:55 in the workspace's zone, until it is started."""
    start = datetime(2026, 9, 1, 8, 55, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    return HeldClock(start, signal, 86_400 / DAY_SECONDS * speed)


@dataclass
class Story:
    """`counts` and `problems` fill while it is played."""

    base_url: str
    clock: HeldClock
    program: Program
    people: Sequence[Person]
    api_key: str
    seed: int
    problems: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def end(self) -> datetime:
        return self.clock.domain_start + LENGTH

    async def play(self, db: Database, display: Display | None = None) -> None:
        """Start the clock and play to the end, in virtual time; show the timeline meanwhile."""
        transport = httpx.AsyncHTTPTransport(limits=CONNECTIONS)
        async with transport, watching(Timeline(db, self.clock.domain_start), self.clock, display):
            world = World(self.base_url, self.clock, self.api_key, transport)
            await patiently(robot(world), self.problems, "robot")  # before time passes: the first page takes longest
            async with asyncio.TaskGroup() as group:
                playing = [group.create_task(part) for part in self._parts(world)]
                await asyncio.sleep(HEAD_START)
                self.clock.start()
                await world.until(self.end)
                for task in playing:
                    task.cancel()
        self.counts = dict(world.counts)

    def _parts(self, world: World) -> list[Coroutine[Any, Any, None]]:
        postbox = Postbox(world)
        parts = [patiently(postbox.run(), self.problems, "the mailbox")]
        office = Office(self.program, self.people, world, postbox)
        parts += [patiently(shift, self.problems, "sales") for _, shift in office.shifts()]
        for person in self.people:
            player = Player(person, world, postbox, Random(f"{self.seed} {person.address}"))
            parts.append(patiently(self._arrive(player), self.problems, f"lead {person.number}"))
        return parts

    async def _arrive(self, player: Player) -> None:
        at = self.clock.domain_start + player.person.arrives
        await player.world.until(at - timedelta(seconds=HEAD_START * self.clock.factor))
        await player.play(at)


@asynccontextmanager
async def watching(timeline: Timeline, clock: HeldClock, display: Display | None) -> AsyncIterator[None]:
    """Show what happens, until the end of the block, and then what came last."""
    if display is None:
        yield
        return

    async def look() -> None:
        while True:
            display.show(await timeline.news())
            display.tick(clock.now(), await timeline.counts())
            await asyncio.sleep(LOOK_EVERY)

    task = asyncio.create_task(look())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    display.show(await timeline.news())

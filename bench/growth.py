"""Whether taking events in and carrying runs on stay as fast when the log has grown to 20 million events on disk.

Two databases of one PostgreSQL are filled by the same seeded generator, one small, one large: leads, each with a
hundred events, points, emails, ended runs, hits, touches and visits, written wave by wave, so that what belongs to one
lead lies far apart on disk, as time leaves it. Then the same requests go to both in turns, one by one, in one process:

- `intake`: a page view of a lead with a full history, which starts a run;
- `advance`: that run's first call, up to the rest behind its first email;
- `forms`: a form post of somebody new.

Each round asks the same leads, as many in either database. The first one, in which what belongs to them comes from the
disk, is shown by itself as `from_disk`: how long that takes depends on the disk, and most leads who act have acted just
before. A ratio is the time of the large database by that of the small one within a round; of the later rounds median
and spread are printed.

    python -m bench.growth --json                          # about 10 GB in a temporary folder, and twenty minutes
    python -m bench.growth --events 2000000 --home FOLDER  # keeps what was filled, and finds it again
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import uvloop

from bench.filling import EVENTS, fill
from bench.intake import BASE, CAMPAIGN
from bench.workspace import deploy_small, temporary_home
from engine.cli.stack import Stack
from engine.leads.intake import FormPost, Occurrence, record, submit
from engine.mail.null import NullMailer
from engine.model.ports import Wake
from engine.platform.memory import settle_memory
from engine.platform.settings import Settings
from engine.runs.advance import advance
from engine.runtime.runtime import Runtime, open_runtime
from engine.store.migrate import migrate

KINDS = ("intake", "advance", "forms")
Say = Callable[[str], None]
SETTINGS = {
    "max_wal_size": "8GB", "maintenance_work_mem": "512MB", "shared_buffers": "1GB", "wal_compression": "on",
}  # fmt: skip
"""As docs/operations.md advises for a database of this size."""


@dataclass
class Woken:
    """A Runs port that only remembers which run was started last."""

    last: UUID | None = None

    async def deliver(self, wake: Wake) -> None:
        self.last = wake.run


@dataclass
class Side:
    """One of the two databases."""

    rt: Runtime
    runs: Woken
    leads: int
    tag: int = field(default_factory=lambda: int(time.time()))
    """Tells the campaigns and new leads of one measurement from those of another on the same databases."""

    async def deploy(self, campaigns: int) -> None:
        text = BASE + "".join(CAMPAIGN.format(n=self.tag + n) for n in range(campaigns))
        await deploy_small(self.rt, text)

    async def seconds(self, round: int, number: int, of: int) -> dict[str, float]:
        """One request of each kind, by the lead with that number `of` so many. Raises if nothing came of it, so that no
        failure looks fast."""
        took: dict[str, float] = {}
        address, key = f"l{number * (self.leads // of)}@bench.example", f"{self.tag}-{round}-{number}"
        visit = Occurrence("page.visited", f"/landing/{self.tag + round}", {}, email=address, key=key)
        self.runs.last = None
        await _timed(took, "intake", lambda: record(self.rt, visit))
        await self.rt.delivery.settle()
        run = self.runs.last
        if run is None:
            raise RuntimeError(f"no run began for {address}")
        await _timed(took, "advance", lambda: advance(self.rt, run, 0, "start"))
        deployed = self.rt.catalog.current
        assert deployed is not None
        values = {"email": f"n{key}@bench.example", "first_name": "Ann", "company": "Acme"}
        post = FormPost(deployed.forms["enter"], values, ("news",))
        await _timed(took, "forms", lambda: submit(self.rt, post))
        return took


@dataclass(frozen=True)
class Size:
    """Events of the large and the small database, requests of each kind in a round, and rounds."""

    events: int = 20_000_000
    against: int = 100_000
    requests: int = 100
    rounds: int = 7
    seed: int = 1


async def _timed(took: dict[str, float], kind: str, work: Callable[[], Awaitable[object]]) -> None:
    begun = time.perf_counter()
    await work()
    took[kind] = time.perf_counter() - begun


@asynccontextmanager
async def open_sides(
    size: Size, home: Path | None, url: Callable[[str], str] | None, say: Say
) -> AsyncIterator[tuple[Side, Side]]:
    """The small and the large database, filled, migrated and analysed. `url`: makes an empty database of a name and
    gives its address; None: PostgreSQL in `home` or a temporary folder."""
    async with AsyncExitStack() as held:
        if url is None:
            folder = home or held.enter_context(temporary_home())
            settings = Settings(home=folder, database_url=None)
            parts = {"web": False, "workers": 0, "temporal_server": False}
            stack = await held.enter_async_context(Stack(settings, **parts, database_settings=SETTINGS))  # type: ignore[arg-type]
            url = partial(database_of, stack.database_url)
        sides = []
        for name, events in (("small", size.against), ("large", size.events)):
            address = url(name)
            migrate(address)
            begun = time.perf_counter()
            leads = fill(plain(address), events, size.seed, say)
            say(f"{name}: {events:,} events of {leads:,} leads, {time.perf_counter() - begun:.0f} s")
            given = Settings(
                home=Path("."), database_url=address, secret="s" * 32, pepper="p" * 32, database_pool=4,
                mails_per_second=10_000,
            )  # fmt: skip
            runs = Woken()
            rt = await held.enter_async_context(open_runtime(given, runs=runs, mailer=NullMailer()))
            side = Side(rt, runs, leads)
            await side.deploy(size.rounds + 1)
            sides.append(side)
        settle_memory()
        yield sides[0], sides[1]


def plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")


def database_of(server: str, name: str) -> str:
    with psycopg.connect(plain(server), autocommit=True) as connection:
        if connection.execute("SELECT FROM pg_database WHERE datname = %s", (name,)).fetchone() is None:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
    head, _, tail = server.rpartition("/")
    return f"{head}/{name}{'?' + tail.partition('?')[2] if '?' in tail else ''}"


async def measure(
    size: Size, say: Say, *, home: Path | None = None, url: Callable[[str], str] | None = None
) -> dict[str, Any]:
    """See the module; `home` and `url` as in `open_sides`."""
    async with open_sides(size, home, url, say) as (small, large):
        ratios: dict[str, list[float]] = {kind: [] for kind in KINDS}
        milliseconds: dict[str, dict[str, list[float]]] = {kind: {"small": [], "large": []} for kind in KINDS}
        for round in range(size.rounds + 1):
            took = {side: dict.fromkeys(KINDS, 0.0) for side in ("small", "large")}
            for number in range(size.requests):
                pair = [("small", small), ("large", large)]
                for name, side in pair if number % 2 else reversed(pair):
                    for kind, seconds in (await side.seconds(round, number, size.requests)).items():
                        took[name][kind] += seconds
            for kind in KINDS:
                ratios[kind].append(took["large"][kind] / took["small"][kind])
                for name in took:
                    milliseconds[kind][name].append(took[name][kind] / size.requests * 1000)
            what = f"round {round} of {size.rounds}" if round else "from disk"
            say(f"{what}: " + ", ".join(f"{kind} {ratios[kind][-1]:.2f}" for kind in KINDS))
    result: dict[str, Any] = {"events": size.events, "against": size.against}
    for kind in KINDS:
        result[kind] = {
            "ratio": round_(statistics.median(ratios[kind][1:])),
            "spread": [round_(min(ratios[kind][1:])), round_(max(ratios[kind][1:]))],
            "milliseconds": {name: round_(statistics.median(all[1:])) for name, all in milliseconds[kind].items()},
            "from_disk": {
                "ratio": round_(ratios[kind][0]),
                "milliseconds": {name: round_(all[0]) for name, all in milliseconds[kind].items()},
            },
        }
    return {**result, "requests": size.requests, "rounds": size.rounds}


def round_(value: float) -> float:
    return round(value, 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    standard = Size()
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--events", type=int, default=standard.events, help="of the large one (default %(default)s)")
    parser.add_argument("--against", type=int, default=standard.against, help="of the small one (default %(default)s)")
    parser.add_argument("--requests", type=int, default=standard.requests, help="in a round (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=standard.rounds, help="(default %(default)s)")
    parser.add_argument("--seed", type=int, default=standard.seed, help="of the generator (default %(default)s)")
    parser.add_argument("--home", type=Path, help="a folder for the databases; without it, a temporary one")
    args = parser.parse_args()
    if min(args.events, args.against) < EVENTS:
        parser.error(f"a lead has {EVENTS} events, so use at least as many")
    size = Size(args.events, args.against, args.requests, args.rounds, args.seed)
    result = uvloop.run(measure(size, partial(print, file=sys.stderr), home=args.home))
    if args.json:
        print(json.dumps(result, indent=2))
    else:
        for name, value in result.items():
            print(f"{name:12} {value}")


if __name__ == "__main__":
    main()

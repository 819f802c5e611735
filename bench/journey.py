"""The reference journey against the floor: `python -m bench.journey --json`.

The journey: enter on a form → send → wait up to 3 days for a click → branch on score → send → leave, with points,
look-back and claims on, mail going to a provider that accepts at once. The floor: the barest hand-written workflow with
two no-op activities, one signal and one timer. Both run on the same Temporal dev server, workers and event loop, in
alternating rounds of one run; Postgres is on the same machine. Only ratios between the two mean anything.

Billing rules behind `actions` (Temporal's pricing page): a start, a signal, an activity (each attempt), a timer, a
continue-as-new, a marker of one workflow task's local activities: 1 each; a child workflow 2. Workflow tasks,
completion and cancellation cost nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import py_compile
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import uvloop
from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from bench import floor as floor_module
from bench.floor import Floor
from bench.workspace import MORE, REFERENCE, deploy_small, temporary_home
from engine.cli.stack import Stack
from engine.embedded import temporal
from engine.leads import intake, mail_hits
from engine.mail.links import link_id
from engine.model.ports import Mail, Receipt
from engine.platform.memory import settle_memory
from engine.platform.settings import Settings
from engine.rules.tracking.hits import SCANNED
from engine.runs import advance
from engine.runtime.runtime import Runtime, open_runtime
from engine.sales import handoffs
from engine.tracking.hits import Fetch, Followed
from workflows.activities import Activities
from workflows.gateway import TemporalRuns, connect
from workflows.ids import ENROLMENT
from workflows.options import queues
from workflows.workers import Limits, db_worker, mail_worker, main_worker, runner

FLOOR = "Floor"
LINK = link_id(MORE)
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
CLICK_LATER = timedelta(seconds=1)
WARM_UP = 80
CLICK_AFTER = 0.3
"""Seconds between a first mail and its click, so that the wait is registered; the floor's signal comes as late."""


@dataclass
class Marks:
    """When each subject was started and when its first and second activity or mail came, by the monotonic clock."""

    started: dict[str, float] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)
    second: dict[str, float] = field(default_factory=dict)

    def see(self, key: str) -> bool:
        """Note an activity; whether it was the first of its subject."""
        if key in self.first:
            self.second[key] = time.perf_counter()
            return False
        self.first[key] = time.perf_counter()
        return True

    def latencies(self) -> list[float]:
        return [1000 * (self.first[key] - at) for key, at in self.started.items() if key in self.first]


class Provider:
    """A mail provider that accepts at once and tells the bench."""

    name = "bench"

    def __init__(self) -> None:
        self.heard: Callable[[Mail], None] = lambda mail: None

    async def send(self, mail: Mail) -> Receipt:
        self.heard(mail)
        return Receipt("accepted", provider_id="bench")

    async def close(self) -> None:
        return None


@dataclass
class Bench:
    client: Client
    rt: Runtime
    provider: Provider
    floor_heard: list[Callable[[str], None]]
    number: int = 0

    def key(self) -> str:
        self.number += 1
        return f"n{self.number}"

    # ── the two subjects ─────────────────────────────────────────────────────────────────────────────────────────────
    async def journeys(self, many: int, pace: float | None) -> tuple[Marks, float]:
        """Enter `many` leads, all at once or `pace` a second; the marks and the seconds until the last run ended."""
        marks, tasks = Marks(), set[asyncio.Task[None]]()

        def heard(mail: Mail) -> None:
            if marks.see(mail.to):
                tasks.add(asyncio.create_task(self._click(mail.message_id)))

        self.provider.heard = heard
        deployed = await self.rt.catalog.refresh()
        assert deployed is not None
        form = deployed.forms["enter"]

        async def enter(key: str) -> None:
            address = f"{key}@bench.example"
            values = {"email": address, "first_name": "Ann", "company": "Acme"}
            marks.started[address] = time.perf_counter()
            await intake.submit(self.rt, intake.FormPost(form, values, ("news",)))

        begin = time.perf_counter()
        await self._launch(enter, many, pace)
        await _until(lambda: len(marks.second) == many)
        await asyncio.gather(*tasks)
        await self._ended(ENROLMENT)
        return marks, time.perf_counter() - begin

    async def floors(self, many: int, pace: float | None) -> tuple[Marks, float]:
        marks, tasks = Marks(), set[asyncio.Task[None]]()

        def heard(key: str) -> None:
            if marks.see(key):
                tasks.add(asyncio.create_task(self._signal(key)))

        self.floor_heard[:] = [heard]

        async def start(key: str) -> None:
            marks.started[key] = time.perf_counter()
            await self.client.start_workflow(Floor.run, key, id=key, task_queue="floor")

        begin = time.perf_counter()
        await self._launch(start, many, pace)
        await _until(lambda: len(marks.second) == many)
        await asyncio.gather(*tasks)
        await self._ended(FLOOR)
        return marks, time.perf_counter() - begin

    async def _launch(self, start: Callable[[str], Any], many: int, pace: float | None) -> None:
        slots = asyncio.Semaphore(40)

        async def one(key: str) -> None:
            async with slots:
                await start(key)

        begin = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(many):
                if pace is not None:
                    await asyncio.sleep(max(0.0, begin + number / pace - time.perf_counter()))
                group.create_task(one(self.key()))

    async def _click(self, message: UUID) -> None:
        await asyncio.sleep(CLICK_AFTER)
        # As a browser's click some minutes after the email, each from a client of its own: stored, judged and counted.
        at = self.rt.clock.now() + SCANNED + CLICK_LATER
        client = Fetch(f"2001:db8::{message.int >> 16 & 0xFFFF:x}:{message.int & 0xFFFF:x}", BROWSER)
        await mail_hits.take(self.rt, Followed("click", message, LINK, at), client)

    async def _signal(self, key: str) -> None:
        await asyncio.sleep(CLICK_AFTER)
        await self.client.get_workflow_handle(key).signal(Floor.go)

    async def _ended(self, kind: str) -> None:
        query = f"WorkflowType = '{kind}' AND ExecutionStatus = 'Running'"
        while (await self.client.count_workflows(query)).count:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.05)

    # ── one history ──────────────────────────────────────────────────────────────────────────────────────────────────
    async def anatomy(self, kind: str) -> dict[str, int]:
        """Events, bytes and billed actions of one finished run."""
        async for found in self.client.list_workflows(f"WorkflowType = '{kind}' AND ExecutionStatus = 'Completed'"):
            handle: WorkflowHandle[Any, Any] = self.client.get_workflow_handle(found.id, run_id=found.run_id)
            history = await handle.fetch_history()
            names = [type_name(event.event_type) for event in history.events]
            return {
                "history_events": len(names),
                "history_bytes": sum(event.ByteSize() for event in history.events),
                "actions": sum(BILLED.get(name, 0) for name in names),
            }
        raise RuntimeError(f"no finished {kind}")


BILLED = {
    "WORKFLOW_EXECUTION_STARTED": 1, "WORKFLOW_EXECUTION_SIGNALED": 1, "ACTIVITY_TASK_SCHEDULED": 1, "TIMER_STARTED": 1,
    "MARKER_RECORDED": 1, "WORKFLOW_EXECUTION_CONTINUED_AS_NEW": 1, "START_CHILD_WORKFLOW_EXECUTION_INITIATED": 2,
    "UPSERT_WORKFLOW_SEARCH_ATTRIBUTES": 1,
}  # fmt: skip


def type_name(number: EventType.ValueType) -> str:
    return EventType.Name(number).removeprefix("EVENT_TYPE_")


async def _until(done: Callable[[], bool], most: float = 300) -> None:
    end = time.perf_counter() + most
    while not done():
        if time.perf_counter() > end:
            raise TimeoutError("the bench did not finish")
        await asyncio.sleep(0.01)


@asynccontextmanager
async def open_bench(durable: bool) -> AsyncIterator[Bench]:
    """Servers in a temporary folder, the workspace deployed, both kinds of workers polling in this process."""
    async with AsyncExitStack() as held:
        home = held.enter_context(temporary_home())
        settings = Settings(home=home, database_url=None, mails_per_second=100_000, database_pool=20)
        stack = await held.enter_async_context(Stack(settings, web=False, workers=0, temporal_server=False))
        server = temporal.start(home, in_memory=not durable)
        held.callback(server.stop)
        client = await connect({"target_host": server.address})
        names, provider = queues("bench"), Provider()
        runs = TemporalRuns(client, names)
        rt = await held.enter_async_context(open_runtime(stack.settings, runs=runs, mailer=provider))
        await deploy_small(rt, REFERENCE)
        activities = Activities(partial(advance.advance, rt), partial(handoffs.advance, rt))
        limits = Limits(mail_activities=40)
        for make in (main_worker, db_worker, mail_worker):
            await held.enter_async_context(make(client, names, activities, limits))
        py_compile.compile(str(floor_module.__file__), quiet=2)  # as main_worker does for ours
        heard: list[Callable[[str], None]] = []

        @activity.defn(name="nothing")
        async def nothing(key: str) -> None:
            heard[0](key)

        floor = Worker(
            client, task_queue="floor", workflows=[Floor], activities=[nothing], workflow_runner=runner(),
            max_cached_workflows=limits.cached_runs, max_concurrent_workflow_tasks=limits.workflow_tasks,
            max_concurrent_activities=40, disable_eager_activity_execution=True,
        )  # fmt: skip
        await held.enter_async_context(floor)
        settle_memory()
        yield Bench(client, rt, provider, heard)


async def measure(
    burst: int, rounds: int, paced: int, pace: float, durable: bool, say: Callable[[str], None]
) -> dict[str, Any]:
    async with open_bench(durable) as bench:
        say("warming up")
        for _ in range(2):
            await bench.floors(WARM_UP, None)
            await bench.journeys(WARM_UP, None)
        rates: dict[str, list[float]] = {"floor": [], "journey": []}
        latencies: dict[str, list[float]] = {"floor": [], "journey": []}
        for number in range(rounds):
            for name, run in (("floor", bench.floors), ("journey", bench.journeys)):
                _, seconds = await run(burst, None)
                rates[name].append(burst / seconds)
                say(f"round {number + 1} of {rounds}: {name} {burst / seconds:.1f} a second")
        for number in range(2):
            for name, run in (("floor", bench.floors), ("journey", bench.journeys)):
                marks, _ = await run(paced // 2, pace)
                latencies[name] += marks.latencies()
                say(f"paced {number + 1} of 2: {name} p50 {statistics.median(latencies[name]):.1f} ms")
        journey, floor = await bench.anatomy(ENROLMENT), await bench.anatomy(FLOOR)
    ratios = [one / other for one, other in zip(rates["journey"], rates["floor"], strict=True)]
    return {
        **journey,
        "floor_history_events": floor["history_events"],
        "floor_history_bytes": floor["history_bytes"],
        "floor_actions": floor["actions"],
        "journeys_per_second": round(statistics.median(rates["journey"]), 1),
        "floor_journeys_per_second": round(statistics.median(rates["floor"]), 1),
        "ratio_to_floor": round(statistics.median(ratios), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
        "form_to_send_ms": quantiles(latencies["journey"]),
        "floor_start_to_activity_ms": quantiles(latencies["floor"]),
        "form_to_send_ratio_p50": round(
            statistics.median(latencies["journey"]) / statistics.median(latencies["floor"]), 2
        ),
        "temporal": "file" if durable else "memory",
        "burst": burst,
        "rounds": rounds,
    }  # fmt: skip


def quantiles(values: list[float]) -> dict[str, float]:
    return {"p50": round(statistics.median(values), 1), "p99": round(statistics.quantiles(values, n=100)[98], 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--burst", type=int, default=400, help="journeys in a burst (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="bursts of each kind, alternating (default %(default)s)")
    parser.add_argument("--paced", type=int, default=200, help="journeys of the latency part (default %(default)s)")
    parser.add_argument("--pace", type=float, default=5, help="journeys a second there (default %(default)s)")
    parser.add_argument(
        "--memory",
        action="store_true",
        help="the dev server in memory, not on its synced file as `coldframe dev` runs it",
    )
    args = parser.parse_args()
    say = partial(print, file=sys.stderr)
    result = uvloop.run(measure(args.burst, args.rounds, args.paced, args.pace, not args.memory, say))
    if args.json:
        print(json.dumps(result, indent=2))
    else:
        for name, value in result.items():
            print(f"{name:32} {value}")


if __name__ == "__main__":
    main()

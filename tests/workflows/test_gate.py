"""The mail queue is polled exactly while the gate is open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest
from prometheus_client import REGISTRY
from temporalio.client import Client
from temporalio.worker import Worker

from tests.workflows.support import Domain, dev_server, start, until
from workflows.contracts import Next
from workflows.gate import GatedWorker
from workflows.options import queues
from workflows.workers import Limits, mail_worker, main_worker


class FakeWorker:
    """A worker that runs until it is shut down, or breaks when told to."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self.broken: Exception | None = None
        self.drained = False

    async def run(self) -> None:
        await self.ended.wait()
        if self.broken is not None:
            raise self.broken

    async def shutdown(self) -> None:
        self.drained = True
        self.ended.set()


class Bench:
    """A gate that the test opens and closes, and the workers that were made for it."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self.unreadable = False
        self.made: list[FakeWorker] = []
        self.gated = GatedWorker(self._make, self._closed, look_every=0.005)
        self.stop = asyncio.Event()

    def _make(self) -> Worker:
        self.made.append(FakeWorker())
        return cast(Worker, self.made[-1])

    async def _closed(self) -> str | None:
        if self.unreadable:
            raise ConnectionError
        return self.reason

    async def polls(self, wanted: bool) -> None:
        async def seen() -> bool:
            return self.gated.polling is wanted

        await until(seen)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def shown() -> float | None:
    return REGISTRY.get_sample_value("coldframe_mail_gate_closed")


async def test_it_polls_while_the_gate_is_open_and_drains_at_the_end(bench: Bench) -> None:
    running = asyncio.create_task(bench.gated.run(bench.stop))
    await bench.polls(True)
    assert shown() == 0
    bench.stop.set()
    await running
    assert [worker.drained for worker in bench.made] == [True]


async def test_a_closed_gate_stops_the_polling_and_an_open_one_starts_it_again(bench: Bench) -> None:
    running = asyncio.create_task(bench.gated.run(bench.stop))
    await bench.polls(True)
    bench.reason = "429"
    await bench.polls(False)
    assert shown() == 1
    bench.reason = None
    await bench.polls(True)
    bench.stop.set()
    await running
    assert [worker.drained for worker in bench.made] == [True, True]


async def test_a_gate_closed_from_the_start_is_never_polled(bench: Bench) -> None:
    bench.reason = "401"
    running = asyncio.create_task(bench.gated.run(bench.stop))
    await asyncio.sleep(0.05)
    bench.stop.set()
    await running
    assert bench.made == []


async def test_when_the_gate_cannot_be_read_nothing_changes(bench: Bench) -> None:
    running = asyncio.create_task(bench.gated.run(bench.stop))
    await bench.polls(True)
    bench.unreadable = True
    await asyncio.sleep(0.05)
    assert bench.gated.polling
    bench.stop.set()
    await running
    assert len(bench.made) == 1


async def test_a_worker_that_breaks_breaks_the_process(bench: Bench) -> None:
    running = asyncio.create_task(bench.gated.run(bench.stop))
    await bench.polls(True)
    bench.made[0].broken = RuntimeError("broken")
    bench.made[0].ended.set()
    with pytest.raises(RuntimeError, match="broken"):
        await asyncio.wait_for(running, 60)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with dev_server() as env:
        yield env.client


async def test_on_a_real_queue_a_closed_gate_costs_no_attempt_and_loses_nothing(client: Client) -> None:
    bench, names, limits = Bench(), queues("coldframe"), Limits()
    domain = Domain([Next(state="done", gen=1)])
    bench.reason = "429"
    gated = GatedWorker(lambda: mail_worker(client, names, domain.activities, limits), bench._closed, look_every=0.02)
    async with main_worker(client, names, domain.activities, limits):
        running = asyncio.create_task(gated.run(bench.stop))
        run = await start(client, queue="mail")

        async def waiting() -> bool:
            return len((await run.describe()).raw_description.pending_activities) == 1

        await until(waiting)
        [pending] = (await run.describe()).raw_description.pending_activities
        assert (pending.attempt, domain.calls[run.id]) == (1, [])
        bench.reason = None
        await asyncio.wait_for(run.result(), 60)
        bench.stop.set()
        await running
    assert len(domain.calls[run.id]) == 1

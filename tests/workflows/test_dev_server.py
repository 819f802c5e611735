"""What only a real server shows: the number of events and billed actions, drained workers, failed workflow tasks."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from temporalio.client import Client

from engine.embedded.process import free_port
from tests.workflows.support import FAR, Called, Domain, dev_server, event_types, start, until, workers
from workflows.contracts import Next
from workflows.health import sdk_runtime

DONE = Next(state="done", gen=9)
NOTE = "wait-1 pumps.campaign:12"
ADDRESS = "someone@example.com"


@dataclass
class Server:
    client: Client
    metrics: int
    probes: int = 0

    async def actions(self) -> float:
        """The server's own count of what Temporal bills, so far.

        The server publishes its counters about once a second, together. A signal-with-start, which nothing else here
        uses, is therefore sent last and waited for.
        """
        self.probes += 1
        await self.client.start_workflow(
            "probe", id=f"probe-{self.probes}", task_queue="nobody", start_signal="probe", start_signal_args=[]
        )
        counts: list[tuple[str, float]] = []

        async def published() -> bool:
            counts[:] = ACTION.findall(await _get(f"http://127.0.0.1:{self.metrics}/metrics"))
            return sum(float(value) for kind, value in counts if "SignalWithStart" in kind) == self.probes

        await until(published)
        return sum(float(value) for _, value in counts) - self.probes


ACTION = re.compile(r'^action\{action_type="([^"]*)",namespace="default"[^}]*\} (\S+)$', re.MULTILINE)


async def _get(url: str) -> str:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        return (await http.get(url)).text


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[Server]:
    metrics = free_port()
    async with dev_server("--metrics-port", str(metrics)) as env:
        yield Server(env.client, metrics)


def wait(queue: str, **fields: object) -> Next:
    given = {"state": "wait", "gen": 1, "seen": 1, "note": NOTE, "on_event": queue, "on_timer": queue, **fields}
    return Next.model_validate(given)


async def sleeps(run: object) -> None:
    async def asleep() -> bool:
        return "TimerStarted" in await event_types(run)

    await until(asleep)


@pytest.mark.parametrize(("queue", "events"), [("mail", 23), ("db", 13)])
async def test_the_journey_with_a_click_costs_5_actions(server: Server, queue: str, events: int) -> None:
    before = await server.actions()
    async with workers(server.client, Domain([wait(queue, wake_at=FAR), DONE])):
        run = await start(server.client, queue=queue, seq=1)
        await sleeps(run)
        await run.signal("wake", 2)
        await run.result()
    assert len(await event_types(run)) == events
    assert await server.actions() - before == 5


@pytest.mark.parametrize(("queue", "events"), [("mail", 22), ("db", 12)])
async def test_the_journey_with_a_timeout_costs_4_actions(server: Server, queue: str, events: int) -> None:
    def soon(call: Called) -> Next:
        return wait(queue, wake_at=datetime.now(UTC) + timedelta(seconds=0.5))

    before = await server.actions()
    async with workers(server.client, Domain([soon, DONE])):
        run = await start(server.client, queue=queue, seq=1)
        await run.result()
    assert len(await event_types(run)) == events
    assert await server.actions() - before == 4


async def test_a_run_that_is_never_kept_in_memory_finds_its_place_again(server: Server) -> None:
    domain = Domain([wait("mail", wake_at=FAR), DONE])
    async with workers(server.client, domain, cached_runs=0):
        run = await start(server.client, queue="mail", seq=1)
        await sleeps(run)
        await run.signal("wake", 2)
        await run.result()
    assert domain.woken(run.id) == ["start", "event"]
    assert len(await event_types(run)) == 23


async def test_what_can_be_seen_of_a_run_is_its_step_and_no_person(server: Server) -> None:
    async with workers(server.client, Domain([ConnectionError(ADDRESS), ConnectionError(ADDRESS), wait("db"), DONE])):
        run = await start(server.client, seq=1)
        await run.signal("wake", 2)
        await run.result()
    text = (await run.fetch_history()).to_json()
    assert ADDRESS not in text
    assert "Traceback" not in text
    assert "stackTrace" not in text
    assert "connection_error" in text


async def test_timer_and_activity_carry_the_note(server: Server) -> None:
    async with workers(server.client, Domain([wait("mail", wake_at=FAR), DONE])):
        run = await start(server.client, queue="mail", seq=1)
        await sleeps(run)
        await run.signal("wake", 2)
        await run.result()
    events = (await run.fetch_history()).events
    summaries = [
        event.user_metadata.summary.data.decode()
        for event in events
        if event.HasField("timer_started_event_attributes")
        or event.HasField("activity_task_scheduled_event_attributes")
    ]
    assert summaries == ['"start"', f'"{NOTE}"', f'"{NOTE}"']


@pytest.mark.parametrize("queue", ["mail", "db"])
async def test_a_worker_that_shuts_down_does_not_end_the_run(server: Server, queue: str) -> None:
    async def hang(call: Called) -> Next:
        await asyncio.sleep(60)
        return DONE

    stopped, following = Domain([hang]), Domain([DONE])
    async with workers(server.client, stopped):
        run = await start(server.client, queue=queue)
        await stopped.called(run.id, 1)
    async with workers(server.client, following):
        await asyncio.wait_for(run.result(), 60)
    assert following.woken(run.id) == ["start"]


async def test_a_loop_that_cannot_go_on_shows_in_the_metrics(server: Server) -> None:
    runtime, address = sdk_runtime()
    client = await Client.connect(
        server.client.service_client.config.target_host, runtime=runtime,
        data_converter=server.client.data_converter,
    )  # fmt: skip

    async def counted() -> bool:
        page = await _get(f"http://{address}/metrics")
        return bool(re.search(r'^temporal_workflow_task_execution_failed\S*type="enrolment"', page, re.MULTILINE))

    domain = Domain([DONE])
    async with workers(client, domain):
        run = await start(client, loop=2)
        await until(counted)
        assert "temporal_num_pollers" in await _get(f"http://{address}/metrics")
    assert domain.calls[run.id] == []
    await run.terminate()

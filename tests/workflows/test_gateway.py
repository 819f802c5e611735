"""The Runs port on a real server, on none, and on one that is silent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.envconfig import ClientConnectConfig

from engine.embedded.process import free_port
from engine.model.ports import Unreachable, Wake
from tests.workflows.support import Domain, dev_server, until, workers
from workflows import gateway
from workflows.contracts import Next
from workflows.gateway import TemporalRuns, connect
from workflows.options import queues

DONE = Next(state="done", gen=9)
QUEUES = queues("coldframe")


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[Client]:
    async with dev_server() as env:
        yield env.client


def wake(run: UUID | None = None, *, start: bool, seq: int = 1, kind: str = "enrolment", queue: str = "db") -> Wake:
    return Wake(run or uuid4(), kind, start, seq, 2, queue)  # type: ignore[arg-type]


def waiting(seen: int) -> Next:
    return Next(state="wait", gen=3, seen=seen)


@pytest.mark.parametrize("kind", ["enrolment", "handoff"])
async def test_a_start_starts_the_run_with_what_the_row_says(client: Client, kind: str) -> None:
    domain, row = Domain([DONE]), wake(start=True, kind=kind, queue="mail")
    async with workers(client, domain):
        await TemporalRuns(client, QUEUES).deliver(row)
        await client.get_workflow_handle(str(row.run)).result()
    assert (await client.get_workflow_handle(str(row.run)).describe()).workflow_type == kind
    [call] = domain.calls[str(row.run)]
    assert (call.id, call.gen, call.woken, call.can_send) == (row.run, 2, "start", True)


async def test_a_second_start_is_no_error_and_starts_nothing(client: Client) -> None:
    runs, row, domain = TemporalRuns(client, QUEUES), wake(start=True), Domain([waiting(1), DONE])
    async with workers(client, domain):
        await runs.deliver(row)
        await domain.called(str(row.run), 1)
        await runs.deliver(row)
        await runs.deliver(wake(row.run, start=False, seq=2))
        await client.get_workflow_handle(str(row.run)).result()
        await runs.deliver(row)
    assert domain.woken(str(row.run)) == ["start", "event"]


async def test_a_wake_starts_a_run_that_was_lost(client: Client) -> None:
    row, domain = wake(start=False, seq=5), Domain([waiting(5), DONE])
    async with workers(client, domain):
        await TemporalRuns(client, QUEUES).deliver(row)
        await domain.called(str(row.run), 1)
        assert domain.woken(str(row.run)) == ["start"]
        await TemporalRuns(client, QUEUES).deliver(wake(row.run, start=False, seq=6))
        await client.get_workflow_handle(str(row.run)).result()
    assert domain.woken(str(row.run)) == ["start", "event"]


async def test_waking_a_finished_run_is_no_error_and_starts_nothing(client: Client) -> None:
    runs, row, domain = TemporalRuns(client, QUEUES), wake(start=True), Domain([DONE])
    async with workers(client, domain):
        await runs.deliver(row)
        await client.get_workflow_handle(str(row.run)).result()
        await runs.deliver(wake(row.run, start=False, seq=9))
    described = await client.get_workflow_handle(str(row.run)).describe()
    assert described.status == WorkflowExecutionStatus.COMPLETED
    assert domain.woken(str(row.run)) == ["start"]


async def test_a_terminated_run_is_started_again(client: Client) -> None:
    runs, row, domain = TemporalRuns(client, QUEUES), wake(start=True), Domain([waiting(1), DONE])
    async with workers(client, domain):
        await runs.deliver(row)
        await domain.called(str(row.run), 1)
        await client.get_workflow_handle(str(row.run)).terminate()
        await runs.deliver(wake(row.run, start=False, seq=1))

        async def completed() -> bool:
            described = await client.get_workflow_handle(str(row.run)).describe()
            return described.status == WorkflowExecutionStatus.COMPLETED

        await until(completed)
    assert domain.woken(str(row.run)) == ["start", "start"]


async def test_without_a_server_a_lazy_client_opens_and_delivery_says_unreachable() -> None:
    client = await connect(ClientConnectConfig(target_host=f"127.0.0.1:{free_port()}"), lazy=True)
    with pytest.raises(Unreachable):
        await TemporalRuns(client, QUEUES).deliver(wake(start=True))


async def test_without_a_server_an_eager_client_says_unreachable() -> None:
    with pytest.raises(Unreachable):
        await connect(ClientConnectConfig(target_host=f"127.0.0.1:{free_port()}"))


async def test_a_server_that_takes_connections_and_says_nothing_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "CALL_SECONDS", 0.2)
    silent = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    async with silent:
        address = f"127.0.0.1:{silent.sockets[0].getsockname()[1]}"
        client = await connect(ClientConnectConfig(target_host=address), lazy=True)
        with pytest.raises(Unreachable, match="in time"):
            await TemporalRuns(client, QUEUES).deliver(wake(start=True))


async def test_a_refusal_is_unreachable_too_so_that_the_row_stays(client: Client) -> None:
    config = client.service_client.config
    other = await connect(ClientConnectConfig(target_host=config.target_host, namespace="nowhere"))
    with pytest.raises(Unreachable, match="not_found"):
        await TemporalRuns(other, QUEUES).deliver(wake(start=True))

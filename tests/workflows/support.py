"""What the workflow tests share: a scripted domain, servers, and the workers on their three queues."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from workflows.activities import Activities
from workflows.contracts import Next, RunInput
from workflows.converter import data_converter
from workflows.options import queues
from workflows.workers import Limits, db_worker, mail_worker, main_worker

FAR = datetime(2199, 1, 1, tzinfo=UTC)


def binary(name: str) -> str:
    """The server's program: on the path, else beside the interpreter."""
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    assert found, f"{name} is not installed"
    return found


@dataclass(frozen=True)
class Called:
    id: UUID
    gen: int
    woken: str
    can_send: bool


Step = Next | BaseException | Callable[[Called], Any]


@dataclass
class Domain:
    """A stand-in for `advance`: answers call after call from a script, the last step for ever.

    A step is an answer, an exception to raise, or a function of the call that gives either (it may be a coroutine).
    """

    steps: Sequence[Step]
    calls: dict[str, list[Called]] = field(default_factory=lambda: defaultdict(list))
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def advance(self, id: UUID, gen: int, woken: str, *, can_send: bool) -> Any:
        calls = self.calls[str(id)]
        calls.append(Called(id, gen, woken, can_send))
        self.changed.set()
        step = self.steps[min(len(calls), len(self.steps)) - 1]
        if callable(step) and not isinstance(step, Next):
            step = step(calls[-1])
            if asyncio.iscoroutine(step):
                step = await step
        if isinstance(step, BaseException):
            raise step
        return step

    def woken(self, id: str) -> list[str]:
        return [call.woken for call in self.calls[id]]

    async def called(self, id: str, times: int) -> None:
        """Wait until `id` has been advanced that often."""
        while len(self.calls[id]) < times:
            self.changed.clear()
            await asyncio.wait_for(self.changed.wait(), 60)

    @property
    def activities(self) -> Activities:
        return Activities(self.advance, self.advance)


@asynccontextmanager
async def time_skipping() -> AsyncIterator[WorkflowEnvironment]:
    env = await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=binary("temporal-test-server"), data_converter=data_converter, identity="test",
    )  # fmt: skip
    async with env:
        yield env


@asynccontextmanager
async def dev_server(*extra: str) -> AsyncIterator[WorkflowEnvironment]:
    env = await WorkflowEnvironment.start_local(
        dev_server_existing_path=binary("temporal"), data_converter=data_converter, identity="test",
        dev_server_log_level="error", dev_server_extra_args=extra,
    )  # fmt: skip
    async with env:
        yield env


@asynccontextmanager
async def workers(
    client: Client, domain: Domain, prefix: str = "coldframe", cached_runs: int = 1000
) -> AsyncIterator[None]:
    """All three workers of a process, sandboxed as in production."""
    limits, names = Limits(drain=timedelta(0), cached_runs=cached_runs), queues(prefix)
    async with (
        main_worker(client, names, domain.activities, limits),
        db_worker(client, names, domain.activities, limits),
        mail_worker(client, names, domain.activities, limits),
    ):
        yield


async def start(client: Client, *, kind: str = "enrolment", prefix: str = "coldframe", **fields: Any) -> WorkflowHandle:
    run = RunInput(id=str(uuid4()), **fields)
    return await client.start_workflow(kind, run, id=run.id, task_queue=prefix)


async def result(run: WorkflowHandle) -> Any:
    """The run's result. A test server on a busy machine ends the long question for it now and then without an answer,
    which the client takes for an error; it is asked again."""
    while True:
        try:
            return await run.result()
        except RuntimeError as error:
            if "No completion event" not in str(error):
                raise


async def until(happened: Callable[[], Awaitable[bool]]) -> None:
    """Ask again and again, for a minute."""
    async with asyncio.timeout(60):
        while not await happened():  # noqa: ASYNC110 - what a server knows has no event to wait for
            await asyncio.sleep(0.05)


async def event_types(handle: WorkflowHandle) -> list[str]:
    """The history's events, as `TimerStarted`."""
    names = []
    async for event in handle.fetch_history_events():
        name = type(event).DESCRIPTOR.fields_by_name["event_type"].enum_type.values_by_number[event.event_type].name
        names.append(name.removeprefix("EVENT_TYPE_").title().replace("_", ""))
    return names


async def rests(handle: WorkflowHandle) -> list[float]:
    """The seconds of each timer that the run has started."""
    history = await handle.fetch_history()
    return [
        event.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta().total_seconds()
        for event in history.events
        if event.HasField("timer_started_event_attributes")
    ]


async def last_event_at(client: Client, id: str) -> datetime:
    """When the newest run of this id ended, by the server's clock, which a skipping server moves on afterwards."""
    history = await client.get_workflow_handle(id).fetch_history()
    return history.events[-1].event_time.ToDatetime(tzinfo=UTC)

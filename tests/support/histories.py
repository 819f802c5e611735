"""What Temporal remembers of every run: its status, its history, and the newest answer it has heard."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.client import Client, WorkflowExecution

AT_ONCE = 10


@dataclass
class Run:
    """`gen` is the highest generation that an answer in its history carries; `events`: instant and what happened."""

    status: str
    gen: int = 0
    nondeterministic: bool = False
    events: list[tuple[datetime, str]] = field(default_factory=list)


async def fetch(address: str) -> dict[str, Run]:
    """The newest run of every workflow id on this server."""
    client = await Client.connect(address)
    newest: dict[str, WorkflowExecution] = {}
    async for found in client.list_workflows():
        if found.id not in newest or found.start_time > newest[found.id].start_time:
            newest[found.id] = found
    slots = asyncio.Semaphore(AT_ONCE)

    async def read(found: WorkflowExecution) -> Run:
        async with slots:
            handle = client.get_workflow_handle(found.id, run_id=found.run_id)
            status = (await handle.describe()).status
            history = await handle.fetch_history()
        return _run(status.name if status else "UNKNOWN", history.events)

    runs = await asyncio.gather(*map(read, newest.values()))
    return dict(zip(newest, runs, strict=True))


async def fetch_ended(address: str, seconds: int = 150) -> dict[str, Run]:
    """The same, once none runs any more: a worker that was killed may owe Temporal its last answer for a minute.

    What still runs after so many seconds is in the result, for the checker to judge.
    """
    for _ in range(seconds):
        runs = await fetch(address)
        if all(run.status != "RUNNING" for run in runs.values()):
            break
        await asyncio.sleep(1)
    return runs


def _run(status: str, events: Any) -> Run:
    run = Run(status)
    mismatch = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR
    for event in events:
        name = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_").lower().replace("_", " ")
        run.events.append((event.event_time.ToDatetime(UTC), f"{event.event_id} {name}"))
        run.gen = max([run.gen, *_generations(event)])
        run.nondeterministic |= event.workflow_task_failed_event_attributes.cause == mismatch
    return run


def _generations(event: Any) -> Iterator[int]:
    """Of the answers this event carries: an activity's result, or that of a local one in its marker."""
    payloads = list(event.activity_task_completed_event_attributes.result.payloads)
    for details in event.marker_recorded_event_attributes.details.values():
        payloads += details.payloads
    for payload in payloads:
        try:
            data = json.loads(payload.data)
        except ValueError:
            continue
        if isinstance(data, dict) and isinstance(data.get("gen"), int):
            yield data["gen"]

"""Records one history for each path through the loop, on a dev server: `python -m tests.histories.record [NAME...]`.

A file that exists is never written again: what it holds once ran, and must replay for ever. A new path through the
loop, or a new version of it, gets a new name.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle

from tests.workflows.support import FAR, Called, Domain, dev_server, event_types, start, until, workers
from workflows.contracts import Next

FOLDER = Path(__file__).parent
DONE = Next(state="done", gen=9)
WAIT_MAIL = Next(
    state="wait", gen=1, seen=1, wake_at=FAR, on_event="mail", on_timer="mail", note="wait-1 pumps.campaign:12"
)
WAIT_DB = WAIT_MAIL.model_copy(update={"on_event": "db", "on_timer": "db"})


def soon(call: Called) -> Next:
    return WAIT_MAIL.model_copy(update={"gen": call.gen + 1, "wake_at": datetime.now(UTC) + timedelta(seconds=1)})


async def woken_once(client: Client, domain: Domain, handle: WorkflowHandle) -> None:
    """Signal when the run sleeps, so that the history is that of the reference journey."""

    async def asleep() -> bool:
        return "TimerStarted" in await event_types(handle)

    await until(asleep)
    await handle.signal("wake", 2)


async def left_alone(client: Client, domain: Domain, handle: WorkflowHandle) -> None:
    """Nothing from outside."""


async def cancelled(client: Client, domain: Domain, handle: WorkflowHandle) -> None:
    await domain.called(handle.id, 1)
    await handle.cancel()


Outside = Callable[[Client, Domain, WorkflowHandle], Awaitable[None]]
PATHS: dict[str, tuple[str, Domain, dict[str, object], Outside]] = {
    "enrolment-1-click": ("enrolment", Domain([WAIT_MAIL, DONE]), {"queue": "mail", "seq": 1}, woken_once),
    "enrolment-1-timeout": ("enrolment", Domain([soon, DONE]), {"queue": "mail", "seq": 1}, left_alone),
    "enrolment-1-local": ("enrolment", Domain([WAIT_DB, DONE]), {"seq": 1}, woken_once),
    "enrolment-1-again": (
        "enrolment", Domain([Next(state="again", gen=1, on_event="mail"), DONE]), {"seq": 1}, left_alone,
    ),
    "enrolment-1-db-queue": ("enrolment", Domain([ConnectionError(), DONE]), {"seq": 1}, left_alone),
    "enrolment-1-renewed": (
        "enrolment", Domain([Next(state="again", gen=1), Next(state="again", gen=2), DONE]), {"most": 2}, left_alone,
    ),
    "enrolment-1-cancelled": ("enrolment", Domain([WAIT_MAIL]), {"queue": "mail"}, cancelled),
    "enrolment-1-restless": (
        "enrolment", Domain([*(Next(state="again", gen=n) for n in range(1, 23)), DONE]), {}, left_alone,
    ),
    "handoff-1-click": ("handoff", Domain([WAIT_MAIL, DONE]), {"queue": "mail", "seq": 1}, woken_once),
}  # fmt: skip


async def record(client: Client, name: str) -> None:
    kind, domain, fields, outside = PATHS[name]
    async with workers(client, domain, prefix=name):
        handle = await start(client, kind=kind, prefix=name, **fields)
        await outside(client, domain, handle)
        first = client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id)

        async def ended() -> bool:
            return (await first.describe()).status != WorkflowExecutionStatus.RUNNING

        await until(ended)
        history = await first.fetch_history()
    (FOLDER / f"{name}.json").write_text(history.to_json() + "\n", "utf-8")


async def main(names: list[str]) -> None:
    missing = [name for name in names or PATHS if not (FOLDER / f"{name}.json").exists()]
    async with dev_server() as env:
        for name in missing:
            await record(env.client, name)
            print(name)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))

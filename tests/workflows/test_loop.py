"""The loop under a server that skips time: what ends a sleep, that nothing is lost, what follows a failed `advance`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.testing import WorkflowEnvironment

from tests.workflows.support import (
    FAR,
    Called,
    Domain,
    event_types,
    last_event_at,
    rests,
    result,
    start,
    time_skipping,
    until,
    workers,
)
from workflows.contracts import Next

DONE = Next(state="done", gen=9)


def wait(gen: int, seen: int = 0, **fields: object) -> Next:
    return Next.model_validate({"state": "wait", "gen": gen, "seen": seen, **fields})


@pytest.fixture
async def env() -> AsyncIterator[WorkflowEnvironment]:
    async with time_skipping() as environment:
        yield environment


async def test_an_event_before_the_deadline_ends_the_wait(env: WorkflowEnvironment) -> None:
    domain = Domain([wait(1, 1, wake_at=FAR), DONE])
    async with workers(env.client, domain):
        run = await start(env.client, seq=1)
        await domain.called(run.id, 1)
        await run.signal("wake", 2)
        await result(run)
    assert domain.calls[run.id][1:] == [Called(domain.calls[run.id][0].id, 1, "event", False)]


async def test_the_deadline_ends_the_wait(env: WorkflowEnvironment) -> None:
    due = await env.get_current_time() + timedelta(days=3)
    domain = Domain([wait(1, 1, wake_at=due), DONE])
    async with workers(env.client, domain):
        run = await start(env.client, seq=1)
        await result(run)
    assert domain.woken(run.id) == ["start", "timer"]
    assert timedelta(0) <= await last_event_at(env.client, run.id) - due < timedelta(minutes=1)


async def test_a_deadline_that_has_passed_needs_no_timer(env: WorkflowEnvironment) -> None:
    past = await env.get_current_time() - timedelta(hours=1)
    domain = Domain([wait(1, 1, wake_at=past), DONE])
    async with workers(env.client, domain):
        run = await start(env.client, seq=1)
        await result(run)
    assert domain.woken(run.id) == ["start", "timer"]
    assert await rests(run) == []


async def test_without_a_deadline_only_an_event_ends_the_wait(env: WorkflowEnvironment) -> None:
    domain = Domain([wait(1, 1), DONE])
    async with workers(env.client, domain):
        run = await start(env.client, seq=1)
        await domain.called(run.id, 1)
        await env.sleep(timedelta(days=400))
        assert domain.woken(run.id) == ["start"]
        await run.signal("wake", 2)
        await result(run)


async def test_a_signal_that_is_already_seen_wakes_nobody(env: WorkflowEnvironment) -> None:
    domain = Domain([wait(1, 5), DONE])
    async with workers(env.client, domain):
        run = await start(env.client, seq=1)
        for seq in (3, 5, 4):
            await run.signal("wake", seq)
        await env.sleep(timedelta(hours=1))
        assert domain.woken(run.id) == ["start"]
        await run.signal("wake", 6)
        await result(run)
    assert domain.woken(run.id) == ["start", "event"]


async def test_a_signal_before_the_first_advance_is_not_lost(env: WorkflowEnvironment) -> None:
    domain = Domain([wait(1, 1, wake_at=FAR), DONE])
    run = await start(env.client, seq=1)
    await run.signal("wake", 2)
    async with workers(env.client, domain):
        await result(run)
    assert domain.woken(run.id) == ["start", "event"]


async def test_a_storm_of_signals_is_cut_into_short_histories_and_none_is_lost(env: WorkflowEnvironment) -> None:
    last = 4_000
    seen = 1

    async def look(call: Called) -> Next:
        nonlocal seen
        seen = max(seen, sent)
        return DONE if seen >= last else wait(call.gen + 1, seen, on_event="mail")

    domain = Domain([look])
    sent = 1
    async with workers(env.client, domain):
        run = await start(env.client, queue="mail", seq=1, most=2)
        any_run = env.client.get_workflow_handle(run.id)
        for first in range(2, last + 1, 100):
            batch = range(first, min(first + 100, last + 1))
            # An event is committed before its signal is sent, as in intake.
            sent = batch[-1]
            await asyncio.gather(*(any_run.signal("wake", seq) for seq in batch))
        await asyncio.wait_for(result(any_run), 60)
    assert seen == last
    assert [call.gen for call in domain.calls[run.id]] == list(range(len(domain.calls[run.id])))
    first_run = env.client.get_workflow_handle(run.id, run_id=run.first_execution_run_id)
    events = (await first_run.fetch_history()).events
    assert events[-1].HasField("workflow_execution_continued_as_new_event_attributes")


async def test_continue_as_new_keeps_the_deadline_and_the_position(env: WorkflowEnvironment) -> None:
    due = await env.get_current_time() + timedelta(days=30)
    domain = Domain([Next(state="again", gen=1), wait(2, 1, wake_at=due, on_timer="mail"), DONE])
    async with workers(env.client, domain):
        run = await start(env.client, seq=1, most=2)
        await result(run)
    assert [(call.gen, call.woken, call.can_send) for call in domain.calls[run.id]] == [
        (0, "start", False), (1, "again", False), (2, "timer", True),
    ]  # fmt: skip
    assert timedelta(0) <= await last_event_at(env.client, run.id) - due < timedelta(minutes=1)


async def test_again_goes_to_the_queue_it_names(env: WorkflowEnvironment) -> None:
    domain = Domain([Next(state="again", gen=1, on_event="mail"), Next(state="again", gen=2), DONE])
    async with workers(env.client, domain):
        run = await start(env.client)
        await result(run)
    assert [(call.woken, call.can_send) for call in domain.calls[run.id]] == [
        ("start", False), ("again", True), ("again", False),
    ]  # fmt: skip


async def test_a_run_that_is_never_given_rest_slows_down(env: WorkflowEnvironment) -> None:
    domain = Domain([*(Next(state="again", gen=n) for n in range(1, 31)), DONE])
    async with workers(env.client, domain):
        run = await start(env.client)
        await result(run)
    # Twenty turns are free; each further one rests a second longer.
    assert await rests(run) == list(range(1, 11))
    assert domain.woken(run.id) == ["start"] + ["again"] * 30


async def test_the_first_advance_goes_to_the_queue_of_the_input(env: WorkflowEnvironment) -> None:
    domain = Domain([DONE])
    async with workers(env.client, domain):
        run = await start(env.client, kind="handoff", queue="mail")
        await result(run)
    assert domain.calls[run.id][0].can_send


async def test_a_local_failure_falls_to_the_db_queue(env: WorkflowEnvironment) -> None:
    domain = Domain([ConnectionError("someone@example.com"), DONE])
    async with workers(env.client, domain):
        run = await start(env.client)
        await result(run)
    history = await run.fetch_history()
    queues = [
        event.activity_task_scheduled_event_attributes.task_queue.name
        for event in history.events
        if event.HasField("activity_task_scheduled_event_attributes")
    ]
    assert queues == ["coldframe-db"]
    assert domain.woken(run.id) == ["start", "start"]


async def test_transient_failures_are_retried_by_the_server(env: WorkflowEnvironment) -> None:
    domain = Domain([ConnectionError()] * 4 + [DONE])
    async with workers(env.client, domain):
        run = await start(env.client, queue="mail")
        await result(run)
    assert len(domain.calls[run.id]) == 5


async def test_after_the_last_retry_the_run_rests_ever_longer_and_goes_on(env: WorkflowEnvironment) -> None:
    begun = await env.get_current_time()
    domain = Domain([ConnectionError()] * 15 + [wait(1, 1, wake_at=begun), DONE])
    async with workers(env.client, domain):
        run = await start(env.client, queue="mail", seq=1)
        await result(run)
    # Three rounds of five attempts each.
    assert domain.woken(run.id) == ["start"] * 16 + ["timer"]
    assert await rests(run) == [60, 120, 240]


async def test_a_failure_that_cannot_be_retried_rests_at_once(env: WorkflowEnvironment) -> None:
    domain = Domain([ValueError("broken"), DONE])
    async with workers(env.client, domain):
        run = await start(env.client, queue="mail")
        await result(run)
    assert await rests(run) == [60]


async def test_news_end_the_rest_after_a_failure(env: WorkflowEnvironment) -> None:
    domain = Domain([ValueError("broken"), DONE])
    async with workers(env.client, domain):
        with env.auto_time_skipping_disabled():
            run = await start(env.client, queue="mail")
            await resting(run)  # news that came during the failed call would not end the rest
            await run.signal("wake", 2)
            await asyncio.wait_for(result(run), 60)
    assert domain.woken(run.id) == ["start", "start"]


async def resting(run: WorkflowHandle) -> None:
    """Until the run has started a timer."""
    for _ in range(400):
        history = await run.fetch_history()
        if any(event.HasField("timer_started_event_attributes") for event in history.events):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the run never rests")


async def test_waking_a_finished_run_starts_none(env: WorkflowEnvironment) -> None:
    from workflows.gateway import REUSE

    domain = Domain([DONE])
    async with workers(env.client, domain):
        run = await start(env.client)
        await result(run)
        with pytest.raises(WorkflowAlreadyStartedError):
            await env.client.start_workflow(
                "enrolment", {"id": run.id}, id=run.id, task_queue="coldframe", id_reuse_policy=REUSE,
                start_signal="wake", start_signal_args=[2],
            )  # fmt: skip
    assert domain.woken(run.id) == ["start"]


async def test_cancelling_a_run_ends_it_wherever_it_is(env: WorkflowEnvironment) -> None:
    hangs = asyncio.Event()

    async def hang(call: Called) -> Next:
        await hangs.wait()
        return DONE

    for script, fields in (([wait(1, 1)], {"seq": 1}), ([hang], {"queue": "mail"})):
        domain = Domain(script)
        async with workers(env.client, domain):
            run = await start(env.client, **fields)
            await domain.called(run.id, 1)
            await run.cancel()
            with pytest.raises(WorkflowFailureError) as failed:
                await asyncio.wait_for(result(run), 60)
        assert type(failed.value.cause).__name__ == "CancelledError"
        assert len(domain.calls[run.id]) == 1


async def test_a_loop_from_the_future_waits_for_a_build_that_knows_it(env: WorkflowEnvironment) -> None:
    domain = Domain([DONE])

    async def refused() -> bool:
        return "WorkflowTaskFailed" in await event_types(run)

    async with workers(env.client, domain):
        with env.auto_time_skipping_disabled():
            run: WorkflowHandle = await start(env.client, loop=2)
            await until(refused)
    assert domain.calls[run.id] == []

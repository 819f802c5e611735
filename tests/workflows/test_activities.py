"""The wall around the domain: answers and codes pass, words do not."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from structlog.testing import capture_logs
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from workflows.activities import Activities, code_of
from workflows.contracts import Call, Next

ADDRESS = "someone@example.com"


@dataclass(frozen=True, slots=True)
class Answer:
    """As the domain gives it: its own type, with the fields of `Next`."""

    state: str = "wait"
    gen: int = 4
    seen: int = 7
    wake_at: datetime | None = None
    on_event: str = "mail"
    on_timer: str = "db"
    note: str = "wait-1 pumps.campaign:12"


class CodedError(Exception):
    code = "lead_locked"


def giving(result: Any) -> tuple[Activities, list[tuple[UUID, int, str, bool]]]:
    calls = []

    async def advance(id: UUID, gen: int, woken: str, *, can_send: bool) -> Any:
        calls.append((id, gen, woken, can_send))
        if isinstance(result, BaseException):
            raise result
        return result

    async def other(id: UUID, gen: int, woken: str, *, can_send: bool) -> Any:
        raise AssertionError("the other domain function was called")

    return Activities(advance, other), calls


def call() -> Call:
    return Call(id=str(uuid4()), gen=3, woken="timer")


async def failure_of(error: BaseException) -> ApplicationError:
    activities, _ = giving(error)
    with pytest.raises(ApplicationError) as caught:
        await ActivityEnvironment().run(activities.advance_enrolment, call())
    return caught.value


async def test_the_answer_becomes_the_contract() -> None:
    due = datetime(2030, 1, 1, tzinfo=UTC)
    activities, calls = giving(Answer(wake_at=due))
    asked = call()
    answer = await ActivityEnvironment().run(activities.advance_enrolment, asked)
    assert answer == Next(
        state="wait", gen=4, seen=7, wake_at=due, on_event="mail", on_timer="db", note="wait-1 pumps.campaign:12"
    )
    assert calls == [(UUID(asked.id), 3, "timer", False)]


async def test_only_the_mail_queue_may_send() -> None:
    activities, calls = giving(Answer())
    await ActivityEnvironment().run(activities.sending().advance_enrolment, call())
    await ActivityEnvironment().run(activities.advance_enrolment, call())
    assert [can_send for *_, can_send in calls] == [True, False]


async def test_each_activity_carries_its_own_domain_function() -> None:
    activities, calls = giving(Answer())
    await ActivityEnvironment().run(Activities(activities.handoff, activities.enrolment).advance_handoff, call())
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("error", "code", "final"),
    [
        (ConnectionError(ADDRESS), "connection_error", False),
        (TimeoutError(), "timeout_error", False),
        (CodedError(ADDRESS), "lead_locked", False),
        (KeyError(ADDRESS), "key_error", True),
        (ValueError(ADDRESS), "value_error", True),
        (ApplicationError(ADDRESS, type=ADDRESS), "application_error", False),
    ],
)
async def test_whatever_is_raised_becomes_a_code(error: Exception, code: str, final: bool) -> None:
    failure = await failure_of(error)
    assert (failure.type, failure.message, failure.non_retryable) == (code, code, final)
    assert failure.details == ()
    assert failure.__cause__ is None
    assert failure.__context__ is None


async def test_an_answer_that_is_none_is_a_mistake_in_the_code() -> None:
    activities, _ = giving(Answer(state="sleeping"))
    with pytest.raises(ApplicationError) as caught:
        await ActivityEnvironment().run(activities.advance_enrolment, call())
    assert caught.value.non_retryable


async def test_the_log_says_where_and_not_what() -> None:
    with capture_logs() as logs:
        await failure_of(KeyError(ADDRESS))
    [line] = logs
    assert ADDRESS not in str(line)
    assert line["code"] == "key_error"
    assert "test_activities.py:" in line["at"]


async def test_cancellation_passes_through() -> None:
    activities, _ = giving(asyncio.CancelledError())
    with pytest.raises(asyncio.CancelledError):
        await ActivityEnvironment().run(activities.advance_enrolment, call())


@pytest.mark.parametrize("code", [ADDRESS, "", "x" * 65, "two words", 7, None])
def test_a_code_that_is_no_plain_word_is_not_used(code: object) -> None:
    error = RuntimeError()
    error.code = code  # type: ignore[attr-defined]
    assert code_of(error) == "runtime_error"

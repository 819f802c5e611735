"""No failure carries anything but its kind and its code."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from temporalio.api.failure.v1 import Failure
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError, FailureError, TimeoutError
from temporalio.exceptions import TimeoutType as Kind

from workflows.contracts import Next, RunInput
from workflows.converter import UNNAMED, data_converter

ADDRESS = "someone@example.com"


def raised(error: BaseException) -> BaseException:
    """The error as it is after it was raised while another was handled."""
    try:
        try:
            raise KeyError(ADDRESS)
        except KeyError:
            raise error  # noqa: B904 - the context is what is tested
    except BaseException as caught:
        return caught


async def encoded(error: BaseException) -> Failure:
    failure = Failure()
    await data_converter.encode_failure(error, failure)
    return failure


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ApplicationError(ADDRESS, {"email": ADDRESS}, type="template_error"), "template_error"),
        (ApplicationError(ADDRESS, type=ADDRESS), UNNAMED),
        (ApplicationError(ADDRESS), UNNAMED),
        (ValueError(ADDRESS), "ValueError"),
    ],
)
async def test_of_an_application_error_only_the_code_is_left(error: BaseException, code: str) -> None:
    failure = await encoded(raised(error))
    expected = Failure(message=code)
    expected.application_failure_info.type = code
    assert failure == expected


@pytest.mark.parametrize(
    "error",
    [
        CancelledError(ADDRESS, ADDRESS),
        TimeoutError(ADDRESS, type=Kind.START_TO_CLOSE, last_heartbeat_details=[ADDRESS]),
        ActivityError(
            ADDRESS, scheduled_event_id=5, started_event_id=6, identity="worker", activity_type="advance_enrolment",
            activity_id="1", retry_state=None,
        ),
        FailureError(ADDRESS),
    ],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
async def test_other_failures_keep_their_kind_and_no_word(error: BaseException) -> None:
    failure = await encoded(raised(error))
    assert ADDRESS.encode() not in failure.SerializeToString()
    assert not failure.stack_trace
    assert not failure.HasField("cause")


async def test_whether_to_retry_survives() -> None:
    failure = await encoded(ApplicationError("x", type="broken", non_retryable=True))
    assert failure.application_failure_info.non_retryable
    back = await data_converter.decode_failure(failure)
    assert isinstance(back, ApplicationError)
    assert (back.type, back.non_retryable, back.details) == ("broken", True, ())


async def test_contracts_come_back_as_they_went() -> None:
    answer = Next(state="wait", gen=3, seen=7, wake_at=datetime(2030, 2, 28, 9, 0, 0, 123456, UTC), note="send-2 a:7")
    run = RunInput(id="x", standing=answer)
    assert await data_converter.decode(await data_converter.encode([answer, run]), [Next, RunInput]) == [answer, run]


async def test_a_run_without_newer_fields_still_reads() -> None:
    """The input of a run that began before `most` and `standing` existed."""
    [payload] = await data_converter.encode([{"id": "x", "gen": 1, "queue": "mail", "loop": 1, "seq": 4}])
    assert await data_converter.decode([payload], [RunInput]) == [RunInput(id="x", gen=1, queue="mail", seq=4)]

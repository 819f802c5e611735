"""How each activity is called: the one table of queues, time-outs and retries.

Workflow code reads this table, so a change here changes what a replay asks for. Time-outs and retry policies are not
compared by a replay and may change freely; names and queues may not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypedDict

from temporalio.common import RetryPolicy

from workflows.contracts import Next
from workflows.ids import ADVANCE_ENROLMENT, ADVANCE_HANDOFF


@dataclass(frozen=True)
class Queues:
    """The task queues of one installation: `main` carries workflow tasks, the others only activities."""

    main: str
    mail: str
    db: str


def queues(prefix: str) -> Queues:
    """The prefix is also the main queue's name, so a run finds the others from the queue it was started on."""
    return Queues(main=prefix, mail=f"{prefix}-mail", db=f"{prefix}-db")


class Regular(TypedDict):
    start_to_close_timeout: timedelta
    retry_policy: RetryPolicy
    result_type: type[Next]


class Local(TypedDict):
    start_to_close_timeout: timedelta
    retry_policy: RetryPolicy
    result_type: type[Next]


@dataclass(frozen=True)
class How:
    """One activity's options: on the mail queue, on the db queue, and as a local activity."""

    mail: Regular
    db: Regular
    local: Local


TRANSIENT: Final = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2, maximum_interval=timedelta(seconds=30),
    maximum_attempts=5,
)  # fmt: skip

# No schedule-to-close: while the provider's gate is closed a mail waits on its queue, for hours if need be.
_regular = Regular(start_to_close_timeout=timedelta(seconds=60), retry_policy=TRANSIENT, result_type=Next)

# One attempt: a local activity that retries through an outage fills the history; the db queue takes over instead.
_local = Local(
    start_to_close_timeout=timedelta(seconds=5), retry_policy=RetryPolicy(maximum_attempts=1), result_type=Next
)

ACTIVITIES: Final[dict[str, How]] = {
    ADVANCE_ENROLMENT: How(mail=_regular, db=_regular, local=_local),
    ADVANCE_HANDOFF: How(mail=_regular, db=_regular, local=_local),
}

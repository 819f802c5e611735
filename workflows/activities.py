"""The activities: domain functions behind a wall that lets answers and codes through, no message and no traceback."""

from __future__ import annotations

import re
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

import structlog
from prometheus_client import Counter
from temporalio import activity
from temporalio.exceptions import ApplicationError

from workflows.contracts import Call, Next, Queue
from workflows.ids import ADVANCE_ENROLMENT, ADVANCE_HANDOFF

log = structlog.get_logger(__name__)

ADVANCES: Final = Counter("coldframe_advances", "advances by what came of them", ["kind", "result"])

BROKEN: Final = (ArithmeticError, AssertionError, AttributeError, LookupError, NameError, TypeError, ValueError)
"""Mistakes in code or data: the same call would fail the same way at once, so the run rests before it tries again."""


class Answer(Protocol):
    """What the domain's `advance` returns; the fields mean what they mean in `Next`."""

    @property
    def state(self) -> str: ...
    @property
    def gen(self) -> int: ...
    @property
    def seen(self) -> int: ...
    @property
    def wake_at(self) -> datetime | None: ...
    @property
    def on_event(self) -> Queue: ...
    @property
    def on_timer(self) -> Queue: ...
    @property
    def note(self) -> str: ...


class Advance(Protocol):
    """A domain function that carries one run on. One that cannot send stops before a mail and asks for `mail`."""

    def __call__(self, id: UUID, gen: int, woken: str, *, can_send: bool) -> Awaitable[Answer]: ...


@dataclass(frozen=True)
class Activities:
    """The two activities, over the two domain functions they carry. `can_send`: whether mails may leave from here."""

    enrolment: Advance
    handoff: Advance
    can_send: bool = False

    def sending(self) -> Activities:
        """The same, for the queue that mails are sent from."""
        return replace(self, can_send=True)

    @activity.defn(name=ADVANCE_ENROLMENT)
    async def advance_enrolment(self, call: Call) -> Next:
        return await self._guarded("enrolment", self.enrolment, call)

    @activity.defn(name=ADVANCE_HANDOFF)
    async def advance_handoff(self, call: Call) -> Next:
        return await self._guarded("handoff", self.handoff, call)

    @property
    def all(self) -> list[Callable[[Call], Awaitable[Next]]]:
        return [self.advance_enrolment, self.advance_handoff]

    async def _guarded(self, kind: str, advance: Advance, call: Call) -> Next:
        """Call the domain; raise ApplicationError with nothing but a code for whatever it raises.

        Cancellation is no Exception and passes through.
        """
        try:
            answer = await advance(UUID(call.id), call.gen, call.woken, can_send=self.can_send)
            result = Next.model_validate(answer, from_attributes=True)
        except Exception as error:
            code = code_of(error)
            failure = ApplicationError(code, type=code, non_retryable=isinstance(error, BROKEN))
            log.warning("advance.failed", kind=kind, run=call.id, gen=call.gen, code=code, at=_place(error))
        else:
            ADVANCES.labels(kind, result.state).inc()
            return result
        ADVANCES.labels(kind, "failed").inc()
        # Raised out here, so that it has neither cause nor context.
        raise failure


def code_of(error: BaseException) -> str:
    """The error's own `code` if it has one that is a plain word, else its class name in snake case."""
    code = getattr(error, "code", None)
    if isinstance(code, str) and re.fullmatch(r"[a-z][a-z0-9_]{0,63}", code):
        return code
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(error).__name__).lower().strip("_")
    return name if re.fullmatch(r"[a-z][a-z0-9_]{0,63}", name) else "error"


def _place(error: BaseException) -> str:
    """Where it was raised, as file:line of the innermost frames. Its message is left out: it may hold an address."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    return " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(frames))

"""What crosses the wire between workflows, activities and Postgres: ids, instants and codes, never personal data."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

Queue = Literal["mail", "db"]


class Wire(BaseModel):
    model_config = ConfigDict(frozen=True)


class RunInput(Wire):
    """The input of an enrolment's or a handoff's run; its id is also the workflow id."""

    id: str
    gen: int = 0
    queue: Queue = "db"
    """Where the first advance belongs."""
    loop: int = 1
    """Version of the loop, so that a changed loop never replays an old history."""
    seq: int = 0
    """The highest seq known before continue-as-new."""


class Call(Wire):
    id: str
    gen: int
    woken: Literal["start", "event", "timer", "again"]


class Next(Wire):
    """The answer of `advance`. `wake_at` is real time; None: nothing but an event ends the wait."""

    state: Literal["wait", "again", "done"]
    gen: int
    seen: int = 0
    wake_at: datetime | None = None
    on_event: Queue = "db"
    on_timer: Queue = "db"
    note: str = ""
    """Step id and file:line, or the reason a lead is parked; shown as the summary of the timer."""

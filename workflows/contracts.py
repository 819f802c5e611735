"""What crosses the wire between workflows, activities and Postgres: ids, instants and codes, never personal data."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

Queue = Literal["mail", "db"]
Woken = Literal["start", "event", "timer", "again"]

LOOP = 1
"""The loop's version that new runs get."""


class Wire(BaseModel):
    model_config = ConfigDict(frozen=True)


class Call(Wire):
    id: str
    gen: int
    woken: Woken


class Next(Wire):
    """The answer of `advance`. `wake_at` is real time; None: nothing but an event ends the wait."""

    state: Literal["wait", "again", "done"]
    gen: int
    seen: int = 0
    wake_at: datetime | None = None
    on_event: Queue = "db"
    """Where the advance belongs that an event causes, or the one that `again` asks for."""
    on_timer: Queue = "db"
    note: str = ""
    """Step id and file:line, or the reason a lead is parked; shown as the summary of the timer."""


class RunInput(Wire):
    """The input of an enrolment's or a handoff's run; its id is also the workflow id."""

    id: str
    gen: int = 0
    queue: Queue = "db"
    """Where the first advance belongs."""
    loop: int = LOOP
    """Version of the loop, so that a changed loop never replays an old history."""
    seq: int = 0
    """The highest seq known at the start."""
    most: int = 1000
    """After this many advances the run continues as new. Part of the input, so that a replay finds the same bound."""
    standing: Next | None = None
    """After continue-as-new: the answer that was standing. Its instants are absolute; None: nothing was called yet."""

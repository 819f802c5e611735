"""What `advance` answers: what the run does next."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from engine.model.ports import Queue

RESTORED = "the run is ahead of the database, which seems to have been restored from a backup"
FAR_AHEAD = 1_000_000
"""After a restore a run has counted on; its numbers go on beyond any that can have been reached."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a run does next; the same fields as the workflow's contract. `wake_at` is real time."""

    state: Literal["wait", "again", "done"]
    gen: int
    seen: int = 0
    wake_at: datetime | None = None
    on_event: Queue = "db"
    on_timer: Queue = "db"
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "wake_at": self.wake_at and self.wake_at.isoformat()}

    @staticmethod
    def from_json(data: dict[str, Any]) -> Answer:
        at = data.get("wake_at")
        return Answer(**{**data, "wake_at": datetime.fromisoformat(at) if at else None})

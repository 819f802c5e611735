"""What a pause means for one run: whether it may go on, and when what came due meanwhile leaves. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from engine.rules.runs.position import Branch
from engine.rules.sending.windows import spread


@dataclass(frozen=True, slots=True)
class Pause:
    """The newest word about a campaign: since `at`, by `author`. `spread`: over how long what is overdue leaves."""

    state: Literal["running", "paused", "stopped"]
    author: str
    at: datetime
    spread: timedelta

    @staticmethod
    def of(data: Mapping[str, Any] | None) -> Pause | None:
        """From what the database's `campaign_state` gives; None: nobody ever said anything."""
        if data is None:
            return None
        at, seconds = datetime.fromisoformat(data["at"]), timedelta(seconds=data["spread"])
        return Pause(data["state"], data["author"], at, seconds)


def came_due(branch: Branch, pause: Pause | None, due_at: datetime | None, seen: int) -> Branch:
    """The branch at its send, as having arrived when the mail came due, where that was during the pause.

    `due_at` is the run's due instant and `seen` the newest event it knew when this call began: what brought the branch
    here is an event since, or the time.
    """
    if pause is None or pause.state != "running" or branch.arrived is None or branch.arrived < pause.at:
        return branch
    if branch.event_at is not None and branch.event_seq > seen and branch.event_at < pause.at:
        return replace(branch, arrived=branch.event_at)
    return replace(branch, arrived=due_at) if due_at is not None and due_at < pause.at else branch


def leaves_at(branch: Branch, pause: Pause | None, lead: UUID, deadline: datetime) -> datetime | None:
    """From when on a mail that came due before its campaign was resumed may leave: the lead's own place in the spread,
    never past `deadline`. None: it did not come due then."""
    if pause is None or pause.state != "running" or branch.arrived is None or branch.arrived >= pause.at:
        return None
    return pause.at + spread(pause.at, lead, min(pause.spread, deadline - pause.at))

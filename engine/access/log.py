"""What people do at the desk that somebody may have to account for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from engine.runtime.runtime import Runtime
from engine.store import desk_log

ACTIONS: Mapping[str, str] = {
    "signed in": "signed in", "password set": "chose a password", "second factor on": "turned the second factor on",
    "second factor off": "turned the second factor off", "session ended": "ended a session",
    "user added": "added a user", "roles changed": "changed a user’s roles", "user disabled": "disabled a user",
    "user enabled": "enabled a user", "link made": "made a sign-in link",
    "leads listed": "listed leads", "lead seen": "opened a lead", "people listed": "listed users",
    "exported": "exported data", "erased": "erased a lead", "merged": "merged two leads",
    "paused": "paused", "resumed": "resumed", "ended": "ended a campaign",
    "gate opened": "opened a gate", "gate closed": "closed a gate", "handoff": "acted on a handoff",
    "deployed": "deployed", "rolled back": "rolled back", "draft discarded": "discarded a draft",
    "not written": "deployed, and the folder was not written",
    "review asked": "asked for a review", "approved": "approved a draft", "changes wanted": "asked for changes",
    "test sent": "sent a test", "retried": "retried",
    "replayed": "replayed a post", "work list seen": "opened the work list",
}  # fmt: skip
"""Each action, in words that follow a name."""


async def note(
    rt: Runtime, user: UUID | None, who: str, action: str, subject: str = "", **data: Any
) -> None:  # fmt: skip
    """Log it. `data` holds numbers, ids, and names of what the company declared, nothing about a lead."""
    assert action in ACTIONS
    await desk_log.add(rt.db, user, who, action, subject, json.dumps(data, default=str), rt.clock.now())

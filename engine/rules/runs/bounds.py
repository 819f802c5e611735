"""How often the blocks of `whenever` may run: by their own limits, and by one on all that campaigns set off themselves.

Blocks and entries that come of what a run has done are counted along a run, and from one run of a campaign to the
lead's next one, so that nobody goes round without end. What comes from outside is never refused, and a run that was
entered from outside begins to count anew. Pure.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from dsl.plan import Whenever
from engine.model.lead import Event
from engine.rules.conditions import calendar

MOST_FED = 100
"""Blocks and entries within FED_WITHIN."""
FED_WITHIN = timedelta(hours=1)

Streak = tuple[datetime, int]
"""Since when is counted, and how many there were."""


def longer(streak: Streak | None, at: datetime, many: int) -> Streak:
    """The streak with so many more; after an hour another one begins."""
    since, before = streak if streak is not None and at - streak[0] < FED_WITHIN else (at, 0)
    return since, before + many


def too_long(streak: Streak | None) -> bool:
    return streak is not None and streak[1] > MOST_FED


def within_limit(whenever: Whenever, fired: dict[str, tuple[datetime, ...]], event: Event, zone: str) -> bool:
    """Whether the limit behind the event allows another block; `fired` forgets what no longer counts."""
    if whenever.limit is None:
        return True
    start = calendar.since(whenever.limit.per, event.at, zone)
    recent = tuple(at for at in fired.get(whenever.id, ()) if at > start)
    fired[whenever.id] = recent
    return len(recent) < whenever.limit.times

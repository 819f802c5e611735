"""When a post to another system is tried again: growing pauses for a day."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256

LATEST = timedelta(days=1)
"""A post that found nobody for so long is given up."""
LATELY = timedelta(days=1)
"""How long a failed post counts as one that somebody should look at."""
PAUSES = tuple(
    timedelta(seconds=one) for one in (5, 30, 120, 600, 3_600, 3 * 3_600, 6 * 3_600, 12 * 3_600)
)  # fmt: skip
"""After the first attempt, the second, …; from then on the last."""
SPREAD = 0.1
"""A pause is longer or shorter by up to this share, so that posts that failed together do not come back together."""


def next_attempt(key: str, number: int, first: datetime, now: datetime, wanted: timedelta | None) -> datetime | None:
    """When to try again after attempt `number` (from 1); None: never. `key` decides the spread, the same each time.

    `wanted`: the pause that the receiver asks for, which makes a pause longer, never shorter. The last attempt is made
    a day after the `first`, however long the pause would be.
    """
    end = first + LATEST
    if now >= end:
        return None
    pause = PAUSES[min(number, len(PAUSES)) - 1] * (1 + SPREAD * _spread(key, number))
    return min(now + max(pause, wanted or pause), end)


def _spread(key: str, number: int) -> float:
    """From -1 to 1."""
    return int.from_bytes(sha256(f"{key}:{number}".encode()).digest()[:4]) / 0x7FFFFFFF - 1

"""How fast mails may leave one process: a token bucket that holds a second's worth."""

from __future__ import annotations

import asyncio
import time


class Pace:
    """`take()` waits for a token. Tokens come back with `give_back()` when no mail was sent for one."""

    def __init__(self, per_second: float) -> None:
        self._rate = per_second
        self._room = max(1.0, per_second)
        self._tokens = self._room
        self._at = time.monotonic()

    async def take(self) -> None:
        while not self.try_take():  # noqa: ASYNC110 - nothing but time brings a token
            await asyncio.sleep((1 - self._tokens) / self._rate)

    def try_take(self) -> bool:
        """A token if there is one now."""
        now = time.monotonic()
        self._tokens = min(self._room, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def give_back(self) -> None:
        self._tokens = min(self._room, self._tokens + 1)

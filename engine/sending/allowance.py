"""How much one call of a run may hand over: for so long, so many, and a mail only with a token of the mail bucket."""

from __future__ import annotations

from datetime import datetime, timedelta

from engine.runtime.runtime import Runtime

BUDGET = timedelta(seconds=20)
MOST = 10
"""Mails and posts in one call."""


class Allowance:
    """Of one call. `sent`: how many mails and posts it has marked; a token that is not used goes back at the end."""

    def __init__(self, rt: Runtime) -> None:
        self._rt, self._began, self._has_token = rt, rt.clock.real(), False
        self.sent = 0

    async def take_token(self) -> None:
        """Wait for a token, unless there is one that was not used."""
        if not self._has_token:
            await self._rt.pace.take()
            self._has_token = True

    def try_token(self) -> bool:
        """Whether there is a token, without waiting for one."""
        if not self._has_token:
            self._has_token = self._rt.pace.try_take()
        return self._has_token

    def give_back(self) -> None:
        if self._has_token:
            self._rt.pace.give_back()

    @property
    def spent(self) -> bool:
        return self.sent >= MOST or self._rt.clock.real() - self._began > BUDGET

    def gate_closed(self, until: datetime | None) -> bool:
        """Whether the provider takes no mail now; `until` is what is known of its gate, in real time."""
        return until is not None and until > self._rt.clock.real()

    def marked(self, *, mail: bool = True) -> None:
        """One more is on its way; a mail has used the token."""
        self.sent += 1
        if mail:
            self._has_token = False

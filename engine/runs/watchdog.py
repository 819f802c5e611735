"""Runs that have lost their timer or their wake are woken again; what does not answer is shown to a person."""

from __future__ import annotations

from datetime import timedelta

from engine.runtime.runtime import Runtime
from engine.store import stalled

LATE = timedelta(minutes=2)
"""A run this long (real time) past its due instant has lost its timer or its wake, and is woken again."""
AGAIN = timedelta(minutes=10)
"""How long the watchdog leaves a run alone once it has woken it."""
SILENT = timedelta(minutes=5)
"""A run this long (real time) past its due instant needs a person's attention."""
MANY = 100


async def wake_stalled(rt: Runtime) -> int:
    """Put lost runs back into the outbox, mark what does not answer or rests on nothing. How many woke.

    A wake starts a run that Temporal has lost; one that is alive and has seen everything does not mind it. While a
    provider's gate is closed mails are late on purpose.
    """
    now, real, day = rt.clock.now(), rt.clock.real(), timedelta(days=1)
    pace = (rt.clock.to_real(now + day) - rt.clock.to_real(now)) / day
    return await stalled.wake(
        rt.db, late=now - LATE / pace, again=real - AGAIN, attention=now - SILENT / pace, real=real, many=MANY
    )

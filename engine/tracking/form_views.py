"""How often a form is shown to people: counted by day, and nothing is known of who they were."""

from __future__ import annotations

import structlog

from engine.rules.conditions.calendar import local_date
from engine.runtime.runtime import Runtime
from engine.store import form_days

log = structlog.get_logger(__name__)


async def count(rt: Runtime, form: str, zone: str) -> None:
    """Count one more. A count that cannot be written is lost: nobody waits for it."""
    try:
        await form_days.count(rt.db, local_date(rt.clock.now(), zone), form)
    except Exception as problem:
        log.warning("form.shown", form=form, kind=type(problem).__name__)

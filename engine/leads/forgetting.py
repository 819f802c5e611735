"""The past of leads that has been kept long enough is removed, paced; the leads stay as they are.

Fields, score, stage, lists, topics, consents and the history of stages are the lead's own and stay. Points keep their
sums by day, runs and emails stay as figures by day, and when leads did something stays as spans. The newest run in each
campaign stays: `enters once` asks for it.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from dsl.plan import EVENTS_KEPT, Workspace
from engine.rules.conditions import calendar
from engine.rules.leads.composite import ACTIVE
from engine.runtime.runtime import Runtime
from engine.store import forgetting
from engine.tracking.retention import FORGOTTEN, VISITORS

MANY, PAGES = 500, 20
"""Leads looked at in one transaction, and such transactions in a turn."""


def begins(workspace: Workspace, now: datetime) -> tuple[datetime, datetime]:
    """The instants from which on the past of leads is kept, and visitors who are leads."""
    events, visitors = (
        calendar.since(length, now, workspace.timezone)
        for length in (workspace.events_kept or EVENTS_KEPT, workspace.visitors_kept or VISITORS)
    )
    return events, min(events, visitors)


async def forget_past(rt: Runtime) -> dict[str, int]:
    """One turn: the next leads, at most so many; how many rows of what were removed."""
    deployment = await rt.catalog.refresh()
    if deployment is None:
        return {}
    now = rt.clock.now()
    before, visitors = begins(deployment.program.workspace, now)
    zone = deployment.program.workspace.timezone
    taken: Counter[str] = Counter()
    for _ in range(PAGES):
        page = await forgetting.forget_page(rt.db, before, visitors, MANY, now, zone, ACTIVE)
        if page is None:
            break
        taken.update(page.taken)
        if page.last:
            break
    for what, many in taken.items():
        FORGOTTEN.labels(what).inc(many)
    return dict(taken)

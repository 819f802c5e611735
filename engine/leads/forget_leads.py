"""Leads who have agreed to nothing are erased after the workspace's time, paced; all others only on request.

The time runs from the last thing that a lead did, that was asked of them, or that they said about a topic, and from
when they became known. Whoever sales is talking to, or has a deal with, stays.
"""

from __future__ import annotations

from datetime import datetime

from dsl.plan import Workspace
from engine.leads.erase import erase
from engine.rules.conditions import calendar
from engine.runtime.runtime import Runtime
from engine.store import retention
from engine.tracking.retention import FORGOTTEN

MANY = 500
"""Leads erased in a turn at most."""
AUTHOR = "retention"


def begins(workspace: Workspace, now: datetime) -> datetime | None:
    """The instant from which on a lead without consent is kept, by the workspace's clock; None: all are."""
    return calendar.since(workspace.leads_kept, now, workspace.timezone) if workspace.leads_kept else None


async def forget_leads(rt: Runtime) -> int:
    """One turn; how many leads were erased."""
    deployment = await rt.catalog.refresh()
    before = begins(deployment.program.workspace, rt.clock.now()) if deployment is not None else None
    if before is None:
        return 0
    erased = 0
    for lead in await retention.without_consent(rt.db, before, MANY):
        erased += await erase(rt, lead, AUTHOR) is not None
    FORGOTTEN.labels("leads").inc(erased)
    return erased

"""What has been kept long enough is removed, paced: strangers' visits, click identifiers, what old emails looked at.

The log of a lead, their points, messages, and runs are never touched here: `why` and reports live on them.
"""

from __future__ import annotations

from datetime import datetime

from prometheus_client import Counter

from dsl.plan import Duration, Workspace
from engine.rules.conditions import calendar
from engine.runtime.runtime import Runtime
from engine.store import retention

VISITORS = Duration(months=13)
"""What strangers leave behind, where the workspace says nothing: as long as the cookie lives."""
CLICKS = Duration(days=90)
"""An advertising network's identifier, whoever the visitor is."""
MEMOS = Duration(months=25)
"""What an email's template looked at; without it, the email cannot be shown in the browser any more."""
MAILBOX = Duration(days=90)
"""Emails in the mailbox of an installation without a provider."""
POSTS = Duration(days=30)
"""Posts to other systems with the log of their attempts."""
MANY, BATCHES = 500, 20
"""Rows in a batch, and batches of each kind in a turn."""
FORGOTTEN = Counter("coldframe_forgotten_total", "Rows that were removed or emptied after their time", ["what"])


def limits(workspace: Workspace, now: datetime) -> dict[str, datetime]:
    """By what is removed, the instant from which on it is kept. Days and months are those of the workspace's zone."""
    kept = workspace.visitors_kept or VISITORS
    begins = {
        length: calendar.since(length, now, workspace.timezone) for length in (kept, CLICKS, MEMOS, MAILBOX, POSTS)
    }
    return {
        "sessions": begins[kept], "visitor_events": begins[kept], "visitors": begins[kept],
        "clicks": max(begins[CLICKS], begins[kept]), "memos": begins[MEMOS], "mailbox": begins[MAILBOX],
        "webhook_attempts": begins[POSTS], "webhook_posts": begins[POSTS],
    }  # fmt: skip


async def forget(rt: Runtime) -> dict[str, int]:
    """One turn: of each kind at most so many batches, oldest rows first; how many rows each took."""
    deployment = await rt.catalog.refresh()
    if deployment is None:
        return {}
    taken: dict[str, int] = {}
    for what, before in limits(deployment.program.workspace, rt.clock.now()).items():
        taken[what] = 0
        for _ in range(BATCHES):
            many = await retention.remove(rt.db, what, before, MANY)
            taken[what] += many
            FORGOTTEN.labels(what).inc(many)
            if many < MANY:
                break
    return taken

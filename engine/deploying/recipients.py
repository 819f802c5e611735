"""Who a campaign that starts for a segment or list would email now: how many, and why not the others.

What is counted is the campaign's first email, as it would be judged now: consent, suppression, the limit on emails. Who
is in the segment by the time it starts may differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import text

from dsl.plan import InList, InSegment, Plan, Program, Send, Start
from engine.leads.members import judged
from engine.model.lead import Lead
from engine.rules.conditions import calendar
from engine.rules.deploying.changes import Change
from engine.rules.leads.limits import Rules
from engine.rules.sending.judge import forbidden
from engine.rules.sending.windows import cap_opening
from engine.store.db import Database

_SENT = text("""
SELECT lead_id, array_agg(at) AS sent FROM messages
WHERE kind = 'marketing' AND at > :recent AND state IN ('sending', 'accepted', 'unknown') GROUP BY lead_id""")


@dataclass(frozen=True)
class Recipients:
    """Of `of` leads in `audience` (`segment "Customers"`), `emailed` would get the first email; `held` of them later,
    because they have reached the limit on emails. `skipped`: why the others would not, by reason."""

    campaign: str
    audience: str
    of: int
    emailed: int
    held: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)


async def recipients(
    db: Database, program: Program, changes: Iterable[Change], now: datetime
) -> Sequence[Recipients]:  # fmt: skip
    """For each new or changed campaign that takes the members of a segment or list; nothing for all others."""
    changed = {one.name.casefold() for one in changes if one.kind in ("added", "changed")}
    found = []
    for plan in program.campaigns:
        first = next((one for one in plan.steps if isinstance(one, Send) and one.mode != "transactional"), None)
        if plan.campaign.casefold() not in changed or first is None:
            continue
        groups = [group for start in plan.starts if (group := audience_of(start, program)) is not None]
        for group in {(one.kind, one.name.casefold()): one for one in groups}.values():
            found.append(await _count(db, program, plan, first, group, now))
    return found


def audience_of(start: Start, program: Program) -> InSegment | InList | None:
    """The segment or list whose members a start takes all together; None if it takes leads one by one."""
    if isinstance(start.audience, InSegment | InList):
        return start.audience
    name = (start.pattern.name or "").casefold()
    if not start.present:
        return None
    if start.pattern.type == "list.joined":
        return InList(name=start.pattern.name or "")
    segment = next((one for one in program.segments if one.name.casefold() == name), None)
    return InSegment(name=segment.name, condition=segment.condition) if segment else None


async def _count(
    db: Database, program: Program, plan: Plan, first: Send, condition: InSegment | InList, now: datetime
) -> Recipients:  # fmt: skip
    rules, limit = Rules.of(program, lambda _: None), program.workspace.mail_limit
    sent: Mapping[object, Sequence[datetime]] = {}
    if limit is not None:
        recent = calendar.since(limit.per, now, "UTC") - timedelta(days=2)
        async with db.engine.connect() as connection:
            sent = {row.lead_id: row.sent for row in await connection.execute(_SENT, {"recent": recent})}
    of = emailed = held = 0
    skipped: Counter[str] = Counter()
    async for lead in judged(db, rules, condition, now):
        of += 1
        if reason := forbidden(first, plan, program, lead):
            skipped[reason] += 1
            continue
        emailed += 1
        held += _reached(lead, sent.get(lead.id, ()), program, now)
    noun = "segment" if isinstance(condition, InSegment) else "list"
    return Recipients(plan.campaign, f'{noun} "{condition.name}"', of, emailed, held, dict(sorted(skipped.items())))


def _reached(lead: Lead, sent: Sequence[datetime], program: Program, now: datetime) -> bool:
    workspace = program.workspace
    return cap_opening(workspace.mail_limit, sent, now, lead.zone(program), workspace.business_hours) > now

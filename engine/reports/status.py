"""Who is where, waiting for what until when: read from Postgres, never from Temporal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from engine.rules.sending.retries import LATELY
from engine.store import webhooks
from engine.store.db import Database

_ASKED = """AND (CAST(:campaign AS text) IS NULL OR lower(e.campaign) = lower(:campaign))
    AND (CAST(:lead AS uuid) IS NULL OR e.lead_id = CAST(:lead AS uuid))"""

_WAITING = text(f"""
SELECT e.campaign, l.email, l.stage, coalesce((l.scores->>'')::float, 0) AS score, w.step, w.source, w.what, w.due_at,
    w.held, e.attention, e.state
FROM enrolments e JOIN leads l ON l.id = e.lead_id LEFT JOIN waits w ON w.enrolment_id = e.id
WHERE e.state <> 'ended' {_ASKED}
ORDER BY e.attention IS NULL, w.due_at NULLS LAST, l.email LIMIT :many""")

# With runs and emails whose rows were removed after their time.
_CAMPAIGNS = text(f"""
SELECT campaign, sum(live)::bigint AS live, sum(entered)::bigint AS entered, sum(attention)::bigint AS attention FROM (
    SELECT campaign, count(*) FILTER (WHERE state <> 'ended') AS live, count(*) AS entered,
        count(*) FILTER (WHERE attention IS NOT NULL AND state <> 'ended') AS attention
    FROM enrolments e WHERE true {_ASKED} GROUP BY campaign
    UNION ALL SELECT campaign, 0, sum(runs), 0 FROM past_runs e WHERE CAST(:lead AS uuid) IS NULL
        AND (CAST(:campaign AS text) IS NULL OR lower(e.campaign) = lower(:campaign)) GROUP BY campaign
) counted GROUP BY campaign ORDER BY campaign""")

_HELD = text("""
SELECT coalesce((
        SELECT p->>'campaign' FROM deployments d, jsonb_array_elements(d.program->'campaigns') p
        WHERE d.epoch = (SELECT max(epoch) FROM deployments) AND lower(p->>'campaign') = s.campaign),
    (SELECT max(e.campaign) FROM enrolments e WHERE lower(e.campaign) = s.campaign), s.campaign) AS campaign,
    state, author, reason, at
FROM campaign_states s WHERE until IS NULL AND state <> 'running' ORDER BY s.campaign""")

_STEPS = text(f"""
SELECT e.campaign, w.source, w.what, count(*) AS leads, min(w.due_at) AS next FROM waits w
JOIN enrolments e ON e.id = w.enrolment_id WHERE e.state <> 'ended' {_ASKED}
GROUP BY e.campaign, w.source, w.what ORDER BY e.campaign, w.source""")

_HELD_BACK = text(f"""
SELECT e.campaign, w.source, w.held, count(*) AS leads, min(w.due_at) AS next FROM waits w
JOIN enrolments e ON e.id = w.enrolment_id WHERE e.state <> 'ended' AND w.held <> '' {_ASKED}
GROUP BY e.campaign, w.source, w.held ORDER BY min(w.due_at), e.campaign, w.source""")

_MAILS = text("""
SELECT state, sum(many)::bigint AS many FROM (
    SELECT state, count(*) AS many FROM messages WHERE kind IN ('marketing', 'transactional') GROUP BY state
    UNION ALL SELECT state, sum(emails) FROM past_emails WHERE kind IN ('marketing', 'transactional') GROUP BY state
) counted GROUP BY state ORDER BY state""")

_SET_ASIDE = text("SELECT fate, count(*) AS many FROM set_aside GROUP BY fate ORDER BY fate")

_SUPPRESSED = text("SELECT reason, count(*) AS many FROM suppressions GROUP BY reason ORDER BY reason")

_UNMAILED = text("""
SELECT g->>'kind' AS kind, g->>'name' AS name, (SELECT count(*) FROM leads l WHERE email IS NOT NULL
        AND merged_into IS NULL AND CASE WHEN g->>'kind' = 'list'
            THEN EXISTS (SELECT FROM jsonb_object_keys(l.lists) k WHERE lower(k) = lower(g->>'name'))
            ELSE coalesce((l.segments->(g->>'name')->>'in')::boolean, false) END) AS leads
FROM deployments d, jsonb_array_elements(coalesce(d.program->'workspace'->'unmailed', '[]')) g
WHERE d.epoch = (SELECT max(epoch) FROM deployments)""")

_COMPLAINTS = text("""
SELECT (SELECT count(*) FROM suppressions WHERE reason = 'complained' AND at > :since) AS complaints,
    (SELECT count(*) FROM messages WHERE kind IN ('marketing', 'transactional') AND state = 'accepted'
        AND at > :since) AS mails""")

_HANDOFFS = text(f"""
SELECT h.team, h.member, h.state->>'phase' AS phase, l.email, h.due_at, h.attention FROM handoffs h
JOIN leads l ON l.id = h.lead_id LEFT JOIN enrolments e ON e.id = h.enrolment_id
WHERE (h.outcome IS NULL OR h.attention IS NOT NULL) {_ASKED.replace("e.lead_id", "h.lead_id")}
ORDER BY h.due_at NULLS FIRST LIMIT :many""")

_PARKED = text("""
SELECT email, attention FROM leads l WHERE attention IS NOT NULL AND (CAST(:lead AS uuid) IS NULL OR l.id = :lead)
    AND (CAST(:campaign AS text) IS NULL OR EXISTS (
        SELECT FROM enrolments e WHERE e.lead_id = l.id AND lower(e.campaign) = lower(:campaign)))
ORDER BY email LIMIT :many""")

_STAGES = text("SELECT stage, count(*) AS many FROM leads WHERE merged_into IS NULL GROUP BY stage")

_SYSTEM = text("""
SELECT (SELECT max(epoch) FROM deployments) AS epoch, (SELECT count(*) FROM outbox) AS outbox,
    (SELECT jsonb_agg(jsonb_build_object('provider', provider, 'reason', reason, 'until', real_closed_until,
        'since', real_closed_at))
     FROM gates WHERE real_closed_until > :real) AS gates""")


COMPLAINTS_OVER = timedelta(days=30)
ALARM = 0.0008
"""From this share of complaints among the mails of COMPLAINTS_OVER on, mail programs begin to distrust the sender."""


@dataclass(frozen=True)
class Status:
    """Rows as plain values, ready for a table or for JSON. Instants are domain time. `held`: what is paused or stopped,
    by campaign; the empty one stands for all. `held_back`: emails that wait for a window, quiet hours or a limit, by
    what keeps them. `parked`: leads that need attention themselves, not a run of theirs.
    `unmailed`: the groups that the workspace says nobody is mailed in, and how many leads are in each.
    `suppressed`: addresses that may not be mailed, by reason; `complaints` among the `recent` mails of the last 30
    days."""

    now: datetime
    epoch: int | None
    held: Sequence[Mapping[str, Any]]
    campaigns: Sequence[Mapping[str, Any]]
    steps: Sequence[Mapping[str, Any]]
    waiting: Sequence[Mapping[str, Any]]
    held_back: Sequence[Mapping[str, Any]]
    handoffs: Sequence[Mapping[str, Any]]
    parked: Sequence[Mapping[str, Any]]
    mails: Mapping[str, int]
    unmailed: Sequence[Mapping[str, Any]]
    suppressed: Mapping[str, int]
    complaints: int
    recent: int
    stages: Mapping[str, int]
    outbox: int
    closed_gates: Sequence[Mapping[str, Any]]
    set_aside: Mapping[str, int]
    """Reports of the provider about another address than the email's, by what they report."""
    posts: Mapping[str, int] = field(default_factory=dict)
    """To other systems, how many wait for another attempt, and how many failed within a day."""

    @property
    def alarming(self) -> bool:
        """Whether there are too many complaints."""
        return self.complaints > 0 and self.complaints >= ALARM * self.recent


async def status(
    db: Database,
    now: datetime,
    real: datetime,
    *,
    campaign: str | None = None,
    lead: UUID | None = None,
    many: int = 50,
) -> Status:
    """The state of everything; campaigns, steps, leads and handoffs of one campaign or lead alone where that is asked.

    At most `many` single leads and handoffs.
    """
    asked = {"campaign": campaign, "lead": lead}
    async with db.engine.connect() as connection:

        async def rows(statement: Any, **values: Any) -> list[dict[str, Any]]:
            return [dict(row) for row in (await connection.execute(statement, values)).mappings()]

        complaints = (await rows(_COMPLAINTS, since=now - COMPLAINTS_OVER))[0]
        system = (await rows(_SYSTEM, real=real))[0]
        return Status(
            now=now,
            epoch=system["epoch"],
            held=await rows(_HELD),
            campaigns=await rows(_CAMPAIGNS, **asked),
            steps=await rows(_STEPS, **asked),
            waiting=await rows(_WAITING, **asked, many=many),
            held_back=await rows(_HELD_BACK, **asked),
            handoffs=await rows(_HANDOFFS, **asked, many=many),
            parked=await rows(_PARKED, **asked, many=many),
            mails={row["state"]: row["many"] for row in await rows(_MAILS)},
            unmailed=await rows(_UNMAILED),
            suppressed={row["reason"]: row["many"] for row in await rows(_SUPPRESSED)},
            complaints=complaints["complaints"],
            recent=complaints["mails"],
            stages={row["stage"]: row["many"] for row in await rows(_STAGES)},
            outbox=system["outbox"],
            closed_gates=system["gates"] or [],
            set_aside={row["fate"]: row["many"] for row in await rows(_SET_ASIDE)},
            posts=await webhooks.count_open(db, now - LATELY),
        )

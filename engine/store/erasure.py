"""What an erasure does to each table: personal data goes, figures stay under a random id that nothing leads to.

Every table that says something of a lead is named here once, so that a new one cannot be forgotten.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from engine.store.db import Hot

FIGURES = (
    "email.%", "form.submitted", "file.downloaded", "webinar.%", "meeting.%", "call.received", "chat.started",
    "handoff.%", "stage.entered", "deal.%", "campaign.%", "lead.unsubscribed", "order.placed",
)  # fmt: skip
"""Events that figures are counted from. They keep their type, the name of what the company calls so, and their day."""

_DAY = "date_trunc('day', {}, %(zone)s)"


def _day(*columns: str) -> str:
    return ", ".join(f"{one} = {_DAY.format(one)}" for one in columns)


_GHOST = f"""
INSERT INTO leads (id, seq, fields, scores, rated, stage, topics, origin, epoch, created_at, last_at)
SELECT %(ghost)s, seq + 1, '{{}}', scores, '{{}}', stage, '{{}}', origin, epoch, {_DAY.format("created_at")},
    {_DAY.format("last_at")} FROM leads WHERE id = %(lead)s"""

# The emails get other ids, too: theirs stand in mailboxes.
_MESSAGES = f"""
WITH ids AS MATERIALIZED (SELECT id, gen_random_uuid() AS fresh FROM messages WHERE lead_id = ANY(%(leads)s::uuid[])),
events AS (UPDATE events e SET message_id = i.fresh FROM ids i WHERE e.message_id = i.id RETURNING 1),
boxed AS (DELETE FROM mailbox b USING ids i WHERE b.id = i.id RETURNING 1),
aside AS (DELETE FROM set_aside s USING ids i WHERE s.message_id = i.id RETURNING 1)
UPDATE messages m SET id = i.fresh, lead_id = %(ghost)s, memo = NULL, subject = '', held = NULL, provider_id = NULL,
    address = NULL, {_day("at", "settled_at")},
    state = CASE WHEN state = 'sending' THEN 'unknown' ELSE state END,
    reason = CASE WHEN state = 'sending' THEN 'erased' ELSE reason END
FROM ids i WHERE m.id = i.id"""

_EVENTS = f"""
UPDATE events SET lead_id = %(ghost)s, key = NULL, data = '{{}}', {_day("at", "happened_at")}
WHERE lead_id = ANY(%(leads)s::uuid[]) AND type LIKE ANY(%(figures)s)"""

_RUNS = """
UPDATE enrolments SET lead_id = %(ghost)s, position = jsonb_build_object('branches', '[]'::jsonb, 'seen', 0,
        'path', coalesce(position->'path', '[]')),
    wait = NULL, attention = NULL, attempt = NULL, due_at = NULL, per = '',
    outcome = CASE WHEN state = 'ended' THEN outcome ELSE 'erased' END, ended_at = coalesce(ended_at, %(now)s),
    state = 'ended'
WHERE lead_id = ANY(%(leads)s::uuid[]) RETURNING id"""

_RUN_DAYS = f"""
UPDATE enrolments SET {_day("started_at", "ended_at", "goal_at")},
    position = jsonb_set(position, '{{path}}', coalesce((
        SELECT jsonb_agg(jsonb_build_array(w->0, to_jsonb(date_trunc('day', (w->>1)::timestamptz, %(zone)s)))
            || coalesce(jsonb_path_query_array(w, '$[2 to last]'), '[]') ORDER BY n)
        FROM jsonb_array_elements(position->'path') WITH ORDINALITY AS walked(w, n)), '[]'))
WHERE lead_id = %(ghost)s"""

_TOUCHES = f"""
WITH kept AS MATERIALIZED (DELETE FROM touches WHERE lead_id = ANY(%(leads)s::uuid[]) RETURNING *)
INSERT INTO touches (lead_id, key, source_id, kind, at)
SELECT %(ghost)s, 'x:' || row_number() OVER (ORDER BY at, key), source_id, kind, {_DAY.format("at")} FROM kept"""

_HANDOFFS = f"""
UPDATE handoffs SET lead_id = %(ghost)s, note = '', attention = NULL,
    {_day("opened_at", "acknowledged_at", "contacted_at", "closed_at")}
WHERE lead_id = ANY(%(leads)s::uuid[])"""

_OPEN_WAKES = """
INSERT INTO outbox (run_id, kind, start, seq, gen, queue, real_leased_until)
SELECT id, kind, false, seq, gen, 'mail', %(real)s FROM (
    SELECT e.id, 'enrolment' AS kind, l.seq + 1 AS seq, e.gen FROM enrolments e JOIN leads l ON l.id = e.lead_id
    WHERE e.lead_id = ANY(%(leads)s::uuid[]) AND e.state <> 'ended'
    UNION ALL
    SELECT h.id, 'handoff', l.seq + 1, h.gen FROM handoffs h JOIN leads l ON l.id = h.lead_id
    WHERE h.lead_id = ANY(%(leads)s::uuid[]) AND h.wait->>'state' IS DISTINCT FROM 'done') open
ON CONFLICT (run_id) DO UPDATE SET seq = greatest(outbox.seq, excluded.seq)"""

_DEALS = """UPDATE {} SET leads = array_replace(leads, %(lead)s::uuid, %(ghost)s::uuid)
    WHERE %(lead)s::uuid = ANY(leads)"""

_WAITS = """DELETE FROM waits
    WHERE enrolment_id IN (SELECT id FROM enrolments WHERE lead_id = ANY(%(leads)s::uuid[]))"""
_SESSIONS = """DELETE FROM sessions WHERE lead_id = ANY(%(leads)s::uuid[])
    OR visitor_id IN (SELECT id FROM visitors WHERE lead_id = ANY(%(leads)s::uuid[]))"""
_VISITOR_EVENTS = """DELETE FROM visitor_events
    WHERE visitor_id IN (SELECT id FROM visitors WHERE lead_id = ANY(%(leads)s::uuid[]))"""
_LINKS = "DELETE FROM links WHERE EXISTS (SELECT FROM unnest(%(said)s::text[]) s WHERE position(s IN lower(url)) > 0)"
_TESTS = """
UPDATE test_leads SET lead_id = %(ghost)s WHERE lead_id = %(lead)s"""
_SUPPRESSIONS = """
INSERT INTO suppressions (address_hash, reason, at) SELECT hash, 'erased', %(now)s FROM unnest(%(hashes)s::text[]) hash
ON CONFLICT (address_hash) DO UPDATE SET reason = excluded.reason WHERE suppressions.reason = 'unsubscribed'"""
_DIRTY = """INSERT INTO dirty (lead_id, deal_id, at) SELECT %(ghost)s::uuid, NULL, %(now)s::timestamptz
    UNION ALL SELECT NULL, id, %(now)s::timestamptz FROM deals WHERE %(ghost)s::uuid = ANY(leads)"""
_POINTS = f"""UPDATE points SET lead_id = %(ghost)s, thing = '', expires_at = NULL, {_day("earned_at", "booked_at")}
    WHERE lead_id = %(lead)s"""
_STAGES = f"UPDATE stages SET lead_id = %(ghost)s, {_day('at')} WHERE lead_id = %(lead)s"


# What no event says any more of when they did something stays by its days, so that who came back does.
_PAST_ACTS = f"""
WITH own AS (UPDATE past_acts SET lead_id = %(ghost)s, {_day("since", "until")}
    WHERE lead_id = ANY(%(leads)s::uuid[]) RETURNING 1)
INSERT INTO past_acts (lead_id, refused, since, until)
SELECT DISTINCT %(ghost)s::uuid, false, {_DAY.format("coalesce(happened_at, at)")},
    {_DAY.format("coalesce(happened_at, at)")} FROM events
WHERE lead_id = ANY(%(leads)s::uuid[]) AND type = ANY(%(acts)s) AND NOT type LIKE ANY(%(figures)s)"""
_PAST_DEEDS = f"UPDATE past_deeds SET lead_id = %(ghost)s, {_day('first_at')} WHERE lead_id = ANY(%(leads)s::uuid[])"
_PAST_POINTS = "UPDATE past_points SET lead_id = %(ghost)s WHERE lead_id = ANY(%(leads)s::uuid[])"


def _delete(table: str) -> str:
    return f"DELETE FROM {table} WHERE lead_id = ANY(%(leads)s::uuid[])"


ORDER: Mapping[str, str] = {
    "outbox": _OPEN_WAKES,
    "leads": _GHOST,
    "waits": _WAITS,
    "messages": _MESSAGES,
    "past_acts": _PAST_ACTS,
    "past_deeds": _PAST_DEEDS,
    "past_points": _PAST_POINTS,
    "events": _EVENTS,
    "events that no figure needs": _delete("events"),
    "enrolments": _RUNS,
    "enrolments by day": _RUN_DAYS,
    "handoffs": _HANDOFFS,
    "touches": _TOUCHES,
    "points": _POINTS,
    "stages": _STAGES,
    "test_leads": _TESTS,
    "test_leads of merged records": _delete("test_leads"),
    "deals": _DEALS.format("deals"),
    "deal_events": _DEALS.format("deal_events"),
    "links": _LINKS,
    "sessions": _SESSIONS,
    "visitor_events": _VISITOR_EVENTS,
    **{table: _delete(table) for table in (
        "dirty", "visitors", "consents", "mail_hits", "confirmations", "lead_clock", "lead_facts", "stage_stays",
        "lead_returns", "data_requests", "webhook_posts", "webhook_attempts", "crm_links", "crm_outbox",
    )},
    "merges": "DELETE FROM merges WHERE kept = ANY(%(leads)s::uuid[]) OR other = ANY(%(leads)s::uuid[])",
    "suppressions": _SUPPRESSIONS,
    "deal_facts": "UPDATE deal_facts SET lead_id = %(ghost)s WHERE lead_id = %(lead)s",
    "dirty again": _DIRTY,
    "leads themselves": "DELETE FROM leads WHERE id = ANY(%(leads)s::uuid[])",
}  # fmt: skip
"""The statements in their order, by the table that each is about."""

WITH_MESSAGES = frozenset({"mailbox", "set_aside"})
"""Tables whose rows go with those of `messages`."""
NOBODY = frozenset({
    "api_keys", "assets", "campaign_states", "credits", "crm_cursors", "crm_hooks", "deal_states", "deployments",
    "form_days", "gates", "jobs", "money_log", "past_emails", "past_runs", "plans", "processes", "rates",
    "report_days", "sources", "spend", "sweeps", "teams", "tests", "visit_days",
    "desk_log", "draft_comments", "draft_files", "draft_reviews", "drafts", "sign_in_failures", "user_links",
    "user_sessions", "users", "webhook_secrets",
})  # fmt: skip
"""Tables that know no lead."""

_RECORDS = """
WITH RECURSIVE own AS (
    SELECT id, email_key FROM leads WHERE id = %(lead)s
    UNION SELECT l.id, l.email_key FROM leads l JOIN own ON l.merged_into = own.id)
SELECT id, email_key FROM own"""
_CLOSE = "SELECT id, state FROM handoffs WHERE lead_id = %(lead)s AND outcome IS NULL"
_TRAYS = "UPDATE handoffs SET state = state - 'mail' WHERE lead_id = %(lead)s"


async def records(hot: Hot, lead: UUID) -> list[tuple[UUID, str | None]]:
    """The lead's own record and those that have become part of it, with their addresses."""
    return [(row.id, row.email_key) for row in await hot.all(_RECORDS, {"lead": lead})]


async def open_handoff(hot: Hot, lead: UUID) -> Any | None:
    """The lead's open handoff: id and state."""
    return await hot.one(_CLOSE, {"lead": lead})


async def carry_out(
    hot: Hot, lead: UUID, ghost: UUID, leads: list[UUID], said: list[str], hashes: list[str], zone: str, now: datetime,
    real: datetime, acts: Collection[str] = (),
) -> None:  # fmt: skip
    """Erase the lead and all its records (`leads`); figures stay as the lead `ghost`. `said`: what a link may hold of
    them, in lower case; `hashes`: of their addresses; `zone`: whose days count; `acts`: types of what leads do."""
    values = {
        "lead": lead, "ghost": ghost, "leads": leads, "said": said, "hashes": hashes, "zone": zone, "now": now,
        "real": real, "figures": list(FIGURES), "acts": sorted(acts),
    }  # fmt: skip
    await hot.run(_TRAYS, values)
    for sql in ORDER.values():
        await hot.run(sql, values)

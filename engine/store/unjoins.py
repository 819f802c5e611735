"""A merge undone: every row that was the other record's goes back to it. Statements of one transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from engine.store.db import Hot

_MERGE = """SELECT m.*, l.email_key FROM merges m JOIN leads l ON l.id = m.other
    WHERE m.other = %(other)s AND m.undone_at IS NULL"""
_OTHER = "SELECT email_key FROM leads WHERE id = %(other)s AND merged_into IS NOT NULL FOR NO KEY UPDATE"

_OF_LEAD = "UPDATE {table} t SET lead_id = %(other)s WHERE t.lead_id = %(kept)s AND {mine}"
_LIST = "SELECT value FROM jsonb_array_elements(%(keys)s::jsonb)"
_TEXTS = "SELECT value FROM jsonb_array_elements_text(%(keys)s::jsonb)"
_MINE: Mapping[str, str] = {
    **dict.fromkeys(("events", "stages", "confirmations"), f"t.seq IN (SELECT value::bigint FROM ({_TEXTS}) k)"),
    **dict.fromkeys(
        ("messages", "handoffs", "visitors", "sessions", "mail_hits", "enrolments"),
        f"t.id IN (SELECT value::uuid FROM ({_TEXTS}) k)",
    ),
    **dict.fromkeys(
        ("past_acts", "past_deeds", "past_points"), f"t.id IN (SELECT value::bigint FROM ({_TEXTS}) k)"
    ),
    "touches": f"t.key IN ({_TEXTS})",
    "consents": f"jsonb_build_array(t.topic, t.seq) IN ({_LIST})",
    "test_leads": f"jsonb_build_array(t.campaign, t.name) IN ({_LIST})",
    "points": f"""(jsonb_build_array(t.cause, t.rule) IN ({_LIST}) OR (t.cause LIKE 'x:%%' AND jsonb_build_array(
        substr(t.cause, 3), substr(t.rule, length('expired:') + 1)) IN ({_LIST})))""",
}  # fmt: skip
# A deal that both had names the kept lead once; it goes on to name both.
_DEALS = """UPDATE deals SET leads = CASE WHEN id IN (SELECT value FROM jsonb_array_elements_text(%(both)s::jsonb))
    THEN leads || %(other)s::uuid ELSE array_replace(leads, %(kept)s::uuid, %(other)s::uuid) END
    WHERE id IN (SELECT value FROM jsonb_array_elements_text(%(keys)s::jsonb))"""
_DEAL_EVENTS = """UPDATE deal_events SET leads = array_replace(leads, %(kept)s::uuid, %(other)s::uuid)
    WHERE jsonb_build_array(deal_id, number) IN (SELECT value FROM jsonb_array_elements(%(keys)s::jsonb))"""
_ABSENT = """UPDATE lead_clock SET lead_id = %(other)s WHERE lead_id = %(kept)s AND what LIKE 'absent:%%'
    AND substring(what FROM ':([0-9]+)$')::bigint IN (
        SELECT value::bigint FROM jsonb_array_elements_text(%(keys)s::jsonb))"""
_FREE = "UPDATE leads SET merged_into = NULL, email = %(email)s, former = %(former)s WHERE id = %(other)s"
_LESS = """UPDATE leads SET created_at = %(created)s,
    former = (SELECT coalesce(array_agg(h), '{}') FROM unnest(former) h WHERE h <> ALL(%(hashes)s::text[]))
WHERE id = %(kept)s"""
_STRANDED = """SELECT e.id, e.position, h.id AS handoff FROM enrolments e
    JOIN handoffs h ON e.position->'branches' @> jsonb_build_array(jsonb_build_object('handoff', h.id::text))
    WHERE e.lead_id = %(lead)s AND e.state = 'live' AND h.outcome IS NULL AND h.lead_id <> e.lead_id
        AND h.lead_id IN (%(kept)s, %(other)s)"""
_CLOSED = """SELECT * FROM handoffs WHERE lead_id = %(lead)s AND outcome = 'merged'
    AND NOT EXISTS (SELECT FROM handoffs o WHERE o.lead_id = %(lead)s AND o.outcome IS NULL)
    ORDER BY closed_at DESC, id LIMIT 1"""


async def merge_of(hot: Hot, other: UUID) -> Any | None:
    """The merge by which that record became part of another, if it can be undone."""
    return await hot.one(_MERGE, {"other": other})


async def lock_other(hot: Hot, other: UUID) -> str | None:
    """The address that the merged record keeps, under its lock."""
    row = await hot.one(_OTHER, {"other": other})
    return None if row is None else row.email_key


async def move_back(hot: Hot, kept: UUID, other: UUID, moved: Mapping[str, Any]) -> None:
    """The rows that a merge moved are the other record's again, and what came of them by time alone."""
    leads = {"kept": kept, "other": other}
    for table, mine in _MINE.items():
        if keys := moved.get(table):
            await hot.run(_OF_LEAD.format(table=table, mine=mine), {**leads, "keys": json.dumps(keys)})
    if keys := moved.get("events"):
        await hot.run(_ABSENT, {**leads, "keys": json.dumps(keys)})
    if keys := moved.get("deals"):
        await hot.run(_DEALS, {**leads, "keys": json.dumps(keys), "both": json.dumps(moved.get("shared", []))})
    if keys := moved.get("deal_events"):
        await hot.run(_DEAL_EVENTS, {**leads, "keys": json.dumps(keys)})


async def set_free(hot: Hot, other: UUID, email: str, former: list[str]) -> None:
    """The record is a lead of its own again."""
    await hot.run(_FREE, {"other": other, "email": email, "former": former})


async def take_less(hot: Hot, kept: UUID, created: str, hashes: list[str]) -> None:
    """The lead is no longer older than it was, and those addresses are no longer its own."""
    await hot.run(_LESS, {"kept": kept, "created": created, "hashes": hashes})


async def stranded(hot: Hot, lead: UUID, kept: UUID, other: UUID) -> list[Any]:
    """The lead's live runs that wait for an open handoff of the other one: id, position, handoff."""
    return await hot.all(_STRANDED, {"lead": lead, "kept": kept, "other": other})


async def closed_handoff(hot: Hot, lead: UUID) -> Any | None:
    """The lead's own handoff that the merge closed; None if another is open by now."""
    return await hot.one(_CLOSED, {"lead": lead})

"""Everything that is kept of one lead, as JSON: what the person may ask for, and what `coldframe leads show` is told
from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import text

from engine.store.db import Database

_SOURCE = "(SELECT to_jsonb(o) - 'id' - 'version' FROM sources o WHERE o.id = t.source_id)"


def _rows(table: str, order: str, *, without: str = "", plus: str = "NULL", where: str = "t.lead_id = :lead") -> str:
    gone = "".join(f" - '{name}'" for name in f"lead_id {without}".split())
    row = f"jsonb_strip_nulls(to_jsonb(t){gone} || coalesce(CAST({plus} AS jsonb), '{{}}'))"
    return f"coalesce((SELECT jsonb_agg({row} ORDER BY {order}) FROM {table} t WHERE {where}), '[]')"


PARTS: Mapping[str, str] = {
    "events": _rows("events", "t.seq"),
    "points": _rows("points", "t.booked_at, t.seq, t.cause"),
    "stages": _rows("stages", "t.seq"),
    "consents": _rows("consents", "t.at, t.seq"),
    "runs": _rows("enrolments", "t.started_at, t.number", without="attempt cursor gen wait real_woken_at digest"),
    "emails": _rows(
        "messages", "t.at", without="attempt provider_id address",
        where="t.lead_id = :lead AND t.kind IN ('marketing', 'transactional')",
    ),
    "notices": _rows(
        "messages", "t.at", without="attempt provider_id address memo",
        where="t.lead_id = :lead AND t.kind IN ('staff', 'post')",
    ),
    "mailbox": _rows("mailbox", "t.at", where="t.id IN (SELECT id FROM messages WHERE lead_id = :lead)"),
    "handoffs": _rows("handoffs", "t.opened_at", without="gen wait real_woken_at"),
    "tests": _rows("test_leads", "t.at"),
    "sessions": _rows("sessions", "t.begun", without="source_id", plus=f"jsonb_build_object('source', {_SOURCE})"),
    "touches": _rows("touches", "t.at", without="source_id", plus=f"jsonb_build_object('source', {_SOURCE})"),
    "visitors": _rows("visitors", "t.first_at"),
    "fetches": _rows("mail_hits", "t.at"),
    "confirmations": _rows("confirmations", "t.at"),
    "requests": _rows("data_requests", "t.at"),
    "webhook_posts": _rows("webhook_posts", "t.at"),
    "webhook_attempts": _rows("webhook_attempts", "t.at"),
    "crm": _rows("crm_links", "t.at"),
    "pending": _rows("lead_clock", "t.due_at"),
    "past_activity": _rows("past_acts", "t.since, t.id", without="id"),
    "past_deeds": _rows("past_deeds", "t.first_at, t.id", without="id"),
    "past_points": _rows("past_points", "t.day, t.id", without="id"),
    "deals": _rows("deals", "t.opened_at", without="leads facts", where="t.leads @> ARRAY[CAST(:lead AS uuid)]"),
    "deal_events": _rows("deal_events", "t.deal_id, t.number", without="leads",
                         where="t.leads @> ARRAY[CAST(:lead AS uuid)]"),
    "merges": _rows("merges", "t.at", without="moved", where="t.kept = :lead OR t.other = :lead"),
}  # fmt: skip
"""The parts of an export, each a list of rows as JSON; the rest is the lead's own row."""
SAME_AGAIN = frozenset(
    {"lead_facts", "stage_stays", "lead_returns", "deal_facts", "dirty", "waits", "outbox", "crm_outbox"}
)
"""Tables about leads that say nothing that the parts do not."""

_LEAD = text("""SELECT to_jsonb(l) - 'merged_into' - 'former' - 'epoch' || jsonb_build_object('former_addresses',
    coalesce((SELECT jsonb_agg(s.email_key ORDER BY s.email_key) FROM leads s
        WHERE s.merged_into IS NOT NULL AND lead_now(s.id) = l.id), '[]')) AS lead
FROM leads l WHERE l.id = :lead AND l.email IS NOT NULL""")
_ALL = text("SELECT " + ", ".join(f"{sql} AS {name}" for name, sql in PARTS.items()))


async def everything(db: Database, lead: UUID) -> dict[str, Any] | None:
    """The lead's own row as `lead`, and each of the parts; None if there is no such lead, or they were erased."""
    async with db.engine.connect() as connection:
        own = (await connection.execute(_LEAD, {"lead": lead})).scalar()
        if own is None:
            return None
        return {"lead": own, **(await connection.execute(_ALL, {"lead": lead})).mappings().one()}

"""What is removed once it has been kept long enough, a batch at a time. Rows that somebody else holds are skipped.

A batch takes the oldest rows by an index, so that a turn costs the same however large the tables are.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import TextClause, text

from engine.model.lead import TRACKING
from engine.store.db import Database


def _delete(table: str, key: str, old: str, order: str) -> TextClause:
    return text(f"""
DELETE FROM {table} WHERE ({key}) IN (
    SELECT {key} FROM {table} WHERE {old} ORDER BY {order} LIMIT :many FOR UPDATE SKIP LOCKED)""")


def _empty(table: str, column: str) -> TextClause:
    at = "begun" if table == "sessions" else "at"
    return text(f"""
UPDATE {table} SET {column} = NULL WHERE id IN (
    SELECT id FROM {table} WHERE {column} IS NOT NULL AND {at} < :before
    ORDER BY {at} LIMIT :many FOR UPDATE SKIP LOCKED)""")


STEPS: Mapping[str, TextClause] = {
    "sessions": _delete("sessions", "id", "lead_id IS NULL AND begun < :before AND last_at < :before", "begun"),
    "visitor_events": _delete("visitor_events", "visitor_id, key", "at < :before", "at"),
    # After their events, which refer to them.
    "visitors": _delete(
        "visitors", "id", "lead_id IS NULL AND first_at < :before AND last_at < :before AND NOT EXISTS "
        "(SELECT FROM visitor_events e WHERE e.visitor_id = visitors.id)", "first_at"
    ),
    "clicks": _empty("sessions", "click"),
    "memos": _empty("messages", "memo"),
    "mailbox": _delete("mailbox", "id", "at < :before", "at"),
    "webhook_attempts": _delete("webhook_attempts", "post_id, number", "at < :before", "at"),
    "webhook_posts": _delete("webhook_posts", "id", "at < :before", "at"),
}  # fmt: skip
"""What one batch of each does; `before` is the instant from which on rows are kept."""


async def remove(db: Database, what: str, before: datetime, many: int) -> int:
    """One batch of at most `many` rows, committed; how many it took."""
    async with db.engine.begin() as connection:
        return (await connection.execute(STEPS[what], {"before": before, "many": many})).rowcount


_WITHOUT_CONSENT = text("""
SELECT l.id FROM leads l WHERE l.email IS NOT NULL AND l.merged_into IS NULL
    AND l.created_at < :before AND coalesce(l.active_at, l.created_at) < :before
    AND NOT EXISTS (SELECT FROM jsonb_each_text(l.topics) t WHERE t.value = 'subscribed' AND t.key <> :tracking)
    AND NOT EXISTS (SELECT FROM consents c WHERE c.lead_id = l.id AND c.at >= :before)
    AND NOT EXISTS (SELECT FROM handoffs h WHERE h.lead_id = l.id AND h.outcome IS NULL)
    AND NOT EXISTS (SELECT FROM deals d WHERE d.leads @> ARRAY[l.id])
ORDER BY coalesce(l.active_at, l.created_at), l.id LIMIT :many""")


async def without_consent(db: Database, before: datetime, many: int) -> list[UUID]:
    """Leads who are subscribed to nothing and for whom nothing has happened since `before`, the quietest first."""
    async with db.engine.connect() as connection:
        values = {"before": before, "tracking": TRACKING, "many": many}
        return list((await connection.execute(_WITHOUT_CONSENT, values)).scalars())

"""Indexes by which the oldest rows are found that have been kept long enough."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

INDEXES = (
    ("sessions_strangers", "sessions", "begun", "lead_id IS NULL"),
    ("visitors_strangers", "visitors", "first_at", "lead_id IS NULL"),
    ("visitor_events_at", "visitor_events", "at", None),
    ("messages_memos", "messages", "at", "memo IS NOT NULL"),
)


def upgrade() -> None:
    for name, table, column, where in INDEXES:
        op.create_index(name, table, [column], postgresql_where=text(where) if where else None)


def downgrade() -> None:
    for name, table, _, _ in INDEXES:
        op.drop_index(name, table)

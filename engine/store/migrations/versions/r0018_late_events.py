"""A small index by which reports find events that arrived after the period in which they happened."""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("events_happened", "events", ["happened_at"], postgresql_using="brin")


def downgrade() -> None:
    op.drop_index("events_happened", "events")

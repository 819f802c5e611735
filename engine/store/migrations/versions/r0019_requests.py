"""What people have asked for about their own data."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, DateTime, Text, Uuid, text

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "data_requests",
        Column("id", Uuid(), primary_key=True),
        Column("lead_id", Uuid(), nullable=False),
        Column("state", Text(), nullable=False, comment="asked | sending | sent | failed"),
        Column("at", DateTime(timezone=True), nullable=False),
    )
    op.create_index("data_requests_of_lead", "data_requests", ["lead_id", "at"])
    op.create_index("data_requests_asked", "data_requests", ["at"], postgresql_where=text("state = 'asked'"))


def downgrade() -> None:
    op.drop_table("data_requests")

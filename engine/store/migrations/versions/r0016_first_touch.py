"""`visitors.first_touch` goes: it was empty in every row, and a visitor's first touch is their first session."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column
from sqlalchemy.dialects.postgresql import JSONB

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("visitors", "first_touch")


def downgrade() -> None:
    op.add_column("visitors", Column("first_touch", JSONB(), nullable=False, server_default="{}"))
    op.alter_column("visitors", "first_touch", server_default=None)

"""The address that a person wants instead of theirs, on what they asked for."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Text

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("data_requests", Column("email", Text(), comment="the address that they want; none: their data"))


def downgrade() -> None:
    op.drop_column("data_requests", "email")

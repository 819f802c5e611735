"""Keys that read reports and nothing else."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Text

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = Column(
        "scope", Text(), nullable=False, server_default="all", comment="all | reports: reads reports and nothing else"
    )
    op.add_column("api_keys", column)


def downgrade() -> None:
    op.drop_column("api_keys", "scope")

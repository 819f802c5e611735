"""What keeps an email that has to wait, and what kept one that has left, stored when it was held."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Text
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

WAITS = "what keeps a mail that has to wait, in words"
MESSAGES = "what has kept it: instant and reason, as often as the reason changed"


def upgrade() -> None:
    op.add_column("waits", Column("held", Text(), nullable=False, server_default="", comment=WAITS))
    op.add_column("messages", Column("held", JSONB(), nullable=True, comment=MESSAGES))


def downgrade() -> None:
    op.drop_column("messages", "held")
    op.drop_column("waits", "held")

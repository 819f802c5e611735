"""Handoffs and changes of stage name the step they came from, whatever line it is in."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Text

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

HANDOFFS = "the step that opened it; None: from before it was kept"
STAGES = "the step that asked for it; empty: a rule did; None: from before it was kept"


def upgrade() -> None:
    op.add_column("handoffs", Column("step", Text(), nullable=True, comment=HANDOFFS))
    op.add_column("stages", Column("step", Text(), nullable=True, comment=STAGES))


def downgrade() -> None:
    op.drop_column("stages", "step")
    op.drop_column("handoffs", "step")

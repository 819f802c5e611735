"""A run that is leaving does not keep the next one of its campaign from starting."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

LIVE = text("state <> 'ended'")


def upgrade() -> None:
    op.drop_index("enrolments_live", "enrolments")
    columns = ["lead_id", "campaign", "per", "number"]
    op.create_index("enrolments_live", "enrolments", columns, unique=True, postgresql_where=LIVE)


def downgrade() -> None:
    op.drop_index("enrolments_live", "enrolments")
    op.create_index("enrolments_live", "enrolments", ["lead_id", "campaign", "per"], unique=True, postgresql_where=LIVE)

"""What a mail's template looked at, so that the mail can be shown again."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "messages",
        Column("memo", JSONB(), nullable=True, comment="what its template looked at: engine.sending.mail_record"),
    )


def downgrade() -> None:
    op.drop_column("messages", "memo")

"""How often forms are shown on a day; of removed events, how many were of leads who were known already."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Date, Text

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "form_days",
        Column("day", Date(), primary_key=True, comment="in the workspace's zone"),
        Column("form", Text(), primary_key=True),
        Column(
            "shown", BigInteger(), nullable=False, comment="how often people opened its page, or one it is embedded in"
        ),
    )
    op.add_column(
        "report_days",
        Column("known", BigInteger(), nullable=False, server_default="0", comment="of them, by leads known for a day"),
    )


def downgrade() -> None:
    op.drop_column("report_days", "known")
    op.drop_table("form_days")

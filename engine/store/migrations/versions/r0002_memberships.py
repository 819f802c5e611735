"""Lists, segments and interests of a lead, when it was last active, and for which deployment its clocks are set."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, DateTime, text
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

EMPTY = text("'{}'::jsonb")


def upgrade() -> None:
    op.add_column("leads", Column("lists", JSONB(), nullable=False, server_default=EMPTY, comment="list → joined when"))
    op.add_column(
        "leads", Column("interests", JSONB(), nullable=False, server_default=EMPTY, comment="interest → how often")
    )
    op.add_column(
        "leads",
        Column(
            "segments", JSONB(), nullable=False, server_default=EMPTY, comment="watched segment → in or out, by which"
        ),
    )
    op.add_column(
        "leads",
        Column(
            "epoch", BigInteger(), nullable=False, server_default=text("0"), comment="its clocks are set as this says"
        ),
    )
    op.add_column("leads", Column("active_at", DateTime(timezone=True), nullable=True))
    op.execute("UPDATE leads SET active_at = last_at")
    op.create_index("leads_by_epoch", "leads", ["epoch"])


def downgrade() -> None:
    op.drop_index("leads_by_epoch", "leads")
    for name in ("active_at", "epoch", "segments", "interests", "lists"):
        op.drop_column("leads", name)

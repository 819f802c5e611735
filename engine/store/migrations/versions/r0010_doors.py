"""Confirmations that were asked for, reports that are put aside, and since when a gate is closed."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, DateTime, PrimaryKeyConstraint, Text, Uuid

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

INSTANT = DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "confirmations",
        Column("lead_id", Uuid(), nullable=False),
        Column("seq", BigInteger(), nullable=False, comment="of the post in the lead's log"),
        Column("address", Text(), nullable=False, comment="peppered HMAC of the address, like the next three"),
        Column("identity", Text(), nullable=False, comment="of the address without tag, dots and case"),
        Column("domain", Text(), nullable=False),
        Column("network", Text(), nullable=False, comment="empty: the client is not known"),
        Column("at", INSTANT, nullable=False),
        PrimaryKeyConstraint("lead_id", "seq", name="confirmations_pkey"),
    )
    for column in ("identity", "domain", "network"):
        op.create_index(f"confirmations_{column}", "confirmations", [column, "at"])
    op.create_index("confirmations_at", "confirmations", ["at"])
    op.create_table(
        "set_aside",
        Column("message_id", Uuid(), nullable=False),
        Column("fate", Text(), nullable=False, comment="what the provider reported of the message"),
        Column("reason", Text(), nullable=False),
        Column("at", INSTANT, nullable=False),
        PrimaryKeyConstraint("message_id", "fate", name="set_aside_pkey"),
    )
    op.add_column("gates", Column("real_closed_at", INSTANT, nullable=True))


def downgrade() -> None:
    op.drop_column("gates", "real_closed_at")
    op.drop_table("set_aside")
    op.drop_table("confirmations")

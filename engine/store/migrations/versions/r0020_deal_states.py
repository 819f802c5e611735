"""The states of deals, for the report on opportunities. Every deal gets a mark."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, DateTime, Integer, Text, text

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

INSTANT = DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "deal_states",
        Column("deal_id", Text(), primary_key=True),
        Column("number", Integer(), primary_key=True, autoincrement=False, comment="in the order of time"),
        Column("status", Text(), nullable=False, comment="open | won | lost"),
        Column("pipeline", Text(), nullable=False),
        Column("stage", Text(), nullable=False, comment="empty: none was said"),
        Column("owner", Text()),
        Column("amount", BigInteger(), comment="minor units of the currency"),
        Column("currency", Text()),
        Column("next_status", Text(), comment="of the state after; None: it is still so"),
        Column("next_stage", Text()),
        Column("since", INSTANT, nullable=False),
        Column("entered", INSTANT, nullable=False),
        Column("departed", INSTANT),
    )
    op.create_index(
        "deal_states_departed", "deal_states", ["departed"], postgresql_where=text("departed IS NOT NULL")
    )  # fmt: skip
    op.create_index("deal_states_standing", "deal_states", ["entered"], postgresql_where=text("departed IS NULL"))
    op.execute("INSERT INTO dirty (deal_id, at) SELECT id, coalesce(closed_at, opened_at, now()) FROM deals")


def downgrade() -> None:
    op.drop_table("deal_states")

"""Money: deals and their facts, what advertising cost, rates of currencies, and values that were replaced."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Integer,
    Numeric,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import JSONB

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

INSTANT = DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "deals",
        Column("id", Text(), primary_key=True, comment="the CRM's own"),
        Column("status", Text(), nullable=False, server_default="open", comment="open | won | lost"),
        Column("stage", Text()),
        Column("pipeline", Text()),
        Column("amount", BigInteger(), comment="minor units of the currency"),
        Column("currency", Text(), comment="ISO 4217"),
        Column("refunded", BigInteger(), nullable=False, server_default="0", comment="minor units of the currency"),
        Column("rate", Numeric(), comment="to the workspace's currency, of the day on which it was won"),
        Column("closes_on", Date(), comment="as the CRM expects"),
        Column("owner", Text()),
        Column("leads", ARRAY(Uuid()), nullable=False, server_default=text("'{}'::uuid[]")),
        Column("facts", Integer(), nullable=False, server_default="0", comment="how many deal_events there are"),
        Column("opened_at", INSTANT),
        Column("closed_at", INSTANT),
    )
    op.create_index("deals_of_lead", "deals", ["leads"], postgresql_using="gin")
    op.create_index("deals_won", "deals", ["closed_at"], postgresql_where=text("status = 'won'"))
    op.create_table(
        "deal_events",
        Column("deal_id", Text(), primary_key=True),
        Column("number", Integer(), primary_key=True, autoincrement=False, comment="in the order of arrival"),
        Column("key", Text(), nullable=False, comment="a fact with the same key is the same fact"),
        Column("digest", Text(), nullable=False, comment="of what it says"),
        Column("type", Text(), nullable=False),
        Column("logged", Text(), nullable=False, comment="what the leads' logs call it"),
        Column("stage", Text()),
        Column("pipeline", Text()),
        Column("amount", BigInteger(), comment="minor units of the currency"),
        Column("currency", Text()),
        Column("closes_on", Date()),
        Column("owner", Text()),
        Column("leads", ARRAY(Uuid()), nullable=False),
        Column("whole", Boolean(), nullable=False, comment="these are all leads of the deal"),
        Column("dated", Boolean(), nullable=False, comment="the sender said when it happened"),
        Column("happened_at", INSTANT, nullable=False),
        Column("at", INSTANT, nullable=False),
        UniqueConstraint("deal_id", "key", name="deal_events_key"),
    )
    op.create_index("deal_events_happened", "deal_events", ["happened_at"])
    op.create_table(
        "rates",
        Column("currency", Text(), primary_key=True),
        Column("day", Date(), primary_key=True, comment="from this day on"),
        Column("rate", Numeric(), nullable=False, comment="what one unit is worth in the workspace's currency"),
        Column("origin", Text(), nullable=False, comment="the file or the key it came by"),
        Column("at", INSTANT, nullable=False),
    )
    op.create_table(
        "spend",
        Column("day", Date(), primary_key=True),
        Column("source_id", BigInteger(), primary_key=True, autoincrement=False),
        Column("amount", BigInteger(), nullable=False, comment="minor units of the currency"),
        Column("currency", Text(), nullable=False),
        Column("clicks", BigInteger()),
        Column("impressions", BigInteger()),
        Column("origin", Text(), nullable=False, comment="the file or the key it came by"),
        Column("at", INSTANT, nullable=False),
    )
    op.create_table(
        "money_log",
        Column("id", BigInteger(), primary_key=True, autoincrement=True),
        Column("what", Text(), nullable=False, comment="spend | rate"),
        Column("day", Date(), nullable=False),
        Column("thing", Text(), nullable=False, comment="the source's id or the currency"),
        Column("old", JSONB(), nullable=False, comment="the row as it was"),
        Column("origin", Text(), nullable=False, comment="of the row that replaced it"),
        Column("at", INSTANT, nullable=False),
    )
    op.create_index("money_log_day", "money_log", ["what", "day", "thing"])


def downgrade() -> None:
    for table in ("money_log", "spend", "rates", "deal_events", "deals"):
        op.drop_table(table)

"""The tables of money: deals with their facts, what advertising cost, rates of currencies, and what was replaced."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import JSONB

from engine.store.tables import instant, metadata

deals = Table(
    "deals", metadata,
    Column("id", Text, primary_key=True, comment="the CRM's own"),
    Column("status", Text, nullable=False, server_default="open", comment="open | won | lost"),
    Column("stage", Text),
    Column("pipeline", Text),
    Column("amount", BigInteger, comment="minor units of the currency"),
    Column("currency", Text, comment="ISO 4217"),
    Column("refunded", BigInteger, nullable=False, server_default="0", comment="minor units of the currency"),
    Column("rate", Numeric, comment="to the workspace's currency, of the day on which it was won"),
    Column("closes_on", Date, comment="as the CRM expects"),
    Column("owner", Text),
    Column("leads", ARRAY(Uuid), nullable=False, server_default=text("'{}'::uuid[]")),
    Column("facts", Integer, nullable=False, server_default="0", comment="how many deal_events there are"),
    instant("opened_at"),
    instant("closed_at"),
    Index("deals_of_lead", "leads", postgresql_using="gin"),
    Index("deals_won", "closed_at", postgresql_where=text("status = 'won'")),
)  # fmt: skip

deal_events = Table(
    "deal_events", metadata,
    Column("deal_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False, comment="in the order of arrival"),
    Column("key", Text, nullable=False, comment="a fact with the same key is the same fact"),
    Column("digest", Text, nullable=False, comment="of what it says"),
    Column("type", Text, nullable=False),
    Column("logged", Text, nullable=False, comment="what the leads' logs call it"),
    Column("stage", Text),
    Column("pipeline", Text),
    Column("amount", BigInteger, comment="minor units of the currency"),
    Column("currency", Text),
    Column("closes_on", Date),
    Column("owner", Text),
    Column("leads", ARRAY(Uuid), nullable=False),
    Column("whole", Boolean, nullable=False, comment="these are all leads of the deal"),
    Column("dated", Boolean, nullable=False, comment="the sender said when it happened"),
    instant("happened_at", required=True),
    instant("at", required=True),
    UniqueConstraint("deal_id", "key", name="deal_events_key"),
    Index("deal_events_happened", "happened_at"),
)  # fmt: skip

rates = Table(
    "rates", metadata,
    Column("currency", Text, primary_key=True),
    Column("day", Date, primary_key=True, comment="from this day on"),
    Column("rate", Numeric, nullable=False, comment="what one unit is worth in the workspace's currency"),
    Column("origin", Text, nullable=False, comment="the file or the key it came by"),
    instant("at", required=True),
)  # fmt: skip

spend = Table(
    "spend", metadata,
    Column("day", Date, primary_key=True),
    Column("source_id", BigInteger, primary_key=True, autoincrement=False),
    Column("amount", BigInteger, nullable=False, comment="minor units of the currency"),
    Column("currency", Text, nullable=False),
    Column("clicks", BigInteger),
    Column("impressions", BigInteger),
    Column("origin", Text, nullable=False, comment="the file or the key it came by"),
    instant("at", required=True),
)  # fmt: skip

money_log = Table(
    "money_log", metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("what", Text, nullable=False, comment="spend | rate"),
    Column("day", Date, nullable=False),
    Column("thing", Text, nullable=False, comment="the source's id or the currency"),
    Column("old", JSONB, nullable=False, comment="the row as it was"),
    Column("origin", Text, nullable=False, comment="of the row that replaced it"),
    instant("at", required=True),
    Index("money_log_day", "what", "day", "thing"),
)  # fmt: skip
"""Values that later ones replaced."""

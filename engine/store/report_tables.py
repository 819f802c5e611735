"""The read tables, from which reports are computed: kept by the worker from the log, and to be made again at any time.

`dirty` says whose rows are behind: whoever changes a lead, their touches or a deal adds a mark in the same transaction.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Identity, Index, Integer, Table, Text, Uuid, text

from engine.store.tables import instant, metadata

dirty = Table(
    "dirty", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("lead_id", Uuid, comment="whose rows are behind; None: a deal's"),
    Column("deal_id", Text),
    instant("at", required=True),
    Index("dirty_leads", "lead_id", postgresql_where=text("lead_id IS NOT NULL")),
    Index("dirty_deals", "deal_id", postgresql_where=text("deal_id IS NOT NULL")),
)  # fmt: skip

lead_facts = Table(
    "lead_facts", metadata,
    Column("lead_id", Uuid, primary_key=True),
    Column("first_source_id", BigInteger, nullable=False, comment="of the first touch of all"),
    Column("source_id", BigInteger, nullable=False, comment="of creation: the last touch before they became known"),
    Column("made_by", Text, nullable=False, comment="form | call | chat | import | other"),
    Column("country", Text),
    instant("created_at", required=True),
    instant("active_at"),
    Index("lead_facts_created", "created_at", postgresql_include=["lead_id", "source_id"]),
)  # fmt: skip
"""`source_id` names a source without `content`; `active_at` is when the lead last did something."""

stage_stays = Table(
    "stage_stays", metadata,
    Column("lead_id", Uuid, primary_key=True),
    Column("seq", BigInteger, primary_key=True, comment="the event's number that led here; 0: the lead began here"),
    Column("stage", Text, nullable=False),
    Column("before", Text, comment="the stage before"),
    Column("next", Text, comment="the stage after; None: they are still here"),
    Column("reason", Text, nullable=False, comment="the line that led here"),
    instant("entered", required=True),
    instant("departed"),
    Index("stage_stays_entered", "stage", "entered", postgresql_include=["lead_id"]),
)  # fmt: skip

lead_returns = Table(
    "lead_returns", metadata,
    Column("lead_id", Uuid, primary_key=True),
    Column("at", DateTime(timezone=True), primary_key=True, comment="when the lead did something again"),
    Column("silent", BigInteger, nullable=False, comment="seconds of silence before"),
    Column("stage", Text, nullable=False, comment="where the lead stood"),
    Column("sent_back", Boolean, nullable=False, comment="sales has rejected the lead in between"),
    Index("lead_returns_at", "at"),
)  # fmt: skip

deal_facts = Table(
    "deal_facts", metadata,
    Column("deal_id", Text, primary_key=True),
    Column("lead_id", Uuid, comment="the deal's lead who became known first"),
    Column("touches", Integer, nullable=False, comment="of the path to the first winning"),
    instant("opened_at"),
    instant("won_at"),
    Index("deal_facts_won", "won_at", postgresql_where=text("won_at IS NOT NULL")),
)  # fmt: skip
"""`won_at` is the first winning."""

deal_states = Table(
    "deal_states", metadata,
    Column("deal_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False, comment="in the order of time"),
    Column("status", Text, nullable=False, comment="open | won | lost"),
    Column("pipeline", Text, nullable=False),
    Column("stage", Text, nullable=False, comment="empty: none was said"),
    Column("owner", Text),
    Column("amount", BigInteger, comment="minor units of the currency"),
    Column("currency", Text),
    Column("next_status", Text, comment="of the state after; None: it is still so"),
    Column("next_stage", Text),
    instant("since", required=True),
    instant("entered", required=True),
    instant("departed"),
    Index("deal_states_departed", "departed", postgresql_where=text("departed IS NOT NULL")),
    Index("deal_states_standing", "entered", postgresql_where=text("departed IS NULL")),
)  # fmt: skip
"""A deal's state from `entered` until `departed`; `since` is when it came to the stage or was won or lost."""

credits = Table(
    "credits", metadata,
    Column("deal_id", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False, comment="which change of the deal's revenue"),
    Column("source_id", BigInteger, primary_key=True, autoincrement=False, comment="0: no touch known; -1: no rate"),
    Column("amount", BigInteger, nullable=False, comment="minor units of the currency"),
    Column("currency", Text, nullable=False, comment="the workspace's, but for deals without a rate"),
    Column("version", Integer, nullable=False, comment="of the rules: engine.rules.reports.credits"),
    instant("at", required=True),
    Index("credits_booked", "model", "at", postgresql_include=["source_id", "amount"]),
)  # fmt: skip

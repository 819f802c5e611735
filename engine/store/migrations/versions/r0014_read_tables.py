"""The read tables of reports, and the marks by which the worker keeps them. Every lead and deal gets a mark."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, DateTime, Identity, Integer, Text, Uuid, text

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

INSTANT = DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "dirty",
        Column("id", BigInteger(), Identity(always=True), primary_key=True),
        Column("lead_id", Uuid(), comment="whose rows are behind; None: a deal's"),
        Column("deal_id", Text()),
        Column("at", INSTANT, nullable=False),
    )
    op.create_index("dirty_leads", "dirty", ["lead_id"], postgresql_where=text("lead_id IS NOT NULL"))
    op.create_index("dirty_deals", "dirty", ["deal_id"], postgresql_where=text("deal_id IS NOT NULL"))
    op.create_table(
        "lead_facts",
        Column("lead_id", Uuid(), primary_key=True),
        Column("first_source_id", BigInteger(), nullable=False, comment="of the first touch of all"),
        Column(
            "source_id", BigInteger(), nullable=False,
            comment="of creation: the last touch before they became known",
        ),
        Column("made_by", Text(), nullable=False, comment="form | call | chat | import | other"),
        Column("country", Text()),
        Column("created_at", INSTANT, nullable=False),
        Column("active_at", INSTANT),
    )  # fmt: skip
    op.create_index(
        "lead_facts_created", "lead_facts", ["created_at"], postgresql_include=["lead_id", "source_id"]
    )  # fmt: skip
    op.create_table(
        "stage_stays",
        Column("lead_id", Uuid(), primary_key=True),
        Column(
            "seq", BigInteger(), primary_key=True,
            comment="the event's number that led here; 0: the lead began here",
        ),
        Column("stage", Text(), nullable=False),
        Column("before", Text(), comment="the stage before"),
        Column("next", Text(), comment="the stage after; None: they are still here"),
        Column("reason", Text(), nullable=False, comment="the line that led here"),
        Column("entered", INSTANT, nullable=False),
        Column("departed", INSTANT),
    )  # fmt: skip
    op.create_index("stage_stays_entered", "stage_stays", ["stage", "entered"], postgresql_include=["lead_id"])
    op.create_table(
        "lead_returns",
        Column("lead_id", Uuid(), primary_key=True),
        Column("at", INSTANT, primary_key=True, comment="when the lead did something again"),
        Column("silent", BigInteger(), nullable=False, comment="seconds of silence before"),
        Column("stage", Text(), nullable=False, comment="where the lead stood"),
        Column("sent_back", Boolean(), nullable=False, comment="sales has rejected the lead in between"),
    )
    op.create_index("lead_returns_at", "lead_returns", ["at"])
    op.create_table(
        "deal_facts",
        Column("deal_id", Text(), primary_key=True),
        Column("lead_id", Uuid(), comment="the deal's lead who became known first"),
        Column("touches", Integer(), nullable=False, comment="of the path to the first winning"),
        Column("opened_at", INSTANT),
        Column("won_at", INSTANT),
    )
    op.create_index("deal_facts_won", "deal_facts", ["won_at"], postgresql_where=text("won_at IS NOT NULL"))
    op.create_table(
        "credits",
        Column("deal_id", Text(), primary_key=True),
        Column("model", Text(), primary_key=True),
        Column(
            "number", Integer(), primary_key=True, autoincrement=False,
            comment="which change of the deal's revenue",
        ),
        Column(
            "source_id", BigInteger(), primary_key=True, autoincrement=False,
            comment="0: no touch known; -1: no rate",
        ),
        Column("amount", BigInteger(), nullable=False, comment="minor units of the currency"),
        Column("currency", Text(), nullable=False, comment="the workspace's, but for deals without a rate"),
        Column("version", Integer(), nullable=False, comment="of the rules: engine.rules.reports.credits"),
        Column("at", INSTANT, nullable=False),
    )  # fmt: skip
    op.create_index("credits_booked", "credits", ["model", "at"], postgresql_include=["source_id", "amount"])
    op.execute("INSERT INTO dirty (lead_id, at) SELECT id, last_at FROM leads ORDER BY created_at")
    op.execute("INSERT INTO dirty (deal_id, at) SELECT id, coalesce(closed_at, opened_at, now()) FROM deals")


def downgrade() -> None:
    for table in ("credits", "deal_facts", "lead_returns", "stage_stays", "lead_facts", "dirty"):
        op.drop_table(table)

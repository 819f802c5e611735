"""Tests of variants, goals, runs per value, and subject lines under test."""

from __future__ import annotations

from alembic import op
from sqlalchemy import ARRAY, Column, DateTime, PrimaryKeyConstraint, Text, Uuid, text

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

COMMENTS = {
    ("enrolments", "outcome"): (
        "finished | stopped | left | unsubscribed | …", "finished | stopped | left | goal | moved | unsubscribed | …"
    ),
    ("messages", "kind"): (
        "marketing | transactional | staff", "marketing | transactional | staff | post, or of a step passed over"
    ),
}  # fmt: skip
INSTANT = DateTime(timezone=True)
LIVE = text("state <> 'ended'")


def upgrade() -> None:
    per = Column("per", Text(), nullable=False, server_default=text("''"), comment="the value this run is for")
    op.add_column("enrolments", per)
    op.add_column("enrolments", Column("goal_at", INSTANT, nullable=True))
    op.drop_index("enrolments_live", "enrolments")
    op.create_index("enrolments_live", "enrolments", ["lead_id", "campaign", "per"], unique=True, postgresql_where=LIVE)
    op.add_column("messages", Column("variant", Text(), nullable=True, comment="the subject line under test"))
    for (table, column), (before, after) in COMMENTS.items():
        op.alter_column(table, column, comment=after, existing_comment=before, existing_type=Text())
    op.create_table(
        "tests",
        Column("campaign", Text(), nullable=False),
        Column("name", Text(), nullable=False),
        Column("by", Text(), nullable=False, comment="clicks | opens | replies | goal"),
        Column("variants", ARRAY(Text()), nullable=False),
        Column("winner", Text(), nullable=True),
        Column("started_at", INSTANT, nullable=False),
        Column("ends_at", INSTANT, nullable=False),
        Column("decided_at", INSTANT, nullable=True),
        PrimaryKeyConstraint("campaign", "name"),
    )
    op.create_table(
        "test_leads",
        Column("campaign", Text(), nullable=False),
        Column("name", Text(), nullable=False),
        Column("lead_id", Uuid(), nullable=False),
        Column("enrolment_id", Uuid(), nullable=False),
        Column("variant", Text(), nullable=False),
        Column("steps", ARRAY(Text()), nullable=False, comment="the steps that only this variant leads to"),
        Column("at", INSTANT, nullable=False),
        PrimaryKeyConstraint("campaign", "name", "lead_id"),
    )


def downgrade() -> None:
    op.drop_table("test_leads")
    op.drop_table("tests")
    for (table, column), (before, after) in COMMENTS.items():
        op.alter_column(table, column, comment=before, existing_comment=after, existing_type=Text())
    op.drop_column("messages", "variant")
    op.drop_index("enrolments_live", "enrolments")
    op.create_index("enrolments_live", "enrolments", ["lead_id", "campaign"], unique=True, postgresql_where=LIVE)
    op.drop_column("enrolments", "goal_at")
    op.drop_column("enrolments", "per")

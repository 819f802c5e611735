"""Posts to other systems: their bodies, one row per attempt, and the secrets that sign them."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, DateTime, Integer, Text, Uuid, text

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

INSTANT = DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "webhook_secrets",
        Column("number", Integer(), primary_key=True, autoincrement=False),
        Column("nonce", Text(), nullable=False, comment="what the secret is derived with; empty: the first one's"),
        Column("real_made_at", INSTANT, nullable=False),
        Column("real_retires_at", INSTANT),
    )
    op.create_table(
        "webhook_posts",
        Column("id", Uuid(), primary_key=True, comment="also of its row in messages, and the header webhook-id"),
        Column("run_id", Uuid(), nullable=False),
        Column("lead_id", Uuid(), nullable=False),
        Column("campaign", Text(), nullable=False),
        Column("step", Text(), nullable=False),
        Column("url", Text(), nullable=False),
        Column("body", Text(), nullable=False, comment="the same in every attempt"),
        Column("state", Text(), nullable=False, comment="sending | waiting | delivered | failed"),
        Column("reason", Text(), nullable=False),
        Column("attempts", Integer(), nullable=False),
        Column("at", INSTANT, nullable=False),
        Column("next_at", INSTANT),
        Column("settled_at", INSTANT),
    )
    op.create_index("webhook_posts_at", "webhook_posts", ["at"])
    op.create_index("webhook_posts_of_lead", "webhook_posts", ["lead_id"])
    op.create_index(
        "webhook_posts_open", "webhook_posts", ["state", "at"], postgresql_where=text("state <> 'delivered'")
    )
    op.create_table(
        "webhook_attempts",
        Column("post_id", Uuid(), primary_key=True),
        Column("number", Integer(), primary_key=True, autoincrement=False, comment="from 1"),
        Column("lead_id", Uuid(), nullable=False),
        Column("state", Text(), nullable=False, comment="sending | accepted | refused | retry"),
        Column("status", Integer(), comment="of the answer over HTTP; None: there was none"),
        Column("reason", Text(), nullable=False),
        Column("milliseconds", Integer(), comment="in real time"),
        Column("answer", Text(), nullable=False, comment="the first 1,024 bytes"),
        Column("replayed_by", Text(), comment="who sent it by hand; None: the campaign"),
        Column("at", INSTANT, nullable=False),
    )
    op.create_index("webhook_attempts_at", "webhook_attempts", ["at"])
    op.create_index("webhook_attempts_of_lead", "webhook_attempts", ["lead_id"])


def downgrade() -> None:
    for table in ("webhook_attempts", "webhook_posts", "webhook_secrets"):
        op.drop_table(table)

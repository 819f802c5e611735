"""Pausing, stopping and rolling back; jobs that go over many runs."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, DateTime, Integer, PrimaryKeyConstraint, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INSTANT = DateTime(timezone=True)

STATE = """
CREATE FUNCTION campaign_state(of_campaign text) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(1668247653);
    RETURN (
        SELECT jsonb_build_object('state', s.state, 'author', s.author, 'at', s.at, 'spread', s.spread)
        FROM campaign_states s WHERE s.until IS NULL AND s.campaign IN ('', lower(of_campaign))
        ORDER BY s.state = 'stopped' DESC, s.state = 'paused' DESC, s.at DESC LIMIT 1);
END $$"""
"""What holds for a campaign from now to the end of the transaction that asks: whoever changes it waits that long.

A function, because each statement inside sees what was committed before it began, and so before the lock was given.
"""


def upgrade() -> None:
    op.add_column(
        "deployments",
        Column("kind", Text(), nullable=True, comment="rollback | stop | resume; None: a deployment of files"),
    )
    op.add_column(
        "deployments",
        Column("target", BigInteger(), nullable=True, comment="the epoch that a rollback has put back into force"),
    )
    op.add_column("deployments", Column("note", Text(), nullable=True, comment="what was stopped or resumed"))
    op.create_table(
        "campaign_states",
        Column("number", BigInteger(), autoincrement=False, nullable=False),
        Column("campaign", Text(), nullable=False, comment="in lower case; empty: all of them"),
        Column("state", Text(), nullable=False, comment="running | paused | stopped"),
        Column("author", Text(), nullable=False),
        Column("reason", Text(), nullable=False),
        Column("spread", Integer(), nullable=False, comment="running: seconds over which overdue mails leave"),
        Column("at", INSTANT, nullable=False),
        Column("until", INSTANT, nullable=True),
        PrimaryKeyConstraint("number"),
    )
    now = text("until IS NULL")
    op.create_index("campaign_states_now", "campaign_states", ["campaign"], unique=True, postgresql_where=now)
    op.create_table(
        "jobs",
        Column("id", Uuid(), nullable=False),
        Column("kind", Text(), nullable=False, comment="move | wake"),
        Column("campaign", Text(), nullable=False, comment="in lower case; empty: all of them"),
        Column("data", JSONB(), nullable=False, comment="what to do with each run"),
        Column("cursor", Uuid(), nullable=True, comment="the last run that was dealt with"),
        Column("result", JSONB(), nullable=False, comment="how many came to which end"),
        Column("at", INSTANT, nullable=False),
        Column("finished_at", INSTANT, nullable=True),
        Column("real_leased_until", INSTANT, nullable=False),
        PrimaryKeyConstraint("id"),
    )
    op.create_index("jobs_open", "jobs", ["at"], unique=False, postgresql_where=text("finished_at IS NULL"))
    op.execute(STATE)


def downgrade() -> None:
    op.execute("DROP FUNCTION campaign_state(text)")
    op.drop_table("jobs")
    op.drop_table("campaign_states")
    op.drop_column("deployments", "note")
    op.drop_column("deployments", "target")
    op.drop_column("deployments", "kind")

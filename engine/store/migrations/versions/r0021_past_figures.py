"""Figures that outlast the past of leads: when they did something, what, the points of each day, counts of events."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Identity, Integer, Numeric, Text, Uuid

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

INSTANT = DateTime(timezone=True)
COUNTS = ("bounced", "bounced_opened", "bounced_clicked", "replied", "machine", "machine_clicked")
RUN = ("campaign", "digest", "day", "outcome", "step", "held_out", "goal")
DRAWN = "whether it was decided at the entry who is held out"
SAID = {
    "bounced_opened": "opened although it bounced",
    "replied": "of those that did not bounce",
    "machine": "fetched by a machine",
    "machine_clicked": "of them, clicked by one",
}


def upgrade() -> None:
    op.create_table(
        "past_acts",
        Column("id", BigInteger(), Identity(always=True), primary_key=True),
        Column("lead_id", Uuid(), nullable=False),
        Column("refused", Boolean(), nullable=False, comment="sales rejected the lead; else the lead did something"),
        Column("since", INSTANT, nullable=False),
        Column("until", INSTANT, nullable=False),
    )
    op.create_table(
        "past_deeds",
        Column("id", BigInteger(), Identity(always=True), primary_key=True),
        Column("lead_id", Uuid(), nullable=False),
        Column("type", Text(), nullable=False),
        Column("name", Text(), nullable=False),
        Column("times", BigInteger(), nullable=False),
        Column("first_at", INSTANT, nullable=False),
    )
    op.create_table(
        "past_points",
        Column("id", BigInteger(), Identity(always=True), primary_key=True),
        Column("lead_id", Uuid(), nullable=False),
        Column("model", Text(), nullable=False),
        Column("rule", Text(), nullable=False),
        Column("day", Date(), nullable=False, comment="on which they were booked, in the workspace's zone"),
        Column("amount", Numeric(), nullable=False),
        Column("times", BigInteger(), nullable=False),
    )
    for table in ("past_acts", "past_deeds", "past_points"):
        op.create_index(f"{table}_of_lead", table, ["lead_id"])
    op.create_table(
        "report_days",
        Column("day", Date(), primary_key=True, comment="in the workspace's zone"),
        Column("type", Text(), primary_key=True),
        Column("name", Text(), primary_key=True),
        Column("times", BigInteger(), nullable=False),
    )
    for name in COUNTS:
        op.add_column(
            "past_emails", Column(name, BigInteger(), nullable=False, server_default="0", comment=SAID.get(name))
        )
    op.add_column(
        "messages",
        Column(
            "machine", Integer(), nullable=False, server_default="0", comment="of removed hits: 1 fetched, 2 clicked"
        ),
    )
    op.add_column("past_runs", Column("drawn", Boolean(), nullable=False, server_default="true", comment=DRAWN))
    op.drop_constraint("past_runs_pkey", "past_runs")
    op.create_primary_key("past_runs_pkey", "past_runs", [*RUN, "drawn"])
    op.alter_column("past_emails", "day", comment="of sending, in the workspace's zone")
    op.alter_column("past_runs", "day", comment="on which they began, in the workspace's zone")
    op.execute(
        "INSERT INTO past_points (lead_id, model, rule, day, amount, times) SELECT lead_id, model, rule, "
        "(booked_at AT TIME ZONE 'UTC')::date, amount, times FROM points WHERE starts_with(cause, 'k:')"
    )


def downgrade() -> None:
    op.drop_constraint("past_runs_pkey", "past_runs")
    op.drop_column("past_runs", "drawn")
    op.create_primary_key("past_runs_pkey", "past_runs", list(RUN))
    op.drop_column("messages", "machine")
    for name in COUNTS:
        op.drop_column("past_emails", name)
    for table in ("report_days", "past_points", "past_deeds", "past_acts"):
        op.drop_table(table)

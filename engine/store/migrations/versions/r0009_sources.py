"""Where visits come from: sources, sessions, counts per day, touches; when events really happened; who was held out."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Integer, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

INSTANT = DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "sources",
        Column("id", BigInteger(), primary_key=True, autoincrement=False, comment="hash of the tuple: store.sources"),
        Column("channel", Text(), nullable=False, comment="as classified when the row was made"),
        Column("source", Text(), nullable=False),
        Column("medium", Text(), nullable=False),
        Column("campaign", Text(), nullable=False),
        Column("keyword", Text(), nullable=False, comment="(many) once there are 200,000 rows"),
        Column("content", Text(), nullable=False),
        Column("version", Integer(), nullable=False, comment="of the classifier's tables"),
    )
    op.create_table(
        "sessions",
        Column("id", Uuid(), primary_key=True),
        Column("visitor_id", Uuid(), nullable=False),
        Column("lead_id", Uuid(), comment="who the visitor turned out to be"),
        Column("source_id", BigInteger(), nullable=False),
        Column("landing", Text(), nullable=False, comment="path of the first page"),
        Column("pages", Integer(), nullable=False),
        Column("click", JSONB(), comment="an advertising network's identifier: parameter and value; kept 90 days"),
        Column("begun", INSTANT, nullable=False),
        Column("last_at", INSTANT, nullable=False),
    )
    op.create_index("sessions_of_visitor", "sessions", ["visitor_id", "begun"])
    op.create_index("sessions_of_lead", "sessions", ["lead_id", "begun"], postgresql_where=text("lead_id IS NOT NULL"))
    op.create_index("sessions_clicks", "sessions", ["begun"], postgresql_where=text("click IS NOT NULL"))
    op.create_table(
        "visit_days",
        Column("day", Date(), primary_key=True, comment="in the workspace's zone"),
        Column("source_id", BigInteger(), primary_key=True, autoincrement=False),
        Column("landing", Text(), primary_key=True),
        Column("visits", BigInteger(), nullable=False, comment="sessions begun"),
        Column("visitors", BigInteger(), nullable=False, comment="of these the first of their visitor on this day"),
        Column("pages", BigInteger(), nullable=False),
    )
    op.create_table(
        "touches",
        Column("lead_id", Uuid(), primary_key=True),
        Column("key", Text(), primary_key=True, comment="v:<session> | m:<message>:<second> | e:<seq>"),
        Column("source_id", BigInteger(), nullable=False),
        Column("kind", Text(), nullable=False, comment="visit | mail click | form | call | chat | webinar | meeting"),
        Column("seq", BigInteger(), comment="the event's number"),
        Column("session_id", Uuid()),
        Column("at", INSTANT, nullable=False),
    )
    op.create_index("touches_of_lead", "touches", ["lead_id", "at"])
    op.create_index("touches_at", "touches", ["at"], postgresql_include=["lead_id", "source_id"])
    op.add_column(
        "visitors", Column("session", JSONB(), comment="the latest: id, source, begun, last_at, landing, pages")
    )
    op.add_column("visitors", Column("seen_on", Date(), comment="the last day the visitor was counted on"))
    op.add_column(
        "leads",
        Column(
            "origin", JSONB(), nullable=False, server_default=text("'{}'::jsonb"),
            comment="where the lead came from, by field",
        ),
    )  # fmt: skip
    op.add_column("events", Column("happened_at", INSTANT))
    op.add_column(
        "enrolments",
        Column("held_out", Boolean(), comment="in the control group; decided at the entry and never again"),
    )


def downgrade() -> None:
    op.drop_column("enrolments", "held_out")
    op.drop_column("events", "happened_at")
    op.drop_column("leads", "origin")
    op.drop_column("visitors", "seen_on")
    op.drop_column("visitors", "session")
    for table in ("touches", "visit_days", "sessions", "sources"):
        op.drop_table(table)

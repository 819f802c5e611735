"""The past of leads is forgotten after its time: how far that is, what stays as figures, and vacuum that keeps up.

Points that are older than the past that is kept are put together to one row each of a kind; `times` says how many they
were, so that limits count them as before.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Date, Integer, Text, Uuid, text

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

INDEXES = (
    ("visitors_of_lead", "visitors", "lead_id IS NOT NULL"),
    ("handoffs_of_lead", "handoffs", None),
    ("test_leads_of_lead", "test_leads", None),
)
VACUUM = {
    # Rows come and go all day; what is dead has to be found again soon, however many rows there are.
    **dict.fromkeys(
        ("outbox", "waits", "lead_clock", "dirty"),
        "autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000",
    ),
    **dict.fromkeys(
        ("leads", "enrolments", "visitors", "visitor_events", "sessions", "messages"),
        "autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02",
    ),
    # A fifth of 20 million rows is too long to wait for the next look.
    **dict.fromkeys(
        ("events", "points", "mail_hits", "touches"),
        "autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05, "
        "autovacuum_analyze_scale_factor = 0.02",
    ),
}


def upgrade() -> None:
    op.create_table(
        "sweeps",
        Column("what", Text(), primary_key=True),
        Column("cursor", Uuid(), comment="the last lead that was looked at; None: begin with the first"),
    )
    op.execute("INSERT INTO sweeps (what) VALUES ('events')")
    op.create_table(
        "past_runs",
        Column("campaign", Text(), primary_key=True),
        Column("digest", Text(), primary_key=True),
        Column("day", Date(), primary_key=True, comment="on which they began, in UTC"),
        Column("outcome", Text(), primary_key=True),
        Column("step", Text(), primary_key=True, comment="the last one they came to"),
        Column("held_out", Boolean(), primary_key=True),
        Column("goal", Boolean(), primary_key=True, comment="whether they reached it"),
        Column("runs", BigInteger(), nullable=False),
    )  # fmt: skip
    op.create_table(
        "past_emails",
        Column("campaign", Text(), primary_key=True),
        Column("digest", Text(), primary_key=True),
        Column("day", Date(), primary_key=True, comment="of sending, in UTC"),
        Column("step", Text(), primary_key=True),
        Column("template", Text(), primary_key=True),
        Column("variant", Text(), primary_key=True, comment="the subject line under test; empty: none was"),
        Column("kind", Text(), primary_key=True, comment="marketing | transactional | post, or of a step passed over"),
        Column("state", Text(), primary_key=True),
        Column("emails", BigInteger(), nullable=False),
        Column("opened", BigInteger(), nullable=False),
        Column("clicked", BigInteger(), nullable=False),
    )  # fmt: skip
    op.add_column(
        "points",
        Column("times", Integer(), nullable=False, server_default="1", comment="bookings that became this one"),
    )
    for name, table, where in INDEXES:
        op.create_index(name, table, ["lead_id"], postgresql_where=text(where) if where else None)
    for table, settings in VACUUM.items():
        op.execute(f"ALTER TABLE {table} SET ({settings})")


def downgrade() -> None:
    for table, settings in VACUUM.items():
        names = ", ".join(one.partition(" = ")[0].strip() for one in settings.split(","))
        op.execute(f"ALTER TABLE {table} RESET ({names})")
    for name, table, _ in INDEXES:
        op.drop_index(name, table)
    op.drop_column("points", "times")
    for table in ("past_emails", "past_runs", "sweeps"):
        op.drop_table(table)

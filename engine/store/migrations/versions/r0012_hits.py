"""Every fetch of an email's picture and links, and whether a person or a machine made it."""

from __future__ import annotations

from alembic import op
from sqlalchemy import ARRAY, BigInteger, Column, DateTime, Integer, Text, Uuid, text

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

INSTANT = DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "mail_hits",
        Column("id", Uuid(), primary_key=True),
        Column("lead_id", Uuid(), nullable=False),
        Column("message_id", Uuid(), comment="None for a file, whose link names the lead alone"),
        Column("kind", Text(), nullable=False, comment="open | click | download"),
        Column("link", Text(), nullable=False, comment="the link's id, hidden, the file's path; empty for an open"),
        Column("network", Text(), nullable=False, comment="the client's /24 or /48"),
        Column("client", Text(), nullable=False, comment="peppered hash of address and user agent"),
        Column("agent", Text(), nullable=False, comment="user agent, at most 300 characters"),
        Column("signs", ARRAY(Text()), nullable=False, comment="HEAD, prefetch"),
        Column("judgement", Text(), nullable=False, comment="human | machine | held (until due_at)"),
        Column(
            "reasons", ARRAY(Text()), nullable=False,
            comment="what made it a machine's: engine.rules.tracking.hits",
        ),
        Column("version", Integer(), nullable=False, comment="of the rules that judged it"),
        Column("seq", BigInteger(), comment="the event it became"),
        Column("at", INSTANT, nullable=False),
        Column("handed", INSTANT),
        Column("due_at", INSTANT),
    )  # fmt: skip
    op.create_index("mail_hits_of_client", "mail_hits", ["client", "at"])
    op.create_index("mail_hits_of_lead", "mail_hits", ["lead_id", "at"])
    op.create_index("mail_hits_at", "mail_hits", ["at", "id"])
    op.create_index("mail_hits_held", "mail_hits", ["due_at"], postgresql_where=text("judgement = 'held'"))


def downgrade() -> None:
    op.drop_table("mail_hits")

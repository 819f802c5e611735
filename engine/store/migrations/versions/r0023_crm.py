"""Links to the records of a CRM, what waits to be written there, and how far it has been read."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, DateTime, Integer, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_AT = DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "crm_links",
        Column("system", Text(), primary_key=True),
        Column("lead_id", Uuid(), primary_key=True),
        Column("remote_id", Text(), nullable=False),
        Column("seen", JSONB(), nullable=False, comment="the CRM's values as they were last written or read"),
        Column("attention", Text(), comment="why a person must look"),
        Column("changed_at", _AT),
        Column("at", _AT, nullable=False),
    )
    op.create_index("crm_links_remote", "crm_links", ["system", "remote_id"], unique=True)
    op.create_index("crm_links_of_lead", "crm_links", ["lead_id"])
    op.create_table(
        "crm_outbox",
        Column("system", Text(), primary_key=True),
        Column("lead_id", Uuid(), primary_key=True),
        Column(
            "bump", BigInteger(), nullable=False,
            comment="grows with each change, so that none is lost while one is written",
        ),
        Column("attempts", Integer(), nullable=False),
        Column("reason", Text(), comment="why it was refused; it waits for the next change of the lead"),
        Column("at", _AT, nullable=False),
        Column("real_next_at", _AT, nullable=False),
    )  # fmt: skip
    op.create_index("crm_outbox_due", "crm_outbox", ["system", "real_next_at"])
    op.create_index("crm_outbox_of_lead", "crm_outbox", ["lead_id"])
    op.create_table(
        "crm_hooks",
        Column("system", Text(), primary_key=True),
        Column("key", Text(), primary_key=True),
        Column("remote_id", Text(), nullable=False),
        Column("at", _AT, nullable=False),
        Column("done_at", _AT),
    )
    op.create_index("crm_hooks_open", "crm_hooks", ["system", "at"], postgresql_where=text("done_at IS NULL"))
    op.create_table(
        "crm_cursors",
        Column("system", Text(), primary_key=True),
        Column("cursor", Text(), nullable=False),
        Column("real_at", _AT, nullable=False),
    )


def downgrade() -> None:
    for table in ("crm_cursors", "crm_hooks", "crm_outbox", "crm_links"):
        op.drop_table(table)

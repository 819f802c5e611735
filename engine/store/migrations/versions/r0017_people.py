"""Leads that are merged, and whose address changes: where an email went, which record went into which, and how to undo
that."""

from __future__ import annotations

from alembic import op
from sqlalchemy import ARRAY, Column, DateTime, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

INSTANT = DateTime(timezone=True)

LEAD_NOW = """
CREATE FUNCTION lead_now(lead uuid) RETURNS uuid LANGUAGE sql STABLE AS $$
    WITH RECURSIVE way AS (
        SELECT id, merged_into FROM leads WHERE id = lead
        UNION SELECT l.id, l.merged_into FROM leads l JOIN way ON l.id = way.merged_into)
    SELECT id FROM way WHERE merged_into IS NULL
$$"""
"""Who a lead is by now: itself, or the one that its record has become part of; NULL if there is no such lead."""


def upgrade() -> None:
    op.add_column(
        "leads",
        Column("merged_into", Uuid(), comment="the lead that this record has become part of"),
    )
    op.add_column(
        "leads",
        Column(
            "former",
            ARRAY(Text()),
            nullable=False,
            server_default=text("'{}'"),
            comment="hashes of its other addresses",
        ),
    )
    op.create_index("leads_merged", "leads", ["merged_into"], postgresql_where=text("merged_into IS NOT NULL"))
    op.add_column("messages", Column("address", Text(), comment="peppered HMAC of the lead's address that it went to"))
    op.alter_column(
        "handoffs", "outcome", comment="accepted | rejected | overdue | merged | erased; None while open",
        existing_comment="accepted | rejected | overdue; None while open", existing_type=Text(),
    )  # fmt: skip
    op.create_table(
        "merges",
        Column("id", Uuid(), primary_key=True),
        Column("kept", Uuid(), nullable=False, comment="the lead that goes on"),
        Column("other", Uuid(), nullable=False, comment="the lead that became part of it"),
        Column("author", Text(), nullable=False),
        Column("before", JSONB(), nullable=False, comment="both rows of leads as they were, and what came of it"),
        Column("moved", JSONB(), nullable=False, comment="by table, the keys of the rows that were the other lead's"),
        Column("at", INSTANT, nullable=False),
        Column("undone_at", INSTANT),
    )
    op.create_index("merges_of_other", "merges", ["other"], unique=True, postgresql_where=text("undone_at IS NULL"))
    op.create_index("merges_of_kept", "merges", ["kept"])
    op.execute(LEAD_NOW)


def downgrade() -> None:
    op.execute("DROP FUNCTION lead_now(uuid)")
    op.drop_table("merges")
    op.alter_column(
        "handoffs", "outcome", comment="accepted | rejected | overdue; None while open",
        existing_comment="accepted | rejected | overdue | merged | erased; None while open", existing_type=Text(),
    )  # fmt: skip
    op.drop_column("messages", "address")
    op.drop_index("leads_merged", "leads")
    op.drop_column("leads", "former")
    op.drop_column("leads", "merged_into")

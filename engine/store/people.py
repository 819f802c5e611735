"""The table of leads that were merged, with what it takes to undo that."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from engine.store.tables import instant, metadata

merges = Table(
    "merges", metadata,
    Column("id", Uuid, primary_key=True),
    Column("kept", Uuid, nullable=False, comment="the lead that goes on"),
    Column("other", Uuid, nullable=False, comment="the lead that became part of it"),
    Column("author", Text, nullable=False),
    Column("before", JSONB, nullable=False, comment="both rows of leads as they were, and what came of it"),
    Column("moved", JSONB, nullable=False, comment="by table, the keys of the rows that were the other lead's"),
    instant("at", required=True),
    instant("undone_at"),
    Index("merges_of_other", "other", unique=True, postgresql_where=text("undone_at IS NULL")),
    Index("merges_of_kept", "kept"),
)  # fmt: skip

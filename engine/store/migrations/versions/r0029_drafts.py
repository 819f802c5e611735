"""What is written at the desk: drafts with their files, comments, and reviews."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Integer, LargeBinary, Text, Uuid, text

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

INSTANT = DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "drafts",
        Column("id", Uuid(), primary_key=True),
        Column("owner", Uuid(), ForeignKey("users.id"), nullable=False),
        Column("base", BigInteger(), nullable=False, comment="the deployment it was begun from; 0: there was none"),
        Column("state", Text(), nullable=False, comment="open | deployed | discarded"),
        Column("note", Text(), nullable=False, comment="what its author says about it"),
        Column("epoch", BigInteger(), comment="the deployment it became"),
        Column("made_at", INSTANT, nullable=False),
        Column("changed_at", INSTANT, nullable=False),
    )
    op.create_index("drafts_open", "drafts", ["owner"], unique=True, postgresql_where=text("state = 'open'"))
    op.create_table(
        "draft_files",
        Column("draft", Uuid(), ForeignKey("drafts.id"), primary_key=True),
        Column("path", Text(), primary_key=True, comment="inside the workspace"),
        Column("body", LargeBinary(), comment="None: the draft deletes the file"),
        Column("changed_at", INSTANT, nullable=False),
    )
    op.create_table(
        "draft_comments",
        Column("id", Uuid(), primary_key=True),
        Column("draft", Uuid(), ForeignKey("drafts.id"), nullable=False),
        Column("path", Text(), nullable=False),
        Column("line", Integer(), nullable=False, comment="from 1; 0: about the file"),
        Column("quoted", Text(), nullable=False, comment="the line as it was"),
        Column("author", Text(), nullable=False, comment="a colleague's address"),
        Column("words", Text(), nullable=False),
        Column("at", INSTANT, nullable=False),
        Column("done_at", INSTANT),
    )
    op.create_index("draft_comments_of_draft", "draft_comments", ["draft", "at"])
    op.create_table(
        "draft_reviews",
        Column("id", Uuid(), primary_key=True),
        Column("draft", Uuid(), ForeignKey("drafts.id"), nullable=False),
        Column(
            "content", Text(), nullable=False, comment="SHA-256 of what was asked about; another content needs another"
        ),
        Column("answer", Text(), comment="approved | changes wanted; None: asked"),
        Column("answered_by", Text(), comment="a colleague's address"),
        Column("words", Text(), nullable=False),
        Column("asked_at", INSTANT, nullable=False),
        Column("answered_at", INSTANT),
    )
    op.create_index("draft_reviews_of_draft", "draft_reviews", ["draft", "asked_at"])


def downgrade() -> None:
    for table in ("draft_reviews", "draft_comments", "draft_files", "drafts"):
        op.drop_table(table)

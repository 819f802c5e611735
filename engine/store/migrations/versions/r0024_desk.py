"""The people who use the desk, their sessions, and the log of what they did."""

from __future__ import annotations

from alembic import op
from sqlalchemy import ARRAY, BigInteger, Column, DateTime, ForeignKey, Integer, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

INSTANT = DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "users",
        Column("id", Uuid(), primary_key=True),
        Column("name", Text(), nullable=False),
        Column("email", Text(), nullable=False),
        Column("email_key", Text(), nullable=False, unique=True),
        Column("roles", ARRAY(Text()), nullable=False, comment="engine.access.roles.ROLES"),
        Column("password", Text(), comment="argon2id; None: not chosen yet"),
        Column("totp", Text(), comment="encrypted secret of the second factor"),
        Column("totp_step", BigInteger(), comment="the newest time step whose code was used"),
        Column("created_at", INSTANT, nullable=False),
        Column("disabled_at", INSTANT),
    )
    op.create_table(
        "user_sessions",
        Column("id", Uuid(), nullable=False, unique=True, comment="names it where people see it"),
        Column("hash", Text(), primary_key=True, comment="SHA-256 of the cookie's token"),
        Column("user_id", Uuid(), ForeignKey("users.id"), nullable=False),
        Column("agent", Text(), nullable=False, comment="the browser, as it names itself"),
        Column("client", Text(), nullable=False, comment="the address it signed in from"),
        Column("real_begun_at", INSTANT, nullable=False),
        Column("real_seen_at", INSTANT, nullable=False),
    )
    op.create_index("user_sessions_of_user", "user_sessions", ["user_id"])
    op.create_table(
        "user_links",
        Column("hash", Text(), primary_key=True, comment="SHA-256 of the link's token"),
        Column("user_id", Uuid(), ForeignKey("users.id"), nullable=False),
        Column("kind", Text(), nullable=False, comment="password | entry"),
        Column("real_expires_at", INSTANT, nullable=False),
    )
    op.create_index("user_links_of_user", "user_links", ["user_id"])
    op.create_table(
        "sign_in_failures",
        Column("key", Text(), primary_key=True, comment="SHA-256 of an account's or a client's address"),
        Column("failures", Integer(), nullable=False),
        Column("real_last_at", INSTANT, nullable=False),
    )
    op.create_table(
        "desk_log",
        Column("id", Uuid(), primary_key=True),
        Column("user_id", Uuid(), comment="None: a command"),
        Column("who", Text(), nullable=False, comment="the colleague's address as it was, or the command's author"),
        Column("action", Text(), nullable=False, comment="engine.access.log.ACTIONS"),
        Column("subject", Text(), nullable=False, comment="the id or the name of what it was done to"),
        Column("data", JSONB(), nullable=False),
        Column("at", INSTANT, nullable=False),
    )
    op.create_index("desk_log_at", "desk_log", ["at", "id"])


def downgrade() -> None:
    for table in ("desk_log", "sign_in_failures", "user_links", "user_sessions", "users"):
        op.drop_table(table)

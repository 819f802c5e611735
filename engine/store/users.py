"""The people who use the desk: accounts, sessions, links, and how often signing in has failed.

Sessions, links, and delays go by the machine's time (`real_…`): a fast clock ends nobody's session.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Column, ForeignKey, Index, Integer, Table, Text, Uuid, text

from engine.store.db import Database
from engine.store.tables import instant, metadata

users = Table(
    "users", metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("email_key", Text, nullable=False, unique=True),
    Column("roles", ARRAY(Text), nullable=False, comment="engine.access.roles.ROLES"),
    Column("password", Text, comment="argon2id; None: not chosen yet"),
    Column("totp", Text, comment="encrypted secret of the second factor"),
    Column("totp_step", BigInteger, comment="the newest time step whose code was used"),
    instant("created_at", required=True),
    instant("disabled_at"),
)  # fmt: skip

user_sessions = Table(
    "user_sessions", metadata,
    Column("id", Uuid, nullable=False, unique=True, comment="names it where people see it"),
    Column("hash", Text, primary_key=True, comment="SHA-256 of the cookie's token"),
    Column("user_id", Uuid, ForeignKey("users.id"), nullable=False),
    Column("agent", Text, nullable=False, comment="the browser, as it names itself"),
    Column("client", Text, nullable=False, comment="the address it signed in from"),
    instant("real_begun_at", required=True),
    instant("real_seen_at", required=True),
    Index("user_sessions_of_user", "user_id"),
)  # fmt: skip

user_links = Table(
    "user_links", metadata,
    Column("hash", Text, primary_key=True, comment="SHA-256 of the link's token"),
    Column("user_id", Uuid, ForeignKey("users.id"), nullable=False),
    Column("kind", Text, nullable=False, comment="password | entry"),
    instant("real_expires_at", required=True),
    Index("user_links_of_user", "user_id"),
)  # fmt: skip

sign_in_failures = Table(
    "sign_in_failures", metadata,
    Column("key", Text, primary_key=True, comment="SHA-256 of an account's or a client's address"),
    Column("failures", Integer, nullable=False),
    instant("real_last_at", required=True),
)  # fmt: skip

FORGOTTEN_AFTER = timedelta(days=1)
"""Failures to sign in are counted for so long after the newest."""

_COLUMNS = "u.id, u.name, u.email, u.roles, u.password, u.totp, u.totp_step, u.created_at, u.disabled_at"
_ADD = text("""
INSERT INTO users (id, name, email, email_key, roles, created_at)
VALUES (:id, :name, :email, :email_key, :roles, :now) ON CONFLICT (email_key) DO NOTHING""")
_FIND = text(f"SELECT {_COLUMNS} FROM users u WHERE email_key = :email_key")
_GET = text(f"SELECT {_COLUMNS} FROM users u WHERE id = :id")
_ALL = text(f"""
SELECT {_COLUMNS}, (SELECT max(real_seen_at) FROM user_sessions s WHERE s.user_id = u.id) AS seen_at
FROM users u ORDER BY u.disabled_at IS NOT NULL, lower(u.name), u.email LIMIT :limit""")
_SESSION = f"""
SELECT s.id AS session, s.real_begun_at, s.real_seen_at, {_COLUMNS}
FROM user_sessions s JOIN users u ON u.id = s.user_id
WHERE s.hash = %(hash)s AND u.disabled_at IS NULL
    AND s.real_seen_at > %(idle)s::timestamptz AND s.real_begun_at > %(oldest)s::timestamptz"""
_SEEN = text("UPDATE user_sessions SET real_seen_at = :now WHERE hash = :hash")
_BEGIN = text("""
INSERT INTO user_sessions (id, hash, user_id, agent, client, real_begun_at, real_seen_at)
VALUES (:id, :hash, :user, :agent, :client, :now, :now)""")
_STALE = text("DELETE FROM user_sessions WHERE real_seen_at <= :idle OR real_begun_at <= :oldest")
_SESSIONS = text("""
SELECT id, agent, client, real_begun_at, real_seen_at FROM user_sessions
WHERE user_id = :user AND real_seen_at > :idle AND real_begun_at > :oldest ORDER BY real_seen_at DESC LIMIT 100""")
_END = text("DELETE FROM user_sessions WHERE user_id = :user AND id = :id")
_END_ALL = text("DELETE FROM user_sessions WHERE user_id = :user AND hash <> :but")
_ROLES = text("UPDATE users SET roles = :roles WHERE id = :id")
_DISABLED = text("UPDATE users SET disabled_at = :at WHERE id = :id")
_NO_LINKS = text("DELETE FROM user_links WHERE user_id = :user")
_LINK = text("INSERT INTO user_links (hash, user_id, kind, real_expires_at) VALUES (:hash, :user, :kind, :expires)")
_SEE_LINK = text(f"""
SELECT l.kind, {_COLUMNS} FROM user_links l JOIN users u ON u.id = l.user_id
WHERE l.hash = :hash AND l.real_expires_at > :now AND u.disabled_at IS NULL""")
_TAKE_LINK = text("DELETE FROM user_links WHERE hash = :hash AND real_expires_at > :now RETURNING user_id")
_PASSWORD = text("UPDATE users SET password = :password WHERE id = :id")
_TOTP = text("UPDATE users SET totp = :totp, totp_step = NULL WHERE id = :id")
_TOTP_STEP = text("UPDATE users SET totp_step = :step WHERE id = :id AND coalesce(totp_step, 0) < :step")
_FAILURES = text("SELECT key, failures, real_last_at FROM sign_in_failures WHERE key = ANY(:keys)")
_FAILED = text("""
INSERT INTO sign_in_failures (key, failures, real_last_at) VALUES (:key, 1, :now)
ON CONFLICT (key) DO UPDATE SET real_last_at = :now,
    failures = CASE WHEN sign_in_failures.real_last_at < :forgotten THEN 1 ELSE sign_in_failures.failures + 1 END""")
_OLD_FAILURES = text("DELETE FROM sign_in_failures WHERE real_last_at < :forgotten")
_SUCCEEDED = text("DELETE FROM sign_in_failures WHERE key = ANY(:keys)")
_ADMINS = text("SELECT count(*) FROM users WHERE 'admin' = ANY(roles) AND disabled_at IS NULL")
_LOCK_ADMINS = text("SELECT pg_advisory_xact_lock(hashtext('coldframe admins'))")

Row = Mapping[str, Any]


class LastAdmin(Exception):
    """The change would leave nobody who can manage users."""


async def add(
    db: Database, id: UUID, name: str, email: str, email_key: str, roles: Sequence[str], now: datetime
) -> bool:
    """Whether the account was made; one of that address may be there already."""
    values = {"id": id, "name": name, "email": email, "email_key": email_key, "roles": list(roles), "now": now}
    async with db.engine.begin() as connection:
        return (await connection.execute(_ADD, values)).rowcount == 1


async def find(db: Database, email_key: str) -> Row | None:
    async with db.engine.connect() as connection:
        return _as_dict((await connection.execute(_FIND, {"email_key": email_key})).mappings().first())


async def get(db: Database, id: UUID) -> Row | None:
    async with db.engine.connect() as connection:
        return _as_dict((await connection.execute(_GET, {"id": id})).mappings().first())


async def everyone(db: Database, limit: int = 1_000) -> Sequence[Row]:
    """The accounts by name, disabled ones last, each with `seen_at` (real time)."""
    async with db.engine.connect() as connection:
        return [dict(row) for row in (await connection.execute(_ALL, {"limit": limit})).mappings()]


async def set_roles(db: Database, id: UUID, roles: Sequence[str]) -> None:
    """The account's roles from now on; its sessions end, so that none keeps what it no longer has. Raises LastAdmin."""
    await _change(db, id, _ROLES, {"id": id, "roles": list(roles)})


async def disable(db: Database, id: UUID, at: datetime | None) -> None:
    """Disable the account and end its sessions and links; None enables it again. Raises LastAdmin."""
    await _change(db, id, _DISABLED, {"id": id, "at": at})


async def _change(db: Database, id: UUID, statement: Any, values: dict[str, Any]) -> None:
    async with db.engine.begin() as connection:
        await connection.execute(_LOCK_ADMINS)
        before = (await connection.execute(_ADMINS)).scalar_one()
        await connection.execute(statement, values)
        if before and not (await connection.execute(_ADMINS)).scalar_one():
            raise LastAdmin
        await connection.execute(_END_ALL, {"user": id, "but": ""})
        await connection.execute(_NO_LINKS, {"user": id})


def _as_dict(row: Any) -> Row | None:
    return None if row is None else dict(row)


# ── sessions ─────────────────────────────────────────────────────────────────────────────────────────────────────────
async def begin_session(
    db: Database, values: Mapping[str, Any], *, instead_of: str, idle: datetime, oldest: datetime
) -> None:
    """Store a session of `values` (id, hash, user, agent, client, now); the one with the hash `instead_of` and all that
    have ended are removed."""
    async with db.engine.begin() as connection:
        await connection.execute(text("DELETE FROM user_sessions WHERE hash = :hash"), {"hash": instead_of})
        await connection.execute(_STALE, {"idle": idle, "oldest": oldest})
        await connection.execute(_BEGIN, dict(values))


async def session(db: Database, hash: str, *, idle: datetime, oldest: datetime) -> Any:
    """The session and its account as one row; None if it has ended or the account is disabled."""
    async with db.hot() as hot:
        return await hot.one(_SESSION, {"hash": hash, "idle": idle, "oldest": oldest})


async def seen(db: Database, hash: str, now: datetime) -> None:
    async with db.engine.begin() as connection:
        await connection.execute(_SEEN, {"hash": hash, "now": now})


async def sessions_of(db: Database, user: UUID, *, idle: datetime, oldest: datetime) -> Sequence[Row]:
    async with db.engine.connect() as connection:
        values = {"user": user, "idle": idle, "oldest": oldest}
        return [dict(row) for row in (await connection.execute(_SESSIONS, values)).mappings()]


async def end_session(db: Database, user: UUID, id: UUID) -> bool:
    async with db.engine.begin() as connection:
        return (await connection.execute(_END, {"user": user, "id": id})).rowcount == 1


async def end_sessions(db: Database, user: UUID, *, but: str = "") -> None:
    """End all sessions of the account, except the one with the hash `but`."""
    async with db.engine.begin() as connection:
        await connection.execute(_END_ALL, {"user": user, "but": but})


# ── links, passwords, second factors ─────────────────────────────────────────────────────────────────────────────────
async def new_link(db: Database, hash: str, user: UUID, kind: str, expires: datetime) -> None:
    """Store a link; the account's earlier ones stop working."""
    async with db.engine.begin() as connection:
        await connection.execute(_NO_LINKS, {"user": user})
        await connection.execute(_LINK, {"hash": hash, "user": user, "kind": kind, "expires": expires})


async def link(db: Database, hash: str, now: datetime) -> Row | None:
    """The link's `kind` and its account, while it can be used."""
    async with db.engine.connect() as connection:
        return _as_dict((await connection.execute(_SEE_LINK, {"hash": hash, "now": now})).mappings().first())


async def take_link(db: Database, hash: str, now: datetime, password: str | None = None) -> UUID | None:
    """Use up the link, and set the password (a hash) in the same transaction: the account, None for whoever comes
    second. A new password ends the account's sessions."""
    async with db.engine.begin() as connection:
        user: UUID | None = (await connection.execute(_TAKE_LINK, {"hash": hash, "now": now})).scalar()
        if user is not None and password is not None:
            await connection.execute(_PASSWORD, {"id": user, "password": password})
            await connection.execute(_END_ALL, {"user": user, "but": ""})
        return user


async def set_password(db: Database, user: UUID, password: str) -> None:
    async with db.engine.begin() as connection:
        await connection.execute(_PASSWORD, {"id": user, "password": password})


async def set_totp(db: Database, user: UUID, totp: str | None) -> None:
    async with db.engine.begin() as connection:
        await connection.execute(_TOTP, {"id": user, "totp": totp})


async def use_step(db: Database, user: UUID, step: int) -> bool:
    """Whether this time step's code is used for the first time."""
    async with db.engine.begin() as connection:
        return (await connection.execute(_TOTP_STEP, {"id": user, "step": step})).rowcount == 1


# ── failures ─────────────────────────────────────────────────────────────────────────────────────────────────────────
async def failures(db: Database, keys: Sequence[str]) -> Mapping[str, tuple[int, datetime]]:
    """How often signing in has failed and when last (real time), by key."""
    async with db.engine.connect() as connection:
        rows = await connection.execute(_FAILURES, {"keys": list(keys)})
        return {row.key: (row.failures, row.real_last_at) for row in rows}


async def failed(db: Database, keys: Sequence[str], now: datetime) -> None:
    """Count one more failure for each key."""
    async with db.engine.begin() as connection:
        await connection.execute(_OLD_FAILURES, {"forgotten": now - FORGOTTEN_AFTER})
        for key in sorted(keys):
            await connection.execute(_FAILED, {"key": key, "now": now, "forgotten": now - FORGOTTEN_AFTER})


async def succeeded(db: Database, keys: Sequence[str]) -> None:
    async with db.engine.begin() as connection:
        await connection.execute(_SUCCEEDED, {"keys": list(keys)})

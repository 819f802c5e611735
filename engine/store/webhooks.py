"""Posts to other systems: each with its body and state, one row per attempt, and the secrets they are signed with.

The body and answers may hold personal data, so both tables go with the lead and are removed after their time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, Integer, Table, Text, Uuid, text

from engine.store.db import Database, Hot
from engine.store.tables import instant, metadata

webhook_secrets = Table(
    "webhook_secrets", metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("nonce", Text, nullable=False, comment="what the secret is derived with; empty: the first one's"),
    instant("real_made_at", required=True),
    instant("real_retires_at"),
)  # fmt: skip
webhook_posts = Table(
    "webhook_posts", metadata,
    Column("id", Uuid, primary_key=True, comment="also of its row in messages, and the header webhook-id"),
    Column("run_id", Uuid, nullable=False),
    Column("lead_id", Uuid, nullable=False),
    Column("campaign", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("body", Text, nullable=False, comment="the same in every attempt"),
    Column("state", Text, nullable=False, comment="sending | waiting | delivered | failed"),
    Column("reason", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    instant("at", required=True),
    instant("next_at"),
    instant("settled_at"),
    Index("webhook_posts_at", "at"),
    Index("webhook_posts_of_lead", "lead_id"),
    Index("webhook_posts_open", "state", "at", postgresql_where=text("state <> 'delivered'")),
)  # fmt: skip
webhook_attempts = Table(
    "webhook_attempts", metadata,
    Column("post_id", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False, comment="from 1"),
    Column("lead_id", Uuid, nullable=False),
    Column("state", Text, nullable=False, comment="sending | accepted | refused | retry"),
    Column("status", Integer, comment="of the answer over HTTP; None: there was none"),
    Column("reason", Text, nullable=False),
    Column("milliseconds", Integer, comment="in real time"),
    Column("answer", Text, nullable=False, comment="the first 1,024 bytes"),
    Column("replayed_by", Text, comment="who sent it by hand; None: the campaign"),
    instant("at", required=True),
    Index("webhook_attempts_at", "at"),
    Index("webhook_attempts_of_lead", "lead_id"),
)  # fmt: skip

_BEGIN = """
WITH post AS (
    INSERT INTO webhook_posts (id, run_id, lead_id, campaign, step, url, body, state, reason, attempts, at)
    VALUES (%(id)s::uuid, %(run)s, %(lead)s::uuid, %(campaign)s, %(step)s, %(url)s, %(body)s, 'sending', '', 1,
        %(now)s::timestamptz)
    ON CONFLICT (id) DO UPDATE SET
        attempts = webhook_posts.attempts + (webhook_posts.state <> 'delivered')::int, next_at = NULL,
        state = CASE WHEN webhook_posts.state = 'delivered' THEN 'delivered' ELSE 'sending' END
    RETURNING body, attempts, state),
logged AS (
    INSERT INTO webhook_attempts (post_id, number, lead_id, state, reason, answer, at)
    SELECT %(id)s::uuid, attempts, %(lead)s::uuid, 'sending', '', '', %(now)s::timestamptz FROM post
    WHERE state <> 'delivered')
SELECT body, attempts, state FROM post"""
_SETTLE = """
WITH post AS (
    UPDATE webhook_posts SET state = %(state)s, reason = %(reason)s, next_at = %(next)s, settled_at = %(settled)s
    WHERE id = %(id)s AND state <> 'delivered' RETURNING 1)
UPDATE webhook_attempts SET state = %(outcome)s, status = %(status)s, reason = %(reason)s,
    milliseconds = %(milliseconds)s, answer = %(answer)s
WHERE post_id = %(id)s AND number = %(number)s"""
_GIVE_UP = """
UPDATE webhook_posts SET state = 'failed', reason = %(reason)s, next_at = NULL, settled_at = %(now)s
WHERE id = %(id)s AND state IN ('sending', 'waiting')"""
_LIVE = """
SELECT nonce FROM webhook_secrets WHERE real_retires_at IS NULL OR real_retires_at > %(real)s ORDER BY number"""

_STATE = """CASE WHEN p.state IN ('sending', 'waiting') AND NOT EXISTS (
    SELECT FROM enrolments e WHERE e.id = p.run_id AND e.state <> 'ended') THEN 'given up' ELSE p.state END"""
"""What a run that has ended was about to try again is given up."""
_COLUMNS = f"""p.id, {_STATE} AS state, p.reason, p.attempts, p.url, p.campaign, p.step, p.lead_id, l.email, p.at,
    p.next_at, p.settled_at, a.replayed_by AS last_by, a.state AS last_state, a.reason AS last_reason
    FROM webhook_posts p LEFT JOIN leads l ON l.id = lead_now(p.lead_id)
    LEFT JOIN webhook_attempts a ON a.post_id = p.id AND a.number = p.attempts"""
_LIST = text(f"""
SELECT * FROM (SELECT {_COLUMNS}
    WHERE (CAST(:since AS timestamptz) IS NULL OR p.at >= :since)
    AND (:url = '' OR position(lower(:url) IN lower(p.url)) > 0)
    AND (CAST(:lead AS uuid) IS NULL OR p.lead_id = :lead OR lead_now(p.lead_id) = :lead)) found
WHERE :state = '' OR state = :state ORDER BY at DESC, id LIMIT :many""")
_ONE = text(f"SELECT {_COLUMNS} WHERE p.id = :id")
_ATTEMPTS = text("""
SELECT number, at, state, status, reason, milliseconds, answer, replayed_by FROM webhook_attempts
WHERE post_id = :id ORDER BY number""")
_OPEN = text(f"""
SELECT state, count(*) AS many FROM (SELECT {_STATE} AS state FROM webhook_posts p
    WHERE p.state IN ('sending', 'waiting') OR (p.state = 'failed' AND p.at >= :since)) open GROUP BY state""")
_REPLAY = text("""
UPDATE webhook_posts SET attempts = attempts + 1 WHERE id = :id RETURNING url, body, attempts, lead_id""")
_REPLAYING = text("""
INSERT INTO webhook_attempts (post_id, number, lead_id, state, reason, answer, at, replayed_by)
VALUES (:id, :number, :lead, 'sending', '', '', :at, :by)""")
_REPLAYED = text("""
WITH post AS (
    UPDATE webhook_posts SET state = 'delivered', reason = '', next_at = NULL, settled_at = :at
    WHERE id = :id AND :outcome = 'accepted' RETURNING 1)
UPDATE webhook_attempts SET state = :outcome, status = CAST(:status AS integer), reason = :reason,
    milliseconds = :milliseconds, answer = :answer
WHERE post_id = :id AND number = :number""")


# ── from a run ───────────────────────────────────────────────────────────────────────────────────────────────────────
async def begin(hot: Hot, values: Mapping[str, Any]) -> Any:
    """Note an attempt that is about to be made: the post's body as it was made first, the attempt's number, and its
    state, which is `delivered` if nothing is to be sent any more."""
    return await hot.one(_BEGIN, values)


async def settle(hot: Hot, values: Mapping[str, Any]) -> None:
    """Write down what came of an attempt. A post that was delivered stays so."""
    await hot.run(_SETTLE, values)


async def give_up(hot: Hot, id: UUID, reason: str, now: datetime) -> None:
    """It is not tried again, since the run goes another way."""
    await hot.run(_GIVE_UP, {"id": id, "reason": reason, "now": now})


async def live_nonces(hot: Hot, real: datetime) -> list[str]:
    """Of the secrets that sign, the oldest first. There is always one; the first needs no row."""
    return [row.nonce for row in await hot.all(_LIVE, {"real": real})] or [""]


# ── for people ───────────────────────────────────────────────────────────────────────────────────────────────────────
async def find(
    db: Database, *, state: str = "", url: str = "", lead: UUID | None = None, since: datetime | None = None, many: int
) -> Sequence[Mapping[str, Any]]:
    """Posts, the newest first. `url`: a part of the address."""
    values = {"state": state, "url": url, "lead": lead, "since": since, "many": many}
    async with db.engine.connect() as connection:
        return [dict(row) for row in (await connection.execute(_LIST, values)).mappings()]


async def read_one(db: Database, id: UUID) -> dict[str, Any] | None:
    """One post with its attempts."""
    async with db.engine.connect() as connection:
        row = (await connection.execute(_ONE, {"id": id})).mappings().first()
        if row is None:
            return None
        return {**row, "tries": [dict(one) for one in (await connection.execute(_ATTEMPTS, {"id": id})).mappings()]}


async def count_open(db: Database, since: datetime) -> dict[str, int]:
    """How many posts are on their way or wait, and how many have failed since, by state."""
    async with db.engine.connect() as connection:
        found = {row.state: row.many for row in await connection.execute(_OPEN, {"since": since})}
    return {"waiting": found.get("waiting", 0) + found.get("sending", 0), "failed": found.get("failed", 0)}


async def begin_replay(db: Database, id: UUID, by: str, at: datetime) -> Any | None:
    """Note that somebody sends it by hand: its url, body, and the attempt's number; None: there is no such post."""
    async with db.engine.begin() as connection:
        row = (await connection.execute(_REPLAY, {"id": id})).first()
        if row is not None:
            values = {"id": id, "number": row.attempts, "lead": row.lead_id, "at": at, "by": by}
            await connection.execute(_REPLAYING, values)
        return row


async def settle_replay(db: Database, values: Mapping[str, Any]) -> None:
    """Write down what came of it. Only success changes the post's state."""
    async with db.engine.begin() as connection:
        await connection.execute(_REPLAYED, values)


# ── secrets ──────────────────────────────────────────────────────────────────────────────────────────────────────────
async def secrets(db: Database) -> Sequence[Mapping[str, Any]]:
    """Every secret after a first rotation, the oldest first: number, nonce, and instants."""
    async with db.engine.connect() as connection:
        rows = await connection.execute(text("SELECT * FROM webhook_secrets ORDER BY number"))
        return [dict(row) for row in rows.mappings()]


async def live_secrets(db: Database, real: datetime) -> list[str]:
    """See live_nonces."""
    async with db.hot() as hot:
        return await live_nonces(hot, real)


async def add_secret(db: Database, nonce: str, real: datetime, retires: datetime) -> int | None:
    """Put a secret into force beside the one that signs now, which retires then: the new one's number. None: there are
    two in force already."""
    async with db.engine.begin() as connection:
        await connection.execute(text("LOCK TABLE webhook_secrets IN EXCLUSIVE MODE"))
        rows = (await connection.execute(text("SELECT number, real_retires_at FROM webhook_secrets"))).all()
        if sum(one.real_retires_at is None or one.real_retires_at > real for one in rows) > 1:
            return None
        add = text("INSERT INTO webhook_secrets VALUES (:number, :nonce, :real, NULL)")
        if not rows:
            await connection.execute(add, {"number": 1, "nonce": "", "real": real})
        end = text("UPDATE webhook_secrets SET real_retires_at = :retires WHERE real_retires_at IS NULL")
        await connection.execute(end, {"retires": retires})
        number = max((one.number for one in rows), default=1) + 1
        await connection.execute(add, {"number": number, "nonce": nonce, "real": real})
        return int(number)


async def retire_secret(db: Database, number: int, real: datetime) -> bool:
    """End a secret now that has a successor; whether there was such a one."""
    ended = text("""
UPDATE webhook_secrets SET real_retires_at = :real WHERE number = :number AND real_retires_at > :real""")
    async with db.engine.begin() as connection:
        return (await connection.execute(ended, {"number": number, "real": real})).rowcount > 0

"""What people have written at the desk and not deployed yet: one draft a person, with comments and reviews.

A draft keeps only the files that differ from the deployment it was begun from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, Uuid, text

from engine.store.db import Database
from engine.store.tables import instant, metadata

drafts = Table(
    "drafts", metadata,
    Column("id", Uuid, primary_key=True),
    Column("owner", Uuid, ForeignKey("users.id"), nullable=False),
    Column("base", BigInteger, nullable=False, comment="the deployment it was begun from; 0: there was none"),
    Column("state", Text, nullable=False, comment="open | deployed | discarded"),
    Column("note", Text, nullable=False, comment="what its author says about it"),
    Column("epoch", BigInteger, comment="the deployment it became"),
    instant("made_at", required=True),
    instant("changed_at", required=True),
    Index("drafts_open", "owner", unique=True, postgresql_where=text("state = 'open'")),
)  # fmt: skip

draft_files = Table(
    "draft_files", metadata,
    Column("draft", Uuid, ForeignKey("drafts.id"), primary_key=True),
    Column("path", Text, primary_key=True, comment="inside the workspace"),
    Column("body", LargeBinary, comment="None: the draft deletes the file"),
    instant("changed_at", required=True),
)  # fmt: skip

draft_comments = Table(
    "draft_comments", metadata,
    Column("id", Uuid, primary_key=True),
    Column("draft", Uuid, ForeignKey("drafts.id"), nullable=False),
    Column("path", Text, nullable=False),
    Column("line", Integer, nullable=False, comment="from 1; 0: about the file"),
    Column("quoted", Text, nullable=False, comment="the line as it was"),
    Column("author", Text, nullable=False, comment="a colleague's address"),
    Column("words", Text, nullable=False),
    instant("at", required=True),
    instant("done_at"),
    Index("draft_comments_of_draft", "draft", "at"),
)  # fmt: skip

draft_reviews = Table(
    "draft_reviews", metadata,
    Column("id", Uuid, primary_key=True),
    Column("draft", Uuid, ForeignKey("drafts.id"), nullable=False),
    Column("content", Text, nullable=False, comment="SHA-256 of what was asked about; another content needs another"),
    Column("answer", Text, comment="approved | changes wanted; None: asked"),
    Column("answered_by", Text, comment="a colleague's address"),
    Column("words", Text, nullable=False),
    instant("asked_at", required=True),
    instant("answered_at"),
    Index("draft_reviews_of_draft", "draft", "asked_at"),
)  # fmt: skip

_NEWEST = text("SELECT coalesce(max(epoch), 0) FROM deployments")
_DEPLOYED = text("SELECT path, body FROM assets WHERE epoch = :epoch")
_OPEN = text("SELECT * FROM drafts WHERE owner = :owner AND state = 'open'")
_GET = text("SELECT d.*, u.name, u.email FROM drafts d JOIN users u ON u.id = d.owner WHERE d.id = :id")
_ALL = text("""
SELECT d.*, u.name, u.email, (SELECT count(*) FROM draft_files f WHERE f.draft = d.id) AS files,
    (SELECT r.answer FROM draft_reviews r WHERE r.draft = d.id ORDER BY r.asked_at DESC LIMIT 1) AS answer,
    EXISTS (SELECT FROM draft_reviews r WHERE r.draft = d.id AND r.answer IS NULL) AS asked
FROM drafts d JOIN users u ON u.id = d.owner WHERE d.state = 'open' ORDER BY d.changed_at DESC LIMIT 100""")
_BEGIN = text("""
INSERT INTO drafts (id, owner, base, state, note, made_at, changed_at)
VALUES (:id, :owner, :base, 'open', '', :now, :now) ON CONFLICT (owner) WHERE state = 'open' DO NOTHING""")
_FILES = text("SELECT path, body FROM draft_files WHERE draft = :draft")
_LOCK = text("SELECT id FROM drafts WHERE owner = :owner AND state = 'open' FOR UPDATE")
_FILE = text("SELECT body, true AS there FROM draft_files WHERE draft = :draft AND path = :path")
_WRITE = text("""
INSERT INTO draft_files (draft, path, body, changed_at) VALUES (:draft, :path, :body, :now)
ON CONFLICT (draft, path) DO UPDATE SET body = excluded.body, changed_at = excluded.changed_at""")
_SAME = text("DELETE FROM draft_files WHERE draft = :draft AND path = :path")
_TOUCH = text("UPDATE drafts SET changed_at = :now WHERE id = :draft")
_BASE = text("UPDATE drafts SET base = :base, changed_at = :now WHERE id = :draft AND state = 'open'")
_CLOSE = text("""
UPDATE drafts SET state = :state, epoch = :epoch, note = :note, changed_at = :now WHERE id = :draft AND state = 'open'
""")
_COUNT = text("SELECT count(*) AS files, coalesce(sum(length(body)), 0) AS bytes FROM draft_files WHERE draft = :draft")
_COMMENT = text("""
INSERT INTO draft_comments (id, draft, path, line, quoted, author, words, at)
VALUES (:id, :draft, :path, :line, :quoted, :author, :words, :now)""")
_COMMENTS = text("SELECT * FROM draft_comments WHERE draft = :draft ORDER BY at LIMIT 500")
_DONE = text("UPDATE draft_comments SET done_at = :now WHERE draft = :draft AND id = :id AND done_at IS NULL")
_ASK = text("""
INSERT INTO draft_reviews (id, draft, content, words, asked_at) VALUES (:id, :draft, :content, '', :now)""")
_ANSWER = text("""
UPDATE draft_reviews SET answer = :answer, answered_by = :by, words = :words, answered_at = :now
WHERE draft = :draft AND answer IS NULL AND content = :content""")
_UNASK = text("DELETE FROM draft_reviews WHERE draft = :draft AND answer IS NULL")
_REVIEWS = text("""
SELECT * FROM draft_reviews WHERE draft = :draft ORDER BY answer IS NOT NULL, asked_at DESC LIMIT 100""")

Row = Mapping[str, Any]


class Changed(Exception):
    """The file is no longer what its author has seen; `body` is what it is now, None: it was deleted."""

    def __init__(self, body: bytes | None) -> None:
        super().__init__()
        self.body = body


async def newest(db: Database) -> int:
    """The newest deployment; 0 when there is none."""
    async with db.engine.connect() as connection:
        return int((await connection.execute(_NEWEST)).scalar_one())


async def deployed(db: Database, epoch: int) -> dict[str, bytes]:
    """A deployment's templates and files, and its campaign files under `sources/`."""
    return {row["path"]: bytes(row["body"]) for row in await _rows(db, _DEPLOYED, epoch=epoch)}


async def of(db: Database, owner: UUID) -> Row | None:
    """The person's open draft."""
    return await _one(db, _OPEN, owner=owner)


async def get(db: Database, id: UUID) -> Row | None:
    """A draft with its owner's `name` and `email`."""
    return await _one(db, _GET, id=id)


async def every(db: Database) -> Sequence[Row]:
    """Open drafts, those changed last first, each with its owner, the number of its files, and where its review is."""
    return await _rows(db, _ALL)


async def files(db: Database, draft: UUID) -> dict[str, bytes | None]:
    """What the draft changes; None: it deletes the file."""
    return {
        row["path"]: None if row["body"] is None else bytes(row["body"]) for row in await _rows(db, _FILES, draft=draft)
    }


async def size(db: Database, draft: UUID) -> tuple[int, int]:
    """How many files the draft changes, and their bytes."""
    row = (await _rows(db, _COUNT, draft=draft))[0]
    return int(row["files"]), int(row["bytes"])


async def write(
    db: Database, new: UUID, owner: UUID, base: int, path: str, body: bytes | None, beneath: bytes | None,
    was: bytes | bool | None, now: datetime,
) -> UUID:  # fmt: skip
    """Store a file of the owner's draft, which is begun as `new` from `base` if there is none, and return the draft.

    `beneath`: the file in the deployment the draft stands on; when it becomes that again, nothing of it is kept. `was`:
    what its author has seen, False: whatever it is. Raises Changed when it is something else by now.
    """
    async with db.engine.begin() as connection:
        await connection.execute(_BEGIN, {"id": new, "owner": owner, "base": base, "now": now})
        draft: UUID = (await connection.execute(_LOCK, {"owner": owner})).scalar_one()
        at = {"draft": draft, "path": path}
        row = (await connection.execute(_FILE, at)).first()
        present = beneath if row is None else None if row.body is None else bytes(row.body)
        if was is not False and present != was and present != body:
            raise Changed(present)
        if body == beneath:
            await connection.execute(_SAME, at)
        elif row is None or present != body:
            await connection.execute(_WRITE, {**at, "body": body, "now": now})
        await connection.execute(_TOUCH, {"draft": draft, "now": now})
        return draft


async def rebase(db: Database, draft: UUID, base: int, kept: Mapping[str, bytes | None], now: datetime) -> None:
    """Put the draft on another deployment, from which it then differs by the files `kept`."""
    async with db.engine.begin() as connection:
        known = [row.path for row in await connection.execute(_FILES, {"draft": draft})]
        for path in {*known} - kept.keys():
            await connection.execute(_SAME, {"draft": draft, "path": path})
        for path, body in kept.items():
            await connection.execute(_WRITE, {"draft": draft, "path": path, "body": body, "now": now})
        await connection.execute(_BASE, {"draft": draft, "base": base, "now": now})


async def close(
    db: Database, draft: UUID, state: str, now: datetime, *, epoch: int | None = None, note: str = ""
) -> bool:
    """End an open draft as deployed or discarded. False: it was ended before."""
    values = {"draft": draft, "state": state, "epoch": epoch, "note": note, "now": now}
    async with db.engine.begin() as connection:
        return (await connection.execute(_CLOSE, values)).rowcount == 1


# ── comments and reviews ─────────────────────────────────────────────────────────────────────────────────────────────
async def comment(
    db: Database, id: UUID, draft: UUID, path: str, line: int, quoted: str, author: str, words: str, now: datetime
) -> None:
    values = {"path": path, "line": line, "quoted": quoted, "author": author, "words": words}
    await _do(db, _COMMENT, id=id, draft=draft, now=now, **values)


async def comments(db: Database, draft: UUID) -> Sequence[Row]:
    """The oldest first."""
    return await _rows(db, _COMMENTS, draft=draft)


async def settle(db: Database, draft: UUID, id: UUID, now: datetime) -> None:
    """A comment is dealt with."""
    await _do(db, _DONE, draft=draft, id=id, now=now)


async def ask(db: Database, id: UUID, draft: UUID, content: str, now: datetime) -> None:
    """Ask for a review, instead of the one that was asked for and not answered."""
    async with db.engine.begin() as connection:
        await connection.execute(_UNASK, {"draft": draft})
        await connection.execute(_ASK, {"id": id, "draft": draft, "content": content, "now": now})


async def answer(db: Database, draft: UUID, content: str, answer: str, by: str, words: str, now: datetime) -> bool:
    """Answer the review that is asked for. False: it is about another content, or there is none."""
    values = {"content": content, "answer": answer, "by": by, "words": words}
    return await _do(db, _ANSWER, draft=draft, now=now, **values) == 1


async def reviews(db: Database, draft: UUID) -> Sequence[Row]:
    """The newest first."""
    return await _rows(db, _REVIEWS, draft=draft)


async def _rows(db: Database, statement: Any, **values: Any) -> Sequence[Row]:
    async with db.engine.connect() as connection:
        return [dict(row) for row in (await connection.execute(statement, values)).mappings()]


async def _one(db: Database, statement: Any, **values: Any) -> Row | None:
    return next(iter(await _rows(db, statement, **values)), None)


async def _do(db: Database, statement: Any, **values: Any) -> int:
    async with db.engine.begin() as connection:
        return int((await connection.execute(statement, values)).rowcount)

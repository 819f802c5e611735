"""A colleague's word on a draft: asked for, given for exactly the files looked at, outdated by a change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import uuid4

from engine.deploying.drafts import Draft
from engine.model.ports import Clock
from engine.store import drafts as stored
from engine.store.db import Database

Answer = Literal["approved", "changes wanted"]


@dataclass(frozen=True)
class Review:
    """The newest one. `state`: asked, approved, changes wanted, or outdated when the draft has changed since."""

    state: str
    content: str
    words: str
    by: str | None
    asked_at: datetime
    answered_at: datetime | None


async def read_review(db: Database, draft: Draft) -> Review | None:
    """None when nobody has asked for one."""
    rows = await stored.reviews(db, draft.id) if draft.id else []
    if not rows:
        return None
    row = rows[0]
    state = "outdated" if row["content"] != draft.content else row["answer"] or "asked"
    return Review(state, row["content"], row["words"], row["answered_by"], row["asked_at"], row["answered_at"])


async def is_approved(db: Database, draft: Draft) -> bool:
    review = await read_review(db, draft)
    return review is not None and review.state == "approved"


async def ask_review(db: Database, clock: Clock, draft: Draft) -> None:
    """About the draft as it is now."""
    assert draft.id is not None, "a draft without a change needs no review"
    await stored.ask(db, uuid4(), draft.id, draft.content, clock.now())


async def answer_review(
    db: Database, clock: Clock, draft: Draft, content: str, answer: Answer, by: str, words: str
) -> bool:  # fmt: skip
    """False when the draft is no longer what was looked at, or nobody asks."""
    assert draft.id is not None
    if content != draft.content:
        return False
    return await stored.answer(db, draft.id, content, answer, by, words, clock.now())

"""Emails, posts, and notices as rows: what was sent, what became of it, and what a page or a report asks of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from engine.store.db import Database, Hot
from engine.store.tables import leads, messages

_VISITS = "SELECT visit FROM messages WHERE owner_id = %(run)s AND step = %(step)s"
_SETTLE_LATE = """
UPDATE messages SET state = 'accepted', reason = '', provider_id = %(provider)s
WHERE id = %(id)s AND attempt = %(attempt)s"""

_KNOWN = """
SELECT id, lead_id, state FROM messages
WHERE id = ANY(%(ids)s::uuid[]) AND kind IN ('marketing', 'transactional', 'staff')"""

_SOFT_BEFORE = """
SELECT count(*) AS soft FROM events e
WHERE lead_id = %(lead)s AND type = %(soft)s AND seq > coalesce((
    SELECT max(seq) FROM events d
    WHERE lead_id = %(lead)s AND type = ANY(%(proofs)s) AND message_id <> %(message)s AND NOT EXISTS (
        SELECT 1 FROM events b
        WHERE b.lead_id = %(lead)s AND b.type = %(soft)s AND b.message_id = d.message_id)), 0)
    AND NOT EXISTS (SELECT FROM messages m WHERE m.id = e.message_id AND m.address <> %(address)s::text)"""
"""Soft bounces of one address since the last mail that is known to have arrived; one that came back later had not."""

_STATE = "SELECT state, reason FROM messages WHERE id = %(id)s"

_NEWEST = """
SELECT m.id FROM messages m
WHERE m.lead_id = (SELECT lead_now(id) FROM leads WHERE email_key = %(key)s)
    AND (m.address IS NULL OR m.address = %(hash)s) AND m.kind IN ('marketing', 'transactional')
    AND m.state IN ('sending', 'accepted', 'unknown')
    AND (%(template)s::text IS NULL OR lower(m.template) = lower(%(template)s::text))
ORDER BY m.at DESC, m.id LIMIT 1"""

_SHOWN = (messages.c.lead_id, messages.c.template, messages.c.kind, messages.c.variant, messages.c.memo)


async def visits_of(hot: Hot, run: UUID, step: str) -> set[str]:
    """The visits in which the step of that run has left something already."""
    return {row.visit for row in await hot.all(_VISITS, {"run": run, "step": step})}


async def remove(hot: Hot, id: UUID) -> None:
    """Forget that it was about to leave; it is made again."""
    await hot.run("DELETE FROM messages WHERE id = %(id)s", {"id": id})


async def keep_accepted(hot: Hot, id: UUID, attempt: str, provider: str | None) -> None:
    """Note that the provider accepted it, if the row is still that attempt's."""
    await hot.run(_SETTLE_LATE, {"id": id, "attempt": attempt, "provider": provider})


async def known(hot: Hot, ids: Sequence[UUID]) -> Sequence[Any]:
    """Id, lead_id and state of those that are emails."""
    return await hot.all(_KNOWN, {"ids": list(ids)})


async def soft_bounces(hot: Hot, values: Mapping[str, Any]) -> int:
    """How often the address has bounced for now since an email arrived. `values`: lead, message, address, the type
    `soft` and the types that are `proofs` of arrival."""
    row = await hot.one(_SOFT_BEFORE, values)
    return int(row.soft) if row else 0


async def state_of(hot: Hot, id: UUID) -> Any | None:
    """Its state and reason now."""
    return await hot.one(_STATE, {"id": id})


async def newest(hot: Hot, *, key: str, hash: str, template: str | None) -> UUID | None:
    """The newest email that may have reached the address; `template`: of that name."""
    row = await hot.one(_NEWEST, {"key": key, "hash": hash, "template": template})
    return row.id if row else None


async def to_show(db: Database, id: UUID) -> Any | None:
    """What an email needs to be composed again, with its reader's email and fields."""
    chosen = select(*_SHOWN, leads.c.email, leads.c.fields).join(leads, leads.c.id == messages.c.lead_id)
    async with db.engine.connect() as connection:
        return (await connection.execute(chosen.where(messages.c.id == id))).first()

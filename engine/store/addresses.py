"""Which lead an address belongs to, and how a lead gets another one: statements of one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from engine.store.db import Hot

_HOLDER = "SELECT id, lead_now(id) AS lead FROM leads WHERE email_key = %(key)s FOR NO KEY UPDATE"
_BARRED = "SELECT reason FROM suppressions WHERE address_hash = %(hash)s"
_FREE = "UPDATE leads SET email_key = NULL WHERE id = %(record)s"
_TAKE = """UPDATE leads SET email = %(email)s, email_key = %(key)s,
    former = array_append(array_remove(array_remove(former, %(fresh)s::text), %(former)s::text), %(former)s::text)
WHERE id = %(lead)s"""
_KEEP = "UPDATE leads SET email_key = %(old)s WHERE id = %(record)s"
_NOTE = """
INSERT INTO leads (id, email_key, merged_into, seq, fields, scores, rated, stage, topics, created_at, last_at)
VALUES (%(record)s, %(old)s, %(lead)s, 0, '{}', '{}', '{}', '', '{}', %(now)s, %(now)s)"""


@dataclass(frozen=True, slots=True)
class Holder:
    """The record that has an address, and the lead that it is or has become part of."""

    record: UUID
    lead: UUID


async def holder(hot: Hot, key: str) -> Holder | None:
    """Whose that address is; its record is locked."""
    row = await hot.one(_HOLDER, {"key": key})
    return None if row is None else Holder(row.id, row.lead)


async def barred(hot: Hot, hash: str) -> str | None:
    """Why nothing may be mailed to that address."""
    row = await hot.one(_BARRED, {"hash": hash})
    return None if row is None else str(row.reason)


async def swap(
    hot: Hot, lead: UUID, email: str, key: str, old: str, former: str, fresh: str, record: UUID | None, new: UUID,
    now: datetime,
) -> None:  # fmt: skip
    """The lead gets the address `email`; its `old` one is kept by the record that had the new one, else by one that is
    made for it. `former` and `fresh` are the hashes of both."""
    if record is not None:
        await hot.run(_FREE, {"record": record})
    values = {"lead": lead, "email": email, "key": key, "former": former, "fresh": fresh}
    await hot.run(_TAKE, values)
    if record is not None:
        await hot.run(_KEEP, {"record": record, "old": old})
    else:
        await hot.run(_NOTE, {"record": new, "old": old, "lead": lead, "now": now})

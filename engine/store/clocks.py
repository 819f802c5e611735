"""The clocks of leads: which are due, and what is asked of a lead's past when one rings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from engine.model.lead import Event
from engine.rules.leads.limits import Booking
from engine.store.db import Database, Hot
from engine.store.leads import EVENT_JSON, event_of

# A lead that could not be looked at has a row `refresh` that says when it is tried again; its other rows stay as they
# are, since the instant at which one was due tells which occurrence it stands for. A subquery in the list of conditions
# is looked up in the primary key row by row, where an anti-join would read the whole table for the first hundred.
_PUT_OFF_UNTIL = "(SELECT o.due_at FROM lead_clock o WHERE o.lead_id = {} AND o.what = 'refresh')"

_DUE = text(f"""
SELECT lead_id FROM lead_clock c
WHERE due_at <= :now AND coalesce({_PUT_OFF_UNTIL.format("c.lead_id")}, '-infinity') <= :now
ORDER BY due_at LIMIT :many""")

_BEHIND = text(f"""
SELECT id FROM leads l WHERE epoch < :epoch AND email IS NOT NULL
    AND {_PUT_OFF_UNTIL.format("l.id")} IS NULL ORDER BY epoch LIMIT :many""")

_PUT_OFF = text("""
INSERT INTO lead_clock (lead_id, what, due_at) VALUES (:lead, 'refresh', :later)
ON CONFLICT (lead_id, what) DO UPDATE SET due_at = excluded.due_at""")

_EXPIRING = """
SELECT p.* FROM points p
WHERE p.lead_id = %(lead)s AND p.expires_at IS NOT NULL AND NOT EXISTS (
    SELECT FROM points x WHERE x.lead_id = p.lead_id AND x.cause = 'x:' || p.cause AND x.rule = 'expired:' || p.rule)
ORDER BY p.expires_at"""

_EVENTS = f"""SELECT {EVENT_JSON} AS event FROM events
WHERE lead_id = %(lead)s AND (seq = %(seq)s OR (seq > %(seq)s AND type = %(type)s AND at <= %(due)s)) ORDER BY seq"""


async def due_leads(db: Database, now: datetime, epoch: int, many: int) -> tuple[Sequence[UUID], Sequence[UUID]]:
    """Leads of which a row is due, the earliest first, and leads that have not seen deployment `epoch`; `many` each."""
    async with db.engine.connect() as connection:
        due = (await connection.execute(_DUE, {"now": now, "many": many})).scalars().all()
        behind = (await connection.execute(_BEHIND, {"epoch": epoch, "many": many})).scalars().all()
    return due, behind


async def put_off(db: Database, lead: UUID, later: datetime) -> None:
    """Leave a lead alone until then that cannot be looked at."""
    async with db.engine.begin() as connection:
        await connection.execute(_PUT_OFF, {"lead": lead, "later": later})


async def forget(hot: Hot, lead: UUID) -> None:
    """Take all rows of a lead away that is gone, and commit."""
    await hot.run("DELETE FROM lead_clock WHERE lead_id = %(lead)s", {"lead": lead})
    await hot.commit()


@dataclass(frozen=True, slots=True)
class Stored:
    """The archive in Postgres."""

    hot: Hot
    lead: UUID

    async def expiring(self) -> Sequence[Booking]:
        rows = await self.hot.all(_EXPIRING, {"lead": self.lead})
        return [
            Booking(row.cause, row.rule, row.model, float(row.amount), row.thing, row.seq, float(row.score_after),
                    row.earned_at, row.booked_at, row.expires_at)
            for row in rows
        ]  # fmt: skip

    async def since(self, seq: int, type: str, until: datetime) -> Sequence[Event]:
        values = {"lead": self.lead, "seq": seq, "type": type, "due": until}
        return [event_of(row.event) for row in await self.hot.all(_EVENTS, values)]

    async def at_stage_since(self, stage: str) -> datetime | None:
        row = await self.hot.one(
            "SELECT max(at) AS at FROM stages WHERE lead_id = %(lead)s AND stage = %(stage)s",
            {"lead": self.lead, "stage": stage},
        )
        found: datetime | None = row.at
        return found

    async def has(self, key: str) -> bool:
        asked = "SELECT seq FROM events WHERE lead_id = %(lead)s AND key = %(key)s"
        return await self.hot.one(asked, {"lead": self.lead, "key": key}) is not None


Due = tuple[datetime, str]
"""One row of a lead's clock: the instant and what it is for."""


async def take_due(hot: Hot, lead: UUID, now: datetime) -> list[Due]:
    """Every row of a locked lead that is due, taken away, in the order of time."""
    rows = await hot.all(
        """DELETE FROM lead_clock WHERE lead_id = %(lead)s AND due_at <= %(now)s RETURNING what, due_at""",
        {"lead": lead, "now": now},
    )
    return sorted((row.due_at, row.what) for row in rows)

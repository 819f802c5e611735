"""Leads at which somebody must look: those whose clock has a row that is due, and those that have not seen the newest
deployment. What a due row means stands in `rules.leads.due`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import text

from engine.model.lead import Event
from engine.rules.leads.consequences import Ledger
from engine.rules.leads.due import strike
from engine.rules.leads.limits import Booking
from engine.runtime.runtime import Runtime
from engine.runtime.transaction import commit, open_ledger
from engine.store import leads
from engine.store.db import Hot
from engine.store.leads import EVENT_JSON, event_of
from engine.store.writes import Writes

log = structlog.get_logger(__name__)

MANY = 100
OFF = timedelta(minutes=10)
"""How long (domain time) a lead is left alone whose clock could not be looked at."""

# A lead that could not be looked at has a row `refresh` that says when it is tried again; its other rows stay as they
# are, since the instant at which one was due tells which occurrence it stands for. A subquery in the list of conditions
# is looked up in the primary key row by row, where an anti-join would read the whole table for the first hundred.
_PUT_OFF_UNTIL = "(SELECT o.due_at FROM lead_clock o WHERE o.lead_id = {} AND o.what = 'refresh')"

_DUE = text(f"""
SELECT lead_id FROM lead_clock c
WHERE due_at <= :now AND coalesce({_PUT_OFF_UNTIL.format("c.lead_id")}, '-infinity') <= :now
ORDER BY due_at LIMIT :many""")

_BEHIND = text(f"""
SELECT id FROM leads l WHERE epoch < :epoch AND {_PUT_OFF_UNTIL.format("l.id")} IS NULL ORDER BY epoch LIMIT :many""")

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


async def ring_all(rt: Runtime) -> None:
    """Look at clocks until no full batch is left: a schedule or midnight makes those of all leads due at once."""
    while await ring_clocks(rt) >= MANY:
        pass


async def ring_clocks(rt: Runtime) -> int:
    """Look at the leads whose clocks are due, and at some that have not seen the deployment. How many there were.

    Each process takes them in an order of its own, so that many share the work instead of waiting for one another.
    """
    current = await rt.catalog.refresh()
    epoch = current.epoch if current is not None and current.rules.index.refreshes else 0
    async with rt.db.engine.connect() as connection:
        due = (await connection.execute(_DUE, {"now": rt.clock.now(), "many": MANY})).scalars().all()
        behind = (await connection.execute(_BEHIND, {"epoch": epoch, "many": MANY})).scalars().all()
    waiting = list(dict.fromkeys([*due, *behind]))
    random.shuffle(waiting)
    for lead_id in waiting:
        try:
            await _ring(rt, lead_id)
        except Exception as problem:  # one lead's trouble must not keep the others waiting
            log.warning("sweep.clock", lead=str(lead_id), kind=type(problem).__name__)
            await _put_off(rt, lead_id)
    return len(waiting)


async def _ring(rt: Runtime, lead_id: UUID) -> None:
    async with rt.turn(str(lead_id)), rt.db.hot() as hot:
        locked = await leads.lock(hot, lead_id)
        if locked is None:
            await hot.run("DELETE FROM lead_clock WHERE lead_id = %(lead)s", {"lead": lead_id})
            await hot.commit()
            return
        due = await take_due(hot, lead_id, rt.clock.now())
        if not due and locked.lead.epoch == locked.epoch:
            return  # another process was here first
        ledger, _ = await open_ledger(rt, hot, locked)
        await ring(hot, ledger, due)
        await commit(rt, hot, ledger, Writes())


async def _put_off(rt: Runtime, lead_id: UUID) -> None:
    """Try a lead that cannot be looked at again in a while, and not every second."""
    values = {"lead": lead_id, "later": rt.clock.now() + OFF}
    async with rt.db.engine.begin() as connection:
        await connection.execute(_PUT_OFF, values)


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


async def ring(hot: Hot, ledger: Ledger, due: Sequence[Due]) -> None:
    """Look at the rows that were due."""
    archive = Stored(hot, ledger.lead.id)
    for at, what in due:
        await strike(archive, ledger, what, at)

"""Lets leads that stand under "needs attention" go on: what is done stays done, what was held back is tried at once."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from sqlalchemy import text

from engine.advance import FAR_AHEAD, RESTORED
from engine.answer import Answer
from engine.opening import open_ledger
from engine.position import Position
from engine.runtime import Runtime
from engine.store import leads
from engine.store.record import record
from engine.store.writes import Writes

_PARKED = text("""
SELECT e.id FROM enrolments e JOIN leads l ON l.id = e.lead_id
WHERE e.state <> 'ended' AND (e.attention IS NOT NULL OR l.attention IS NOT NULL)
    AND (CAST(:campaign AS text) IS NULL OR lower(e.campaign) = lower(:campaign))
    AND (CAST(:lead AS text) IS NULL OR l.email_key = lower(:lead))
ORDER BY e.started_at""")

# Not while a mail is on its way: its outcome must find the run as it left it.
_ONE = """SELECT position, gen, attention FROM enrolments e WHERE id = %(id)s AND state <> 'ended'
    AND NOT EXISTS (SELECT FROM messages WHERE owner_id = e.id AND state = 'sending')"""


async def retry(rt: Runtime, *, campaign: str | None, lead: str | None) -> int:
    """How many enrolments go on. A worker picks them up from the outbox."""
    async with rt.db.engine.connect() as connection:
        parked = (await connection.execute(_PARKED, {"campaign": campaign, "lead": lead})).scalars().all()
    return sum([await _go_on(rt, id) for id in parked])


async def _go_on(rt: Runtime, id: UUID) -> bool:
    async with rt.turn(str(id)), rt.db.hot() as hot:
        locked = await leads.lock_by_enrolment(hot, id)
        row = await hot.one(_ONE, {"id": id})
        if locked is None or row is None:
            return False
        ledger, around = await open_ledger(rt, hot, locked)
        ledger.note("retried", id)
        position = Position.from_json(row.position)
        position = replace(position, branches=tuple(replace(one, hold=None, why=None) for one in position.branches))
        gen = row.gen + (FAR_AHEAD if row.attention == RESTORED else 1)
        enrolment = next((one for one in around.enrolments if one.id == id), None)
        if enrolment is None:
            return False
        enrolment.gen = gen
        ledger.wake(enrolment)
        writes = Writes()
        answer = Answer("again", gen, seen=ledger.lead.seq, on_event="mail")
        writes.update(
            "enrolments", id=id, position=position.to_json(), gen=gen, attempt=None, attention=None, due_at=ledger.now,
            wait=answer.to_json(),
        )  # fmt: skip
        ledger.attention = None
        record(ledger, writes, rt.clock.real())
        await writes.flush(hot)
        await hot.commit()
    return True

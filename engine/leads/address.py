"""Another address for a lead: by the person's own confirmed word, or by a system that knows.

The old address goes on to name the lead, so that whoever still uses it makes no second record. What bars an address
from email stays with that address; what the person themselves said holds for both.
"""

from __future__ import annotations

from uuid import UUID, uuid4

import psycopg

from dsl.plan import Program
from engine.leads.consent import hashed, note_suppression
from engine.model.lead import MOVED_TO, Lead
from engine.platform.tokens import email_key
from engine.rules.conditions.conditions import topic_state
from engine.rules.leads import joining
from engine.rules.leads.suppression import BOUNCED, UNSUBSCRIBED, suppress
from engine.runtime.runtime import Runtime
from engine.runtime.transaction import LeadTransaction, lead_transaction
from engine.store import addresses, leads
from engine.store.leads import Locked


class Taken(Exception):
    """Another lead has the address; `lead` is its id. Merge the two instead."""

    def __init__(self, lead: UUID) -> None:
        super().__init__(str(lead))
        self.lead = lead


async def change_address(rt: Runtime, lead_id: UUID, email: str, how: str, author: str = "") -> bool:
    """Give a lead another address; False if it is theirs already, or there is no such lead. `how`: api, crm, link.

    Raises ValueError for what is not one address, and Taken.
    """
    key = email_key(email)
    try:
        return await _change(rt, lead_id, email.strip(), key, how, author)
    except psycopg.errors.UniqueViolation:  # somebody became a lead with it at this moment
        return await _change(rt, lead_id, email.strip(), key, how, author)


async def _change(rt: Runtime, lead_id: UUID, email: str, key: str, how: str, author: str) -> bool:
    async with lead_transaction(rt, str(lead_id)) as work:
        holder = await addresses.holder(work.hot, key)
        locked = await leads.lock(work.hot, lead_id)
        if locked is None or locked.lead.email is None or email_key(locked.lead.email) == key:
            return False
        if holder is not None and holder.lead != locked.lead.id:
            raise Taken(holder.lead)
        await _move(work, locked, email, key, holder.record if holder else None, how, author)
        await work.commit()
    return True


async def _move(
    work: LeadTransaction, locked: Locked, email: str, key: str, record: UUID | None, how: str, author: str
) -> None:  # fmt: skip
    """`record`: the one that keeps the new address so far, since the lead had it before."""
    rt, hot, lead = work.rt, work.hot, locked.lead
    old = email_key(lead.email or "")
    former, fresh = hashed(rt, old), hashed(rt, key)
    barred = await addresses.barred(hot, fresh)
    await addresses.swap(hot, lead.id, email, key, old, former, fresh, record, uuid4(), rt.clock.now())
    ledger = await work.open(locked)
    others = tuple({*lead.former, former} - {fresh})
    ledger.lead = ledger.lead.changed(email=email, former=others, suppressed=_own_word(lead, ledger.rules.program))
    event = ledger.happen(MOVED_TO, "", {"how": how, "by": author, "from": former}, mute=True)
    if fresh in lead.former and barred == UNSUBSCRIBED:
        barred = None  # their own word of then, and they may have come back since
    if barred is not None and joining.suppressed(ledger.lead.suppressed, barred, same=True) != ledger.lead.suppressed:
        suppress(ledger, barred, event.seq)
    if ledger.lead.suppressed not in (None, BOUNCED):
        note_suppression(rt, ledger, work.writes, everywhere=True)
    if ledger.rules.index.watch.field("email") or any(watch.field("email") for watch in ledger.older()):
        ledger.happen("field.changed", "email", {"before": lead.email, "after": email})
    ledger.rate()
    ledger.review()


def _own_word(lead: Lead, program: Program) -> str | None:
    """Why the lead may not be mailed at another address: a bounce was about the old one. It may have covered that they
    had unsubscribed from everything."""
    if lead.suppressed != BOUNCED:
        return lead.suppressed
    topics = program.workspace.topics
    silent = bool(topics) and all(topic_state(lead.topics, one.name) == "unsubscribed" for one in topics)
    return UNSUBSCRIBED if silent else None

"""What became of a mail, as the provider, a gateway or a person tells it: one transaction per report, the lead first.

A report settles a message that nobody knew the fate of, and brings about the events `email is delivered`, `bounced` and
`replied`. A bounce or a complaint suppresses the lead, and so do soft bounces once there are too many in a row.
Reports may come twice, late and in any order: what they bring about has a natural key of message and kind, and no state
is ever taken back.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from dsl.plan import EventType
from engine.leads.consent import hashed, left, note_suppression, withdraw
from engine.model.lead import ARRIVED
from engine.model.ports import Fate, Report
from engine.platform.tokens import email_key
from engine.rules.leads import suppression
from engine.rules.leads.consequences import Ledger
from engine.runtime.runtime import Runtime
from engine.runtime.transaction import NOTHING, Occurred, lead_transaction
from engine.store import leads, messages
from engine.store.db import Hot
from engine.store.leads import Locked
from engine.store.writes import Writes

Outcome = Literal["recorded", "repeated", "unknown", "set aside"]
"""`unknown`: no mail of ours has that id. `repeated`: nothing is new. `set aside`: it is about another address than the
mail's, so nobody can say whom it is about."""

TO_LEADS = ("marketing", "transactional")
AT_ONCE = 4
"""Leads of one batch that are worked on at the same time."""
TAKEN = "taken"
"""In the reason of a message that is still `sending`: the provider has reported that it has it."""

_EVENTS: Mapping[Fate, EventType] = {
    "delivered": "email.delivered", "bounced": "email.bounced", "soft": "email.soft_bounced",
    "replied": "email.replied",
}  # fmt: skip
_WITHDRAWN: Mapping[Fate, tuple[str, str]] = {
    "complained": ("complaint", suppression.COMPLAINED), "unsubscribed": ("provider", suppression.UNSUBSCRIBED),
}  # fmt: skip
"""How the lead unsubscribed, and why nothing may be mailed then."""
SOFT: EventType = "email.soft_bounced"
BOUNCED: EventType = "email.bounced"
PROOFS = list(ARRIVED)


async def report(rt: Runtime, one: Report) -> Outcome:
    """Take in what became of one mail. Returns after the commit."""
    async with lead_transaction(rt, str(one.message_id)) as work:
        locked = await leads.lock_by_message(work.hot, one.message_id)
        if locked is None or locked.row.kind not in (*TO_LEADS, "staff"):
            return "unknown"
        if _elsewhere(rt, one, locked):
            reason = "it names another address than the email's"
            work.writes.insert("set_aside", message_id=one.message_id, fate=one.fate, reason=reason, at=rt.clock.now())
            await work.writes.flush(work.hot)
            await work.hot.commit()
            return "set aside"
        event, key = _event(one, locked)
        keys = [key] if key else []
        if event[0] == SOFT:
            keys.append(f"{BOUNCED}:{one.message_id}")
            if many := await _too_many_soft(rt, work.hot, one, locked):
                event = BOUNCED, locked.row.template, {"soft bounces": many}
        ledger, writes = await work.open(locked, event, keys=keys), work.writes
        settled = await _settle(work.hot, writes, one, locked.row.state, ledger.now)
        if settled == "noted":  # so that the call which is handing it over looks again
            ledger.note("reported", locked.row.owner_id)
        fresh = bool(key) and work.around.repeated is None
        if fresh and one.fate in _EVENTS:
            ledger.rate()
            _happen(rt, ledger, writes, one, event, keys, locked)
        elif fresh:
            _withdraw(rt, ledger, writes, *_WITHDRAWN[one.fate], key)
        if not (fresh or settled):
            return "repeated"
        await work.commit()
    return "recorded"


async def report_all(rt: Runtime, reports: Sequence[Report]) -> Counter[Outcome]:
    """Take in a batch: in the order of their instants for each lead, a few leads at a time.

    A lead whose report fails holds up no other; the first failure is raised once all have been tried.
    """
    async with rt.db.hot() as hot:
        rows = await messages.known(hot, [one.message_id for one in reports])
    known = {row.id: row for row in rows}
    counts: Counter[Outcome] = Counter()
    by_lead: dict[UUID, list[Report]] = {}
    for one in sorted(reports, key=lambda each: each.at):
        row = known.get(one.message_id)
        if row is None:
            counts["unknown"] += 1
        elif one.fate == "taken" and row.state not in ("sending", "unknown"):
            counts["repeated"] += 1
        else:
            by_lead.setdefault(row.lead_id, []).append(one)
    few = asyncio.Semaphore(AT_ONCE)

    async def follow(all_of_one: list[Report]) -> None:
        async with few:
            for one in all_of_one:
                counts[await report(rt, one)] += 1

    done = await asyncio.gather(*map(follow, by_lead.values()), return_exceptions=True)
    if failure := next((one for one in done if one is not None), None):
        raise failure
    return counts


async def newest_mail(rt: Runtime, email: str, template: str | None) -> UUID | None:
    """The last mail that went to that address, or the last of that template; None where there is none.

    Raises ValueError for what is not one address.
    """
    async with rt.db.hot() as hot:
        key = email_key(email)
        return await messages.newest(hot, key=key, hash=hashed(rt, key), template=template)


def reported(reason: str) -> tuple[Literal["accepted", "failed"], str] | None:
    """The state and reason that reports give a message whose hand-over was never settled; `reason` is its own."""
    if not reason:
        return None
    return ("accepted", "") if reason == TAKEN else ("failed", reason)


# ── the parts ────────────────────────────────────────────────────────────────────────────────────────────────────────
def _elsewhere(rt: Runtime, one: Report, locked: Locked) -> bool:
    """Whether the report is about another address than the mail went to, as far as both are known. The lead may have
    another address by now."""
    own = locked.row.staff if locked.row.kind == "staff" else locked.lead.email
    if one.address is None or own is None:
        return False
    try:
        key = email_key(one.address)
        return hashed(rt, key) != locked.row.address if locked.row.address else key != email_key(own)
    except ValueError:
        return True


def _before(rt: Runtime, locked: Locked) -> bool:
    """Whether the mail went to an address that is not where the lead is mailed now."""
    address, email = locked.row.address, locked.lead.email
    return address is not None and email is not None and address != hashed(rt, email_key(email))


def _event(one: Report, locked: Locked) -> tuple[Occurred, str | None]:
    """The event that the report brings about for the lead, with its natural key; nothing for mails to colleagues."""
    if locked.row.kind not in TO_LEADS or locked.lead.email is None:
        return NOTHING, None
    if type := _EVENTS.get(one.fate):  # of a soft bounce too, until the earlier ones are counted
        return (type, locked.row.template, {}), f"{type}:{one.message_id}"
    if one.fate in _WITHDRAWN:
        return left(None, _WITHDRAWN[one.fate][0]), f"{one.fate}:{one.message_id}"
    return NOTHING, None


async def _too_many_soft(rt: Runtime, hot: Hot, one: Report, locked: Locked) -> int:
    """How many soft bounces in a row this one makes, if the workspace takes so many for a bounce; else 0."""
    values = {
        "lead": locked.lead.id, "message": one.message_id, "soft": SOFT, "proofs": PROOFS,
        "address": locked.row.address,
    }  # fmt: skip
    many = 1 + await messages.soft_bounces(hot, values)
    most = (await rt.deployment(locked.epoch)).program.workspace.soft_bounces
    return many if many >= most else 0


def _happen(
    rt: Runtime, ledger: Ledger, writes: Writes, one: Report, event: Occurred, keys: Sequence[str],
    locked: Locked,
) -> None:  # fmt: skip
    """Log the event, and what follows from it. From a soft bounce nothing does, before it is the last of too many. The
    bounce of an address that the lead has left bars that address alone."""
    row = locked.row
    about = {"enrolment_id": row.owner_id, "message_id": one.message_id}
    if one.fate == "soft":
        ledger.happen(SOFT, row.template, key=keys[0], mute=True, **about)
    if event[0] == SOFT:
        return
    happened = ledger.happen(*event, key=keys[-1], **about)
    if event[0] == BOUNCED and _before(rt, locked):
        writes.insert("suppressions", address_hash=row.address, reason=suppression.BOUNCED, at=ledger.now)
    elif event[0] == BOUNCED and suppression.bounce(ledger, happened):
        note_suppression(rt, ledger, writes)


def _withdraw(rt: Runtime, ledger: Ledger, writes: Writes, how: str, reason: str, key: str | None) -> None:
    """Unsubscribe the lead from everything. For one who has done so before nothing follows; only a stronger reason
    counts, and that it was reported is logged, so that a late repetition does not undo their coming back."""
    if not suppression.has_left(ledger.lead, None, ledger.rules.program):
        withdraw(rt, ledger, writes, None, how, reason=reason, key=key)
        return
    event = ledger.happen(*left(None, how), key=key, mute=True)
    if suppression.suppress(ledger, reason, event.seq):
        note_suppression(rt, ledger, writes, everywhere=True)


async def _settle(hot: Hot, writes: Writes, one: Report, state: str, now: datetime) -> Literal["settled", "noted", ""]:
    """Write down what the report says of the message itself. `accepted` ends in `failed` only where it was dropped.

    One that is still `sending` belongs to the call that hands it over: its state stays, and its reason says what that
    call, or the one that finds it interrupted, has to make of it.
    """
    dropped = one.fate == "dropped"
    if state in ("failed", "skipped") or (state == "accepted" and not dropped):
        return ""
    row = await messages.state_of(hot, one.message_id)
    if row is None or row.state in ("failed", "skipped") or (row.state == "accepted" and not dropped):
        return ""
    if row.state == "sending":
        if row.reason and (row.reason != TAKEN or not dropped):
            return ""
        writes.update("messages", id=one.message_id, reason=one.reason if dropped else TAKEN)
        return "noted"
    settled = ("failed", one.reason) if dropped else ("accepted", "")
    writes.update("messages", id=one.message_id, state=settled[0], reason=settled[1], settled_at=now)
    return "settled"

"""Fetches of an email's picture, links and files: each is stored and judged, and a person's becomes an event.

A click that looks like a person's is held for a few seconds while signs of a machine may still come; what is held is a
row, which any worker judges when its time has come.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import structlog

from engine.leads.mail_events import follow_locked, is_recorded, lock_recipient, log_event, open_event
from engine.rules.tracking.hits import HIDDEN, HOLD, Hit, by_itself, holds, judge
from engine.runtime.runtime import Runtime
from engine.runtime.transaction import LeadTransaction, lead_transaction
from engine.store import hits
from engine.store.leads import Locked
from engine.tracking.hits import Fetch, Followed, hit_of, note_hit, settle_hit

log = structlog.get_logger(__name__)

MANY = 100
OFF = timedelta(minutes=10)
"""How long (domain time) a held hit is left alone that could not be judged."""


async def take(rt: Runtime, what: Followed, fetch: Fetch) -> str | None:
    """Store and judge one fetch, and log the event if a person made it. The address behind a link (empty for what has
    none, and for the hidden link); None where nothing is known of it."""
    async with lead_transaction(rt, str(what.id)) as work:
        locked = await lock_recipient(work, what)
        if locked is None:
            return None
        hit = hit_of(rt, what, fetch, locked.lead.id, _handed(locked, what))
        if not await _stored(rt, locked, what):
            if what.kind == "download" and not by_itself(hit):
                await follow_locked(work, locked, what)
        elif reasons := by_itself(hit):
            note_hit(work.writes, hit, what, fetch, "machine", reasons)
            await _write(work)
        else:
            await _judge(work, locked, what, fetch, hit)
    return str(locked.row.url) if what.kind == "click" and what.link != HIDDEN else ""


async def settle_all(rt: Runtime) -> None:
    """Judge every held hit whose time has come."""
    while len(due := await hits.due(rt.db, rt.clock.now(), MANY)) > 0:
        for row in due:
            await _settle(rt, row)
        if len(due) < MANY:
            return


async def _settle(rt: Runtime, row: Any) -> None:
    """Judge one, or leave it alone for a while; one of which the lead or the email is gone goes too."""
    what = Followed(row.kind, row.message_id or row.lead_id, row.link, row.at)
    try:
        async with lead_transaction(rt, str(what.id)) as work:
            locked = await lock_recipient(work, what)
            if locked is None:
                await hits.drop(work.hot, row.id)
            elif (hit := await hits.held(work.hot, row.id)) is not None:  # else another process was here first
                await _settle_held(work, locked, what, hit, row.id)
    except Exception as problem:  # one lead's trouble must not keep the others waiting
        log.warning("sweep.hit", hit=str(row.id), kind=type(problem).__name__)
        await hits.put_off(rt.db, row.id, rt.clock.now() + OFF)


async def _settle_held(work: LeadTransaction, locked: Locked, what: Followed, hit: Hit, id: Any) -> None:
    ledger = await open_event(work, locked, what, around_hit=hits.question(hit.client, hit.at))
    others = [hits.hit_of(one) for one in work.around.hits if one["id"] != str(id)]
    reasons = judge(hit, others)
    if reasons or work.around.repeated is not None or not is_recorded(ledger, locked, what):
        settle_hit(work.writes, id, "machine" if reasons else "human", reasons, None)
        await _write(work)
        return
    event = log_event(work, what)
    settle_hit(work.writes, id, "human", (), event.seq)
    await work.commit()


async def _judge(work: LeadTransaction, locked: Locked, what: Followed, fetch: Fetch, hit: Hit) -> None:
    await open_event(work, locked, what, around_hit=hits.question(hit.client, hit.at))
    around = [hits.hit_of(one) for one in work.around.hits]
    reasons = judge(hit, around)
    if reasons:
        note_hit(work.writes, hit, what, fetch, "machine", reasons)
    elif work.around.repeated is not None:
        note_hit(work.writes, hit, what, fetch, "human")
    elif holds(hit, [one for one in around if one.lead == hit.lead], work.around.wakes):
        note_hit(work.writes, hit, what, fetch, "held", due=hit.at + HOLD)
    else:
        event = log_event(work, what)
        note_hit(work.writes, hit, what, fetch, "human", seq=event.seq)
        await work.commit()
        return
    await _write(work)


async def _stored(rt: Runtime, locked: Locked, what: Followed) -> bool:
    """Whether hits of this lead are stored at all: never without their consent to tracking."""
    program = (await rt.deployment(locked.epoch)).program
    staff = what.kind != "download" and locked.row.kind == "staff"
    return not staff and locked.lead.may_be_tracked(program)


def _handed(locked: Locked, what: Followed) -> Any:
    return None if what.kind == "download" else locked.row.handed


async def _write(work: LeadTransaction) -> None:
    """Write the hit alone: nothing has happened to the lead."""
    await work.writes.flush(work.hot)
    await work.hot.commit()

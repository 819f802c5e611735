"""Leads at which somebody must look: those whose clock has a row that is due, and those that have not seen the newest
deployment. What a due row means stands in `rules.leads.due`.
"""

from __future__ import annotations

import random
from datetime import timedelta
from uuid import UUID

import structlog

from engine.rules.leads.due import strike
from engine.runtime.runtime import Runtime
from engine.runtime.transaction import lead_transaction
from engine.store import clocks, leads

log = structlog.get_logger(__name__)

MANY = 100
OFF = timedelta(minutes=10)
"""How long (domain time) a lead is left alone whose clock could not be looked at."""


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
    due, behind = await clocks.due_leads(rt.db, rt.clock.now(), epoch, MANY)
    waiting = list(dict.fromkeys([*due, *behind]))
    random.shuffle(waiting)
    for lead_id in waiting:
        try:
            await _ring(rt, lead_id)
        except Exception as problem:  # one lead's trouble must not keep the others waiting
            log.warning("sweep.clock", lead=str(lead_id), kind=type(problem).__name__)
            await clocks.put_off(rt.db, lead_id, rt.clock.now() + OFF)
    return len(waiting)


async def _ring(rt: Runtime, lead_id: UUID) -> None:
    async with lead_transaction(rt, str(lead_id)) as work:
        locked = await leads.lock(work.hot, lead_id)
        if locked is None:
            await clocks.forget(work.hot, lead_id)
            return
        due = await clocks.take_due(work.hot, lead_id, rt.clock.now())
        if not due and locked.lead.epoch == locked.epoch:
            return  # another process was here first
        ledger = await work.open(locked)
        archive = clocks.Stored(work.hot, lead_id)
        for at, what in due:
            await strike(archive, ledger, what, at)
        await work.commit()

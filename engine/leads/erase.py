"""A lead is erased: everywhere, in one transaction, for good.

Figures stay under a random id (days, stages, sources, amounts, which emails), and nothing leads from the person to it.
A peppered hash of each address keeps it from being imported or mailed until the person comes back by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote
from uuid import UUID, uuid4

import structlog

from engine.leads.consent import hashed
from engine.leads.intake import known
from engine.rules.leads.composite import ACTIVE
from engine.rules.sales import ladder
from engine.rules.sales.ladder import State
from engine.rules.sales.tray import Tray
from engine.runtime.runtime import Runtime
from engine.runtime.transaction import LeadTransaction, lead_transaction
from engine.store import erasure, handoffs, joins, leads
from engine.store.writes import Writes

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Erased:
    """`records`: how many records of the person there were, merged ones included. `figures`: the id under which stands
    what is counted."""

    records: int
    figures: UUID


async def erase(rt: Runtime, lead_id: UUID, author: str = "") -> Erased | None:
    """Erase the lead with everything that is known of them; None if there is none. Raises NothingDeployed.

    A run that is under way ends; an email that is being sent at this moment leaves, and its row says no more whose.
    """
    async with lead_transaction(rt, str(lead_id)) as work:
        await joins.take_turn(work.hot)
        locked = await leads.lock(work.hot, lead_id)
        if locked is None or locked.lead.email is None:
            return None
        deployment, now = await rt.deployment(locked.epoch), rt.clock.now()
        records = await erasure.records(work.hot, locked.lead.id)
        keys = [key for _, key in records if key]
        done = Erased(len(records), uuid4())
        await _close(work, locked.lead.id, now)
        await erasure.carry_out(
            work.hot, locked.lead.id, done.figures, [id for id, _ in records], _said(keys),
            sorted({*(hashed(rt, key) for key in keys), *locked.lead.former}), deployment.program.workspace.timezone,
            now, rt.clock.real(), ACTIVE,
        )  # fmt: skip
        await work.hot.commit()
    log.info("lead.erased", figures=str(done.figures), by=author)
    for key in keys:
        await _look_again(rt, key, author)
    return done


async def _close(work: LeadTransaction, lead: UUID, now: datetime) -> None:
    """An open handoff ends, and nobody is told of it any more."""
    if (found := await erasure.open_handoff(work.hot, lead)) is not None:
        kept = dict(found.state)
        kept.pop("mail", None)
        state, writes = ladder.erased(State.model_validate(kept), now), Writes()
        writes.update("handoffs", id=found.id, due_at=None, **handoffs.columns(state, Tray()))
        await writes.flush(work.hot)


async def _look_again(rt: Runtime, key: str, author: str) -> None:
    """Whoever waited for the lead at that moment, to take in a post or a row of an import, has made a new one of them
    that knows nothing of the erasure. Any later one does."""
    async with lead_transaction(rt, key) as work:
        locked = await known(work, key, key)
        raced = not locked.row.created and locked.lead.suppressed is None
    if raced:
        await erase(rt, locked.lead.id, author)


def _said(keys: list[str]) -> list[str]:
    """How an address may stand in a link, in lower case."""
    return sorted({form.casefold() for key in keys for form in (key, quote(key), quote(key, safe=""))})

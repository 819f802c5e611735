"""What changed here is written to the CRM: the newest state of each lead, by one writer, as often as it takes.

A lead's external id there is ours, so writing the same again makes no second record, and a process that dies between
the CRM's answer and its own commit leaves nothing to repair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog

from dsl.plan import Crm, Program
from engine.crm.choose import ports
from engine.model.crm import Closed, CrmPort, Wanted, Written
from engine.rules.crm.mapping import stages_from, to_write, values_for
from engine.runtime.runtime import Runtime
from engine.store import crm as store
from engine.store import gates
from engine.store.leads import locked_of

log = structlog.get_logger(__name__)

BATCH = 100
LEASE = timedelta(seconds=60)
"""How long a claimed change belongs to the process that claimed it."""
SHORTEST, LONGEST = timedelta(seconds=5), timedelta(hours=1)
"""Pauses between attempts: the first, then doubling up to the last."""
SHUT_FOR = timedelta(minutes=1)
"""How long nothing is tried after a CRM has refused everything without saying until when."""


@dataclass(frozen=True)
class _Due:
    """A claimed change and the lead as the CRM should have it."""

    bump: int
    attempts: int
    wanted: Wanted
    seen: dict[str, Any]


def gate_of(crm: Crm) -> str:
    """The name of the CRM's gate beside those of the mail providers."""
    return f"crm {crm.name}"


async def push_all(rt: Runtime) -> None:
    """Write everything that is due, to every CRM that is reached and open."""
    deployment = await rt.catalog.refresh()
    if deployment is None or not deployment.program.crms:
        return
    reached = await ports(rt, deployment.program)
    for crm in deployment.program.crms:
        port = reached.get(crm.name)
        if port is None or await gates.closed(rt.db, rt.clock.real(), gate_of(crm)):
            continue
        while await _push(rt, deployment.program, crm, port):
            pass


async def _push(rt: Runtime, program: Program, crm: Crm, port: CrmPort) -> bool:
    """Write one batch; whether there may be more."""
    now = rt.clock.real()
    async with rt.db.hot() as hot:
        claimed = await store.claim(hot, crm.name, BATCH, now, now + LEASE)
        await hot.commit()
    if not claimed:
        return False
    due = await _prepare(rt, program, crm, claimed)
    if not due:
        return True
    try:
        answers = await port.write([one.wanted for one in due])
    except Closed as closed:
        await _shut(rt, crm, due, closed)
        return False
    await _settle(rt, crm, due, answers)
    return True


async def _prepare(rt: Runtime, program: Program, crm: Crm, claimed: Sequence[Any]) -> list[_Due]:
    """The leads that must be written; what the CRM has already, or is not to have, is done."""
    stages, now = sorted(stages_from(program, crm)), rt.clock.real()
    bumps = {row.lead_id: row for row in claimed}
    due: list[_Due] = []
    async with rt.db.hot() as hot:
        rows = await store.leads_for(hot, crm.name, list(bumps), stages)
        for row in rows:
            found, mark = locked_of(row), bumps.pop(row.id)
            wanted = {} if found is None else values_for(crm, found.lead)
            told = found is not None and (row.reached or found.lead.stage in stages or row.remote_id is not None)
            if found is None or row.merged_into is not None or not found.lead.email or not told:
                await store.done(hot, crm.name, row.id, mark.bump, now)
                continue
            seen = dict(row.seen or {})
            news = to_write(wanted, seen) | dict.fromkeys(_emptied(crm, wanted, seen))
            if row.remote_id is not None and not news and seen.get("") == found.lead.email:
                await store.done(hot, crm.name, row.id, mark.bump, now)
                continue
            remote = Wanted(row.id, found.lead.email, news if row.remote_id else wanted, row.remote_id)
            due.append(_Due(mark.bump, mark.attempts, remote, {**wanted, "": found.lead.email}))
        for lead, mark in bumps.items():  # erased meanwhile
            await store.done(hot, crm.name, lead, mark.bump, now)
        await hot.commit()
    return due


def _emptied(crm: Crm, wanted: dict[str, Any], seen: dict[str, Any]) -> list[str]:
    """Fields that we sent before and that have no value here any more."""
    ours = {sent.to for sent in crm.sends}
    return [name for name, value in seen.items() if name in ours and name not in wanted and value not in (None, "")]


async def _settle(rt: Runtime, crm: Crm, due: Sequence[_Due], answers: Sequence[Written]) -> None:
    now = rt.clock.real()
    async with rt.db.hot() as hot:
        for one, answer in zip(due, answers, strict=True):
            lead = one.wanted.lead
            match answer.state:
                case "written":
                    assert answer.remote is not None
                    seen = one.seen | {name: None for name, value in one.wanted.values.items() if value is None}
                    await store.link(hot, crm.name, lead, answer.remote, seen, rt.clock.now())
                    await store.done(hot, crm.name, lead, one.bump, now)
                case "gone":  # match anew, and write once more
                    await store.unlink(hot, crm.name, lead)
                    await store.release(hot, crm.name, lead, one.bump, now, counted=True)
                case "refused":
                    await store.release(hot, crm.name, lead, one.bump, now, counted=True, reason=answer.reason)
                    log.warning("crm.refused", crm=crm.name, lead=str(lead), reason=answer.reason)
                case "retry":
                    later = now + min(SHORTEST * 2 ** min(one.attempts - 1, 12), LONGEST)
                    await store.release(hot, crm.name, lead, one.bump, later, counted=True)
        await hot.commit()


async def _shut(rt: Runtime, crm: Crm, due: Sequence[_Due], closed: Closed) -> None:
    """Nothing is tried for a while; no lead's attempt is used up."""
    now = rt.clock.real()
    until = closed.until or now + SHUT_FOR
    await gates.close(rt.db, gate_of(crm), closed.reason, until, now)
    async with rt.db.hot() as hot:
        for one in due:
            await store.release(hot, crm.name, one.wanted.lead, one.bump, until, counted=False)
        await hot.commit()
    log.warning("crm.closed", crm=crm.name, reason=closed.reason, until=until.isoformat())

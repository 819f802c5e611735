"""A report about a deal, taken in at each of the deal's leads: one transaction per lead, the first one books it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from engine.deals.booking import Booked, book
from engine.leads.intake import Taken, known
from engine.platform.tokens import email_key
from engine.rules.deals.report import DealReport
from engine.runtime.runtime import Runtime
from engine.runtime.transaction import LeadTransaction, lead_transaction
from engine.store import deals, leads
from engine.store.leads import Locked
from engine.tracking.paths import made_known_by, note_conversion, note_origin, path_for, source_of_event


async def record(rt: Runtime, report: DealReport) -> Taken:
    """Book the report, and log it at the leads it names and at those that the deal has already.

    After a failure in between the same report reaches the leads that are missing. Raises BadReport.
    """
    addresses = {email_key(one): one for one in report.emails}
    taken: Taken = "repeated"
    booked: Booked | None = None
    reached: set[UUID] = set()
    for key, address in addresses.items():
        async with lead_transaction(rt, key) as work:
            locked = await known(work, address, key)
            booked = await _book(work, locked, report, tuple(addresses), booked)
            if booked is None:
                return "repeated"
            reached.add(locked.lead.id)
            if await _log(work, locked, report, booked):
                taken = "recorded"
    for lead in booked.leads if booked is not None else ():
        if lead in reached:
            continue
        async with lead_transaction(rt, str(lead)) as work:
            found = await leads.lock(work.hot, lead)
            if found is not None and booked is not None and await _log(work, found, report, booked):
                taken = "recorded"
    return taken


async def _book(
    work: LeadTransaction, locked: Locked, report: DealReport, keys: tuple[str, ...], before: Booked | None
) -> Booked | None:  # fmt: skip
    workspace = (await work.rt.deployment(locked.epoch)).program.workspace
    others = await deals.leads_with(work.hot, keys)
    number, now = before.number if before else None, work.rt.clock.now()
    return await book(work.hot, work.writes, report, locked.lead.id, others, workspace, now, number)


async def _log(work: LeadTransaction, locked: Locked, report: DealReport, booked: Booked) -> bool:
    """Whether the lead's log had it not yet."""
    type, key = booked.logged, f"deal:{report.id}:{booked.number}"
    keys = [key, *([f"api:{report.key}"] if report.key else [])]
    data: dict[str, Any] = dict(report.data)
    ledger = await work.open(locked, (type, report.name, data), keys=keys)
    if work.around.repeated is not None:
        if work.writes:
            await work.commit()
        return False
    ledger.rate()
    new = bool(getattr(locked.row, "created", False))
    path = await path_for(work.hot, locked.lead.id, None, source_of_event(type, report.source), new=new)
    if new:
        note_origin(ledger, path, ledger.now, made_known_by(type, report.name))
    event = ledger.happen(type, report.name, data, key=key)
    note_conversion(ledger, work.writes, event, path, event.happened_at)
    await work.commit()
    return True

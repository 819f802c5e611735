"""What changed in the CRM comes back: fields, the fate of handoffs, deals. What is read is compared with what was last
known to stand there, so our own writes change nothing, however often they come back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID

import structlog

from dsl.plan import Crm, Program
from engine.crm.choose import ports
from engine.crm.push import SHUT_FOR, gate_of
from engine.leads.address import Taken, change_address
from engine.leads.deals import record as record_deal
from engine.leads.external_changes import note
from engine.leads.intake import known
from engine.model.crm import Closed, CrmPort, RemoteDeal, RemoteLead, Values
from engine.model.lead import Lead
from engine.platform.tokens import email_key
from engine.rules.crm.mapping import Incoming, deal_event, judge, to_write
from engine.rules.deals.report import BadReport, read_report
from engine.runtime.runtime import Runtime
from engine.runtime.transaction import lead_transaction
from engine.sales import handoffs
from engine.store import crm as store
from engine.store import gates, leads
from engine.store.db import Hot
from engine.store.handoffs import open_of

log = structlog.get_logger(__name__)

HOOKS = 100
IGNORED = ("unknown", "left", "closed", "done before", "taken", "no member")
"""What an act on a handoff answers when it has changed nothing."""
Outcome = Literal["taken", "unchanged", "unknown", "refused"]
"""What came of a record: something changed here, nothing did, nobody here is meant, or its address cannot be one."""


async def poll_all(rt: Runtime) -> None:
    """Ask every CRM that can be asked what has changed, and read anew what its hooks have named."""
    deployment = await rt.catalog.refresh()
    if deployment is None or not deployment.program.crms:
        return
    reached = await ports(rt, deployment.program)
    for crm in deployment.program.crms:
        port = reached.get(crm.name)
        if port is None or not port.polls or await gates.closed(rt.db, rt.clock.real(), gate_of(crm)):
            continue
        try:
            await _hooks(rt, deployment.program, crm, port)
            await read_on(rt, deployment.program, crm, port)
        except Closed as closed:
            now = rt.clock.real()
            await gates.close(rt.db, gate_of(crm), closed.reason, closed.until or now + SHUT_FOR, now)
            log.warning("crm.closed", crm=crm.name, reason=closed.reason)


async def read_on(
    rt: Runtime, program: Program, crm: Crm, port: CrmPort, *, everything: bool = False,
    told: Callable[[Outcome], None] = lambda _: None,
) -> None:  # fmt: skip
    """Read from where the last look ended. `everything`: records that nobody here is meant by become leads, quietly;
    it has a cursor of its own, so that it goes on where it was interrupted."""
    system = f"{crm.name} (all)" if everything else crm.name
    names = crm.read_names()
    while True:
        async with rt.db.hot() as hot:
            cursor = await store.cursor(hot, system)
        page = await port.changed(names, cursor)
        for record in page.records:
            told(await take_in(rt, program, crm, record, make=everything))
        async with rt.db.hot() as hot:
            await store.set_cursor(hot, system, page.cursor, rt.clock.real())
            await hot.commit()
        if not page.more:
            return


async def _hooks(rt: Runtime, program: Program, crm: Crm, port: CrmPort) -> None:
    async with rt.db.hot() as hot:
        waiting = await store.open_hooks(hot, crm.name, HOOKS)
    for remote in dict.fromkeys(hook.remote_id for hook in waiting):
        record = await port.read(crm.read_names(), remote)
        if record is not None:
            await take_in(rt, program, crm, record)
    if waiting:
        async with rt.db.hot() as hot:
            await store.finish_hooks(hot, crm.name, [hook.key for hook in waiting], rt.clock.now())
            await hot.commit()


async def take_in(rt: Runtime, program: Program, crm: Crm, record: RemoteLead, *, make: bool = False) -> Outcome:
    """Take over what a record says, field by field. `make`: if nobody here is meant, it becomes a lead, for which no
    campaign starts. Safe to repeat."""
    key = _key(record.email)
    async with rt.db.hot() as hot:
        row = await store.found(hot, crm.name, [record.id, *record.former], record.lead, key)
    if row is None and not make:
        return "unknown"
    if row is None and key is None:
        return "refused"
    incoming, lead = await _fields(rt, program, crm, record, row.lead_id if row is not None else None)
    if lead is None:
        return "unknown"
    if key is not None and key != _key(lead.email):
        await _moved(rt, crm, lead.id, str(record.email))
    acted = await _handoff(rt, program, lead, incoming)
    dealt = [await _deal(rt, crm, lead, deal) for deal in record.deals]
    return "taken" if incoming.fields or acted or any(dealt) or row is None else "unchanged"


def _key(email: str | None) -> str | None:
    try:
        return email_key(email) if email else None
    except ValueError:
        return None


async def _moved(rt: Runtime, crm: Crm, lead: UUID, email: str) -> None:
    """The address there is the lead's address, unless another lead has it."""
    try:
        await change_address(rt, lead, email, "crm", crm.name)
    except Taken as taken:
        async with rt.db.hot() as hot:
            await store.attend(
                hot, crm.name, lead, f"its address in the CRM is that of lead {taken.lead}; merge the two"
            )
            await hot.commit()


async def _fields(
    rt: Runtime, program: Program, crm: Crm, record: RemoteLead, id: UUID | None
) -> tuple[Incoming, Lead | None]:  # fmt: skip
    """One transaction: what is news is logged, and what stands there now is noted beside the link."""
    turn = str(id) if id is not None else _key(record.email) or record.id
    async with lead_transaction(rt, turn) as work:
        if id is not None:
            locked = await leads.lock(work.hot, id)
        else:
            locked = await known(work, str(record.email), _key(record.email) or "")
        if locked is None or locked.lead.email is None:
            return Incoming(), None
        row = await store.found(work.hot, crm.name, [record.id, *record.former], locked.lead.id, None)
        seen = dict(row.seen or {}) if row is not None else {}
        pending = await store.pending(work.hot, crm.name, locked.lead.id)
        ledger = await work.open(locked)
        incoming = judge(crm, program, ledger.lead, record, seen, pending)
        ledger.quiet = id is None
        if incoming.fields:
            note(ledger, cast(Any, incoming.fields), (), ())
        if incoming.lost:
            lost = {name: str(value) for name, value in incoming.lost.items()}
            ledger.happen("lead.told", crm.name, {"lost": lost}, mute=True)
        ledger.quiet = False
        await _note_link(work.hot, rt, crm, record, ledger.lead.id, seen, incoming)
        if incoming.fields or incoming.lost or id is None:
            await work.commit()
        else:
            await work.hot.commit()
        return replace(incoming), ledger.lead


async def _note_link(
    hot: Hot, rt: Runtime, crm: Crm, record: RemoteLead, lead: UUID, seen: Values, incoming: Incoming
) -> None:  # fmt: skip
    """What stands there now, and whether a person must look; nothing if that is known."""
    there = {**record.values, "": record.email} if record.email else dict(record.values)
    if not to_write(there, seen) and seen:
        return
    await store.link(hot, crm.name, lead, record.id, there, rt.clock.now(), record.at)
    refused = ", ".join(incoming.refused)
    why = f"the CRM's value of {refused} does not fit the field it is read into" if refused else None
    await store.attend(hot, crm.name, lead, why)


async def _handoff(rt: Runtime, program: Program, lead: Lead, incoming: Incoming) -> bool:
    """Do to the lead's open handoff what the CRM says; for whoever has it, or for the first of its team. Another owner
    there has the handoff too, if they are in a team."""
    owner = incoming.fields.get("owner")
    if incoming.act is None and owner is None:
        return False
    async with rt.db.hot() as hot:
        handoff = await open_of(hot, lead.id)
    seen = await handoffs.view(rt, handoff) if handoff is not None else None
    if handoff is None or seen is None:
        return False
    team = next((one for one in program.teams if one.name == seen.team), None)
    by = seen.member or (team.members[0].email if team is not None and team.members else "")
    if owner and by and str(owner).casefold() != by.casefold():
        given = await handoffs.reassign(rt, handoff, by, str(owner))
        by = str(owner) if given not in IGNORED else by
    if incoming.act is None or not by:
        return False
    reason = incoming.reason or "no reason given" if incoming.act == "reject" else None
    done = await handoffs.act(rt, handoff, incoming.act, by, reason)
    return done not in IGNORED


async def _deal(rt: Runtime, crm: Crm, lead: Lead, deal: RemoteDeal) -> bool:
    type = deal_event(crm, deal)
    data = {"id": f"{crm.name}:{deal.id}", "pipeline_stage": deal.stage}
    if deal.currency:
        data["currency"] = deal.currency
    key = f"crm:{crm.name}:{deal.id}:{deal.stage}:{deal.amount or ''}:{deal.currency or ''}"
    try:
        report = read_report(
            type, "", data, deal.amount, (str(lead.email),), whole=False, key=key, at=_past(deal.at, rt.clock.now())
        )  # fmt: skip
        return await record_deal(rt, report) == "recorded"
    except BadReport as bad:
        async with rt.db.hot() as hot:
            await store.attend(hot, crm.name, lead.id, f"deal {deal.id}: {bad}")
            await hot.commit()
        return False


def _past(at: datetime | None, now: datetime) -> datetime | None:
    """Clocks that differ by minutes do not put a deal into the future."""
    return at if at is None or at <= now else now

"""What a person learns about themselves: they ask on the page behind an email of theirs, and a link comes by email.

The page they ask on shows nothing of them, since emails are forwarded; the link proves the mailbox once more.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text

from engine.leads import own_address
from engine.leads.confirmations import keys_of, may_ask
from engine.leads.profile import profile
from engine.model.lead import MOVED_TO, Lead
from engine.model.ports import Mail
from engine.rules.leads.suppression import BOUNCED, COMPLAINED
from engine.runtime.catalog import Deployment
from engine.runtime.runtime import Runtime
from engine.store import leads, requests
from engine.wording.data_request import VALID, email

log = structlog.get_logger(__name__)

PURPOSE = "data"
ONCE_IN = timedelta(days=1)
"""One email in this time, however often somebody asks."""
KEPT = timedelta(days=365)
SECOND = timedelta(seconds=1)
"""Links name whole seconds."""
MANY = 20
"""Emails in a turn of the job."""

_MOVED = text("""
SELECT EXISTS (SELECT FROM events WHERE lead_id = lead_now(:lead) AND type = :type AND at >= :at)""")
_MORE = text("""
SELECT
    coalesce((SELECT jsonb_agg(jsonb_build_object('at', at, 'type', type, 'name', name, 'data', data) ORDER BY seq)
        FROM events WHERE lead_id = :lead), '[]') AS events,
    coalesce((SELECT jsonb_agg(jsonb_build_object('at', at, 'subject', subject, 'template', template, 'state', state)
        ORDER BY at) FROM messages WHERE lead_id = :lead AND kind IN ('marketing', 'transactional')), '[]') AS emails,
    coalesce((SELECT jsonb_agg(jsonb_build_object('begun', begun, 'last_at', last_at, 'landing', landing,
        'pages', pages) ORDER BY begun) FROM sessions WHERE lead_id = :lead), '[]') AS visits,
    coalesce((SELECT jsonb_agg(jsonb_build_object('at', at, 'stage', stage) ORDER BY seq)
        FROM stages WHERE lead_id = :lead), '[]') AS stages,
    coalesce((SELECT jsonb_agg(jsonb_build_object('opened_at', opened_at, 'team', team, 'outcome', outcome,
        'note', note) ORDER BY opened_at) FROM handoffs WHERE lead_id = :lead), '[]') AS handoffs,
    coalesce((SELECT jsonb_agg(jsonb_build_object('id', id, 'status', status, 'amount', amount, 'currency', currency))
        FROM deals WHERE leads @> ARRAY[CAST(:lead AS uuid)]), '[]') AS deals""")


async def ask(rt: Runtime, lead: UUID, client: str) -> None:
    """Somebody behind one of the lead's emails wants to know: the link is sent to the lead's own address, soon, once in
    ONCE_IN and within the budgets of confirmation emails. `client`: who asks."""
    now = rt.clock.now()
    async with rt.db.hot() as hot:
        found = await leads.lock(hot, lead)
        if found is None or found.lead.email is None:
            return
        keys = keys_of(rt, found.lead.email, client)
        made = await requests.count_made(hot, found.lead.id, keys["identity"], now - ONCE_IN)
        if not made.data and await may_ask(rt, hot, keys):
            await requests.note(hot, found.lead.id, None, now, keys)
        await hot.commit()


async def everything(rt: Runtime, lead: UUID) -> dict[str, Any] | None:
    """All that is stored about the lead, in plain values; None if there is no such lead, or no longer."""
    found = await profile(rt.db, str(lead))
    if found is None:
        return None
    async with rt.db.engine.connect() as connection:
        more = (await connection.execute(_MORE, {"lead": UUID(str(found["id"]))})).mappings().one()
    return {**found, **more}


def token(rt: Runtime, lead: UUID, at: datetime) -> str:
    return rt.tokens.sign(PURPOSE, str(lead), str(int((at + VALID).timestamp())))


def still_valid(until: str, now: datetime) -> bool:
    return until.isdigit() and len(until) < 12 and now.timestamp() <= int(until)


async def shows(rt: Runtime, lead: UUID, until: str) -> bool:
    """Whether a link for the lead still shows anything: its time is not over, and they have not moved to another
    address since it was sent, for it may lie in a mailbox that is not theirs any more."""
    return still_valid(until, rt.clock.now()) and not await moved_since(rt, lead, until)


async def moved_since(rt: Runtime, lead: UUID, until: str) -> bool:
    """Whether the lead's address was changed after a link was made that is valid `until` then."""
    made = datetime.fromtimestamp(int(until), UTC) - VALID
    async with rt.db.engine.connect() as connection:
        found = await connection.execute(_MOVED, {"lead": lead, "type": MOVED_TO, "at": made + SECOND})
    return bool(found.scalar_one())


async def answer(rt: Runtime) -> None:
    """The job: send what was asked for. An email whose sending broke off may have left, and is not sent again."""
    if rt.mailer is None or (deployment := await rt.catalog.refresh()) is None:
        return
    for _ in range(MANY):
        if (claimed := await requests.claim(rt.db)) is None:
            break
        (request, lead, address), state = claimed, "failed"
        async with rt.db.hot() as hot:
            found = await leads.lock(hot, lead)
        if found is not None and found.lead.email and await _may_be_written_to(rt, found.lead, address):
            mail = own_address.mail(rt, deployment, found.lead, address, request) if address else None
            receipt = await rt.mailer.send(mail or _mail(rt, deployment, found.lead, request))
            again = receipt.state in ("retry", "closed")
            state = "asked" if again else "failed" if receipt.state == "refused" else "sent"
            log.info("data_request.answered", request=str(request), state=receipt.state)
        await requests.settle(rt.db, request, state)
        if state == "asked":
            return
    await requests.forget(rt.db, rt.clock.now() - KEPT)


async def _may_be_written_to(rt: Runtime, lead: Lead, address: str | None) -> bool:
    if address:
        return await own_address.may_write(rt, address)
    return lead.suppressed not in (BOUNCED, COMPLAINED)


def _mail(rt: Runtime, deployment: Deployment, lead: Lead, request: UUID) -> Mail:
    workspace = deployment.program.workspace
    language = lead.language(deployment.program)
    link = f"{rt.settings.base_url}/me/{token(rt, lead.id, rt.clock.now())}"
    subject, html, plain = email(language, workspace.name, link)
    return Mail(request, lead.email or "", workspace.sender, subject, html, plain, category="data request")

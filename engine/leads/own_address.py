"""A person wants to be written to at another address: the link that changes it comes to that address, so that only who
reads it there can give it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from engine.leads.confirmations import SPAN, keys_of, may_ask
from engine.leads.consent import hashed
from engine.model.lead import Lead
from engine.model.ports import Mail
from engine.platform.tokens import email_key
from engine.rules.leads.suppression import BOUNCED, COMPLAINED
from engine.runtime.catalog import Deployment
from engine.runtime.runtime import Runtime
from engine.store import addresses, leads, requests
from engine.wording.data_request import VALID, address_email

PURPOSE = "address"
MOST = 3
"""Emails in a day for one person, whatever addresses they name, and to one mailbox, whoever names it."""
LONGEST = 254
"""Characters of an address (RFC 5321)."""


async def ask(rt: Runtime, lead: UUID, email: str, client: str) -> None:
    """The person behind the page of their data names another address. Raises ValueError for what is not one.

    Over a limit nothing is sent: MOST in a day, and the budgets of confirmation emails. `client`: who asks."""
    address, now = email.strip(), rt.clock.now()
    email_key(address)
    if len(address.encode()) > LONGEST:
        raise ValueError("not one plain e-mail address")
    async with rt.db.hot() as hot:
        found = await leads.lock(hot, lead)
        if found is None:
            return
        keys = keys_of(rt, address, client)
        made = await requests.count_made(hot, found.lead.id, keys["identity"], now - SPAN)
        if max(made.addresses, made.mailbox) < MOST and await may_ask(rt, hot, keys):
            await requests.note(hot, found.lead.id, address, now, keys)
        await hot.commit()


def token(rt: Runtime, lead: UUID, address: str, at: datetime) -> str:
    return rt.tokens.sign(PURPOSE, str(lead), str(int((at + VALID).timestamp())), address)


async def theirs(rt: Runtime, lead: UUID, address: str) -> bool:
    """Whether the lead is written to at this address already."""
    row = await leads.as_of_now(rt.db, lead)
    return row is not None and row.email is not None and email_key(row.email) == email_key(address)


async def may_write(rt: Runtime, address: str) -> bool:
    """Whether nothing bars the address: one that bounced or complained gets no email, not even this one."""
    async with rt.db.hot() as hot:
        barred = await addresses.barred(hot, hashed(rt, email_key(address)))
    return barred not in (BOUNCED, COMPLAINED)


def mail(rt: Runtime, deployment: Deployment, lead: Lead, address: str, request: UUID) -> Mail:
    workspace = deployment.program.workspace
    link = f"{rt.settings.base_url}/address/{token(rt, lead.id, address, rt.clock.now())}"
    subject, html, plain = address_email(lead.language(deployment.program), workspace.name, link)
    return Mail(request, address, workspace.sender, subject, html, plain, category="address change")

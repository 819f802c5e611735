"""How many confirmation emails may be asked for: anybody can post anybody's address, and each such email reaches them.

Counted in PostgreSQL over the last 24 hours, so that several web processes share one budget, together with the emails
that people ask for on the page of their own data. A post over a budget is stored and answered like any other; only its
email is not sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Literal, get_args

from prometheus_client import Counter

from engine.leads.consent import hashed
from engine.platform.tokens import email_key
from engine.rules.conditions.free_mail import FREE_MAIL_DOMAINS
from engine.runtime.runtime import Runtime
from engine.runtime.transaction import LeadTransaction
from engine.store import confirmations
from engine.store.db import Hot

SPAN = timedelta(hours=24)
KEPT = timedelta(days=7)
AGAIN_AFTER = timedelta(minutes=1)
"""How long a person waits before they can ask for the email again."""
PER_ADDRESS, PER_ADDRESS_ASKED = 1, 3
"""Emails to one address; the second number counts while the person asks again on the page."""
PER_IDENTITY = 5
"""To one mailbox, however it is written: with other tags, dots, or capitals."""
PER_DOMAIN, PER_NETWORK = 200, 60
"""To one company's domain, from one client's network. The domains of mailbox providers have no limit of their own."""

Outcome = Literal["sent", "address", "identity", "domain", "network", "all"]
ASKED = Counter(
    "coldframe_confirmations_total",
    "Emails asked for, to confirm a form or about own data: sent, or which budget was spent",
    ["outcome"],
)
for _outcome in get_args(Outcome):
    ASKED.labels(_outcome)  # a series that begins with 1 has no increase, and its alert would stay silent


async def spend(work: LeadTransaction, client: str, *, asked_again: bool = False) -> Outcome:
    """Whether one more confirmation email may go to the lead of this transaction; `sent` is also booked, for the event
    that is logged next. `client`: the address of whoever asks, empty if it is not known."""
    rt, now = work.rt, work.rt.clock.now()
    assert work.ledger.lead.email is not None
    values = keys_of(rt, work.ledger.lead.email, client)
    row = await confirmations.count(work.hot, values, now - SPAN)
    outcome = _judge(row, values, rt.settings.confirmations_per_day, now if asked_again else None)
    if outcome == "sent":
        seq = work.ledger.lead.seq + 1
        work.writes.insert("confirmations", lead_id=work.ledger.lead.id, seq=seq, at=now, **values)
    ASKED.labels(outcome).inc()
    return outcome


async def may_ask(rt: Runtime, hot: Hot, values: Mapping[str, str]) -> bool:
    """Whether the budgets allow an email that a person asks for about their own data, and count what became of it.
    `values`: `keys_of` the address it goes to. The address itself has a limit of its own there."""
    row = await confirmations.count(hot, values, rt.clock.now() - SPAN)
    outcome = _judge_budgets(row, values, rt.settings.confirmations_per_day)
    ASKED.labels(outcome).inc()
    return outcome == "sent"


async def forget(rt: Runtime) -> None:
    """Remove what no budget counts any more."""
    await confirmations.forget(rt.db, rt.clock.now() - KEPT)


def identity_of(key: str) -> str:
    """The mailbox behind an `email_key`, for the limit alone: providers ignore tags, dots, and capitals."""
    local, _, domain = key.rpartition("@")
    return f"{local.partition('+')[0].replace('.', '').casefold() or local}@{domain}"


def network_of(client: str) -> str:
    """What counts as one client: an IPv4 address, or the /64 that one IPv6 subscriber holds. Empty: not known."""
    try:
        found = ip_address(client)
    except ValueError:
        return ""
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or ip_network((found, 64), strict=False).network_address)
    return str(found)


def keys_of(rt: Runtime, email: str, client: str) -> dict[str, str]:
    """What an email to that address counts for, each as a peppered hash; empty where there is no budget."""
    key, network = email_key(email), network_of(client)
    domain = key.rpartition("@")[2]
    return {
        "address": hashed(rt, key),
        "identity": hashed(rt, f"mailbox {identity_of(key)}"),
        "domain": "" if domain in FREE_MAIL_DOMAINS else hashed(rt, f"domain {domain}"),
        "network": hashed(rt, f"network {network}") if network else "",
    }


def _judge(row: Any, values: Mapping[str, str], in_all: int, asking: datetime | None) -> Outcome:
    """`asking`: now, if the person asks again on the page."""
    most = PER_ADDRESS if asking is None else PER_ADDRESS_ASKED
    if row.address >= most or (asking is not None and row.last is not None and asking - row.last < AGAIN_AFTER):
        return "address"
    return _judge_budgets(row, values, in_all)


def _judge_budgets(row: Any, values: Mapping[str, str], in_all: int) -> Outcome:
    if row.identity >= PER_IDENTITY:
        return "identity"
    if values["domain"] and row.domain >= PER_DOMAIN:
        return "domain"
    if values["network"] and row.network >= PER_NETWORK:
        return "network"
    return "all" if row.all >= in_all else "sent"

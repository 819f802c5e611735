"""Deals as rows: the lock on one, the facts it is made of, and what is written with a new one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from engine.rules.deals.history import Deal, Fact
from engine.store.db import Hot
from engine.store.marks import mark_deal
from engine.store.writes import Writes

_LOCK = """INSERT INTO deals (id) VALUES (%(id)s) ON CONFLICT (id) DO UPDATE SET id = excluded.id
    RETURNING id, facts, rate::text AS rate"""
_FACTS = """SELECT number, key, digest, type, logged, stage, pipeline, amount, currency, closes_on::text AS closes_on,
    owner, leads, whole, dated, happened_at FROM deal_events WHERE deal_id = %(id)s ORDER BY number"""
_LEADS = "SELECT lead_now(id) AS id, email_key FROM leads WHERE email_key = ANY(%(keys)s)"
_RATE = """SELECT rate::text AS rate FROM rates WHERE currency = %(currency)s AND day <= %(day)s
    ORDER BY day DESC LIMIT 1"""


async def lock(hot: Hot, id: str) -> tuple[Any, list[Any]]:
    """The deal's row under its lock, made when it is new, and the rows of its facts in their order of arrival."""
    row = await hot.one(_LOCK, {"id": id})
    return row, await hot.all(_FACTS, {"id": id})


async def rate_on(hot: Hot, currency: str, day: date) -> Decimal | None:
    """What one unit of the currency was worth on that day; None if no rate is known that reaches back so far."""
    found = await hot.one(_RATE, {"currency": currency, "day": day})
    return Decimal(found.rate) if found is not None else None


async def leads_with(hot: Hot, keys: Sequence[str]) -> tuple[UUID, ...]:
    """The ids of the leads with these addresses that are known already, in the order of the addresses."""
    found = {one.email_key: one.id for one in await hot.all(_LEADS, {"keys": list(keys)})}
    return tuple(dict.fromkeys(found[key] for key in keys if key in found))


def fact_from(row: Any) -> Fact:
    return Fact(
        row.number, row.type, row.happened_at, row.stage, row.pipeline, row.amount, row.currency, row.closes_on,
        row.owner, tuple(row.leads), row.whole, row.dated,
    )  # fmt: skip


def insert_fact(writes: Writes, id: str, fact: Fact, key: str, digest: str, logged: str, now: datetime) -> None:
    writes.insert(
        "deal_events", deal_id=id, number=fact.number, key=key, digest=digest, type=fact.type, logged=logged,
        stage=fact.stage, pipeline=fact.pipeline, amount=fact.amount, currency=fact.currency, closes_on=fact.closes_on,
        owner=fact.owner, leads=fact.leads, whole=fact.whole, dated=fact.dated, happened_at=fact.happened_at, at=now,
    )  # fmt: skip


def add_lead(writes: Writes, id: str, number: int, leads: Sequence[UUID]) -> None:
    writes.update("deal_events", deal_id=id, number=number, leads=leads)


def update_deal(writes: Writes, id: str, deal: Deal, facts: int, rate: Decimal | None, now: datetime) -> None:
    mark_deal(writes, id, now)
    writes.update(
        "deals", id=id, status=deal.status, stage=deal.stage, pipeline=deal.pipeline, amount=deal.amount,
        currency=deal.currency, refunded=deal.refunded, rate=None if rate is None else str(rate),
        closes_on=deal.closes_on, owner=deal.owner, leads=deal.leads, facts=facts, opened_at=deal.opened_at,
        closed_at=deal.closed_at,
    )  # fmt: skip

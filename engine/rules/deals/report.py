"""What a system says of a deal, read from the data of an event. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from engine.rules.deals.history import DealType, Fact
from engine.rules.deals.money import BadMoney, currency_of, minor_units
from engine.rules.tracking.classify import Source

MOST_LEADS = 50
"""Leads of one deal."""


class BadReport(ValueError):
    """`member` of the event is wrong; the text says why, in a sentence."""

    def __init__(self, member: str, message: str) -> None:
        super().__init__(message)
        self.member = member


@dataclass(frozen=True)
class DealReport:
    """One event about deal `id`. `data` goes into the leads' logs. `key` is the sender's own, `at` what it said.

    `emails` are leads of the deal, all of them if `whole`. `amount` is as it was sent: its places, and how much it is,
    depend on the currency, which an earlier event of the deal may have named. `source`: where it came from, as said.
    """

    id: str
    type: DealType
    name: str
    data: Mapping[str, Any]
    emails: Sequence[str]
    whole: bool = False
    amount: Decimal | int | str | None = None
    currency: str | None = None
    key: str | None = None
    at: datetime | None = None
    digest: str = ""
    source: Source | None = None


def read_report(
    type: DealType, name: str, data: Mapping[str, Any], amount: object, emails: Sequence[str], *,
    whole: bool, key: str | None, at: datetime | None, source: Source | None = None,
) -> DealReport:  # fmt: skip
    """The report in an event whose `data` is checked but for money; `amount` is as it was sent. Raises BadReport."""
    if not data.get("id"):
        raise BadReport("data.id", "A deal needs its `id` in the CRM.")
    if len(data["id"]) > 200:
        raise BadReport("data.id", "An id has at most 200 characters.")
    if isinstance(amount, bool) or not isinstance(amount, Decimal | int | str | None):
        raise BadReport("data.amount", "An amount is a number, or text like 1250.50.")
    if type == "deal.refunded" and amount is None:
        raise BadReport("data.amount", "A refund needs its `amount`.")
    try:
        currency = currency_of(str(data["currency"])) if data.get("currency") else None
    except BadMoney as bad:
        raise BadReport("data.currency", str(bad)) from None
    said = {**data, **({"currency": currency} if currency else {})}
    body = json.dumps([type, name, said, str(amount), sorted(emails), whole], sort_keys=True, default=str)
    digest = hashlib.sha256(body.encode()).hexdigest()[:32]
    return DealReport(data["id"], type, name, said, tuple(emails), whole, amount, currency, key, at, digest, source)


def fact_of(report: DealReport, number: int, now: datetime, known: str | None, home: str) -> Fact:
    """The report as a fact. `known`: the currency of the deal so far; `home`: the workspace's. Raises BadReport."""
    currency = report.currency or known or home
    units = None
    if report.amount is not None:
        try:
            units = minor_units(report.amount, currency)
        except BadMoney as bad:
            raise BadReport("data.amount", str(bad)) from None
        if units < 0 or (units == 0 and report.type == "deal.refunded"):
            raise BadReport("data.amount", "An amount is not below zero, and a refund is above it.")
    data = report.data
    return Fact(
        number, report.type, report.at or now, stage=data.get("pipeline_stage") or None,
        pipeline=data.get("pipeline") or None, amount=units,
        currency=currency if units is not None else report.currency, closes_on=data.get("closes_on") or None,
        owner=data.get("owner") or None, whole=report.whole, dated=report.at is not None,
    )  # fmt: skip

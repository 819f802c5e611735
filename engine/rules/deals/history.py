"""A deal as its facts tell it: state, stage history and what was booked when. Pure.

Facts come in any order. They are read in the order in which they happened; of those at one instant, in the order in
which they arrived.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal, get_args
from uuid import UUID

DealType = Literal["deal.opened", "deal.moved", "deal.changed", "deal.won", "deal.lost", "deal.refunded"]
DEAL_TYPES: Final[tuple[DealType, ...]] = get_args(DealType)
Status = Literal["open", "won", "lost"]
_STATUS: Final[Mapping[str, Status]] = {"deal.opened": "open", "deal.won": "won", "deal.lost": "lost"}


@dataclass(frozen=True)
class Fact:
    """What one event says of a deal; None and () are not said. `number` counts a deal's facts in order of arrival.

    `amount` is in minor units of `currency`; of `deal.refunded` it is the refund. `dated`: the sender said when it
    happened. `whole`: `leads` are all leads of the deal, not only further ones.
    """

    number: int
    type: DealType
    happened_at: datetime
    stage: str | None = None
    pipeline: str | None = None
    amount: int | None = None
    currency: str | None = None
    closes_on: str | None = None
    owner: str | None = None
    leads: tuple[UUID, ...] = ()
    whole: bool = False
    dated: bool = False


@dataclass(frozen=True)
class Stay:
    """In `stage` from `entered` until `left`; None: it is there now, or was when the deal closed."""

    stage: str
    entered: datetime
    left: datetime | None = None


@dataclass(frozen=True)
class Turn:
    """The deal was opened, won or lost. A deal that is won already cannot be won again."""

    status: Status
    at: datetime


@dataclass(frozen=True)
class Booking:
    """How the revenue of the deal changed at an instant, in minor units of `currency`."""

    at: datetime
    amount: int
    currency: str


@dataclass(frozen=True)
class Deal:
    """`refunds` are sums by currency. `closed_at`: when it was won or lost, while it is."""

    status: Status = "open"
    stage: str | None = None
    pipeline: str | None = None
    amount: int | None = None
    currency: str | None = None
    refunds: tuple[tuple[str, int], ...] = ()
    closes_on: str | None = None
    owner: str | None = None
    leads: tuple[UUID, ...] = ()
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    stays: tuple[Stay, ...] = ()
    turns: tuple[Turn, ...] = ()
    bookings: tuple[Booking, ...] = ()

    @property
    def refunded(self) -> int:
        """What was refunded in the deal's own currency."""
        return dict(self.refunds).get(self.currency or "", 0)

    @property
    def revenue(self) -> dict[str, int]:
        """What the deal has brought so far, by currency."""
        found: dict[str, int] = {}
        for one in self.bookings:
            found[one.currency] = found.get(one.currency, 0) + one.amount
        return found


def in_order(facts: Iterable[Fact]) -> list[Fact]:
    return sorted(facts, key=lambda one: (one.happened_at, one.number))


def deal_of(facts: Iterable[Fact]) -> Deal | None:
    """What the facts make together; None without any."""
    after = [deal for _, deal in told(facts)]
    return after[-1] if after else None


def told(facts: Iterable[Fact]) -> Iterable[tuple[Fact, Deal]]:
    """Each fact in its order, and the deal after it."""
    deal: Deal | None = None
    for fact in in_order(facts):
        deal = _after(deal or Deal(opened_at=fact.happened_at), fact)
        yield fact, deal


def _after(deal: Deal, fact: Fact) -> Deal:
    before = deal
    deal = replace(deal, refunds=_refunds(deal, fact)) if fact.type == "deal.refunded" else _said(deal, fact)
    deal = replace(deal, leads=_leads(deal.leads, fact))
    deal = _turned(deal, fact)
    return _booked(before, deal, fact)


def _said(deal: Deal, fact: Fact) -> Deal:
    """The values that the fact gives. One that opens the deal after the rest, and does not say when it happened, came
    late: it only adds what is not known yet."""
    late = fact.type == "deal.opened" and not fact.dated and bool(deal.turns)
    values = {name: getattr(fact, name) for name in ("pipeline", "closes_on", "owner")}
    if fact.amount is not None or (fact.currency is not None and deal.amount is None):
        money = {"amount": fact.amount, "currency": fact.currency}
        values |= money if not late or deal.amount is None else {}
    known = {name: value for name, value in values.items() if value is not None}
    if late:
        known = {name: value for name, value in known.items() if name in ("amount", "currency") or not vars(deal)[name]}
    deal = replace(deal, **known)
    if fact.stage is None or fact.stage == deal.stage or (late and deal.stage is not None):
        return deal
    stays = deal.stays
    if stays and stays[-1].left is None:
        stays = (*stays[:-1], replace(stays[-1], left=fact.happened_at))
    return replace(deal, stage=fact.stage, stays=(*stays, Stay(fact.stage, fact.happened_at)))


def _refunds(deal: Deal, fact: Fact) -> tuple[tuple[str, int], ...]:
    if fact.amount is None or fact.currency is None:
        return deal.refunds
    sums = dict(deal.refunds)
    sums[fact.currency] = sums.get(fact.currency, 0) + fact.amount
    return tuple(sorted(sums.items()))


def _leads(known: tuple[UUID, ...], fact: Fact) -> tuple[UUID, ...]:
    return tuple(dict.fromkeys(fact.leads if fact.whole and fact.leads else (*known, *fact.leads)))


def _turned(deal: Deal, fact: Fact) -> Deal:
    """Won and lost replace each other; a deal is open again only when its sender says that it was opened later."""
    at = fact.happened_at
    status = _STATUS.get(fact.type)
    if status in ("won", "lost"):
        if deal.status == status:
            return deal
        return replace(deal, status=status, closed_at=at, turns=(*deal.turns, Turn(status, at)))
    if status is None:
        return deal
    if deal.closed_at is not None and fact.dated and at > deal.closed_at:
        return replace(deal, status="open", closed_at=None, turns=(*deal.turns, Turn("open", at)))
    if any(one.status == "open" for one in deal.turns):
        return deal
    return replace(deal, turns=(Turn("open", min(at, deal.opened_at or at)), *deal.turns))


def _booked(before: Deal, after: Deal, fact: Fact) -> Deal:
    """The difference that the fact makes to what a won deal is worth."""
    was, now = _worth(before), _worth(after)
    codes = dict.fromkeys((*was, *now))
    changed = [Booking(fact.happened_at, now.get(code, 0) - was.get(code, 0), code) for code in codes]
    return replace(after, bookings=(*after.bookings, *(one for one in changed if one.amount)))


def _worth(deal: Deal) -> dict[str, int]:
    if deal.status != "won" or deal.amount is None or deal.currency is None:
        return {}
    worth = {deal.currency: deal.amount}
    for currency, refund in deal.refunds:
        worth[currency] = worth.get(currency, 0) - refund
    return worth


# ── one more fact ────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Verdict:
    """`type`: what the leads' logs say happened; None: nothing did, it was known already."""

    type: DealType | None
    before: Deal | None
    after: Deal


def judge(facts: Sequence[Fact], fact: Fact, *, same: bool) -> Verdict:
    """What `fact` adds to the earlier ones. `same`: one of them says exactly the same, without a key or an instant that
    tells the two apart."""
    before, after = deal_of(facts), deal_of((*facts, fact))
    assert after is not None, "there is one fact at least"
    if before is None:
        return Verdict(fact.type, None, after)
    if same and (before == after or fact.type in ("deal.opened", "deal.refunded")):
        return Verdict(None, before, before)
    status = _STATUS.get(fact.type)
    if status is None or _count(after, status) > _count(before, status):
        return Verdict(fact.type, before, after)
    return Verdict(None, before, before) if before == after else Verdict("deal.changed", before, after)


def _count(deal: Deal, status: str) -> int:
    return sum(one.status == status for one in deal.turns)

"""A deal is what its facts say, in whatever order they come; its revenue is counted a second time, by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from engine.rules.deals.history import DEAL_TYPES, Deal, DealType, Fact, deal_of, judge

NOON = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)
ADA, BOB, EVE = UUID(int=1), UUID(int=2), UUID(int=3)


def fact(number: int, type: DealType, hour: float = 0, **said: Any) -> Fact:
    if "amount" in said:
        said.setdefault("currency", "EUR")
    return Fact(number, type, NOON + timedelta(hours=hour), **{"dated": True, **said})


def made(*facts: Fact) -> Deal:
    deal = deal_of(facts)
    assert deal is not None
    return deal


def test_nothing_is_no_deal() -> None:
    assert deal_of(()) is None


def test_out_of_order_it_is_the_same_deal() -> None:
    facts = [
        fact(1, "deal.opened", 0, amount=100, stage="New", leads=(ADA,)),
        fact(2, "deal.moved", 2, stage="Offer"),
        fact(3, "deal.changed", 3, amount=300, owner="eva", closes_on="2026-12-01", pipeline="Main"),
        fact(4, "deal.won", 4, leads=(BOB,)),
        fact(5, "deal.refunded", 6, amount=50),
    ]
    deal = made(*facts)
    assert (deal.status, deal.stage, deal.amount, deal.refunded) == ("won", "Offer", 300, 50)
    assert (deal.owner, deal.closes_on, deal.pipeline, deal.leads) == ("eva", "2026-12-01", "Main", (ADA, BOB))
    assert [(one.stage, one.left) for one in deal.stays] == [("New", NOON + timedelta(hours=2)), ("Offer", None)]
    assert [(one.at.hour, one.amount) for one in deal.bookings] == [(16, 300), (18, -50)]
    assert made(*reversed(facts)) == deal


def test_at_one_instant_the_later_arrival_counts() -> None:
    assert made(fact(2, "deal.changed", amount=2), fact(1, "deal.changed", amount=1)).amount == 2


def test_a_deal_lost_after_it_was_won_takes_its_revenue_back() -> None:
    deal = made(fact(1, "deal.won", amount=900), fact(2, "deal.refunded", 1, amount=100), fact(3, "deal.lost", 2))
    assert (deal.status, [one.amount for one in deal.bookings]) == ("lost", [900, -100, -800])
    again = made(*(fact(1, "deal.won", amount=900), fact(2, "deal.lost", 1), fact(3, "deal.won", 2)))
    assert [one.amount for one in again.bookings] == [900, -900, 900]


def test_an_amount_in_another_currency_replaces_the_old_one() -> None:
    deal = made(fact(1, "deal.won", amount=900), fact(2, "deal.changed", 1, amount=1000, currency="USD"))
    assert {code: amount for code, amount in deal.revenue.items() if amount} == {"USD": 1000}


def test_an_opening_that_arrives_late_opens_nothing_again() -> None:
    won = fact(1, "deal.won", 4, amount=500)
    late = fact(2, "deal.opened", 5, amount=100, stage="New", dated=False)
    deal = made(won, late)
    assert (deal.status, deal.amount, deal.stage) == ("won", 500, "New")
    assert judge([won], late, same=False).type == "deal.opened"
    assert made(won, fact(2, "deal.opened", 1, amount=100)).status == "won"
    assert made(won, fact(2, "deal.opened", 5)).status == "open"


def test_won_twice_is_won_once() -> None:
    won = fact(1, "deal.won", amount=500)
    assert judge([won], fact(2, "deal.won", 1, amount=500), same=False).type is None
    assert judge([won], fact(2, "deal.won", 1), same=False).type is None
    other = judge([won], fact(2, "deal.won", 1, amount=700), same=False)
    assert (other.type, other.after.amount, other.after.closed_at) == ("deal.changed", 700, NOON)
    lost = fact(2, "deal.lost", 1)
    assert judge([won, lost], fact(3, "deal.won", 2, amount=500), same=True).type == "deal.won"


def test_the_same_fact_counts_once_and_a_way_back_counts() -> None:
    opened = fact(1, "deal.opened", amount=100, dated=False)
    refund = fact(2, "deal.refunded", 1, amount=20, dated=False)
    assert judge([opened, refund], fact(3, "deal.refunded", 2, amount=20, dated=False), same=True).type is None
    assert judge([opened, refund], fact(3, "deal.refunded", 2, amount=20), same=False).after.refunded == 40
    up, back = fact(2, "deal.changed", 1, amount=120), fact(3, "deal.changed", 2, amount=100)
    assert judge([opened, up, back], fact(4, "deal.changed", 3, amount=120), same=True).type == "deal.changed"
    assert judge([opened, up], fact(4, "deal.changed", 3, amount=120), same=True).type is None


def test_all_leads_replace_and_further_ones_are_added() -> None:
    first, second = fact(1, "deal.opened", leads=(ADA, BOB), whole=True), fact(2, "deal.moved", 1, leads=(EVE,))
    assert made(first, second).leads == (ADA, BOB, EVE)
    assert made(first, second, fact(3, "deal.changed", 2, leads=(EVE, ADA), whole=True)).leads == (EVE, ADA)


FACTS = st.lists(
    st.tuples(st.sampled_from(DEAL_TYPES), st.integers(0, 6), st.none() | st.integers(0, 5000),
              st.sampled_from(["EUR", "JPY"])),
    max_size=12,
)  # fmt: skip


@given(FACTS, st.randoms())
def test_revenue_counted_by_hand(said: list[tuple[DealType, int, int | None, str]], random: Any) -> None:
    facts = [
        fact(number, type, hour, **({} if amount is None else {"amount": amount, "currency": currency}))
        for number, (type, hour, amount, currency) in enumerate(said, start=1)
    ]
    expected: dict[str, int] = {}
    standing, since, price, paid_back = "open", 99, None, []
    for type, hour, amount, currency in sorted(said, key=lambda one: one[1]):
        if type == "deal.refunded":
            paid_back += [] if amount is None else [(amount, currency)]
            continue
        price = price if amount is None else (amount, currency)
        outcome = {"deal.won": "won", "deal.lost": "lost"}.get(type, standing)
        if type == "deal.opened" and hour > since:
            outcome = "open"
        if outcome != standing:
            standing, since = outcome, hour if outcome != "open" else 99
    if standing == "won" and price is not None:
        expected[price[1]] = price[0]
        for amount, currency in paid_back:
            expected[currency] = expected.get(currency, 0) - amount
    shuffled = facts[:]
    random.shuffle(shuffled)
    deal = deal_of(shuffled)
    assert deal == deal_of(facts)
    revenue = {} if deal is None else deal.revenue
    assert {code: units for code, units in revenue.items() if units} == {c: u for c, u in expected.items() if u}

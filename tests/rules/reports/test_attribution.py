"""Attribution: the weights of each model by hand, and that no minor unit is lost or invented, whatever the path."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction as F

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.rules.deals.history import Booking
from engine.rules.reports.attribution import (
    DIRECT,
    FIXED,
    MODELS,
    Journey,
    Model,
    PathTouch,
    path_of,
    split,
    weights,
)  # fmt: skip
from engine.rules.reports.credits import NO_TOUCH, NOT_CONVERTED, Credit, Terms, Won, converted, credits_of

START = datetime(2026, 3, 1, tzinfo=UTC)
CHANNELS = ("Direct", "Email", "Paid Search", "Referral", "Unknown")


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def touch(number: float, source: int = 1, channel: str = "Email", **more: object) -> PathTouch:
    return PathTouch(day(number), source, channel, **more)  # type: ignore[arg-type]


FIVE = [touch(0), touch(1), touch(2), touch(3), touch(4)]
KNOWN = Journey(FIVE, created=day(1.5), opened=day(2.5))


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("first", [1, 0, 0, 0, 0]),
        ("last", [0, 0, 0, 0, 1]),
        ("last-non-direct", [0, 0, 0, 0, 1]),
        ("linear", [F(1, 5)] * 5),
        ("position", [F(2, 5), F(1, 15), F(1, 15), F(1, 15), F(2, 5)]),
        ("u-shaped", [F(2, 5), F(2, 5), F(1, 15), F(1, 15), F(1, 15)]),
        ("w-shaped", [F(3, 10), F(3, 10), F(3, 10), F(1, 20), F(1, 20)]),
        ("full-path", [F(9, 40), F(9, 40), F(9, 40), F(1, 10), F(9, 40)]),
        ("data-driven", [F(1, 5)] * 5),
        ("shapley", [F(1, 5)] * 5),
    ],
)
def test_the_weights_of_a_path_of_five(model: Model, expected: list[F]) -> None:
    assert weights(model, KNOWN) == expected


def test_time_decay_halves_with_every_half_life() -> None:
    path = [touch(0), touch(7), touch(21)]
    assert weights("time-decay", Journey(path)) == [F(1, 11), F(2, 11), F(8, 11)]


def test_a_missing_anchor_leaves_its_weight_to_all_others_in_proportion() -> None:
    journey = Journey(FIVE, created=day(1.5), opened=None)
    assert weights("w-shaped", journey) == [F(3, 7), F(3, 7), F(1, 21), F(1, 21), F(1, 21)]
    assert weights("u-shaped", Journey(FIVE, created=day(-1))) == [F(2, 5) / F(3, 5), *[F(1, 20) / F(3, 5)] * 4]


def test_two_anchors_at_one_touch_add_up_and_without_others_they_get_all() -> None:
    assert weights("full-path", Journey(FIVE[:1], day(5), day(5))) == [1]
    assert weights("position", Journey(FIVE[:2])) == [F(1, 2), F(1, 2)]
    both = Journey(FIVE[:2], created=day(0), opened=day(1))
    assert weights("w-shaped", both) == [F(2, 3), F(1, 3)]


def test_the_last_touch_that_says_where_it_came_from() -> None:
    path = [touch(0, channel="Referral"), touch(1), touch(2, channel="Direct"), touch(3, channel="Unknown")]
    assert weights("last-non-direct", Journey(path)) == [0, 1, 0, 0]
    assert weights("last-non-direct", Journey(path[2:])) == [0, 1]


def test_without_direct_the_others_share_the_whole() -> None:
    path = [touch(0, channel="Direct"), touch(1), touch(2, channel="Referral"), touch(3, channel="Unknown")]
    assert weights("first", Journey(path), direct=False) == [0, 1, 0, 0]
    assert weights("linear", Journey(path), direct=False) == [0, F(1, 2), F(1, 2), 0]
    assert weights("linear", Journey(path[:1]), direct=False) == [1]


def test_what_learned_models_know_is_scaled_within_the_path() -> None:
    path = [touch(0, channel="Email"), touch(1, channel="Referral"), touch(2, channel="Display")]
    worth = {"Email": F(1, 2), "Referral": F(1, 4)}
    assert weights("data-driven", Journey(path), worth=worth) == [F(2, 3), F(1, 3), 0]


def test_the_window_ends_with_the_winning_and_holds_both_edges() -> None:
    won, window = day(10), timedelta(days=5)
    inside = [touch(5), touch(10)]
    assert path_of([touch(10.00001), *inside[::-1], touch(4.99999)], won, window) == inside


def test_touches_of_one_instant_stand_in_the_order_of_their_numbers() -> None:
    late, early, none = (
        PathTouch(day(1), 1, "Email", 9),
        PathTouch(day(1), 1, "Email", 3),
        PathTouch(day(1), 1, "Email", key="v:1"),
    )
    assert path_of([late, early, none], day(2)) == [none, early, late]


@pytest.mark.parametrize(
    ("amount", "shares", "expected"),
    [
        (100, [F(1, 3)] * 3, [34, 33, 33]),
        (1, [F(1, 50)] * 50, [1] + [0] * 49),
        (2, [F(1, 4), F(3, 8), F(3, 8)], [0, 1, 1]),
        (-100, [F(1, 3)] * 3, [-34, -33, -33]),
        (0, [F(1, 2)] * 2, [0, 0]),
        (5, [], []),
    ],
)
def test_cents_go_by_the_largest_remainder_and_among_equal_ones_to_the_earlier(
    amount: int, shares: list[F], expected: list[int]
) -> None:
    assert split(amount, shares) == expected


# ── any path ─────────────────────────────────────────────────────────────────────────────────────────────────────────
touches = st.builds(
    lambda hours, source, channel, number: PathTouch(START + timedelta(hours=hours), source, channel, number),
    st.integers(-24 * 400, 24 * 40), st.integers(1, 4), st.sampled_from(CHANNELS), st.none() | st.integers(1, 9),
)  # fmt: skip
instants = st.none() | st.integers(-60, 60).map(day)
worths = st.dictionaries(st.sampled_from(CHANNELS), st.fractions(0, 1))
amounts = st.sampled_from((1, 2, 3)) | st.integers(-(10**9), 10**12)


@pytest.mark.parametrize("model", MODELS)
@settings(max_examples=20, deadline=None)
@given(path=st.lists(touches, max_size=50), created=instants, opened=instants, worth=worths, amount=amounts,
       direct=st.booleans())  # fmt: skip
def test_every_model_gives_out_everything_and_nothing_else(
    model: Model, path: list[PathTouch], created: datetime | None, opened: datetime | None, worth: dict[str, F],
    amount: int, direct: bool,
) -> None:  # fmt: skip
    journey = Journey(path_of(path, day(45), timedelta(days=800)), created, opened)
    shares = weights(model, journey, worth=worth, direct=direct)
    assert len(shares) == len(path)
    assert sum(shares) == (1 if path else 0)
    assert all(share >= 0 for share in shares)
    parts = split(amount, shares)
    assert sum(parts) == (amount if path else 0)
    assert all(abs(part - amount * share) < 1 for part, share in zip(parts, shares, strict=True))
    if not direct and any(one.channel not in DIRECT for one in journey.touches):
        assert not any(share for one, share in zip(journey.touches, shares, strict=True) if one.channel in DIRECT)


bookings = st.lists(st.tuples(st.integers(0, 60), amounts, st.sampled_from(("EUR", "USD", "JPY"))), max_size=6)
rates = st.fixed_dictionaries({"USD": st.none() | st.fractions("1/2", 2), "JPY": st.fractions("1/200", "1/100")})


@pytest.mark.parametrize("model", FIXED)
@settings(max_examples=20, deadline=None)
@given(path=st.lists(touches, max_size=20), changes=bookings, rates=rates, restated=st.booleans())
def test_what_is_booked_adds_up_to_the_net_revenue_at_every_moment(
    model: Model, path: list[PathTouch], changes: list[tuple[int, int, str]], rates: dict[str, F | None], restated: bool
) -> None:
    booked = [Booking(day(at), amount, code) for at, amount, code in sorted(changes)]
    deal = Won(booked, [one.at for one in booked[:1]], rates, path)
    found = credits_of(deal, Terms(model, "EUR", restated=restated))
    if any(one.currency != "EUR" and rates[one.currency] is None for one in booked):
        assert [(one.source, one.amount, one.currency) for one in found] == [
            (NOT_CONVERTED, one.amount, one.currency) for one in booked
        ]
        return
    nets: dict[str, int] = {}
    for number, change in enumerate(booked):
        nets[change.currency] = nets.get(change.currency, 0) + change.amount
        net = sum(converted(units, code, "EUR", rates.get(code)) for code, units in nets.items())
        assert sum(one.amount for one in found if one.number <= number) == net
    assert {one.at for one in found} <= {one.at for one in (booked[:1] if restated else booked)}


@pytest.mark.parametrize("model", FIXED)
@settings(max_examples=20, deadline=None)
@given(path=st.lists(touches, max_size=20), changes=st.lists(st.tuples(st.integers(0, 60), amounts), min_size=1))
def test_a_full_refund_leaves_zero_at_every_source(
    model: Model, path: list[PathTouch], changes: list[tuple[int, int]]
) -> None:
    booked = [Booking(day(at), amount, "EUR") for at, amount in sorted(changes)]
    booked.append(Booking(day(61), -sum(one.amount for one in booked), "EUR"))
    left: dict[int, int] = {}
    for one in credits_of(Won(booked, [booked[0].at], {}, path), Terms(model, "EUR")):
        left[one.source] = left.get(one.source, 0) + one.amount
    assert not any(left.values())


def test_revenue_without_a_touch_has_a_row_of_its_own() -> None:
    deal = Won([Booking(day(1), 500, "EUR")], [day(1)], {}, [touch(2)])
    assert credits_of(deal, Terms("linear", "EUR")) == [Credit(0, day(1), NO_TOUCH, 500, "EUR")]


def test_a_deal_that_is_won_again_has_a_path_of_its_own() -> None:
    path = [touch(0, source=1), touch(5, source=2)]
    changes = [Booking(day(1), 100, "EUR"), Booking(day(3), -100, "EUR"), Booking(day(6), 80, "EUR")]
    found = credits_of(Won(changes, [day(1), day(6)], {}, path), Terms("last", "EUR"))
    assert [(one.number, one.source, one.amount) for one in found] == [(0, 1, 100), (1, 1, -100), (2, 2, 80)]


@pytest.mark.parametrize(
    ("units", "currency", "rate", "expected"),
    [(125, "USD", F(1, 10), 12), (135, "USD", F(1, 10), 14), (1000, "JPY", F(1, 160), 625), (7, "EUR", None, 7)],
)
def test_amounts_are_converted_half_to_even(units: int, currency: str, rate: F | None, expected: int) -> None:
    assert converted(units, currency, "EUR", rate) == expected

"""What paths teach: the chain against examples worked out by hand, and against plain enumeration."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction as F
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.rules.reports.learned import MOST_PLAYERS, REST, Chain, removal_effects, shapley_values, solve

NAMES = "ABCDEF"
paths = st.dictionaries(
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=5).map(tuple), st.integers(1, 5), max_size=8
)  # fmt: skip


def test_a_chain_worked_out_by_hand() -> None:
    """A → B → won; A → nowhere; B → nowhere. From A half go on to B, of B half are won."""
    won, lost = {("A", "B"): 1}, {("A",): 1, ("B",): 1}
    chain = Chain(won, lost)
    assert chain.chance() == F(2, 3) * F(1, 4) + F(1, 3) * F(1, 2)
    assert removal_effects(won, lost) == {"A": 1 - F(1, 6) / F(1, 3), "B": F(1)}


def test_a_channel_that_follows_itself() -> None:
    assert Chain({("A", "A", "A"): 1}, {("A",): 1}).chance() == F(1, 2)


@pytest.mark.parametrize(("won", "lost"), [({}, {}), ({}, {("A", "B"): 3})])
def test_without_a_win_nothing_has_an_effect(won: dict[tuple[str, ...], int], lost: dict[tuple[str, ...], int]) -> None:
    assert not any(removal_effects(won, lost).values())
    assert not any(shapley_values(won, lost).values())


@settings(max_examples=20, deadline=None)
@given(won=paths, lost=paths)
def test_effects_lie_between_nothing_and_everything(
    won: dict[tuple[str, ...], int], lost: dict[tuple[str, ...], int]
) -> None:
    found = removal_effects(won, lost)
    assert all(0 <= effect <= 1 for effect in found.values())
    assert found == removal_effects(dict(reversed(won.items())), dict(reversed(lost.items())))
    total = sum(won.values()) + sum(lost.values())
    assert Chain(won, lost).chance() <= 1
    if total and not lost:
        assert Chain(won, lost).chance() == 1


@settings(max_examples=20, deadline=None)
@given(won=paths, lost=paths)
def test_shapley_values_are_what_each_order_adds_and_sum_to_the_chance(
    won: dict[tuple[str, ...], int], lost: dict[tuple[str, ...], int]
) -> None:
    won = {tuple(one for one in path if one in "ABCD") or ("A",): many for path, many in won.items()}
    lost = {tuple(one for one in path if one in "ABCD") or ("A",): many for path, many in lost.items()}
    chain, found = Chain(won, lost), shapley_values(won, lost)
    added: Counter[str] = Counter()
    orders = list(permutations(chain.channels))
    for order in orders:
        for place, player in enumerate(order):
            added[player] += chain.chance(order[: place + 1]) - chain.chance(order[:place])  # type: ignore[assignment]
    assert found == {player: F(added[player]) / len(orders) for player in chain.channels}
    assert sum(found.values()) == chain.chance()


def test_rare_channels_count_as_one_player() -> None:
    won = {(f"c{number:02}",): 20 - number for number in range(MOST_PLAYERS + 3)}
    found = shapley_values(won, {})
    assert len(found) == MOST_PLAYERS + 3
    assert len(set(found.values())) == MOST_PLAYERS
    assert REST not in found
    assert found["c09"] == found["c12"]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.integers(-5, 5).map(F), min_size=4, max_size=4), min_size=3, max_size=3))
def test_equations_are_solved_exactly(rows: list[list[F]]) -> None:
    try:
        found = solve(rows)
    except ZeroDivisionError:
        (a, b, c, _), (d, e, f, _), (g, h, i, _) = rows
        assert a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g) == 0
        return
    for row in rows:
        assert sum(one * value for one, value in zip(row[:-1], found, strict=True)) == row[-1]

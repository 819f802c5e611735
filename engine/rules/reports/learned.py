"""What all paths together say of each channel: removal effects of a Markov chain, and Shapley values. Pure.

The chain is of first order over channels, from a start to two ends, won and nowhere. Its probabilities are counted, and
it is solved as linear equations in fractions: the same paths give the same answer, to the last digit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from math import factorial
from typing import Final

Ways = Mapping[tuple[str, ...], int]
"""Paths as channels in their order, and how often each was gone."""
START, WON, NOWHERE = "(start)", "(won)", "(nowhere)"
MOST_PLAYERS: Final = 10
"""Channels that Shapley values are told apart for; all rarer ones count as one."""
REST: Final = "(rest)"
FEW_DEALS: Final = 30
"""With fewer won deals, what is learned from them is not to be trusted."""


class Chain:
    """How often channels follow each other, as probabilities."""

    def __init__(self, won: Ways, lost: Ways) -> None:
        counted: dict[str, Counter[str]] = {}
        for ways, end in ((won, WON), (lost, NOWHERE)):
            for path, many in ways.items():
                for one, following in pairwise((START, *path, end)):
                    counted.setdefault(one, Counter())[following] += many
        self.channels = sorted(counted.keys() - {START})
        self._steps = {
            one: {to: Fraction(many, following.total()) for to, many in following.items()}
            for one, following in counted.items()
        }

    def chance(self, channels: Collection[str] | None = None) -> Fraction:
        """The probability that a way from the start is won, if all ways into other channels lead nowhere."""
        kept = [one for one in self.channels if channels is None or one in channels]
        places = {one: place for place, one in enumerate(kept)}
        rows = [[Fraction(0)] * (len(kept) + 1) for _ in kept]
        for one, place in places.items():
            rows[place][place] += 1
            for to, chance in self._steps[one].items():
                if to in places:
                    rows[place][places[to]] -= chance
            rows[place][-1] = self._steps[one].get(WON, Fraction(0))
        solved = dict(zip(kept, solve(rows), strict=True))
        begun = self._steps.get(START, {})
        return sum((chance * solved.get(to, int(to == WON)) for to, chance in begun.items()), Fraction(0))


def removal_effects(won: Ways, lost: Ways) -> dict[str, Fraction]:
    """By channel, the part of all wins that would be lost without it: 1 − P(win without it) ÷ P(win)."""
    chain = Chain(won, lost)
    whole = chain.chance()
    if not whole:
        return dict.fromkeys(chain.channels, Fraction(0))
    return {
        channel: 1 - chain.chance([one for one in chain.channels if one != channel]) / whole
        for channel in chain.channels
    }


def shapley_values(won: Ways, lost: Ways) -> dict[str, Fraction]:
    """By channel, what it adds to the chance of winning, on average over all orders in which channels could be added.

    Told apart are the MOST_PLAYERS - 1 channels that won paths meet most often; the others have one value together.
    """
    names = _players(won, lost)
    chain = Chain(_renamed(won, names), _renamed(lost, names))
    players = chain.channels
    chances = {
        chosen: chain.chance([one for place, one in enumerate(players) if chosen >> place & 1])
        for chosen in range(1 << len(players))
    }
    many, values = len(players), {}
    for place, player in enumerate(players):
        values[player] = sum(
            (
                Fraction(factorial(size := chosen.bit_count()) * factorial(many - size - 1), factorial(many))
                * (chances[chosen | 1 << place] - chances[chosen])
                for chosen in range(1 << many)
                if not chosen >> place & 1
            ),
            Fraction(0),
        )
    return {channel: values[player] for channel, player in names.items()}


def _players(won: Ways, lost: Ways) -> dict[str, str]:
    """By channel, the player it counts as."""
    met: Counter[str] = Counter()
    for path, many in won.items():
        met.update(dict.fromkeys(path, many))
    channels = sorted({one for ways in (won, lost) for path in ways for one in path}, key=lambda one: (-met[one], one))
    if len(channels) <= MOST_PLAYERS:
        return {one: one for one in channels}
    return {one: one if place < MOST_PLAYERS - 1 else REST for place, one in enumerate(channels)}


def _renamed(ways: Ways, names: Mapping[str, str]) -> Ways:
    found: Counter[tuple[str, ...]] = Counter()
    for path, many in ways.items():
        found[tuple(names[one] for one in path)] += many
    return found


def solve(rows: Sequence[Iterable[Fraction]]) -> list[Fraction]:
    """The solution of linear equations, each row its coefficients and its right side, by elimination in fractions.

    Raises ZeroDivisionError if there is no single one.
    """
    matrix = [list(row) for row in rows]
    for place in range(len(matrix)):
        pivot = next((row for row in range(place, len(matrix)) if matrix[row][place]), place)
        matrix[place], matrix[pivot] = matrix[pivot], matrix[place]
        head = matrix[place][place]
        matrix[place] = [value / head for value in matrix[place]]
        for row in range(len(matrix)):
            if row != place and (factor := matrix[row][place]):
                matrix[row] = [value - factor * other for value, other in zip(matrix[row], matrix[place], strict=True)]
    return [row[-1] for row in matrix]

"""How far counts can be trusted: differences of shares with their range, medians that count those still waiting. Pure.

Ranges hold the true value with 95 % confidence. The range of one share is `rules.conditions.shares.interval`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from random import Random
from typing import Final

from engine.rules.conditions.shares import interval

MOST_MORE: Final = 10_000_000
"""From here on, how many more leads it would take is not told."""


DRAWINGS: Final = 2_000
"""Of a bootstrap; fewer where there is much to draw from."""
MOST_DRAWN: Final = 2_000_000
SEED: Final = 1


@dataclass(frozen=True, slots=True)
class Difference:
    """The share of one group less that of another, between `low` and `high`."""

    value: float
    low: float
    high: float

    @property
    def shows(self) -> bool:
        """Whether chance is an unlikely explanation."""
        return self.low > 0 or self.high < 0


def difference(part: int, whole: int, other_part: int, other_whole: int) -> Difference | None:
    """Newcombe's hybrid score interval; None while one of the groups is empty."""
    if whole <= 0 or other_whole <= 0:
        return None
    one, other = part / whole, other_part / other_whole
    low, high = interval(part, whole)
    other_low, other_high = interval(other_part, other_whole)
    value = one - other
    below = math.hypot(one - low, other_high - other)
    above = math.hypot(high - one, other - other_low)
    return Difference(value, max(-1.0, value - below), min(1.0, value + above))


def mean_difference(
    values: Sequence[int], whole: int, other_values: Sequence[int], other_whole: int
) -> Difference | None:  # fmt: skip
    """The mean of one group less that of another, with the range of a bootstrap that always draws the same way.

    `values` are those that are not zero, of a group of `whole`. Each drawing weighs every value as often as a Poisson
    distribution of mean 1 says, which is how often it would be drawn again. None while one of the groups is empty.
    """
    if whole <= 0 or other_whole <= 0:
        return None
    drawn = min(DRAWINGS, max(200, MOST_DRAWN // max(1, len(values) + len(other_values))))
    random = Random(SEED)

    def mean(found: Sequence[int], size: int) -> float:
        return sum(one * _poisson(random) for one in found) / size

    means = sorted(mean(values, whole) - mean(other_values, other_whole) for _ in range(drawn))
    low, high = means[round(0.025 * (drawn - 1))], means[round(0.975 * (drawn - 1))]
    return Difference(sum(values) / whole - sum(other_values) / other_whole, low, high)


def _poisson(random: Random) -> int:
    """How often, with mean 1."""
    left, many = random.random(), 0
    chance = math.exp(-1)
    while left >= chance and many < 20:
        left -= chance
        many += 1
        chance /= many
    return many


def leads_missing(part: int, whole: int, other_part: int, other_whole: int) -> int | None:
    """How many more leads it would take, both groups growing in proportion and their shares staying the same, until
    the difference shows; None if it shows already, if there is none, or if no number that can be reached is enough."""
    now = difference(part, whole, other_part, other_whole)
    if now is None or now.shows or not now.value:
        return None
    total = whole + other_whole

    def enough(size: int) -> bool:
        factor = size / total
        found = difference(*(round(count * factor) for count in (part, whole, other_part, other_whole)))
        return found is not None and found.shows

    high = total
    while not enough(high):
        high *= 2
        if high - total > MOST_MORE:
            return None
    low = high // 2
    while high - low > max(1, total // 100):
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high - total


def chance_of_split(part: int, whole: int, share: float) -> float:
    """The probability that a group is at least as far from its intended share of the whole as it is: χ², one degree."""
    if whole <= 0 or not 0 < share < 1:
        return 1.0
    expected = whole * share
    square = (part - expected) ** 2 / expected + (part - expected) ** 2 / (whole - expected)
    return math.erfc(math.sqrt(square / 2))


def median_wait(waits: Iterable[tuple[float, bool]]) -> float | None:
    """When half have arrived, by Kaplan and Meier. Each wait is its length so far and whether it has ended with an
    arrival; the others still wait or can no longer arrive. None: not reached by half."""
    counted: dict[float, tuple[int, int]] = {}
    for length, arrived in waits:
        arrivals, all_of_them = counted.get(length, (0, 0))
        counted[length] = arrivals + arrived, all_of_them + 1
    at_risk, staying = sum(many for _, many in counted.values()), Fraction(1)
    for length, (arrivals, many) in sorted(counted.items()):
        staying *= 1 - Fraction(arrivals, at_risk)
        if arrivals and staying <= Fraction(1, 2):
            return length
        at_risk -= many
    return None

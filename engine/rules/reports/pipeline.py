"""Open deals: in which order stages follow each other, which deals have stalled, and what they will bring. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import Final

Z80: Final = 1.281552
"""The two-sided quantile of the normal distribution for 80 %."""
FEW_CLOSED: Final = 20
"""With fewer closed deals a forecast has little to go by."""
FEW_WON: Final = 5
"""With fewer won deals their median stay says nothing."""
STALLED: Final = timedelta(days=30)


def stages_in_order(moves: Mapping[tuple[str, str], int]) -> list[str]:
    """Stages so that most moves lead forward. `moves`: how often deals went from one directly to the other.

    Of each two stages the way that is gone more often counts, the most frequent ways first; one that would close a
    circle with those before it is left out.
    """
    names = sorted({name for pair in moves for name in pair})
    surplus = [
        (many - moves.get((after, before), 0), before, after)
        for (before, after), many in moves.items()
        if before != after and many > moves.get((after, before), 0)
    ]
    ways: dict[str, set[str]] = {name: set() for name in names}
    for _, before, after in sorted(surplus, key=lambda one: (-one[0], one[1], one[2])):
        if not _reaches(ways, after, before):
            ways[before].add(after)
    found: list[str] = []
    while left := [name for name in names if name not in found]:
        found.append(next(name for name in left if not any(name in ways[other] for other in left)))
    return found


def _reaches(ways: Mapping[str, set[str]], start: str, end: str) -> bool:
    seen, todo = set[str](), [start]
    while todo:
        one = todo.pop()
        if one == end:
            return True
        if one not in seen:
            seen.add(one)
            todo.extend(ways[one])
    return False


def stalls_after(median: float | None, won: int) -> timedelta:
    """After how long without a move an open deal of a stage has stalled. `median`: seconds that won deals stayed."""
    return STALLED if won < FEW_WON or median is None else timedelta(seconds=2 * median)


@dataclass(frozen=True, slots=True)
class Chance:
    """Of a stage: how many of the closed deals that were ever in it were won."""

    won: int
    closed: int

    @property
    def share(self) -> Fraction:
        return Fraction(self.won + 1, self.closed + 2)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What open deals will bring, in minor units: with 80 % confidence between `low` and `high`."""

    expected: int
    low: int
    high: int


def forecast(deals: Iterable[tuple[Chance, Sequence[int]]]) -> Forecast:
    """`deals`: by stage, its chance and the amounts of its open deals.

    Each deal is won or not by itself, and each stage's chance is itself known only as well as its closed deals tell.
    """
    expected, variance, most = Fraction(0), Fraction(0), 0
    for chance, amounts in deals:
        p, whole = chance.share, sum(amounts)
        expected += p * whole
        variance += p * (1 - p) * (sum(one * one for one in amounts) + Fraction(whole * whole, chance.closed + 3))
        most += whole
    half = Z80 * math.sqrt(variance)
    return Forecast(round(expected), max(0, round(float(expected) - half)), min(most, round(float(expected) + half)))


def arrivals(
    waiting: Iterable[int], hazards: Mapping[int, tuple[int, int]], days: int
) -> tuple[float, float, float]:  # fmt: skip
    """How many of those who wait will arrive within so many days: expected, and between which numbers with 80 %.

    `waiting`: for how many whole days each waits already. `hazards`: by day of waiting, how many arrived on it and how
    many could have.
    """
    groups: dict[int, int] = {}
    for age in waiting:
        groups[age] = groups.get(age, 0) + 1
    expected = variance = 0.0
    for age, many in groups.items():
        staying = 1.0
        for day in range(age, age + days):
            arrived, could = hazards.get(day, (0, 0))
            staying *= 1 - arrived / could if could else 1
        p, known = 1 - staying, hazards.get(age, (0, 0))[1]
        expected += p * many
        variance += p * (1 - p) * (many + many * many / (known + 3))
    half, most = Z80 * math.sqrt(variance), sum(groups.values())
    return expected, max(0.0, expected - half), min(float(most), expected + half)


def daily(waits: Iterable[tuple[float, bool]]) -> dict[int, tuple[int, int]]:
    """By whole day of waiting, how many arrived on it and how many still waited when it began. Each wait is its length
    in days so far and whether it ended with an arrival."""
    ended: dict[int, list[int]] = {}
    for length, arrived in waits:
        ended.setdefault(int(length), [0, 0])[0 if arrived else 1] += 1
    found: dict[int, tuple[int, int]] = {}
    left = sum(map(sum, ended.values()))
    for day in range(max(ended, default=-1) + 1):
        came, gone = ended.get(day, (0, 0))
        found[day] = came, left
        left -= came + gone
    return found

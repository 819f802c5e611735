"""Open deals: the order of stages, when they stall, and forecasts whose figures are computed by hand."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.rules.reports.pipeline import Chance, arrivals, daily, forecast, stages_in_order, stalls_after


@pytest.mark.parametrize(
    ("moves", "order"),
    [
        ({}, []),
        ({("A", "B"): 5, ("B", "A"): 2, ("B", "C"): 4, ("A", "C"): 1}, ["A", "B", "C"]),
        ({("C", "B"): 1, ("B", "A"): 1}, ["C", "B", "A"]),
        # A circle breaks at its weakest way.
        ({("A", "B"): 5, ("B", "C"): 4, ("C", "A"): 3}, ["A", "B", "C"]),
        ({("A", "B"): 2, ("B", "A"): 2}, ["A", "B"]),
        ({("A", "A"): 9, ("B", "A"): 1}, ["B", "A"]),
    ],
)
def test_stages_follow_the_ways_that_are_gone_more_often(moves: dict[tuple[str, str], int], order: list[str]) -> None:
    assert stages_in_order(moves) == order


def test_a_deal_stalls_after_twice_the_median_or_30_days() -> None:
    assert stalls_after(86_400.0, 5) == timedelta(days=2)
    assert stalls_after(86_400.0, 4) == timedelta(days=30)
    assert stalls_after(None, 9) == timedelta(days=30)


def test_a_forecast_by_hand() -> None:
    # p = 1/2, expected 100; variance = 1/4 · (100² + 100²) + 200² · 1/4 / 3; half = 1.281552 · √8333.33 = 116.99
    found = forecast([(Chance(0, 0), [100, 100])])
    assert (found.expected, found.low, found.high) == (100, 0, 200)
    # p = 80/100; expected 800; variance = 0.16 · 10⁶ + 10⁶ · 0.16 / 101 = 161584.2; half = 515.15
    found = forecast([(Chance(79, 98), [1000])])
    assert (found.expected, found.low, found.high) == (800, 285, 1000)
    assert forecast([]) == forecast([(Chance(3, 4), [])])


def test_arrivals_by_hand() -> None:
    waits = [(0.5, True), (1.2, True), (1.9, False), (3.0, True)]
    assert daily(waits) == {0: (1, 4), 1: (1, 3), 2: (0, 1), 3: (1, 1)}
    assert daily([]) == {}
    # Waiting for one day, two days: 1 − (1 − 1/3) · (1 − 0) = 1/3
    expected, low, high = arrivals([1], daily(waits), 2)
    assert expected == pytest.approx(1 / 3)
    assert (low, high) == (0.0, pytest.approx(min(1.0, 1 / 3 + 1.281552 * (2 / 9 * (1 + 1 / 6)) ** 0.5)))
    assert arrivals([], {}, 30) == (0.0, 0.0, 0.0)
    assert arrivals([5], {}, 30)[0] == 0.0

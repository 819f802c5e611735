"""Ranges and medians against published and hand-made examples."""

from __future__ import annotations

import pytest

from engine.rules.reports.statistics import chance_of_split, difference, leads_missing, median_wait


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [((56, 70, 48, 80), 0.0524, 0.3339), ((9, 10, 3, 10), 0.1705, 0.8090), ((10, 10, 0, 10), 0.6075, 1.0)],
)
def test_the_hybrid_score_interval_as_newcombe_tabled_it(
    counts: tuple[int, int, int, int], low: float, high: float
) -> None:
    found = difference(*counts)
    assert found is not None
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))
    assert found.shows


def test_an_empty_group_shows_nothing() -> None:
    assert difference(3, 5, 0, 0) is None
    assert leads_missing(3, 5, 0, 0) is None


def test_how_many_more_leads_it_takes() -> None:
    assert leads_missing(56, 70, 48, 80) is None  # it shows
    assert leads_missing(5, 10, 5, 10) is None  # there is no difference
    more = leads_missing(12, 40, 8, 40)
    assert more is not None
    grown = (80 + more) / 80
    found = difference(*(round(one * grown) for one in (12, 40, 8, 40)))
    assert found is not None
    assert found.shows
    less = difference(*(round(one * grown * 0.95) for one in (12, 40, 8, 40)))
    assert less is not None
    assert not less.shows


def test_groups_of_an_unlikely_size() -> None:
    assert chance_of_split(10, 100, 0.1) == 1.0
    assert chance_of_split(25, 100, 0.1) < 0.001
    assert chance_of_split(15, 100, 0.1) == pytest.approx(0.0956, abs=1e-4)
    assert chance_of_split(0, 0, 0.1) == 1.0


@pytest.mark.parametrize(
    ("waits", "median"),
    [
        ([], None),
        ([(3, True)], 3),
        ([(1, True), (2, True), (3, True), (4, True)], 2),
        ([(1, True), (2, False), (3, False), (4, False)], None),
        ([(1, False), (2, True), (3, True)], 2),  # one of three left unseen; of two, half arrive at 2
        ([(2, True), (2, False), (5, True)], 5),  # who leaves at the instant of an arrival was still there
    ],
)
def test_the_median_counts_those_who_still_wait(waits: list[tuple[float, bool]], median: float | None) -> None:
    assert median_wait(waits) == median

"""Budgets hold, refill, are bounded in memory, and one caller cannot spend another's."""

from __future__ import annotations

from web.http.limits import Buckets, Budget, Budgets, Limits, network


class Watch:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_empties_says_when_and_refills() -> None:
    watch = Watch()
    buckets = Buckets(Budget(burst=2, per_second=0.5), watch)
    assert [buckets.take("a") for _ in range(3)] == [0, 0, 2]
    watch.now = 1.0
    assert buckets.take("a") == 1
    watch.now = 2.0
    assert buckets.take("a") == 0
    watch.now = 1_000.0
    assert [buckets.take("a") for _ in range(3)] == [0, 0, 2]


def test_keys_are_apart_and_forgotten_when_there_are_too_many() -> None:
    buckets = Buckets(Budget(burst=1, per_second=1), Watch(), remembered=3)
    assert [buckets.take(key) for key in "aabcd"] == [0, 1, 0, 0, 0]
    assert len(buckets) == 3


def test_a_client_over_its_budget_costs_the_others_nothing() -> None:
    budgets = Budgets(per_client=Budget(1, 0.1), in_all=Budget(2, 0.1))
    limits = Limits(budgets, Watch())
    assert limits.client("192.0.2.1") == 0
    assert all(limits.client("192.0.2.1") > 0 for _ in range(5))
    assert limits.client("192.0.2.2") == 0
    assert limits.client("192.0.2.3") > 0


def test_what_one_client_is() -> None:
    assert network("192.0.2.1") == "192.0.2.1"
    assert network("::ffff:192.0.2.1") == "192.0.2.1"
    assert network("2001:db8:1:2:aaaa::1") == network("2001:db8:1:2::2") != network("2001:db8:1:3::2")
    assert network("nonsense") == network("") == "unknown"

"""`costs` lines by day: whole months cost exactly what they say; a second count by Decimal shares no code."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from dsl.plan import Cost
from engine.rules.deals.campaign_costs import DayCost, Version, costs_by_day

BERLIN = ZoneInfo("Europe/Berlin")
MONTHLY, ONCE = Cost(amount=1000, per_month=True), Cost(amount=5000)
HOURS = Cost(amount=60, hours=6.5, per_month=True)


def at(day: str, hour: int = 12) -> datetime:
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=UTC)


def days(*versions: Version, first: str = "2026-01-01", last: str = "2027-01-01") -> tuple[DayCost, ...]:
    return costs_by_day(versions, "EUR", BERLIN, date.fromisoformat(first), date.fromisoformat(last))


def test_a_whole_month_costs_what_the_line_says() -> None:
    found = days(Version(at("2026-01-01", 0), (MONTHLY, HOURS)), Version(at("2026-04-01", 1), None))
    for month, many in ((1, 31), (2, 28), (3, 31)):
        of_month = [one for one in found if one.day.month == month]
        assert len(of_month) == many
        assert (sum(one.outside for one in of_month), sum(one.labour for one in of_month)) == (100_000, 39_000)
        assert {one.outside for one in of_month} <= {100_000 // many, 100_000 // many + 1}


def test_a_part_of_a_month_costs_its_days_and_once_the_first() -> None:
    found = days(Version(at("2026-04-11"), (MONTHLY, ONCE)), Version(at("2026-04-20"), None))
    assert (found[0].day, found[-1].day, len(found)) == (date(2026, 4, 11), date(2026, 4, 20), 10)
    assert sum(one.outside for one in found) == 500_000 + 100_000 * 20 // 30 - 100_000 * 10 // 30
    assert found[0].outside > 500_000 > found[1].outside


def test_days_are_those_of_the_zone() -> None:
    assert days(Version(at("2026-06-30", 23), (ONCE,)))[0].day == date(2026, 7, 1)


def test_once_is_counted_once_over_versions_and_a_change_is_the_difference() -> None:
    changed = Cost(amount=5500)
    found = days(
        Version(at("2026-03-01"), (ONCE,)), Version(at("2026-03-05"), (ONCE, Cost(amount=10, hours=3))),
        Version(at("2026-03-07"), None), Version(at("2026-03-09"), (changed, Cost(amount=10, hours=3))),
    )  # fmt: skip
    assert [(one.day.day, one.outside, one.labour) for one in found] == [(1, 500_000, 0), (5, 0, 3000), (9, 50_000, 0)]


def test_the_period_is_a_window_and_changes_no_day() -> None:
    versions = (Version(at("2026-01-10"), (MONTHLY, ONCE)),)
    every = days(*versions)
    assert days(*versions, first="2026-02-03", last="2026-02-10") == tuple(
        one for one in every if date(2026, 2, 3) <= one.day < date(2026, 2, 10)
    )
    assert days(first="2026-01-01") == ()
    assert days(Version(at("2026-01-10"), ())) == ()


AMOUNTS = st.integers(1, 10**7).map(lambda cents: cents / 100)
COSTS = st.lists(
    st.builds(Cost, amount=AMOUNTS, per_month=st.booleans(), hours=st.none() | st.sampled_from([0.5, 1.25, 7.0])),
    max_size=4,
)


@given(
    st.lists(st.tuples(st.integers(0, 200), st.none() | COSTS), min_size=1, max_size=6, unique_by=lambda one: one[0])
)
def test_the_sums_are_exact(changes: list[tuple[int, Sequence[Cost] | None]]) -> None:
    start = datetime(2026, 1, 1, 9, tzinfo=UTC)
    found = days(*(Version(start + timedelta(days=day), costs) for day, costs in changes), last="2026-12-01")

    def price(cost: Cost) -> Decimal:
        exact = Decimal(str(cost.amount)) * Decimal(str(cost.hours or 1))
        return exact.quantize(Decimal("0.01"), ROUND_HALF_EVEN)

    for labour in (False, True):
        once, fractions = Decimal(0), {}
        history = sorted(changes)
        for offset in range((date(2026, 12, 1) - start.date()).days):
            day = start.date() + timedelta(days=offset)
            reached = [costs for since, costs in history if since <= offset]
            if reached and reached[-1] is None and [since for since, _ in history if since <= offset][-1] == offset:
                reached = reached[:-1]
            costs = (reached[-1] if reached else None) or ()
            mine = [one for one in costs if (one.hours is not None) == labour]
            if reached and reached[-1] is not None:
                once = sum((price(one) for one in mine if not one.per_month), Decimal(0))
            month = sum((price(one) for one in mine if one.per_month), Decimal(0))
            fractions[day] = month / ((day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)).day
        total = Decimal(sum(one.labour if labour else one.outside for one in found)) / 100
        exact = once + sum(fractions.values())
        assert abs(total - exact) < Decimal("0.01") * (2 * len(changes) + 1)

"""A table beside those of earlier periods: which days these are, and how rows find each other."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from engine.rules.reports.comparison import compared
from engine.rules.reports.query import Query, period_before, year_before
from engine.rules.reports.table import Column, Table


def day(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("first", "last", "before", "year"),
    [
        ("2026-03-01", "2026-03-31", "2026-02-01 2026-02-28", "2025-03-01 2025-03-31"),
        ("2024-03-01", "2024-03-31", "2024-02-01 2024-02-29", "2023-03-01 2023-03-31"),
        ("2026-01-01", "2026-03-31", "2025-10-01 2025-12-31", "2025-01-01 2025-03-31"),
        ("2025-01-01", "2025-12-31", "2024-01-01 2024-12-31", "2024-01-01 2024-12-31"),
        ("2025-02-01", "2025-02-28", "2025-01-01 2025-01-31", "2024-02-01 2024-02-29"),
        ("2026-03-10", "2026-03-10", "2026-03-09 2026-03-09", "2025-03-10 2025-03-10"),
        ("2026-03-02", "2026-03-08", "2026-02-23 2026-03-01", "2025-03-02 2025-03-08"),
        ("2026-03-01", "2026-03-30", "2026-01-30 2026-02-28", "2025-03-01 2025-03-30"),
        ("2024-02-29", "2024-02-29", "2024-02-28 2024-02-28", "2023-02-28 2023-02-28"),
    ],
)
def test_the_days_that_a_period_is_compared_with(first: str, last: str, before: str, year: str) -> None:
    assert " ".join(map(str, period_before(day(first), day(last)))) == before
    assert " ".join(map(str, year_before(day(first), day(last)))) == year


def test_nothing_is_compared_with_days_before_the_first_one_or_when_it_is_not_wanted() -> None:
    query = Query(name="sources", first=day("2000-02-01"), last=day("2000-02-29"), zone="UTC")
    assert list(query.earlier) == ["before"]
    assert query.model_copy(update={"compare": False}).earlier == {}


def table(rows: list[dict[str, Any]], total: dict[str, Any] | None, **more: Any) -> Table:
    columns = (
        Column("channel", "channel", "text"), Column("leads", "leads", "count"),
        Column("per_lead", "per lead", "money", "cost ÷ leads"), Column("visits", "visits", "count"),
    )  # fmt: skip
    return Table("t", "T", columns, rows, total, "", **more)


def test_rows_find_those_of_the_same_name_and_one_that_is_gone_stays_with_nothing() -> None:
    now = table([{"channel": "Email", "leads": 3, "per_lead": 5, "visits": 9}],
                {"channel": "Total", "leads": 3, "per_lead": 5, "visits": 9}, compared=("leads",))  # fmt: skip
    before = table([{"channel": "Display", "leads": 2, "per_lead": 1, "visits": 4}, {"channel": "Chat", "leads": 0}],
                   {"channel": "Total", "leads": 2})  # fmt: skip
    found = compared(now, {"before": before, "year": table([], None)})
    assert [one.head for one in found.columns] == [
        "channel", "leads", "leads before", "leads a year before", "per lead", "visits",
    ]  # fmt: skip
    assert list(found.rows) == [
        {"channel": "Email", "leads": 3, "per_lead": 5, "visits": 9, "leads_before": None, "leads_year": None},
        {"channel": "Display", "leads": 0, "visits": 0, "leads_before": 2, "leads_year": None},
    ]
    assert found.total == {"channel": "Total", "leads": 3, "per_lead": 5, "visits": 9,
                           "leads_before": 2, "leads_year": None}  # fmt: skip


def test_months_stand_beside_months_in_their_order() -> None:
    now = table([{"channel": "2026-01-01", "leads": 1}, {"channel": "2026-02-01", "leads": 2}],
                {"channel": "Total", "leads": 3}, compared=("leads",), by_place=True)  # fmt: skip
    before = table([{"channel": "2025-01-01", "leads": 7}], {"channel": "Total", "leads": 7})
    assert [row["leads_year"] for row in compared(now, {"year": before}).rows] == [7, None]


def test_a_table_that_compares_nothing_stays_as_it_is() -> None:
    now = table([], None)
    assert compared(now, {"before": now}) is now
    assert compared(table([], None, compared=("leads",)), {}).columns == now.columns

"""What is asked of a report: periods by hand, and every wrong word answered with the nearest right one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from engine.rules.reports.query import BadQuery, midnight, read_query
from engine.rules.reports.table import per, plain, ratio, safe_cell, shown

NOW = datetime(2026, 8, 14, 22, 30, tzinfo=UTC)
"""Half past midnight of 15 August in Berlin."""


def read(**words: str | None) -> object:
    return read_query(
        {"report": "sources", **{name.strip("_"): word for name, word in words.items()}}, NOW, "Europe/Berlin"
    )


@pytest.mark.parametrize(
    ("words", "first", "last"),
    [
        ({}, "2026-07-17", "2026-08-15"),
        ({"last": "1 day"}, "2026-08-15", "2026-08-15"),
        ({"last": "2 weeks"}, "2026-08-02", "2026-08-15"),
        ({"last": "3 months"}, "2026-05-16", "2026-08-15"),
        ({"last": "last 12 months"}, "2025-08-16", "2026-08-15"),
        ({"last": "month"}, "2026-07-01", "2026-07-31"),
        ({"last": "Last Quarter"}, "2026-04-01", "2026-06-30"),
        ({"last": "this quarter"}, "2026-07-01", "2026-08-15"),
        ({"last": "last week"}, "2026-08-03", "2026-08-09"),
        ({"last": "this week"}, "2026-08-10", "2026-08-15"),
        ({"last": "year"}, "2025-01-01", "2025-12-31"),
        ({"from_": "2026-07-01", "to": "2026-07-01"}, "2026-07-01", "2026-07-01"),
        ({"from_": "2026-07-01"}, "2026-07-01", "2026-08-15"),
        ({"to": "2026-07-20"}, "2026-07-01", "2026-07-20"),
    ],
)
def test_periods(words: dict[str, str], first: str, last: str) -> None:
    found = read(**words)
    assert (str(found.first), str(found.last)) == (first, last)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"report": "sorces"}, "there is no report named `sorces`: did you mean `sources`?"),
        ({"report": "xyz"}, "there is no report named `xyz`: use one of `sources`"),
        ({"by": "chanel"}, "there is no division named `chanel`: did you mean `channel`?"),
        ({"model": "u shape"}, "there is no model named `u-shape`: did you mean `u-shaped`?"),
        ({"zone": "Berlin"}, "`Berlin` is not a time zone; did you mean `Europe/Berlin`?"),
        ({"zone": "Europe/Berln"}, "`Europe/Berln` is not a time zone; did you mean `Europe/Berlin`?"),
        ({"zone": "§"}, "`§` is not a time zone; did you mean `Europe/Berlin`?"),
        ({"from_": "2026-08-01", "to": "2026-07-01"}, "before it begins on 2026-08-01: swap --from and --to"),
        ({"from_": "2026-09-01"}, "before it begins on 2026-09-01: today is 2026-08-15"),
        ({"from_": "2026-02-30"}, "`2026-02-30` is not a date; write it like 2026-07-01"),
        ({"from_": "1066-10-14"}, "`1066-10-14` is out of range"),
        ({"last": "fortnight"}, "`fortnight` is not a period"),
        ({"last": "0 days"}, "`0 days` is not a period"),
        ({"last": "9999 years"}, "begins before 2000-01-01"),
        ({"last": "month", "to": "2026-07-01"}, "--last says the whole period"),
        ({"days": "-1"}, "`-1` is not a number of days from 1 to 3650"),
    ],
)  # fmt: skip
def test_a_wrong_word_is_answered_with_the_nearest_right_one(words: dict[str, str], said: str) -> None:
    with pytest.raises(BadQuery) as caught:
        read(**words)
    assert said in str(caught.value)


def test_models_and_zones_may_be_written_as_they_are_spoken() -> None:
    found = read(model="Last non-direct", zone="europe/berlin")
    assert (found.model, found.zone) == ("last-non-direct", "Europe/Berlin")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        ("2026-03-29", "Europe/Berlin", 23), ("2026-10-25", "Europe/Berlin", 25), ("2026-07-01", "Europe/Berlin", 24),
        ("2026-03-29", "Asia/Beirut", 23), ("2018-11-04", "America/Sao_Paulo", 23),
    ],
)  # fmt: skip
def test_a_day_is_as_long_as_its_clock_says(day: str, zone: str, hours: int) -> None:
    first = date.fromisoformat(day)
    assert midnight(first + timedelta(days=1), zone) - midnight(first, zone) == timedelta(hours=hours)


def test_figures_as_people_and_programs_read_them() -> None:
    assert [shown(0.1234, "share", ""), shown(-0.02, "points", ""), shown(1.5, "points", "")] == [
        "12.3%",
        "-2%",
        "+150%",
    ]
    assert [shown(123456, "money", "EUR"), shown(123456, "money", "JPY"), shown(1234, "count", "")] == [
        "1234.56", "123456", "1,234",
    ]  # fmt: skip
    assert [shown(None, "money", "EUR"), shown(3.0, "days", ""), plain(None, "share", "")] == ["", "3", None]
    assert [plain(1250, "money", "EUR"), plain(ratio(1, 3), "share", ""), plain("x", "text", "")] == [
        "12.50", 0.333333, "x",
    ]  # fmt: skip
    assert [ratio(1, 0), per(10, 0), per(5, 2), per(None, 2)] == [None, None, 2, None]


@pytest.mark.parametrize("cell", ["=1+1", "+49", "-x", "@a", "\tx", "\rx"])
def test_text_that_a_spreadsheet_would_compute_is_quoted(cell: str) -> None:
    assert safe_cell(cell) == f"'{cell}"
    assert safe_cell(f"x{cell}") == f"x{cell}"

"""Opportunities and their forecast, against a slow computation from the story that shares no code with them."""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.reports import slow_deals
from tests.reports.company import BERLIN, PIPELINE, Story
from tests.reports.conftest import NOW, Ask

PERIODS = [
    ("2026-01-01", "2026-12-31", "Europe/Berlin"), ("2026-03-29", "2026-04-30", "Europe/Berlin"),
    ("2026-07-01", "2027-02-28", "America/New_York"), ("2027-02-01", "2027-05-31", "Europe/Berlin"),
]  # fmt: skip
NAMES = ("standing", "amount", "progressed", "regressed", "stalled", "stalled_amount", "won", "lost")


@pytest.mark.parametrize("by", ["stage", "owner", "channel"])
@pytest.mark.parametrize(("first", "last", "zone"), PERIODS)
async def test_deals_stand_move_stall_and_end(
    ask: Ask, story: Story, first: str, last: str, zone: str, by: str
) -> None:
    table = (await ask("opportunities", **{"from": first, "to": last, "zone": zone, "by": by})).tables[0]
    expected = slow_deals.stages(
        story, date.fromisoformat(first), date.fromisoformat(last), ZoneInfo(zone), by, NOW + timedelta(microseconds=1)
    )
    found = {(row["stage"], row[by] if by != "stage" else ""): {name: row[name] for name in NAMES if row[name]}
             for row in table.rows}  # fmt: skip
    assert {key: row for key, row in found.items() if row} == {key: row for key, row in expected.items() if row}
    assert table.total is not None
    assert {name: table.total[name] for name in NAMES} == {
        name: sum(row.get(name, 0) for row in expected.values()) for name in NAMES
    }


async def test_the_stages_stand_in_the_order_in_which_deals_pass_them(ask: Ask) -> None:
    rows = (await ask("opportunities", **{"from": "2026-01-01", "to": "2026-12-31"})).tables[0].rows
    assert [row["stage"] for row in rows] == ["(no stage)", *PIPELINE]


@pytest.mark.parametrize("last", ["2026-06-30", "2026-12-31", "2026-02-28"])
async def test_the_forecast_is_the_formula_of_every_open_deal(ask: Ask, story: Story, last: str) -> None:
    found = await ask("opportunities", **{"from": "2026-01-01", "to": last})
    table = found.tables[1]
    end = datetime.combine(date.fromisoformat(last) + timedelta(days=1), datetime.min.time(), BERLIN).astimezone(UTC)
    rows = slow_deals.outlook(story, end)
    assert [(row["stage"], row["deals"], row["closed"], row["amount"]) for row in table.rows] == [
        (row["stage"], row["deals"], row["closed"], sum(row["amounts"])) for row in rows
    ]
    expected = variance = 0.0
    for row in rows:
        p = (row["won"] + 1) / (row["closed"] + 2)
        expected += sum(p * one for one in row["amounts"])
        variance += sum(p * (1 - p) * one**2 for one in row["amounts"])
        variance += sum(row["amounts"]) ** 2 * p * (1 - p) / (row["closed"] + 3)
    half, most = 1.281552 * math.sqrt(variance), sum(sum(row["amounts"]) for row in rows)
    assert table.total is not None
    assert table.total["expected"] == pytest.approx(expected, abs=1)
    assert table.total["low"] == pytest.approx(max(0, expected - half), abs=1)
    assert table.total["high"] == pytest.approx(min(most, expected + half), abs=1)
    closed = sum((stood := slow_deals.at_end(deal, end)) is not None and stood.status != "open" for deal in story.deals)
    assert any(note.startswith(f"few deals so far: the forecast rests on {closed} ") for note in found.notes) == (
        closed < 20
    )


async def test_open_deals_without_a_rate_and_people_by_stage(ask: Ask, story: Story) -> None:
    found = await ask("opportunities", **{"from": "2026-01-01", "to": "2026-12-31"})
    assert any(" CHF of open deals" in note for note in found.notes)
    end = datetime(2027, 1, 1, tzinfo=BERLIN).astimezone(UTC)
    stood: Counter[str] = Counter()
    for one in story.people:
        here = [stage for stage, at in [("Visitor", one.created), *one.moves] if at < end]
        stood.update(here[-1:])
    assert found.tables[2].total is not None
    assert [found.tables[2].total[f"stage{number}"] for number in range(4)] == [
        stood[stage] for stage in ("Visitor", "Lead", "MQL", "SQL")
    ]

"""Follow-up beside quality, the slowest and the outlook, against a slow computation that shares no code with them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from tests.reports import slow_sales
from tests.reports.company import ORDER, Story
from tests.reports.conftest import NOW, Ask
from tests.reports.test_stages import PERIODS, YEAR, part


@pytest.mark.parametrize(("first", "last", "zone"), PERIODS)
async def test_follow_up_by_channel(ask: Ask, story: Story, first: str, last: str, zone: str) -> None:
    table = part(await ask("funnel", **{"from": first, "to": last, "zone": zone}), "follow-up")
    found = slow_sales.given(story, date.fromisoformat(first), date.fromisoformat(last), ZoneInfo(zone))
    groups = slow_sales.by_channel(story, found)
    assert {row["channel"] for row in table.rows if row["handoffs"]} == groups.keys()
    lines = [(row, groups[row["channel"]]) for row in table.rows if row["handoffs"]]
    for row, mine in [*lines, *([(table.total, found)] if table.total is not None else [])]:
        assert row is not None
        real = slow_sales.follow_up(story, mine, NOW)
        for name in ("handoffs", "missed", "accepted", "rejected", "overdue"):
            assert row[name] == real[name], name
        for name in ("kept", "acknowledged", "contacted"):
            assert row[name] == (None if real[name] is None else pytest.approx(real[name])), name
        heads = {
            column.head.removeprefix("rejected: "): column.key
            for column in table.columns
            if column.key.startswith("reason")
        }
        assert {reason: row[key] for reason, key in heads.items() if row.get(key)} == dict(real["reasons"])


async def test_missed_time_limits_are_found(ask: Ask, story: Story) -> None:
    found = await ask("funnel", **YEAR)
    mine = slow_sales.given(story, date(2026, 1, 1), date(2026, 12, 31), ZoneInfo("Europe/Berlin"))
    missed = slow_sales.follow_up(story, mine, NOW)["missed"]
    assert any(f"missed a time limit on {missed} handoffs of {len(mine)} " in one.text for one in found.findings)


@pytest.mark.parametrize(("first", "last", "zone"), PERIODS)
async def test_the_slowest_are_named(ask: Ask, story: Story, first: str, last: str, zone: str) -> None:
    rows = part(await ask("funnel", **{"from": first, "to": last, "zone": zone}), "slowest").rows
    days = date.fromisoformat(first), date.fromisoformat(last)
    expected = slow_sales.slowest(story, *days, ZoneInfo(zone), NOW)
    assert [(row["lead"], row["stage"]) for row in rows] == [one[:2] for one in expected]
    assert [row["days"] for row in rows] == pytest.approx([days for _, _, days in expected])


async def test_the_outlook_is_what_the_daily_chances_say(ask: Ask, story: Story) -> None:
    rows = part(await ask("funnel", **{"from": "2026-06-01", "to": "2027-02-28"}), "outlook").rows
    end = datetime(2027, 3, 1, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)
    for row, (stage, following) in zip(rows, pairwise(ORDER[1:]), strict=True):
        waiting, arrived, expected = slow_sales.expected(story, stage, following, end)
        assert (row["stage"], row["waiting"], row["arrived"]) == (stage, waiting, arrived)
        assert row["expected"] == pytest.approx(expected)
        assert row["low"] <= row["expected"] <= row["high"] <= waiting

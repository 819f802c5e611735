"""Funnel, nurture and campaigns, against a slow computation from the story that shares no code with them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from engine.rules.reports.query import midnight
from engine.rules.reports.table import Report, Table
from tests.reports import slow, slow_stages
from tests.reports.company import BERLIN, ORDER, Story
from tests.reports.conftest import NOW, Ask

PERIODS = [
    ("2026-01-01", "2026-12-31", "Europe/Berlin"), ("2026-03-28", "2026-03-29", "Europe/Berlin"),
    ("2026-10-01", "2027-02-28", "America/New_York"), ("2025-01-01", "2025-06-30", "Europe/Berlin"),
]  # fmt: skip
YEAR = {"from": "2026-01-01", "to": "2026-12-31"}


def part(found: Report, name: str) -> Table:
    return next(one for one in found.tables if one.name == name)


def filled(rows: Any, key: str, names: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    found = {row[key]: {name: row[name] for name in names if row.get(name)} for row in rows}
    return {name: row for name, row in found.items() if row}


@pytest.mark.parametrize(("first", "last", "zone"), PERIODS)
async def test_the_flow_adds_up_and_is_what_the_story_says(
    ask: Ask, story: Story, first: str, last: str, zone: str
) -> None:
    table = part(await ask("funnel", **{"from": first, "to": last, "zone": zone}), "flow")
    names = ("began", "came", "forward", "backward", "outside", "stay")
    expected = slow_stages.flow(story, date.fromisoformat(first), date.fromisoformat(last), ZoneInfo(zone))
    assert filled(table.rows, "stage", names) == expected
    for row in table.rows:
        out = row["forward"] + row["backward"] + row["outside"]
        assert row["began"] + row["came"] - out == row["stay"]


@pytest.mark.parametrize("days", [1, 30, 90])
@pytest.mark.parametrize(("first", "last", "zone"), PERIODS)
async def test_cohorts_their_ranges_medians_and_fates(
    ask: Ask, story: Story, first: str, last: str, zone: str, days: int
) -> None:
    found = await ask("funnel", **{"from": first, "to": last, "zone": zone, "days": str(days)})
    expected = slow_stages.steps(
        story, date.fromisoformat(first), date.fromisoformat(last), ZoneInfo(zone), NOW, days
    )  # fmt: skip
    if not any(row["reached"] for row in expected):
        assert part(found, "cohort").rows == []
        return
    for row, real in zip(part(found, "cohort").rows, expected, strict=True):
        assert {name: row[name] for name in ("stage", "next", "reached", "unripe", "on", "median")} == {
            name: real[name] for name in ("stage", "next", "reached", "unripe", "on", "median")
        }
        ripe = real["reached"] - real["unripe"]
        if not ripe:
            assert (row["share"], row["low"], row["high"]) == (None, None, None)
            continue
        assert row["share"] == pytest.approx(real["on"] / ripe)
        assert (row["low"], row["high"]) == pytest.approx(slow_stages.wilson(real["on"], ripe))
    fates = ("on", "outside", "lost", "unsubscribed", "silent", "active")
    for row, real in zip(part(found, "drop-off").rows, expected, strict=False):
        assert {name: row[name] for name in fates} == {name: real[name] for name in fates}
        assert sum(row[name] for name in fates) == row["ripe"] == real["reached"] - real["unripe"]
    assert [row["on"] for row in part(found, "period").rows] == [real["by_period"] for real in expected]


async def test_the_weakest_step_is_named(ask: Ask) -> None:
    found = await ask("funnel", **YEAR)
    ripe = [row for row in part(found, "cohort").rows if row["high"] is not None]
    weakest = min(ripe, key=lambda row: row["high"])
    named = f"the weakest step is {weakest['stage']} to {weakest['next']}: "
    assert any(one.text.startswith(named) for one in found.findings)


@pytest.mark.parametrize(("first", "last", "zone"), PERIODS)
async def test_new_and_reopened_leads_and_their_cost(ask: Ask, story: Story, first: str, last: str, zone: str) -> None:
    table = part(await ask("nurture", **{"from": first, "to": last, "zone": zone, "by": "month"}), "leads")
    expected = slow_stages.nurture(story, date.fromisoformat(first), date.fromisoformat(last), ZoneInfo(zone))
    names = ("new", "cohort", "mqls", "times", "reopened", "spend")
    found = {row["period"][:7]: {name: row[name] for name in names if row[name]} for row in table.rows}
    real = {month: {name: many for name, many in row.items() if many} for month, row in expected.items()}
    assert {month: row for month, row in found.items() if row} == {month: row for month, row in real.items() if row}


async def test_campaign_costs_stand_in_the_months_in_which_it_was_deployed(ask: Ask) -> None:
    table = part(await ask("nurture", **YEAR, by="month"), "leads")
    months = {row["period"]: (row["campaigns"], row["labour"]) for row in table.rows}
    assert months == {
        **{f"2026-{month:02}-01": (0, 0) for month in range(1, 9)}, "2026-09-01": (31_010 + 50_000, 12_000),
        **{f"2026-{month:02}-01": (31_010, 12_000) for month in range(10, 13)},
    }  # fmt: skip
    assert table.total is not None
    total = table.total
    assert total["cost"] == total["spend"] + total["campaigns"] + total["labour"]
    assert total["per_mql"] == round(total["cost"] / total["mqls"])
    assert total["without_labour"] == round((total["spend"] + total["campaigns"]) / total["mqls"])
    days = part(await ask("nurture", **YEAR, by="day"), "leads").rows
    assert {row["per_mql"] for row in days if row["cost"] and not row["mqls"]} == {None}


async def test_touches_of_won_deals(ask: Ask, story: Story) -> None:
    (row,) = part(await ask("nurture", **YEAR), "touches").rows
    sizes = []
    for deal in story.deals:
        _, wins = slow.worth_over_time(deal)
        if wins and slow.days(date(2026, 1, 1), date(2026, 12, 31), BERLIN)(wins[0]):
            touched = [one.at for who in deal.people for one in story.people[who].touched]
            sizes.append(sum(wins[0] - timedelta(days=365) <= at <= wins[0] for at in touched))
    sizes.sort()
    middle = (sizes[(len(sizes) - 1) // 2] + sizes[len(sizes) // 2]) / 2
    assert (row["deals"], row["median"], row["mean"]) == (len(sizes), middle, pytest.approx(sum(sizes) / len(sizes)))


async def test_lift_counts_ripe_runs_alone_with_its_range(ask: Ask, story: Story) -> None:
    found = await ask("campaigns", **{"from": "2026-01-01", "to": "2027-02-28"})
    (row,) = part(found, "lift").rows
    within = slow.days(date(2026, 1, 1), date(2027, 2, 28), BERLIN)
    ripe = [one for one in story.runs if one.held is not None and within(one.started) and _due(one) < NOW]
    held, treated = [one for one in ripe if one.held], [one for one in ripe if not one.held]
    goals, others = sum(one.goal is not None for one in treated), sum(one.goal is not None for one in held)
    assert (row["treated"], row["held"]) == (len(treated), len(held))
    assert row["lift"] == pytest.approx(goals / len(treated) - others / len(held))
    assert (row["low"], row["high"]) == pytest.approx(slow_stages.newcombe(goals, len(treated), others, len(held)))
    assert row["verdict"].startswith("shows" if row["low"] > 0 or row["high"] < 0 else "could be chance")
    early = await ask("campaigns", **{"from": "2026-12-15", "to": "2027-02-28"})
    assert all(row["treated"] + row["held"] + row["unripe"] > 0 for row in part(early, "lift").rows)


def _due(one: Any) -> Any:
    local = one.started.astimezone(BERLIN).replace(tzinfo=None) + timedelta(days=30)
    return local.replace(tzinfo=BERLIN)


async def test_campaigns_have_their_runs_costs_and_revenue(ask: Ask, story: Story) -> None:
    found = await ask("campaigns", **YEAR, model="linear")
    rows = {row["campaign"]: row for row in part(found, "campaigns").rows}
    within = slow.days(date(2026, 1, 1), date(2026, 12, 31), BERLIN)
    entered = [one for one in story.runs if within(one.started)]
    row = rows["Nurture"]
    assert (row["entered"], row["goals"]) == (len(entered), sum(one.goal is not None for one in entered))
    assert (row["outside"], row["labour"]) == (4 * 31_010 + 50_000, 4 * 12_000)
    expected = sum(
        cents for deal in story.deals for at, place, cents in slow.booked(story, deal, "linear")
        if place == 3 and within(at)
    )  # fmt: skip
    assert row["revenue"] == expected != 0


async def test_a_period_that_has_not_begun_is_told(ask: Ask) -> None:
    for name in ("sources", "funnel", "nurture", "campaigns"):
        found = await ask(name, **{"from": "2028-01-01", "to": "2028-02-01"})
        assert "the period has not begun yet" in found.notes
    assert midnight(date(2028, 1, 1), "Europe/Berlin") > NOW
    assert ORDER == ("Visitor", "Lead", "MQL", "SQL")

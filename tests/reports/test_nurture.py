"""Emails, scores, activities and revenue lift, against a slow computation that shares no code with them."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from fractions import Fraction
from statistics import mean, median
from zoneinfo import ZoneInfo

import pytest

from engine.rules.reports.query import midnight
from engine.rules.reports.statistics import mean_difference
from engine.wording.events import deed
from tests.reports import slow, slow_nurture, slow_stages
from tests.reports.company import BERLIN, Story
from tests.reports.conftest import NOW, Ask
from tests.reports.test_stages import PERIODS, YEAR, _due, part

COUNTED = ("sent", "delivered", "opened", "clicked", "replied", "machine")


@pytest.mark.parametrize("name", ["emails", "steps", "programs"])
@pytest.mark.parametrize(("first", "last", "zone"), PERIODS[:3])
async def test_emails_are_counted_once_each(
    ask: Ask, story: Story, first: str, last: str, zone: str, name: str
) -> None:
    table = part(await ask("nurture", **{"from": first, "to": last, "zone": zone}), name)
    within = slow.days(date.fromisoformat(first), date.fromisoformat(last), ZoneInfo(zone))
    groups = defaultdict(list)
    for number, one in enumerate(story.letters):
        if within(one.at):
            groups[{"emails": one.template, "steps": f"s{number}", "programs": "Nurture"}[name]].append(one)
    key = {"emails": "template", "steps": "step", "programs": "campaign"}[name]
    found = {row[key]: {one: row[one] for one in COUNTED} for row in table.rows if row["sent"]}
    assert found == slow_nurture.emails(story, dict(groups))
    for row in table.rows:
        real = pytest.approx(row["opened"] / row["delivered"]) if row["delivered"] else None
        assert row.get("open_rate") == real
        assert row["machine_clicked"] == 0, "the story has openings by machines alone"


@pytest.mark.parametrize(("first", "last", "zone"), PERIODS)
async def test_scores_of_new_leads_at_the_end_of_the_period(
    ask: Ask, story: Story, first: str, last: str, zone: str
) -> None:
    rows = part(await ask("nurture", **{"from": first, "to": last, "zone": zone}), "scores").rows
    within = slow.days(date.fromisoformat(first), date.fromisoformat(last), ZoneInfo(zone))
    new = [one for one in story.people if (at := slow.first_time(one, "Lead")) is not None and within(at)]
    end = min(NOW + timedelta(microseconds=1), midnight(date.fromisoformat(last) + timedelta(days=1), zone))
    for model in {row["model"] for row in rows}:
        real = slow_nurture.scores(new, "" if model == "score" else model, end)
        mine = {row["channel"]: row for row in rows if row["model"] == model}
        assert mine.keys() == {*real, "all"}
        for channel, found in [*real.items(), ("all", [one for some in real.values() for one in some])]:
            row = mine[channel]
            assert (row["leads"], row["median"]) == (len(found), median(found))
            assert row["mean"] == pytest.approx(mean(found))
            assert [row[f"class{number}"] for number in range(6)] == [
                sum(low <= one < high for one in found)
                for low, high in ((-999, 1), (1, 25), (25, 50), (50, 75), (75, 100), (100, 9999))
            ]
    assert {row["model"] for row in rows} == ({"score", "fit"} if new else set()) or len(new) < 9


async def test_the_effect_of_what_leads_did(ask: Ask, story: Story) -> None:
    found = await ask("nurture", **YEAR)
    within = slow.days(date(2026, 1, 1), date(2026, 12, 31), BERLIN)
    new = [one for one in story.people if (at := slow.first_time(one, "Lead")) is not None and within(at)]
    expected = slow_nurture.effects(story, new, "MQL")
    rows = {row["activity"]: row for row in part(found, "activities").rows}
    assert len(rows) == len(expected) > 2
    for (type, name), (yes, did, others, whole) in expected.items():
        row = rows[said(type, name)]
        assert (row["did"], row["did_share"]) == (did, Fraction(yes, did))
        assert row["others_share"] == (Fraction(others, whole) if whole else None)
        if whole:
            assert (row["low"], row["high"]) == pytest.approx(slow_stages.newcombe(yes, did, others, whole))
            shows = row["low"] > 0 or row["high"] < 0
            assert row["verdict"] == ("shows" if shows else "no effect shown")
    assert any("an association, not a cause" in note for note in found.notes)


def said(type: str, name: str) -> str:
    from engine.model.lead import Event

    return deed(Event(seq=0, type=type, name=name, at=NOW))


async def test_the_lift_in_revenue_per_lead(ask: Ask, story: Story) -> None:
    found = await ask("campaigns", **{"from": "2026-01-01", "to": "2027-02-28"})
    (row,) = part(found, "lift").rows
    within = slow.days(date(2026, 1, 1), date(2027, 2, 28), BERLIN)
    ripe = [one for one in story.runs if one.held is not None and within(one.started) and _due(one) < NOW]
    treated, held = ([one for one in ripe if one.held is held] for held in (False, True))
    real = slow_nurture.mean(story, treated) - slow_nurture.mean(story, held)
    assert row["revenue"] == pytest.approx(real, abs=1)
    assert row["revenue_low"] < row["revenue"] < row["revenue_high"]


async def test_the_definition_that_stood_is_said(ask: Ask) -> None:
    notes = (await ask("nurture", **{"from": "2026-01-01", "to": "2027-02-28"})).notes
    assert any(note.startswith("MQL as defined by deployment 1 from ") for note in notes)


def test_a_bootstrap_by_hand() -> None:
    """Of n leads of whom k brought the same, a drawing has about k ± √k of them."""
    found = mean_difference([100] * 100, 1000, [], 1000)
    assert found is not None
    assert found.value == 10
    assert found.low == pytest.approx(10 - 1.96, abs=0.3)
    assert found.high == pytest.approx(10 + 1.96, abs=0.3)
    assert found == mean_difference([100] * 100, 1000, [], 1000)
    assert mean_difference([], 0, [5], 10) is None
    assert mean_difference([], 10, [], 10) == mean_difference([], 5, [], 5)

"""Content, segments, sales and scoring, against a slow computation that shares no code with them."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from fractions import Fraction
from statistics import median
from zoneinfo import ZoneInfo

import pytest

from tests.reports import slow, slow_content, slow_sales, slow_stages
from tests.reports.company import Story
from tests.reports.conftest import NOW, Ask
from tests.reports.test_stages import PERIODS, YEAR, part


@pytest.mark.parametrize(("first", "last", "zone"), PERIODS)
async def test_what_forms_and_files_bring(ask: Ask, story: Story, first: str, last: str, zone: str) -> None:
    (table,) = (await ask("content", **{"from": first, "to": last, "zone": zone})).tables
    names = ("shown", "sent", "known", "leads", "mqls", "touched", "credited")
    expected = slow_content.content(story, date.fromisoformat(first), date.fromisoformat(last), ZoneInfo(zone))
    found = {row["bait"]: {name: row[name] for name in names if row[name]} for row in table.rows}
    assert {bait: row for bait, row in found.items() if row} == expected
    for row in table.rows:
        assert row.get("rate") == (Fraction(row["sent"], row["shown"]) if row["shown"] else None)


async def test_a_form_that_many_see_and_few_send_is_found(ask: Ask) -> None:
    found = await ask("content", **YEAR)
    assert any(one.text.startswith('the form "demo" was shown ') for one in found.findings)


@pytest.mark.parametrize("by", ["segment", "country", "plan", "channel", "interest", "region"])
@pytest.mark.parametrize(("first", "last", "zone"), PERIODS)
async def test_leads_by_what_they_are(ask: Ask, story: Story, first: str, last: str, zone: str, by: str) -> None:
    (table,) = (await ask("segments", **{"from": first, "to": last, "zone": zone, "by": by})).tables
    days = date.fromisoformat(first), date.fromisoformat(last)
    names = ("leads", "later", "stage0", "stage1", "won", "revenue")
    expected = slow_content.segments(story, *days, ZoneInfo(zone), by)
    found = {row["value"]: {name: row[name] for name in names if row.get(name)} for row in table.rows}
    assert {value: row for value, row in found.items() if row} == expected
    whole = slow_content.segments(story, *days, ZoneInfo(zone), "channel")
    if table.total is not None:
        assert {name: table.total[name] for name in names} == {
            name: sum(row.get(name, 0) for row in whole.values()) for name in names
        }
    for row in table.rows:
        if row["leads"]:
            assert (row["low"], row["high"]) == pytest.approx(slow_stages.wilson(row["later"], row["leads"]))


@pytest.mark.parametrize(("first", "last", "zone"), PERIODS)
async def test_sales_by_team_and_member(ask: Ask, story: Story, first: str, last: str, zone: str) -> None:
    found = await ask("sales", **{"from": first, "to": last, "zone": zone})
    given = slow_sales.given(story, date.fromisoformat(first), date.fromisoformat(last), ZoneInfo(zone))
    by_member = defaultdict(list)
    for one in given:
        by_member[one.member].append(one)
    rows = [row for row in part(found, "members").rows if row["handoffs"]]
    assert {row["member"] for row in rows} == by_member.keys()
    for row in rows:
        real = slow_sales.follow_up(story, by_member[row["member"]], NOW)
        for name in ("handoffs", "missed", "accepted", "rejected", "overdue"):
            assert row[name] == real[name], name
    if given and last < "2027":
        end = slow.days(date(2000, 1, 1), date.fromisoformat(last), ZoneInfo(zone))
        scores = [sum(said.amount for said in story.people[one.person].points if not said.model and end(said.at))
                  for one in given]  # fmt: skip
        total = part(found, "teams").total
        assert total is not None
        assert total["score"] == median(scores)


async def test_the_work_list_is_ranked_and_says_why(ask: Ask, story: Story) -> None:
    rows = part(await ask("sales", **YEAR), "work").rows
    expected = slow_content.work(story, NOW)
    found = defaultdict(list)
    for row in rows:
        found[row["member"]].append(row["lead"])
        assert row["place"] == len(found[row["member"]])
    assert dict(found) == expected
    assert any(row["why"].startswith("time limit to acknowledge passed ") for row in rows)
    assert any(row["why"].startswith("at ") and "; score " in row["why"] for row in rows)


@pytest.mark.parametrize(("first", "last", "zone"), PERIODS)
async def test_scoring_rules_by_how_often_and_what_they_mean(
    ask: Ask, story: Story, first: str, last: str, zone: str
) -> None:
    (table,) = (await ask("scoring", **{"from": first, "to": last, "zone": zone})).tables
    days = date.fromisoformat(first), date.fromisoformat(last)
    found = {(row["model"], row["rule"]): (row["times"], row["points"], row["leads"]) for row in table.rows
             if row["times"]}  # fmt: skip
    assert found == slow_content.scoring(story, *days, ZoneInfo(zone))
    within = slow.days(*days, ZoneInfo(zone))
    new = [one for one in story.people if (at := slow.first_time(one, "Lead")) is not None and within(at)]
    effects = slow_content.effects(new)
    assert {(row["model"], row["rule"]) for row in table.rows if row.get("share") is not None} == effects.keys()
    for row in table.rows:
        if (key := (row["model"], row["rule"])) in effects:
            yes, had, others, whole = effects[key]
            assert (row["share"], row["others"]) == (Fraction(yes, had), Fraction(others, whole) if whole else None)
            assert (row["low"], row["high"]) == pytest.approx(slow_stages.newcombe(yes, had, others, whole))


async def test_what_there_is_now_is_said(ask: Ask) -> None:
    notes = (await ask("segments", **YEAR)).notes
    assert "leads are counted by the segment that they have now" in notes

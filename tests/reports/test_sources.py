"""The sources report, against a slow computation from the story that shares no code with it."""

from __future__ import annotations

from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from engine.rules.reports.attribution import FIXED
from engine.rules.reports.query import SOURCE_BY
from tests.reports import slow
from tests.reports.company import Story
from tests.reports.conftest import Ask

NAMES = ("visits", "leads", "by_form", "by_call", "by_chat", "by_other", "stage0", "stage1", "won", "revenue", "cost")


PERIODS = [
    ("2026-01-01", "2026-12-31", "Europe/Berlin"), ("2026-03-29", "2026-03-29", "Europe/Berlin"),
    ("2026-10-25", "2026-10-31", "Europe/Berlin"), ("2026-04-01", "2026-06-30", "America/New_York"),
    ("2025-01-01", "2025-06-30", "Europe/Berlin"), ("2020-01-01", "2027-02-28", "Asia/Kathmandu"),
]  # fmt: skip


@pytest.mark.parametrize("by", SOURCE_BY)
@pytest.mark.parametrize(("first", "last", "zone"), PERIODS)
async def test_every_figure_is_what_the_story_says(
    ask: Ask, story: Story, first: str, last: str, zone: str, by: str
) -> None:
    width = SOURCE_BY.index(by) + 1
    found = await ask("sources", **{"from": first, "to": last, "zone": zone, "by": by})
    (table,) = found.tables
    expected = slow.sources(story, found.first, found.last, ZoneInfo(zone), width, "last-non-direct")
    assert slow.counted(table.rows, NAMES, SOURCE_BY[:width]) == expected
    if table.total is not None:
        for name in NAMES:
            assert table.total[name] == sum(row.get(name, 0) for row in expected.values()), name
    else:
        assert expected == {}


@pytest.mark.parametrize("direct", [True, False])
@pytest.mark.parametrize("model", FIXED)
async def test_every_model_divides_the_same_revenue(ask: Ask, story: Story, model: str, direct: bool) -> None:
    switch = {} if direct else {"without-direct": "yes"}
    found = await ask(
        "sources", **{"from": "2026-01-01", "to": "2026-12-31", "model": model, "by": "keyword", **switch}
    )
    expected = slow.sources(story, found.first, found.last, slow.BERLIN, 4, model, direct)
    revenue = {key: {"revenue": row["revenue"]} for key, row in expected.items() if row.get("revenue")}
    assert slow.counted(found.tables[0].rows, ["revenue"], SOURCE_BY) == revenue
    assert found.tables[0].total is not None
    assert found.tables[0].total["revenue"] == sum(row.get("revenue", 0) for row in expected.values())


@pytest.mark.parametrize("model", ["data-driven", "shapley"])
async def test_learned_models_divide_it_too_and_say_what_they_learned_from(ask: Ask, story: Story, model: str) -> None:
    found, again = [
        await ask("sources", **{"from": "2026-01-01", "to": "2026-12-31", "model": model}) for _ in range(2)
    ]
    assert found.tables == again.tables
    expected = slow.sources(story, found.first, found.last, slow.BERLIN, 1, "first")
    assert found.tables[0].total is not None
    assert found.tables[0].total["revenue"] == sum(row.get("revenue", 0) for row in expected.values())
    won = sum(bool(slow.worth_over_time(deal)[0]) for deal in story.deals)
    assert any(f"learned from {won} won deals up to 2027-02-28" in note for note in found.notes)


async def test_what_has_no_rate_is_told_beside_the_figures(ask: Ask) -> None:
    found = await ask("sources", **{"from": "2026-01-01", "to": "2026-12-31"})
    assert any(note.startswith("not converted") and " CHF of revenue" in note for note in found.notes)
    assert any(
        "arrived after its end" in note
        for note in (await ask("sources", **{"from": "2026-03-01", "to": "2026-03-31"})).notes
    )


@pytest.mark.parametrize(("first", "last", "zone"), [one for one in PERIODS if one[0] >= "2026-02-02"])
async def test_visitors_are_different_ones(ask: Ask, story: Story, first: str, last: str, zone: str) -> None:
    found = await ask("sources", **{"from": first, "to": last, "zone": zone})
    expected, everybody = slow.visitors(story, found.first, found.last, ZoneInfo(zone))
    assert {row["channel"]: row["visitors"] for row in found.tables[0].rows if row["visitors"]} == expected
    assert found.tables[0].total is not None
    assert found.tables[0].total["visitors"] == everybody
    early = await ask("sources", **{"from": "2026-01-31", "to": last})
    assert "visitors" not in [column.key for column in early.tables[0].columns]
    assert any("single visits are kept from 2026-02-01 on" in note for note in early.notes)


async def test_as_restated_every_change_counts_on_the_day_of_winning(ask: Ask, story: Story) -> None:
    for first, last in (("2026-01-01", "2026-04-30"), ("2026-05-01", "2026-12-31")):
        found = await ask("sources", **{"from": first, "to": last, "model": "linear", "restated": "yes"})
        within = slow.days(found.first, found.last, slow.BERLIN)
        expected = sum(
            cents for deal in story.deals for at, _, cents in slow.booked(story, deal, "linear", restated=True)
            if within(at)
        )  # fmt: skip
        assert found.tables[0].total is not None
        assert found.tables[0].total["revenue"] == expected


async def test_earlier_periods_stand_beside(ask: Ask, story: Story) -> None:
    """Each with the figures that the story has for its own days, a row that is gone now included."""
    found = await ask("sources", **{"from": "2026-11-01", "to": "2026-11-30", "by": "source"})
    assert {name: (str(first), str(last)) for name, (first, last) in found.earlier.items()} == {
        "before": ("2026-10-01", "2026-10-31"), "year": ("2025-11-01", "2025-11-30"),
    }  # fmt: skip
    (table,) = found.tables
    for name, (first, last) in found.earlier.items():
        expected = slow.sources(story, first, last, slow.BERLIN, 2, "last-non-direct")
        for figure in ("leads", "revenue", "cost"):
            real = {key: row[figure] for key, row in expected.items() if row.get(figure)}
            key = f"{figure}_{name}"
            assert {(row["channel"], row["source"]): row[key] for row in table.rows if row[key]} == real
            assert table.total is not None
            assert (table.total[key] or 0) == sum(real.values())
    assert (await ask("sources", **{"from": "2026-11-01", "to": "2026-11-30", "alone": "yes"})).earlier == {}


async def test_what_stands_out_is_said_with_its_figures(ask: Ask, story: Story) -> None:
    found = await ask("sources", **{"from": "2026-01-01", "to": "2026-12-31", "by": "source"})
    assert 0 < len(found.findings) <= 5
    stakes = [one.stake for one in found.findings]
    assert stakes == sorted(stakes, reverse=True)
    assert any(" CHF of revenue has no rate" in one.text for one in found.findings)
    expected = slow.sources(story, found.first, found.last, slow.BERLIN, 2, "last-non-direct")
    leads, revenue = (sum(row.get(name, 0) for row in expected.values()) for name in ("leads", "revenue"))
    for one in found.findings:
        if "of new leads" in one.text:
            row = next(row for key, row in expected.items() if key[1] == one.figures["source"])
            assert one.figures["share_of_leads"] == Fraction(row["leads"], leads)
            assert one.figures["share_of_revenue"] == Fraction(max(0, row.get("revenue", 0)), revenue)

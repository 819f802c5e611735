"""Reports as known on a day, against a slow computation from the story as far as it had been told by then."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.reports import slow, slow_deals, slow_sales, slow_stages
from tests.reports.company import BERLIN, PLACES, Bargain, Story
from tests.reports.conftest import Ask
from tests.reports.test_stages import filled, part

UNKNOWN = datetime(2099, 1, 1, tzinfo=UTC)
MADE = ("by_form", "by_call", "by_chat", "by_other")
DAYS = ("2026-04-30", "2026-09-30")


def told_by(story: Story, end: datetime) -> Story:
    """Only what had been taken in before `end`. The `n`th act of a person is taken in n % 3 days after it happened."""
    cut = deepcopy(story)
    for one in cut.people:
        one.moves = [move for move in one.moves if move[1] < end]
        one.acts = [at for number, at in enumerate(one.acts) if at + timedelta(days=number % 3) < end]
        one.rejected = [
            at for number, at in enumerate(one.rejected, len(one.acts)) if at + timedelta(days=number % 3) < end
        ]
        one.touched = [touch for touch in one.touched if touch.at < end]
    known = {one.id for one in cut.people if one.created < end}
    for deal in cut.deals:
        deal.said = [said for said in deal.said if said.at < end]
    cut.deals = [deal for deal in cut.deals if deal.said]
    cut.people = [one if one.id in known else replace(one, created=UNKNOWN, moves=[], acts=[])
                  for one in cut.people]  # fmt: skip
    cut.spent, cut.rates = [], []
    cut.visits = [one for one in cut.visits if one[0] < end.astimezone(BERLIN).date()]
    cut.letters = [one for one in cut.letters if one.at < end]
    given = []
    for one in cut.given:
        names = ("acknowledged", "contacted", "closed")
        then = replace(
            one, **{name: at if (at := getattr(one, name)) is not None and at < end else None for name in names}
        )
        given.append(then if then.closed is not None else replace(then, outcome=None, reason=None))
    cut.given = [one for one in given if one.opened < end]
    return cut


def nameless(cut: Story, deal: Bargain, expected: dict[tuple[str, ...], dict[str, int]]) -> None:
    """A won deal none of whose leads was known by then has no source yet."""
    people = [cut.people[who] for who in deal.people]
    if all(one.created == UNKNOWN for one in people):
        place = PLACES[min(people, key=lambda one: (one.created, one.id)).place]
        expected[place.channel, place.source]["won"] -= 1
        row = expected.setdefault(("No touch known", ""), {})
        row["won"] = row.get("won", 0) + 1


def totals(table: Any, names: Sequence[str]) -> dict[str, Any]:
    return {name: (table.total or {}).get(name) or 0 for name in names}


@pytest.mark.parametrize("day", DAYS)
async def test_what_was_taken_in_later_is_left_out(ask: Ask, story: Story, day: str) -> None:
    known = date.fromisoformat(day)
    end = datetime.combine(known + timedelta(days=1), datetime.min.time(), BERLIN).astimezone(UTC)
    cut, span = told_by(story, end), {"from": "2026-01-01", "to": day, "as-known-on": day}
    first = date(2026, 1, 1)
    found = await ask("sources", **span, by="source")
    assert found.as_of == end
    assert any(note.startswith(f"as known on {day}: ") for note in found.notes)
    expected = slow.sources(cut, first, known, BERLIN, 2, "last-non-direct")
    for deal in cut.deals:
        _, wins = slow.worth_over_time(deal)
        if wins and first <= wins[0].astimezone(BERLIN).date() <= known:
            nameless(cut, deal, expected)
    names = ("visits", "leads", *MADE, "stage0", "stage1", "won", "revenue", "cost")
    assert slow.counted(found.tables[0].rows, names, ("channel", "source")) == {
        key: {name: many for name, many in row.items() if many} for key, row in expected.items() if any(row.values())
    }
    funnel = await ask("funnel", **span)
    stood = ("began", "came", "forward", "backward", "outside", "stay")
    assert filled(part(funnel, "flow").rows, "stage", stood) == slow_stages.flow(cut, first, known, BERLIN)
    steps = slow_stages.steps(cut, first, known, BERLIN, end, 90)
    for row, real in zip(part(funnel, "cohort").rows, steps, strict=True):
        assert [row[name] for name in ("reached", "unripe", "on")] == [
            real[name] for name in ("reached", "unripe", "on")
        ]
    opportunities = (await ask("opportunities", **span)).tables[0]
    stages = slow_deals.stages(cut, first, known, BERLIN, "stage", end)
    counted = ("standing", "progressed", "regressed", "stalled", "won", "lost")
    assert totals(opportunities, counted) == {
        name: sum(row.get(name, 0) for row in stages.values()) for name in counted
    }
    sales = part(await ask("sales", **span), "teams")
    given = slow_sales.follow_up(cut, slow_sales.given(cut, first, known, BERLIN), end)
    handed = ("handoffs", "missed", "accepted", "rejected", "overdue")
    assert totals(sales, handed) == {name: given[name] for name in handed}


async def test_nothing_is_left_behind_and_live_models_go_back_too(ask: Ask, story: Story) -> None:
    end = datetime(2026, 10, 1, tzinfo=BERLIN).astimezone(UTC)
    span = {"from": "2026-01-01", "to": "2026-09-30"}
    before = (await ask("sources", **span)).tables
    found = await ask("sources", **span, model="data-driven", **{"as-known-on": "2026-09-30"})
    cut = told_by(story, end)
    real = slow.sources(cut, date(2026, 1, 1), date(2026, 9, 30), BERLIN, 1, "first")
    assert totals(found.tables[0], ["revenue"]) == {"revenue": sum(row.get("revenue", 0) for row in real.values())}
    assert (await ask("sources", **span)).tables == before

"""One event that ends a run and starts the next: it is judged for leaving first, whatever kind of start it is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.simulation.twins import Act, in_simulation, on_stage
from tests.support.stage import company, open_stage

HEAD = (
    company("mail is allowed until opt-out")
    + """
form "in"
    ask email required
field renewal date
event "order"
segment "Big"
    city is "Big"
scoring
    +10 when event "order" happens
lifecycle
    stage Visitor
    stage Lead
        when form is submitted
    stage MQL
        when event "mql" happens
"""
)
ORDER = [Act(30, "happen", "order")]
DAY = 24 * 60
KINDS = {
    "event": ('event "order" happens', ORDER * 3, 3),
    "with where": ('event "order" happens where item is "a"', [Act(5, "happen", "order", {"item": "a"})] * 3, 3),
    "form": ('form "in" is submitted', [Act(DAY, "post", "in")] * 2, 3),
    "counted": ('event "order" happens 2 times within 7 days', ORDER * 6, 3),
    "absence": ('event "order" happens and then no event "paid" happens within 1 hour',
                [Act(90, "happen", "order")] * 3, 3),
    "score": ("score reaches 20", ORDER * 2, 1),
    "list": ('list "L" is joined', [Act(5, f"list.{verb}", "L") for verb in ("joined", "left", "joined")], 2),
    "segment": ('segment "Big" is entered', [Act(5, "tell", "", {"city": city}) for city in ("Big", "x", "Big")], 2),
    "field": ("field city changes", [Act(5, "tell", "", {"city": city}) for city in ("a", "b", "c")], 3),
    "date": ("1 day before renewal", [
        Act(5, "tell", "", {"renewal": "2026-09-05"}), Act(6 * DAY, "tell", "", {"renewal": "2026-09-15"}),
    ], 2),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
async def test_the_run_leaves_and_the_next_one_starts(new_database, kind: str):
    event, acts, many = KINDS[kind]
    text = (
        HEAD
        + f"""
campaign "C"
    starts when {event}
    enters every time
    leaves when {event}
    flow
        wait 300 days
        add 1 points
"""
    )
    acts = [Act(0, "post", "in"), *acts]
    async with open_stage(new_database(), text) as stage:
        lead, real = await on_stage(stage, acts, timedelta(days=20))
        assert await in_simulation(stage, acts, timedelta(days=20), lead) == real
    runs = real["runs"]
    assert [(number, state) for _, number, state, _, _ in runs] == [
        *((number, "ended") for number in range(1, many)), (many, "live")
    ]  # fmt: skip
    assert [ended for *_, ended in runs[:-1]] == [started for _, _, _, started, _ in runs[1:]]


async def test_a_block_on_leaving_runs_beside_the_new_run(new_database):
    text = (
        HEAD
        + """
campaign "C"
    starts when event "order" happens
    enters every time
    leaves when event "order" happens
        send "bye" as transactional
    flow
        send "hello" as transactional
        wait 300 days
        add 1 points
"""
    )
    acts = [Act(0, "post", "in"), *ORDER, *ORDER]
    async with open_stage(new_database(), text) as stage:
        lead, real = await on_stage(stage, acts, timedelta(days=1))
        assert await in_simulation(stage, acts, timedelta(days=1), lead) == real
    assert sorted(mail[0] for mail in real["mails"]) == ["bye", "hello", "hello"]


@pytest.mark.parametrize("enters", ["enters once", "enters again after 1 day"])
async def test_a_campaign_that_is_entered_seldom_is_not_entered_by_what_ends_it(new_database, enters: str):
    text = (
        HEAD
        + f"""
campaign "C"
    starts when event "order" happens
    {enters}
    leaves when event "order" happens
    flow
        wait 300 days
        add 1 points
"""
    )
    async with open_stage(new_database(), text) as stage:
        _, real = await on_stage(stage, [Act(0, "post", "in"), *ORDER, *ORDER], timedelta(days=1))
    assert [(number, state) for _, number, state, _, _ in real["runs"]] == [(1, "ended")]

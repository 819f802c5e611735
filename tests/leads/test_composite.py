"""Patterns that take more than one event: counted, followed by nothing, silent; and what a stage does about silence."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from dsl.plan import (
    Absence,
    AddPoints,
    Arm,
    Compare,
    Duration,
    EventRef,
    Has,
    Not,
    Pattern,
    Reactivation,
    Reentry,
    Scoring,
    Segment,
    Stage,
    Value,
    Wait,
)
from tests.support.programs import (
    ANN,
    START,
    campaign,
    deploy_program,
    events,
    happen,
    met,
    open_program,
    points,
    runs,
    sweep,
)

DAY = timedelta(days=1)


async def test_a_count_fires_when_it_is_full_and_begins_anew(fresh_database_url: str) -> None:
    pattern = Pattern(type="page.visited", name="/pricing*", times=3, within=Duration(days=7))
    async with open_program(fresh_database_url, scorings=(Scoring(rules=(points(10, pattern),)),)) as stage:
        for path in ("/pricing", "/other", "/pricing/x"):
            await happen(stage, "page.visited", path)
        assert await met(stage, pattern) == 0
        await happen(stage, "page.visited", "/pricing", {"title": "Prices"})
        assert await met(stage, pattern) == 1
        assert (await events(stage, "pattern.met"))[0].data == {"title": "Prices"}, "the data of the one that filled it"
        for _ in range(2):
            await happen(stage, "page.visited", "/pricing")
        assert await met(stage, pattern) == 1, "the first three do not count again"
        await happen(stage, "page.visited", "/pricing")
        assert await met(stage, pattern) == 2
        assert (
            await stage.rows(
                "SELECT scores FROM leads",
            )
        )[0].scores == {"": 20}


async def test_each_of_several_events_counts(fresh_database_url: str) -> None:
    """`meeting is booked or held 2 times within 7 days`: whichever comes last fills it."""
    pattern = Pattern(type="meeting.booked", also=("meeting.held",), times=2, within=Duration(days=7))
    async with open_program(fresh_database_url, scorings=(Scoring(rules=(points(1, pattern),)),)) as stage:
        await happen(stage, "meeting.booked", "")
        assert await met(stage, pattern) == 0
        await happen(stage, "meeting.held", "")
        assert await met(stage, pattern) == 1


async def test_what_is_too_old_does_not_count(fresh_database_url: str) -> None:
    pattern = Pattern(type="page.visited", times=2, within=Duration(days=7))
    async with open_program(fresh_database_url, scorings=(Scoring(rules=(points(1, pattern),)),)) as stage:
        await happen(stage, "page.visited", "/a")
        stage.clock.advance(8 * DAY)
        await happen(stage, "page.visited", "/a")
        assert await met(stage, pattern) == 0
        stage.clock.advance(6 * DAY)
        await happen(stage, "page.visited", "/a")
        assert await met(stage, pattern) == 1


async def test_absence_happens_at_the_end_of_its_time_with_the_first_events_data(fresh_database_url: str) -> None:
    gone = Absence(type="order.placed", same="id", within=Duration(minutes=120))
    pattern = Pattern(type="cart.updated", absent=gone)
    plan = campaign("Cart", pattern, reentry=Reentry(kind="always"))
    async with open_program(fresh_database_url, plan) as stage:
        await happen(stage, "cart.updated", "cart", {"id": "c1", "amount": 90})
        await happen(stage, "cart.updated", "cart", {"id": "c2", "amount": 10})
        stage.clock.advance(timedelta(minutes=60))
        await happen(stage, "order.placed", "order", {"id": "c2"})
        stage.clock.advance(timedelta(minutes=59))
        await sweep(stage)
        assert await met(stage, pattern) == 0
        stage.clock.advance(timedelta(minutes=1))
        await sweep(stage)
        assert [one.data for one in await events(stage, "pattern.met")] == [{"id": "c1", "amount": 90}]
        assert await runs(stage) == ["Cart"]
        await sweep(stage)
        assert await met(stage, pattern) == 1
        assert await stage.rows("SELECT * FROM lead_clock WHERE what LIKE 'absent%%'") == []


async def test_what_comes_after_the_time_does_not_save_it_however_late_the_sweep(fresh_database_url: str) -> None:
    pattern = Pattern(type="cart.updated", absent=Absence(type="order.placed", within=Duration(minutes=120)))
    async with open_program(fresh_database_url, campaign("Cart", pattern)) as stage:
        await happen(stage, "cart.updated", "cart")
        stage.clock.advance(timedelta(minutes=121))
        await happen(stage, "order.placed", "order")
        stage.clock.advance(DAY)
        await sweep(stage)
        assert await met(stage, pattern) == 1


async def test_a_count_followed_by_nothing(fresh_database_url: str) -> None:
    gone = Absence(type="form.submitted", name="demo", within=Duration(days=1))
    pattern = Pattern(type="page.visited", times=2, within=Duration(days=7), absent=gone)
    async with open_program(fresh_database_url, campaign("Visits", pattern)) as stage:
        for _ in range(3):
            await happen(stage, "page.visited", "/a")
        stage.clock.advance(DAY)
        await sweep(stage)
        assert await met(stage, pattern) == 1, "two visits make a count, the third begins another"


HOURS_2 = Duration(minutes=120)
_CHANGES: dict[str, tuple[Absence, list[tuple[int, str | None]], list[int]]] = {
    "one cart, three changes": (
        Absence(type="order.placed", within=HOURS_2),
        [(0, "c1"), (60, "c1"), (100, "c1")],
        [220],
    ),
    "two carts": (Absence(type="order.placed", within=HOURS_2), [(0, "c1"), (60, "c2"), (90, "c1")], [180, 210]),
    "no id: the lead's": (Absence(type="order.placed", within=HOURS_2), [(0, None), (60, None)], [180]),
    "a key that was named": (Absence(type="order.placed", same="shop", within=HOURS_2), [(0, "c1"), (60, "c2")], [180]),
    "after the reminder": (Absence(type="order.placed", within=HOURS_2), [(0, "c1"), (130, "c1")], [120, 250]),
    "at the very end": (Absence(type="order.placed", within=HOURS_2), [(0, "c1"), (120, "c1")], [240]),
}


@pytest.mark.parametrize("name", _CHANGES)
async def test_the_time_of_an_absence_starts_again_for_the_same_thing(
    new_database: Callable[[], str], name: str
) -> None:
    absent, changes, reminders = _CHANGES[name]
    pattern = Pattern(type="cart.updated", absent=absent)
    async with open_program(new_database(), campaign("Cart", pattern, reentry=Reentry(kind="always"))) as stage:
        begin = stage.clock.now()
        for minute in range(0, 300, 10):
            stage.clock.set(begin + timedelta(minutes=minute))
            for at, cart in changes:
                if at == minute:
                    await happen(stage, "cart.updated", "cart", {"shop": "north", **({"id": cart} if cart else {})})
            await sweep(stage)
        found = [(one.at - begin) // timedelta(minutes=1) for one in await events(stage, "pattern.met")]
        assert found == reminders


async def test_a_count_that_fills_again_starts_its_absence_again(fresh_database_url: str) -> None:
    gone = Absence(type="form.submitted", name="demo", within=Duration(days=1))
    pattern = Pattern(type="page.visited", times=2, within=Duration(days=7), absent=gone)
    async with open_program(fresh_database_url, campaign("Visits", pattern)) as stage:
        for _ in range(4):
            await happen(stage, "page.visited", "/a")
            stage.clock.advance(timedelta(hours=1))
        stage.clock.advance(DAY)
        await sweep(stage)
        assert await met(stage, pattern) == 1


async def test_a_lead_is_inactive_once_per_silence_and_mails_do_not_count(fresh_database_url: str) -> None:
    pattern = Pattern(type="lead.inactive", silent=Duration(days=30))
    async with open_program(fresh_database_url, scorings=(Scoring(rules=(points(-15, pattern),)),)) as stage:
        await happen(stage, "page.visited", "/a")
        stage.clock.advance(20 * DAY)
        await happen(stage, "email.opened", "x")
        await happen(stage, "page.visited", "/b")
        rows = await stage.rows("SELECT due_at FROM lead_clock")
        assert [one.due_at for one in rows] == [stage.clock.now() + 10 * DAY], "activity never moves a row"
        stage.clock.advance(10 * DAY)
        await sweep(stage)
        assert await met(stage, pattern) == 0
        stage.clock.advance(20 * DAY)
        await sweep(stage)
        await sweep(stage)
        assert await met(stage, pattern) == 1
        assert (await stage.rows("SELECT scores FROM leads"))[0].scores == {"": -15}
        stage.clock.advance(100 * DAY)
        await sweep(stage)
        assert await met(stage, pattern) == 1, "it is still the same silence"
        await happen(stage, "page.visited", "/a")
        stage.clock.advance(30 * DAY)
        await sweep(stage)
        assert await met(stage, pattern) == 2


async def test_a_lead_returns_after_its_stages_time_or_thirty_days(fresh_database_url: str) -> None:
    back = Pattern(type="lead.returned")
    stages = (
        Stage(name="Visitor", source="l:1"),
        Stage(name="Lead", source="l:2", reactivate=Reactivation(after=Duration(days=5), campaign="Wake up")),
    )
    plan = campaign("Back", back, reentry=Reentry(kind="always"))
    async with open_program(fresh_database_url, plan, stages=stages) as stage:
        await happen(stage, "page.visited", "/a")
        stage.clock.advance(29 * DAY)
        await happen(stage, "page.visited", "/a")
        assert await events(stage, "lead.returned") == []
        stage.clock.advance(30 * DAY)
        await happen(stage, "page.visited", "/a")
        assert len(await events(stage, "lead.returned")) == 1
        assert await runs(stage) == ["Back"]


async def test_silence_at_a_stage_enters_its_campaign_once(fresh_database_url: str) -> None:
    again = Reactivation(after=Duration(days=90), campaign="Wake up")
    wake = campaign("Wake up", reentry=Reentry(kind="always"))
    async with open_program(
        fresh_database_url, wake, stages=(Stage(name="Lead", source="l:1", reactivate=again),)
    ) as stage:
        await happen(stage, "page.visited", "/a")
        stage.clock.advance(60 * DAY)
        await happen(stage, "page.visited", "/a")
        stage.clock.advance(60 * DAY)
        await sweep(stage)
        assert await runs(stage) == []
        stage.clock.advance(30 * DAY)
        await sweep(stage)
        assert await runs(stage) == ["Wake up"]
        stage.clock.advance(400 * DAY)
        await sweep(stage)
        assert await runs(stage) == ["Wake up"], "one silence, one campaign"


async def test_what_time_changes_at_the_same_moment_is_not_taken_for_the_silence(fresh_database_url: str) -> None:
    visited = Has(pattern=Pattern(type="page.visited"), within=Duration(days=30))
    quiet = Segment(name="Quiet", condition=Not(item=visited))
    again = Reactivation(after=Duration(days=30, minutes=30), campaign="Wake up")
    listening = campaign("Quiet", Pattern(type="segment.joined", name="Quiet"))
    stages = (Stage(name="Lead", source="l:1", reactivate=again),)
    waits = Wait(id="w", source="c:2", arms=(Arm(pattern=START, target=None, source="c:2"),))
    wake = campaign("Wake up", steps=(waits,))
    async with open_program(fresh_database_url, wake, listening, segments=(quiet,), stages=stages) as stage:
        await happen(stage, "page.visited", "/a")
        for span in (30 * DAY - timedelta(hours=1), timedelta(hours=2)):
            stage.clock.advance(span)
            await sweep(stage)
        [run] = await stage.rows("SELECT position FROM enrolments WHERE campaign = 'Wake up'")
        assert run.position["branches"][0]["event"]["stage"] == "Lead", "it began because of the silence"


async def test_a_composite_pattern_narrowed_by_its_data(fresh_database_url: str) -> None:
    large = Compare(left=EventRef(name="amount"), op="ge", right=Value(value=100))
    pattern = Pattern(type="order.placed", times=2, within=Duration(days=7), where=large)
    async with open_program(fresh_database_url, scorings=(Scoring(rules=(points(1, pattern),)),)) as stage:
        for amount in (100, 20, 300):
            await happen(stage, "order.placed", "order", {"amount": amount})
        assert await met(stage, pattern) == 1


async def test_a_run_of_an_older_plan_still_hears_its_composite_pattern(fresh_database_url: str) -> None:
    pattern = Pattern(type="page.visited", times=2, within=Duration(days=7))
    steps = (
        Wait(id="w", source="c:2", arms=(Arm(pattern=pattern, target="p", source="c:2"),)),
        AddPoints(id="p", source="c:3", amount=7),
    )
    async with open_program(fresh_database_url, campaign("Old", START, steps=steps, entry="w")) as stage:
        await happen(stage, "custom", "start")
        await deploy_program(stage, campaign("Old", START))
        for _ in range(2):
            await happen(stage, "page.visited", "/a")
        assert (await stage.rows("SELECT scores FROM leads WHERE email = %(email)s", email=ANN))[0].scores == {"": 7}

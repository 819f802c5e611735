"""Tests of variants: chosen by chance while they last, afterwards the winner for everyone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dsl.plan import Duration, Goal, Leave, Plan, Variant, VariantTest
from engine.cli.results import verdict
from engine.leads.intake import click, opened
from engine.mail.links import link_id
from engine.reports.results import Result, arm_of, results
from engine.rules.conditions.shares import interval
from engine.runs.variant_tests import steps_of
from engine.store.variant_tests import numbers
from tests.support.programs import DEMO, campaign_with, enter, send, staged, wait
from tests.support.stage import Stage

DAY = timedelta(days=1)
NOW = datetime(2026, 9, 1, tzinfo=UTC)


def trial(percent: float = 100, by: str = "clicks", *, waits: bool = False, **more) -> Plan:
    """Variants a and b, each a mail; both go on to a third."""
    variants = (Variant(name="a", target="ma"), Variant(name="b", target="mb"))
    test = VariantTest(
        id="t", source="c:2", name="T", percent=percent, lasts=Duration(days=3), by=by, variants=variants, waits=waits
    )
    return campaign_with(test, send("ma", "after"), send("mb", "after"), send("after"), **more)


async def sent(stage: Stage) -> dict[str, list]:
    """step → its messages."""
    found: dict[str, list] = {"ma": [], "mb": [], "after": []}
    for row in await stage.rows("SELECT step, id, lead_id FROM messages ORDER BY at, id"):
        found[row.step].append(row)
    return found


async def entered(stage: Stage) -> int:
    """How many leads there are."""
    return int((await stage.rows("SELECT count(*) AS many FROM leads"))[0].many)


async def tried_on_some(stage: Stage, *, resting: bool = False) -> dict[str, list]:
    """The messages, once both variants have been tried; with `resting`, also once some lead waits for the winner."""
    for number in range(100):
        await enter(stage, number)
        mails = await sent(stage)
        rests = not resting or number + 1 > len(mails["ma"]) + len(mails["mb"])
        if mails["ma"] and mails["mb"] and number > 5 and rests:
            return mails
    raise AssertionError("a hundred leads, and all in one variant")


def test_a_variant_owns_the_steps_that_only_it_leads_to():
    plan = trial()
    assert steps_of(plan, plan.by_id["t"]) == {"a": {"ma"}, "b": {"mb"}}
    looping = campaign_with(plan.by_id["t"], send("ma", "t"), send("mb", "w"), wait("w", 1, "mb"))
    assert steps_of(looping, looping.by_id["t"]) == {"a": {"ma"}, "b": {"mb", "w"}}


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [(0, 0, 0, 1), (0, 10, 0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1), (50, 1000, 0.0381, 0.0653)],
)
def test_a_share_has_a_range_also_for_small_numbers(part: int, whole: int, low: float, high: float) -> None:
    assert interval(part, whole) == pytest.approx((low, high), abs=0.0001)


def test_a_stored_plan_that_says_nothing_of_the_rest_keeps_its_digest() -> None:
    stored = trial().model_dump(mode="json")
    for step in stored["steps"]:
        step.pop("waits", None)
    assert Plan.model_validate(stored).digest == trial().digest != trial(waits=True).digest


async def test_the_rest_waits_for_the_winner_and_then_all_go_on(new_database):
    async with staged(new_database(), trial(40, waits=True)) as stage:
        mails = await tried_on_some(stage, resting=True)
        many = await entered(stage)
        tried = len(mails["ma"]) + len(mails["mb"])
        rests = await stage.rows("SELECT what, due_at FROM waits")
        ends = (await stage.rows("SELECT ends_at FROM tests"))[0].ends_at
        assert {(one.what, one.due_at) for one in rests} == {('the winner of test "T"', ends)}
        assert len(rests) == many - tried
        for one in mails["mb"]:
            await click(stage.rt, one.id, link_id("https://acme.example/mb"))
        await stage.pass_time(2 * DAY)
        assert len((await sent(stage))["mb"]) == len(mails["mb"])
        await stage.pass_time(2 * DAY)
        after = await sent(stage)
    assert (len(after["ma"]), len(after["mb"])) == (len(mails["ma"]), many - len(mails["ma"]))
    assert len(after["after"]) == many


async def test_the_first_lead_may_be_one_that_waits(new_database):
    async with staged(new_database(), trial(0.000001, waits=True)) as stage:
        await enter(stage, 1)
        assert await sent(stage) == {"ma": [], "mb": [], "after": []}
        await stage.pass_time(4 * DAY)
        assert {step: len(mails) for step, mails in (await sent(stage)).items()} == {"ma": 1, "mb": 0, "after": 1}


async def test_a_lead_that_waits_for_a_winner_can_leave(new_database):
    leaving = (Leave(pattern=DEMO, source="c:9"),)
    async with staged(new_database(), trial(0.000001, waits=True, leaves=leaving)) as stage:
        email = await enter(stage, 1)
        await stage.post("demo", email=email)
        await stage.pass_time(4 * DAY)
        assert await sent(stage) == {"ma": [], "mb": [], "after": []}


def test_a_test_whose_time_is_up_waits_for_the_next_lead() -> None:
    open_ = Result("C", "variants", "T", "clicks", NOW, (arm_of("a", 9, 2), arm_of("b", 9, 2)), NOW + DAY)
    assert verdict(open_, NOW).endswith("; the test runs until 2026-09-02 00:00 UTC")
    assert verdict(open_, NOW + DAY).endswith(" UTC, and the next lead to reach it settles it")


def test_nobody_is_ahead_while_ranges_overlap() -> None:
    few = Result("C", "variants", "T", "clicks", NOW, (arm_of("a", 10, 2), arm_of("b", 10, 5)))
    many = Result("C", "variants", "T", "clicks", NOW, (arm_of("a", 1000, 200), arm_of("b", 1000, 500)), NOW, "b")
    assert (few.leader, verdict(few, NOW)) == (None, "no clear winner yet: the difference may be chance")
    assert many.leader == many.arms[1]
    assert (
        verdict(many, NOW) == 'winner: "b", now sent to everyone; "b" is ahead, and chance is an unlikely explanation'
    )
    alone = Result("C", "subjects", "m", "opens", NOW, (arm_of("only", 9, 9), arm_of("never", 0, 0)))
    assert (alone.leader, verdict(alone, NOW)) == (None, 'only "only" has been sent so far')


async def test_what_variants_have_shown_is_told_with_its_range(new_database):
    async with staged(new_database(), trial()) as stage:
        mails = await tried_on_some(stage)
        await click(stage.rt, mails["mb"][0].id, link_id("https://acme.example/mb"))
        [shown] = await results(stage.rt.db)
        assert (shown.campaign, shown.name, shown.winner, shown.leader) == ("C", "T", None, None)
        assert [(arm.name, arm.leads, arm.successes) for arm in shown.arms] == [
            ("a", len(mails["ma"]), 0), ("b", len(mails["mb"]), 1)
        ]  # fmt: skip
        assert shown.arms[1].low < shown.arms[1].share <= shown.arms[1].high
        assert [one.name for one in await results(stage.rt.db, "c")] == ["T"]
        assert await results(stage.rt.db, "other") == []


async def test_what_subjects_have_shown_is_told_with_its_range(new_database):
    async with staged(new_database(), campaign_with(send("m", subjects=("A", "B")))) as stage:
        for number in range(8):
            await enter(stage, number)
        rows = await stage.rows("SELECT id, variant FROM messages ORDER BY variant")
        await opened(stage.rt, rows[0].id)
        [shown] = await results(stage.rt.db)
        assert (shown.what, shown.name, shown.by, shown.ends_at) == ("subjects", "m", "opens", None)
        assert sum(arm.leads for arm in shown.arms) == len(rows) == 8
        assert {arm.name: arm.successes for arm in shown.arms if arm.successes} == {rows[0].variant: 1}


async def test_the_variant_that_was_clicked_more_often_wins(new_database):
    async with staged(new_database(), trial()) as stage:
        mails = await tried_on_some(stage)
        many = len(mails["after"])
        for message in mails["after"]:  # what follows the test proves nothing
            await click(stage.rt, message.id, link_id("https://acme.example/after"))
        await click(stage.rt, mails["mb"][0].id, link_id("https://acme.example/mb"))
        await stage.settle()
        async with stage.rt.db.hot() as hot:
            [shown] = await numbers(hot, "C")
        assert (shown.winner, shown.best) == (None, "b")
        assert [(one.variant, one.leads, one.successes) for one in shown.variants] == [
            ("a", len(mails["ma"]), 0), ("b", len(mails["mb"]), 1)
        ]  # fmt: skip
        await stage.pass_time(3 * DAY)
        for number in range(200, 206):
            await enter(stage, number)
        later = await sent(stage)
        assert (len(later["ma"]), len(later["mb"])) == (len(mails["ma"]), len(mails["mb"]) + 6)
        async with stage.rt.db.hot() as hot:
            [shown] = await numbers(hot, "C", "T")
        assert shown.winner == "b"
        assert shown.decided_at == stage.clock.now()
        assert sum(one.leads for one in shown.variants) == many, "those after the test were not tried on"


async def test_the_others_get_the_first_and_of_equals_the_first_wins(new_database):
    async with staged(new_database(), trial(percent=0)) as stage:
        await enter(stage, 1)
        await enter(stage, 2)
        await stage.pass_time(4 * DAY)
        await enter(stage, 3)
        mails = await sent(stage)
        assert (len(mails["ma"]), len(mails["mb"])) == (3, 0)
        assert (await stage.rows("SELECT winner FROM tests"))[0].winner == "a"
        assert await stage.rows("SELECT * FROM test_leads") == []


@pytest.mark.parametrize("by", ["opens", "goal"])
async def test_by_opens_or_by_the_goal(new_database, by):
    async with staged(new_database(), trial(by=by, goal=Goal(pattern=DEMO, source="c:1"))) as stage:
        mails = await tried_on_some(stage)
        winner = mails["mb"][0]
        if by == "opens":
            await opened(stage.rt, winner.id)
        else:
            rows = await stage.rows("SELECT email FROM leads WHERE id = %(id)s", id=winner.lead_id)
            await stage.post("demo", email=rows[0].email)
        await stage.pass_time(4 * DAY)
        await enter(stage, 200)
        assert (await stage.rows("SELECT winner FROM tests"))[0].winner == "b"

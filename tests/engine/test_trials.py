"""Tests of variants: chosen by chance while they last, afterwards the winner for everyone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dsl.plan import Duration, Goal, Plan, Variant, VariantTest
from engine.intake import click, opened
from engine.mail.links import link_id
from engine.runs.trials import numbers, steps_of
from tests.support.plans import DEMO, campaign, enter, send, staged, wait
from tests.support.stage import Stage

DAY = timedelta(days=1)


def trial(percent: float = 100, by: str = "clicks", **more) -> Plan:
    """Variants a and b, each a mail; both go on to a third."""
    variants = (Variant(name="a", target="ma"), Variant(name="b", target="mb"))
    test = VariantTest(
        id="t", source="c:2", name="T", percent=percent, lasts=Duration(days=3), by=by, variants=variants
    )
    return campaign(test, send("ma", "after"), send("mb", "after"), send("after"), **more)


async def sent(stage: Stage) -> dict[str, list]:
    """step → its messages."""
    found: dict[str, list] = {"ma": [], "mb": [], "after": []}
    for row in await stage.rows("SELECT step, id, lead_id FROM messages ORDER BY at, id"):
        found[row.step].append(row)
    return found


async def tried_on_some(stage: Stage) -> dict[str, list]:
    """The messages, once both variants have been tried."""
    for number in range(100):
        await enter(stage, number)
        mails = await sent(stage)
        if mails["ma"] and mails["mb"] and number > 5:
            return mails
    raise AssertionError("a hundred leads, and all in one variant")


def test_a_variant_owns_the_steps_that_only_it_leads_to():
    plan = trial()
    assert steps_of(plan, plan.by_id["t"]) == {"a": {"ma"}, "b": {"mb"}}
    looping = campaign(plan.by_id["t"], send("ma", "t"), send("mb", "w"), wait("w", 1, "mb"))
    assert steps_of(looping, looping.by_id["t"]) == {"a": {"ma"}, "b": {"mb", "w"}}


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

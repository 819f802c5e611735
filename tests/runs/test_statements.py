"""Each statement that changes a lead or their way, carried out against Postgres."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from dsl.plan import (
    Compare,
    Duration,
    EnterCampaign,
    EventRef,
    FieldRef,
    LeaveCampaign,
    ListStep,
    Qualify,
    Recycle,
    Relative,
    Repeat,
    SetField,
    Split,
    SplitArm,
    Stop,
    Today,
    TopicStep,
    Value,
    Wait,
)  # fmt: skip
from engine.leads.intake import unsubscribe
from engine.rules.conditions.chance import arm_of
from tests.support.programs import campaign_with, change, enter, lead, outcomes, send, staged, steps_of, wait

DAY = timedelta(days=1)


def set_field(id: str, field: str, value=None, next: str | None = None, add: bool = False) -> SetField:
    return SetField(id=id, source="c:2", field=field, value=value, next=next, add=add)


async def test_fields_are_set_emptied_and_counted_up(new_database):
    plan = campaign_with(
        set_field("a", "plan", Value(value="pro"), "b"),
        set_field("b", "city", EventRef(name="country"), "c"),
        set_field("c", "contract_end", Today(), "d"),
        set_field("d", "visits", Value(value=2), "e", add=True),
        set_field("e", "visits", Value(value=1), "f", add=True),
        set_field("f", "first_name", None, "g"),
        set_field("g", "company", FieldRef(name="plan")),
    )
    async with staged(new_database(), plan) as stage:
        email = await enter(stage, country="DE", first_name="Ann")
        found = (await lead(stage, email)).fields
    assert found["plan"] == found["company"] == "pro"
    assert (found["city"], found["contract_end"], found["visits"]) == ("DE", "2026-09-01", 3)
    assert "first_name" not in found


async def test_lists_are_joined_and_left(new_database):
    first = ListStep(id="a", source="c:2", list="Show", next="b")
    plan = campaign_with(first, ListStep(id="b", source="c:3", list="Other", next="c"),
                    ListStep(id="c", source="c:4", list="Show", remove=True))  # fmt: skip
    async with staged(new_database(), plan) as stage:
        email = await enter(stage)
        assert list((await lead(stage, email)).lists) == ["Other"]
        assert await steps_of(stage) == []


async def test_only_a_recorded_consent_subscribes_again(new_database):
    plan = campaign_with(
        TopicStep(id="a", source="c:2", topic="news", remove=True, next="b"),
        TopicStep(id="b", source="c:3", topic="news", next="c"),
        TopicStep(id="c", source="c:4", topic="product"),
    )
    async with staged(new_database(), plan) as stage:
        email = await enter(stage)
        found = await lead(stage, email)
        rows = await stage.rows("SELECT state, record FROM consents ORDER BY seq")
        assert found.topics["news"] == "subscribed"
        assert "product" not in found.topics
        assert await steps_of(stage) == [("c", "skipped", "no recorded consent")]
    assert [row.state for row in rows] == ["subscribed", "unsubscribed", "subscribed"]
    assert rows[2].record["campaign"] == "C"


async def test_who_has_left_a_topic_is_not_subscribed_again(new_database):
    plan = campaign_with(wait("w", 1, "a"), TopicStep(id="a", source="c:3", topic="news"))
    async with staged(new_database(), plan) as stage:
        email = await enter(stage)
        await unsubscribe(stage.rt, (await lead(stage, email)).id, "news", "link")
        await stage.pass_time(2 * DAY)
        assert (await lead(stage, email)).topics["news"] == "unsubscribed"
        assert await steps_of(stage) == [("a", "skipped", "no recorded consent")]


async def test_recycling_goes_back_with_its_reason_and_never_forward(new_database):
    back = Recycle(id="b", source="c:3", reason="not ready", next="c")
    plan = campaign_with(Qualify(id="a", source="c:2", stage="MQL", next="b"), back,
                    Recycle(id="c", source="c:4", stage="SQL", reason="no"))  # fmt: skip
    async with staged(new_database(), plan) as stage:
        email = await enter(stage)
        assert (await lead(stage, email)).stage == "Lead"
        rows = await stage.rows("SELECT stage, reason FROM stages ORDER BY seq")
        assert tuple(rows[-1]) == ("Lead", "c:3: not ready")
        assert await outcomes(stage) == [("C", "ended", "finished")]


async def test_a_split_keeps_its_shares_and_is_the_same_for_a_lead_every_time(new_database):
    arms = tuple(SplitArm(percent=percent, name=id, target=id) for id, percent in (("x", 30), ("y", 70)))
    split = Split(id="s", source="c:2", arms=arms)
    plan = campaign_with(split, set_field("x", "plan", Value(value="x")), set_field("y", "plan", Value(value="y")))
    again = campaign_with(*plan.steps, name="c")
    async with staged(new_database(), plan) as stage:
        for number in range(5):
            await enter(stage, number)
        found = await stage.rows("SELECT id, fields->>'plan' AS way FROM leads")
    assert 2700 < sum(arm_of(split, plan, UUID(int=n)) == "x" for n in range(10_000)) < 3300
    assert all(arm_of(split, again, row.id) == row.way for row in found)


async def test_rounds_come_from_start_to_start_until_the_condition_holds(new_database):
    done = Compare(left=FieldRef(name="visits"), op="ge", right=Value(value=3))
    loop = Repeat(id="r", source="c:2", times=5, every=Duration(days=14), until=done, body="m", next="end")
    plan = campaign_with(loop, send("m", "w"), wait("w", 2, "p"),
                    set_field("p", "visits", Value(value=1), "r", add=True), send("end"))  # fmt: skip
    async with staged(new_database(), plan) as stage:
        await enter(stage)
        await stage.pass_time(90 * DAY)
        rows = await stage.rows("SELECT step, visit, at FROM messages ORDER BY at")
    assert [(row.step, row.visit) for row in rows] == [("m", "0/1"), ("m", "0/2"), ("m", "0/3"), ("end", "0")]
    assert [(row.at - rows[0].at).days for row in rows] == [0, 14, 28, 42]


async def test_nested_rounds_have_visits_of_their_own(new_database):
    plan = campaign_with(
        Repeat(id="r", source="c:2", times=2, body="q", next="end"),
        Repeat(id="q", source="c:3", times=2, body="m", next="r"), send("m", "q"), send("end"),
    )  # fmt: skip
    async with staged(new_database(), plan) as stage:
        await enter(stage)
        rows = await stage.rows("SELECT visit FROM messages WHERE step = 'm' ORDER BY visit")
        assert [row.visit for row in rows] == ["0/1/1", "0/1/2", "0/2/1", "0/2/2"]
        assert len(stage.mailer.mails) == 5


async def test_many_rounds_in_one_go_are_worked_through_call_by_call(new_database):
    plan = campaign_with(Repeat(id="r", source="c:2", times=450, body="p"),
                    set_field("p", "visits", Value(value=1), "r", add=True))  # fmt: skip
    async with staged(new_database(), plan) as stage:
        email = await enter(stage)
        assert (await lead(stage, email)).fields["visits"] == 450


def relative(days: int = 7, **more) -> Wait:
    until = Relative(field="contract_end", offset=Duration(days=days), before=True)
    return Wait(id="w", source="c:2", until=until, then="due", missed="missed", **more)


async def test_a_wait_before_a_date_of_the_lead(new_database):
    async with staged(new_database(), campaign_with(relative(), send("due"), send("missed"))) as stage:
        await enter(stage, contract_end="2026-10-20")
        await stage.pass_time(60 * DAY)
        rows = await stage.rows("SELECT step, at FROM messages")
    assert [(row.step, row.at.isoformat()) for row in rows] == [("due", "2026-10-13T07:00:00+00:00")]


@pytest.mark.parametrize("date", ["2026-09-03", None])
async def test_a_date_that_is_past_or_unknown_is_missed(new_database, date):
    async with staged(new_database(), campaign_with(relative(), send("due"), send("missed"))) as stage:
        await enter(stage, **({"contract_end": date} if date else {}))
        assert [mail.category for mail in stage.mailer.mails] == ["missed"]


@pytest.mark.parametrize(
    ("date", "step", "at"),
    [("2026-11-20", "due", "2026-11-13"), ("2026-09-04", "missed", "2026-09-11"), ("2026-09-25", "due", "2026-09-18")],
)
async def test_the_wait_moves_with_the_field(new_database, date, step, at):
    async with staged(new_database(), campaign_with(relative(), send("due"), send("missed"))) as stage:
        email = await enter(stage, contract_end="2026-10-20")
        await stage.pass_time(10 * DAY)
        await change(stage, (await lead(stage, email)).id, "contract_end", date)
        await stage.pass_time(90 * DAY)
        rows = await stage.rows("SELECT step, at FROM messages")
    assert [(row.step, row.at.date().isoformat()) for row in rows] == [(step, at)]


async def test_entering_leaving_and_moving(new_database):
    other = campaign_with(wait("w", 30), name="Other", starts=())
    third = campaign_with(wait("w", 30), name="Third", starts=())
    plan = campaign_with(
        EnterCampaign(id="a", source="c:2", campaign="Other", next="b"), wait("b", 1, "c"),
        LeaveCampaign(id="c", source="c:3", campaign="Other", next="d"),
        EnterCampaign(id="d", source="c:4", campaign="Third", move=True, next="e"),
        Stop(id="e", source="c:4", outcome="moved"),
    )  # fmt: skip
    async with staged(new_database(), plan, other, third) as stage:
        await enter(stage)
        assert [one[:2] for one in await outcomes(stage)] == [("C", "live"), ("Other", "live")]
        await stage.pass_time(2 * DAY)
        assert await outcomes(stage) == [("C", "ended", "moved"), ("Other", "ended", "left"), ("Third", "live", None)]

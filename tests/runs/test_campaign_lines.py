"""What a campaign's own lines do while it runs: control group, goal, priority, dates, entering once per value."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from dsl.plan import (
    Duration,
    EnterCampaign,
    Goal,
    HandOff,
    Leave,
    ListStep,
    Notify,
    Pattern,
    Post,
    Qualify,
    Receiver,
    Reentry,
    Start,
)  # fmt: skip
from engine.leads.intake import Occurrence, record
from engine.rules.conditions.chance import in_control, share, subject_of
from engine.rules.runs.enrolment import Enrolment
from engine.rules.runs.position import Position
from tests.support.programs import (
    DEMO,
    WORKSPACE,
    FakePoster,
    campaign_with,
    enter,
    lead,  # fmt: skip
    outcomes,
    send,
    staged,
    steps_of,
    wait,
)
from tests.support.stage import TUESDAY

DAY = timedelta(days=1)
LIMITED = WORKSPACE.replace('    topic "news"', '    at most 1 emails per 7 days\n    topic "news"', 1)


# ── control group ────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_the_control_group_is_enrolled_and_gets_nothing(new_database):
    plan = campaign_with(
        send("m", "n"),
        Notify(id="n", source="c:2", to=(Receiver(kind="owner"),), template="hint", next="p"),
        Post(id="p", source="c:3", url="https://hooks.example/", next="l"),
        ListStep(id="l", source="c:4", list="Show", next="t"),
        send("t", "q", mode="transactional"),
        Qualify(id="q", source="c:5", stage="MQL", next="h"),
        HandOff(id="h", source="c:6", next="e"), wait("e", 1),
        control=100, goal=Goal(pattern=DEMO, source="c:1"),
    )  # fmt: skip
    async with staged(new_database(), plan) as stage:
        email = await enter(stage)
        assert stage.mailer.mails == []
        assert isinstance(stage.rt.poster, FakePoster)
        assert stage.rt.poster.parcels == []
        assert sorted(await steps_of(stage)) == [(id, "skipped", "control group") for id in "hlmnpt"]
        found = await lead(stage, email)
        assert (found.stage, dict(found.lists)) == ("MQL", {})
        assert await outcomes(stage) == [("C", "live", None)]
        assert [one.held_out for one in await stage.rows("SELECT held_out FROM enrolments")] == [True]
        await stage.post("demo", email=email)
        assert (await stage.rows("SELECT goal_at FROM enrolments"))[0].goal_at == TUESDAY


@pytest.mark.parametrize(("control", "stored", "held"), [(100, False, False), (None, True, True), (100, None, True)])
def test_who_is_held_out_is_decided_at_the_entry_whatever_the_file_says_later(control, stored, held):
    run = Enrolment(UUID(int=1), "C", 1, "d", "live", Position(()), TUESDAY, held_out=stored)
    assert run.controlled(campaign_with(send("m"), control=control), UUID(int=2)) is held


async def test_control_groups_of_two_campaigns_differ_and_have_their_size(new_database):
    one, other = campaign_with(send("m"), control=10), campaign_with(send("m"), name="D", control=10)
    leads = [UUID(int=n) for n in range(5000)]
    first, second = ({lead for lead in leads if in_control(plan, lead)} for plan in (one, other))
    assert 400 < len(first) < 600
    assert len(first & second) < 100
    assert all(0 <= share(lead, "x") < 100 for lead in leads)


# ── goal ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("days", "counts"), [(3, True), (20, True), (61, False)])
async def test_the_goal_counts_in_time_even_after_the_end(new_database, days, counts):
    sql = Pattern(type="stage.entered", name="SQL")
    goal = Goal(pattern=sql, within=Duration(days=60), source="c:1")
    async with staged(new_database(), campaign_with(wait("w", 10), goal=goal)) as stage:
        email = await enter(stage)
        await stage.pass_time(days * DAY)
        await stage.post("demo", email=email)
        rows = await stage.rows("SELECT goal_at FROM enrolments")
        assert rows[0].goal_at == (TUESDAY + days * DAY if counts else None)
        assert (await outcomes(stage))[0][2] == ("finished" if days > 10 else None)


async def test_a_goal_that_leaves_ends_the_run_with_its_block(new_database):
    goal = Goal(pattern=DEMO, leaves=True, source="c:1")
    plan = campaign_with(
        wait("w", 30), send("bye"), goal=goal, leaves=(Leave(pattern=DEMO, entry="bye", source="c:1"),)
    )
    async with staged(new_database(), plan) as stage:
        email = await enter(stage)
        await stage.post("demo", email=email)
        assert await outcomes(stage) == [("C", "ended", "goal")]
        assert await steps_of(stage) == [("bye", "accepted", "")]


async def test_a_goal_that_the_run_itself_reaches(new_database):
    goal = Goal(pattern=Pattern(type="stage.entered", name="MQL"), leaves=True, source="c:1")
    plan = campaign_with(Qualify(id="q", source="c:2", stage="MQL", next="m"), send("m"), goal=goal)
    async with staged(new_database(), plan) as stage:
        await enter(stage)
        assert await outcomes(stage) == [("C", "ended", "goal")]
        assert (await stage.rows("SELECT goal_at FROM enrolments"))[0].goal_at == TUESDAY
        assert stage.mailer.mails == []


async def test_a_goal_reached_too_late_does_not_end_the_run(new_database):
    goal = Goal(pattern=DEMO, within=Duration(days=1), leaves=True, source="c:1")
    async with staged(new_database(), campaign_with(wait("w", 30), goal=goal)) as stage:
        email = await enter(stage)
        await stage.pass_time(2 * DAY)
        await stage.post("demo", email=email)
        assert await outcomes(stage) == [("C", "live", None)]


# ── limits ───────────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_when_the_limit_bites_high_goes_before_normal_before_low(new_database):
    first = campaign_with(send("first"), name="A")
    rest = [campaign_with(wait("w", 1, name), send(name, within=Duration(days=90)), name=name, priority=priority)
            for name, priority in (("low", "low"), ("normal", ""), ("high", "high"))]  # fmt: skip
    async with staged(new_database(), first, *rest, workspace=LIMITED) as stage:
        await enter(stage)
        await stage.pass_time(40 * DAY)
        assert [mail.category for mail in stage.mailer.mails] == ["first", "high", "normal", "low"]


@pytest.mark.parametrize(
    ("first", "last", "enters"),
    [("2026-09-01", "2026-09-01", True), ("2026-09-02", "2027-01-01", False), ("2026-01-01", "2026-08-31", False)],
)
async def test_leads_enter_only_while_the_campaign_runs(new_database, first, last, enters):
    runs = (first, last)
    caller = campaign_with(EnterCampaign(id="e", source="c:2", campaign="C"), name="B")
    async with staged(new_database(), campaign_with(wait("w", 2, "m"), send("m"), runs=runs), caller) as stage:
        await enter(stage)
        await stage.pass_time(3 * DAY)
        assert [mail.category for mail in stage.mailer.mails] == (["m"] if enters else [])
        assert len(await outcomes(stage)) == (2 if enters else 1)


# ── entering ─────────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_one_run_per_value_side_by_side(new_database):
    order = Start(pattern=Pattern(type="order.placed"), source="c:1")
    plan = campaign_with(wait("w", 5, "m"), send("m"), starts=(order,), reentry=Reentry(kind="per", datum="id"))
    async with staged(new_database(), plan) as stage:
        for id in ("A-1", "A-2", "A-1"):
            await record(stage.rt, Occurrence("order.placed", "", {"id": id}, email="ann@x.example"))
            await stage.settle()
        rows = await stage.rows("SELECT per, number, state FROM enrolments ORDER BY number")
        assert [tuple(row) for row in rows] == [("A-1", 1, "live"), ("A-2", 2, "live")]
        await stage.pass_time(6 * DAY)
        assert len(stage.mailer.mails) == 2
        await record(stage.rt, Occurrence("order.placed", "", {"id": "A-2"}, email="ann@x.example"))
        await record(stage.rt, Occurrence("order.placed", "", {"id": "A-3"}, email="ann@x.example"))
        rows = await stage.rows("SELECT per, number, state FROM enrolments ORDER BY number")
        assert [tuple(row) for row in rows][2:] == [("A-3", 3, "live")]


async def test_events_without_the_value_count_as_one(new_database):
    order = Start(pattern=Pattern(type="order.placed"), source="c:1")
    plan = campaign_with(wait("w", 5, "m"), send("m"), starts=(order,), reentry=Reentry(kind="per", datum="id"))
    async with staged(new_database(), plan) as stage:
        for data in ({"amount": 1}, {"amount": 2}, {"id": "A-1"}):
            await record(stage.rt, Occurrence("order.placed", "", data, email="ann@x.example"))
            await stage.settle()
        assert [row.per for row in await stage.rows("SELECT per FROM enrolments ORDER BY number")] == ["", "A-1"]


# ── subject lines ────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_subject_lines_under_test_stay_with_the_lead_and_are_recorded(new_database):
    subjects = ("Plain", "Hello {{ lead.first_name }}\n!")
    plan = campaign_with(send("m", subjects=subjects))
    async with staged(new_database(), plan) as stage:
        rows: list = []
        while len({row.subject for row in rows}) < 2 and len(rows) < 100:
            await enter(stage, len(rows), first_name="Ann")
            rows = await stage.rows("SELECT lead_id, subject, variant FROM messages")
        assert {row.subject for row in rows} == {"Plain", "Hello Ann !"}
        assert {mail.subject for mail in stage.mailer.mails} == {"Plain", "Hello Ann !"}
    assert all(row.variant == subject_of(subjects, plan, "m", row.lead_id) for row in rows)
    assert all((row.variant == "Plain") == (row.subject == "Plain") for row in rows)

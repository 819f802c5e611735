"""`--move`: leads who rest at every kind of step go over to the new plan, or stay on theirs and it is said why."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from dsl.compile import compile_workspace
from engine.deploying import jobs, pauses
from engine.deploying.deploy import Deployed, How, deploy
from engine.leads.intake import click
from engine.mail.links import link_id
from engine.sales.handoffs import act
from tests.support.attacks import FORMS, HEAD, url_of, visit
from tests.support.invariants import broken
from tests.support.stage import Stage, open_stage

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SALES = """
team "Sales"
    takes all leads
    member "eva@acme.example"
"""
START = """
campaign "Guide"
    starts when form "in" is submitted
"""
BEFORE = START + """
    flow
        send "one"
        wait 3 days as step "pause"
        send "two"
"""  # fmt: skip


@pytest.fixture
def staged(new_database: Callable[[], str]) -> Callable[..., Any]:
    return lambda workspace, head=HEAD: open_stage(new_database(), head + FORMS + SALES + workspace)


def subjects(stage: Stage) -> list[str]:
    return [mail.subject for mail in stage.mailer.mails if mail.to.endswith("@lead.example")]


async def move_to(stage: Stage, workspace: str, head: str = HEAD, **how: Any) -> dict[str, int]:
    """Deploy with --move and let the workers do it; what became of the leads."""
    done = await put(stage, workspace, head, How(move=True, **how))
    result: dict[str, int] = {}
    while job := await jobs.carry(stage.rt):
        if job.finished and job.id in done.jobs:
            result |= job.result
    while await stage.rt.delivery.sweep():
        await stage.settle()
    await stage.settle()
    return result


async def put(stage: Stage, workspace: str, head: str = HEAD, how: How | None = None) -> Deployed:
    text = head + FORMS + SALES + workspace
    bundle = {
        f"templates/{name}.md": f"---\nsubject: {name}\n---\n[go](https://acme.example/{name})\n".encode()
        for name in {"two", "help", *re.findall(r'send "([^"]+)"', text)}
    }
    compiled = compile_workspace({"campaigns/test.campaign": text}, bundle.keys())
    assert compiled.program is not None, "\n".join(one.message for one in compiled.diagnostics)
    return await deploy(stage.rt.db, stage.clock, compiled.program, bundle, "test", how)


async def test_a_labelled_wait_that_became_shorter_ends_earlier(staged):
    async with staged(BEFORE) as stage:
        await stage.post("in", email="ann@lead.example")
        await stage.pass_time(HOUR)
        assert await move_to(stage, BEFORE.replace("3 days", "1 day")) == {"moved": 1}
        [run] = await stage.rows("SELECT digest, gen FROM enrolments")
        assert run.gen == 3, "moved, and then looked at with the new plan"
        [wait] = await stage.rows("SELECT due_at - (SELECT started_at FROM enrolments) AS rest FROM waits")
        assert wait.rest == DAY, "counted from when the lead came to it"
        await stage.pass_time(DAY)
        assert subjects(stage) == ["one", "two"]
        assert broken(url_of(stage)) == []


async def test_one_that_became_longer_ends_later_without_a_wake(staged):
    async with staged(BEFORE) as stage:
        await stage.post("in", email="ann@lead.example")
        woken = len(stage.runs.delivered)
        assert await move_to(stage, BEFORE.replace("3 days", "5 days")) == {"moved": 1}
        assert len(stage.runs.delivered) == woken
        await stage.pass_time(4 * DAY)
        assert subjects(stage) == ["one"]
        await stage.pass_time(DAY + HOUR)
        assert subjects(stage) == ["one", "two"]


async def test_a_wait_until_another_moment_is_looked_up_anew(staged):
    before = BEFORE.replace("wait 3 days", "wait until friday 09:00")
    async with staged(before) as stage:
        await stage.post("in", email="ann@lead.example")
        assert await move_to(stage, before.replace("friday", "wednesday")) == {"moved": 1}
        await stage.pass_time(DAY + 3 * HOUR)
        assert subjects(stage) == ["one", "two"]


async def test_a_changed_plan_after_the_wait_is_what_moved_leads_get_and_others_do_not(staged):
    after = BEFORE.replace('send "two"', 'send "new"')
    async with staged(BEFORE) as stage:
        await stage.post("in", email="ann@lead.example")
        await put(stage, after)
        await stage.post("in", email="ben@lead.example")
        await stage.pass_time(4 * DAY)
        assert [(mail.to[:3], mail.subject) for mail in stage.mailer.mails] == [
            ("ann", "one"), ("ben", "one"), ("ann", "two"), ("ben", "new"),
        ]  # fmt: skip


async def test_a_wait_with_arms_keeps_its_deadline_and_hears_the_new_arm(staged):
    before = START + """
    flow
        send "one"
        wait up to 3 days for email "one" is clicked as step "click"
            send "clicked"
        otherwise
            send "silent"
"""  # fmt: skip
    after = before.replace(
        "        otherwise", '        or for form "go" is submitted\n            send "went"\n        otherwise'
    )
    async with staged(before) as stage:
        for name in ("ann", "ben", "cy"):
            await stage.post("in", email=f"{name}@lead.example")
        await stage.pass_time(DAY)
        assert await move_to(stage, after) == {"moved": 3}
        await stage.post("go", email="ann@lead.example")
        await click(stage.rt, stage.mailer.mails[1].message_id, link_id("https://acme.example/one"))
        await stage.pass_time(2 * DAY)
        got = sorted((mail.to.partition("@")[0], mail.subject) for mail in stage.mailer.mails[3:])
        assert got == [("ann", "went"), ("ben", "clicked"), ("cy", "silent")]
        assert broken(url_of(stage)) == []


async def test_what_happened_just_before_the_move_still_ends_the_wait(staged):
    before = START + """
    flow
        send "one"
        wait up to 3 days for email "one" is clicked as step "click"
            send "clicked"
"""  # fmt: skip
    async with staged(before) as stage:
        await stage.post("in", email="ann@lead.example")
        stage.runs.down = True
        await click(stage.rt, stage.mailer.mails[0].message_id, link_id("https://acme.example/one"))
        done = await put(stage, before.replace("3 days", "9 days"), how=How(move=True))
        while await jobs.carry(stage.rt, done.jobs[0]):
            pass
        stage.runs.down = False
        stage.clock.advance(timedelta(minutes=1))
        await stage.rt.delivery.sweep()
        await stage.settle()
        assert subjects(stage) == ["one", "clicked"]


async def test_a_lead_with_sales_is_moved_and_the_decision_finds_the_new_case(staged):
    before = START + """
    flow
        hand off to sales as step "sales"
            when accepted
                send "thanks"
        send "after"
"""  # fmt: skip
    async with staged(before) as stage:
        await stage.post("in", email="ann@lead.example")
        assert await move_to(stage, before.replace('send "thanks"', 'send "welcome"')) == {"moved": 1}
        [handoff] = await stage.rows("SELECT id FROM handoffs")
        await act(stage.rt, handoff.id, "accept", "eva@acme.example", None)
        await stage.settle()
        assert subjects(stage) == ["welcome", "after"]
        assert broken(url_of(stage)) == []


async def test_a_held_mail_moves_with_its_place_in_the_queue(staged):
    night = HEAD + "    quiet hours from 06:00 to 20:00\n"
    before = START + '\n    flow\n        send "one" as step "first"\n        wait 30 days\n'
    async with staged(before, night) as stage:
        await stage.post("in", email="ann@lead.example")
        after = before.replace('send "one"', 'send "other"')
        assert await move_to(stage, after, night) == {"moved": 1}
        await stage.pass_time(DAY)
        assert subjects(stage) == ["other"]
        assert broken(url_of(stage)) == []


WHENEVER = HEAD + "    quiet hours from 06:00 to 20:00\n"
BESIDE = START + """
    flow
        wait 30 days as step "long"

    whenever page is visited
        send "help"
        add 5 points
"""  # fmt: skip


async def test_a_mail_held_in_a_whenever_moves_while_the_whenever_is_there(staged):
    async with staged(BESIDE, WHENEVER) as stage:
        await stage.post("in", email="ann@lead.example")
        await visit(stage.rt)
        await stage.settle()
        assert await move_to(stage, BESIDE.replace("30 days", "40 days"), WHENEVER) == {"moved": 1}
        await stage.pass_time(DAY)
        assert subjects(stage) == ["help"]
        [lead] = await stage.rows("SELECT scores FROM leads")
        assert lead.scores == {"": 5}


async def test_a_lead_stays_when_the_whenever_it_is_in_is_gone(staged):
    async with staged(BESIDE, WHENEVER) as stage:
        await stage.post("in", email="ann@lead.example")
        await visit(stage.rt)
        await stage.settle()
        after = BESIDE.partition("    whenever")[0].replace("30 days", "1 day") + "        add 1 point\n"
        assert await move_to(stage, after, WHENEVER) == {"stays: its step is gone": 1}
        await stage.pass_time(DAY)
        assert subjects(stage) == ["help"], "it finishes on the plan it is on"


async def test_a_step_that_was_done_already_is_not_done_again(staged):
    after = START + """
    flow
        wait 3 days as step "pause"
        send "one"
        send "two"
"""  # fmt: skip
    async with staged(BEFORE) as stage:
        await stage.post("in", email="ann@lead.example")
        [(end, many)] = (await move_to(stage, after)).items()
        assert (end.startswith("stays: it would do"), many) == (True, 1)
        await stage.pass_time(4 * DAY)
        assert subjects(stage) == ["one", "two"]
        [run] = await stage.rows("SELECT state FROM enrolments")
        assert run.state == "ended"


@pytest.mark.parametrize(
    "deed", ['recycle because "bad fit"', "add 1 to visits", 'notify "eva@acme.example" with "two"']
)
async def test_what_others_would_see_twice_keeps_the_lead(staged, deed: str):
    before = START + f'''
    flow
        {deed}
        wait 3 days as step "pause"
        send "two"
'''  # fmt: skip
    pause = '        wait 3 days as step "pause"\n'
    after = before.replace(pause, "").replace("    flow\n", "    flow\n" + pause)
    head = HEAD + "\nfield visits number\n"
    async with staged(before, head) as stage:
        await stage.post("in", email="ann@lead.example")
        [(end, many)] = (await move_to(stage, after, head)).items()
        assert (end.startswith("stays: it would do"), many) == (True, 1)


async def test_a_lead_is_not_handed_to_sales_again(staged):
    before = START + """
    flow
        hand off to sales
        wait 3 days as step "pause"
"""  # fmt: skip
    async with staged(before) as stage:
        await stage.post("in", email="ann@lead.example")
        [handoff] = await stage.rows("SELECT id FROM handoffs")
        await act(stage.rt, handoff.id, "accept", "eva@acme.example", None)
        await stage.settle()
        after = START + '\n    flow\n        wait 1 day as step "pause"\n        hand off to sales\n'
        [(end, _)] = (await move_to(stage, after)).items()
        assert end.startswith("stays: it would do")
        await stage.pass_time(4 * DAY)
        assert len(await stage.rows("SELECT id FROM handoffs")) == 1


async def test_a_step_that_is_gone_keeps_the_lead_or_lets_it_leave_when_asked(staged):
    after = START + '\n    flow\n        send "one"\n        send "two"\n'
    async with staged(BEFORE) as stage:
        await stage.post("in", email="ann@lead.example")
        assert await move_to(stage, after) == {"stays: its step is gone": 1}
        assert await move_to(stage, after.replace("two", "three"), leave=True) == {"left": 1}
        [run] = await stage.rows("SELECT state, outcome FROM enrolments")
        assert tuple(run) == ("ended", "left")
        assert broken(url_of(stage)) == []


async def test_a_label_on_another_kind_of_step_is_another_step(staged):
    after = START + '\n    flow\n        send "one"\n        send "two" as step "pause"\n'
    async with staged(BEFORE) as stage:
        await stage.post("in", email="ann@lead.example")
        assert await move_to(stage, after) == {"stays: its step is `send` now, and was `wait`": 1}


async def test_who_has_not_begun_begins_with_the_new_flow(staged):
    async with staged(BEFORE) as stage:
        await pauses.pause(stage.rt.db, stage.clock, "Guide", "ada")
        await stage.post("in", email="ann@lead.example")
        assert await move_to(stage, START + '\n    flow\n        send "hello"\n') == {"moved": 1}
        await pauses.resume(stage.rt.db, stage.clock, "Guide", "ada")
        await jobs.carry(stage.rt)
        await stage.rt.delivery.sweep()
        await stage.settle()
        assert subjects(stage) == ["hello"]


async def test_a_mail_on_its_way_keeps_its_lead_where_it_is(staged, monkeypatch):
    async with staged(BEFORE) as stage:
        await stage.post("in", email="ann@lead.example")
        async with stage.rt.db.hot() as hot:
            await hot.run("UPDATE messages SET state = 'sending'", {})
            await hot.commit()
        assert await move_to(stage, BEFORE.replace("3 days", "1 day")) == {"stays: a mail is on its way": 1}


async def test_moving_back_is_a_move_like_any_other(staged):
    longer = BEFORE.replace("3 days", "9 days")
    async with staged(BEFORE) as stage:
        await stage.post("in", email="ann@lead.example")
        assert await move_to(stage, longer) == {"moved": 1}
        assert await move_to(stage, BEFORE) == {"moved": 1}
        await stage.pass_time(3 * DAY + HOUR)
        assert subjects(stage) == ["one", "two"]
        names = await stage.rows("SELECT name FROM events WHERE type = 'run.noted'")
        assert [row.name for row in names] == ["moved"] * 2


async def test_many_leads_are_moved_a_few_at_a_time_and_a_second_worker_takes_no_part_twice(staged):
    async with staged(BEFORE) as stage:
        for n in range(7):
            await stage.post("in", email=f"lead{n}@lead.example")
        done = await put(stage, BEFORE.replace("3 days", "1 day"), how=How(move=True))
        first = await jobs.carry(stage.rt, done.jobs[0], many=3)
        assert first is not None
        assert (first.result, first.finished) == ({"moved": 3}, False)
        rest = await jobs.carry(stage.rt, done.jobs[0], many=50)
        assert rest is not None
        assert (rest.result, rest.finished) == ({"moved": 7}, True)
        assert await jobs.carry(stage.rt) is None


REPEATING = START + """
    flow
        repeat up to 3 times every 2 days
            send "round"
        send "after"
"""  # fmt: skip


async def test_a_lead_between_two_rounds_keeps_its_count_and_gets_what_is_new_after_them(staged):
    async with staged(REPEATING) as stage:
        await stage.post("in", email="ann@lead.example")
        await stage.pass_time(2 * DAY + HOUR)
        assert subjects(stage) == ["round", "round"]
        assert await move_to(stage, REPEATING.replace('send "after"', 'send "new"')) == {"moved": 1}
        await stage.pass_time(9 * DAY)
        assert subjects(stage) == ["round", "round", "round", "new"]
        assert broken(url_of(stage)) == []


INSIDE = START + """
    flow
        repeat up to 3 times
            send "round"
            wait 2 days as step "rest"
"""  # fmt: skip


async def test_a_lead_inside_a_round_moves_while_the_repeat_is_the_same_and_stays_when_it_is_not(staged):
    async with staged(INSIDE) as stage:
        await stage.post("in", email="ann@lead.example")
        assert await move_to(stage, INSIDE.replace("2 days", "1 day")) == {"moved": 1}
        await stage.pass_time(DAY + HOUR)
        assert subjects(stage) == ["round", "round"]
        changed = INSIDE.replace("3 times", "5 times")
        assert await move_to(stage, changed) == {"stays: the `repeat` around its step has changed": 1}
        await stage.pass_time(9 * DAY)
        assert subjects(stage) == ["round"] * 3


async def test_a_job_that_a_worker_is_at_can_be_watched_and_is_taken_over_when_its_lease_ends(staged):
    async with staged(BEFORE) as stage:
        await stage.post("in", email="ann@lead.example")
        [job] = (await put(stage, BEFORE.replace("3 days", "1 day"), how=How(move=True))).jobs
        async with stage.rt.db.hot() as hot:
            await hot.run("UPDATE jobs SET real_leased_until = %(far)s", {"far": stage.clock.now() + HOUR})
            await hot.commit()
        assert await jobs.carry(stage.rt, job) is None
        assert (await jobs.look(stage.rt.db, job)).finished is False
        stage.clock.advance(2 * HOUR)
        await jobs.carry(stage.rt, job)
        done = await jobs.look(stage.rt.db, job)
        assert (done.finished, done.result) == (True, {"moved": 1})

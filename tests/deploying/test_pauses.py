"""Pause, resume and stop: what stays where it is, what leaves afterwards and when, and what is never sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from engine.deploying import jobs, pauses
from engine.deploying.pauses import Change
from engine.leads.intake import click, unsubscribe
from engine.mail.links import link_id
from engine.model.ports import Mail
from engine.runs import watchdog
from engine.runtime.epochs import Refused
from tests.support.attacks import FORMS, HEAD, url_of, watched
from tests.support.invariants import broken
from tests.support.stage import Stage, deploy_text, open_stage

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WORKSPACE = HEAD + FORMS + """
team "Sales"
    takes all leads
    member "eva@acme.example"

campaign "Guide"
    starts when form "in" is submitted
    enters every time
    flow
        send "one"
        wait up to 3 days for email "one" is clicked
            send "clicked"
        otherwise
            send "silent" within 2 days
        wait 1 day
        hand off to sales

campaign "Other"
    starts when form "go" is submitted
    flow
        wait 1 day
        send "other"
"""  # fmt: skip


@pytest.fixture
def staged(new_database: Callable[[], str]) -> Callable[..., Any]:
    return lambda workspace=WORKSPACE, *rest: open_stage(new_database(), workspace, *rest)


def subjects(stage: Stage) -> list[str]:
    """Of the mails to leads."""
    return [mail.subject for mail in stage.mailer.mails if mail.to.endswith("@lead.example")]


async def pause(stage: Stage, campaign: str = "Guide") -> Change:
    return await pauses.pause(stage.rt.db, stage.clock, campaign, "ada", "a typo")


async def resume(stage: Stage, campaign: str = "Guide", **more: Any) -> Change:
    done = await pauses.resume(stage.rt.db, stage.clock, campaign, "ben", **more)
    await work(stage)
    return done


async def stop(stage: Stage, campaign: str = "Guide") -> Change:
    done = await pauses.stop(stage.rt.db, stage.clock, campaign, "ada")
    await work(stage)
    return done


async def work(stage: Stage) -> None:
    """What workers do: the jobs, and the outbox, whose rows are free at once."""
    while await jobs.carry(stage.rt):
        pass
    while await stage.rt.delivery.sweep():
        await stage.settle()
    await stage.settle()


async def test_nothing_leaves_while_a_campaign_is_paused_and_other_campaigns_go_on(staged):
    async with staged() as stage:
        await stage.post("in", email="ann@lead.example")
        await stage.post("go", email="ann@lead.example")
        assert (await pause(stage)).leads == 1
        await stage.pass_time(9 * DAY)
        assert subjects(stage) == ["one", "other"]
        assert broken(url_of(stage)) == []


async def test_who_enters_during_a_pause_is_enrolled_and_rests_at_the_first_step(staged):
    async with staged() as stage:
        await pause(stage)
        await stage.post("in", email="ann@lead.example")
        [run] = await stage.rows("SELECT state, gen, attention FROM enrolments")
        assert (tuple(run), subjects(stage)) == (("live", 0, None), [])
        await resume(stage)
        await stage.pass_time(HOUR)
        assert subjects(stage) == ["one"]


async def test_a_wait_that_fell_due_goes_on_at_once_and_a_click_meanwhile_still_wins(staged):
    async with staged() as stage:
        await stage.post("in", email="ann@lead.example")
        await stage.pass_time(DAY)
        await pause(stage)
        await click(stage.rt, stage.mailer.mails[0].message_id, link_id("https://acme.example/one"))
        await stage.pass_time(5 * DAY)
        await resume(stage)
        await stage.pass_time(HOUR)
        assert subjects(stage) == ["one", "clicked"], "the click came before the wait's end"
        await stage.pass_time(DAY)
        assert len(await stage.rows("SELECT 1 FROM handoffs")) == 1
        assert broken(url_of(stage)) == []


async def test_an_overdue_mail_is_skipped_visibly_when_it_is_older_than_its_within(staged):
    async with staged() as stage:
        await stage.post("in", email="ann@lead.example")
        await pause(stage)
        await stage.pass_time(5 * DAY + HOUR)
        await resume(stage)
        await stage.pass_time(HOUR)
        assert subjects(stage) == ["one"]
        [skipped] = await stage.rows("SELECT template, reason FROM messages WHERE state = 'skipped'")
        assert tuple(skipped) == ("silent", "too late")
        await stage.pass_time(DAY)
        assert len(await stage.rows("SELECT 1 FROM handoffs")) == 1, "the flow went on"


async def test_overdue_mails_leave_over_the_spread_and_none_past_its_within(staged):
    async with staged() as stage:
        for n in range(12):
            await stage.post("in", email=f"lead{n}@lead.example")
        await pause(stage)
        await stage.pass_time(5 * DAY - timedelta(minutes=20))
        resumed = stage.clock.now()
        await resume(stage)
        assert len(subjects(stage)) < 12 + 6, "no burst"
        await stage.pass_time(2 * HOUR)
        rows = await stage.rows("SELECT at FROM messages WHERE template = 'silent' AND state = 'accepted' ORDER BY at")
        assert len(rows) == 12, "each before its `within` was over, 20 minutes later"
        offsets = [(row.at - resumed).total_seconds() / 60 for row in rows]
        assert min(offsets) >= 0
        assert max(offsets) < 20
        assert len({round(one) for one in offsets}) > 4
        assert broken(url_of(stage)) == []


async def test_the_spread_can_be_chosen(staged):
    async with staged() as stage:
        await stage.post("in", email="ann@lead.example")
        await pause(stage)
        await stage.pass_time(4 * DAY)
        await resume(stage, spread=timedelta())
        assert subjects(stage) == ["one", "silent"]


async def test_later_mails_are_neither_spread_nor_too_late(staged):
    text = WORKSPACE.replace(
        "wait 1 day\n        hand off", 'wait 10 days\n        send "late" within 1 hour\n        hand off'
    )
    async with staged(text) as stage:
        await stage.post("in", email="ann@lead.example")
        await pause(stage)
        await click(stage.rt, stage.mailer.mails[0].message_id, link_id("https://acme.example/one"))
        await stage.pass_time(DAY)
        await resume(stage)
        await stage.pass_time(HOUR)
        assert subjects(stage) == ["one", "clicked"]
        await stage.pass_time(10 * DAY)
        assert subjects(stage) == ["one", "clicked", "late"]


async def test_a_timer_that_lies_ahead_survives_a_pause_that_events_interrupt(staged):
    async with staged() as stage:
        await stage.post("in", email="ann@lead.example")
        await pause(stage)
        await stage.post("go", email="ann@lead.example")
        [run] = [id for id, (kind, _) in stage.runs.runs.items() if kind == "enrolment"][:1]
        await stage.step(run, "event")
        await resume(stage)
        await stage.pass_time(3 * DAY + HOUR)
        assert "silent" in subjects(stage)


# ── I5 ───────────────────────────────────────────────────────────────────────────────────────────────────────────────
TWO = HEAD + FORMS + """
campaign "Guide"
    starts when form "in" is submitted
    flow
        send "one"
        send "two"
        wait 30 days
"""  # fmt: skip


async def test_a_pause_while_one_mail_is_on_its_way_holds_the_next_and_keeps_what_became_of_the_first(staged):
    async with staged(TWO) as stage:

        async def meanwhile(mail: Mail) -> None:
            if mail.subject == "one":
                await pause(stage)

        watched(stage, meanwhile)
        await stage.post("in", email="ann@lead.example")
        assert subjects(stage) == ["one"]
        [message] = await stage.rows("SELECT template, state FROM messages")
        assert tuple(message) == ("one", "accepted")
        await stage.pass_time(DAY)
        await resume(stage)
        await stage.pass_time(HOUR)
        assert subjects(stage) == ["one", "two"]
        assert broken(url_of(stage)) == []


async def test_a_pause_waits_for_a_mail_that_is_just_being_marked(staged, monkeypatch):
    """Between looking and marking no pause can commit, so none is ever older than a mark."""
    from engine.runs import advance

    async with staged(TWO) as stage:
        asked: list[asyncio.Task[Change]] = []
        make = advance.ready

        def slowly(*arguments: Any) -> Any:
            asked.append(asyncio.get_running_loop().create_task(pause(stage)) if not asked else asked[0])
            return make(*arguments)

        monkeypatch.setattr(advance, "ready", slowly)
        mark = advance._Call._mark

        async def after_a_while(call: Any, *rest: Any) -> Any:
            done, _ = await asyncio.wait(asked[:1], timeout=0.3)
            assert not done, "the pause has to wait"
            return await mark(call, *rest)

        monkeypatch.setattr(advance._Call, "_mark", after_a_while)
        await stage.post("in", email="ann@lead.example")
        paused = await asked[0]
        assert paused.leads == 1
        await stage.settle()
        assert subjects(stage) == ["one"]


async def test_an_unsubscribe_during_a_pause_is_kept_for_afterwards(staged):
    async with staged() as stage:
        done = await stage.post("in", email="ann@lead.example")
        await pause(stage)
        await unsubscribe(stage.rt, done.lead_id, None, "test")
        await stage.pass_time(9 * DAY)
        await resume(stage)
        await stage.pass_time(2 * DAY)
        [run] = await stage.rows("SELECT state, outcome FROM enrolments")
        assert (tuple(run), subjects(stage)) == (("ended", "unsubscribed"), ["one"])


# ── all, and the watchdog ────────────────────────────────────────────────────────────────────────────────────────────
async def test_everything_can_be_held_at_once_and_a_pause_of_its_own_outlasts_that(staged):
    async with staged() as stage:
        for form in ("in", "go"):
            await stage.post(form, email="ann@lead.example")
        await pause(stage, "Other")
        await pause(stage, "")
        await stage.pass_time(2 * DAY)
        with pytest.raises(Refused, match="resume --all"):
            await resume(stage, "Guide")
        await resume(stage, "")
        await stage.pass_time(2 * DAY)
        assert subjects(stage) == ["one", "silent"]
        assert [one["campaign"] for one in await pauses.held(stage.rt.db)] == ["other"]
        await resume(stage, "OTHER")
        await stage.pass_time(HOUR)
        assert subjects(stage) == ["one", "silent", "other"]


async def test_pausing_twice_is_refused_and_so_is_resuming_what_runs(staged):
    async with staged() as stage:
        await pause(stage)
        with pytest.raises(Refused, match='campaign "Guide" is already paused, by ada'):
            await pause(stage)
        with pytest.raises(Refused, match='campaign "Other" is not paused'):
            await resume(stage, "Other")


async def test_the_watchdog_leaves_paused_leads_alone_and_those_just_resumed(staged):
    async with staged() as stage:
        await stage.post("in", email="ann@lead.example")
        await stage.post("go", email="ann@lead.example")
        await pause(stage)
        stage.clock.advance(9 * DAY)
        await watchdog.wake_stalled(stage.rt)
        rows = await stage.rows("SELECT campaign, attention FROM enrolments ORDER BY campaign")
        assert [tuple(row) for row in rows] == [("Guide", None), ("Other", "its run does not answer")]
        assert len(await stage.rows("SELECT 1 FROM outbox")) == 1
        await pauses.resume(stage.rt.db, stage.clock, "Guide", "ben")
        await watchdog.wake_stalled(stage.rt)
        [row] = await stage.rows("SELECT attention FROM enrolments WHERE campaign = 'Guide'")
        assert row.attention is None


# ── stop ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_stopping_ends_every_run_says_by_whom_and_lets_nobody_enter(staged):
    async with staged() as stage:
        for name in ("ann", "ben"):
            await stage.post("in", email=f"{name}@lead.example")
        assert (await stop(stage)).leads == 2
        rows = await stage.rows("SELECT state, outcome FROM enrolments")
        assert {tuple(row) for row in rows} == {("ended", "stopped by ada")}
        await stage.post("in", email="cy@lead.example")
        await stage.pass_time(5 * DAY)
        assert (len(await stage.rows("SELECT 1 FROM enrolments")), subjects(stage)) == (2, ["one", "one"])
        assert await stage.rows("SELECT 1 FROM waits") == []
        assert broken(url_of(stage)) == []


async def test_a_mail_held_back_at_the_stop_is_recorded_as_skipped(staged):
    night = HEAD + "    quiet hours from 06:00 to 20:00\n" + FORMS + WORKSPACE.partition(FORMS)[2]
    async with staged(night) as stage:
        await stage.post("in", email="ann@lead.example")
        await stop(stage)
        [skipped] = await stage.rows("SELECT template, state, reason FROM messages")
        assert tuple(skipped) == ("one", "skipped", "stopped by ada")


@pytest.mark.parametrize("how", ["resume", "deploy"])
async def test_a_stopped_campaign_takes_leads_again_once_resumed_or_deployed(staged, how: str):
    async with staged() as stage:
        await stage.post("in", email="ann@lead.example")
        await stop(stage)
        stage.clock.advance(HOUR)
        if how == "resume":
            await resume(stage)
        else:
            await deploy_text(stage.rt, WORKSPACE)
        await stage.post("in", email="ann@lead.example")
        assert subjects(stage) == ["one", "one"]
        [one] = await stage.rows("SELECT state, author FROM campaign_states WHERE until IS NULL")
        assert tuple(one) == ("running", "ben" if how == "resume" else "test")


async def test_nothing_is_deployed_over_a_stop_that_is_still_taking_leads_out(staged):
    async with staged() as stage:
        await stage.post("in", email="ann@lead.example")
        await pauses.stop(stage.rt.db, stage.clock, "Guide", "ada")
        with pytest.raises(Refused, match="1 lead of an ended campaign is still being removed"):
            await deploy_text(stage.rt, WORKSPACE)
        await work(stage)
        await deploy_text(stage.rt, WORKSPACE)


async def test_names_in_any_script_are_paused_and_stopped(staged):
    text = TWO.replace("Guide", "Ägypten über alles").replace("wait 30 days", 'wait 1 day\n        send "three"')
    async with staged(text) as stage:
        [name] = await pauses.names(stage.rt.db)
        await stage.post("in", email="ann@lead.example")
        await pause(stage, name)
        await stage.pass_time(2 * DAY)
        assert subjects(stage) == ["one", "two"]
        await resume(stage, name)
        await stop(stage, name)
        await stage.post("in", email="ben@lead.example")
        assert await stage.rows("SELECT 1 FROM enrolments WHERE state <> 'ended'") == []
        assert len(await stage.rows("SELECT 1 FROM enrolments")) == 1

"""Races, storms and poison on the engine alone, with a real database and a clock that the test moves."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import Any

import orjson
import psycopg
import pytest

from engine.leads.intake import FormPost, Occurrence, click, record, submit, unsubscribe
from engine.mail.links import link_id
from engine.model.ports import Mail
from engine.runs.advance import advance
from tests.support.attacks import (
    FORMS,
    HEAD,
    WHENEVER,
    second,
    subjects,
    url_of,
    visit,
    watched,
)
from tests.support.invariants import broken
from tests.support.stage import Stage


# ── races ────────────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_a_click_between_the_mails_hand_over_and_the_waits_registration_is_not_missed(stage: Stage):
    async def at_once(mail: Mail) -> None:
        if mail.subject == "one":
            await click(stage.rt, mail.message_id, link_id("https://acme.example/one"))

    watched(stage, at_once)
    for n in range(5):
        await stage.post("in", email=f"lead{n}@lead.example")
    assert sorted(subjects(stage)) == ["clicked"] * 5 + ["one"] * 5
    assert broken(url_of(stage)) == []


async def test_two_processes_advancing_one_enrolment_mail_once(stage: Stage):
    async def slowly(_: Mail) -> None:
        await asyncio.sleep(0.05)

    watched(stage, slowly)
    deployed = await stage.rt.catalog.refresh()
    assert deployed is not None
    async with second(stage) as other:
        stage.runs.down = True
        for n in range(10):
            await submit(stage.rt, FormPost(deployed.forms["in"], {"email": f"lead{n}@lead.example"}))
        runs = [row.id for row in await stage.rows("SELECT id FROM enrolments")]
        calls = [advance(rt, run, 0, "start") for run in runs for rt in (stage.rt, other, stage.rt, other)]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert [one for one in answers if isinstance(one, BaseException)] == []
    assert subjects(stage) == ["one"] * 10
    rows = await stage.rows("SELECT state, reason, count(*) AS many FROM messages GROUP BY 1, 2")
    assert [tuple(row) for row in rows] == [("accepted", "", 10)]
    assert {row.gen for row in await stage.rows("SELECT gen FROM enrolments")} == {1}
    assert broken(url_of(stage)) == []


async def test_the_same_post_at_once_in_two_processes_is_one_event(stage: Stage):
    deployed = await stage.rt.catalog.refresh()
    assert deployed is not None
    async with second(stage) as other:
        posts = [
            submit(rt, FormPost(deployed.forms["in"], {"email": f"lead{n}@lead.example"}))
            for n in range(10)
            for rt in (stage.rt, other, other)
        ]
        states = sorted(done.state for done in await asyncio.gather(*posts))
        await other.delivery.settle()
    assert states == ["repeated"] * 20 + ["submitted"] * 10
    assert len(await stage.rows("SELECT 1 FROM events")) == 10
    assert len(await stage.rows("SELECT 1 FROM enrolments")) == 10


async def test_an_unsubscribe_that_commits_before_the_mark_stops_the_mail(stage: Stage):
    stage.runs.down = True
    await stage.post("in", email="ann@lead.example")
    stage.runs.down = False
    [run] = await stage.rows("SELECT id, lead_id FROM enrolments")
    stage.runs.runs[run.id] = ("enrolment", None)
    taken = stage.rt.pace.take

    async def unsubscribed_meanwhile() -> None:
        await taken()
        await unsubscribe(stage.rt, run.lead_id, None, "page")

    stage.rt.pace.take = unsubscribed_meanwhile  # type: ignore[method-assign]
    await stage.step(run.id, "start")
    assert subjects(stage) == []
    assert await stage.rows("SELECT 1 FROM messages WHERE state <> 'skipped'") == []
    [ended] = await stage.rows("SELECT state, outcome FROM enrolments")
    assert tuple(ended) == ("ended", "unsubscribed")


async def test_unsubscribes_racing_with_sends_never_mark_after_the_commit(stage: Stage):
    deployed = await stage.rt.catalog.refresh()
    assert deployed is not None
    stage.runs.down = True
    for n in range(20):
        await submit(stage.rt, FormPost(deployed.forms["in"], {"email": f"lead{n}@lead.example"}))
    runs = await stage.rows("SELECT id, lead_id FROM enrolments")
    async with second(stage) as other:
        await asyncio.gather(
            *(advance(other, run.id, 0, "start") for run in runs),
            *(unsubscribe(stage.rt, run.lead_id, None, "page") for run in runs),
        )
    late = await stage.rows(
        """SELECT m.id FROM messages m JOIN enrolments e ON e.id = m.owner_id
        WHERE m.state <> 'skipped' AND m.at > (SELECT at FROM suppressions LIMIT 1)"""
    )
    assert late == []
    assert len(await stage.rows("SELECT 1 FROM messages WHERE state = 'sending'")) == 0
    assert broken(url_of(stage)) == []


async def test_what_became_of_a_mail_is_kept_though_another_process_has_taken_its_run_over(stage: Stage):
    async with second(stage) as other:

        async def overtake(mail: Mail) -> None:
            if mail.subject == "one":
                [run] = await stage.rows("SELECT id FROM enrolments")
                await advance(other, run.id, 0, "start")

        watched(stage, overtake)
        await stage.post("in", email="ann@lead.example")
    rows = await stage.rows("SELECT state, reason FROM messages")
    assert [tuple(row) for row in rows] == [("accepted", "")]
    assert subjects(stage) == ["one"]


# ── storms ───────────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_two_thousand_events_on_one_lead_count_once_each(stage: Stage):
    await stage.post("in", email="ann@lead.example")
    await asyncio.gather(*(visit(stage.rt, n, "/deep" if n < 20 else "/") for n in range(2000)))
    message = stage.mailer.mails[0].message_id
    await asyncio.gather(*(click(stage.rt, message, link_id("https://acme.example/one")) for _ in range(50)))
    await stage.settle()
    [lead] = await stage.rows("SELECT seq, scores FROM leads")
    assert lead.scores == {"": 2000 + 10 + 10}
    assert lead.seq == 2002
    assert subjects(stage) == ["one", "clicked"]
    assert broken(url_of(stage)) == []


async def test_every_event_of_a_storm_gets_its_run_of_whenever(staged):
    async with staged(WHENEVER) as stage:
        await stage.post("in", email="ann@lead.example")
        stage.runs.down = True
        await asyncio.gather(*(visit(stage.rt, n) for n in range(1100)))
        stage.runs.down = False
        stage.clock.advance(timedelta(seconds=30))
        await stage.rt.delivery.sweep()
        await stage.settle()
        [lead] = await stage.rows("SELECT scores FROM leads")
        assert lead.scores == {"": 1100}
        assert broken(url_of(stage)) == []


async def test_a_click_behind_a_long_log_is_found_although_the_deadline_has_passed(stage: Stage):
    await stage.post("in", email="ann@lead.example")
    await asyncio.gather(*(visit(stage.rt, n) for n in range(1200)))
    stage.runs.down = True
    await click(stage.rt, stage.mailer.mails[0].message_id, link_id("https://acme.example/one"))
    await stage.rt.delivery.settle()
    stage.runs.down = False
    stage.clock.advance(timedelta(days=3, minutes=1))
    await stage.settle(due=True)
    assert subjects(stage) == ["one", "clicked"]


async def test_a_click_is_found_behind_a_thousand_clicks_that_count_no_more(staged):
    text = HEAD + FORMS + """
campaign "Two"
    starts when form "in" is submitted
    flow
        send "one"
        send "two"
        wait 2 days
        wait 2 days
        wait up to 3 days for email "two" is clicked
            send "clicked"
"""  # fmt: skip
    async with staged(text) as stage:
        for first in (True, False):
            name = f"first{first}@lead.example"
            await stage.post("in", email=name)
            one, two = (mail for mail in stage.mailer.mails if mail.to == name)
            for n in range(1050):
                if n == (0 if first else 1049):
                    await click(stage.rt, two.message_id, link_id("https://acme.example/two"))
                await click(stage.rt, one.message_id, link_id("https://acme.example/one"))
                stage.clock.advance(timedelta(seconds=10))
        await stage.pass_time(timedelta(days=6))
        assert sorted(subjects(stage)) == ["clicked"] * 2 + ["one"] * 2 + ["two"] * 2


# ── poison and broken calls ──────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "poison", ["a\0b", "\ud800", {"deep": [1, [2, [3]]]}, "x" * 3_000_000], ids=("nul", "surrogate", "deep", "long")
)
async def test_what_cannot_be_stored_is_refused_as_a_whole_and_harms_nobody(stage: Stage, poison: Any):
    refused = 0
    for _ in range(12):  # more often than there are connections
        try:
            await record(stage.rt, Occurrence("page.visited", "/", {"x": poison}, "bad@lead.example"))
        except (psycopg.DataError, orjson.JSONEncodeError):
            refused += 1
    assert refused in (0, 12)
    await stage.post("in", email="good@lead.example")
    assert subjects(stage) == ["one"]
    stored = await stage.rows("SELECT 1 FROM events WHERE type = 'page.visited'")
    assert len(stored) == 12 - refused
    assert broken(url_of(stage)) == []


async def test_calls_cut_off_at_any_moment_leave_all_or_nothing(stage: Stage):
    chance = random.Random(7)
    await visit(stage.rt)
    for _ in range(15):
        calls = [asyncio.create_task(visit(stage.rt, n, email=f"lead{n}@lead.example")) for n in range(8)]
        await asyncio.sleep(chance.random() * 0.02)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
    async with asyncio.timeout(30):
        await asyncio.gather(*(visit(stage.rt, n, email=f"lead{n}@lead.example") for n in range(20)))
    events = len(await stage.rows("SELECT 1 FROM events"))
    assert len(await stage.rows("SELECT 1 FROM points")) == events >= 21
    assert broken(url_of(stage)) == []

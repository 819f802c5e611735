"""Races, storms, poison and restores on the engine alone, with a real database and a clock that the test moves."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from engine import sweeper
from engine.advance import advance
from engine.intake import Occurrence, Post, click, confirm, record, submit, unsubscribe
from engine.mail.links import link_id
from engine.ports import Mail, Receipt
from engine.retry import retry
from engine.runtime import Runtime, open_runtime
from tests.support.invariants import broken
from tests.support.stage import FakeMailer, Stage, deploy_text, open_stage

HEAD = """
workspace "Test"
    timezone "UTC"
    sender "Test <hello@test.example>"
    address "Test, Street 1, Town"
    mail is allowed until opt-out
    tracking is always on
"""
FORMS = """
form "in"
    ask email required
    ask first_name

form "go"
    ask email required
"""
WAITING = (
    HEAD
    + FORMS
    + """
scoring
    +1 when page is visited
    +2 when page "/deep" is visited, at most 10 points per day
    +10 when email is clicked, once per email

campaign "Waiting"
    starts when form "in" is submitted
    enters every time
    flow
        send "one"
        wait up to 3 days for email "one" is clicked
            send "clicked"
        otherwise
            send "silent"
"""
)
LIMITED = (
    HEAD
    + """    at most 1 emails per 7 days
"""
    + FORMS
    + """
campaign "Limited"
    starts when form "in" is submitted
    flow
        send "answer" as transactional
        send "first"
        send "second"
"""
)
WHENEVER = (
    HEAD
    + FORMS
    + """
campaign "Whenever"
    starts when form "in" is submitted
    flow
        wait 30 days
    whenever page is visited
        add 1 points
"""
)


@pytest.fixture
def staged(new_database: Callable[[], str]) -> Callable[..., Any]:
    return lambda workspace, *rest: open_stage(new_database(), workspace, *rest)


@pytest.fixture
async def stage(staged: Callable[..., Any]) -> AsyncIterator[Stage]:
    async with staged(WAITING) as opened:
        yield opened


def subjects(stage: Stage) -> list[str]:
    return [mail.subject for mail in stage.mailer.mails]


def url_of(stage: Stage) -> str:
    return str(stage.rt.settings.database_url)


async def visit(rt: Runtime, n: int = 0, page: str = "/", email: str = "ann@lead.example") -> None:
    await record(rt, Occurrence("page.visited", page, {"n": n}, email))


@asynccontextmanager
async def second(stage: Stage) -> AsyncIterator[Runtime]:
    """Another process beside the stage's own."""
    async with open_runtime(
        stage.rt.settings, runs=stage.runs, mailer=stage.mailer, clock=stage.clock, size=10
    ) as other:
        yield other


class Meanwhile(FakeMailer):
    """Does something while each mail is on its way."""

    def __init__(self, what: Callable[[Mail], Awaitable[Any]]) -> None:
        super().__init__()
        self.what = what

    async def send(self, mail: Mail) -> Receipt:
        receipt = await super().send(mail)
        await self.what(mail)
        return receipt


def watched(stage: Stage, what: Callable[[Mail], Awaitable[Any]]) -> Meanwhile:
    mailer = Meanwhile(what)
    stage.mailer = stage.rt.mailer = mailer
    return mailer


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
            await submit(stage.rt, Post(deployed.forms["in"], {"email": f"lead{n}@lead.example"}))
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
            submit(rt, Post(deployed.forms["in"], {"email": f"lead{n}@lead.example"}))
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
        await submit(stage.rt, Post(deployed.forms["in"], {"email": f"lead{n}@lead.example"}))
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
        except (psycopg.DataError, UnicodeError):
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


# ── limits ───────────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_transactional_mail_takes_nothing_from_the_limit(staged):
    async with staged(LIMITED) as stage:
        await stage.post("in", email="ann@lead.example")
        assert subjects(stage) == ["answer", "first"]


async def test_a_mail_whose_fate_is_unknown_counts_for_the_limit(staged):
    async with staged(LIMITED) as stage:
        stage.mailer.script = [Receipt("accepted"), Receipt("unknown", "time-out")]
        await stage.post("in", email="ann@lead.example")
        assert subjects(stage) == ["answer", "first"]


async def test_an_event_during_the_hand_over_does_not_count_the_mail_twice(staged):
    async with staged(LIMITED.replace("at most 1", "at most 2")) as stage:
        watched(stage, lambda _: visit(stage.rt))
        await stage.post("in", email="ann@lead.example")
        assert subjects(stage) == ["answer", "first", "second"]


async def test_what_a_visitor_did_before_counts_within_the_caps_of_what_the_lead_did(stage: Stage):
    visitor = UUID(int=7)
    for n in range(3):
        await visit(stage.rt, n, "/deep")
        await record(stage.rt, Occurrence("page.visited", "/deep", {"n": n}, visitor=visitor))
        stage.clock.advance(timedelta(minutes=1))
    deployed = await stage.rt.catalog.refresh()
    assert deployed is not None
    await submit(stage.rt, Post(deployed.forms["in"], {"email": "ann@lead.example"}, visitor=visitor))
    [lead] = await stage.rows("SELECT scores FROM leads")
    assert lead.scores == {"": 6 + 10}, "six visits, and 10 of the 12 points for deep ones"


# ── restores and lost runs ───────────────────────────────────────────────────────────────────────────────────────────
async def test_after_a_restore_a_run_rests_until_somebody_retries_and_mails_nothing_twice(stage: Stage):
    await stage.post("in", email="ann@lead.example")
    for n in range(10):
        await visit(stage.rt, n)
    await stage.settle()
    [run] = stage.runs.runs
    stage.runs.news[run] = 11
    async with stage.rt.db.hot() as hot:
        await hot.run("UPDATE leads SET seq = 1, scores = '{}'", {})
        await hot.run("DELETE FROM events WHERE seq > 1", {})
        await hot.run("DELETE FROM points", {})
        await hot.run("UPDATE enrolments SET gen = gen - 1", {})
        await hot.commit()
    await stage.step(run, "event")
    await stage.settle()
    assert subjects(stage) == ["one"]
    [row] = await stage.rows("SELECT attention FROM enrolments")
    assert "restored" in row.attention
    await stage.pass_time(timedelta(days=5))
    assert subjects(stage) == ["one"]
    assert await retry(stage.rt, campaign=None, lead=None) == 1
    stage.clock.advance(timedelta(seconds=30))
    await stage.rt.delivery.sweep()
    await stage.settle()
    assert subjects(stage) == ["one", "silent"]


async def test_one_leads_broken_points_do_not_keep_others_from_expiring(staged):
    text = HEAD + FORMS + """
scoring
    +5 when page is visited, expires after 1 day
"""  # fmt: skip
    async with staged(text) as stage:
        for name in ("bad", "good"):
            await visit(stage.rt, 0, "/", f"{name}@lead.example")
            stage.clock.advance(timedelta(seconds=1))
        async with stage.rt.db.hot() as hot:
            await hot.run("""UPDATE leads SET scores = '{"": "poison"}' WHERE email_key LIKE 'bad@%%'""", {})
            await hot.commit()
        stage.clock.advance(timedelta(days=2))
        await sweeper.expire_points(stage.rt)
        [good] = await stage.rows("SELECT scores FROM leads WHERE email_key LIKE 'good@%%'")
        assert good.scores == {"": 0}


# ── the clock ────────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_a_clock_that_goes_back_neither_loses_nor_doubles_anything(stage: Stage):
    await stage.post("in", email="ann@lead.example")
    await visit(stage.rt)
    stage.clock.advance(-timedelta(minutes=30))
    await visit(stage.rt)
    await click(stage.rt, stage.mailer.mails[0].message_id, link_id("https://acme.example/one"))
    await stage.settle()
    assert (await stage.post("in", email="ben@lead.example")).state == "submitted"
    await stage.pass_time(timedelta(days=4))
    assert sorted(subjects(stage)) == ["clicked", "one", "one", "silent"]
    rows = await stage.rows("SELECT at FROM events WHERE lead_id = (SELECT lead_id FROM events LIMIT 1) ORDER BY seq")
    assert [row.at for row in rows] == sorted(row.at for row in rows)
    assert broken(url_of(stage)) == []


# ── deployments while leads are under way ────────────────────────────────────────────────────────────────────────────
STAGES = """
lifecycle
    stage Visitor
    stage Lead
    stage MQL
    stage Customer
        when form "go" is submitted
"""
SELLING = """
campaign "Selling"
    starts when form "in" is submitted
    flow
        send "one"
        wait 3 days
        qualify as MQL
        send "two"
"""


async def test_a_campaign_that_is_removed_carries_the_leads_in_it_to_the_end_and_takes_no_more(staged):
    async with staged(HEAD + FORMS + STAGES + SELLING) as stage:
        await stage.post("in", email="ann@lead.example")
        templates = {name: f"---\nsubject: {name}\n---\nnew\n" for name in ("one", "two")}
        await deploy_text(stage.rt, HEAD + FORMS + STAGES, templates)
        await stage.post("in", email="ben@lead.example")
        await stage.pass_time(timedelta(days=4))
        assert [(mail.to, mail.subject) for mail in stage.mailer.mails] == [
            ("ann@lead.example", "one"), ("ann@lead.example", "two"),
        ]  # fmt: skip
        [lead] = await stage.rows("SELECT stage FROM leads WHERE email_key LIKE 'ann@%%'")
        assert lead.stage == "MQL"


async def test_a_changed_campaign_is_for_those_who_enter_from_now_on(staged):
    async with staged(HEAD + FORMS + STAGES + SELLING) as stage:
        await stage.post("in", email="ann@lead.example")
        await deploy_text(stage.rt, HEAD + FORMS + STAGES + SELLING.replace('"two"', '"new"'), {"two": TWO})
        await stage.post("in", email="ben@lead.example")
        await stage.pass_time(timedelta(days=4))
        got = sorted((mail.to.partition("@")[0], mail.subject) for mail in stage.mailer.mails)
        assert got == [("ann", "one"), ("ann", "two"), ("ben", "new"), ("ben", "one")]


TWO = "---\nsubject: two\n---\nthe old one\n"


async def test_a_removed_stage_is_nobodys_way_back(staged):
    async with staged(HEAD + FORMS + STAGES + SELLING) as stage:
        await stage.post("in", email="ann@lead.example")
        await deploy_text(stage.rt, HEAD + FORMS + STAGES.replace("    stage MQL\n", ""), {"two": TWO})
        await stage.post("go", email="ann@lead.example")
        await stage.pass_time(timedelta(days=4))
        [lead] = await stage.rows("SELECT stage FROM leads")
        assert lead.stage == "Customer"
        assert subjects(stage) == ["one", "two"]


async def test_a_removed_template_holds_only_those_who_need_it_and_says_so(staged):
    async with staged(HEAD + FORMS + STAGES + SELLING) as stage:
        await stage.post("in", email="ann@lead.example")
        await deploy_text(stage.rt, HEAD + FORMS + STAGES)
        await stage.pass_time(timedelta(days=3, hours=2))
        [run] = await stage.rows("SELECT attention, due_at FROM enrolments")
        assert "template two" in run.attention
        await deploy_text(stage.rt, HEAD + FORMS + STAGES, {"two": TWO})
        await stage.pass_time(timedelta(hours=2))
        assert subjects(stage) == ["one", "two"]
        [run] = await stage.rows("SELECT attention, state FROM enrolments")
        assert tuple(run) == (None, "ended")


async def test_a_template_that_breaks_for_one_lead_holds_only_that_lead(staged):
    poison = "---\nsubject: Hello\n---\n{% if lead.first_name == 'Bad' %}{{ 1 // 0 }}{% endif %}fine\n"
    async with staged(HEAD + FORMS + STAGES + SELLING, {"one": poison}) as stage:
        for name in ("Bad", "Good"):
            await stage.post("in", email=f"{name}@lead.example", first_name=name)
        assert [mail.to for mail in stage.mailer.mails] == ["Good@lead.example"]
        rows = await stage.rows("SELECT attention FROM enrolments WHERE attention IS NOT NULL")
        assert [row.attention.startswith("template one") for row in rows] == [True]
        assert "Bad" not in rows[0].attention
        await stage.pass_time(timedelta(days=8))
        [skipped] = await stage.rows("SELECT reason FROM messages WHERE state = 'skipped' AND template = 'one'")
        assert skipped.reason == "too late"


async def test_a_confirmation_outlives_its_form(staged):
    double = """
form "double"
    ask email required
    ask first_name
    consent "Yes" for topic "news"
    confirm with "confirm"
"""
    head = HEAD + """    topic "news" "News"
"""  # fmt: skip
    async with staged(head + FORMS + double) as stage:
        done = await stage.post("double", ("news",), email="cy@lead.example", first_name="Cy")
        await deploy_text(stage.rt, head + FORMS)
        [posted] = await stage.rows("SELECT seq FROM events WHERE type = 'form.posted'")
        assert await confirm(stage.rt, done.lead_id, posted.seq) == "double"
        [lead] = await stage.rows("SELECT fields, topics FROM leads")
        assert (lead.fields, lead.topics) == ({"first_name": "Cy"}, {"news": "subscribed"})
        kept = await stage.rows("SELECT record FROM consents WHERE state = 'subscribed'")
        assert [row.record["wording"] for row in kept] == ["Yes"]

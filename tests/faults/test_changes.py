"""Limits, restores, clocks that go back and deploys under way, on the engine alone, with a real database."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from engine.leads import lead_clocks
from engine.leads.intake import FormPost, Occurrence, click, confirm, record, submit
from engine.mail.links import link_id
from engine.model.ports import Receipt
from engine.runs.retry import retry
from tests.support.attacks import (
    FORMS,
    HEAD,
    LIMITED,
    subjects,
    url_of,
    visit,
    watched,
)
from tests.support.invariants import broken
from tests.support.stage import Stage, deploy_text


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
    await submit(stage.rt, FormPost(deployed.forms["in"], {"email": "ann@lead.example"}, visitor=visitor))
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
        await lead_clocks.ring_clocks(stage.rt)
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

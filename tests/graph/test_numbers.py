"""The figures in a drawing, read from a live deployment."""

from __future__ import annotations

from datetime import timedelta

from engine.leads.intake import click, opened, unsubscribe
from engine.mail.links import link_id
from engine.reports.campaign_numbers import AtStep, numbers
from tests.support.stage import COMPANY, Stage, stage_fixture

WORKSPACE = f"""{COMPANY}form "paper"
    ask email required
    consent "Yes" for topic "news"

campaign "Nurture"
    starts when form "paper" is submitted
    topic "news"
    flow
        send "one" as step "first"
        wait up to 3 days for email "one" is clicked as step "click"
            send "two" as step "second"
        wait 30 days as step "long"
"""

stage = stage_fixture(WORKSPACE)


async def test_each_step_counts_who_waits_and_what_became_of_its_mails(stage: Stage):
    for number in range(4):
        await stage.post("paper", ("news",), email=f"lead{number}@lead.example")
    await stage.post("paper", email="silent@lead.example")
    first, second, *_ = stage.mailer.mails
    for _ in range(2):
        await opened(stage.rt, first.message_id)
        await click(stage.rt, first.message_id, link_id("https://acme.example/one"))
        stage.clock.advance(timedelta(minutes=5))
    await opened(stage.rt, second.message_id)
    await stage.settle()
    [gone] = await stage.rows("SELECT id FROM leads WHERE email_key = 'lead3@lead.example'")
    await unsubscribe(stage.rt, gone.id, None, "page")
    await stage.settle()

    found = await numbers(stage.rt.db, "NURTURE")
    assert {**found.runs} == {"entered": 5, "leads": 5, "live": 4, "finished": 0, "attention": 0}
    sent = found.steps["label:first"]
    assert (sent.sent, sent.opened, sent.clicked, sent.skipped, sent.leads) == (4, 2, 1, 1, 5)
    assert (found.steps["label:click"].waiting, found.steps["label:click"].left) == (3, 1)
    assert (found.steps["label:second"].sent, found.steps["label:second"].leads) == (1, 1)
    assert found.steps["label:long"].waiting == 1
    assert found.summary() == "5 entered (5 different leads), 4 in progress, 0 finished"
    assert sent.told() == ("4 sent · 2 (50%) opened · 1 (25%) clicked", "1 skipped")

    [digest] = found.plans
    assert (await numbers(stage.rt.db, "Nurture", digest[:12])).runs["entered"] == 5
    assert (await numbers(stage.rt.db, "Nurture", "0" * 12)).runs["entered"] == 0
    assert (await numbers(stage.rt.db, "Nobody's")).steps == {}


def test_only_what_happened_is_told():
    assert AtStep().told() == ()
    assert AtStep(leads=1).told() == ("1 lead reached it",)
    assert AtStep(waiting=2, leads=3).told() == ("2 waiting",)
    assert AtStep(sent=2, failed=1, left=3).told() == ("2 sent · 0 (0%) opened · 0 (0%) clicked", "1 failed · 3 left")

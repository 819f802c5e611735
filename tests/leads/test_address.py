"""A lead gets another address: runs go on, what bars the old one stays with it, what the person said holds for both."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from engine.leads import intake
from engine.leads.address import Taken, change_address
from engine.leads.intake import Occurrence
from engine.model.ports import Fate, Report
from engine.platform.tokens import address_hash
from engine.sending.feedback import newest_mail, report
from tests.leads.test_merge import ANN, BEN, id_of, row_of
from tests.support.stage import Stage, stage_fixture

NEW = "ann.miller@new.example"
WORKSPACE = """
workspace "Test"
    timezone "UTC"
    sender "Test <hello@test.example>"
    address "Test, Street 1, Town"
    topic "news" "News"
    mail is allowed until opt-out
    tracking is always on
    suppress after 2 soft bounces

form "paper"
    ask email required
    consent "Yes" for topic "news"

scoring
    -10 if email is a free address

lifecycle
    stage Visitor
    stage Lead
        when form is submitted

segment "Free"
    email is a free address

campaign "Two"
    starts when form "paper" is submitted
    topic "news"
    flow
        send "one"
        wait up to 2 days for email "one" is bounced
            send "again"
        otherwise
            send "two"
        wait 30 days
"""
stage = stage_fixture(WORKSPACE)


async def sent(stage: Stage) -> list[tuple[str, str]]:
    return [(one.category, one.to) for one in stage.mailer.mails]


async def told(stage: Stage, number: int, fate: Fate, address: str | None = None) -> str:
    mail = stage.mailer.mails[number]
    done = await report(stage.rt, Report(mail.message_id, fate, "why", 0.0, address))
    await stage.settle()
    return done


async def barred(stage: Stage) -> Mapping[str, str]:
    names = {address_hash("p" * 32, one): one for one in (ANN, BEN, NEW)}
    rows = await stage.rows("SELECT address_hash, reason FROM suppressions")
    return {names[one.address_hash]: one.reason for one in rows}


async def moved(stage: Stage, email: str = ANN, to: str = NEW) -> bool:
    return await change_address(stage.rt, await id_of(stage, email), to, "api")


async def test_runs_go_on_at_the_new_address_and_the_old_one_still_names_the_lead(stage: Stage):
    await stage.post("paper", email=ANN)
    ann = await id_of(stage, ANN)
    assert await moved(stage)
    assert not await moved(stage, NEW, NEW.upper())
    await stage.pass_time(timedelta(days=2))
    assert await sent(stage) == [("one", ANN), ("two", NEW)]
    await intake.record(stage.rt, Occurrence("custom", "x", {}, ANN))
    await intake.record(stage.rt, Occurrence("custom", "y", {}, NEW))
    rows = await stage.rows("SELECT DISTINCT lead_id FROM events")
    assert [one.lead_id for one in rows] == [ann]
    (event,) = await stage.rows("SELECT data FROM events WHERE type = 'lead.address_changed'")
    assert ANN not in str(event.data)
    assert NEW not in str(event.data)
    assert await newest_mail(stage.rt, ANN, None) == stage.mailer.mails[0].message_id
    assert await newest_mail(stage.rt, NEW, None) == stage.mailer.mails[1].message_id


async def test_back_to_the_address_before(stage: Stage):
    await stage.post("paper", email=ANN)
    for _ in range(2):
        assert await moved(stage)
        assert await moved(stage, NEW, ANN)
    assert (await row_of(stage, ANN)).former == [address_hash("p" * 32, NEW)]
    rows = await stage.rows("SELECT email_key, merged_into IS NULL AS own FROM leads ORDER BY email_key")
    assert [(one.email_key, one.own) for one in rows] == [(NEW, False), (ANN, True)]


async def test_a_bounce_of_the_old_address_bars_that_one_alone(stage: Stage):
    await stage.post("paper", email=ANN)
    await moved(stage)
    assert await told(stage, 0, "bounced", NEW) == "set aside", "it did not go there"
    assert await told(stage, 0, "bounced", ANN) == "recorded"
    assert await barred(stage) == {ANN: "bounced"}
    assert (await row_of(stage, NEW)).suppressed is None
    assert await sent(stage) == [("one", ANN), ("again", NEW)], "its campaign hears of it"


async def test_a_bounce_before_stays_with_the_old_address(stage: Stage):
    await stage.post("paper", email=ANN)
    await told(stage, 0, "bounced", ANN)
    assert (await row_of(stage, ANN)).suppressed == "bounced"
    await moved(stage)
    assert (await row_of(stage, NEW)).suppressed is None
    assert await barred(stage) == {ANN: "bounced"}
    await moved(stage, NEW, ANN)
    assert (await row_of(stage, ANN)).suppressed == "bounced"


async def test_a_bounce_does_not_hide_that_they_had_left(stage: Stage):
    await stage.post("paper", email=ANN)
    await told(stage, 0, "bounced", ANN)
    await intake.unsubscribe(stage.rt, await id_of(stage, ANN), None, "link")
    assert (await row_of(stage, ANN)).suppressed == "bounced"
    await moved(stage)
    assert (await row_of(stage, NEW)).suppressed == "unsubscribed"


@pytest.mark.parametrize(("fate", "reason"), [("complained", "complained"), ("unsubscribed", "unsubscribed")])
async def test_their_own_word_about_an_old_email_holds_for_both(stage: Stage, fate: Any, reason: str):
    await stage.post("paper", email=ANN)
    await moved(stage)
    assert await told(stage, 0, fate, ANN) == "recorded"
    assert (await row_of(stage, NEW)).suppressed == reason
    assert await barred(stage) == {ANN: reason, NEW: reason}
    await stage.pass_time(timedelta(days=3))
    assert await sent(stage) == [("one", ANN)]


async def test_who_has_left_stays_away_at_the_new_address(stage: Stage):
    await stage.post("paper", email=ANN)
    await intake.unsubscribe(stage.rt, await id_of(stage, ANN), None, "link")
    await moved(stage)
    assert (await row_of(stage, NEW)).suppressed == "unsubscribed"
    assert await barred(stage) == {ANN: "unsubscribed", NEW: "unsubscribed"}


async def test_an_address_that_is_barred_bars_whoever_gets_it(stage: Stage):
    await stage.post("paper", email=ANN)
    async with stage.rt.db.hot() as hot:
        values = {"hash": address_hash("p" * 32, NEW), "now": stage.clock.now()}
        await hot.run("INSERT INTO suppressions VALUES (%(hash)s, 'complained', %(now)s)", values)
        await hot.commit()
    await moved(stage)
    assert (await row_of(stage, NEW)).suppressed == "complained"
    assert {one.state for one in await stage.rows("SELECT state FROM enrolments")} == {"leaving"}


async def test_soft_bounces_are_counted_for_each_address(stage: Stage):
    await stage.post("paper", email=ANN)
    await told(stage, 0, "soft", ANN)
    await moved(stage)
    await stage.pass_time(timedelta(days=3))
    assert await sent(stage) == [("one", ANN), ("two", NEW)]
    await told(stage, 1, "soft", NEW)
    assert await barred(stage) == {}
    assert (await row_of(stage, NEW)).suppressed is None


async def test_what_depends_on_the_address_is_judged_again(stage: Stage):
    await stage.post("paper", email="ann@gmail.com")
    assert (await row_of(stage, "ann@gmail.com")).scores == {"": -10}
    await moved(stage, "ann@gmail.com")
    assert (await row_of(stage, NEW)).scores == {"": 0}


async def test_the_address_of_another_lead_is_taken(stage: Stage):
    await stage.post("paper", email=ANN)
    await stage.post("paper", email=BEN)
    with pytest.raises(Taken) as taken:
        await moved(stage, ANN, BEN)
    assert taken.value.lead == await id_of(stage, BEN)
    assert not await change_address(stage.rt, UUID(int=1), NEW, "api")
    with pytest.raises(ValueError, match="address"):
        await moved(stage, ANN, "no address")


async def test_a_post_from_the_new_address_meanwhile_makes_no_third_lead(stage: Stage):
    await stage.post("paper", email=ANN)
    ann = await id_of(stage, ANN)
    posts = [intake.record(stage.rt, Occurrence("custom", "x", {}, (ANN, NEW)[number % 2])) for number in range(8)]
    done = await asyncio.gather(*posts, change_address(stage.rt, ann, NEW, "api"), return_exceptions=True)
    rows = await stage.rows("SELECT email_key FROM leads ORDER BY email_key")
    assert [one.email_key for one in rows] == [NEW, ANN]
    assert isinstance(done[-1], Taken) or done[-1] is True

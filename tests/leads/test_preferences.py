"""A whole choice in one transaction: topics, tracking, language, coming back; and what follows from it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from dsl.plan import Program, Topic, Workspace
from engine.leads.intake import Occurrence, click, opened, record, unsubscribe
from engine.leads.preferences import Change, Choice, change_of, choose, receives
from engine.mail.links import link_id
from engine.model.lead import TRACKING, Lead
from tests.support.stage import TUESDAY, Stage, deploy_text, open_stage

WORKSPACE = """
workspace "Test"
    timezone "UTC"
    languages "en", "de"
    sender "Test <hello@test.example>"
    address "Test, Street 1, Town"
    topic "news" "News"
    topic "tips" "Tips"
    topic "offers" "Offers"
    mail needs consent
    tracking needs consent

form "paper"
    ask email required
    consent "Yes" for topic "news"
    consent "Yes" for topic "tips"

form "offers"
    ask email required
    consent "Yes" for topic "offers"

scoring
    -7 when lead unsubscribes, once per day

campaign "Nurture"
    starts when form "paper" is submitted
    topic "news"
    flow
        send "one"
        wait 30 days
        send "two"

campaign "Join"
    starts when topic "offers" is joined
    topic "offers"
    flow
        send "offer"

campaign "Bye"
    starts when topic "news" is left
    topic "tips"
    flow
        send "bye"

campaign "Left"
    starts when lead unsubscribes
    enters again after 1 minute
    topic "tips"
    flow
        send "left"

campaign "Patient"
    starts when form "paper" is submitted
    topic "tips"
    flow
        wait up to 60 days for topic "offers" is joined
            send "patient"
"""
PROOF = {"version": "v1", "page": "https://t.example/p/", "client": "192.0.2.1", "user_agent": "x", "language": "en"}


@pytest.fixture
async def stage(new_database) -> AsyncIterator[Stage]:
    async with open_stage(new_database(), WORKSPACE) as opened_stage:
        yield opened_stage


async def enter(stage: Stage, *topics: str):
    return (await stage.post("paper", topics or ("news", "tips"), email="ann@lead.example")).lead_id


async def wants(stage: Stage, id, *topics: str, **more) -> None:
    wordings = {name: f"Send me {name}" for name in (*topics, TRACKING)}
    await choose(stage.rt, id, Choice(frozenset(topics), wordings=wordings, context=PROOF, **more))
    await stage.settle()


async def known(stage: Stage):
    [row] = await stage.rows("SELECT topics, suppressed, fields, scores, seq FROM leads")
    return row


def subjects(stage: Stage) -> list[str]:
    return [mail.subject for mail in stage.mailer.mails]


async def test_one_choice_joins_and_leaves_and_campaigns_hear_of_it(stage: Stage):
    id = await enter(stage)
    await wants(stage, id, "tips", "offers")
    assert (await known(stage)).topics == {"news": "unsubscribed", "tips": "subscribed", "offers": "subscribed"}
    runs = await stage.rows("SELECT campaign, state, outcome FROM enrolments ORDER BY campaign")
    assert [tuple(run) for run in runs] == [
        ("Bye", "ended", "finished"), ("Join", "ended", "finished"), ("Left", "ended", "finished"),
        ("Nurture", "ended", "unsubscribed"), ("Patient", "ended", "finished"),
    ]  # fmt: skip
    assert sorted(subjects(stage)) == ["bye", "left", "offer", "one", "patient"]
    log = await stage.rows(
        "SELECT type, name, data FROM events WHERE type ~ 'topic|lead|preferences' AND seq > 3 ORDER BY seq"
    )
    assert [(one.type, one.name) for one in log] == [
        ("preferences.chosen", ""), ("lead.unsubscribed", "news"), ("topic.left", "news"), ("topic.joined", "offers"),
    ]  # fmt: skip
    assert log[0].data == {"joined": ["offers"], "left": ["news"]}


async def test_a_joined_topic_has_its_whole_record(stage: Stage):
    id = await enter(stage)
    stage.clock.advance(timedelta(days=1))
    await wants(stage, id, "news", "tips", "offers", tracking=True)
    rows = await stage.rows(
        "SELECT topic, seq, state, record, at FROM consents WHERE record->>'how' = 'preferences' ORDER BY topic"
    )
    assert [(row.topic, row.state, row.at) for row in rows] == [
        (TRACKING, "subscribed", stage.clock.now()), ("offers", "subscribed", stage.clock.now()),
    ]  # fmt: skip
    assert rows[1].record == {"how": "preferences", "wording": "Send me offers", **PROOF}
    [chosen] = await stage.rows("SELECT seq FROM events WHERE type = 'preferences.chosen'")
    assert {row.seq for row in rows} == {chosen.seq}


async def test_what_is_so_already_is_not_written(stage: Stage):
    id = await enter(stage)
    before = (await known(stage)).seq
    await wants(stage, id, "news", "tips", tracking=False, language="en")
    await wants(stage, id, "news", "tips", "nothing of the kind", language="fr")
    assert (await known(stage)).seq == before
    assert await stage.rows("SELECT 1 FROM consents WHERE record->>'how' = 'preferences'") == []


async def test_leaving_two_topics_books_a_limited_rule_once_a_day(stage: Stage):
    id = await enter(stage)
    await wants(stage, id, "news")
    assert (await known(stage)).scores == {"": -7}
    await wants(stage, id)
    await wants(stage, id, "tips", "news")
    await wants(stage, id)
    assert (await known(stage)).scores == {"": -7}
    assert len(await stage.rows("SELECT 1 FROM events WHERE type = 'lead.unsubscribed'")) == 4


async def test_tracking_that_is_withdrawn_records_nothing_of_mails_already_sent(stage: Stage):
    id = await enter(stage, "news", "tips", TRACKING)
    mail = stage.mailer.mails[0]
    link = link_id("https://acme.example/one")
    assert "/o/" in mail.html
    await wants(stage, id, "news", "tips", tracking=False)
    assert await click(stage.rt, mail.message_id, link) == "https://acme.example/one"
    await opened(stage.rt, mail.message_id)
    visit = Occurrence("page.visited", "/pumps", {"url": "https://acme.example/pumps"}, email="ann@lead.example")
    assert await record(stage.rt, visit) == "declined"
    assert (
        await stage.rows("SELECT 1 FROM events WHERE type IN ('email.clicked', 'email.opened', 'page.visited')") == []
    )
    await wants(stage, id, "news", "tips", tracking=True)
    await wants(stage, id, "news", "tips", tracking=False)
    await wants(stage, id, "news", "tips", tracking=True)
    assert await click(stage.rt, mail.message_id, link)
    assert await record(stage.rt, visit) == "recorded"
    assert len(await stage.rows("SELECT 1 FROM events WHERE type IN ('email.clicked', 'page.visited')")) == 2
    states = await stage.rows("SELECT state FROM consents WHERE topic = '@tracking' ORDER BY seq")
    assert [row.state for row in states] == ["subscribed", "unsubscribed", "subscribed", "unsubscribed", "subscribed"]


async def test_the_language_of_the_mails(stage: Stage):
    id = await enter(stage)
    await wants(stage, id, "news", "tips", language="de")
    assert (await known(stage)).fields == {"language": "de"}


async def test_coming_back_after_leaving_everything(stage: Stage):
    id = await enter(stage)
    await unsubscribe(stage.rt, id, None, "page")
    await stage.settle()
    await wants(stage, id)
    assert (await known(stage)).suppressed == "unsubscribed"
    await wants(stage, id, "offers")
    found = await known(stage)
    assert (found.suppressed, found.topics["offers"], found.topics["news"]) == (None, "subscribed", "unsubscribed")
    assert await stage.rows("SELECT 1 FROM suppressions") == []
    assert subjects(stage) == ["one", "offer"]


@pytest.mark.parametrize("reason", ["bounced", "complained", "erased"])
async def test_another_suppression_is_not_lifted(stage: Stage, reason: str):
    id = await enter(stage)
    async with stage.rt.db.hot() as hot:
        await hot.run("UPDATE leads SET suppressed = %(why)s", {"why": reason})
        await hot.run("INSERT INTO suppressions VALUES ('h', %(why)s, now())", {"why": reason})
        await hot.commit()
    await wants(stage, id, "offers", tracking=True)
    found = await known(stage)
    assert (found.suppressed, found.topics.get("offers"), found.topics["news"]) == (reason, None, "subscribed")
    assert found.topics[TRACKING] == "subscribed"
    assert len(await stage.rows("SELECT 1 FROM suppressions")) == 1
    assert subjects(stage) == ["one"]


def lead(suppressed: str | None = None, **topics: str) -> Lead:
    return Lead(
        id=None, seq=1, stage="", last_at=TUESDAY, created_at=TUESDAY, email="a@b.example", topics=topics,  # type: ignore[arg-type]
        suppressed=suppressed,
    )  # fmt: skip


TOPICS = (Topic(name="news", description="News"), Topic(name="tips", description="Tips"))
FREE = Program(workspace=Workspace(name="w", topics=TOPICS, mail_needs_consent=False))


def test_where_mail_is_allowed_until_opt_out_a_topic_nobody_asked_about_is_received():
    assert receives(lead(), "news", FREE.workspace)
    assert not receives(lead(news="unsubscribed"), "NEWS", FREE.workspace)
    assert not receives(lead("unsubscribed"), "news", FREE.workspace)
    assert change_of(Choice(frozenset({"news"})), lead(), FREE) == Change(left=("tips",))
    assert not change_of(Choice(frozenset({"news", "tips"})), lead(), FREE), "what was ticked before is no consent"


def test_who_comes_back_gets_what_they_tick_and_no_topic_that_is_new():
    change = change_of(Choice(frozenset({"news"})), lead("unsubscribed", news="unsubscribed"), FREE)
    assert change == Change(joined=("news",), left=("tips",))
    assert not change_of(Choice(frozenset()), lead("unsubscribed"), FREE)


def test_what_a_page_from_before_showed_is_chosen_only_where_it_was_changed():
    both, news = frozenset({"news", "tips"}), frozenset({"news"})
    assert not change_of(Choice(both, shown=both), lead("unsubscribed", news="unsubscribed"), FREE)
    assert not change_of(Choice(news, shown=news), lead(news="unsubscribed"), FREE)
    assert change_of(Choice(news, shown=both), lead(news="unsubscribed"), FREE) == Change(left=("tips",))
    assert change_of(
        Choice(both, shown=news), lead("unsubscribed", news="unsubscribed", tips="unsubscribed"), FREE
    ) == (Change(joined=("tips",)))


async def test_what_was_left_stays_left_when_its_topic_is_spelt_in_other_letters(new_database):
    text = """
workspace "Test"
    timezone "UTC"
    sender "Test <hello@test.example>"
    address "Test, Street 1, Town"
    topic "news" "News"
    mail is allowed until opt-out

form "paper"
    ask email required

campaign "Nurture"
    starts when form "paper" is submitted
    enters again after 1 minute
    topic "news"
    flow
        send "one"
        wait 30 days
"""
    async with open_stage(new_database(), text) as stage:
        id = (await stage.post("paper", (), email="ann@lead.example")).lead_id
        await deploy_text(stage.rt, text.replace('topic "news"', 'topic "NEWS"'))
        await unsubscribe(stage.rt, id, "NEWS", "one-click")
        await stage.settle()
        assert [run.outcome for run in await stage.rows("SELECT outcome FROM enrolments")] == ["unsubscribed"]
        await deploy_text(stage.rt, text)
        await unsubscribe(stage.rt, id, "news", "one-click")
        stage.clock.advance(timedelta(hours=1))
        await stage.post("paper", (), email="ann@lead.example")
        assert subjects(stage) == ["one"]
        assert len(await stage.rows("SELECT 1 FROM events WHERE type = 'lead.unsubscribed'")) == 1

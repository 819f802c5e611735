"""The story of a lead in a campaign: what happened, what did not, and the line that decided it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.leads.intake import Occurrence, click, record, unsubscribe
from engine.mail.links import link_id
from engine.why.log import Said
from engine.why.read import Unknown, read
from engine.why.tell import Told, as_json, tell
from tests.support.stage import Stage, deploy_text, stage_fixture

WORKSPACE = """
workspace "Test"
    timezone "Europe/Berlin"
    sender "Test <hello@test.example>"
    address "Test, Street 1, Town"
    topic "news" "News"
    topic "other" "Other"
    quiet hours from 20:00 to 08:00
    mail needs consent
    tracking is always on

form "paper"
    ask email required
    ask country
    consent "Yes" for topic "news"
    consent "Yes" for topic "other"

form "demo"
    ask email required

scoring
    +30 when form "paper" is submitted
    +10 when email is clicked, once per email

lifecycle
    stage Visitor
    stage Lead
        when form is submitted
    stage MQL

campaign "Nurture"
    starts when form "paper" is submitted, only if country is "DE"
    enters once
    leaves when form "demo" is submitted
    topic "news"
    flow
        send "one"
        wait up to 3 days for email "one" is clicked
            add 5 points
        otherwise
            send "reminder"
        if score >= 45
            qualify as MQL
        otherwise if country is "FR"
            stop
        otherwise
            send "late"
        wait 5 days

    whenever page "/pricing*" is visited
        add 1 points
"""

stage = stage_fixture(WORKSPACE)


def line_of(text: str, nth: int = 1) -> str:
    """The place of the nth line that holds a text."""
    found = [number for number, line in enumerate(WORKSPACE.splitlines(), start=1) if text in line]
    return f"campaigns/test.campaign:{found[nth - 1]}"


async def told(stage: Stage, who: str = "ann@lead.example", campaign: str = "nurture") -> Told:
    log = await read(stage.rt.db, who, campaign, stage.clock.now())
    found = tell(log)
    assert as_json(log, found)["verdict"] == found.verdict
    return found


def lines(found: Told, run: int = 0) -> list[Said]:
    return list(found.runs[run][1])


def line(found: Told, text: str) -> Said:
    """The one line that holds the text."""
    fitting = [one for one in lines(found) if text in one.text]
    assert len(fitting) == 1, [one.text for one in lines(found)]
    return fitting[0]


async def enter(
    stage: Stage, topics: tuple[str, ...] = ("news",), country: str = "DE", email: str = "ann@lead.example"
):
    return await stage.post("paper", topics, email=email, country=country)


def texts(found: Told, run: int = 0) -> list[str]:
    return [one.text for one in lines(found, run)]


async def test_a_click_is_told_with_what_it_led_to(stage: Stage):
    await enter(stage)
    stage.clock.advance(timedelta(days=1))
    await click(stage.rt, stage.mailer.mails[0].message_id, link_id("https://acme.example/one"))
    await stage.settle()
    found = await told(stage)
    assert texts(found) == [
        'entered, because the lead submitted form "paper"', "+30 points, now 30", "became Lead", 'sent "one": one',
        'wait up to 3 days for email "one" is clicked', 'clicked acme.example/one in email "one"',
        "+10 points, now 40",
        'the wait ended: the lead clicked acme.example/one in email "one"', "add 5 points",
        "yes: if score >= 45", "qualify as MQL", "wait 5 days", "is waiting: wait 5 days",
    ]  # fmt: skip
    assert line(found, "entered").why == 'only if country is "DE": country was "DE"'
    assert line(found, "entered").source == line_of("starts when")
    assert (line(found, "add 5").why, line(found, "add 5").source) == ("now 45", line_of("add 5"))
    assert line(found, "yes: if").why == "score was 45"
    assert line(found, "+10").source == line_of("+10 when")
    assert line(found, "is waiting").why == "until Mon 2026-09-07 09:00", "in the lead's own time"
    assert found.verdict == (
        'ann@lead.example has been in "Nurture" since Tue 2026-09-01 09:00'
        " and is waiting: wait 5 days until Mon 2026-09-07 09:00"
    )
    assert [one for one in lines(found) if one.tone == "not"] == []


async def test_no_click_is_told_with_the_way_that_was_taken_instead(stage: Stage):
    await enter(stage)
    await stage.pass_time(timedelta(days=9))
    found = await told(stage)
    waited = line(found, "timed out waiting")
    assert waited.text == 'timed out waiting for: email "one" is clicked'
    assert (waited.tone, waited.source) == ("not", line_of("wait up to"))
    assert line(found, "no: if score >= 45").why == "score was 30"
    assert line(found, 'no: if country is "FR"').why == 'country was "DE"'
    assert "so: otherwise" in texts(found)
    assert line(found, 'sent "late"').source == line_of('send "late"')
    last = lines(found)[-1]
    assert (last.text, found.runs[0][0].outcome) == ("reached the end of the flow", "finished")
    assert found.verdict.endswith("until Wed 2026-09-09 09:00: reached the end of the flow")


async def test_a_mail_that_was_not_sent_says_why(stage: Stage):
    await enter(stage, ("other",))
    found = await told(stage)
    missing = line(found, "did not send")
    assert missing.text == 'did not send "one"'
    assert (missing.tone, missing.why) == ("not", 'the lead is not subscribed to "news"')
    assert missing.source == line_of('send "one"')


async def test_a_mail_that_was_held_back_says_by_what(stage: Stage):
    stage.clock.advance(timedelta(hours=13))
    await enter(stage)
    found = await told(stage)
    held = lines(found)[-1]
    assert held.text == 'is held back: send "one"'
    assert held.why.startswith("until Wed 2026-09-02 08:")
    assert held.why.endswith(": quiet hours from 20:00 to 08:00")
    await stage.pass_time(timedelta(hours=14))
    # What held it was stored at the time: quiet hours that are others since do not change it.
    await deploy_text(stage.rt, WORKSPACE.replace("quiet hours from 20:00 to 08:00", "quiet hours from 12:00 to 13:00"))
    found = await told(stage)
    assert line(found, 'sent "one"').why == "held back since Tue 2026-09-01 22:00: quiet hours from 20:00 to 08:00"


async def test_leaving_and_unsubscribing_name_what_did_it(stage: Stage):
    await enter(stage)
    await stage.post("demo", email="ann@lead.example")
    end = lines(await told(stage))[-1]
    assert end.text == "left the campaign"
    assert end.why == 'leaves when form "demo" is submitted: the lead submitted form "demo"'
    assert end.source == line_of("leaves when")
    assert [one.text for one in lines(await told(stage)) if "timed out" in one.text] == []

    done = await enter(stage, email="bob@lead.example")
    await unsubscribe(stage.rt, done.lead_id, None, "page")
    await stage.settle()
    end = lines(await told(stage, str(done.lead_id)))[-1]
    assert (end.text, end.why) == (
        "left the campaign, because the lead unsubscribed", "the lead unsubscribed from everything",
    )  # fmt: skip


async def test_a_block_beside_the_flow_is_told_with_its_event(stage: Stage):
    await enter(stage)
    stage.clock.advance(timedelta(hours=1))
    await record(stage.rt, Occurrence("page.visited", "/pricing", {"url": "/pricing"}, email="ann@lead.example"))
    await stage.settle()
    found = await told(stage)
    began = line(found, "beside the flow")
    assert (began.why, began.source) == ('because the lead visited page "/pricing"', line_of("whenever"))
    assert line(found, "add 1 points").why == "now 31"


# ── not entering ─────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_who_never_entered_is_told_the_condition_and_the_value(stage: Stage):
    await enter(stage, country="FR")
    found = await told(stage)
    assert found.runs == ()
    [why] = found.outside
    assert why.text == 'did not enter when the lead submitted form "paper"'
    assert why.why == 'only if country is "DE": country was "FR"'
    assert why.source == line_of("starts when")
    assert found.verdict == (
        'ann@lead.example has never been in "Nurture": did not enter when the lead submitted form "paper";'
        ' only if country is "DE": country was "FR"'
    )


async def test_who_never_did_what_starts_it_is_told_what_they_did_instead(stage: Stage):
    await stage.post("demo", email="ann@lead.example")
    [why] = (await told(stage)).outside
    assert why.text == 'starts when form "paper" is submitted, only if country is "DE": this has never happened'
    assert why.why == 'similar events in the lead\'s log: "demo"'


async def test_who_did_not_enter_again_is_told_so(stage: Stage):
    await enter(stage)
    stage.clock.advance(timedelta(hours=1))
    await enter(stage)
    await stage.pass_time(timedelta(days=9))
    await enter(stage)
    found = await told(stage)
    assert [one.why for one in found.outside] == [
        "the lead was already in the campaign", "enters once, and the lead had already been in it",
    ]  # fmt: skip


async def test_an_unknown_lead_or_campaign_brings_names_to_choose_from(stage: Stage):
    await enter(stage)
    with pytest.raises(Unknown) as lead:
        await told(stage, "anne@lead.example")
    assert (lead.value.what, lead.value.names) == ("lead", ("ann@lead.example",))
    with pytest.raises(Unknown) as campaign:
        await told(stage, campaign="Nurtur")
    assert (campaign.value.what, campaign.value.names) == ("campaign", ("Nurture",))

"""Stories of leads in campaigns that choose, repeat, hand over to sales, and enter each other."""

from __future__ import annotations

from datetime import timedelta

from engine.deploying.pauses import pause, resume
from engine.leads.intake import Occurrence, record
from engine.sales.handoffs import act
from engine.why.log import Said
from engine.why.read import read
from engine.why.tell import tell
from tests.support.stage import Stage, company, stage_fixture

WORKSPACE = (
    company("mail is allowed until opt-out")
    + """
form "paper"
    ask email required

lifecycle
    stage Visitor
    stage Lead
        when form is submitted
    stage MQL

team "Sales"
    takes all leads
    member "eva@test.example"

campaign "Rounds"
    starts when form "paper" is submitted
    flow
        repeat up to 2 times every 2 days until has visited page "/buy"
            send "round"
        split
            50% "one"
                notify "boss@test.example" with "internal/seen"
            50% "other"
                notify "boss@test.example" with "internal/seen"
        add to list "Seen"
        enter campaign "Next"

campaign "Next"
    flow
        hand off to sales as MQL
            when rejected because "not ready"
                send "later"
            when rejected
                stop

campaign "Measured"
    starts when form "paper" is submitted
    control group 99.999%
    flow
        send "never"

campaign "Often"
    starts when page "/buy" is visited 2 times within 7 days
    flow
        send "often"
"""
)


stage = stage_fixture(WORKSPACE, {"internal/seen": "---\nsubject: Seen\n---\nA lead has seen all.\n"})


async def lines(stage: Stage, campaign: str) -> list[Said]:
    log = await read(stage.rt.db, "ann@lead.example", campaign, stage.clock.now())
    return list(tell(log).runs[0][1])


async def visit(stage: Stage) -> None:
    await record(stage.rt, Occurrence("page.visited", "/buy", {"url": "/buy"}, email="ann@lead.example"))
    await stage.settle()


async def test_rounds_chance_and_what_was_done_are_told(stage: Stage):
    await stage.post("paper", email="ann@lead.example")
    await stage.pass_time(timedelta(days=9))
    told = await lines(stage, "Rounds")
    texts = [one.text for one in told]
    said = 'repeat up to 2 times every 2 days until has visited page "/buy"'
    assert texts.count('sent "round": round') == 2
    assert [text for text in texts if text.startswith(said)] == [
        f"{said}: another round", f"{said}: another round", f"{said}: no more rounds",
    ]  # fmt: skip
    assert [text for text in texts if text in ('split: 50% "one"', 'split: 50% "other"')] != []
    notified = next(one for one in told if one.text.startswith("notify"))
    assert notified.why == "to boss@test.example"
    assert 'add to list "Seen"' in texts
    assert texts[-1] == "reached the end of the flow"


async def test_a_lead_brought_in_by_another_campaign_and_what_sales_decided(stage: Stage):
    await stage.post("paper", email="ann@lead.example")
    await stage.pass_time(timedelta(days=4, hours=1))
    told = await lines(stage, "Next")
    assert told[0].text == 'entered from campaign "Rounds"'
    assert told[-1].text == "is waiting for sales to decide"
    [handoff] = await stage.rows("SELECT id FROM handoffs")
    await act(stage.rt, handoff.id, "reject", "eva@test.example", "not ready")
    await stage.settle()
    texts = [one.text for one in await lines(stage, "Next")]
    assert "was assigned to eva@test.example" in texts
    assert "was rejected by eva@test.example: not ready" in texts
    assert 'so: when rejected because "not ready"' in texts
    assert 'sent "later": later' in texts


async def test_the_control_group_is_told_as_such(stage: Stage):
    await stage.post("paper", email="ann@lead.example")
    [missing] = [one for one in await lines(stage, "Measured") if one.tone == "not"]
    assert missing.text == 'did not send "never"'
    assert missing.why == "the lead is in the control group, which gets no emails"


async def test_a_pattern_that_no_single_event_meets_is_told_in_words(stage: Stage):
    await visit(stage)
    log = await read(stage.rt.db, "ann@lead.example", "Often", stage.clock.now())
    [missing] = tell(log).outside
    assert missing.text.startswith('starts when page "/buy" is visited 2 times within 7 days: this has never')
    await visit(stage)
    told = await lines(stage, "Often")
    assert told[0].text == 'entered, because page "/buy" is visited 2 times within 7 days'


async def test_a_pause_is_told_with_who_and_why(stage: Stage):
    await stage.post("paper", email="ann@lead.example")
    stage.clock.advance(timedelta(hours=1))
    await pause(stage.rt.db, stage.clock, "Rounds", "eva", "prices are wrong")
    said = {one.text: one.why for one in await lines(stage, "Rounds")}
    assert said["the campaign was paused"] == "by eva: prices are wrong"
    assert said["stays where it is: the campaign is paused"] == "prices are wrong"
    stage.clock.advance(timedelta(hours=1))
    await resume(stage.rt.db, stage.clock, "Rounds", "eva")
    stage.clock.advance(timedelta(minutes=1))
    texts = [one.text for one in await lines(stage, "Rounds")]
    assert "the campaign was resumed" in texts
    assert "stays where it is: the campaign is paused" not in texts

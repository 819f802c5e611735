"""A cause stands before what it brought about, and what a decision saw is told as it was then."""

from __future__ import annotations

from datetime import timedelta

from engine.leads.external_changes import tell as told_by_crm
from engine.leads.intake import Occurrence, record, unsubscribe
from engine.sales.handoffs import act
from engine.why.log import Log, Said
from engine.why.read import read
from engine.why.tell import tell
from tests.support.stage import Stage, company, stage_fixture

WORKSPACE = (
    company("mail is allowed until opt-out", "tracking needs consent")
    + """
field plan text
field size number
field weight number
field watched text

form "paper"
    ask email required
    ask plan
    consent "Yes" for topic "news"

scoring
    +30 when form "paper" is submitted
    +7 when list "Hot" is joined

scoring "fit"
    +9 if weight >= 10

interest "Pumps"
    pages "/pumps*"

lifecycle
    stage Visitor
    stage Contact
        when form is submitted
    stage MQL
        when score reaches 45
    stage SQL

team "Sales"
    takes all leads
    member "eva@test.example"

campaign "Causes"
    starts when form "paper" is submitted
    flow
        wait 1 day
        set weight to 12
        add to list "Hot"
        add 15 points
        hand off to sales as SQL
        recycle because "too early"

campaign "Decisions"
    starts when form "paper" is submitted
    flow
        wait 1 day
        if plan is "free"
            wait 1 day
        if size >= 100
            wait 1 day
        if watched is "old"
            wait 1 day
        if interest in "Pumps" >= 1
            wait 1 day
        if subscribed to "news"
            wait 1 day
        if tracking is allowed
            wait 1 day
        if in list "Later"
            wait 1 day
        wait 30 days
        add 1 points

campaign "Listens"
    starts when field watched changes
    flow
        wait 1 day
        add 1 points
"""
)
ANN = "ann@lead.example"

stage = stage_fixture(WORKSPACE)


async def lines(stage: Stage, campaign: str) -> list[Said]:
    log: Log = await read(stage.rt.db, ANN, campaign, stage.clock.now())
    return list(tell(log).runs[0][1])


async def why(stage: Stage, text: str) -> tuple[str, str]:
    """How the one decision on this condition went, and what was said of it."""
    [one] = [said for said in await lines(stage, "Decisions") if said.text.endswith(f": if {text}")]
    return one.text.partition(":")[0], one.why


async def test_what_a_step_did_stands_before_what_followed_from_it(stage: Stage):
    await stage.post("paper", (), email=ANN)
    await stage.pass_time(timedelta(days=1, hours=1))
    told = await lines(stage, "Causes")
    assert [one.text for one in told][1:] == [
        "+30 points, now 30", "became Contact", "wait 1 day",
        "set weight to 12", '+9 points in "fit", now 9', 'add to list "Hot"', "+7 points, now 37",
        "add 15 points", "became MQL", "hand off to sales as SQL", "became SQL", 'was handed off to team "Sales"',
        *[one.text for one in told if "assigned" in one.text], "is waiting for sales to decide",
    ]  # fmt: skip


async def test_a_recycle_stands_before_the_stage_it_leads_back_to(stage: Stage):
    await stage.post("paper", (), email=ANN)
    await stage.pass_time(timedelta(days=1, hours=1))
    [handoff] = await stage.rows("SELECT id FROM handoffs")
    await act(stage.rt, handoff.id, "accept", "eva@test.example", None)
    await stage.settle()
    told = await lines(stage, "Causes")
    texts = [one.text for one in told]
    assert texts[-3:] == ['recycle because "too early"', "became Contact", "reached the end of the flow"]
    assert told[-2].source == told[-3].source


async def test_a_field_is_told_as_it_was_where_the_log_knows(stage: Stage):
    await stage.post("paper", (), email=ANN, plan="free")
    await told_by_crm(stage.rt, ANN, {"watched": "old", "size": 5})
    await stage.pass_time(timedelta(days=9))
    assert await why(stage, 'plan is "free"') == ("yes", 'plan was "free"')
    assert await why(stage, 'watched is "old"') == ("yes", 'watched was "old"')
    assert await why(stage, "size >= 100") == ("no", "size was 5 (as of today)")
    await told_by_crm(stage.rt, ANN, {"watched": "new", "plan": "pro", "size": 500})
    assert await why(stage, 'watched is "old"') == ("yes", 'watched was "old"')
    otherwise = " (judged by today's values, which differ from those at the time)"
    assert await why(stage, 'plan is "free"') == ("yes", 'plan was "pro" (as of today)' + otherwise)
    assert await why(stage, "size >= 100") == ("no", "size was 500 (as of today)" + otherwise)


async def test_topics_tracking_interests_and_lists_are_told_as_they_were(stage: Stage):
    done = await stage.post("paper", ("news", "@tracking"), email=ANN)
    await record(stage.rt, Occurrence("page.visited", "/pumps", {"url": "/pumps"}, email=ANN))
    await stage.pass_time(timedelta(days=9))
    seen = {
        'interest in "Pumps" >= 1': ("yes", 'interest in "Pumps" was 1'),
        'subscribed to "news"': ("yes", 'the lead was subscribed to "news"'),
        "tracking is allowed": ("yes", "the lead was someone who had agreed to tracking"),
        'in list "Later"': ("no", 'the lead was not in list "Later"'),
    }
    assert {text: await why(stage, text) for text in seen} == seen
    await record(stage.rt, Occurrence("page.visited", "/pumps", {"url": "/pumps"}, email=ANN))
    await unsubscribe(stage.rt, done.lead_id, "news", "page")
    await told_by_crm(stage.rt, ANN, {}, lists=["Later"])
    assert {text: await why(stage, text) for text in seen} == seen


async def test_what_nobody_ever_agreed_to_is_told_as_of_today(stage: Stage):
    await stage.post("paper", (), email=ANN)
    await stage.pass_time(timedelta(days=9))
    assert await why(stage, 'subscribed to "news"') == ("no", 'the lead was not subscribed to "news" (as of today)')

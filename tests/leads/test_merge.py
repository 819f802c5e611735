"""Two records of one person become one lead, with both histories."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from engine.leads import intake
from engine.leads.intake import Occurrence
from engine.leads.merge import NotMerged, merge
from engine.model.ports import Receipt
from engine.sales import handoffs
from tests.support.stage import Stage, stage_fixture

ANN, BEN = "ann@lead.example", "ben@lead.example"
DAY = timedelta(days=1)
WORKSPACE = """
workspace "Test"
    timezone "UTC"
    sender "Test <hello@test.example>"
    address "Test, Street 1, Town"
    topic "news" "News"
    topic "tips" "Tips"
    mail is allowed until opt-out
    tracking is always on

field plan text
field size number

form "paper"
    ask email required
    ask plan
    ask size
    ask country
    consent "Yes" for topic "news"
    consent "Tips too" for topic "tips"

form "demo"
    ask email required
    consent "Yes" for topic "news"
    confirm with "sure"

interest "Prices"
    pages "/pricing*"

scoring
    +10 when form "paper" is submitted
    +20 if size >= 100
    +5 when page "/pricing*" is visited, expires after 30 days

lifecycle
    stage Visitor
    stage Lead
        when form is submitted
    stage MQL
        when score reaches 50
    stage SQL
        when sales accepts

team "Sales"
    takes all leads
    member "eva@acme.example"
    member "jonas@acme.example"
    assign round robin
    acknowledge within 4 business hours, then reassign

campaign "Welcome"
    starts when form "paper" is submitted
    topic "news"
    flow
        wait 3 days
        send "welcome"
        wait up to 5 days for page "/pricing" is visited
            send "price"
        otherwise
            send "late"

campaign "Sell"
    starts when event "hot" happens
    flow
        hand off to sales
            when accepted
                send "deal"
            when rejected
                send "pity"

campaign "Left"
    starts when campaign "Welcome" is left
    enters every time
    flow
        wait 1 day
        add 1 points
"""
stage = stage_fixture(WORKSPACE)


async def id_of(stage: Stage, email: str) -> UUID:
    (row,) = await stage.rows("SELECT id FROM leads WHERE email_key = %(email)s", email=email)
    found: UUID = row.id
    return found


async def row_of(stage: Stage, email: str) -> Any:
    (row,) = await stage.rows("SELECT * FROM leads WHERE email = %(email)s", email=email)
    return row


async def happen(stage: Stage, type: Any, name: str, email: str, **more: Any) -> str:
    state = await intake.record(stage.rt, Occurrence(type, name, more.pop("data", {}), email, **more))
    await stage.settle()
    return state


async def merged(stage: Stage, kept: str = ANN, other: str = BEN) -> Any:
    done = await merge(stage.rt, await id_of(stage, kept), await id_of(stage, other), "Kim")
    await delivered(stage)
    return done


async def delivered(stage: Stage) -> None:
    """What a command has left in the outbox reaches the runs."""
    from engine.runtime.outbox import Outbox

    await Outbox(stage.rt.db, stage.runs, stage.clock).sweep_all()
    await stage.settle()


async def runs(stage: Stage) -> list[tuple[str, str, str | None, int]]:
    rows = await stage.rows("SELECT campaign, state, outcome, number FROM enrolments ORDER BY campaign, number")
    return [(one.campaign, one.state, one.outcome, one.number) for one in rows]


async def ordered(stage: Stage) -> None:
    """Every lead's log is in the order of time, and its score is the sum of its bookings."""
    for row in await stage.rows("SELECT lead_id, array_agg(at ORDER BY seq) AS at FROM events GROUP BY 1"):
        assert row.at == sorted(row.at)
    rows = await stage.rows("""SELECT l.scores, (SELECT coalesce(jsonb_object_agg(model, much), '{}') FROM (
        SELECT model, sum(amount)::float AS much FROM points WHERE lead_id = l.id GROUP BY 1) s) AS booked,
        (SELECT score_after FROM points WHERE lead_id = l.id ORDER BY booked_at DESC, seq DESC, cause DESC, rule DESC
        LIMIT 1) AS after FROM leads l WHERE merged_into IS NULL""")
    for row in rows:
        assert row.scores == row.booked
        assert row.after is None or float(row.after) == row.scores[""]


async def test_both_histories_and_the_sum_of_the_scores(stage: Stage):
    await stage.post("paper", email=ANN, plan="pro", size=200)
    stage.clock.advance(DAY)
    await stage.post("paper", email=BEN, size=150, country="DE", plan="x")
    for page in ("/pricing", "/pricing/x"):
        await happen(stage, "page.visited", page, BEN)
    assert (await row_of(stage, ANN)).scores == {"": 30}
    assert (await row_of(stage, BEN)).scores == {"": 40}
    begun = (await row_of(stage, ANN)).created_at
    done = await merged(stage, BEN, ANN)
    ben = await row_of(stage, BEN)
    assert (ben.fields, ben.created_at) == ({"plan": "x", "size": 150, "country": "DE"}, begun)
    assert ben.scores == {"": 50}, "10 and 10 for the forms, 10 for the pages, and 20 once for the size"
    assert (ben.stage, ben.interests) == ("MQL", {"Prices": 2}), "the sum reaches what neither had reached"
    assert done.scores == {"": 50}
    await ordered(stage)
    log = await stage.rows("SELECT type, name FROM events WHERE lead_id = %(id)s ORDER BY seq", id=ben.id)
    assert [one.type for one in log if one.type.startswith(("form", "page"))] == [
        "form.submitted", "form.submitted", "page.visited", "page.visited",
    ]  # fmt: skip
    (gone,) = await stage.rows("SELECT email, fields, scores, merged_into FROM leads WHERE email_key = %(k)s", k=ANN)
    assert (gone.email, gone.fields, gone.scores, gone.merged_into) == (None, {}, {}, ben.id)


async def test_points_of_both_expire(stage: Stage):
    await happen(stage, "page.visited", "/pricing", ANN)
    stage.clock.advance(DAY)
    await happen(stage, "page.visited", "/pricing", BEN)
    await merged(stage)
    from tests.support.programs import sweep

    assert (await row_of(stage, ANN)).scores == {"": 10}
    stage.clock.advance(29 * DAY)
    await sweep(stage)
    assert (await row_of(stage, ANN)).scores == {"": 5}
    stage.clock.advance(DAY)
    await sweep(stage)
    assert (await row_of(stage, ANN)).scores == {"": 0}
    await ordered(stage)


async def test_the_older_run_goes_on_and_the_other_one_ends(stage: Stage):
    await stage.post("paper", email=BEN)
    await stage.pass_time(DAY)
    await stage.post("paper", email=ANN)
    done = await merged(stage)
    assert done.ended == ("Welcome",)
    assert await runs(stage) == [("Welcome", "ended", "merged", 1), ("Welcome", "live", None, 2)]
    (live,) = await stage.rows("SELECT lead_id, started_at FROM enrolments WHERE state = 'live'")
    assert live.lead_id == await id_of(stage, ANN)
    await stage.pass_time(2 * DAY)
    assert [(one.category, one.to) for one in stage.mailer.mails] == [("welcome", ANN)], (
        "as Ben's run would have, to Ann"
    )
    await happen(stage, "page.visited", "/pricing", BEN)
    assert [one.category for one in stage.mailer.mails] == ["welcome", "price"], "Ben's address still names the lead"
    assert [answer.state for _, answer in stage.runs.runs.values() if answer] == ["done", "done", "wait"]
    await stage.pass_time(9 * DAY)
    assert {one.state for one in await stage.rows("SELECT state FROM enrolments")} == {"ended"}
    assert Counter(name for name, *_ in await runs(stage))["Left"] == 1, "the run that gave way has left nothing"


async def test_runs_read_their_log_under_the_new_numbers(stage: Stage):
    """A run that has used an event does not see it again, and what comes afterwards wakes it."""
    await stage.post("paper", email=ANN)
    await stage.pass_time(3 * DAY)
    await happen(stage, "page.visited", "/other", ANN)
    for page in ("/blog", "/pricing", "/blog"):
        await happen(stage, "page.visited", page, BEN)
    await merged(stage)
    assert [one.category for one in stage.mailer.mails] == ["welcome"], "what Ben did before ends no wait of Ann's run"
    await happen(stage, "page.visited", "/pricing", ANN)
    assert [one.category for one in stage.mailer.mails] == ["welcome", "price"]


async def test_an_event_that_its_run_has_not_taken_up_yet_is_not_lost(stage: Stage):
    await stage.post("paper", email=ANN)
    await stage.pass_time(3 * DAY)
    await intake.record(stage.rt, Occurrence("page.visited", "/pricing", {}, ANN))
    await intake.record(stage.rt, Occurrence("page.visited", "/blog", {}, BEN))
    await merged(stage)
    assert [one.category for one in stage.mailer.mails] == ["welcome", "price"]


async def test_the_older_handoff_goes_on_for_both_runs(stage: Stage):
    for email in (BEN, ANN):
        await happen(stage, "custom", "hot", email)
        stage.clock.advance(timedelta(minutes=5))
    first, second = await stage.rows("SELECT id, member FROM handoffs ORDER BY opened_at")
    assert first.member != second.member
    mails = len(stage.mailer.mails)
    done = await merged(stage)
    assert (done.closed, done.ended) == (("Sales",), ("Sell",))
    rows = await stage.rows("SELECT id, outcome, lead_id FROM handoffs ORDER BY opened_at")
    assert [(one.id, one.outcome) for one in rows] == [(first.id, None), (second.id, "merged")]
    assert {one.lead_id for one in rows} == {await id_of(stage, ANN)}
    assert [one.to for one in stage.mailer.mails[mails:]] == [second.member], "who had it hears that it is not theirs"
    assert await handoffs.act(stage.rt, second.id, "accept", second.member, None) == "closed"
    assert await handoffs.act(stage.rt, first.id, "accept", first.member, None) == "closed"
    await stage.settle()
    assert [one.category for one in stage.mailer.mails if one.to == ANN] == ["deal"]
    assert (await row_of(stage, ANN)).stage == "SQL"


@pytest.mark.parametrize(
    ("first", "second", "later", "state"),
    [
        ("join", "leave", "leave", "unsubscribed"), ("leave", "join", "join", "subscribed"),
        ("join", "join", "join", "subscribed"), ("leave", "leave", "leave", "unsubscribed"),
    ],
)  # fmt: skip
async def test_the_stricter_consent_unless_there_is_later_proof(
    stage: Stage, first: str, second: str, later: str, state: str
):
    for email, what in ((BEN, first), (ANN, second)):
        await stage.post("paper", ("news",) if what == "join" else (), email=email)
        if what == "leave":
            await intake.unsubscribe(stage.rt, await id_of(stage, email), "news", "link")
        await stage.settle()
        stage.clock.advance(DAY)
    await merged(stage)
    assert (await row_of(stage, ANN)).topics == {"news": state}
    proofs = await stage.rows("SELECT DISTINCT lead_id FROM consents")
    assert [one.lead_id for one in proofs] == [await id_of(stage, ANN)]


async def test_who_has_left_under_one_address_has_left_under_both(stage: Stage):
    await stage.post("paper", email=ANN)
    await stage.post("paper", email=BEN)
    await intake.unsubscribe(stage.rt, await id_of(stage, BEN), None, "link")
    await merged(stage)
    assert (await row_of(stage, ANN)).suppressed == "unsubscribed"
    assert [one.reason for one in await stage.rows("SELECT reason FROM suppressions")] == ["unsubscribed"] * 2
    await stage.pass_time(20 * DAY)
    assert stage.mailer.mails == []


async def test_a_form_that_awaits_its_confirmation_is_confirmed_by_its_old_link(stage: Stage):
    await happen(stage, "page.visited", "/a", ANN)
    posted = await stage.post("demo", ("news",), email=BEN)
    await merged(stage)
    assert await intake.confirm(stage.rt, posted.lead_id, posted.seq) == "demo"
    assert await intake.confirm(stage.rt, posted.lead_id, posted.seq) == "demo"
    ann = await row_of(stage, ANN)
    assert ann.topics == {"news": "subscribed"}
    rows = await stage.rows("SELECT count(*) AS many FROM events WHERE type = 'form.submitted'")
    assert rows[0].many == 1
    assert await intake.confirm(stage.rt, posted.lead_id, 999) is None


async def test_the_same_event_at_both_is_known_at_the_lead(stage: Stage):
    for email in (ANN, BEN):
        assert await happen(stage, "custom", "x", email, key="k1") == "recorded"
    await merged(stage)
    assert await happen(stage, "custom", "x", BEN, key="k1") == "repeated"
    assert await happen(stage, "custom", "x", BEN, key="k2") == "recorded"


async def test_nothing_merges_while_an_email_is_on_its_way(stage: Stage):
    await stage.post("paper", email=ANN)
    await stage.post("paper", email=BEN)
    tried: list[str] = []
    send = stage.mailer.send

    async def meanwhile(mail: Any) -> Receipt:
        with pytest.raises(NotMerged) as refused:
            await merge(stage.rt, await id_of(stage, ANN), await id_of(stage, BEN))
        tried.append(refused.value.why)
        return await send(mail)

    stage.mailer.send = meanwhile  # type: ignore[method-assign]
    await stage.pass_time(3 * DAY)
    assert tried == ["busy", "busy"]
    assert len(stage.mailer.mails) == 2


async def test_posts_that_come_meanwhile_reach_the_lead(stage: Stage):
    await stage.post("paper", email=ANN)
    await stage.post("paper", email=BEN)
    ann, ben = await id_of(stage, ANN), await id_of(stage, BEN)
    posts = [
        intake.record(stage.rt, Occurrence("custom", "x", {}, (ANN, BEN)[number % 2], key=f"k{number}"))
        for number in range(12)
    ]
    await asyncio.gather(*posts[:6], merge(stage.rt, ann, ben), *posts[6:])
    await stage.settle()
    rows = await stage.rows("SELECT lead_id, count(*) AS many FROM events WHERE type = 'custom' GROUP BY 1")
    assert [(one.lead_id, one.many) for one in rows] == [(ann, 12)]
    assert [one.id for one in await stage.rows("SELECT id FROM leads WHERE merged_into IS NULL")] == [ann]
    await ordered(stage)


async def test_killed_in_the_middle_nothing_has_happened(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    from engine.runtime.transaction import LeadTransaction

    await stage.post("paper", email=ANN)
    await stage.post("paper", email=BEN)
    before = await stage.rows("SELECT * FROM events ORDER BY lead_id, seq")

    async def die(self: LeadTransaction) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(LeadTransaction, "write", die)
    with pytest.raises(asyncio.CancelledError):
        await merge(stage.rt, await id_of(stage, ANN), await id_of(stage, BEN))
    monkeypatch.undo()
    assert await stage.rows("SELECT * FROM events ORDER BY lead_id, seq") == before
    assert await runs(stage) == [("Welcome", "live", None, 1)] * 2
    await merged(stage)
    assert await runs(stage) == [("Welcome", "ended", "merged", 1), ("Welcome", "live", None, 2)]


async def test_a_dry_run_says_the_same_and_changes_nothing(stage: Stage):
    await stage.post("paper", email=ANN)
    await stage.post("paper", email=BEN)
    ann, ben = await id_of(stage, ANN), await id_of(stage, BEN)
    planned = await merge(stage.rt, ann, ben, dry=True)
    assert await runs(stage) == [("Welcome", "live", None, 1)] * 2
    assert await merge(stage.rt, ann, ben) == planned
    for one, two in ((ann, ben), (ben, ann), (ann, ann)):
        with pytest.raises(NotMerged, match="same"):
            await merge(stage.rt, one, two)
    with pytest.raises(NotMerged, match="gone"):
        await merge(stage.rt, ann, UUID(int=1))

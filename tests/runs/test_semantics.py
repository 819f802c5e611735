"""What the language promises in the corners: long logs, late timers, caps across a storm, withdrawal in mid-send."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from dsl.plan import AddPoints, Pattern, Whenever
from engine.leads.intake import FormPost, Occurrence, click, record, submit, unsubscribe
from engine.mail.links import link_id
from engine.model.ports import Receipt, Wake
from engine.rules.runs.interpreter import Effect, step
from engine.rules.runs.position import MOST_BRANCHES
from engine.rules.runs.rests import may_send
from engine.runtime.runtime import Runtime
from engine.store import runs
from tests.rules.test_interpreter import DEMO, START, Story, plan, send, wait
from tests.support.stage import COMPANY, company, deploy_text, open_stage

HEAD = """
form "paper"
    ask email required
    ask country
    ask timezone
    consent "Yes" for topic "news"

"""
PLAIN = COMPANY + HEAD
PAGE = Pattern(type="page.visited")


def points(id: str, amount: float = 1, next: str | None = None) -> AddPoints:
    return AddPoints(id=id, source="c:1", amount=amount, next=next)


def whenever(entry: str) -> Whenever:
    return Whenever(id="w", pattern=PAGE, entry=entry, source="c:9")


# ── the interpreter ──────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_storm_of_events_runs_a_block_once_for_each():
    of = plan(send("a", "rest"), wait("rest", 5), points("p"), whenevers=(whenever("p"),))
    story = Story(of)
    story.run()
    for _ in range(3 * MOST_BRANCHES):
        story.happen("page.visited", "/x")
    story.run()
    assert story.done.count("p") == 3 * MOST_BRANCHES


def test_only_blocks_whose_mails_are_all_held_back_are_given_up_beyond_the_limit():
    of = plan(wait("rest", 5), send("m"), entry="rest", whenevers=(whenever("m"),))
    story = Story(of)
    for _ in range(MOST_BRANCHES + 2):
        story.happen("page.visited", "/x")
    story.run(until=START + timedelta(days=1))
    assert story.done == ["-m", "-m"]
    story.now = START + timedelta(days=1)
    story.run()
    assert story.done.count("m") == MOST_BRANCHES


def test_a_block_runs_for_an_event_before_the_end_of_the_flow_even_when_both_are_seen_at_once():
    of = plan(wait("rest", 3), points("p"), entry="rest", whenevers=(whenever("p"),))
    story = Story(of)
    story.run()
    story.now = START + timedelta(days=2)
    story.happen("page.visited", "/x")
    story.now = START + timedelta(days=4)
    story.run()
    assert story.done == ["p"]


def test_an_event_after_the_deadline_that_is_seen_before_it_counts_for_the_next_wait():
    """Two machines' clocks differ: the log is ahead of the call that reads it."""
    of = plan(wait("first", 1, then="second"), wait("second", 1, (DEMO, "hit")), points("hit"), entry="first")
    story = Story(of)
    story.run()
    story.now = START + timedelta(days=1, seconds=5)
    story.happen("form.submitted", "demo")
    story.now = START + timedelta(days=1, seconds=-5)
    story.run()
    assert story.done == []
    story.now = START + timedelta(days=1)
    story.run()
    assert story.done == ["hit"]


def test_a_mail_that_was_due_is_recorded_when_the_run_has_to_leave():
    of = plan(send("a", "rest"), wait("rest", 5))
    story = Story(of)
    story.position, request = step(of, story.position, story.world())
    assert isinstance(request, Effect), "asked for, and then the call ends: the gate is closed"
    story.leaving = story.happen("lead.unsubscribed", "")
    story.run()
    assert story.done == ["-a"]


def test_a_wait_is_a_rest_for_the_question_whether_a_mail_may_come():
    of = plan(points("p", next="rest"), wait("rest", 5, then="m"), send("m"), entry="p")
    assert not may_send(of, "p")
    assert may_send(of, "m")
    assert may_send(plan(points("p", next="m"), send("m"), entry="p"), "p")


# ── long logs ────────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_a_log_too_long_for_one_call_loses_nothing(new_database, monkeypatch: pytest.MonkeyPatch):
    text = (
        PLAIN
        + """
scoring
    +1 when page is visited

lifecycle
    stage Visitor
    stage Hot
        when score reaches 15

campaign "Long"
    starts when form "paper" is submitted
    topic "news"
    flow
        wait up to 3 days for page "/last" is visited
            send "found"
        otherwise
            send "missed"
    whenever page "/some*" is visited
        add 1 points
"""
    )
    monkeypatch.setattr(runs, "MOST_EVENTS", 10)
    monkeypatch.setattr(runs, "_READ", runs._READ.replace("LIMIT 1000", "LIMIT 10"))
    async with open_stage(new_database(), text) as stage:
        await stage.post("paper", ("news",), email="a@lead.example")
        for number in range(35):
            name = "/last" if number == 33 else f"/some{number}"
            await record(stage.rt, Occurrence("page.visited", name, email="a@lead.example"))
        stage.clock.advance(timedelta(days=4))
        await stage.settle(due=True)
        assert [mail.subject for mail in stage.mailer.mails] == ["found"]
        [lead] = await stage.rows("SELECT scores, stage FROM leads")
        [own] = await stage.rows("SELECT count(*) AS many FROM points WHERE rule LIKE 'step:%%'")
        assert own.many == 34, "all but the one the flow waits for"
        assert (lead.scores[""], lead.stage) == (35 + 34, "Hot")


# ── starts ───────────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_the_first_wait_sees_what_the_entry_event_led_to(new_database):
    text = (
        PLAIN
        + """
scoring
    +50 when form "paper" is submitted

lifecycle
    stage Visitor
    stage MQL
        when score reaches 50

campaign "Fast"
    starts when form "paper" is submitted
    topic "news"
    flow
        wait up to 3 days for lead becomes MQL
            send "at once"
"""
    )
    async with open_stage(new_database(), text) as stage:
        await stage.post("paper", ("news",), email="a@lead.example")
        assert [mail.subject for mail in stage.mailer.mails] == ["at once"]


async def test_a_run_that_has_to_leave_is_due_at_once(new_database):
    text = (
        PLAIN
        + """
campaign "Wait"
    starts when form "paper" is submitted
    topic "news"
    flow
        wait for form "paper" is submitted
            send "m"
"""
    )
    async with open_stage(new_database(), text) as stage:
        done = await stage.post("paper", ("news",), email="a@lead.example")
        [row] = await stage.rows("SELECT due_at FROM enrolments")
        assert row.due_at is None
        await unsubscribe(stage.rt, done.lead_id, None, "page")
        [row] = await stage.rows("SELECT state, due_at FROM enrolments")
        assert (row.state, row.due_at) == ("leaving", stage.clock.now()), "the watchdog finds it, whatever is lost"


# ── points ───────────────────────────────────────────────────────────────────────────────────────────────────────────
CAPPED = (
    PLAIN
    + """
scoring
    +6 when page is visited, at most 10 points per day
    +20 if country is "DE"
"""
)


async def scores(stage, email: str = "a@lead.example") -> float:
    [row] = await stage.rows("SELECT scores FROM leads WHERE email = %(email)s", email=email)
    return row.scores.get("", 0)


async def test_a_cap_holds_for_what_an_anonymous_visitor_did_before(new_database):
    async with open_stage(new_database(), CAPPED) as stage:
        for name in ("/a", "/b"):
            await record(stage.rt, Occurrence("page.visited", name, email="a@lead.example"))
        assert await scores(stage) == 10
        visitor = uuid4()
        for name in ("/c", "/d"):
            await record(stage.rt, Occurrence("page.visited", name, visitor=visitor, key=name))
        form = (await stage.rt.catalog.refresh()).forms["paper"]
        await submit(stage.rt, FormPost(form, {"email": "a@lead.example"}, visitor=visitor))
        assert await scores(stage) == 10
        assert len(await stage.rows("SELECT * FROM events WHERE type = 'page.visited'")) == 4


async def test_a_cap_holds_when_the_same_post_moves_the_lead_to_another_zone(new_database):
    text = PLAIN + "scoring\n    +6 when form is submitted, at most 10 points per day\n"
    async with open_stage(new_database(), text) as stage:
        for zone in ("UTC", "Pacific/Auckland", "America/New_York"):
            stage.clock.advance(timedelta(minutes=11))
            await stage.post("paper", email="a@lead.example", timezone=zone)
            async with stage.rt.db.hot() as hot:
                await hot.run("UPDATE leads SET fields = fields - 'timezone'", {})
                await hot.commit()
        assert await scores(stage) == 10


async def test_the_points_of_a_state_follow_the_rule_and_go_with_it(new_database):
    async with open_stage(new_database(), CAPPED) as stage:
        await stage.post("paper", email="a@lead.example", country="DE")
        assert await scores(stage) == 20
        await deploy_text(stage.rt, CAPPED.replace("+20", "+25"))
        await record(stage.rt, Occurrence("custom", "x", email="a@lead.example"))
        assert await scores(stage) == 25
        await deploy_text(stage.rt, CAPPED.replace('    +20 if country is "DE"\n', ""))
        await record(stage.rt, Occurrence("custom", "x", email="a@lead.example"))
        assert await scores(stage) == 0
        booked = await stage.rows("SELECT sum(amount) AS total FROM points")
        assert booked[0].total == 0, "the score can be computed again from the log"


async def test_a_lead_that_another_system_brings_is_rated_at_once(new_database):
    text = PLAIN + "scoring\n    -30 if email is a free address\n"
    async with open_stage(new_database(), text) as stage:
        await record(stage.rt, Occurrence("custom", "x", email="a@gmail.com"))
        assert await scores(stage, "a@gmail.com") == -30


# ── mails ────────────────────────────────────────────────────────────────────────────────────────────────────────────
CLICKED = """
campaign "Mail"
    starts when form "paper" is submitted
    topic "news"
    flow
        send "one"
        wait up to 3 days for form "paper" is submitted
"""


async def test_clicks_within_ten_seconds_are_one_click(new_database):
    async with open_stage(new_database(), PLAIN + CLICKED) as stage:
        await stage.post("paper", ("news",), email="a@lead.example")
        stage.clock.advance(timedelta(seconds=9))
        for _ in range(3):
            await click(stage.rt, stage.mailer.mails[0].message_id, link_id("https://acme.example/one"))
            stage.clock.advance(timedelta(seconds=2))
        assert len(await stage.rows("SELECT * FROM events WHERE type = 'email.clicked'")) == 1
        stage.clock.advance(timedelta(seconds=20))
        await click(stage.rt, stage.mailer.mails[0].message_id, link_id("https://acme.example/one"))
        assert len(await stage.rows("SELECT * FROM events WHERE type = 'email.clicked'")) == 2


async def test_a_click_is_not_recorded_once_tracking_is_no_longer_allowed(new_database):
    async with open_stage(new_database(), PLAIN + CLICKED) as stage:
        await stage.post("paper", ("news",), email="a@lead.example")
        await deploy_text(stage.rt, company(tracking="tracking needs consent") + HEAD + CLICKED)
        url = await click(stage.rt, stage.mailer.mails[0].message_id, link_id("https://acme.example/one"))
        assert url == "https://acme.example/one", "the link works all the same"
        assert await stage.rows("SELECT * FROM events WHERE type = 'email.clicked'") == []


LIMITED = (
    PLAIN.replace("    mail needs consent", "    mail needs consent\n    at most 2 emails per 1 day")
    + """
campaign "Mail"
    starts when form "paper" is submitted
    topic "news"
    flow
        send "one"
        send "two"
        send "three"
"""
)


class Interrupting:
    """A mailer during whose first POST something happens to the lead."""

    name = "fake"

    def __init__(self, inner, meanwhile, receipt: Receipt | None = None) -> None:
        self.inner, self.meanwhile, self.receipt = inner, meanwhile, receipt

    async def send(self, mail):
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
            if self.receipt is not None:
                return self.receipt
        return await self.inner.send(mail)

    async def close(self) -> None:
        pass


async def test_a_mail_counts_once_against_the_limit_whatever_happens_meanwhile(new_database):
    async with open_stage(new_database(), LIMITED) as stage:

        async def visit() -> None:
            await record(stage.rt, Occurrence("page.visited", "/x", email="a@lead.example"))

        stage.rt.mailer = Interrupting(stage.mailer, visit)
        await stage.post("paper", ("news",), email="a@lead.example")
        assert [mail.subject for mail in stage.mailer.mails] == ["one", "two"]


async def test_a_mail_whose_fate_is_unknown_counts_against_the_limit(new_database):
    async with open_stage(new_database(), LIMITED) as stage:
        stage.mailer.script = [Receipt("unknown", "time-out"), Receipt("unknown", "time-out")]
        await stage.post("paper", ("news",), email="a@lead.example")
        assert [mail.subject for mail in stage.mailer.mails] == ["one", "two"]


async def test_a_mail_that_was_not_taken_before_the_lead_left_is_skipped_and_not_unknown(new_database):
    async with open_stage(new_database(), PLAIN + CLICKED) as stage:

        async def leave() -> None:
            [lead] = await stage.rows("SELECT id FROM leads")
            await unsubscribe(stage.rt, lead.id, None, "page")

        stage.rt.mailer = Interrupting(stage.mailer, leave, Receipt("retry", "no connection"))
        await stage.post("paper", ("news",), email="a@lead.example")
        rows = await stage.rows("SELECT state, reason FROM messages")
        assert [tuple(row) for row in rows] == [("skipped", "unsubscribed")]
        assert stage.mailer.mails == []


async def test_a_lead_stays_under_attention_while_its_mail_is_held_for_it(new_database):
    text = PLAIN + CLICKED + "    whenever page is visited\n        add 1 points\n"
    broken = {"one": "---\nsubject: one\n---\n{{ lead.country.nothing.at.all }}\n"}
    async with open_stage(new_database(), text, broken) as stage:
        await stage.post("paper", ("news",), email="a@lead.example")
        [row] = await stage.rows("SELECT attention FROM enrolments")
        assert row.attention.startswith("template one")
        await record(stage.rt, Occurrence("page.visited", "/x", email="a@lead.example"))
        await stage.settle()
        [row] = await stage.rows("SELECT attention FROM enrolments")
        assert row.attention.startswith("template one"), "another event does not make it well"


# ── storage ──────────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_clearing_the_outbox_waits_for_nobody(new_database):
    async with open_stage(new_database(), PLAIN + CLICKED) as stage:
        stage.runs.down = True
        await stage.post("paper", ("news",), email="a@lead.example")
        [row] = await stage.rows("SELECT run_id, seq FROM outbox")
        outbox = stage.rt.delivery
        async with stage.rt.db.hot() as holder:
            await holder.all("SELECT 1 FROM outbox FOR UPDATE", {})
            outbox._delivered.append((Wake(row.run_id, "enrolment", True, row.seq, 0, "mail"), row.seq))
            async with asyncio.timeout(20):
                await outbox._flush()
        assert len(await stage.rows("SELECT 1 FROM outbox")) == 1


def test_links_are_stored_in_one_order():
    rt = Runtime(*[None] * 7)  # type: ignore[arg-type]
    assert rt.fresh_links(["b", "a", "c"]) == ["a", "b", "c"]

"""One lead's whole way through the engine: form, mail, click, points, stage, leave; and what may go wrong on it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.leads.intake import FormPost, Occurrence, click, confirm, record, submit, unsubscribe
from engine.mail.errors import TemplateError
from engine.mail.links import link_id
from engine.model.ports import Receipt
from engine.runs.advance import advance
from engine.runs.retry import retry
from engine.sending.send_test import send_test
from tests.support.stage import COMPANY, Stage, open_stage, stage_fixture

WORKSPACE = f"""{COMPANY}form "paper"
    ask email required
    ask first_name
    ask company
    consent "Yes" for topic "news"

form "demo"
    ask email required

form "double"
    ask email required
    ask first_name
    consent "Yes" for topic "news"
    confirm with "confirm"

scoring
    +30 when form "paper" is submitted
    +10 when email is clicked, once per email
    +5 when email is clicked, at most 8 points per day

lifecycle
    stage Visitor
    stage Lead
        when form is submitted
    stage MQL
        when score reaches 50

campaign "Nurture"
    starts when form "paper" is submitted
    enters once
    leaves when form "demo" is submitted
    topic "news"
    flow
        send "one"
        wait up to 3 days for email "one" is clicked
            add 5 points
            send "clicked"
        otherwise
            send "reminder"
        if score >= 50
            send "hot"

campaign "Second"
    starts when lead becomes MQL
    enters once
    topic "news"
    flow
        send "mql"
"""

stage = stage_fixture(WORKSPACE)


def subjects(stage: Stage) -> list[str]:
    return [mail.subject for mail in stage.mailer.mails]


async def enter(stage: Stage, email: str = "ann@lead.example"):
    return await stage.post("paper", ("news",), email=email, first_name="Ann")


async def test_a_click_in_time_takes_the_clicked_path_and_makes_an_mql(stage: Stage):
    await enter(stage)
    assert subjects(stage) == ["one"]
    stage.clock.advance(timedelta(days=1))
    url = await click(stage.rt, stage.mailer.mails[0].message_id, link_id("https://acme.example/one"))
    assert url == "https://acme.example/one"
    await stage.settle()
    assert subjects(stage) == ["one", "clicked", "hot", "mql"]
    [lead] = await stage.rows("SELECT scores, stage FROM leads")
    assert (lead.scores, lead.stage) == ({"": 50}, "MQL")
    assert {row.state for row in await stage.rows("SELECT state FROM enrolments")} == {"ended"}
    assert {row.state for row in await stage.rows("SELECT state FROM messages")} == {"accepted"}
    assert await stage.rows("SELECT * FROM waits") == []
    assert await stage.rows("SELECT * FROM outbox") == []


async def test_no_click_takes_the_other_path_at_the_exact_deadline(stage: Stage):
    await enter(stage)
    await stage.pass_time(timedelta(days=2, hours=23))
    assert subjects(stage) == ["one"]
    await stage.pass_time(timedelta(hours=1))
    assert subjects(stage) == ["one", "reminder"]


async def test_the_same_post_twice_is_one_event(stage: Stage):
    assert (await enter(stage)).state == "submitted"
    assert (await enter(stage)).state == "repeated"
    assert len(await stage.rows("SELECT * FROM events WHERE type = 'form.submitted'")) == 1
    stage.clock.advance(timedelta(minutes=11))
    assert (await enter(stage)).state == "submitted"
    assert subjects(stage).count("one") == 1, "a campaign that is entered once is not entered again"


async def test_leaving_stops_the_mails(stage: Stage):
    await enter(stage)
    await stage.post("demo", email="ann@lead.example")
    await stage.pass_time(timedelta(days=9))
    assert subjects(stage) == ["one"]
    [run] = await stage.rows("SELECT state, outcome FROM enrolments WHERE campaign = 'Nurture'")
    assert tuple(run) == ("ended", "left")


async def test_unsubscribing_leaves_every_campaign_and_mails_nothing_more(stage: Stage):
    done = await enter(stage)
    await unsubscribe(stage.rt, done.lead_id, None, "page")
    await stage.settle()
    await stage.pass_time(timedelta(days=9))
    assert subjects(stage) == ["one"]
    [run] = await stage.rows("SELECT outcome FROM enrolments")
    assert run.outcome == "unsubscribed"
    await stage.post("paper", ("news",), email="ann@lead.example", first_name="Again")
    assert subjects(stage) == ["one"]


async def test_without_consent_the_mail_is_skipped_and_says_why(stage: Stage):
    await stage.post("paper", (), email="bob@lead.example")
    await stage.pass_time(timedelta(days=9))
    assert subjects(stage) == []
    rows = await stage.rows("SELECT template, state, reason FROM messages ORDER BY at")
    assert [tuple(row) for row in rows] == [("one", "skipped", "no consent"), ("reminder", "skipped", "no consent")]


async def test_a_cap_on_points_is_filled_up_exactly(stage: Stage):
    await enter(stage)
    message = stage.mailer.mails[0].message_id
    for _ in range(3):
        await click(stage.rt, message, link_id("https://acme.example/one"))
        stage.clock.advance(timedelta(minutes=1))
    rows = await stage.rows("SELECT amount FROM points WHERE rule NOT LIKE 'step:%%' ORDER BY seq, amount DESC")
    assert [float(row.amount) for row in rows] == [30, 10, 5, 3]


async def test_a_double_opt_in_form_counts_only_once_confirmed(stage: Stage):
    done = await stage.post("double", ("news",), email="cy@lead.example", first_name="Cy")
    assert done.state == "confirm"
    assert subjects(stage) == ["confirm"]
    [lead] = await stage.rows("SELECT fields, stage, topics FROM leads")
    assert (lead.fields, lead.stage, lead.topics) == ({}, "Visitor", {})
    [posted] = await stage.rows("SELECT seq FROM events WHERE type = 'form.posted'")
    assert await confirm(stage.rt, done.lead_id, posted.seq) == "double"
    assert await confirm(stage.rt, done.lead_id, posted.seq) == "double"
    assert await confirm(stage.rt, done.lead_id, 77) is None
    [lead] = await stage.rows("SELECT fields, stage, topics FROM leads")
    assert (lead.fields, lead.stage, lead.topics) == ({"first_name": "Cy"}, "Lead", {"news": "subscribed"})
    assert len(await stage.rows("SELECT * FROM events WHERE type = 'form.submitted'")) == 1


async def test_a_repeated_call_returns_the_stored_answer_and_one_from_the_future_parks(stage: Stage):
    await enter(stage)
    [run] = [run for run, (kind, _) in stage.runs.runs.items() if kind == "enrolment"]
    last = stage.runs.runs[run][1]
    assert last is not None
    assert await advance(stage.rt, run, 0, "start") == last
    parked = await advance(stage.rt, run, last.gen + 5, "event")
    assert (parked.state, parked.wake_at) == ("wait", None)
    [row] = await stage.rows("SELECT attention FROM enrolments")
    assert "restored" in row.attention
    assert subjects(stage) == ["one"]


@pytest.mark.parametrize(
    ("receipt", "state"), [(Receipt("refused", "400: to"), "failed"), (Receipt("unknown", "time-out"), "unknown")]
)
async def test_what_the_provider_refuses_or_leaves_unclear_is_shown_and_not_repeated(stage: Stage, receipt, state):
    stage.mailer.script = [receipt]
    await enter(stage)
    await stage.pass_time(timedelta(days=1))
    rows = await stage.rows("SELECT state, reason FROM messages")
    assert [tuple(row) for row in rows] == [(state, receipt.reason)]


async def test_a_mail_that_was_certainly_not_taken_is_tried_again(stage: Stage):
    stage.mailer.script = [Receipt("retry", "no connection"), Receipt("retry", "no connection")]
    await enter(stage)
    assert await stage.rows("SELECT * FROM messages") == []
    [row] = await stage.rows("SELECT attention FROM enrolments")
    assert row.attention == "mail: no connection"
    await stage.pass_time(timedelta(minutes=10))
    assert subjects(stage) == ["one"]
    [row] = await stage.rows("SELECT attention FROM enrolments")
    assert row.attention is None


async def enter_and_die(stage: Stage) -> None:
    """A lead enters, and the worker is killed between its mail's mark and the provider's answer."""

    class Killed(BaseException):
        pass

    class Dying:
        name = "fake"

        async def send(self, mail):
            raise Killed

    mailer, stage.rt.mailer = stage.rt.mailer, Dying()
    with pytest.raises(Killed):
        await enter(stage)
    stage.rt.mailer = mailer


async def test_a_mail_interrupted_after_its_mark_becomes_unknown_and_the_flow_goes_on(stage: Stage):
    await enter_and_die(stage)
    [row] = await stage.rows("SELECT state FROM messages")
    assert row.state == "sending"
    await stage.settle()
    [row] = await stage.rows("SELECT state FROM messages")
    assert row.state == "unknown"
    await stage.pass_time(timedelta(days=3))
    assert subjects(stage) == ["reminder"]


async def test_a_mail_interrupted_after_its_mark_stays_unknown_where_the_lead_has_left_meanwhile(stage: Stage):
    await enter_and_die(stage)
    [lead] = await stage.rows("SELECT id FROM leads")
    await unsubscribe(stage.rt, lead.id, None, "page")
    await stage.settle()
    assert [tuple(row) for row in await stage.rows("SELECT state, reason FROM messages")] == [
        ("unknown", "interrupted")
    ]
    assert [row.state for row in await stage.rows("SELECT state FROM enrolments")] == ["ended"]


async def test_a_mail_interrupted_after_its_mark_is_not_sent_again_by_what_runs_beside(new_database):
    beside = '    whenever page "/prices" is visited\n        send "beside" as transactional\n\n'
    async with open_stage(
        new_database(), WORKSPACE.replace('campaign "Second"', f'{beside}campaign "Second"')
    ) as stage:
        await enter_and_die(stage)
        await record(stage.rt, Occurrence("page.visited", "/prices", {}, "ann@lead.example"))
        await stage.settle()
        found = await stage.rows("SELECT template, state FROM messages ORDER BY template")
        assert [tuple(row) for row in found] == [("beside", "accepted"), ("one", "unknown")]
        await stage.pass_time(timedelta(days=3))
        assert subjects(stage) == ["beside", "reminder"]


async def test_a_lost_delivery_is_swept_up(stage: Stage):
    stage.runs.down = True
    await enter(stage)
    assert subjects(stage) == []
    stage.runs.down = False
    stage.clock.advance(timedelta(seconds=30))
    assert await stage.rt.delivery.sweep() == 1
    await stage.settle()
    assert subjects(stage) == ["one"]


async def test_a_call_that_cannot_send_stops_before_the_mail(stage: Stage):
    stage.runs.down = True
    await enter(stage)
    [row] = await stage.rows("SELECT id FROM enrolments")
    stage.runs.runs[row.id] = ("enrolment", None)
    answer = await stage.step(row.id, "start", can_send=False)
    assert (answer.state, answer.on_event) == ("again", "mail")
    assert subjects(stage) == []


async def test_the_hot_path_stays_within_its_budget(stage: Stage):
    deployed = await stage.rt.catalog.refresh()
    assert deployed is not None
    db = stage.rt.db

    async def within(most_statements: int, most_commits: int, work) -> None:
        statements, commits = db.statements, db.commits
        await work
        assert db.statements - statements <= most_statements
        assert db.commits - commits <= most_commits

    form = deployed.forms["paper"]
    await within(3, 1, submit(stage.rt, FormPost(form, {"email": "d@lead.example"}, ("news",))))
    await stage.rt.delivery.settle()
    [run] = stage.runs.runs
    await within(5, 2, stage.step(run, "start"))
    message = stage.mailer.mails[0].message_id
    await within(3, 1, click(stage.rt, message, link_id("https://acme.example/one")))
    await stage.rt.delivery.settle()
    await within(7, 3, stage.step(run, "event"))
    assert subjects(stage) == ["one", "clicked", "hot"], "a second mail in one call costs two statements and a commit"


async def test_a_lead_parked_after_a_restore_goes_on_when_asked(stage: Stage):
    await enter(stage)
    [run] = [run for run, (kind, _) in stage.runs.runs.items() if kind == "enrolment"]
    kind, last = stage.runs.runs[run]
    assert last is not None
    parked = await advance(stage.rt, run, last.gen + 5, "event")
    stage.runs.runs[run] = (kind, parked)
    await stage.pass_time(timedelta(days=9))
    assert subjects(stage) == ["one"]
    assert await retry(stage.rt, campaign="nurture", lead=None) == 1
    assert await stage.rows("SELECT 1 FROM enrolments WHERE attention IS NOT NULL") == []
    stage.clock.advance(timedelta(seconds=30))
    await stage.rt.delivery.sweep()
    await stage.settle()
    assert subjects(stage) == ["one", "reminder"]


async def test_a_test_mail_is_sent_and_leaves_no_trace(stage: Stage):
    receipt = await send_test(stage.rt, "one", "me@own.example", None)
    assert receipt.state == "accepted"
    [mail] = stage.mailer.mails
    assert (mail.to, mail.subject) == ("me@own.example", "one")
    assert "List-Unsubscribe" in mail.headers
    assert await stage.rows("SELECT * FROM leads") == []
    with pytest.raises(TemplateError):
        await send_test(stage.rt, "nowhere", "me@own.example", None)

"""Handoffs on a real database: opened, dealt, mailed, acted on, ended; what may go wrong, and who may race."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from dsl.plan import LeadField, Program, Team
from engine import handoffs
from engine.deploy import deploy
from engine.intake import Occurrence, record
from engine.ports import Mail, Receipt
from engine.runtime import NoRuns, open_runtime
from tests.support.stage import Stage, deploy_text, open_stage

EVA, JONAS, BOSS, SAM = "eva@acme.example", "jonas@acme.example", "boss@acme.example", "sam@acme.example"
NOW = datetime(2026, 9, 1, 10, 0, tzinfo=UTC)  # a Tuesday, business hours 9 to 17
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

WORKSPACE = """
workspace "Test"
    timezone "UTC"
    sender "Test <hello@test.example>"
    address "Test, Street 1, Town"
    topic "news" "News"
    mail needs consent
    tracking is always on

form "demo"
    ask email required
    ask first_name
    ask company
    ask country
    consent "Yes" for topic "news"

form "paper"
    ask email required
    ask country

lifecycle
    stage Visitor
    stage Lead
        when form is submitted
    stage MQL
    stage SQL
        when sales accepts

team "DACH"
    takes leads where country in ("DE", "AT")
    member "eva@acme.example"
    member "jonas@acme.example"
    assign round robin
    acknowledge within 4 business hours, then reassign
    contact within 1 business day, then escalate to "boss@acme.example"
    decide within 14 days, then recycle

team "Rest"
    takes all other leads
    member "sam@acme.example", up to 1 open
    acknowledge within 4 business hours, then escalate to "boss@acme.example"

campaign "Sell"
    starts when form "demo" is submitted
    enters once
    topic "news"
    flow
        hand off to sales as MQL
            note "Works at {{ lead.company }}, wrote {{ event.first_name }}"
            when accepted
                send "congratulations"
            when rejected because "not ready"
                send "later"
            when rejected
                send "goodbye"
            when overdue
                send "sorry"

campaign "Also"
    starts when form "paper" is submitted
    enters once
    flow
        hand off to sales
            when accepted
                add 7 points
"""


@pytest.fixture
async def stage(new_database) -> AsyncIterator[Stage]:
    async with open_stage(new_database(), WORKSPACE) as opened:
        opened.clock.set(NOW)
        yield opened


async def enter(stage: Stage, name: str = "ann", country: str = "DE", form: str = "demo", **more: Any) -> UUID:
    """A lead who is handed over at once; the handoff's id."""
    values = {"email": f"{name}@lead.example", "country": country, **more}
    if form == "demo":
        values = {"first_name": name.title(), "company": f"{name.title()} Ltd", **values}
    done = await stage.post(form, ("news",) if form == "demo" else (), **values)
    rows = await stage.rows("SELECT id FROM handoffs WHERE lead_id = %(lead)s ORDER BY opened_at", lead=done.lead_id)
    return rows[-1].id


async def row_of(stage: Stage, id: UUID) -> Any:
    [row] = await stage.rows(
        "SELECT h.*, state->>'phase' AS phase, l.stage AS lead_stage, l.fields FROM handoffs h "
        "JOIN leads l ON l.id = h.lead_id WHERE h.id = %(id)s", id=id,
    )  # fmt: skip
    return row


async def keep_teams(stage: Stage, *names: str) -> None:
    """Deploy the same workspace with only these teams; the compiler would not let leads go to nobody."""
    teams = [team.model_dump() for team in await all_teams(stage) if team.name in names]
    await deploy_changed(stage, teams=teams)


async def all_teams(stage: Stage) -> tuple[Team, ...]:
    deployment = await stage.rt.catalog.refresh()
    assert deployment is not None
    return deployment.program.teams


async def deploy_changed(stage: Stage, **changes: Any) -> None:
    deployment = await stage.rt.catalog.refresh()
    assert deployment is not None
    program = {**deployment.program.model_dump(), **changes}
    bundle = {f"templates/{path}": text.encode() for path, text in deployment.templates.items()}
    await deploy(stage.rt.db, stage.clock, Program.model_validate(program), bundle, "test")


def told(stage: Stage, to: str) -> list[str]:
    """The subjects of a colleague's mails, up to the colon."""
    return [mail.subject.partition(":")[0] for mail in stage.mailer.mails if mail.to == to]


def to_lead(stage: Stage) -> list[str]:
    return [mail.subject for mail in stage.mailer.mails if mail.to.endswith("@lead.example")]


async def log_of(stage: Stage, id: UUID) -> list[str]:
    rows = await stage.rows("SELECT type FROM events WHERE data->>'handoff' = %(id)s ORDER BY lead_id, seq", id=str(id))
    return [row.type for row in rows]


async def act(stage: Stage, id: UUID, action: Any, by: str, reason: str | None = None) -> str:
    done = await handoffs.act(stage.rt, id, action, by, reason)
    await stage.settle()
    return done


# ── dealing ──────────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_leads_are_dealt_in_turn_and_each_colleague_is_told(stage: Stage):
    members = [(await row_of(stage, await enter(stage, name))).member for name in ("ann", "bob", "cy", "di")]
    assert members == [EVA, JONAS, EVA, JONAS]
    assert told(stage, EVA) == told(stage, JONAS) == ["New lead for you", "New lead for you"]
    [team] = await stage.rows("SELECT turn FROM teams WHERE name = 'DACH'")
    assert team.turn == 4
    assert await stage.rows("SELECT * FROM outbox") == []


async def test_the_team_is_the_one_whose_territory_it_is(stage: Stage):
    row = await row_of(stage, await enter(stage, "zoe", "FR"))
    assert (row.team, row.member) == ("Rest", SAM)


async def test_what_a_handoff_says_once_it_is_assigned(stage: Stage):
    id = await enter(stage)
    row = await row_of(stage, id)
    assert (row.phase, row.lead_stage, row.fields["owner"], row.note) == (
        "assigned", "MQL", EVA, "Works at Ann Ltd, wrote Ann",
    )  # fmt: skip
    assert (row.gen, row.due_at, row.attention) == (1, NOW + 4 * HOUR, None)
    assert await log_of(stage, id) == ["handoff.opened", "handoff.assigned"]
    [mail] = [mail for mail in stage.mailer.mails if mail.to == EVA]
    token = mail.text.partition("/h/")[2].split()[0].rstrip(")>")
    assert stage.rt.tokens.read("handoff", token) == (str(id), EVA)
    for shown in ("Ann Ltd", "ann@lead.example", "Works at Ann Ltd", "Sep 1, 2026"):
        assert shown in mail.text
    [message] = await stage.rows("SELECT kind, staff, state, step, visit FROM messages")
    assert tuple(message) == ("staff", EVA, "accepted", "assigned", "0:0")


async def test_no_team_leaves_the_lead_to_marketing_and_a_person_is_called(stage: Stage):
    await keep_teams(stage, "DACH")
    await stage.post("demo", ("news",), email="zoe@lead.example", country="FR", first_name="Zoe")
    assert await stage.rows("SELECT * FROM handoffs") == []
    [lead] = await stage.rows("SELECT attention, stage FROM leads")
    assert lead.stage == "MQL"
    assert "no team takes it" in lead.attention
    [run] = await stage.rows("SELECT state FROM enrolments")
    assert run.state == "ended"


async def test_a_note_that_cannot_be_rendered_is_kept_as_written(stage: Stage):
    done = await stage.post("demo", ("news",), email="ann@lead.example", country="DE")
    [row] = await stage.rows("SELECT note FROM handoffs WHERE lead_id = %(lead)s", lead=done.lead_id)
    assert row.note == "Works at {{ lead.company }}, wrote {{ event.first_name }}"


async def test_a_second_handoff_joins_the_open_one_and_both_campaigns_learn_its_end(stage: Stage):
    first = await enter(stage)
    second = await enter(stage, form="paper")
    assert first == second
    assert len(await stage.rows("SELECT * FROM handoffs")) == 1
    await act(stage, first, "accept", EVA)
    assert to_lead(stage) == ["congratulations"]
    [lead] = await stage.rows("SELECT scores FROM leads")
    assert lead.scores == {"": 7}
    assert {row.state for row in await stage.rows("SELECT state FROM enrolments")} == {"ended"}


async def test_a_full_team_lets_the_lead_wait_until_somebody_is_free(stage: Stage):
    first = await enter(stage, "zoe", "FR")
    second = await enter(stage, "yves", "FR")
    row = await row_of(stage, second)
    assert (row.phase, row.member, row.due_at) == ("waiting", None, datetime(2026, 9, 2, 9, 0, tzinfo=UTC))
    assert told(stage, SAM) == ["New lead for you"]
    await act(stage, first, "reject", SAM, "bad fit")
    row = await row_of(stage, second)
    assert (row.phase, row.member) == ("assigned", SAM)
    assert told(stage, SAM) == ["New lead for you", "New lead for you"]
    assert "handoff.retried" in await log_of(stage, second)


async def test_two_leads_at_once_never_share_the_last_free_place(stage: Stage):
    await act(stage, await enter(stage, "will", "FR"), "reject", SAM, "bad fit")
    stage.runs.down = True
    for name in ("zoe", "yves", "xavi"):
        await stage.post("demo", ("news",), email=f"{name}@lead.example", country="FR", first_name="A", company="B")
    for run in await stage.rows("SELECT id FROM enrolments WHERE state = 'live'"):
        stage.runs.runs[run.id] = ("enrolment", None)
        await stage.step(run.id, "start")
    ids = [row.id for row in await stage.rows("SELECT id FROM handoffs WHERE outcome IS NULL")]
    await asyncio.gather(*(handoffs.advance(stage.rt, id, 0, "start") for id in ids))
    rows = await stage.rows("SELECT member FROM handoffs WHERE outcome IS NULL")
    assert sorted(str(row.member) for row in rows) == ["None", "None", SAM]


async def test_a_lead_comes_back_to_a_former_owner_only_where_the_team_says_so(stage: Stage):
    workspace = WORKSPACE.replace("assign round robin", "assign to former owner, then round robin")
    await deploy_text(stage.rt, workspace)
    first = await enter(stage)
    assert (await row_of(stage, first)).member == EVA
    await act(stage, first, "reject", JONAS, "not ready")
    second = await enter(stage, form="paper")
    assert second != first
    assert (await row_of(stage, second)).member == JONAS, "Jonas took it over, so it is his"


# ── the ladder ───────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_unanswered_it_is_reassigned_then_escalated_then_overdue(stage: Stage):
    id = await enter(stage)
    await stage.pass_time(4 * HOUR)
    row = await row_of(stage, id)
    assert (row.member, row.due_at, row.fields["owner"]) == (JONAS, datetime(2026, 9, 2, 10, 0, tzinfo=UTC), JONAS)
    assert told(stage, EVA) == ["New lead for you", "A colleague has taken over"]
    assert told(stage, JONAS) == ["New lead for you"]
    await stage.pass_time(DAY - 4 * HOUR)
    assert told(stage, EVA)[2:] == ["A lead is waiting"]
    await stage.pass_time(DAY)
    row = await row_of(stage, id)
    assert (row.phase, row.outcome, row.due_at, row.reason) == ("closed", "overdue", None, None)
    assert told(stage, JONAS)[-1] == told(stage, EVA)[-1] == "Closed without an answer"
    assert to_lead(stage) == ["sorry"]
    assert (await log_of(stage, id)).count("handoff.overdue") == 1
    assert stage.runs.runs[id][1].state == "done"


async def test_a_handoff_that_is_recycled_goes_back_to_the_second_stage(stage: Stage):
    id = await enter(stage)
    assert await act(stage, id, "contacted", EVA) == "contacted"
    assert (await row_of(stage, id)).contacted_at == NOW
    await stage.pass_time(15 * DAY)
    row = await row_of(stage, id)
    assert (row.outcome, row.reason, row.lead_stage) == ("overdue", "no response", "Lead")
    assert to_lead(stage) == ["sorry"]


async def test_a_late_timer_counts_from_the_instant_it_was_set_for(stage: Stage):
    id = await enter(stage)
    early = await handoffs.advance(stage.rt, id, 1, "timer")
    row = await row_of(stage, id)
    assert row.member == JONAS, "the machine's clock may be behind the timer"
    assert early.gen == 2


async def test_a_timer_that_fires_while_sales_acts_changes_nothing(stage: Stage):
    id = await enter(stage)
    stage.clock.advance(4 * HOUR)
    await handoffs.act(stage.rt, id, "acknowledge", EVA, None)
    await stage.step(id, "timer")
    row = await row_of(stage, id)
    assert (row.phase, row.member) == ("acknowledged", EVA)


async def test_a_team_that_is_gone_leaves_its_leads_to_the_others_or_shows_them(stage: Stage):
    id = await enter(stage)
    await keep_teams(stage, "Rest")
    await stage.pass_time(4 * HOUR)
    row = await row_of(stage, id)
    assert (row.phase, told(stage, BOSS)) == ("assigned", ["A lead is waiting"])
    await keep_teams(stage)
    await handoffs.advance(stage.rt, id, row.gen, "event")
    assert "gone" in (await row_of(stage, id)).attention


# ── what sales does ──────────────────────────────────────────────────────────────────────────────────────────────────
async def test_accepting_makes_an_sql_and_the_campaign_goes_on(stage: Stage):
    id = await enter(stage)
    assert await act(stage, id, "accept", EVA) == "closed"
    row = await row_of(stage, id)
    assert (row.outcome, row.lead_stage, row.acknowledged_at, row.closed_at) == ("accepted", "SQL", NOW, NOW)
    [event] = await stage.rows("SELECT data FROM events WHERE type = 'handoff.accepted'")
    assert event.data == {"handoff": str(id), "by": EVA}
    assert to_lead(stage) == ["congratulations"]
    assert stage.runs.runs[id][1].state == "done"


@pytest.mark.parametrize(("reason", "mail"), [("Not Ready", "later"), ("bad fit", "goodbye")])
async def test_a_rejection_takes_the_most_specific_way(stage: Stage, reason: str, mail: str):
    id = await enter(stage)
    await act(stage, id, "reject", EVA, reason)
    row = await row_of(stage, id)
    assert (row.outcome, row.reason, row.lead_stage, row.contacted_at) == ("rejected", reason, "MQL", None)
    assert to_lead(stage) == [mail]


async def test_acknowledging_moves_the_deadline_of_the_run(stage: Stage):
    id = await enter(stage)
    stage.clock.advance(HOUR)
    assert await act(stage, id, "acknowledge", EVA) == "acknowledged"
    row = await row_of(stage, id)
    assert (row.acknowledged_at, row.due_at) == (NOW + HOUR, NOW + HOUR + DAY)
    assert (await log_of(stage, id))[-1] == "handoff.acknowledged"
    await stage.pass_time(DAY - HOUR)
    assert told(stage, BOSS) == []
    await stage.pass_time(HOUR)
    assert (told(stage, BOSS), told(stage, EVA)[1:]) == (["A lead is waiting"], ["Still yours"])


async def test_doing_it_twice_or_too_late_changes_nothing(stage: Stage):
    id = await enter(stage)
    await act(stage, id, "acknowledge", EVA)
    before = len(await log_of(stage, id))
    assert await act(stage, id, "acknowledge", EVA) == "done before"
    assert await act(stage, id, "acknowledge", JONAS) == "taken"
    await act(stage, id, "reject", EVA, "no budget")
    assert await act(stage, id, "accept", EVA) == "closed"
    assert len(await log_of(stage, id)) == before + 1
    assert (await row_of(stage, id)).outcome == "rejected"
    assert await handoffs.act(stage.rt, uuid4(), "accept", EVA, None) == "unknown"


async def test_a_colleague_who_takes_over_owns_the_lead_and_the_other_is_told(stage: Stage):
    id = await enter(stage)
    assert await act(stage, id, "acknowledge", JONAS) == "acknowledged"
    row = await row_of(stage, id)
    assert (row.member, row.fields["owner"]) == (JONAS, JONAS)
    assert told(stage, EVA)[1:] == ["A colleague has taken over"]


async def test_two_colleagues_at_once_are_not_both_right(stage: Stage):
    id = await enter(stage)
    done = await asyncio.gather(
        handoffs.act(stage.rt, id, "accept", EVA, None), handoffs.act(stage.rt, id, "reject", JONAS, "bad fit")
    )
    assert sorted(done) == ["closed", "closed"]
    events = [one for one in await log_of(stage, id) if one in ("handoff.accepted", "handoff.rejected")]
    assert len(events) == 1


async def test_the_owner_the_crm_names_is_not_overwritten(stage: Stage):
    await deploy_changed(stage, fields=[LeadField(name="owner", type="email", from_crm=True).model_dump()])
    row = await row_of(stage, await enter(stage))
    assert row.member == EVA
    assert "owner" not in row.fields


# ── calls ────────────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_a_repeated_call_gets_the_same_answer_and_does_nothing(stage: Stage):
    id = await enter(stage)
    last = stage.runs.runs[id][1]
    assert await handoffs.advance(stage.rt, id, 0, "start") == last
    assert len(told(stage, EVA)) == 1


async def test_a_call_from_the_future_parks_and_tells_nobody(stage: Stage):
    id = await enter(stage)
    stage.clock.advance(9 * DAY)
    parked = await handoffs.advance(stage.rt, id, 7, "timer")
    assert (parked.state, parked.gen, parked.wake_at) == ("wait", 7, None)
    row = await row_of(stage, id)
    assert (row.member, "restored" in row.attention, row.gen) == (EVA, True, 1)


async def test_a_call_after_the_end_or_for_nothing_is_done(stage: Stage):
    id = await enter(stage)
    await act(stage, id, "accept", EVA)
    mails = len(stage.mailer.mails)
    assert (await handoffs.advance(stage.rt, id, 1, "timer")).state == "done"
    assert (await handoffs.advance(stage.rt, uuid4(), 0, "start")).state == "done"
    assert len(stage.mailer.mails) == mails


async def test_a_call_that_cannot_send_does_nothing_when_somebody_is_to_be_told(stage: Stage):
    id = await enter(stage)
    stage.clock.advance(4 * HOUR)
    answer = await stage.step(id, "timer", can_send=False)
    assert (answer.state, answer.gen, answer.on_event) == ("again", 1, "mail")
    row = await row_of(stage, id)
    assert (row.member, row.gen) == (EVA, 1)
    [team] = await stage.rows("SELECT turn FROM teams")
    assert team.turn == 1


async def test_answers_hold_nothing_personal(stage: Stage):
    id = await enter(stage)
    text = json.dumps(stage.runs.runs[id][1].to_json()) + json.dumps((await row_of(stage, id)).wait)
    assert "@" not in text
    assert "Ann" not in text


# ── mails ────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("receipt", "state"), [(Receipt("refused", "400: to"), "failed"), (Receipt("unknown", "time-out"), "unknown")]
)
async def test_what_is_refused_or_unclear_is_shown_and_not_repeated(stage: Stage, receipt: Receipt, state: str):
    stage.mailer.script = [receipt]
    id = await enter(stage)
    await stage.pass_time(HOUR)
    [message] = await stage.rows("SELECT state, reason FROM messages WHERE owner_id = %(id)s", id=id)
    assert tuple(message) == (state, receipt.reason)
    assert (await row_of(stage, id)).attention == f"mail: {receipt.reason}"
    await stage.pass_time(3 * HOUR)
    row = await row_of(stage, id)
    assert (row.member, row.attention) == (JONAS, None), "nobody answered, so it is the next one's turn"


@pytest.mark.parametrize("state", ["retry", "closed"])
async def test_what_was_certainly_not_taken_is_tried_again(stage: Stage, state: Any):
    stage.mailer.script = [Receipt(state, "busy", until=NOW + 3 * timedelta(minutes=1) if state == "closed" else None)]
    id = await enter(stage)
    assert await stage.rows("SELECT * FROM messages WHERE owner_id = %(id)s", id=id) == []
    row = await row_of(stage, id)
    assert (row.member, row.attention, row.due_at) == (EVA, "mail: busy", NOW + timedelta(minutes=1))
    await stage.pass_time(timedelta(minutes=5))
    assert told(stage, EVA) == ["New lead for you"]
    row = await row_of(stage, id)
    assert (row.attention, row.due_at) == (None, NOW + 4 * HOUR)


async def test_a_notice_that_is_no_longer_true_is_skipped(stage: Stage):
    stage.mailer.script = [Receipt("closed", "busy", until=NOW + 2 * HOUR)]
    id = await enter(stage)
    stage.clock.advance(HOUR)
    await act(stage, id, "acknowledge", JONAS)
    await stage.pass_time(2 * HOUR)
    rows = await stage.rows("SELECT step, staff, state, reason FROM messages ORDER BY step")
    assert [tuple(row) for row in rows] == [
        ("assigned", EVA, "skipped", "a colleague has it meanwhile"), ("reassigned", EVA, "accepted", ""),
    ]  # fmt: skip


async def test_a_broken_template_of_the_workspace_gives_way_to_the_built_in_one(stage: Stage):
    broken = {"internal/handoff": "---\nsubject: Hi\n---\n{{ lead.company|date }}"}
    await deploy_text(stage.rt, WORKSPACE, broken)
    id = await enter(stage)
    assert told(stage, EVA) == ["New lead for you"]
    assert "internal/handoff" in (await row_of(stage, id)).attention


class Killed(BaseException):
    pass


class Dying:
    """A mailer in a process that dies before it knows the answer."""

    name = "fake"

    async def send(self, mail: Mail) -> Receipt:
        raise Killed

    async def close(self) -> None:
        pass


async def test_a_notice_interrupted_after_its_mark_is_unknown_and_never_sent_again(stage: Stage):
    mailer, stage.rt.mailer = stage.rt.mailer, Dying()
    with pytest.raises(Killed):
        await enter(stage)
    stage.rt.mailer = mailer
    [row] = await stage.rows("SELECT id, gen, state->>'phase' AS phase FROM handoffs")
    assert (row.gen, row.phase) == (0, "assigned"), "the mark carries the ladder's state"
    await stage.settle()
    [message] = await stage.rows("SELECT state, reason FROM messages")
    assert tuple(message) == ("unknown", "interrupted")
    assert told(stage, EVA) == []
    row = await row_of(stage, row.id)
    assert (row.gen, row.member, row.due_at) == (1, EVA, NOW + 4 * HOUR)


class Slow:
    """A mailer that waits for the test before it takes a mail."""

    name = "fake"

    def __init__(self) -> None:
        self.reached, self.go = asyncio.Event(), asyncio.Event()
        self.mails: list[Mail] = []

    async def send(self, mail: Mail) -> Receipt:
        self.mails.append(mail)
        self.reached.set()
        await self.go.wait()
        return Receipt("accepted", provider_id="p")

    async def close(self) -> None:
        pass


async def test_two_processes_with_one_handoff_send_its_notice_once(stage: Stage):
    stage.runs.down = True
    await stage.post("demo", ("news",), email="ann@lead.example", country="DE", first_name="A", company="B")
    [run] = await stage.rows("SELECT id FROM enrolments")
    stage.runs.runs[run.id] = ("enrolment", None)
    await stage.step(run.id, "start")
    [row] = await stage.rows("SELECT id FROM handoffs")
    slow = Slow()
    settings = stage.rt.settings
    async with open_runtime(settings, runs=NoRuns(), mailer=slow, clock=stage.clock) as other:
        first = asyncio.create_task(handoffs.advance(other, row.id, 0, "start"))
        await slow.reached.wait()
        second = await handoffs.advance(stage.rt, row.id, 0, "start")
        slow.go.set()
        late = await first
    assert (second.state, second.gen) == ("wait", 1)
    assert (late.state, late.gen) == ("again", 0)
    assert await handoffs.advance(stage.rt, row.id, 0, "again") == second
    assert [mail.to for mail in slow.mails] == [EVA]
    assert told(stage, EVA) == []
    [message] = await stage.rows("SELECT state, provider_id FROM messages")
    assert tuple(message) == ("accepted", "p"), "the one that was overtaken still tells what became of its mail"


async def test_sales_may_act_while_a_notice_is_on_its_way(stage: Stage):
    stage.runs.down = True
    await stage.post("demo", ("news",), email="ann@lead.example", country="DE", first_name="A", company="B")
    [run] = await stage.rows("SELECT id FROM enrolments")
    stage.runs.runs[run.id] = ("enrolment", None)
    await stage.step(run.id, "start")
    [row] = await stage.rows("SELECT id FROM handoffs")
    mailer, slow = stage.rt.mailer, Slow()
    stage.rt.mailer = slow
    other = replace(stage.rt)
    task = asyncio.create_task(handoffs.advance(stage.rt, row.id, 0, "start"))
    await slow.reached.wait()
    other._turns = type(stage.rt._turns)()
    assert await handoffs.act(other, row.id, "accept", EVA, None) == "closed"
    slow.go.set()
    assert (await task).state == "done"
    stage.rt.mailer = mailer
    found = await row_of(stage, row.id)
    assert (found.outcome, found.due_at, found.lead_stage) == ("accepted", None, "SQL")
    [message] = await stage.rows("SELECT state FROM messages")
    assert message.state == "accepted"


async def test_many_notices_go_out_in_several_calls(stage: Stage):
    members = "\n".join(f'    member "m{n:02}@acme.example"' for n in range(12))
    crowded = WORKSPACE.replace('    member "sam@acme.example", up to 1 open', members)
    crowded = crowded.replace(', then escalate to "boss@acme.example"\n\ncampaign', ", then escalate\n\ncampaign")
    await deploy_text(stage.rt, crowded)
    id = await enter(stage, "zoe", "FR")
    await stage.pass_time(4 * HOUR)
    waiting = [mail.to for mail in stage.mailer.mails if mail.subject.startswith("A lead is waiting")]
    assert sorted(waiting) == [f"m{n:02}@acme.example" for n in range(12)]
    assert (await row_of(stage, id)).gen == 3, "eleven do not fit into one call"


# ── all of it ────────────────────────────────────────────────────────────────────────────────────────────────────────
RECEIPTS = ("accepted", "refused", "retry", "closed", "unknown")
REASONS = ("not ready", "bad fit")
COLLEAGUES = (EVA, JONAS, SAM, BOSS, "nobody@else.example")


@pytest.mark.parametrize("seed", range(2))
async def test_whatever_happens_every_handoff_ends_once_and_nobody_is_told_twice(stage: Stage, seed: int):
    dice = random.Random(seed)
    ids = [await enter(stage, f"lead{n}", dice.choice(("DE", "FR"))) for n in range(5)]
    for _ in range(25):
        id = dice.choice(ids)
        match dice.randrange(4):
            case 0:
                stage.mailer.script = [
                    Receipt(state, "x", until=stage.clock.now() + HOUR) for state in dice.choices(RECEIPTS, k=2)
                ]
            case 1:
                await stage.pass_time(dice.choice((timedelta(minutes=1), HOUR, 5 * HOUR, 2 * DAY)))
            case 2:
                action = dice.choice(("acknowledge", "contacted", "accept", "reject"))
                await act(stage, id, action, dice.choice(COLLEAGUES), dice.choice(REASONS))
            case 3:
                last = stage.runs.runs[id][1]
                gen, woken = max(0, last.gen - dice.randrange(3)), dice.choice(("event", "again"))
                await handoffs.advance(stage.rt, id, gen, woken)
                stage.runs.runs[id] = ("handoff", await handoffs.advance(stage.rt, id, last.gen, "event"))
        for row in await stage.rows("SELECT outcome, due_at FROM handoffs WHERE outcome IS NULL"):
            assert row.due_at is not None
    await stage.pass_time(90 * DAY)
    ends = ("handoff.accepted", "handoff.rejected", "handoff.overdue")
    for id in ids:
        row = await row_of(stage, id)
        assert (row.phase, row.due_at) == ("closed", None)
        assert [one for one in await log_of(stage, id) if one in ends] == [f"handoff.{row.outcome}"]
    assert {row.state for row in await stage.rows("SELECT state FROM enrolments")} == {"ended"}
    rows = await stage.rows("SELECT state, id FROM messages WHERE kind = 'staff'")
    assert {row.state for row in rows} <= {"accepted", "failed", "unknown", "skipped"}
    sent = [mail.message_id for mail in stage.mailer.mails if mail.to in COLLEAGUES]
    assert len(sent) == len(set(sent))
    assert set(sent) == {row.id for row in rows if row.state in ("accepted", "unknown")}


# ── the page ─────────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_the_view_shows_the_lead_and_what_happened(stage: Stage):
    id = await enter(stage)
    await act(stage, id, "reject", EVA, "not ready")
    seen = await handoffs.view(stage.rt, id)
    assert seen is not None
    assert (seen.name, seen.email, seen.stage) == ("Ann", "ann@lead.example", "MQL")
    assert (seen.team, seen.member) == ("DACH", EVA)
    assert (seen.phase, seen.outcome, seen.reason, seen.due_at) == ("closed", "rejected", "not ready", None)
    assert dict(seen.fields) == {"first_name": "Ann", "company": "Ann Ltd", "country": "DE", "owner": EVA}
    assert seen.topics == {"news": "subscribed"}
    said = [entry.text for entry in seen.timeline]
    assert said[-1] == "Submitted form “demo”"
    assert f"{EVA} rejected the lead, because “not ready”" in said
    assert "Was sent “later”" in said
    assert "Became MQL" in said
    assert await handoffs.view(stage.rt, uuid4()) is None


async def test_the_view_of_an_open_handoff_says_when_it_is_due(stage: Stage):
    seen = await handoffs.view(stage.rt, await enter(stage))
    assert seen is not None
    assert (seen.phase, seen.due_at, seen.note) == ("assigned", NOW + 4 * HOUR, "Works at Ann Ltd, wrote Ann")


async def test_a_history_as_long_as_a_year_stays_readable(stage: Stage):
    id = await enter(stage)
    for number in range(60):
        await record(stage.rt, Occurrence("page.visited", f"/page/{number}", email="ann@lead.example"))
    seen = await handoffs.view(stage.rt, id)
    assert seen is not None
    assert len(seen.timeline) == 50
    assert seen.timeline[0].text == "Visited /page/59"

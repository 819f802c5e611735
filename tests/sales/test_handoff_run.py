"""The call behind a handoff's run: repeated, early, late, racing; and its mails, whatever the provider says."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from engine.model.ports import Mail, Receipt
from engine.runs.retry import retry
from engine.runtime.runtime import NoRuns, open_runtime
from engine.sales import handoffs
from engine.sales.advance import TEAM_GONE
from tests.support.sales import (
    BOSS,
    DAY,
    EVA,
    HOUR,
    JONAS,
    NOW,
    SAM,
    WORKSPACE,
    act,
    all_teams,
    deploy_changed,
    enter,
    keep_teams,
    log_of,
    row_of,
    told,
)
from tests.support.stage import Stage, deploy_text, stage_fixture

stage = stage_fixture(WORKSPACE, now=NOW)


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


async def test_after_a_restore_a_run_rests_until_somebody_retries(stage: Stage):
    id = await enter(stage)
    heard = (await row_of(stage, id)).gen + 6
    parked = await handoffs.advance(stage.rt, id, heard, "event")
    assert await handoffs.advance(stage.rt, id, heard, "event") == parked
    [lead] = await stage.rows("SELECT seq FROM leads")
    assert parked.seen == lead.seq > 1_000_000, "news that the run had before the restore does not wake it again"
    assert await retry(stage.rt, campaign=None, lead="nobody@lead.example") == 0
    assert await retry(stage.rt, campaign=None, lead="ann@lead.example") == 1
    going = await handoffs.advance(stage.rt, id, heard, "event")
    assert (going.state, going.gen > heard) == ("again", True)
    resting = await handoffs.advance(stage.rt, id, going.gen, "again")
    row = await row_of(stage, id)
    assert (resting.state, row.attention, row.due_at, row.member) == ("wait", None, NOW + 4 * HOUR, EVA)
    assert len(told(stage, EVA)) == 1


async def test_a_handoff_without_a_team_goes_on_when_there_is_one_again(stage: Stage):
    id = await enter(stage)
    teams = [team.model_dump() for team in await all_teams(stage)]
    await keep_teams(stage)
    await stage.step(id, "event")
    assert (await row_of(stage, id)).attention == TEAM_GONE
    await deploy_changed(stage, teams=teams)
    assert await retry(stage.rt, campaign="Sell", lead=None) == 1
    assert "handoff.retried" in await log_of(stage, id)
    await stage.settle()
    row = await row_of(stage, id)
    assert (row.attention, row.phase) == (None, "assigned")
    assert await retry(stage.rt, campaign=None, lead=None) == 0


async def test_what_a_handoff_that_is_over_had_to_say_has_been_seen_after_a_retry(stage: Stage):
    id = await enter(stage)
    await act(stage, id, "accept", EVA)
    async with stage.rt.db.hot() as hot:
        await hot.run("UPDATE handoffs SET attention = 'mail: refused'", {})
        await hot.commit()
    before = await row_of(stage, id)
    assert await retry(stage.rt, campaign=None, lead=None) == 1
    after = await row_of(stage, id)
    assert (after.attention, after.gen, after.due_at) == (None, before.gen, None)


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

"""The invariants that no single story shows: a score at any past time, runs that do not answer, mails that race."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from engine.leads.intake import click, unsubscribe
from engine.mail.links import link_id
from engine.model.ports import Mail, Receipt
from engine.runs.watchdog import wake_stalled
from engine.sending.delivery import FRESH_MARK, hand_over
from tests.runs.test_journey import WORKSPACE
from tests.support.stage import FakeMailer, Stage, stage_fixture

stage = stage_fixture(WORKSPACE)


async def test_a_score_at_any_past_time_is_the_sum_of_what_was_booked_by_then(stage: Stage):
    lead = (await stage.post("paper", ("news",), email="ann@lead.example")).lead_id
    for mail in list(stage.mailer.mails):
        for _ in range(3):
            stage.clock.advance(timedelta(hours=7))
            await click(stage.rt, mail.message_id, link_id("https://acme.example/one"))
            await stage.settle()
    await stage.pass_time(timedelta(days=9))
    rows = await stage.rows("SELECT * FROM points WHERE lead_id = %(lead)s ORDER BY seq, score_after", lead=lead)
    assert len(rows) >= 4
    for last in rows:
        [past] = await stage.rows(
            "SELECT sum(amount) AS score FROM points WHERE lead_id = %(lead)s AND model = '' AND booked_at <= %(at)s",
            lead=lead, at=last.booked_at,
        )  # fmt: skip
        assert past.score == max(row.score_after for row in rows if row.booked_at == last.booked_at)


async def test_a_run_that_does_not_answer_needs_attention_after_five_minutes(stage: Stage):
    await stage.post("paper", ("news",), email="ann@lead.example")
    stage.clock.advance(timedelta(days=3, minutes=4))
    await wake_stalled(stage.rt)
    [run] = await stage.rows("SELECT attention FROM enrolments")
    assert run.attention is None
    stage.clock.advance(timedelta(minutes=2))
    await wake_stalled(stage.rt)
    [run] = await stage.rows("SELECT attention FROM enrolments")
    assert run.attention == "its run does not answer"


async def test_a_mark_older_than_two_seconds_is_dropped_back(stage: Stage):
    assert timedelta(seconds=2) == FRESH_MARK
    await stage.post("paper", ("news",), email="ann@lead.example")
    sent, now = len(stage.mailer.mails), stage.clock.real()
    mail = replace(stage.mailer.mails[0], message_id=uuid4())
    late = await hand_over(stage.rt, mail, now - timedelta(seconds=2, milliseconds=1))
    assert (late.state, len(stage.mailer.mails)) == ("retry", sent)
    assert (await hand_over(stage.rt, mail, now - timedelta(seconds=2))).state == "accepted"


async def test_an_unsubscribe_that_races_a_send_wins_or_comes_after_the_mark(stage: Stage):
    """Whichever takes the lead's lock first: a mail leaves only if it was marked before the suppression committed."""
    suppressed: set[str] = set()

    class Watching(FakeMailer):
        async def send(self, mail: Mail) -> Receipt:
            assert mail.to not in suppressed or (mail.to, "marked") in marked
            return await super().send(mail)

    marked: set[tuple[str, str]] = set()
    stage.rt.mailer = Watching()
    leads = [await stage.post("paper", ("news",), email=f"ann{number}@lead.example") for number in range(12)]
    stage.clock.advance(timedelta(days=3))

    async def leave(number: int) -> None:
        await asyncio.sleep(number / 400)
        lead = leads[number].lead_id
        await unsubscribe(stage.rt, lead, None, "page")
        found = await stage.rows("SELECT 1 FROM messages WHERE lead_id = %(lead)s AND template = 'reminder'", lead=lead)
        address = f"ann{number}@lead.example"
        if found:
            marked.add((address, "marked"))
        suppressed.add(address)

    runs = list(stage.runs.runs)
    await asyncio.gather(*(leave(n) for n in range(12)), *(stage.step(run, "timer") for run in runs))
    await stage.pass_time(timedelta(days=9))
    after = await stage.rows("""
        SELECT m.state FROM messages m JOIN events e ON e.lead_id = m.lead_id AND e.type = 'lead.unsubscribed'
        WHERE m.template <> 'one' AND m.state NOT IN ('accepted', 'skipped')""")
    assert after == []
    outcomes = {row.outcome for row in await stage.rows("SELECT outcome FROM enrolments")}
    assert outcomes <= {"unsubscribed", "finished"}

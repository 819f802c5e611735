"""After a restore, at a closed gate, and with reports about other addresses: what operators see and can do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from engine.model.ports import Report
from engine.reports.status import status
from engine.rules.runs.answer import RESTORED
from engine.runs import advance
from engine.runs.retry import parked_by_campaign, retry
from engine.sending import feedback
from engine.store import gates
from tests.support.picture import query
from tests.support.stage import company, open_stage

WORKSPACE = f"""{company("mail is allowed until opt-out")}
form "in"
    ask email required

campaign "Letters"
    starts when form "in" is submitted
    flow
        send "one"
        wait 1 day
        send "two"
"""
MAIL = "---\nsubject: Hello\n---\nHello! [Leave]({{ unsubscribe_url }})\n"


async def test_runs_ahead_of_a_restored_database_are_counted_and_released(new_database: Callable[[], str]) -> None:
    async with open_stage(new_database(), WORKSPACE, {"one": MAIL, "two": MAIL}) as stage:
        for name in ("ann", "ben", "cy"):
            await stage.post("in", email=f"{name}@lead.example")
        await stage.settle()
        url = str(stage.rt.settings.database_url)
        ahead = list(stage.runs.runs)[:2]
        for run in ahead:  # as Temporal would call after the database has gone back
            answer = await advance.advance(stage.rt, run, 9, "timer", can_send=True)
            assert answer.note == RESTORED
        assert await parked_by_campaign(stage.rt, RESTORED) == [{"kind": "run", "campaign": "Letters", "runs": 2}]
        query(url, "UPDATE enrolments SET attention = 'another reason' WHERE attention IS NULL")
        before = len(stage.mailer.mails)
        assert await retry(stage.rt, campaign=None, lead=None, attention=RESTORED) == 2
        assert await parked_by_campaign(stage.rt, RESTORED) == []
        assert len(stage.mailer.mails) == before
        assert [
            one["attention"]
            for one in (await status(stage.rt.db, stage.clock.now(), stage.clock.real())).waiting
            if one["attention"]
        ] == ["another reason"]


async def test_a_closed_gate_says_since_when_and_can_be_opened(new_database: Callable[[], str]) -> None:
    async with open_stage(new_database(), WORKSPACE, {"one": MAIL, "two": MAIL}) as stage:
        now, db = stage.clock.real(), stage.rt.db
        await gates.close(db, "sendgrid", "HTTP 401", now + timedelta(hours=1), now)
        await gates.close(db, "sendgrid", "HTTP 403", now + timedelta(hours=2), now + timedelta(minutes=30))
        [gate] = (await status(db, stage.clock.now(), now)).closed_gates
        assert (gate["provider"], gate["reason"]) == ("sendgrid", "HTTP 403")
        assert [one["since"] for one in await gates.closed(db, now)] == [now]
        await gates.open_all(db, now, "another")
        assert len(await gates.closed(db, now)) == 1
        await gates.open_all(db, now)
        assert await gates.closed(db, now) == []
        await gates.close(db, "sendgrid", "HTTP 401", now + timedelta(hours=4), now + timedelta(hours=3))
        assert [one["since"] for one in await gates.closed(db, now)] == [now + timedelta(hours=3)]


@pytest.mark.parametrize("fate", ["bounced", "complained", "unsubscribed", "dropped", "delivered"])
async def test_a_report_about_another_address_changes_nobody(new_database: Callable[[], str], fate: str) -> None:
    async with open_stage(new_database(), WORKSPACE, {"one": MAIL, "two": MAIL}) as stage:
        await stage.post("in", email="ann@lead.example")
        await stage.settle()
        message = stage.mailer.mails[0].message_id
        for address in ("bob@lead.example", "not an address", "bob@lead.example"):
            assert await feedback.report(stage.rt, Report(message, fate, address=address)) == "set aside"  # type: ignore[arg-type]
        url = str(stage.rt.settings.database_url)
        assert query(url, "SELECT suppressed FROM leads") == [(None,)]
        found = await status(stage.rt.db, stage.clock.now(), stage.clock.real())
        assert (found.set_aside, found.suppressed) == ({fate: 1}, {})
        report = Report(message, fate, address="Ann@Lead.example")  # type: ignore[arg-type]
        assert await feedback.report(stage.rt, report) == "recorded"

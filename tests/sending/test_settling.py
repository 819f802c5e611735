"""Reports settle mails whose fate nobody knew, whenever they come; batches of them hold nobody up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from engine.model.ports import Fate, Mail, Receipt, Report
from engine.runtime import transaction
from engine.sending.feedback import report, report_all
from tests.support.reports import ANN, TEMPLATES, WORKSPACE, lead_of, mailed, state_of, tell
from tests.support.stage import Stage, open_stage


@pytest.fixture
async def stage(new_database) -> AsyncIterator[Stage]:
    async with open_stage(new_database(), WORKSPACE, TEMPLATES) as opened:
        yield opened


# ── settling ─────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("fate", ["taken", "delivered", "bounced", "complained", "replied"])
async def test_an_unknown_mail_is_settled_by_any_report(stage: Stage, fate: Fate):
    stage.mailer.script = [Receipt("unknown", "time-out")]
    message = await mailed(stage)
    assert await state_of(stage, message) == ("unknown", "time-out")
    assert await tell(stage, message, fate) == "recorded"
    assert await state_of(stage, message) == ("accepted", "")
    assert await tell(stage, message, fate) == "repeated"


@pytest.mark.parametrize("receipt", [Receipt("unknown", "time-out"), Receipt("accepted")])
async def test_a_dropped_mail_has_failed_whatever_comes_before_or_after(stage: Stage, receipt: Receipt):
    stage.mailer.script = [receipt]
    message = await mailed(stage)
    await tell(stage, message, "taken")
    assert await tell(stage, message, "dropped", "dropped: bounced address") == "recorded"
    assert await tell(stage, message, "dropped", "dropped: bounced address") == "repeated"
    assert await tell(stage, message, "taken") == "repeated"
    assert await state_of(stage, message) == ("failed", "dropped: bounced address")
    assert (await lead_of(stage)).suppressed is None


class Telling:
    """A provider whose reports are there before its answer, which then is that receipt, or none at all."""

    name = "fake"

    def __init__(self, stage: Stage, fates: list[Fate], receipt: Receipt | None) -> None:
        self.stage, self.fates, self.receipt = stage, fates, receipt

    async def send(self, mail: Mail) -> Receipt:
        self.stage.mailer.mails.append(mail)
        for fate in self.fates:
            await report(self.stage.rt, Report(mail.message_id, fate, "dropped: invalid" if fate == "dropped" else ""))
        if self.receipt is None:
            raise KeyboardInterrupt  # the worker is killed here
        return self.receipt

    async def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("fates", "receipt", "state"),
    [
        (["taken"], Receipt("unknown", "time-out"), ("accepted", "")),
        (["delivered"], Receipt("unknown", "time-out"), ("accepted", "")),
        (["taken"], Receipt("accepted"), ("accepted", "")),
        (["dropped"], Receipt("accepted"), ("failed", "dropped: invalid")),
        (["taken", "dropped", "taken"], Receipt("unknown", "x"), ("failed", "dropped: invalid")),
        (["taken"], None, ("accepted", "")),
        (["dropped", "taken"], None, ("failed", "dropped: invalid")),
        ([], None, ("unknown", "interrupted")),
    ],
)
async def test_reports_that_come_while_the_mail_is_handed_over(stage: Stage, fates, receipt, state):
    mailer, stage.rt.mailer = stage.rt.mailer, Telling(stage, fates, receipt)
    try:
        message = await mailed(stage)
    except KeyboardInterrupt:
        stage.rt.mailer = mailer
        message = stage.mailer.mails[0].message_id
        assert (await state_of(stage, message))[0] == "sending"
        await stage.settle()
    stage.rt.mailer = mailer
    assert await state_of(stage, message) == state
    await stage.pass_time(timedelta(days=5))
    assert [mail.subject for mail in stage.mailer.mails].count("one") == 1


async def test_a_notice_of_a_handoff_is_settled_too(new_database):
    handoff = 'campaign "Hand"\n    starts when form "paper" is submitted\n    flow\n        hand off to sales\n'
    async with open_stage(new_database(), WORKSPACE + handoff, TEMPLATES) as stage:
        mailer, stage.rt.mailer = stage.rt.mailer, Telling(stage, ["dropped"], Receipt("accepted"))
        await stage.post("paper", ("news",), email=ANN)
        rows = await stage.rows("SELECT state, reason FROM messages WHERE kind = 'staff'")
        assert [tuple(row) for row in rows] == [("failed", "dropped: invalid")]
        [handoff] = await stage.rows("SELECT attention FROM handoffs")
        assert handoff.attention == "mail: dropped: invalid"
        stage.rt.mailer = mailer


# ── batches ──────────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_a_batch_is_taken_in_the_order_of_its_instants(stage: Stage):
    first, second = await mailed(stage), await mailed(stage, "bob@lead.example")
    counts = await report_all(stage.rt, [
        Report(first, "bounced", at=9), Report(first, "delivered", at=8), Report(second, "taken", at=7),
        Report(uuid4(), "bounced"), Report(second, "delivered", at=9), Report(second, "delivered", at=9),
    ])  # fmt: skip
    assert counts == {"recorded": 3, "repeated": 2, "unknown": 1}
    lead = (await lead_of(stage)).id
    rows = await stage.rows("SELECT type FROM events WHERE lead_id = %(lead)s AND type LIKE 'email%%' ORDER BY seq",
                            lead=lead)  # fmt: skip
    assert [row.type for row in rows] == ["email.delivered", "email.bounced"]


async def test_a_lead_that_fails_holds_up_no_other(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    first, second = await mailed(stage), await mailed(stage, "bob@lead.example")
    real = transaction.open_ledger

    async def poisoned(rt: Any, hot: Any, locked: Any, *more: Any, **named: Any) -> Any:
        if locked.lead.email == ANN:
            raise ValueError("poison")
        return await real(rt, hot, locked, *more, **named)

    monkeypatch.setattr(transaction, "open_ledger", poisoned)
    both = [Report(first, "bounced"), Report(second, "bounced")]
    with pytest.raises(ValueError, match="poison"):
        await report_all(stage.rt, both)
    assert [(await lead_of(stage, one)).suppressed for one in (ANN, "bob@lead.example")] == [None, "bounced"]
    monkeypatch.undo()
    assert await report_all(stage.rt, both) == {"recorded": 1, "repeated": 1}


async def test_a_locked_lead_is_waited_for_and_others_are_not(stage: Stage):
    first, second = await mailed(stage), await mailed(stage, "bob@lead.example")
    async with stage.rt.db.hot() as hot:
        await hot.one("SELECT 1 FROM leads WHERE email_key = %(key)s FOR UPDATE", {"key": ANN})
        batch = asyncio.create_task(report_all(stage.rt, [Report(first, "bounced"), Report(second, "bounced")]))
        for _ in range(3_000):
            if (await lead_of(stage, "bob@lead.example")).suppressed is not None:
                break
            await asyncio.sleep(0.01)
        assert (await lead_of(stage, "bob@lead.example")).suppressed == "bounced"
        assert not batch.done()
        assert (await lead_of(stage)).suppressed is None
    assert await batch == {"recorded": 2}
    assert (await lead_of(stage)).suppressed == "bounced"


async def test_an_everyday_report_costs_three_statements_and_a_commit(stage: Stage):
    message = await mailed(stage)
    db = stage.rt.db
    statements, commits = db.statements, db.commits
    await report(stage.rt, Report(message, "delivered"))
    assert (db.statements - statements, db.commits - commits) == (3, 1)

"""What is reported of a mail: the events it brings about, what it settles, and who may not be mailed afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import UUID, uuid4

import pytest

from engine.feedback import newest_mail, report, report_all
from engine.intake import confirm, unsubscribe
from engine.ports import Fate, Mail, Receipt, Report
from tests.support.stage import Stage, open_stage

WORKSPACE = """
workspace "Test"
    timezone "UTC"
    sender "Test <hello@test.example>"
    address "Test, Street 1, Town"
    topic "news" "News"
    mail needs consent
    tracking is always on

form "paper"
    ask email required
    consent "Yes" for topic "news"

form "double"
    ask email required
    consent "Yes" for topic "news"
    confirm with "confirm"

scoring
    -20 when email is bounced
    +7 when email is replied, once per email

lifecycle
    stage Visitor
    stage Lead
        when form is submitted

team "Sales"
    takes all leads
    member "eva@test.example"

campaign "Careful"
    starts when form "paper" is submitted
    topic "news"
    flow
        send "one"
        wait up to 3 days for email "one" is bounced
            add to list "Wrong addresses"
            send "after"
        or for email "one" is replied
            send "thanks"
        or for email "one" is delivered
            add to list "Arrived"
            wait 3 days
        otherwise
            send "reminder"

campaign "Careless"
    starts when form "paper" is submitted
    topic "news"
    flow
        wait 1 day
        send "careless"

campaign "Wrong address"
    starts when email is bounced
    flow
        notify team "Sales" with "internal/bounced"

campaign "Sorry"
    starts when lead unsubscribes
    flow
        add to list "Gone"
"""
TEMPLATES = {"internal/bounced": "---\nsubject: bounced\n---\nAn address is wrong.\n"}
ANN = "ann@lead.example"


@pytest.fixture
async def stage(new_database) -> AsyncIterator[Stage]:
    async with open_stage(new_database(), WORKSPACE, TEMPLATES) as opened:
        yield opened


async def mailed(stage: Stage, email: str = ANN) -> UUID:
    """A lead enters and gets its first mail."""
    await stage.post("paper", ("news",), email=email)
    return next(mail.message_id for mail in reversed(stage.mailer.mails) if mail.to == email)


async def tell(stage: Stage, message: UUID, fate: Fate, reason: str = "") -> str:
    done = await report(stage.rt, Report(message, fate, reason))
    await stage.settle()
    return done


async def logged(stage: Stage, *types: str) -> list[tuple[str, str]]:
    rows = await stage.rows("SELECT type, name FROM events ORDER BY lead_id, seq")
    return [(row.type, row.name) for row in rows if not types or row.type in types]


async def lead_of(stage: Stage, email: str = ANN) -> Any:
    [row] = await stage.rows("SELECT * FROM leads WHERE email_key = %(email)s", email=email)
    return row


async def outcomes(stage: Stage) -> dict[str, str]:
    return {row.campaign: row.outcome or row.state for row in await stage.rows("SELECT * FROM enrolments")}


async def reasons(stage: Stage) -> list[str]:
    return [row.reason for row in await stage.rows("SELECT reason FROM suppressions")]


# ── what follows ─────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_a_bounce_takes_its_path_and_nothing_is_mailed_any_more(stage: Stage):
    message = await mailed(stage)
    assert await tell(stage, message, "bounced") == "recorded"
    lead = await lead_of(stage)
    assert (lead.suppressed, lead.scores, list(lead.lists)) == ("bounced", {"": -20}, ["Wrong addresses"])
    assert await reasons(stage) == ["bounced"]
    rows = await stage.rows("SELECT template, state, reason FROM messages ORDER BY template")
    assert [tuple(row) for row in rows] == [
        ("after", "skipped", "suppressed: bounced"), ("internal/bounced", "accepted", ""), ("one", "accepted", ""),
    ]  # fmt: skip
    assert await outcomes(stage) == {"Careful": "finished", "Careless": "left", "Wrong address": "finished"}
    await stage.pass_time(timedelta(days=9))
    assert [mail.subject for mail in stage.mailer.mails] == ["one", "bounced"]


async def test_another_mails_bounce_leaves_the_campaign(stage: Stage):
    await mailed(stage)
    await stage.pass_time(timedelta(days=1, hours=1))
    other = next(mail.message_id for mail in stage.mailer.mails if mail.subject == "careless")
    await tell(stage, other, "bounced")
    assert (await outcomes(stage))["Careful"] == "left"


async def test_a_reply_and_a_delivery_are_told_once_per_mail(stage: Stage):
    message = await mailed(stage)
    assert await tell(stage, message, "replied") == "recorded"
    assert await tell(stage, message, "replied") == "repeated"
    assert await tell(stage, message, "delivered") == "recorded"
    assert await logged(stage, "email.replied", "email.delivered") == [
        ("email.replied", "one"), ("email.delivered", "one"),
    ]  # fmt: skip
    assert [mail.subject for mail in stage.mailer.mails] == ["one", "thanks"]
    lead = await lead_of(stage)
    assert (lead.suppressed, lead.scores) == (None, {"": 7})


async def test_a_delivery_ends_its_wait(stage: Stage):
    await tell(stage, await mailed(stage), "delivered")
    assert list((await lead_of(stage)).lists) == ["Arrived"]


@pytest.mark.parametrize(("fate", "reason"), [("complained", "complained"), ("unsubscribed", "unsubscribed")])
async def test_a_complaint_unsubscribes_from_everything(stage: Stage, fate: Fate, reason: str):
    message = await mailed(stage)
    assert await tell(stage, message, fate) == "recorded"
    assert await tell(stage, message, fate) == "repeated"
    lead = await lead_of(stage)
    assert (lead.suppressed, lead.topics, await reasons(stage)) == (reason, {"news": "unsubscribed"}, [reason])
    assert await logged(stage, "lead.unsubscribed") == [("lead.unsubscribed", "")]
    found = await outcomes(stage)
    assert (found["Careful"], found["Careless"]) == ("unsubscribed", "unsubscribed")
    [consent] = await stage.rows("SELECT record FROM consents WHERE state = 'unsubscribed'")
    assert consent.record == {"how": "complaint" if fate == "complained" else "provider"}


async def come_back(stage: Stage) -> str | None:
    """The lead subscribes again with double opt-in; why they may not be mailed then."""
    await stage.post("double", ("news",), email=ANN)
    [posted] = await stage.rows("SELECT seq FROM events WHERE type = 'form.posted' ORDER BY seq DESC LIMIT 1")
    lead = await lead_of(stage)
    await confirm(stage.rt, lead.id, posted.seq)
    await stage.settle()
    suppressed: str | None = (await lead_of(stage)).suppressed
    return suppressed


@pytest.mark.parametrize("order", list(permutations(["bounced", "complained", "unsubscribed"])))
async def test_the_strongest_reason_stays_whatever_the_order(stage: Stage, order: tuple[Fate, ...]):
    message = await mailed(stage)
    seen = []
    for fate in order:
        await tell(stage, message, fate)
        seen.append((await lead_of(stage)).suppressed)
        assert await reasons(stage) == seen[-1:]
    strength = ["unsubscribed", "bounced", "complained"]
    assert seen == [max(order[: n + 1], key=strength.index) for n in range(3)]
    assert await come_back(stage) == "complained"


async def test_only_their_own_word_is_taken_back_by_their_own_word(stage: Stage):
    message = await mailed(stage)
    await tell(stage, message, "unsubscribed")
    assert await come_back(stage) is None
    assert await tell(stage, message, "unsubscribed") == "repeated", "late, and of before they came back"
    assert (await lead_of(stage)).suppressed is None
    await tell(stage, message, "bounced")
    assert await come_back(stage) == "bounced"


async def test_a_late_report_of_an_unsubscribing_that_was_known_does_not_undo_their_coming_back(stage: Stage):
    message = await mailed(stage)
    await unsubscribe(stage.rt, (await lead_of(stage)).id, None, "page")
    assert await tell(stage, message, "unsubscribed") == "recorded"
    assert await come_back(stage) is None
    assert await tell(stage, message, "unsubscribed") == "repeated"
    assert (await lead_of(stage)).suppressed is None


async def test_a_bounced_lead_who_unsubscribes_has_left_once(stage: Stage):
    await tell(stage, await mailed(stage), "bounced")
    lead = await lead_of(stage)
    for _ in range(2):
        await unsubscribe(stage.rt, lead.id, None, "page")
    assert await logged(stage, "lead.unsubscribed") == [("lead.unsubscribed", "")]
    after = await lead_of(stage)
    assert (after.suppressed, after.topics) == ("bounced", {"news": "unsubscribed"})


async def test_a_colleagues_bounce_is_nothing_of_the_leads(stage: Stage):
    await tell(stage, await mailed(stage), "bounced")
    [notice] = await stage.rows("SELECT id, owner_id FROM messages WHERE kind = 'staff'")
    before = await logged(stage)
    for fate in ("delivered", "bounced", "complained", "replied", "taken"):
        assert await tell(stage, notice.id, fate) == "repeated"
    assert await logged(stage) == before
    assert await tell(stage, notice.id, "dropped", "no") == "recorded"
    assert await logged(stage) == before
    [notice] = await stage.rows("SELECT state, reason FROM messages WHERE kind = 'staff'")
    assert tuple(notice) == ("failed", "no")


async def test_what_is_no_mail_of_ours_is_ignored(stage: Stage):
    await mailed(stage)
    await tell(stage, stage.mailer.mails[0].message_id, "bounced")
    [skipped] = await stage.rows("SELECT id FROM messages WHERE state = 'skipped'")
    before = await logged(stage)
    assert await tell(stage, uuid4(), "bounced") == "unknown"
    assert await tell(stage, skipped.id, "taken") == "repeated"
    assert await logged(stage) == before


# ── settling ─────────────────────────────────────────────────────────────────────────────────────────────────────────
async def state_of(stage: Stage, message: UUID) -> tuple[str, str]:
    [row] = await stage.rows("SELECT state, reason FROM messages WHERE id = %(id)s", id=message)
    return row.state, row.reason


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
    import engine.feedback

    first, second = await mailed(stage), await mailed(stage, "bob@lead.example")
    real = engine.feedback.open_ledger

    async def poisoned(rt: Any, hot: Any, locked: Any, *more: Any, **named: Any) -> Any:
        if locked.lead.email == ANN:
            raise ValueError("poison")
        return await real(rt, hot, locked, *more, **named)

    monkeypatch.setattr(engine.feedback, "open_ledger", poisoned)
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
        async with asyncio.timeout(30):
            while (await lead_of(stage, "bob@lead.example")).suppressed is None:
                await asyncio.sleep(0.01)
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


# ── which mail ───────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_the_newest_mail_of_an_address(stage: Stage):
    first = await mailed(stage)
    await stage.pass_time(timedelta(days=1, hours=1))
    newest = stage.mailer.mails[-1]
    assert newest.subject == "careless"
    assert await newest_mail(stage.rt, "Ann@lead.example", None) == newest.message_id
    assert await newest_mail(stage.rt, ANN, "ONE") == first
    assert await newest_mail(stage.rt, ANN, "nothing") is None
    assert await newest_mail(stage.rt, "nobody@lead.example", None) is None
    with pytest.raises(ValueError):
        await newest_mail(stage.rt, "no address", None)

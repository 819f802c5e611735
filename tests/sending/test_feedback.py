"""What is reported of a mail: the events it brings about, and who may not be mailed afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import permutations
from typing import Any, cast
from uuid import uuid4

import pytest

from engine.cli.status import show
from engine.leads.intake import confirm, unsubscribe
from engine.model.ports import Fate
from engine.reports.status import Status, status
from engine.sending.feedback import newest_mail
from engine.why.read import read
from engine.why.tell import as_json
from engine.why.tell import tell as why
from tests.support.reports import ANN, TEMPLATES, WORKSPACE, lead_of, logged, mailed, outcomes, reasons, tell
from tests.support.stage import Stage, open_stage


@pytest.fixture
async def stage(new_database) -> AsyncIterator[Stage]:
    async with open_stage(new_database(), WORKSPACE, TEMPLATES) as opened:
        yield opened


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
    with pytest.raises(ValueError, match="address"):
        await newest_mail(stage.rt, "no address", None)


# ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_status_counts_who_may_not_be_mailed_and_complaints(stage: Stage, capsys: pytest.CaptureFixture[str]):
    async def shown() -> tuple[Status, str]:
        found = await status(stage.rt.db, stage.clock.now(), stage.clock.real())
        show(found)
        return found, capsys.readouterr().out

    messages = [await mailed(stage, f"{n}@lead.example") for n in range(4)]
    assert "suppressed" not in (await shown())[1]
    for message, fate in zip(messages, ("bounced", "complained", "unsubscribed"), strict=False):
        await tell(stage, message, cast(Fate, fate))
    found, said = await shown()
    assert found.suppressed == {"bounced": 1, "complained": 1, "unsubscribed": 1}
    assert (found.complaints, found.recent) == (1, 4)
    assert "suppressed: 1 bounced, 1 complained, 1 unsubscribed" in said
    assert "complaints in 30 days: 1 among 4 emails (25.00%); at 0.08% and above" in " ".join(said.split())
    stage.clock.advance(timedelta(days=31))
    found, said = await shown()
    assert (found.complaints, found.recent, found.suppressed["complained"]) == (0, 0, 1)
    assert "complaints in 30 days" not in said


@pytest.mark.parametrize(("complaints", "mails", "alarming"), [(0, 0, False), (0, 9, False), (1, 0, True),
                                                               (7, 10_000, False), (8, 10_000, True)])  # fmt: skip
def test_complaints_are_alarming_from_a_share_on(complaints: int, mails: int, alarming: bool):
    empty: dict[str, Any] = {name: [] for name in Status.__dataclass_fields__}
    assert Status(**{**empty, "complaints": complaints, "recent": mails}).alarming is alarming


async def test_why_tells_what_the_provider_told(stage: Stage):
    message = await mailed(stage)
    await tell(stage, message, "dropped", "dropped by the provider: invalid")
    await tell(stage, await mailed(stage, "bob@lead.example"), "bounced")
    await tell(stage, await mailed(stage, "cy@lead.example"), "complained")
    said = {one: await asked(stage, one) for one in (ANN, "bob@lead.example", "cy@lead.example")}
    assert "the lead marked an email as spam" in said["cy@lead.example"]
    assert "the email failed" in said[ANN]
    assert "dropped by the provider: invalid" in said[ANN]
    assert "the lead is suppressed: bounced" in said["bob@lead.example"]


async def asked(stage: Stage, email: str) -> str:
    log = await read(stage.rt.db, email, "Careful", stage.clock.now())
    return str(as_json(log, why(log)))

"""Emails that came back for now: counted in a row, and taken for a bounce once there are too many."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest

from engine.why.read import read
from engine.why.tell import as_json
from engine.why.tell import tell as why
from tests.support.reports import ANN, TEMPLATES, WORKSPACE, lead_of, logged, mailed, outcomes, reasons, tell
from tests.support.stage import Stage, open_stage

LINE = '    address "'


@pytest.fixture
async def stage(new_database) -> AsyncIterator[Stage]:
    assert LINE in WORKSPACE
    files = WORKSPACE.replace(LINE, f"    suppress after 3 soft bounces\n{LINE}", 1)
    async with open_stage(new_database(), files, TEMPLATES) as opened:
        yield opened


async def several(stage: Stage) -> list[UUID]:
    """Three mails to one lead, the oldest first."""
    await mailed(stage)
    await stage.pass_time(timedelta(days=4))
    found = [mail.message_id for mail in stage.mailer.mails if mail.to == ANN]
    assert len(found) == 3
    return found


async def suppressed(stage: Stage) -> str | None:
    found: str | None = (await lead_of(stage)).suppressed
    return found


async def test_so_many_in_a_row_are_a_bounce(stage: Stage):
    first, second, third = await several(stage)
    for message in (first, second):
        assert await tell(stage, message, "soft") == "recorded"
        assert await tell(stage, message, "soft") == "repeated"
        assert await suppressed(stage) is None
    assert await logged(stage, "email.bounced") == []
    assert await tell(stage, third, "soft") == "recorded"
    assert await tell(stage, third, "soft") == "repeated"
    assert (await suppressed(stage), await reasons(stage)) == ("bounced", ["bounced"])
    assert len(await logged(stage, "email.bounced")) == 1
    assert len(await logged(stage, "email.soft_bounced")) == 3
    assert (await outcomes(stage))["Wrong address"] == "finished"
    log = await read(stage.rt.db, ANN, "Careful", stage.clock.now())
    assert "soft-bounced" in str(as_json(log, why(log)))


async def test_one_full_mailbox_changes_nothing_for_the_lead(stage: Stage):
    message = await mailed(stage)
    assert await tell(stage, message, "soft") == "recorded"
    lead = await lead_of(stage)
    assert (lead.suppressed, lead.scores, list(lead.lists)) == (None, {}, [])
    await stage.pass_time(timedelta(days=4))
    assert [mail.subject for mail in stage.mailer.mails] == ["one", "careless", "reminder"]


async def test_an_email_that_arrives_starts_the_count_again(stage: Stage):
    first, second, third = await several(stage)
    await tell(stage, first, "soft")
    await tell(stage, second, "delivered")
    await tell(stage, third, "soft")
    await tell(stage, second, "soft")
    assert await suppressed(stage) == "bounced", "the second came back after all: three in a row"


async def test_arrived_in_between(stage: Stage):
    first, second, third = await several(stage)
    await tell(stage, first, "soft")
    await tell(stage, second, "replied")
    await tell(stage, third, "soft")
    assert await suppressed(stage) is None


async def test_a_real_bounce_after_a_soft_one_counts(stage: Stage):
    message = await mailed(stage)
    await tell(stage, message, "soft")
    assert await tell(stage, message, "bounced") == "recorded"
    assert await suppressed(stage) == "bounced"
    assert await tell(stage, message, "soft") == "repeated"

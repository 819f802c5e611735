"""The provider's webhook on a real stack: its receiver is killed and then flooded, with batches that are doubled,
shuffled, split and partly malformed. Bounces take their path, complaints end everything, nothing is left unknown."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.faults.conftest import World, open_world, recipient, until
from tests.support.invariants import assert_whole
from tests.support.mailserver import Fault
from tests.support.picture import take
from tests.support.provider import Event, Provider, about, doubled, shuffled, split

pytestmark = pytest.mark.timeout(300)

PROVIDER = Provider()
LEADS = 4
FATES = {"good": "delivered", "bad": "bounce", "angry": "spamreport", "lost": "dropped"}
TEMPLATES = ("first", "corrected", "second", "other")
WORKSPACE = """
    workspace "Acme"
        timezone "UTC"
        sender "Acme <hello@acme.example>"
        address "Acme GmbH, Street 1, Town"
        mail is allowed until opt-out
        tracking is always on

    form "guide"
        ask email required

    scoring
        -20 when email is bounced

    lifecycle
        stage Visitor
        stage Lead
            when form is submitted

    campaign "Careful"
        starts when form "guide" is submitted
        flow
            send "first" within 300 days
            wait up to 300 days for email "first" is bounced
                add to list "Wrong addresses"
                send "corrected" within 300 days
            or for email "first" is delivered
                send "second" within 300 days

    campaign "Careless"
        starts when form "guide" is submitted
        flow
            wait 200 days
            send "other" within 300 days
"""


@pytest.fixture(scope="module")
async def told() -> AsyncIterator[World]:
    key = {"COLDFRAME_SENDGRID_WEBHOOK_KEY": PROVIDER.key}
    async with open_world(workspace=WORKSPACE, templates=TEMPLATES, **key) as opened:
        yield opened


async def test_a_receiver_that_was_killed_and_is_flooded_does_each_thing_once(told: World) -> None:
    told.mail.fail(Fault(drop="after"), times=LEADS)
    addresses = [f"{name}{n}@lead.example" for name in FATES for n in range(LEADS)]
    await asyncio.gather(*(told.post("guide", one) for one in addresses))
    await until(lambda: len(told.mail.accepted) == len(addresses))
    await until(lambda: not told.query("SELECT 1 FROM messages WHERE state = 'sending'"))
    assert told.query("SELECT 1 FROM messages WHERE state = 'unknown'"), "some were cut off after they were accepted"

    history = about(told.mail.accepted, **FATES)
    await told.stack.end("web", by=signal.SIGKILL)
    with pytest.raises(httpx.TransportError):
        await told.client.post("/hooks/sendgrid", **PROVIDER.request(history, datetime.now(UTC)))
    await told.stack.restart("web")
    await asyncio.gather(*(deliver(told, batch) for batch in batches(history, 1)))

    await until(lambda: len(told.accepted("good")) == 2 * LEADS)
    await until(lambda: not told.query("SELECT 1 FROM enrolments e JOIN leads l ON l.id = e.lead_id "
                                       "WHERE e.state <> 'ended' AND l.email_key NOT LIKE 'lost%%' "
                                       "AND l.email_key NOT LIKE 'good%%'"))  # fmt: skip
    before = picture(told)
    await asyncio.gather(*(deliver(told, batch) for batch in batches(history, 2)))
    assert picture(told) == before, "late and doubled once more, they change nothing"

    assert before["suppressed"] == {"good": None, "bad": "bounced", "angry": "complained", "lost": None}
    assert before["first"] == {"good": "accepted", "bad": "accepted", "angry": "accepted", "lost": "failed"}
    assert before["scores"] == {"good": {}, "bad": {"": -20}, "angry": {}, "lost": {}}
    assert before["outcomes"]["bad"] == {"Careful": "finished", "Careless": "left"}
    assert before["outcomes"]["angry"] == {"Careful": "unsubscribed", "Careless": "unsubscribed"}
    skipped = told.query("SELECT template, reason FROM messages WHERE state = 'skipped' AND template = 'corrected'")
    assert [tuple(row) for row in skipped] == [("corrected", "suppressed: bounced")] * LEADS
    assert told.accepted("bad") + told.accepted("angry") == ["first"] * 2 * LEADS
    assert_whole(take(told.stack.database_url, told.mail.accepted), told.rt.clock.to_real)


async def test_what_it_was_told_stands_in_no_log(told: World) -> None:
    found = [path.read_text("utf-8", "replace") for path in told.log_files()]
    assert any("provider event put aside" in text for text in found)
    assert [text for text in found if "lead.example" in text or "no such user" in text] == []


def batches(history: list[Event], seed: int) -> list[list[Any]]:
    """The same events in many small batches, doubled and in no order, with one malformed event in each."""
    return [[*batch, {"coldframe_message": "no such user"}] for batch in split(shuffled(doubled(history), seed), seed)]


async def deliver(world: World, batch: list[Any]) -> None:
    """Post until it is taken, as the provider does."""
    for _ in range(50):
        answer = await world.client.post("/hooks/sendgrid", **PROVIDER.request(batch, datetime.now(UTC)))
        if answer.is_success:
            assert answer.json()["malformed"] == 1
            return
        assert answer.status_code == 503, answer.text
        await asyncio.sleep(0.2)
    raise AssertionError("the batch is never taken")


def picture(world: World) -> dict[str, dict[str, Any]]:
    """By the beginning of the address, what is so for all leads that have it."""
    rows = world.query(
        """SELECT l.email_key, l.suppressed, l.scores, m.state,
            (SELECT jsonb_object_agg(campaign, coalesce(outcome, state)) FROM enrolments e WHERE e.lead_id = l.id) AS o
        FROM leads l JOIN messages m ON m.lead_id = l.id AND m.template = 'first'"""
    )
    found: dict[str, dict[str, Any]] = {"suppressed": {}, "scores": {}, "first": {}, "outcomes": {}}
    for row in rows:
        name = next(one for one in FATES if row.email_key.startswith(one))
        for what, value in zip(found, (row.suppressed, row.scores, row.state, row.o), strict=True):
            assert found[what].setdefault(name, value) == value
    assert {recipient(one).split("@")[0][:-1] for one in world.mail.accepted} == set(FATES)
    return found

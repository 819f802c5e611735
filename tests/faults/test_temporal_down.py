"""Temporal is killed or frozen while forms come in: all are answered; once it is back nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import signal

import pytest

from tests.faults.conftest import World, until
from tests.support.histories import fetch_ended
from tests.support.invariants import assert_whole
from tests.support.picture import take

pytestmark = pytest.mark.timeout(300)

LEADS = 10


@pytest.mark.parametrize("fault", ["killed", "frozen"])
async def test_forms_are_answered_while_temporal_is_away_and_nothing_is_lost(world: World, fault: str) -> None:
    before = await enter(world, "storm", f"{fault}-before")
    await until(lambda: len(world.accepted(f"{fault}-before")) >= LEADS)  # they wait now, with timers in Temporal

    temporal = world.stack.parts["temporal"].child
    if fault == "killed":
        await world.stack.end("temporal", by=signal.SIGKILL)
        assert not temporal.running()
    else:
        assert temporal.process is not None
        temporal.process.send_signal(signal.SIGSTOP)
    try:
        during = await enter(world, "one mail", f"{fault}-during")
        stored = world.query("SELECT count(*) AS many FROM leads WHERE email_key LIKE %s", f"{fault}-during%")
        assert stored[0].many == LEADS
        await asyncio.sleep(5)
        assert world.accepted(f"{fault}-during") == [], "only Temporal starts a run"
    finally:
        if fault == "killed":
            await world.stack.restart("temporal")
        else:
            temporal.process.send_signal(signal.SIGCONT)  # type: ignore[union-attr]

    after = await enter(world, "one mail", f"{fault}-after")
    await until(lambda: not world.query("SELECT 1 FROM enrolments WHERE state <> 'ended'"))
    assert sorted(world.accepted(f"{fault}-before")) == sorted(["one", "two", "three"] * LEADS)
    assert world.accepted(f"{fault}-during") == ["only"] * LEADS
    assert world.accepted(f"{fault}-after") == ["only"] * LEADS
    await until(lambda: not world.query("SELECT 1 FROM outbox"))
    runs = await fetch_ended(world.stack.temporal_address)
    posts = [*before, *during, *after]
    url = world.stack.database_url
    assert_whole(take(url, world.mail.accepted, runs=runs, posts=posts), world.rt.clock.to_real)


async def enter(world: World, form: str, name: str) -> list[tuple[str, str]]:
    """Ten leads; `post` fails unless the answer is 2xx."""
    posts = [(form, f"{name}{n}@lead.example") for n in range(LEADS)]
    await asyncio.gather(*(world.post(*one) for one in posts))
    return posts

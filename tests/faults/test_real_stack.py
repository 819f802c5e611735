"""Real processes and servers, broken on purpose: nothing is lost, nothing is mailed twice, nothing personal leaks."""

from __future__ import annotations

import asyncio
import signal
from datetime import UTC, datetime
from typing import Any

import pytest
from temporalio.client import Client

from engine.embedded import temporal
from engine.runs import watchdog
from engine.sales import handoffs
from tests.faults.conftest import World, until
from tests.support.mailserver import Fault

pytestmark = pytest.mark.timeout(300)

ANN = {"first_name": "Zaphodia", "company": "Quuxmark Dynamics"}
POISON = "prefectia"
"""A score that is none: what fails on it names it in its message."""
PERSONAL = ("zaphodia", "quuxmark", "lead.example", "eva@acme", POISON)


async def test_posts_that_race_are_one_event_and_one_enrolment_each(world: World) -> None:
    race = [f"race{n}@lead.example" for n in range(20)]
    answers = await asyncio.gather(*(world.post("one mail", one, key=one) for one in race for _ in range(2)))
    assert {answer.json()["state"] for answer in answers} == {"submitted"}
    counts = world.query(
        """SELECT (SELECT count(*) FROM events e WHERE e.lead_id = l.id AND e.type = 'form.submitted') AS events,
            (SELECT count(*) FROM enrolments n WHERE n.lead_id = l.id) AS enrolments
        FROM leads l WHERE l.email_key LIKE 'race%%'"""
    )
    assert [tuple(row) for row in counts] == [(1, 1)] * 20
    await until(lambda: len(world.accepted("race")) >= 20)
    assert len(world.accepted("race")) == 20


async def test_a_provider_that_refuses_everything_closes_the_gate_and_the_mails_wait(world: World) -> None:
    for number, status in enumerate((429, 401)):
        name, reset = f"gate{number}", str(int(datetime.now(UTC).timestamp()) + 3)
        world.mail.always(Fault(status=status, headers={"X-RateLimit-Reset": reset}))
        for n in range(3):
            await world.post("one mail", f"{name}-{n}@lead.example")
        wanted = f"{status} %"
        closed = "SELECT real_closed_until FROM gates WHERE reason LIKE %s"
        await until(lambda wanted=wanted, closed=closed: world.query(closed, wanted))
        world.mail.always(None)
        if status == 401:
            [row] = world.query(closed, wanted)
            assert row.real_closed_until > datetime.now(UTC), "a refused key keeps the gate closed for minutes"
            assert world.accepted(name) == []
            world.query("UPDATE gates SET real_closed_until = %s", datetime.now(UTC))
        await until(lambda name=name: len(world.accepted(name)) == 3)
        states = world.query(
            "SELECT state FROM messages m JOIN leads l ON l.id = m.lead_id WHERE email_key LIKE %s", f"{name}-%"
        )
        await until(lambda name=name: unsettled(world, name) == 0)
        assert len(states) == 3


async def test_a_mail_whose_fate_is_unclear_is_unknown_and_never_sent_again(world: World) -> None:
    for name, fault, taken in (("cut", Fault(drop="after"), 1), ("broken", Fault(status=503), 0)):
        world.mail.always(fault)
        await world.post("one mail", f"{name}@lead.example")
        await until(lambda name=name: states_of(world, name) == ["unknown"])
        world.mail.always(None)
        await until(lambda name=name: unsettled(world, name) == 0)
        assert len(world.accepted(name)) == taken
        assert states_of(world, name) == ["unknown"]


async def test_nothing_personal_is_in_a_history_or_a_log(world: World) -> None:
    await world.post("slow", "poison@lead.example")
    world.query("UPDATE leads SET scores = %s WHERE email_key LIKE 'poison@%%'", f'{{"": "{POISON}"}}')
    await world.post("guide", "ann@lead.example", **ANN)
    await until(lambda: world.link("ann@lead.example"))
    answer = await world.client.get(world.link("ann@lead.example") or "")
    assert answer.status_code == 302
    await until(lambda: world.accepted("eva@"))
    [handoff] = world.query("SELECT id FROM handoffs")
    for action in ("acknowledge", "contacted", "accept"):
        await handoffs.act(world.rt, handoff.id, action, "eva@acme.example", None)  # type: ignore[arg-type]
    await until(lambda: "thanks" in world.accepted("ann@"))
    log = world.stack.home / "logs" / "worker-1.log"
    await until(lambda: "advance.failed" in log.read_text("utf-8", "replace"))
    world.query("UPDATE leads SET scores = '{}' WHERE email_key LIKE 'poison@%%'")

    client = await Client.connect(world.stack.temporal_address)
    told: dict[str, str] = {}
    async for run in client.list_workflows():
        history = await client.get_workflow_handle(run.id, run_id=run.run_id).fetch_history()
        raw = b"".join(event.SerializeToString() for event in history.events)
        told[run.id] = history.to_json() + raw.decode("utf-8", "replace")
    assert len(told) > 20, "the histories of these tests are there"
    failed = [text for text in told.values() if "EVENT_TYPE_ACTIVITY_TASK_FAILED" in text]
    assert failed, "the lead with the impossible score has failed an activity"
    logs = {path.name: path.read_text("utf-8", "replace") for path in (world.stack.home / "logs").glob("*.log")}
    assert {"web.log", "worker-1.log"} <= logs.keys()
    for name, text in {**told, **logs}.items():
        assert [one for one in PERSONAL if one in text.casefold()] == [], name


async def test_runs_are_rebuilt_when_temporal_has_lost_everything(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "LATE", watchdog.LATE * 0)
    for n in range(5):
        await world.post("patient", f"patient{n}@lead.example")
        await world.post("open", f"open{n}@lead.example")
    await until(lambda: len(world.accepted("patient")) == 5)
    await until(lambda: len(world.query("SELECT 1 FROM waits w JOIN enrolments e ON e.id = w.enrolment_id "
                                        "WHERE e.campaign IN ('Patient', 'Open')")) == 10)  # fmt: skip
    await world.stack.end("temporal", by=signal.SIGKILL)
    temporal.erase(world.stack.home)
    await world.stack.restart("temporal")
    for n in range(5):
        await world.post("nudge", f"open{n}@lead.example")
    ended = asyncio.Event()
    idle = asyncio.create_task(watch(world, ended))
    await until(lambda: not live(world, "Patient") and not live(world, "Open"))
    ended.set()
    await idle
    assert sorted(world.accepted("patient")) == ["after"] * 5 + ["before"] * 5
    assert world.accepted("open") == ["nudged"] * 5
    assert world.broken() == []


async def watch(world: World, ended: asyncio.Event) -> None:
    while not ended.is_set():
        await watchdog.wake_stalled(world.rt)
        await asyncio.sleep(1)


def live(world: World, campaign: str) -> list[Any]:
    return world.query("SELECT id FROM enrolments WHERE state <> 'ended' AND campaign = %s", campaign)


def unsettled(world: World, name: str) -> int:
    rows = world.query(
        "SELECT 1 FROM enrolments e JOIN leads l ON l.id = e.lead_id WHERE l.email_key LIKE %s AND e.state <> 'ended'",
        f"{name}%",
    )
    return len(rows)


def states_of(world: World, name: str) -> list[str]:
    rows = world.query(
        "SELECT m.state FROM messages m JOIN leads l ON l.id = m.lead_id WHERE l.email_key LIKE %s", f"{name}@%"
    )
    return [row.state for row in rows]

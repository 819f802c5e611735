"""The real web and worker processes in one stack: a posted form becomes a mail, also across kills, and all ends."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import psycopg
import pytest

from engine.cli.deploy import put_into_force
from engine.cli.stack import Stack
from engine.cli.workspace import examine
from engine.deploying import pauses
from engine.platform.clock import parse_clock
from engine.platform.settings import Settings, libpq_url
from engine.store.db import Database
from tests.conftest import home_folder
from tests.support.cli import GOOD, write

RESTING = {**GOOD, "shop.campaign": GOOD["shop.campaign"].rstrip() + "\n                wait 3 days\n"}


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    for folder in home_folder():
        write(folder / "campaigns", RESTING)
        yield folder


@pytest.fixture(scope="module")
async def stack(home: Path) -> AsyncIterator[Stack]:
    settings = Settings(home=home, campaigns=home / "campaigns", web_port=0)
    async with Stack(settings, database_settings={"fsync": "off"}) as running:
        await put_into_force(running.settings, running.database_url, examine(settings.campaigns), "ada")
        yield running
        pids = [part.child.pid for part in running.parts.values()]
    for pid in pids:
        assert pid is not None
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def accepted(stack: Stack) -> int:
    with psycopg.connect(libpq_url(stack.database_url)) as connection:
        row = connection.execute("SELECT count(*) FROM messages WHERE state = 'accepted'").fetchone()
    assert row is not None
    return int(row[0])


async def until_accepted(stack: Stack, many: int) -> None:
    deadline = time.monotonic() + 60
    while accepted(stack) < many:
        assert time.monotonic() < deadline, f"{accepted(stack)} of {many} mails were accepted in time"
        await asyncio.sleep(0.1)
    assert accepted(stack) == many


async def post(stack: Stack, email: str) -> None:
    async with httpx.AsyncClient(base_url=stack.base_url, trust_env=False, timeout=60) as client:
        answer = await client.post("/f/guide", json={"email": email})
    assert answer.is_success, answer.text


async def test_a_posted_form_becomes_a_mail_and_stays_one_across_a_kill(stack: Stack) -> None:
    before = accepted(stack)
    await post(stack, "anna@lead.example")
    await until_accepted(stack, before + 1)
    killed = stack.parts["worker-1"].child.pid
    await stack.restart("worker-1", by=signal.SIGKILL)
    assert stack.parts["worker-1"].child.pid != killed
    await post(stack, "ben@lead.example")
    await until_accepted(stack, before + 2)


async def test_a_form_is_taken_while_temporal_is_away_and_the_mail_leaves_when_it_is_back(stack: Stack) -> None:
    before = accepted(stack)
    await stack.end("temporal", by=signal.SIGKILL)
    try:
        await post(stack, "cleo@lead.example")
        assert accepted(stack) == before
    finally:
        await stack.restart("temporal")
    await until_accepted(stack, before + 1)


async def test_who_enters_a_paused_campaign_gets_the_mail_once_it_is_resumed(stack: Stack) -> None:
    """Through a real run: it was told to rest, and the workers' job tells it to go on."""
    before = accepted(stack)
    db = Database(stack.database_url, size=2)
    clock = parse_clock(stack.settings.clock)
    try:
        await pauses.pause(db, clock, "Guide", "ada")
        await post(stack, "paula@lead.example")
        await until_delivered(stack)
        assert accepted(stack) == before
        await pauses.resume(db, clock, "Guide", "ada", spread=timedelta())
    finally:
        await db.close()
    await until_accepted(stack, before + 1)


async def until_delivered(stack: Stack) -> None:
    """Until Temporal has every run."""
    deadline = time.monotonic() + 60
    while True:
        with psycopg.connect(libpq_url(stack.database_url)) as connection:
            if connection.execute("SELECT count(*) FROM outbox").fetchone() == (0,):
                return
        assert time.monotonic() < deadline, "the outbox was not emptied in time"
        await asyncio.sleep(0.1)


async def test_no_process_logs_an_address(stack: Stack, home: Path) -> None:
    await post(stack, "dora@lead.example")
    logs = logs_of(home)
    assert {"web.log", "worker-1.log", "postgres.log", "temporal.log"} <= logs.keys()
    assert [name for name, text in logs.items() if "lead.example" in text] == []


def logs_of(home: Path) -> dict[str, str]:
    return {path.name: path.read_text("utf-8", "replace") for path in (home / "logs").glob("*.log")}


async def test_both_kinds_of_process_show_health_and_metrics(stack: Stack) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        for address in (stack.base_url, stack.parts["worker-1"].address):
            for path in ("/healthz", "/readyz", "/metrics"):
                assert (await client.get(f"{address}{path}")).status_code == 200, address + path

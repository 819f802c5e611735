"""The whole process on real servers: it comes up, works, shows itself, stops polling at a closed gate, drains."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

import worker
from engine.embedded.process import free_port
from engine.embedded.temporal import TemporalServer
from engine.platform.settings import Settings
from engine.store.tables import gates, processes
from tests.workflows.support import until

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
async def database(fresh_database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(Settings(database_url=fresh_database_url).database_url or "")
    yield engine
    await engine.dispose()


@pytest.fixture
def settings(fresh_database_url: str, temporal_server: TemporalServer, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_server.address)
    return Settings(
        database_url=fresh_database_url, metrics_port=free_port(), task_queue=f"test-{free_port()}", drain_seconds=1
    )


async def page(settings: Settings, path: str) -> httpx.Response | None:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        try:
            return await client.get(f"http://127.0.0.1:{settings.metrics_port}{path}")
        except httpx.ConnectError:
            return None


def ready(settings: Settings, status: int = 200) -> Callable[[], object]:
    async def answered() -> bool:
        answer = await page(settings, "/readyz")
        return answer is not None and answer.status_code == status

    return answered


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    task = asyncio.create_task(worker.run(settings, stop))
    try:
        await until(ready(settings))
        yield stop
    finally:
        stop.set()
        await asyncio.wait_for(task, 60)


async def metric(settings: Settings, name: str, having: str = "") -> float:
    """The sum of the metric's samples whose labels contain `having`."""
    answer = await page(settings, "/metrics")
    assert answer is not None
    lines = [line for line in answer.text.splitlines() if line.startswith(name) and having in line]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


async def test_it_polls_all_three_queues_and_shows_it(settings: Settings, database: AsyncEngine) -> None:
    async with running(settings):
        for queue in (settings.task_queue, f"{settings.task_queue}-db", f"{settings.task_queue}-mail"):

            async def polled(queue: str = queue) -> bool:
                return await metric(settings, "temporal_num_pollers", f'task_queue="{queue}"') > 0

            await until(polled)
        async with database.connect() as connection:
            [process] = (await connection.execute(select(processes))).all()
    assert process.role == "worker"


async def test_a_closed_gate_stops_the_mail_queue_and_only_that(settings: Settings, database: AsyncEngine) -> None:
    mail = f'task_queue="{settings.task_queue}-mail"'

    def polls(wanted: bool) -> Callable[[], object]:
        async def seen() -> bool:
            return (await metric(settings, "temporal_num_pollers", mail) > 0) is wanted

        return seen

    async with running(settings):
        await until(polls(True))
        row = {"provider": "mailbox", "reason": "429", "real_closed_until": datetime.now(UTC) + timedelta(hours=1)}
        async with database.begin() as connection:
            await connection.execute(insert(gates).values(row))
        await until(polls(False))
        assert await metric(settings, "coldframe_mail_gate_closed") == 1
        assert await metric(settings, "temporal_num_pollers", f'task_queue="{settings.task_queue}-db"') > 0
        async with database.begin() as connection:
            await connection.execute(delete(gates))
        await until(polls(True))


async def test_it_waits_for_temporal_and_says_so(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{free_port()}")
    stop = asyncio.Event()
    task = asyncio.create_task(worker.run(settings, stop))
    await until(ready(settings, 503))
    answer = await page(settings, "/readyz")
    assert answer is not None
    assert answer.json() == {"serving": True, "temporal": False, "postgres": False}
    stop.set()
    await asyncio.wait_for(task, 60)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains_the_process(settings: Settings, number: signal.Signals) -> None:
    environment = {
        **os.environ, "DATABASE_URL": (settings.database_url or "").replace("+psycopg", ""),
        "COLDFRAME_METRICS_PORT": str(settings.metrics_port), "COLDFRAME_TASK_QUEUE": settings.task_queue,
        "COLDFRAME_SECRET": "s" * 32, "COLDFRAME_PEPPER": "p" * 32,
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "worker.py", cwd=ROOT, env=environment, stderr=asyncio.subprocess.PIPE
    )
    try:
        await until(ready(settings))
        process.send_signal(number)
        _, log = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0
    assert b"worker.draining" in log
    assert b"worker.ended" in log


def test_no_more_mails_wait_in_a_process_than_leave_in_half_a_minute() -> None:
    assert worker.limits_for(Settings(database_pool=10, mails_per_second=0.1)).mail_activities == 3
    assert worker.limits_for(Settings(database_pool=10, mails_per_second=0.01)).mail_activities == 1
    assert worker.limits_for(Settings(database_pool=10, mails_per_second=100)).mail_activities == 20

"""Everything behind a real PgBouncer, in both pool modes: migrations, a hundred posts at once, and what follows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from sqlalchemy import func, select, text

import worker
from dsl.compile import compile_workspace
from engine.deploying.deploy import deploy
from engine.embedded.postgres import PostgresServer
from engine.embedded.process import free_port
from engine.embedded.temporal import TemporalServer
from engine.platform.settings import Settings
from engine.runtime.runtime import Runtime, open_runtime
from engine.store.db import Database
from engine.store.migrate import migrate
from engine.store.session import PROMPT, Patience
from engine.store.tables import enrolments, leads
from tests.support.pooler import PROGRAM, pooled, pooler
from tests.support.stage import company
from tests.web.conftest import BASE, UNLIMITED, client_of
from tests.workflows.support import until
from web.app import create_app

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="pgbouncer is not installed")
AT_ONCE = 100
CAMPAIGN = f"""{company("mail is allowed until opt-out")}
form "guide"
    ask email required

campaign "Nurture"
    starts when form "guide" is submitted
    flow
        add 5 points
        wait 1 minute
        add 5 points
"""


@pytest.fixture(params=["transaction", "session"])
def pooled_url(
    request: pytest.FixtureRequest, postgres: PostgresServer, new_database: Callable[[], str], server_folder: Path
) -> Iterator[str]:
    with pooler(postgres, server_folder / f"pool-{request.param}", request.param, size=40) as port:
        yield pooled(new_database(), port)


@pytest_asyncio.fixture
async def rt(pooled_url: str, tmp_path: Path) -> AsyncIterator[Runtime]:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    settings = Settings(
        database_url=pooled_url, base_url=BASE, home=tmp_path,
        secret="s" * 32, pepper="p" * 32, metrics_port=free_port(),
        task_queue=f"pooler-{free_port()}", drain_seconds=1, clock=f"virtual:{now}@{now}x60",
    )  # fmt: skip
    async with open_runtime(settings, patience=PROMPT) as opened:
        program = compile_workspace({"a.campaign": CAMPAIGN}, ()).program
        assert program is not None
        await deploy(opened.db, opened.clock, program, {}, "test")
        yield opened


async def test_a_hundred_posts_at_once_are_taken_and_a_worker_carries_them_on(
    rt: Runtime, temporal_server: TemporalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_server.address)
    async with client_of(create_app(rt, budgets=UNLIMITED)) as http:
        assert (await http.get("/readyz")).json()["ready"] is True
        posts = [http.post("/f/guide", data={"email": f"lead{n}@pool.example"}) for n in range(AT_ONCE)]
        answers = await asyncio.gather(*posts)
    assert [answer.status_code for answer in answers] == [303] * AT_ONCE
    stop = asyncio.Event()
    task = asyncio.create_task(worker.run(rt.settings, stop))

    async def ended() -> bool:
        query = select(func.count()).select_from(enrolments).where(enrolments.c.state == "ended")
        async with rt.db.engine.connect() as connection:
            return (await connection.execute(query)).scalar_one() == AT_ONCE

    try:
        for _ in range(4):
            try:
                await until(ended)
                break
            except TimeoutError:
                assert not task.done()
        assert await ended()
    finally:
        stop.set()
        await asyncio.wait_for(task, 60)
    async with rt.db.engine.connect() as connection:
        scores = (await connection.execute(select(leads.c.scores))).scalars().all()
    assert [sum(one.values()) for one in scores] == [10] * AT_ONCE


def test_migrating_twice_leaves_no_lock_behind(pooled_url: str) -> None:
    for _ in range(3):
        migrate(pooled_url)
    with psycopg.connect(pooled_url.replace("+psycopg", ""), prepare_threshold=None) as connection:
        query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
        assert connection.execute(query).fetchone() == (0,)


async def test_settings_and_limits_hold_in_each_transaction(pooled_url: str) -> None:
    db = Database(pooled_url, size=3, patience=Patience(connection=3, lock=0.3, statement=0.4))

    async def hot() -> None:
        async with db.hot() as hot:
            await hot.one("SELECT pg_sleep(%s)", [20])

    async def cold() -> None:
        async with db.engine.connect() as connection:
            await connection.execute(text("SELECT pg_sleep(20)"))

    for wait in (hot, cold) * 2:
        with pytest.raises(Exception, match="statement timeout"):
            await wait()
    async with db.hot() as one:
        assert (await one.one("SELECT current_setting('jit') AS jit", {})).jit == "off"
    await db.close()


async def test_both_kinds_of_statements_can_be_asked_for(new_database: Callable[[], str]) -> None:
    """Without a pooler statements are prepared, unless the setting forbids it."""
    url = new_database()
    for wanted, many in (("auto", 3), ("yes", 3), ("no", 0)):
        db = Database(url, size=1, prepared=wanted)  # type: ignore[arg-type]
        async with db.hot() as hot:
            row = await hot.one("SELECT 1 AS one", {})
            assert row.one == 1
            rows = await hot.all("SELECT name FROM pg_prepared_statements", {})
        assert len(rows) == many
        await db.close()

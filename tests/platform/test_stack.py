"""A stack starts its parts, starts again what ends, and stops all of it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from engine.cli.parts import Part
from engine.cli.stack import Stack
from engine.embedded import postgres, temporal
from engine.embedded.postgres import NOT_DURABLE
from engine.embedded.process import Child, EmbeddedError
from engine.platform.clock import VirtualClock, parse_clock
from engine.platform.settings import Settings, libpq_url


def servers_only(home: Path, **more: object) -> Stack:
    options: dict[str, object] = {"web": False, "workers": 0, "database_settings": NOT_DURABLE, **more}
    return Stack(Settings(home=home), **options)  # type: ignore[arg-type]


async def until(true: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.05)


async def test_both_servers_run_migrated_and_end_with_the_stack(home: Path) -> None:
    said: list[str] = []
    async with servers_only(home, say=said.append) as stack:
        with closing(psycopg.connect(libpq_url(stack.database_url))) as connection:
            assert connection.execute("SELECT count(*) FROM leads").fetchone() == (0,)
        assert temporal.answers(stack.temporal_address)
        pids = [stack.parts[name].child.pid for name in ("postgres", "temporal")]
    assert postgres.running(home) is None
    assert temporal.running(home) is None
    for pid in pids:
        assert pid is not None
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert "migrating the database" in said


async def test_a_server_that_is_killed_comes_back_at_the_same_address(home: Path) -> None:
    said: list[str] = []
    # What is killed is the server, not the machine: without fsync every commit still has to be there.
    async with servers_only(home, say=said.append, database_settings={"fsync": "off"}) as stack:
        before = {name: part.child.pid for name, part in stack.parts.items()}
        for pid in before.values():
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
        await until(lambda: sum(line.startswith("restarted ") for line in said) == 2)
        for part in stack.parts.values():
            await part.until_ready()
            assert part.child.pid != before[part.name]
        with closing(psycopg.connect(libpq_url(stack.database_url))) as connection:
            assert connection.execute("SELECT count(*) FROM leads").fetchone() == (0,)
        assert temporal.answers(stack.temporal_address)
    assert postgres.running(home) is None


async def test_a_part_can_be_taken_down_and_brought_back(home: Path) -> None:
    async with servers_only(home) as stack:
        await stack.end("temporal", by=signal.SIGKILL)
        assert not temporal.answers(stack.temporal_address)
        await stack.restart("temporal")
        assert temporal.answers(stack.temporal_address)


async def test_one_stack_per_home(home: Path) -> None:
    async with servers_only(home, temporal_server=False):
        with pytest.raises(EmbeddedError, match=r"already running in "):
            await servers_only(home, temporal_server=False).__aenter__()
        assert postgres.running(home) is not None


async def test_fresh_begins_with_nothing(home: Path) -> None:
    async with servers_only(home, temporal_server=False) as stack:
        with closing(psycopg.connect(libpq_url(stack.database_url), autocommit=True)) as connection:
            connection.execute("INSERT INTO links (id, url) VALUES ('a', 'https://acme.example')")
    async with servers_only(home, temporal_server=False) as stack:
        with closing(psycopg.connect(libpq_url(stack.database_url))) as connection:
            assert connection.execute("SELECT count(*) FROM links").fetchone() == (1,)
    async with servers_only(home, temporal_server=False, fresh=True) as stack:
        with closing(psycopg.connect(libpq_url(stack.database_url))) as connection:
            assert connection.execute("SELECT count(*) FROM links").fetchone() == (0,)


async def test_every_process_gets_the_same_world(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = VirtualClock(datetime(2026, 9, 1, 8, 55, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC), 1000)
    async with servers_only(home, clock=clock, environment={"COLDFRAME_MAILS_PER_SECOND": "500"}) as stack:
        for name, value in stack.environment().items():
            monkeypatch.setenv(name, value)
        joined = Settings()
    assert joined.database_url == stack.database_url
    assert joined.secret == stack.settings.secret
    assert joined.pepper == stack.settings.pepper
    assert joined.base_url == stack.base_url
    assert parse_clock(joined.clock) == clock
    assert joined.mails_per_second == 500
    assert os.environ["TEMPORAL_ADDRESS"] == stack.temporal_address


async def test_a_server_that_is_named_is_used_and_not_started(home: Path, fresh_database_url: str) -> None:
    settings = Settings(home=home, database_url=fresh_database_url, secret="s" * 32, pepper="p" * 32)
    async with Stack(settings, web=False, workers=0, temporal_server=False) as stack:
        assert stack.database_url == fresh_database_url
        assert stack.parts == {}
    assert not (home / "postgres").exists()


def toy(tmp_path: Path, program: str) -> Part:
    """A part that is ready once its program has written a file."""
    child = Child("toy", [sys.executable, "-c", program], tmp_path / "toy.log", cwd=tmp_path)
    return Part("toy", child, (tmp_path / "ready").exists)


async def test_a_part_that_ends_at_once_shows_the_end_of_its_log(tmp_path: Path) -> None:
    part = toy(tmp_path, "import sys; sys.exit('no port is left')")
    part.start()
    with pytest.raises(EmbeddedError, match=r"toy exited immediately \(exit code 1\)[^$]*no port is left"):
        await part.until_ready()


def test_a_part_that_keeps_ending_is_started_at_growing_intervals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [1000.0]
    monkeypatch.setattr("engine.cli.parts.time.monotonic", lambda: seconds[0])
    part = toy(tmp_path, "pass")
    pauses = []
    for _ in range(9):
        part.start()
        assert part.child.process is not None
        part.child.process.wait()
        (line,) = part.look_after()
        assert "toy exited (exit code 0)" in line
        assert part.again_at is not None
        pauses.append(part.again_at - seconds[0])
        assert list(part.look_after()) == []
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    seconds[0] += 31
    assert list(part.look_after()) == ["restarted toy"]
    part.child.stop()


def test_a_part_that_runs_steadily_is_forgiven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = [1000.0]
    monkeypatch.setattr("engine.cli.parts.time.monotonic", lambda: seconds[0])
    part = toy(tmp_path, "import time; time.sleep(60)")
    part.failures = 5
    part.start()
    seconds[0] += 61
    assert list(part.look_after()) == []
    assert part.failures == 0
    part.child.stop()


def test_a_held_part_stays_down(tmp_path: Path) -> None:
    part = toy(tmp_path, "pass")
    part.start()
    assert part.child.process is not None
    part.child.process.wait()
    part.held = True
    assert list(part.look_after()) == []
    assert part.again_at is None

"""The embedded PostgreSQL starts from nothing, survives kills and stale pid files, and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from engine.embedded import account, postgres
from engine.embedded.postgres import NOT_DURABLE, PostgresServer
from engine.embedded.process import Child, EmbeddedError
from engine.platform.settings import libpq_url
from tests.conftest import OWN_INSTALLATION


@pytest.fixture(autouse=True)
def nothing_left_running(home: Path) -> Iterator[None]:
    yield
    server = postgres.running(home)
    if server is not None:
        os.kill(server.pid, signal.SIGQUIT)
    _until(lambda: postgres.running(home) is None)


def _until(true: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def _write(server: PostgresServer) -> None:
    with psycopg.connect(libpq_url(server.url())) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
        connection.execute("INSERT INTO kept VALUES (1)")


def _count(server: PostgresServer) -> int:
    with psycopg.connect(libpq_url(server.url())) as connection:
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
    assert row is not None
    return int(row[0])


def test_data_stays_through_a_stop_and_a_kill(home: Path) -> None:
    server = postgres.ensure_running(home)
    _write(server)
    server.stop()
    assert postgres.running(home) is None
    server = postgres.ensure_running(home)
    _write(server)
    os.kill(server.pid, signal.SIGKILL)
    assert server.child is not None
    server.child.wait_or_kill(seconds=10)
    assert (home / "postgres" / "postmaster.pid").exists()
    assert postgres.running(home) is None
    server = postgres.ensure_running(home)
    assert _count(server) == 2
    server.stop()


def test_settings_are_durable_and_off_the_network(home: Path) -> None:
    with postgres.embedded_postgres(home) as server, psycopg.connect(libpq_url(server.url())) as connection:
        shown = {
            name: connection.execute(f"SHOW {name}").fetchone()
            for name in ("fsync", "synchronous_commit", "listen_addresses", "TimeZone", "server_encoding")
        }
    assert shown == {
        "fsync": ("on",),
        "synchronous_commit": ("on",),
        "listen_addresses": ("",),
        "TimeZone": ("UTC",),
        "server_encoding": ("UTF8",),
    }


def test_a_second_caller_shares_the_server_and_does_not_stop_it(home: Path) -> None:
    with postgres.embedded_postgres(home, settings=NOT_DURABLE) as first:
        with postgres.embedded_postgres(home) as second:
            assert second.child is None
            assert second.pid == first.pid
        assert first.accepts()


def test_folders_are_for_the_account_alone_and_others_keep_their_modes(home: Path) -> None:
    before = stat.S_IMODE(home.stat().st_mode)
    with postgres.embedded_postgres(home, settings=NOT_DURABLE) as server:
        for folder in (server.data, server.socket):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        owner = Path(f"/proc/{server.pid}").stat().st_uid if sys.platform == "linux" else server.data.stat().st_uid
        assert owner != 0
    assert stat.S_IMODE(home.stat().st_mode) == before


def test_a_pid_file_that_names_another_program_does_not_keep_it_from_starting(home: Path) -> None:
    postgres.ensure_running(home, settings=NOT_DURABLE).stop()
    pid_file = home / "postgres" / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{home / 'postgres'}\n1\n5432\n{home / 'socket'}\n\n\nready\n")
    assert postgres.running(home) is None
    with postgres.embedded_postgres(home, settings=NOT_DURABLE) as server:
        assert server.pid != os.getpid()


def test_a_start_that_was_killed_midway_begins_again(home: Path) -> None:
    (home / "postgres.new").mkdir()
    (home / "postgres.new" / "PG_VERSION").write_text("18\n")
    with postgres.embedded_postgres(home, settings=NOT_DURABLE) as server:
        assert server.accepts()
    assert not (home / "postgres.new").exists()


def test_a_path_too_long_for_a_socket_is_no_obstacle(home: Path) -> None:
    deep = home / ("a" * 60) / ("b" * 60)
    deep.mkdir(parents=True)
    with postgres.embedded_postgres(deep, settings=NOT_DURABLE) as server:
        assert server.accepts()
        assert len(str(server.socket)) < 90
        assert stat.S_IMODE(server.socket.stat().st_mode) == 0o700
        assert postgres.running(deep) is not None
    assert not server.socket.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the server to another account")
def test_a_home_that_only_root_can_enter_keeps_its_mode(home: Path) -> None:
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    with postgres.embedded_postgres(closed / "in", settings=NOT_DURABLE) as server:
        assert server.accepts()
        assert not server.data.is_relative_to(home)
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    with postgres.embedded_postgres(closed / "in", settings=NOT_DURABLE) as again:
        assert again.data == server.data
    postgres.erase(closed / "in")
    assert not server.data.parent.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the server to another account")
def test_programs_that_the_account_cannot_reach_are_copied(home: Path) -> None:
    closed = home / "closed"
    installation, libraries = closed / "package" / "pginstall", closed / "package.libs"
    (installation / "bin").mkdir(parents=True)
    (installation / "bin" / "postgres").write_text("program")
    libraries.mkdir()
    (libraries / "libpq.so").write_text("library")
    uid = account.service_uid(home / "postgres")
    assert account.reachable_copy(uid, installation, libraries) == installation
    closed.chmod(0o700)
    copy = account.reachable_copy(uid, installation, libraries)
    try:
        assert copy != installation
        assert account.reaches(uid, copy / "bin")
        assert (copy / "bin" / "postgres").read_text() == "program"
        assert (copy.parent.with_name("package.libs") / "libpq.so").read_text() == "library"
        assert account.reachable_copy(uid, installation, libraries) == copy
    finally:
        shutil.rmtree(copy.parent.parent)


def test_data_is_erased_only_when_the_server_is_down(home: Path) -> None:
    with postgres.embedded_postgres(home, settings=NOT_DURABLE) as server:
        _write(server)
        with pytest.raises(EmbeddedError, match="stop it"):
            postgres.erase(home)
    postgres.erase(home)
    assert not (home / "postgres").exists()


def test_a_failure_shows_the_end_of_the_log(home: Path) -> None:
    with pytest.raises(EmbeddedError) as caught:
        postgres.ensure_running(home, settings={"shared_buffers": "nonsense"})
    assert "PostgreSQL exited immediately" in str(caught.value)
    assert 'invalid value for parameter "shared_buffers"' in str(caught.value)


def test_a_missing_wheel_is_explained(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_installation", OWN_INSTALLATION)
    monkeypatch.setattr("engine.embedded.postgres.importlib.util.find_spec", lambda _: None)
    with pytest.raises(EmbeddedError, match=r"pip install 'coldframe\[embedded\]'"):
        postgres.ensure_running(home)


def test_no_statement_or_value_reaches_the_log(home: Path) -> None:
    with (
        postgres.embedded_postgres(home, settings=NOT_DURABLE) as server,
        psycopg.connect(libpq_url(server.url()), autocommit=True) as connection,
    ):
        connection.execute("CREATE TABLE people (email text PRIMARY KEY)")
        connection.execute("INSERT INTO people VALUES ('anna@acme.example')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO people VALUES ('anna@acme.example')")
    log = (home / "logs" / "postgres.log").read_text()
    assert "duplicate key" in log
    assert "anna" not in log


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_the_server_does_not_outlive_the_process_that_started_it(home: Path) -> None:
    program = textwrap.dedent(
        """
        import sys, time
        from pathlib import Path
        from engine.embedded import postgres
        print(postgres.ensure_running(Path(sys.argv[1])).pid, flush=True)
        time.sleep(60)
        """
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(home)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert postgres.running(home) is not None
    parent.kill()
    parent.wait()
    parent.stdout.close()
    _until(lambda: not Path(f"/proc/{pid}").exists())
    assert postgres.running(home) is None


def test_a_child_that_does_not_end_is_killed(tmp_path: Path) -> None:
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    )
    child = Child("Stubborn", [sys.executable, "-c", stubborn], tmp_path / "log")
    child.start()
    _until(lambda: "up" in (tmp_path / "log").read_text())
    child.stop(seconds=0.2)
    assert child.exit_code() == -signal.SIGKILL

"""Shared fixtures: an embedded PostgreSQL and a Temporal dev server for the session, and a fresh database on demand.

Both servers start when the first test asks for them, live in temporary folders and are stopped by their process id.
The schema is migrated once for the session; each test or module that asks gets a database to itself, which is emptied
for the next one when it is done with.
Nothing in the caller's environment reaches a test.
"""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.embedded import account
from engine.embedded import postgres as embedded_postgres
from engine.embedded import temporal as embedded_temporal
from engine.embedded.postgres import NOT_DURABLE, PostgresServer
from engine.embedded.temporal import TemporalServer
from tests.support.databases import Databases
from tests.support.examples import register

POSTGRES = os.environ.get("COLDFRAME_TEST_POSTGRES")
"""A folder with the programs of another PostgreSQL, to run the tests on: `/usr/lib/postgresql/15/bin`."""
OWN_INSTALLATION = embedded_postgres._installation
MEMORY = Path("/dev/shm")
ROOM = 4 * 2**30
"""Bytes that have to be free in memory for the servers' files to lie there; on a disk, most of the time goes to it."""
register()
_home: Path | None = None


def pytest_configure() -> None:
    """Forget what the caller has configured, and keep generated secrets out of the checkout."""
    global _home
    for name in list(os.environ):
        if name.startswith(("COLDFRAME_", "TEMPORAL_", "SENDGRID_", "PG")) or name == "DATABASE_URL":
            del os.environ[name]
    _home = Path(tempfile.mkdtemp(prefix="cf-"))
    os.environ["COLDFRAME_HOME"] = str(_home)
    os.environ["TEMPORAL_CONFIG_FILE"] = str(_home / "temporal.toml")


def pytest_unconfigure() -> None:
    if _home is not None:
        shutil.rmtree(_home, ignore_errors=True)


def pytest_collection_finish() -> None:
    """What was collected stays to the end: the garbage collector need not look through it again and again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `--dist loadfile`: whole files, to each worker in the order that suits it."""
    from tests.support.lanes import Lanes

    return Lanes(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """A folder for the session's servers."""
    yield from home_folder()


@pytest.fixture
def home() -> Iterator[Path]:
    """A home folder for embedded servers of the test's own; all they stored goes with it."""
    yield from home_folder()


def home_folder() -> Iterator[Path]:
    """The same for fixtures of another scope. A short path that every account can pass through: sockets have a limit of
    length, and root starts as `nobody`."""
    roomy = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM
    folder = Path(tempfile.mkdtemp(prefix="cf-", dir=MEMORY if roomy else None))
    folder.chmod(0o711)
    yield folder
    account.erase(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(server_folder: Path) -> Iterator[PostgresServer]:
    """The session's PostgreSQL server, without durability, which tests do not need."""
    if POSTGRES:
        other = Path(POSTGRES).resolve().parent
        embedded_postgres._installation = lambda data: (other, other / "no-libraries")
    # A vacuum at a moment of its own would change the order in which rows are found.
    settings = {**NOT_DURABLE, "autovacuum": "off"}
    with embedded_postgres.embedded_postgres(server_folder, settings=settings) as server:
        yield server


@pytest.fixture(scope="session")
def databases(postgres: PostgresServer) -> Databases:
    """Migrates the template once."""
    found = Databases(postgres)
    found.prepare()
    return found


@pytest.fixture
def new_database(databases: Databases) -> Iterator[Callable[[], str]]:
    """A function that makes a fresh, migrated database for this test and gives its address."""
    made: list[str] = []

    def make() -> str:
        made.append(databases.make())
        return made[-1]

    yield make
    for url in made:
        databases.give_back(url)


@pytest.fixture(scope="module")
def database_url(databases: Databases) -> Iterator[str]:
    """A migrated database for this test module alone, as an address for SQLAlchemy."""
    url = databases.make()
    yield url
    databases.give_back(url)


@pytest.fixture
def fresh_database_url(new_database: Callable[[], str]) -> str:
    """A migrated database for this one test."""
    return new_database()


@pytest.fixture(scope="session")
def temporal_server(server_folder: Path) -> Iterator[TemporalServer]:
    """The session's Temporal dev server on a free port, in memory; `.address` is what a client connects to."""
    server = embedded_temporal.start(server_folder, in_memory=True)
    yield server
    server.stop()

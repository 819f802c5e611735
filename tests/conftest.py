"""Shared fixtures: an embedded PostgreSQL and a Temporal dev server for the session, and a fresh database on demand.

Both servers start when the first test asks for them, live in temporary folders and are stopped by their process id.
Nothing in the caller's environment reaches a test.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from psycopg import sql

from engine.embedded import account
from engine.embedded import postgres as embedded_postgres
from engine.embedded import temporal as embedded_temporal
from engine.embedded.postgres import NOT_DURABLE, PostgresServer
from engine.embedded.temporal import TemporalServer

POSTGRES = os.environ.get("COLDFRAME_TEST_POSTGRES")
"""A folder with the programs of another PostgreSQL, to run the tests on: `/usr/lib/postgresql/15/bin`."""
TEMPLATE = "coldframe_template"
WAITING = ("faults", "platform", "workflows")
_numbers = itertools.count(1)
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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What works with real processes waits a lot, so it begins first and the rest is done beside it."""
    items.sort(key=lambda item: item.path.relative_to(Path(__file__).parent).parts[0] not in WAITING)


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """A short path that every account can pass through: sockets have a limit of length, and root starts as `nobody`."""
    folder = Path(tempfile.mkdtemp(prefix="cf-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def home() -> Iterator[Path]:
    """A home folder for embedded servers of the test's own; all they stored goes with it."""
    yield from home_folder()


def home_folder() -> Iterator[Path]:
    """The same for fixtures of another scope."""
    folder = Path(tempfile.mkdtemp(prefix="cf-"))
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
    with embedded_postgres.embedded_postgres(server_folder, settings=NOT_DURABLE) as server:
        yield server


@pytest.fixture(scope="session")
def new_database(postgres: PostgresServer) -> Callable[[], str]:
    """A function that makes a fresh, migrated database and gives its address."""
    from engine.store.migrate import migrate

    _execute(postgres, "CREATE DATABASE {}", TEMPLATE)
    migrate(postgres.url(TEMPLATE))

    def make() -> str:
        name = f"test_{next(_numbers)}"
        _execute(postgres, "CREATE DATABASE {} TEMPLATE {}", name, TEMPLATE)
        return postgres.url(name)

    return make


@pytest.fixture(scope="module")
def database_url(new_database: Callable[[], str]) -> str:
    """A migrated database for this test module alone, as an address for SQLAlchemy."""
    return new_database()


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


def _execute(server: PostgresServer, statement: str, *names: str) -> None:
    with embedded_postgres.connect(server.socket, "postgres") as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

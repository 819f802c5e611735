"""Brings a database to the schema of this version, whoever else tries at the same moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.pool import NullPool

from engine.platform.settings import sqlalchemy_url

_LOCK = 0x636F6C64
"""Key of the advisory lock that lets one process migrate at a time."""


def migrate(database_url: str, revision: str = "head") -> str:
    """Run every missing revision, each process in turn; gives the revision the database is at afterwards.

    Raises sqlalchemy.exc.OperationalError when the database cannot be reached.
    """
    with _locked(database_url) as connection:
        command.upgrade(_config(connection), revision)
        return _current(connection) or ""


def downgrade(database_url: str, revision: str = "base") -> None:
    """Undo revisions down to the given one. `base` removes every table and everything in them."""
    with _locked(database_url) as connection:
        command.downgrade(_config(connection), revision)


def current_revision(database_url: str) -> str | None:
    """The revision the database is at; None when it has never been migrated."""
    engine = _engine(database_url)
    with engine.connect() as connection:
        return _current(connection)


def newest_revision() -> str:
    """The revision this version of the code needs."""
    head = ScriptDirectory.from_config(_config(None)).get_current_head()
    assert head is not None, "the package holds its migrations"
    return head


@contextmanager
def _locked(database_url: str) -> Iterator[Connection]:
    """One transaction under the lock, committed at the end. The lock goes with the transaction, so that nothing is left
    behind on a connection that a pooler hands to somebody else."""
    engine = _engine(database_url)
    with engine.connect() as connection, connection.begin():
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        yield connection


def _engine(database_url: str) -> Engine:
    url = sqlalchemy_url(database_url)
    return create_engine(url, poolclass=NullPool, connect_args={"prepare_threshold": None})


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()

"""Brings a database to the schema of this version, whoever else tries at the same moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.pool import NullPool

from engine.platform.settings import sqlalchemy_url

OLDEST = 15
"""The oldest version of PostgreSQL that all tests pass on."""
_LOCK = 0x636F6C64
"""Key of the advisory lock that lets one process migrate at a time."""


class TooOld(Exception):
    """The server is older than OLDEST. The text says what it is and what is needed."""


def migrate(database_url: str, revision: str = "head") -> str:
    """Run every missing revision, each process in turn; gives the revision the database is at afterwards.

    Raises sqlalchemy.exc.OperationalError when the database cannot be reached, and TooOld.
    """
    with _locked(database_url) as connection:
        refuse_too_old(connection.execute(text("SHOW server_version_num")).scalar_one())
        command.upgrade(_config(connection), revision)
        return _current(connection) or ""


def refuse_too_old(version: str) -> None:
    """Raises TooOld. `version` is the server's `server_version_num`, such as 150017."""
    major = int(version) // 10_000
    if major < OLDEST:
        raise TooOld(f"the server is PostgreSQL {major}, and Coldframe needs PostgreSQL {OLDEST} or newer")


def downgrade(database_url: str, revision: str = "base") -> None:
    """Undo revisions down to the given one. `base` removes every table and everything in them."""
    with _locked(database_url) as connection:
        command.downgrade(_config(connection), revision)


def current_revision(database_url: str) -> str | None:
    """The revision the database is at; None when it has never been migrated."""
    engine = _engine(database_url)
    with engine.connect() as connection:
        return _current(connection)


@cache
def newest_revision() -> str:
    """The revision this version of the code needs."""
    head = ScriptDirectory.from_config(_config(None)).get_current_head()
    assert head is not None, "the package holds its migrations"
    return head


def revisions() -> list[str]:
    """All revisions, the first one first."""
    known = ScriptDirectory.from_config(_config(None)).walk_revisions()
    return [one.revision for one in known][::-1]


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

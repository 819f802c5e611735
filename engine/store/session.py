"""What a connection is told before it is used, and what it can keep: time limits, plans, statements.

A connection of one's own keeps what it was told. Behind a pooler such as PgBouncer the next transaction may run on
another server connection, which knows neither settings nor statements of the last one, and a startup parameter
`options` is refused. So a pooler is noticed when a connection opens, and each transaction then brings its own settings
and unnamed statements.
"""

from __future__ import annotations

import select
from dataclasses import dataclass
from typing import Any, Literal
from weakref import WeakKeyDictionary, WeakSet

import psycopg
from psycopg.pq import ConnStatus
from sqlalchemy import Connection as AlchemyConnection
from sqlalchemy import Engine, event
from sqlalchemy.exc import InvalidatePoolError

Statements = Literal["auto", "yes", "no"]
"""Whether statements are prepared by name: `auto` does so where no pooler stands in between."""

_PLANNED_ONCE = {"plan_cache_mode": "force_generic_plan"}
"""There are few statements, and planning one costs more than running it. Without names nothing is planned ahead."""
_MARK, _FRESH = "coldframe.pooled", "coldframe.fresh"


@dataclass(frozen=True)
class Patience:
    """Seconds that a process waits: for a connection, for a lock, for one statement; and how long the server lets a
    transaction stand idle, so that a process that froze holds nobody up."""

    connection: float
    lock: float
    statement: float
    idle: float = 60.0

    @property
    def settings(self) -> dict[str, str]:
        return {
            "lock_timeout": f"{self.lock * 1000:.0f}",
            "statement_timeout": f"{self.statement * 1000:.0f}",
            "idle_in_transaction_session_timeout": f"{self.idle * 1000:.0f}",
        }


PATIENT = Patience(connection=30, lock=20, statement=120)
"""Of workers and commands, which repeat what failed or tell their caller."""
PROMPT = Patience(connection=3, lock=2.5, statement=4)
"""Of the web process, behind which somebody waits: it answers within five seconds whatever the database does."""


class Sessions:
    """Prepares the connections of one process."""

    def __init__(self, patience: Patience, prepared: Statements) -> None:
        self._settings = {"jit": "off", **patience.settings}
        self._prepared = prepared
        self._opening: WeakKeyDictionary[psycopg.AsyncConnection[Any], bytes] = WeakKeyDictionary()
        """What each transaction begins with, for connections behind a pooler."""
        self._fresh: WeakSet[psycopg.AsyncConnection[Any]] = WeakSet()

    def opening(self, driver: psycopg.AsyncConnection[Any]) -> bytes | None:
        """The statement every transaction has to begin with; None: this connection keeps settings and statements."""
        return self._opening.get(driver)

    def usable(self, driver: psycopg.AsyncConnection[Any]) -> bool:
        """Whether a connection from the hot pool can be used. One just opened can, so that looking never goes on."""
        if driver in self._fresh:
            self._fresh.discard(driver)
            return True
        return alive(driver.pgconn)

    async def configure(self, driver: psycopg.AsyncConnection[Any]) -> None:
        """Called by the hot pool with each new connection."""
        self._fresh.add(driver)
        answer = await (await driver.execute("SELECT pg_backend_pid()")).fetchone()
        if self._shared(driver.info.backend_pid, answer):
            self._opening[driver] = _assignment(self._settings, local=True).encode()
        else:
            await driver.execute(_assignment({**self._settings, **_PLANNED_ONCE}, local=False))

    def attach(self, engine: Engine) -> None:
        """The same for SQLAlchemy's pool, and a look at each connection before it is lent."""

        @event.listens_for(engine, "connect")
        def connected(connection: Any, record: Any) -> None:
            cursor = connection.cursor()
            cursor.execute("SELECT pg_backend_pid()")
            shared = self._shared(connection.driver_connection.info.backend_pid, cursor.fetchone())
            record.info.update({_MARK: shared, _FRESH: True})
            if not shared:
                cursor.execute(_assignment(self._settings, local=False))
            cursor.close()
            connection.commit()

        @event.listens_for(engine, "checkout")
        def lent(connection: Any, record: Any, proxy: Any) -> None:
            if not record.info.pop(_FRESH, False) and not alive(connection.driver_connection.pgconn):
                raise InvalidatePoolError

        @event.listens_for(engine, "begin")
        def begun(connection: AlchemyConnection) -> None:
            if connection.info.get(_MARK):
                connection.exec_driver_sql(_assignment(self._settings, local=True))

    def _shared(self, announced: int, answer: Any) -> bool:
        """Whether a pooler stands in between: it invents the process id that the greeting announces."""
        if self._prepared != "auto":
            return self._prepared == "no"
        return answer is None or int(answer[0]) != announced


def alive(connection: Any) -> bool:
    """Whether the server has left an idle connection alone. Asks the socket, not the server, so it costs nothing.

    What a server says unasked is nearly always its farewell; one that only reports a changed setting is replaced too.
    """
    if connection.status != ConnStatus.OK:
        return False
    poll = select.poll()
    poll.register(connection.socket, select.POLLIN)
    return not poll.poll(0)


def _assignment(settings: dict[str, str], *, local: bool) -> str:
    """One statement that sets them all, for this transaction or for good. The values are our own numbers and words."""
    calls = [f"set_config('{name}', '{value}', {str(local).lower()})" for name, value in settings.items()]
    return f"SELECT {', '.join(calls)}"

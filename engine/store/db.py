"""PostgreSQL: through SQLAlchemy where clarity counts, through plain psycopg where every round trip does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from engine.store.session import PATIENT, Patience, Sessions, Statements
from engine.store.wire import Driver, Values, Wire

_CONNECT = {"connect_timeout": 10}
RECONNECT_SECONDS = 2.0
"""How long the pool itself tries again for a connection that failed; after that the next transaction tries at once."""


class Overtaken(Exception):
    """A guarded write found its row changed: somebody else did this work; nothing was committed."""


class Database:
    """`engine` for cold queries; `hot()` for the few statements of the hot path, on a pool of its own.

    `statements` and `commits` count what the hot path executed, so that a test can hold it to its budget. `patience`
    bounds every wait for the server, `prepared` says whether statements may be kept on a connection (see `session`).
    """

    def __init__(
        self, url: str, *, size: int = 10, patience: Patience = PATIENT, prepared: Statements = "auto"
    ) -> None:
        self._sessions = Sessions(patience, prepared)
        self.engine: AsyncEngine = create_async_engine(
            url, pool_size=max(2, size // 4), max_overflow=size, pool_timeout=patience.connection, hide_parameters=True,
            connect_args={**_CONNECT, "prepare_threshold": None},
        )  # fmt: skip
        self._sessions.attach(self.engine.sync_engine)
        self._pool: AsyncConnectionPool[Driver] = AsyncConnectionPool(
            "postgresql://" + url.partition("://")[2], open=False, min_size=1, max_size=size,
            timeout=patience.connection, reconnect_timeout=RECONNECT_SECONDS, configure=self._sessions.configure,
            kwargs={**_CONNECT, "autocommit": True, "prepare_threshold": None}, connection_class=Driver,
        )  # fmt: skip
        self._opened = False
        self.statements = 0
        self.commits = 0

    @asynccontextmanager
    async def hot(self) -> AsyncIterator[Hot]:
        """A transaction in pipeline mode; whatever `commit()` did not commit is rolled back."""
        driver = await self._borrowed()
        wire = Wire(driver, self._sessions.opening(driver))
        try:
            yield Hot(self, wire)
            await wire.end()
        except Exception:
            await wire.end()
            raise
        except BaseException:
            # Cancelled in the middle of a conversation: nobody knows what is still to come on this connection.
            await driver.close()
            raise
        finally:
            await self._pool.putconn(driver)

    async def answers(self) -> None:
        """Raise what a transaction would: a connection of the pool that transactions use, and an answer on it."""
        async with self.hot() as hot:
            await hot.last("SELECT 1 AS one", {})

    async def close(self) -> None:
        await self.engine.dispose()
        if self._opened:
            await self._pool.close()

    async def _borrowed(self) -> Driver:
        """A connection that the server has not closed meanwhile; those it has closed are thrown away at once."""
        if not self._opened:
            self._opened = True
            await self._pool.open()
        while True:
            driver = await self._pool.getconn()
            if self._sessions.usable(driver):
                return driver
            await driver.close()
            await self._pool.putconn(driver)


class Hot:
    """Statements of one transaction; rows come back as named tuples. A write is sent along with what follows it."""

    def __init__(self, db: Database, wire: Wire) -> None:
        self._db = db
        self._wire = wire

    async def one(self, sql: str, values: Values) -> Any:
        """The first row, or None."""
        rows = await self.all(sql, values)
        return rows[0] if rows else None

    async def last(self, sql: str, values: Values) -> Any:
        """The same, and the end of the transaction, in one round trip: for reading a single thing."""
        self._db.statements += 1
        self._wire.send(sql, values)
        rows = await self._wire.last_rows()
        return rows[0] if rows else None

    async def both(self, sql: str, values: Values, then: str, others: Values) -> tuple[Any, Any]:
        """The first rows of two statements sent together; the second sees what was committed before it began."""
        self._db.statements += 2
        self._wire.send(sql, values)
        self._wire.send(then, others)
        first, second = await self._wire.two_rows()
        return first[0] if first else None, second[0] if second else None

    async def all(self, sql: str, values: Values) -> list[Any]:
        self._db.statements += 1
        self._wire.send(sql, values)
        return await self._wire.rows()

    async def run(self, sql: str, values: Values) -> None:
        """Send without waiting: what is wrong with it is raised by whatever waits next, `commit` at the latest."""
        self._db.statements += 1
        self._wire.send(sql, values)

    async def commit(self) -> None:
        self._db.commits += 1
        try:
            await self._wire.commit()
        except psycopg.errors.DivisionByZero:
            raise Overtaken from None

"""PostgreSQL: through SQLAlchemy where clarity counts, through plain psycopg where every round trip does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row
from psycopg_pool import AsyncConnectionPool
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

_CONNECT = {"connect_timeout": 10}


class Overtaken(Exception):
    """A guarded write found its row changed: somebody else did this work; nothing was committed."""


class Database:
    """`engine` for cold queries; `hot()` for the few statements of the hot path, on a pool of its own.

    `statements` and `commits` count what the hot path executed, so that a test can hold it to its budget.
    """

    def __init__(self, url: str, *, size: int = 10) -> None:
        self.engine: AsyncEngine = create_async_engine(
            url, pool_size=max(2, size // 4), max_overflow=size, hide_parameters=True, connect_args=_CONNECT
        )
        # Prepared at once and planned once: there are few statements, and planning one costs more than running it.
        self._pool: AsyncConnectionPool[psycopg.AsyncConnection[Any]] = AsyncConnectionPool(
            "postgresql://" + url.partition("://")[2], open=False, min_size=1, max_size=size, timeout=30,
            kwargs={**_CONNECT, "prepare_threshold": 0, "options": "-c plan_cache_mode=force_generic_plan -c jit=off"},
        )  # fmt: skip
        self._opened = False
        self.statements = 0
        self.commits = 0

    @asynccontextmanager
    async def hot(self) -> AsyncIterator[Hot]:
        """A transaction in pipeline mode; whatever `commit()` did not commit is rolled back."""
        if not self._opened:
            self._opened = True
            await self._pool.open()
        driver = await self._pool.getconn()
        try:
            async with driver.pipeline():
                yield Hot(self, driver)
        except psycopg.errors.DivisionByZero:
            raise Overtaken from None
        finally:
            if driver.info.transaction_status != psycopg.pq.TransactionStatus.IDLE and not driver.closed:
                await driver.rollback()
            await self._pool.putconn(driver)

    async def close(self) -> None:
        await self.engine.dispose()
        if self._opened:
            await self._pool.close()


class Hot:
    """Statements on one connection; rows come back as named tuples. A write is sent along with what follows it."""

    def __init__(self, db: Database, driver: psycopg.AsyncConnection[Any]) -> None:
        self._db = db
        self._driver = driver
        self._cursor = driver.cursor(row_factory=namedtuple_row)

    async def one(self, sql: str, values: Mapping[str, Any]) -> Any:
        """The first row, or None."""
        await self.run(sql, values)
        return await self._cursor.fetchone()

    async def both(self, sql: str, values: Mapping[str, Any], then: str, others: Mapping[str, Any]) -> tuple[Any, Any]:
        """The first rows of two statements sent together; the second sees what was committed before it began."""
        second = self._driver.cursor(row_factory=namedtuple_row)
        self._db.statements += 2
        await self._cursor.execute(sql.encode(), values)
        await second.execute(then.encode(), others)
        return await self._cursor.fetchone(), await second.fetchone()

    async def all(self, sql: str, values: Mapping[str, Any]) -> list[Any]:
        await self.run(sql, values)
        return await self._cursor.fetchall()

    async def run(self, sql: str, values: Mapping[str, Any] | Sequence[Any]) -> None:
        """Send without waiting: what is wrong with it is raised by whatever waits next, `commit` at the latest."""
        self._db.statements += 1
        await self._cursor.execute(sql.encode(), values)

    async def commit(self) -> None:
        self._db.commits += 1
        try:
            await self._driver.commit()
        except psycopg.errors.DivisionByZero:
            raise Overtaken from None

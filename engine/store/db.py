"""PostgreSQL: one pool, used through SQLAlchemy where clarity counts and through psycopg where speed does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine


class Database:
    """`engine` for cold queries; `hot()` for the few statements of the hot path, on the same pool.

    `statements` counts what the hot path executed, so that a test can hold it to its budget.
    """

    def __init__(self, url: str, *, size: int = 10) -> None:
        # No reset on return: both ways of use end their own transactions, and a reset costs a switch of greenlets.
        # Prepared at once: there are few statements, and planning one costs more than running it.
        self.engine: AsyncEngine = create_async_engine(
            url,
            pool_size=size,
            max_overflow=size,
            pool_reset_on_return=None,
            hide_parameters=True,
            connect_args={"connect_timeout": 10, "prepare_threshold": 0},
        )
        self.statements = 0
        self.commits = 0

    @asynccontextmanager
    async def hot(self) -> AsyncIterator[Hot]:
        """A transaction on a psycopg connection; whatever `commit()` did not commit is rolled back."""
        async with self.engine.connect() as connection:
            raw = await connection.get_raw_connection()
            driver = raw.driver_connection
            assert isinstance(driver, psycopg.AsyncConnection)
            try:
                yield Hot(self, driver)
            finally:
                if driver.info.transaction_status != psycopg.pq.TransactionStatus.IDLE and not driver.closed:
                    await driver.rollback()

    async def close(self) -> None:
        await self.engine.dispose()


class Hot:
    """Statements on one connection; rows come back as named tuples."""

    def __init__(self, db: Database, driver: psycopg.AsyncConnection[Any]) -> None:
        self._db = db
        self._driver = driver
        self._cursor = driver.cursor(row_factory=namedtuple_row)

    async def one(self, sql: str, values: dict[str, Any]) -> Any:
        """The first row, or None."""
        self._db.statements += 1
        await self._cursor.execute(sql.encode(), values)
        return await self._cursor.fetchone()

    async def all(self, sql: str, values: dict[str, Any]) -> list[Any]:
        self._db.statements += 1
        await self._cursor.execute(sql.encode(), values)
        return await self._cursor.fetchall()

    async def run(self, sql: str, values: dict[str, Any]) -> int:
        """Execute; how many rows it touched."""
        self._db.statements += 1
        await self._cursor.execute(sql.encode(), values)
        return self._cursor.rowcount

    async def commit(self) -> None:
        self._db.commits += 1
        await self._driver.commit()

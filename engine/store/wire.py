"""One conversation with PostgreSQL in libpq's pipeline mode, through psycopg's own binding of libpq.

Statements are prepared once per connection and sent without waiting; only rows that are asked for cost a round trip.
Behind a pooler they stay unnamed, and each transaction begins with its settings (see engine.store.session).
psycopg's cursors can do the same, but with so much work per statement that they alone took a tenth of the throughput
(docs/decisions.md); everything else here uses them.
"""

from __future__ import annotations

import itertools
import re
from collections import namedtuple
from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
import psycopg
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.types.json import Jsonb, set_json_loads
from psycopg.waiting import Ready, Wait

Values = Mapping[str, Any] | Sequence[Any]

_rows: dict[tuple[bytes, int], Callable[[Sequence[Any]], Any]] = {}
"""By statement and number of columns, what makes a named tuple of a row."""
MOST_ROWS = 1000
_PLACE = re.compile(r"%\((\w+)\)s|%s|%%")
_STATEMENT, _SYNC = b"statement", b"sync"
_numbers = itertools.count()
_FAILED = (ExecStatus.FATAL_ERROR, ExecStatus.BAD_RESPONSE, ExecStatus.NONFATAL_ERROR)


class Driver(psycopg.AsyncConnection[Any]):
    """A connection that keeps what transactions on it have in common: the names of the statements that are prepared on
    it, and what reads its rows."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.prepared: dict[bytes, bytes] = {}
        self.reading: Any = None


class Wire:
    """A transaction. It begins with the first statement; `end` must be called whatever happens."""

    def __init__(self, driver: Driver, opening: bytes | None = None) -> None:
        """`opening`: what a transaction on a shared connection begins with; statements are then not prepared."""
        self._driver = driver
        self._pg = driver.pgconn
        if driver.reading is None:
            set_json_loads(orjson.loads, driver)
            driver.reading = Transformer(driver)
        self._known, self._transformer = driver.prepared, driver.reading
        self._opening = opening
        self._unread: list[bytes] = []
        """For each result still to come, in order: the query that is being prepared, or what kind it is."""
        self._sent: list[bytes] = []
        """The statements of this transaction, in order."""
        self._open = False

    def send(self, sql: str, values: Values) -> None:
        """Put a statement on its way; it is sent at the latest with the next `rows` or `commit`."""
        if not self._open:
            self._open = True
            self._pg.enter_pipeline_mode()
            self._query(b"BEGIN", [])
            if self._opening is not None:
                self._query(self._opening, [])
        query, names = _parsed(sql)
        given = [values[name] for name in names] if isinstance(values, Mapping) else values
        self._query(query, [_text(value) for value in given])
        self._sent.append(query)

    async def rows(self) -> list[Any]:
        """The rows of the last statement, as named tuples. Raises what went wrong with it or one before it."""
        self._pg.send_flush_request()
        result = (await self._read())[-1]
        return self._load(result, self._sent[-1])

    async def last_rows(self) -> list[Any]:
        """The rows of the last statement, with which the transaction ends."""
        self._query(b"COMMIT", [])
        result = (await self._sync())[-2]
        self._close()
        return self._load(result, self._sent[-1])

    async def two_rows(self) -> tuple[list[Any], list[Any]]:
        """The rows of the last two statements."""
        self._pg.send_flush_request()
        results = await self._read()
        return self._load(results[-2], self._sent[-2]), self._load(results[-1], self._sent[-1])

    async def commit(self) -> None:
        """End the transaction for good. Raises what went wrong with any statement since the last rows."""
        self._query(b"COMMIT", [])
        await self._sync()
        self._close()

    async def end(self) -> None:
        """Roll back what was not committed and leave the connection as it was."""
        if not self._open or self._pg.status == ConnStatus.BAD:
            return
        try:
            self._query(b"ROLLBACK", [])
            await self._sync()
        except psycopg.Error:
            if self._pg.transaction_status == TransactionStatus.UNKNOWN:
                raise
        if self._pg.transaction_status != TransactionStatus.IDLE:  # what follows an error is skipped, the end as well
            self._query(b"ROLLBACK", [])
            await self._sync()
        self._close()

    # ── libpq ────────────────────────────────────────────────────────────────────────────────────────────────────────
    def _query(self, query: bytes, values: list[bytes | None]) -> None:
        if self._opening is not None:
            self._pg.send_query_params(query, values)
            self._unread.append(_STATEMENT)
            return
        name = self._known.get(query)
        if name is None:
            name = self._known[query] = b"s%d" % next(_numbers)
            self._pg.send_prepare(name, query)
            self._unread.append(query)
        self._pg.send_query_prepared(name, values)
        self._unread.append(_STATEMENT)

    async def _sync(self) -> list[Any]:
        self._pg.pipeline_sync()
        self._unread.append(_SYNC)
        return await self._read()

    async def _read(self) -> list[Any]:
        """The results of the statements sent so far. Raises the first error, once all are read."""
        kinds, self._unread = self._unread, []
        results = await self._driver.wait(_collect(self._pg, len(kinds)))
        for result, kind in zip(results, kinds, strict=True):
            if kind not in (_STATEMENT, _SYNC) and result.status != ExecStatus.COMMAND_OK:
                self._known.pop(kind, None)  # not prepared: it, or something before it, went wrong
        for result in results:
            if result.status in _FAILED:
                raise error_from_result(result, encoding="utf-8")
        return [result for result, kind in zip(results, kinds, strict=True) if kind == _STATEMENT]

    def _load(self, result: Any, query: bytes) -> list[Any]:
        self._transformer.set_pgresult(result)
        row = _rows.get((query, result.nfields))
        if row is None:
            names = tuple(result.fname(column).decode() for column in range(result.nfields))
            if len(_rows) >= MOST_ROWS:
                _rows.clear()
            row = _rows[query, result.nfields] = _row(names)
        found: list[Any] = self._transformer.load_rows(0, result.ntuples, row)
        return found

    def _close(self) -> None:
        self._open = False
        self._pg.exit_pipeline_mode()


def _collect(pg: Any, many: int) -> Generator[Wait, Ready | int, list[Any]]:
    """Flush, then the last result of each of `many` commands."""
    while pg.flush():
        if (yield Wait.RW) & Ready.R:
            pg.consume_input()
    found: list[Any] = []
    current: Any = None
    while len(found) < many:
        while pg.is_busy():
            yield Wait.R
            pg.consume_input()
        result = pg.get_result()
        if result is not None and result.status != ExecStatus.PIPELINE_SYNC:
            current = result
        else:
            found.append(result or current)
            current = None
    return found


@lru_cache(maxsize=500)
def _row(names: tuple[str, ...]) -> Callable[[Sequence[Any]], Any]:
    kind: Any = namedtuple("Row", names, rename=True)  # type: ignore[misc]  # its names come from the statement
    make: Callable[[Sequence[Any]], Any] = kind._make
    return make


@lru_cache(maxsize=1000)
def _parsed(sql: str) -> tuple[bytes, tuple[str, ...]]:
    """The statement with `$1` in place of `%(name)s` or `%s`, and the names in their order."""
    names: list[str] = []
    unnamed = 0

    def place(match: re.Match[str]) -> str:
        nonlocal unnamed
        if match[0] == "%%":
            return "%"
        if match[1] is None:
            unnamed += 1
            return f"${unnamed}"
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    return _PLACE.sub(place, sql).encode(), tuple(names)


def _text(value: Any) -> bytes | None:
    """A value in PostgreSQL's text format; the server knows its type from where it stands."""
    match value:
        case None:
            return None
        case str():
            return value.encode()
        case bool():
            return b"t" if value else b"f"
        case datetime():
            return value.isoformat().encode()
        case Jsonb():
            return orjson.dumps(value.obj)
        case list() | tuple():
            return b"{" + b",".join(map(_element, value)) + b"}"
        case _:
            return str(value).encode()


def _element(value: Any) -> bytes:
    text = _text(value)
    if text is None:
        return b"NULL"
    return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'

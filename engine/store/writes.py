"""One statement that writes everything a transaction decided: rows are collected per table and go out as one CTE."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson
from psycopg.types.json import Jsonb

from engine.store.db import Hot
from engine.store.schema import metadata

_CONFLICTS = {
    "outbox": """ON CONFLICT (run_id) DO UPDATE SET seq = greatest(outbox.seq, excluded.seq),
        real_leased_until = excluded.real_leased_until""",
    "lead_clock": "ON CONFLICT (lead_id, what) DO UPDATE SET due_at = excluded.due_at "
    "WHERE excluded.due_at < lead_clock.due_at",
    "suppressions": """ON CONFLICT (address_hash) DO UPDATE SET reason = excluded.reason, at = excluded.at
        WHERE coalesce(array_position(ARRAY['unsubscribed', 'bounced', 'complained'], excluded.reason), 0)
            > coalesce(array_position(ARRAY['unsubscribed', 'bounced', 'complained'], suppressions.reason), 0)""",
    "set_aside": "ON CONFLICT (message_id, fate) DO NOTHING",
    "links": "ON CONFLICT (id) DO NOTHING",
    "crm_outbox": """ON CONFLICT (system, lead_id) DO UPDATE SET bump = crm_outbox.bump + 1, reason = NULL,
        real_next_at = CASE WHEN crm_outbox.reason IS NULL THEN crm_outbox.real_next_at
            ELSE excluded.real_next_at END""",
    "waits": """ON CONFLICT (enrolment_id, branch) DO UPDATE SET step = excluded.step, source = excluded.source,
        what = excluded.what, due_at = excluded.due_at, held = excluded.held""",
    "visitors": "ON CONFLICT (id) DO UPDATE SET last_at = excluded.last_at, "
    "lead_id = coalesce(visitors.lead_id, excluded.lead_id)",
    "sources": "ON CONFLICT (id) DO NOTHING",
    "touches": "ON CONFLICT (lead_id, key) DO NOTHING",
    "visit_days": """ON CONFLICT (day, source_id, landing) DO UPDATE SET visits = visit_days.visits + excluded.visits,
        visitors = visit_days.visitors + excluded.visitors, pages = visit_days.pages + excluded.pages""",
    "visitor_events": "ON CONFLICT (visitor_id, key) DO NOTHING",
}
_KEYS = {name: tuple(column.name for column in table.primary_key) for name, table in metadata.tables.items()}


Names = tuple[str, ...]
Tests = tuple[tuple[str, bool], ...]
Shape = tuple[str, str, Names, Tests]
"""One part of a statement: its kind, table, columns, and for a guard which columns are tested, and against NULL."""


class Writes:
    """Inserts and updates by primary key. Every row of a table must carry the same columns.

    Table and column names come from the code, values are bound. A statement sees what was committed before it began, so
    one `Writes` must not touch a row twice.
    """

    def __init__(self) -> None:
        self._inserts: dict[str, list[Mapping[str, Any]]] = {}
        self._updates: dict[tuple[str, tuple[str, ...]], list[Mapping[str, Any]]] = {}
        self._deletes: list[tuple[str, str, Any]] = []
        self._pruned: list[tuple[str, str, Any, str, list[str]]] = []
        self._guarded: tuple[str, Mapping[str, Any], Mapping[str, Any]] | None = None

    def insert(self, table: str, **row: Any) -> None:
        self._inserts.setdefault(table, []).append(row)

    def update(self, table: str, **row: Any) -> None:
        """Change the columns given; the primary key must be among them."""
        self._updates.setdefault((table, tuple(row)), []).append(row)

    def delete(self, table: str, column: str, value: Any) -> None:
        self._deletes.append((table, column, value))

    def keep_only(self, table: str, column: str, value: Any, name: str, kept: list[str]) -> None:
        """Delete the rows where `column` is `value`, except those whose `name` is among `kept`."""
        self._pruned.append((table, column, value, name, kept))

    def guarded(self, table: str, where: Mapping[str, Any], **row: Any) -> None:
        """Change the row that is as given in `where`; if there is none, the commit raises Overtaken."""
        self._guarded = (table, where, row)

    def __bool__(self) -> bool:
        return bool(self._inserts or self._updates or self._deletes or self._pruned or self._guarded)

    def statement(self) -> tuple[str, list[Any]]:
        """The SQL, which depends only on which tables and columns are touched, and the values in their order."""
        shape: list[Shape] = []
        values: list[Any] = []
        for table, column, value in self._deletes:
            shape.append(("delete", table, (column,), ()))
            values.append(value)
        for table, column, value, name, kept in self._pruned:
            shape.append(("prune", table, (column, name), ()))
            values += [value, kept]
        for table, rows in self._inserts.items():
            shape.append(("insert", table, tuple(rows[0]), ()))
            values.append(_json(rows))
        for (table, names), rows in self._updates.items():
            shape.append(("update", table, names, ()))
            values.append(_json(rows))
        if self._guarded is not None:
            table, guard, fields = self._guarded
            tests = tuple((name, value is None) for name, value in guard.items())
            shape.append(("guarded", table, tuple(fields), tests))
            values += [_bound(value) for value in fields.values()]
            values += [value for value in guard.values() if value is not None]
        return _sql(tuple(shape)), values

    async def flush(self, hot: Hot) -> None:
        """Write everything in one statement, which goes out together with the commit that must follow."""
        if self:
            sql, values = self.statement()
            await hot.run(sql, values)


@lru_cache(maxsize=500)
def _sql(shape: tuple[Shape, ...]) -> str:
    parts = [_PARTS[kind](table, columns, tests) for kind, table, columns, tests in shape]
    # A guard that hits no row divides by zero, which ends the transaction without another round trip.
    answer = f"1 / (SELECT count(*) FROM w{len(parts) - 1})" if shape[-1][0] == "guarded" else "1"
    ctes = ", ".join(f"w{number} AS ({part} RETURNING 1)" for number, part in enumerate(parts))
    return f"WITH {ctes} SELECT {answer}"


def _delete(table: str, columns: Names, _: Tests) -> str:
    return f'DELETE FROM {table} WHERE "{columns[0]}" = %s'


def _prune(table: str, columns: Names, _: Tests) -> str:
    return f'DELETE FROM {table} WHERE "{columns[0]}" = %s AND "{columns[1]}" <> ALL(%s)'


def _insert(table: str, columns: Names, _: Tests) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    source = f"jsonb_populate_recordset(NULL::{table}, %s::jsonb)"
    return f"INSERT INTO {table} ({names}) SELECT {names} FROM {source} {_CONFLICTS.get(table, '')}"


def _update(table: str, columns: Names, _: Tests) -> str:
    keys = _KEYS[table]
    changes = ", ".join(f'"{name}" = n."{name}"' for name in columns if name not in keys)
    where = " AND ".join(f't."{key}" = n."{key}"' for key in keys)
    source = f"jsonb_populate_recordset(NULL::{table}, %s::jsonb) AS n"
    return f"UPDATE {table} AS t SET {changes} FROM {source} WHERE {where}"


def _guarded(table: str, columns: Names, tests: Tests) -> str:
    changes = ", ".join(f'"{name}" = %s' for name in columns)
    # No IS NOT DISTINCT FROM: it cannot use an index.
    where = " AND ".join(f'"{name}" IS NULL' if null else f'"{name}" = %s' for name, null in tests)
    return f"UPDATE {table} SET {changes} WHERE {where}"


_PARTS = {"delete": _delete, "prune": _prune, "insert": _insert, "update": _update, "guarded": _guarded}


def _bound(value: Any) -> Any:
    return Jsonb(value) if isinstance(value, dict) else value


def _json(rows: Any) -> str:
    """Instants as RFC 3339, ids as text. Raises TypeError for what JSON cannot hold."""
    return orjson.dumps(rows, default=_plain).decode()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"cannot write a {type(value).__name__}")

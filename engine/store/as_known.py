"""The database as it was known at an instant: temporary views and tables that stand before the real ones.

Whatever a transaction reads by its usual name is then what had been taken in by that instant. Names that reports read
are looked up among temporary ones first, and all of them go with the transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg.rows import namedtuple_row
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.store.report_rows import OF_DEAL, OF_LEAD
from engine.store.schema import metadata

_CUT: Mapping[str, str] = {
    "events": "t.at < {until}", "stages": "t.at < {until}", "points": "t.booked_at < {until}",
    "messages": "t.at < {until}", "mail_hits": "t.at < {until}", "sessions": "t.begun < {until}",
    "deal_events": "t.at < {until}", "enrolments": "t.started_at < {until}", "handoffs": "t.opened_at < {until}",
    "leads": "t.created_at < {until}", "visit_days": "t.day <= {last}", "form_days": "t.day <= {last}",
    "touches": """t.at < {until} AND NOT EXISTS (SELECT FROM public.events e
        WHERE e.lead_id = t.lead_id AND e.seq = t.seq AND e.at >= {until})""",
    "deals": "EXISTS (SELECT FROM public.deal_events e WHERE e.deal_id = t.id AND e.at < {until})",
}  # fmt: skip
"""By table, which of its rows were there."""
_THEN: Mapping[str, Mapping[str, str]] = {
    "leads": {
        "stage": """coalesce((SELECT s.stage FROM public.stages s WHERE s.lead_id = t.id AND s.at < {until}
            ORDER BY s.seq DESC LIMIT 1),
            (SELECT s.before FROM public.stages s WHERE s.lead_id = t.id ORDER BY s.seq LIMIT 1), t.stage)""",
    },
    "enrolments": {
        "goal_at": "CASE WHEN t.goal_at < {until} THEN t.goal_at END",
        "state": "CASE WHEN t.ended_at >= {until} THEN 'live' ELSE t.state END",
    },
    "handoffs": {
        **{f"{name}_at": f"CASE WHEN t.{name}_at < {{until}} THEN t.{name}_at END"
           for name in ("acknowledged", "contacted", "closed")},
        **{name: f"CASE WHEN t.closed_at < {{until}} THEN t.{name} END" for name in ("outcome", "reason")},
    },
    "deals": {
        "status": "(SELECT s.status FROM deal_states s WHERE s.deal_id = t.id ORDER BY s.number DESC LIMIT 1)",
    },
}  # fmt: skip
"""By table, columns that were different then."""
_REPLACED = """
CREATE TEMPORARY VIEW {table} AS SELECT * FROM public.{table} WHERE at < {until}
UNION ALL SELECT (jsonb_populate_record(NULL::public.{table}, old)).* FROM (
    SELECT DISTINCT ON (day, thing) old FROM public.money_log
    WHERE what = '{what}' AND at >= {until} AND (old->>'at')::timestamptz < {until}
    ORDER BY day, thing, at, id) replaced"""
_LEADS = """
CREATE TEMPORARY TABLE changed_leads ON COMMIT DROP AS
SELECT lead_id AS id FROM public.events WHERE at >= {until} UNION SELECT lead_id FROM public.stages WHERE at >= {until}
UNION SELECT id FROM public.leads WHERE created_at >= {until}"""
_DEALS = """
CREATE TEMPORARY TABLE changed_deals ON COMMIT DROP AS
SELECT d.id FROM public.deals d WHERE EXISTS (
    SELECT FROM public.deal_events e WHERE e.deal_id = d.id AND e.at >= {until})
    OR EXISTS (SELECT FROM changed_leads c WHERE c.id = ANY(d.leads))
    OR EXISTS (SELECT FROM public.deal_events e JOIN public.rates r ON r.currency = e.currency
        WHERE e.deal_id = d.id AND r.at >= {until})"""
_KEPT = """
CREATE TEMPORARY TABLE {table} ON COMMIT DROP AS SELECT t.* FROM public.{table} t
WHERE NOT EXISTS (SELECT FROM {changed} c WHERE c.id = t.{key})"""
_TODO = {
    "lead": text("SELECT c.id FROM changed_leads c JOIN leads l ON l.id = c.id ORDER BY c.id"),
    "deal": text("SELECT c.id FROM changed_deals c ORDER BY c.id"),
}
_FACTS = """SELECT number, key, digest, type, logged, stage, pipeline, amount, currency, closes_on::text AS closes_on,
    owner, leads, whole, dated, happened_at FROM deal_events WHERE deal_id = %(id)s ORDER BY number"""


class Reading:
    """The statements of a transaction on the hot path, on a connection that reports read by."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver

    async def all(self, sql: str, values: Mapping[str, Any]) -> list[Any]:
        async with self._driver.cursor(row_factory=namedtuple_row) as cursor:
            await cursor.execute(sql, values)
            return list(await cursor.fetchall())

    async def one(self, sql: str, values: Mapping[str, Any]) -> Any:
        rows = await self.all(sql, values)
        return rows[0] if rows else None


async def go_back(connection: AsyncConnection, until: datetime, zone: str) -> Reading:
    """Let this transaction see what had been taken in before `until`; the rows of the read tables that have changed
    since are not there yet. `zone`: the workspace's."""
    at = f"'{until.isoformat()}'::timestamptz"
    last = f"(({at} - interval '1 microsecond') AT TIME ZONE '{zone}')::date"
    for statement in (_LEADS, _DEALS):
        await connection.execute(text(statement.format(until=at)))
    for tables, changed, key in ((OF_LEAD, "changed_leads", "lead_id"), (OF_DEAL, "changed_deals", "deal_id")):
        for table in tables:
            await connection.execute(text(_KEPT.format(table=table, changed=changed, key=key)))
    for table, where in _CUT.items():
        then = _THEN.get(table, {})
        columns = ", ".join(f'{then[one.name]} AS "{one.name}"' if one.name in then else f't."{one.name}"'
                            for one in metadata.tables[table].columns)  # fmt: skip
        sql = f"CREATE TEMPORARY VIEW {table} AS SELECT {columns} FROM public.{table} t WHERE {where}"
        await connection.exec_driver_sql(sql.format(until=at, last=last).replace("%", "%%"))
    for table, what in (("spend", "spend"), ("rates", "rate")):
        await connection.execute(text(_REPLACED.format(table=table, what=what, until=at)))
    raw = await connection.get_raw_connection()
    return Reading(raw.driver_connection)


async def changed(connection: AsyncConnection, what: str) -> list[Any]:
    """The leads or deals whose rows are not there yet."""
    return list((await connection.execute(_TODO[what])).scalars())


async def facts(reading: Reading, deal: str) -> list[Any]:
    """What had been said of a deal."""
    return await reading.all(_FACTS, {"id": deal})


async def put(connection: AsyncConnection, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add computed rows to a read table as it was."""
    if rows:
        names = list(rows[0])
        columns, values = (", ".join(f"{sign}{name}" for name in names) for sign in ("", ":"))
        quoted = ", ".join(f'"{name}"' for name in columns.split(", "))
        await connection.execute(text(f"INSERT INTO {table} ({quoted}) VALUES ({values})"), list(map(dict, rows)))

"""What stands out in a report: which findings are looked for in which of its tables."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from engine.reports.asking import Asked
from engine.rules.reports import findings as rules
from engine.rules.reports.credits import NOT_CONVERTED
from engine.rules.reports.findings import Frame
from engine.rules.reports.query import SOURCE_BY, Name
from engine.rules.reports.table import Finding, Row, Table
from engine.store import report_funnel, report_queries

NO_TOUCH_KNOWN: Final = "No touch known"
"""The row of revenue without a touch."""
Tables = Sequence[Table]
Look = Callable[[AsyncConnection, Asked, Frame, Tables, Tables], Awaitable[Iterable[Finding]]]


async def findings(connection: AsyncConnection, asked: Asked, tables: Tables, before: Tables) -> list[Finding]:
    """At most five, by money at stake. `before`: the tables of the period before, if there are any."""
    frame = Frame(asked.currency, asked.query.words)
    look = _LOOKS.get(asked.query.name)
    found = await look(connection, asked, frame, tables, before) if look is not None else ()
    return rules.top([*found, *rules.without_rate(asked.unconverted, frame)])


async def _sources(
    connection: AsyncConnection, asked: Asked, frame: Frame, tables: Tables, before: Tables
) -> Iterable[Finding]:  # fmt: skip
    query, rows = asked.query, [row for row in tables[0].rows if row["channel"] != NO_TOUCH_KNOWN]
    untouched = sum(row["revenue"] for row in tables[0].rows if row["channel"] == NO_TOUCH_KNOWN)
    revenue = untouched + sum(row["revenue"] for row in rows)
    deals: dict[str, int] = {}
    width = SOURCE_BY.index(query.by) + 1
    for one in rules.little_traffic_high_revenue(rows, query.by, frame, revenue, {}):
        row = next(row for row in rows if rules.name_of(row, query.by) == one.figures[query.by])
        key = [row[name] for name in SOURCE_BY[:width]]
        if not query.live:
            deals[one.figures[query.by]] = await report_queries.deals_credited(
                connection, query.model, query.since, query.until, key
            )
    return chain(
        rules.many_leads_little_revenue(rows, query.by, frame, revenue),
        rules.little_traffic_high_revenue(rows, query.by, frame, revenue, deals),
        rules.money_without_leads(asked.aside["campaigns"], "campaign", frame),
        rules.revenue_without_touch(untouched, revenue, frame),
    )


async def _funnel(
    connection: AsyncConnection, asked: Asked, frame: Frame, tables: Tables, before: Tables
) -> Iterable[Finding]:  # fmt: skip
    worth, rows = await worth_of_lead(connection, asked), table_rows(tables, "cohort")
    return chain(
        rules.weakest_step(rows, frame, worth),
        rules.fallen_steps(rows, table_rows(before, "cohort"), frame, worth),
        rules.missed_limits(table_rows(tables, "follow-up"), frame, worth),
    )


async def _nurture(
    connection: AsyncConnection, asked: Asked, frame: Frame, tables: Tables, before: Tables
) -> Iterable[Finding]:  # fmt: skip
    return rules.machine_clicks(table_rows(tables, "emails"), frame)


async def _campaigns(
    connection: AsyncConnection, asked: Asked, frame: Frame, tables: Tables, before: Tables
) -> Iterable[Finding]:  # fmt: skip
    return rules.lifts(table_rows(tables, "lift"), frame, await worth_of_lead(connection, asked))


async def _opportunities(
    connection: AsyncConnection, asked: Asked, frame: Frame, tables: Tables, before: Tables
) -> Iterable[Finding]:  # fmt: skip
    return rules.stalled_deals(table_rows(tables, "stages"), frame)


async def _content(
    connection: AsyncConnection, asked: Asked, frame: Frame, tables: Tables, before: Tables
) -> Iterable[Finding]:  # fmt: skip
    return rules.unfinished_baits(table_rows(tables, "content"), frame, await worth_of_lead(connection, asked))


async def _sales(
    connection: AsyncConnection, asked: Asked, frame: Frame, tables: Tables, before: Tables
) -> Iterable[Finding]:  # fmt: skip
    return rules.missed_limits(table_rows(tables, "teams"), frame, await worth_of_lead(connection, asked))


async def _scoring(
    connection: AsyncConnection, asked: Asked, frame: Frame, tables: Tables, before: Tables
) -> Iterable[Finding]:  # fmt: skip
    return rules.idle_rules(table_rows(tables, "scoring"), frame)


_LOOKS: Final[Mapping[Name, Look]] = {
    "sources": _sources, "funnel": _funnel, "nurture": _nurture, "campaigns": _campaigns,
    "opportunities": _opportunities,
    "content": _content, "sales": _sales, "scoring": _scoring,
}  # fmt: skip


def table_rows(tables: Tables, name: str) -> Sequence[Row]:
    return next((one.rows for one in tables if one.name == name), ())


async def worth_of_lead(connection: AsyncConnection, asked: Asked) -> int:
    """The revenue of the period for each of its new leads, in minor units."""
    query = asked.query
    booked = await report_queries.credited(connection, "last-non-direct", query.since, query.until)
    revenue = sum(row.amount for row in booked if row.source_id != NOT_CONVERTED and row.currency == asked.currency)
    leads = len(await report_funnel.who(connection, asked.known, query.since, query.until))
    return round(revenue / leads) if leads and revenue > 0 else 0

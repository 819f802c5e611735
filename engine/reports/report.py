"""Every report by its question: read in one transaction that cannot write, with what its figures leave out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from dsl.plan import Program
from engine.model.ports import Clock
from engine.reports import campaigns, content, funnel, nurture, opportunities, sales, scoring, segments, sources
from engine.reports.as_known import go_back
from engine.reports.asking import Asked
from engine.reports.findings import findings
from engine.rules.reports.comparison import compared
from engine.rules.reports.listing import listed
from engine.rules.reports.query import Name, Query
from engine.rules.reports.table import Report, Table
from engine.store import report_queries as queries
from engine.store.db import Database

Reader = Callable[[AsyncConnection, Asked], Awaitable[list[Table]]]
_AS_KNOWN: Final = (
    "as known on {}: what was taken in later is left out; fields, segments, subscriptions, and merges are those of now"
)
_READERS: Final[Mapping[Name, Reader]] = {
    "sources": sources.tables, "funnel": funnel.tables, "nurture": nurture.tables, "campaigns": campaigns.tables,
    "opportunities": opportunities.tables, "content": content.tables, "segments": segments.tables,
    "sales": sales.tables, "scoring": scoring.tables,
}  # fmt: skip


async def report(db: Database, clock: Clock, program: Program, query: Query) -> Report:
    """The answer as of now, beside those for earlier periods, with what stands out. A period that has not begun has
    rows of nothing."""
    asked, read = Asked(query, program, query.known_until or clock.now()), _READERS[query.name]
    async with queries.reading(db, writable=query.known_until is not None) as connection:
        if query.known_until is not None:
            await go_back(connection, query.known_until, program.workspace)
            asked.note(_AS_KNOWN.format(query.as_known_on))
        tables = await read(connection, asked)
        earlier = {
            name: await read(connection, asked.during(*days)) for name, days in query.earlier.items()
        }  # fmt: skip
        if query.listed:
            behind = {key: [(one.heads, one.id) for one in every] for key, every in asked.behind.items()}
            tables = [listed(query, tables, behind)]
        found = () if query.listed else await findings(connection, asked, tables, earlier.get("before", ()))
        await _notes(connection, asked)
    beside = [
        compared(table, {name: others[place] for name, others in earlier.items()}) for place, table in enumerate(tables)
    ]
    return Report(
        query.name, query.first, query.last, query.zone, asked.now, asked.currency, beside, tuple(asked.notes),
        tuple(found), query.earlier,
    )  # fmt: skip


async def _notes(connection: AsyncConnection, asked: Asked) -> None:
    query = asked.query
    state = await queries.state(connection)
    if state.behind:
        changed = "1 lead or deal has" if state.behind == 1 else f"{state.behind} leads and deals have"
        asked.note(f"{changed} changed since {state.since:%Y-%m-%d %H:%M} UTC, which is not counted yet")
    if late := await queries.late(connection, query.since, query.until):
        asked.note(f"{late} {'event' if late == 1 else 'events'} of this period arrived after its end")
    if query.since > asked.now:
        asked.note("the period has not begun yet")
    if query.zone != asked.program.workspace.timezone and query.name != "funnel":
        asked.note(f"visits and costs are counted by days of {asked.program.workspace.timezone}")

"""Every report by its question: read in one transaction that cannot write, with what its figures leave out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from dsl.plan import Program
from engine.model.ports import Clock
from engine.reports import campaigns, funnel, nurture, sources
from engine.reports.asking import Asked
from engine.rules.reports.query import Name, Query
from engine.rules.reports.table import Report, Table
from engine.store import report_queries as queries
from engine.store.db import Database

Reader = Callable[[AsyncConnection, Asked], Awaitable[list[Table]]]
_READERS: Final[Mapping[Name, Reader]] = {
    "sources": sources.tables, "funnel": funnel.tables, "nurture": nurture.tables, "campaigns": campaigns.tables,
}  # fmt: skip


async def report(db: Database, clock: Clock, program: Program, query: Query) -> Report:
    """The answer as of now. A period that has not begun has rows of nothing."""
    asked = Asked(query, program, clock.now())
    async with queries.reading(db) as connection:
        tables = await _READERS[query.name](connection, asked)
        await _notes(connection, asked)
    workspace = program.workspace
    return Report(
        query.name, query.first, query.last, query.zone, asked.now, workspace.currency, tables, tuple(asked.notes)
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

"""Reports as known on a day: everything that was taken in later is left out, and the read tables are computed anew."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from dsl.plan import Workspace
from engine.reports.keeping import rows_of_deal, rows_of_lead
from engine.rules.leads.composite import ACTIVE
from engine.store import as_known, report_rows
from engine.store.deals import fact_from

BATCH = 1000
"""Leads or deals whose rows are written together."""


async def go_back(connection: AsyncConnection, until: datetime, workspace: Workspace) -> None:
    """Let what follows in this transaction read what was known before `until`."""
    reading: Any = await as_known.go_back(connection, until, workspace.timezone)
    for what in ("lead", "deal"):
        todo = await as_known.changed(connection, what)
        for start in range(0, len(todo), BATCH):
            found: dict[str, list[Any]] = {}
            for id in todo[start : start + BATCH]:
                for table, rows in (await _rows(reading, what, id, workspace)).items():
                    found.setdefault(table, []).extend(rows)
            for table, rows in found.items():
                await as_known.put(connection, table, rows)


async def _rows(reading: Any, what: str, id: Any, workspace: Workspace) -> dict[str, list[Any]]:
    if what == "deal":
        told = [fact_from(one) for one in await as_known.facts(reading, id)]
        return dict(await rows_of_deal(reading, id, told, workspace))
    row = await report_rows.lead(reading, id, ACTIVE)
    return dict(rows_of_lead(id, row)[0]) if row is not None else {}

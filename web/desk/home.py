"""The desk's first page: for each role what it starts from."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from starlette.responses import Response

from dsl.plan import Program
from engine.reports.report import report
from engine.rules.reports.query import read_query
from engine.rules.reports.table import shown
from engine.store import desk_operations
from web.desk import sales
from web.desk.reports import address_of
from web.desk.shown import when
from web.desk.signed_in import EVERYONE, NAVIGATION, ROUTES, Desk, Visit
from web.http.context import deployed

desk = Desk()
FIRST = 10
"""Lines of the work list."""
FIGURES = ("visits", "leads", "won", "revenue", "cost")
"""Columns of the sources report whose totals are shown."""
FRESH = timedelta(minutes=1)
"""How long one web process shows the same figures of the month (real time)."""
WHAT = {
    "Campaigns": "who is where, what was sent, and what came of it",
    "Write": "campaigns and emails as text, checked as you type", "Leads": "find a lead and see everything about it",
    "Sales": "handoffs that wait for an answer", "Reports": "sources, stages, costs, and revenue",
    "Operations": "what needs attention, and the way out", "Web": "the script, the forms, and recent visits",
    "Users": "accounts and roles", "Log": "who did what",
}  # fmt: skip


@desk.get("/desk", *EVERYONE)
async def home(visit: Visit) -> Response:
    deployment = await deployed(visit.request)
    program = deployment.program if deployment else None
    tiles = [
        (label, path, WHAT[label])
        for label, path, roles in NAVIGATION
        if path != "/desk" and visit.may(*roles) and ("GET", path) in ROUTES
    ]
    work = await sales.work(visit) if visit.may("sales") else None
    if work:
        await visit.note("work list seen", count=min(len(work), FIRST))
    return visit.page(
        "home.html", company=program.workspace.name if program else "Nothing is deployed yet", tiles=tiles,
        month=await _month(visit, program) if program and visit.may("marketing") else None,
        trouble=await desk_operations.trouble(visit.rt.db, visit.rt.clock.real()) if visit.may("operators") else None,
        work=work[:FIRST] if work is not None else None, steps=sales.STEP, when=await when(visit),
    )  # fmt: skip


async def _month(visit: Visit, program: Program) -> dict[str, Any]:
    """The same for a while, since it is the first thing that everybody in marketing opens."""
    state, real = visit.request.app.state, visit.rt.clock.real()
    kept = getattr(state, "month", None)
    if kept is None or not timedelta() <= real - kept[0] < FRESH:
        kept = state.month = (real, await _read(visit, program))
    found: dict[str, Any] = kept[1]
    return found


async def _read(visit: Visit, program: Program) -> dict[str, Any]:
    """This month's totals beside the days before, and what stands out."""
    words = {"report": "sources", "last": "this month"}
    query = read_query(words, visit.rt.clock.now(), program.workspace.timezone)
    found = await report(visit.rt.db, visit.rt.clock, program, query)
    table = found.tables[0]
    total = table.total or {}
    figures = []
    for column in table.columns:
        if column.key in FIGURES and total.get(column.key) is not None:
            before = total.get(f"{column.key}_before")
            figures.append((column.head, shown(total[column.key], column.kind, found.currency),
                            shown(before, column.kind, found.currency)))  # fmt: skip
    return {"figures": figures, "currency": found.currency, "zone": found.zone, "first": found.first,
            "last": found.last, "findings": [(one.text, address_of(one.ask)) for one in found.findings]}  # fmt: skip

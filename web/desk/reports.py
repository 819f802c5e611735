"""Reports: the address is the filter, and the files equal the screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import orjson
from markupsafe import Markup
from starlette.responses import Response

from engine.charts.of_tables import chart
from engine.reports import formats
from engine.reports.report import report
from engine.rules.reports.attribution import MODELS
from engine.rules.reports.query import BY, BY_FIELDS, NAMES, BadQuery, Name, Query, read_query
from engine.rules.reports.table import Report, shown
from engine.runtime.runtime import NothingDeployed
from web.desk.signed_in import Desk, Visit
from web.http.answers import missing
from web.http.context import deployed

desk = Desk()
WORDS = ("from", "to", "last", "by", "model", "days", "zone", "alone")
"""What an address can say, as `coldframe report` does with its options."""
ABOUT: Mapping[Name, str] = {
    "sources": "visits, leads, deals, revenue, and cost by source", "funnel": "from stage to stage, and how fast",
    "nurture": "new, reopened, and qualified leads, and what they cost", "campaigns": "goals, lift, cost, and revenue",
    "opportunities": "deals by stage, won, lost, and stalled", "content": "forms, files, and pages",
    "segments": "groups of leads compared", "sales": "handoffs by team and member", "scoring": "what scores foretell",
}  # fmt: skip
PERIODS = ("7 days", "30 days", "90 days", "this month", "last month", "last quarter", "this year", "last year")
KINDS: Mapping[str, str] = {
    "csv": "text/csv; charset=utf-8", "json": "application/json",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}  # fmt: skip
"""Kinds of files, and their media types."""


@desk.get("/desk/reports", "marketing")
async def listing(visit: Visit) -> Response:
    return visit.page("reports.html", reports=[(name, ABOUT.get(name, "")) for name in NAMES])


@desk.get("/desk/reports/{name}", "marketing")
async def show(visit: Visit) -> Response:
    """`?last=90 days&by=channel&model=u-shaped&zone=Europe/Berlin`; what cannot be meant is answered with what can."""
    words, problem = _words(visit), ""
    program = await _program(visit)
    try:
        found, query = await _report(visit, words)
    except BadQuery as bad:
        problem = str(bad)
        problem = problem[:1].upper() + problem[1:]
        found, query = await _report(visit, {})
    if any(table.name == "work" and table.rows for table in found.tables):
        await visit.note("leads listed", count=sum(len(one.rows) for one in found.tables if one.name == "work"))
    fields = [one for one in program.all_fields if one not in BY[query.name]] if query.name in BY_FIELDS else []
    return visit.page(
        "report.html", status=422 if problem else 200, problem=problem, found=found, query=query, words=words,
        text=_text(found), periods=PERIODS,
        models=MODELS if query.name in ("sources", "campaigns") else (),
        divisions=[*BY[query.name], *fields], asks=[(one, address_of(one.ask)) for one in found.findings],
        file=lambda part, kind: f"/desk/reports/{found.name}/file?{urlencode({**words, 'part': part, 'as': kind})}",
        drawn=lambda table: Markup(chart(found, table) or ""),  # it escapes every text itself
        heads=lambda table: [one for one in table.columns if any(row.get(one.key) is not None for row in table.rows)],
    )  # fmt: skip


def _text(found: Report) -> Any:
    return lambda row, column: shown(row.get(column.key), column.kind, found.currency)


def address_of(ask: Mapping[str, str]) -> str:
    """The page that answers a question."""
    words = {name: value for name, value in ask.items() if name in WORDS}
    return f"/desk/reports/{ask['report']}?{urlencode(words)}"


def _words(visit: Visit) -> dict[str, str]:
    return {name: value for name in WORDS if (value := visit.asked(name, 100))}


async def _program(visit: Visit) -> Any:
    deployment = await deployed(visit.request)
    if deployment is None:
        raise NothingDeployed
    return deployment.program


async def _report(visit: Visit, words: Mapping[str, str]) -> tuple[Report, Query]:
    name = visit.request.path_params["name"]
    if name not in NAMES:
        raise missing()
    program = await _program(visit)
    asked = {**words, "report": name}
    query = read_query(asked, visit.rt.clock.now(), program.workspace.timezone, list(program.all_fields))
    return await report(visit.rt.db, visit.rt.clock, program, query), query


@desk.get("/desk/reports/{name}/file", "marketing")
async def file(visit: Visit) -> Response:
    """One table (`part`) as CSV, XLSX or JSON (`as`): the same figures as the page of the same filter."""
    try:
        found, _ = await _report(visit, _words(visit))
    except BadQuery:
        raise missing() from None
    table = next((one for one in found.tables if one.name == visit.asked("part")), None)
    if table is None or (kind := visit.asked("as")) not in KINDS:
        raise missing()
    name = f"{found.name}-{table.name}-{found.first}-{found.last}.{kind}"
    await visit.note("exported", f"report {found.name}, {table.name}", rows=len(table.rows))
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(_bytes(replace(found, tables=[table]), kind), media_type=KINDS[kind], headers=headers)


def _bytes(found: Report, kind: str) -> bytes:
    match kind:
        case "csv":
            return formats.as_csv(found.tables[0], found.currency).encode()
        case "xlsx":
            return formats.as_workbook(found)
        case _:
            return orjson.dumps(formats.as_json(found), option=orjson.OPT_INDENT_2)

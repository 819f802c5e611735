"""Reports: the address is the filter, and the files equal the screen."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from engine.reports.report import report
from engine.rules.reports.attribution import MODELS
from engine.rules.reports.query import BY, BY_FIELDS, NAMES, BadQuery, Name, Query, read_query
from engine.rules.reports.table import Report, Table, plain, safe_cell, shown
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
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


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
        text=_text(found), periods=PERIODS, models=MODELS if query.name in ("sources", "campaigns") else (),
        divisions=[*BY[query.name], *fields], asks=[(one, _address(one.ask)) for one in found.findings],
        file=lambda part, kind: f"/desk/reports/{found.name}/file?{urlencode({**words, 'part': part, 'as': kind})}",
        heads=lambda table: [one for one in table.columns if any(row.get(one.key) is not None for row in table.rows)],
    )  # fmt: skip


def _text(found: Report) -> Any:
    return lambda row, column: shown(row.get(column.key), column.kind, found.currency)


def _address(ask: Mapping[str, str]) -> str:
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
    if table is None or (kind := visit.asked("as")) not in _FILES:
        raise missing()
    make, media_type = _FILES[kind]
    name = f"{found.name}-{table.name}-{found.first}-{found.last}.{kind}"
    await visit.note("exported", f"report {found.name}, {table.name}", rows=len(table.rows))
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(make(replace(found, tables=[table])), media_type=media_type, headers=headers)


def lines(table: Table) -> list[Mapping[str, Any]]:
    return [*table.rows, *([table.total] if table.total is not None else [])]


def as_csv(found: Report) -> bytes:
    """As RFC 4180 has it, with a mark of UTF-8 for spreadsheets, the total as the last row, no text as a formula."""
    table, out = found.tables[0], io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([f"{one.head} ({found.currency})" if one.kind == "money" else one.head for one in table.columns])
    for row in lines(table):
        cells = [(plain(row.get(one.key), one.kind, found.currency), one.kind) for one in table.columns]
        writer.writerow(
            ["" if cell is None else safe_cell(str(cell)) if kind == "text" else cell for cell, kind in cells]
        )  # fmt: skip
    return out.getvalue().encode("utf-8-sig")


def as_json(found: Report) -> bytes:
    table = found.tables[0]

    def cells(row: Mapping[str, Any]) -> dict[str, Any]:
        return {one.key: plain(row.get(one.key), one.kind, found.currency) for one in table.columns}

    said = {
        "report": found.name, "table": table.name, "from": str(found.first), "to": str(found.last), "zone": found.zone,
        "as_of": found.as_of.isoformat(), "currency": found.currency, "notes": list(found.notes),
        "columns": [{"key": one.key, "head": one.head, "kind": one.kind, "definition": one.definition}
                    for one in table.columns],
        "rows": [cells(row) for row in table.rows],
        "total": cells(table.total) if table.total is not None else None,
    }  # fmt: skip
    return json.dumps(said, indent=2, ensure_ascii=False).encode()


def as_xlsx(found: Report) -> bytes:
    """Text stays text, figures are numbers; a second sheet defines the columns and names the period and its zone."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    table, book, out = found.tables[0], Workbook(write_only=True), io.BytesIO()
    sheet, about = book.create_sheet(table.title[:31].translate(_NO_SHEET)), book.create_sheet("Definitions")
    sheet.append([f"{one.head} ({found.currency})" if one.kind == "money" else one.head for one in table.columns])
    for row in lines(table):
        cells = []
        for one in table.columns:
            value = plain(row.get(one.key), one.kind, found.currency)
            cell = WriteOnlyCell(sheet, value=float(value) if one.kind == "money" and value is not None else value)
            if isinstance(value, str) and one.kind == "text":
                cell.data_type = "s"
            if one.kind in ("share", "points"):
                cell.number_format = "0.0%"
            if one.kind == "money":
                cell.number_format = "#,##0.00"
            cells.append(cell)
        sheet.append(cells)
    about.append(["period", f"{found.first} to {found.last}, {found.zone}"])
    about.append(["as of", found.as_of.isoformat()])
    for one in table.columns:
        about.append([one.head, one.definition])
    book.save(out)
    return out.getvalue()


_NO_SHEET = dict.fromkeys(map(ord, r"[]:*?/\\"), " ")
_FILES: Mapping[str, tuple[Any, str]] = {
    "csv": (as_csv, "text/csv; charset=utf-8"), "json": (as_json, "application/json"), "xlsx": (as_xlsx, XLSX),
}  # fmt: skip

"""`GET /api/reports/{name}`: the reports of `coldframe report`, as JSON, CSV, a workbook or a chart, with a key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson
from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from engine.charts.of_tables import chart
from engine.reports import formats
from engine.reports.report import report as read
from engine.rules.reports.query import NAMES, BadQuery, nearest, read_query
from engine.rules.reports.table import Report, Table
from engine.runtime.runtime import NothingDeployed
from web.api.events import REPORTS, authorise
from web.http.answers import as_sentence
from web.http.context import deployed, runtime

router = APIRouter()
ASKED = ("from", "to", "last", "by", "model", "days", "without-direct", "restated", "zone", "alone",
         "as-known-on", "list", "row")  # fmt: skip
"""What an address may ask, in the words of `coldframe report`."""
FORMATS = ("json", "csv", "xlsx", "svg")
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.get("/api/reports")
async def names(request: Request) -> Response:
    """The reports there are, and what their addresses may ask."""
    await authorise(request, REPORTS)
    return JSONResponse({"reports": list(NAMES), "asked": list(ASKED), "formats": list(FORMATS)})


@router.get("/api/reports/{name}")
async def one(request: Request, name: str) -> Response:
    """200 with the report; 422 says which word cannot be meant, with the nearest right one."""
    await authorise(request, REPORTS)
    current = await deployed(request)
    if current is None:
        raise NothingDeployed
    asked = dict(request.query_params)
    form, part = asked.pop("format", "json"), asked.pop("part", None)
    if form not in FORMATS:
        raise HTTPException(422, f"`format` cannot be `{form}`: use {', '.join(FORMATS)}.")
    if wrong := next((word for word in asked if word not in ASKED), None):
        raise HTTPException(422, f"A report cannot be asked for `{wrong}`: use {', '.join(ASKED)}.")
    rt, program = runtime(request), current.program
    words: Mapping[str, str | None] = {"report": name, **asked, "part": part if "list" in asked else None}
    try:
        query = read_query(dict(words), rt.clock.now(), program.workspace.timezone, list(program.all_fields))
        found = await read(rt.db, rt.clock, program, query)
    except BadQuery as bad:
        raise HTTPException(422, as_sentence(bad)) from None
    return _answer(found, form, None if query.listed else part)


def _answer(found: Report, form: str, part: str | None) -> Response:
    table = _part(found, part)
    name = f"{found.name}-{found.first}-{found.last}"
    if form == "csv":
        text = formats.as_csv(table, found.currency)
        return Response(text.encode(), media_type="text/csv", headers=_saved(f"{name}.csv"))
    if form == "xlsx":
        return Response(formats.as_workbook(found), media_type=WORKBOOK, headers=_saved(f"{name}.xlsx"))
    if form == "svg":
        tables = [table] if part is not None else found.tables
        drawn = next((said for one in tables if (said := chart(found, one, alone=True))), None)
        if drawn is None:
            return Response(status_code=204, headers={"Cache-Control": "no-store"})
        return Response(drawn.encode(), media_type="image/svg+xml", headers=_saved(f"{name}.svg"))
    whole = formats.as_json(found)
    if part is not None:
        whole["tables"] = [one for one in whole["tables"] if one["name"] == table.name]
    return Response(orjson.dumps(whole), media_type="application/json", headers={"Cache-Control": "no-store"})


def _part(found: Report, part: str | None) -> Table:
    names = [one.name for one in found.tables]
    if part is not None and part.casefold() not in names:
        raise HTTPException(422, f"The report `{found.name}` has no part `{part}`: use {', '.join(names)}.")
    return found.tables[names.index(part.casefold()) if part is not None else 0]


def _saved(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}


def _meant(word: str, known: Sequence[str]) -> str:
    close = nearest(word, known)
    return f"did you mean `{close}`?" if close else f"use one of {', '.join(known)}"

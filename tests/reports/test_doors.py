"""The ways out of reports: the same figures as JSON, CSV and a workbook, over HTTP with a key, and as views in SQL."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import openpyxl
import psycopg
import pytest

from engine.access.keys import make_key
from engine.platform.settings import libpq_url
from engine.reports import formats
from engine.reports.keeping import keep_up
from engine.rules.reports.table import Column, Report, Table
from engine.store import report_views
from engine.store.report_views import NoRole
from tests.support.sales import WORKSPACE
from tests.support.stage import Stage, stage_fixture
from tests.web.conftest import UNLIMITED, client_of
from web.app import create_app

stage = stage_fixture(WORKSPACE)
FORMULAS = ("=1+1", "+1", "-1", "@x", "\tx", '=HYPERLINK("http://x","y")')
TABLE = Table(
    "sources", "Sources: by [channel]",
    (Column("name", "channel", "text"), Column("leads", "leads"),
     Column("revenue", "revenue", "money", "What was won."), Column("rate", "rate", "share")),
    [*({"name": name, "leads": 1, "revenue": 125050, "rate": Fraction(1, 3)} for name in FORMULAS),
     {"name": 'Ümlaut, "x"'}],
    {"name": "total", "leads": 6, "revenue": 750300, "rate": None},
)  # fmt: skip
REPORT = Report(
    "sources", date(2026, 7, 1), date(2026, 9, 30), "Europe/Berlin", datetime(2026, 10, 1, tzinfo=UTC), "EUR", [TABLE],
    ["=note"],
)  # fmt: skip


def test_csv_has_the_rows_of_the_table_and_no_formula() -> None:
    text = formats.as_csv(TABLE, "EUR")
    assert text.startswith("\ufeff")
    assert text.count("\r\n") == 9
    head, *rows = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    assert head == ["channel", "leads", "revenue (EUR)", "rate"]
    assert rows[0] == ["'=1+1", "1", "1250.50", "0.333333"]
    assert all(row[0].startswith("'") for row in rows[: len(FORMULAS)])
    assert (rows[-2], rows[-1]) == (['Ümlaut, "x"', "", "", ""], ["total", "6", "7503.00", ""])


def test_a_workbook_has_texts_as_texts_and_figures_as_figures() -> None:
    book = openpyxl.load_workbook(io.BytesIO(formats.as_workbook(REPORT)))
    sheet, definitions = book.worksheets
    assert (sheet.title, definitions.title) == ("Sources  by  channel ", "Definitions")
    assert sheet["A1"].value == "sources, 2026-07-01 to 2026-09-30, Europe/Berlin"
    for row, said in enumerate(FORMULAS, start=3):
        cell = sheet.cell(row, 1)
        assert (cell.value, cell.data_type) == (said, "s")
        assert [sheet.cell(row, column).value for column in (2, 3, 4)] == [1, 1250.5, pytest.approx(1 / 3, abs=1e-6)]
    assert [cell.value for cell in sheet[10]] == ["total", 6, 7503, None]
    assert not [cell for one in book.worksheets for row in one.iter_rows() for cell in row if cell.data_type == "f"]


async def key(stage: Stage, name: str, scope: Any = "all") -> dict[str, str]:
    return {"Authorization": f"Bearer {await make_key(stage.rt.db, stage.clock, name, scope)}"}


async def test_reports_over_http_are_those_of_the_terminal(stage: Stage) -> None:
    await stage.post("demo", email="ann@acme.example", first_name="Ann", company="Acme", country="DE")
    await keep_up(stage.rt)
    async with client_of(create_app(stage.rt, budgets=UNLIMITED)) as http:
        assert (await http.get("/api/reports/sources")).status_code == 401
        every, only = await key(stage, "every"), await key(stage, "only", "reports")
        known = (await http.get("/api/reports", headers=only)).json()
        for name in known["reports"]:
            for form in known["formats"]:
                answer = await http.get(f"/api/reports/{name}?format={form}", headers=only)
                assert answer.headers["cache-control"] == "no-store"
                assert answer.status_code in ((200, 204) if form == "svg" else (200,)), (name, form)
                assert form != "svg" or name != "sources" or 'role="img"' in answer.text
        found = (await http.get("/api/reports/sources?last=7 days&alone=yes", headers=every)).json()
        rows = {table["name"]: table for table in found["tables"]}["sources"]
        text = (await http.get("/api/reports/sources?last=7 days&alone=yes&format=csv", headers=every)).text
        assert len(text.splitlines()) == 1 + len(rows["rows"]) + (rows["total"] is not None)
        listed = await http.get("/api/reports/sources?last=7 days&list=new leads&format=csv", headers=every)
        leads = (rows["total"] or {}).get("leads", 0)
        assert (listed.status_code, len(listed.text.splitlines())) == (200, 1 + leads)
        for query, said in (
            ("last=9 monts", "monts"), ("by=chanel", "channel"), ("zone=Europe/Berln", "Europe/Berlin"),
            ("form=csv", "from"), ("format=pdf", "csv"), ("from=2026-09-30&to=2026-09-01", ""), ("part=x", "sources"),
            ("list=new leeds", "new leads"), ("as-known-on=2999-01-01", "has not come yet"),
        ):  # fmt: skip
            wrong = await http.get(f"/api/reports/sources?{query}", headers=every)
            assert (wrong.status_code, said in wrong.text) == (422, True), (query, wrong.text)
        assert (await http.get("/api/reports/sorces", headers=every)).status_code == 422
        refused = await http.post("/api/leads", json={"email": "x@acme.example"}, headers=only)
        assert (refused.status_code, "reads reports" in refused.text) == (403, True)


async def test_the_page_about_reports_lists_every_view_and_column(stage: Stage) -> None:
    page = (Path(__file__).parents[2] / "docs" / "reports.md").read_text(encoding="utf-8")
    for view, names in (await report_views.columns(stage.rt.db)).items():
        assert f"| `{view}` | {', '.join(f'`{name}`' for name in names)} |" in page


async def test_a_role_reads_the_views_and_nothing_else(stage: Stage) -> None:
    await stage.post("demo", email="ann@acme.example", first_name="Ann", company="Acme", country="DE")
    with pytest.raises(NoRole):
        await report_views.grant(stage.rt.db, "no_such_role")
    role = f"bi_{stage.rt.db.engine.url.database}"
    async with stage.rt.db.engine.begin() as connection:
        await connection.exec_driver_sql(f'CREATE ROLE "{role}"')
    try:
        await report_views.grant(stage.rt.db, role)
        await report_views.grant(stage.rt.db, role)
        views = await report_views.columns(stage.rt.db)
        assert stage.rt.settings.database_url is not None
        async with await psycopg.AsyncConnection.connect(libpq_url(stage.rt.settings.database_url)) as bare:
            await bare.execute(f'SET ROLE "{role}"')
            for view, names in views.items():
                told = await (await bare.execute(f"SELECT * FROM report_v1.{view}")).fetchall()
                assert not [row for row in told if "ann@acme.example" in str(row) or "Acme" in str(row)], view
                assert not {"email", "note", "thing", "member", "owner", "fields"} & set(names), view
            assert len(await (await bare.execute("SELECT * FROM report_v1.stages")).fetchall()) >= 0
            for table in ("leads", "events", "messages", "api_keys", "lead_facts"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    await bare.execute(f"SELECT 1 FROM {table}")
                await bare.rollback()
                await bare.execute(f'SET ROLE "{role}"')
    finally:
        async with stage.rt.db.engine.begin() as connection:
            await connection.exec_driver_sql(f'DROP OWNED BY "{role}"')
            await connection.exec_driver_sql(f'DROP ROLE "{role}"')

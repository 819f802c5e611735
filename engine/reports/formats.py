"""A report for other programs: JSON, CSV and a workbook, with the figures that a terminal shows, the total row too."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from engine.rules.reports.table import Column, Kind, Report, Table, plain, safe_cell

_MONEY = frozenset({"revenue", "cost", "amount", "without_touch"})
"""The figures of findings that are amounts."""
_FORMATS: Mapping[Kind, str] = {"count": "#,##0", "share": "0.0%", "points": "+0.0%;-0.0%;0.0%"}
_LONGEST_TITLE = 31
"""Characters of a sheet's name."""


def as_json(found: Report) -> dict[str, Any]:
    """Everything, each figure as `plain` writes it."""

    def cells(table: Table, row: Any) -> dict[str, Any]:
        return {one.key: plain(row.get(one.key), one.kind, found.currency) for one in table.columns}

    return {
        "report": found.name, "from": found.first, "to": found.last, "zone": found.zone, "as_of": found.as_of,
        "currency": found.currency, "notes": list(found.notes),
        "compared_with": {name: {"from": days[0], "to": days[1]} for name, days in found.earlier.items()},
        "findings": [
            {"text": one.text, "figures": _figures(one.figures, found.currency), "shown_by": dict(one.ask)}
            for one in found.findings
        ],
        "tables": [
            {
                "name": table.name, "title": table.title,
                "columns": [
                    {"key": one.key, "head": one.head, "kind": one.kind, "definition": one.definition}
                    for one in table.columns
                ],
                "rows": [cells(table, row) for row in table.rows],
                "total": cells(table, table.total) if table.total is not None else None,
            } for table in found.tables
        ],
    }  # fmt: skip


def _figures(figures: Mapping[str, Any], currency: str) -> dict[str, Any]:
    kinds: dict[str, Kind] = {
        name: "money" if name in _MONEY and isinstance(value, int) else "number" for name, value in figures.items()
    }
    return {
        name: plain(value, kinds[name], currency)
        if kinds[name] == "money" or isinstance(value, Fraction | float) else value
        for name, value in figures.items()
    }  # fmt: skip


def as_csv(table: Table, currency: str) -> str:
    """As RFC 4180 has it, with a mark of UTF-8 for spreadsheets, and with the total as the last row. Text that a
    spreadsheet would take for a formula begins with an apostrophe."""
    text = io.StringIO()
    text.write("\ufeff")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([_head(one, currency) for one in table.columns])
    for row in _rows(table):
        cells = ((plain(row.get(one.key), one.kind, currency), one.kind) for one in table.columns)
        writer.writerow(["" if cell is None else safe_cell(str(cell)) if kind == "text" else cell
                         for cell, kind in cells])  # fmt: skip
    return text.getvalue()


def as_workbook(found: Report) -> bytes:
    """XLSX: a sheet for each table and one with the definitions. Texts are texts, money and shares are typed, and no
    cell is a formula."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    book, bold = Workbook(write_only=True), Font(bold=True)
    for table in found.tables:
        sheet = book.create_sheet(table.title[:_LONGEST_TITLE].translate(str.maketrans("[]:*?/\\", "       ")))
        period = f"{found.name}, {found.first} to {found.last}, {found.zone}"
        for head in ([period], [_head(one, found.currency) for one in table.columns]):
            cells = [_text(WriteOnlyCell(sheet), text) for text in head]
            for cell in cells:
                cell.font = bold
            sheet.append(cells)
        for row in _rows(table):
            written = []
            for one in table.columns:
                value = plain(row.get(one.key), one.kind, found.currency)
                cell = WriteOnlyCell(sheet)
                if value is None:
                    pass
                elif one.kind == "text":
                    _text(cell, str(value))
                else:
                    cell.value = Decimal(value) if one.kind == "money" else value
                    cell.number_format = "#,##0.00" if one.kind == "money" else _FORMATS.get(one.kind, "General")
                if row is table.total:
                    cell.font = bold
                written.append(cell)
            sheet.append(written)
    notes = book.create_sheet("Definitions")
    lines = [("table", "column", "definition")]
    lines += [(table.title, one.head, one.definition) for table in found.tables for one in table.columns]
    lines += [("", "as of", f"{found.as_of:%Y-%m-%d %H:%M} UTC"), *(("", "note", note) for note in found.notes)]
    for line in lines:
        notes.append([_text(WriteOnlyCell(notes), text) for text in line])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _text(cell: Any, text: str) -> Any:
    """A cell that is a text whatever it begins with."""
    cell.value = "".join(sign for sign in text if sign >= " " or sign in "\t\n")
    cell.data_type = "s"
    return cell


def _head(column: Column, currency: str) -> str:
    return f"{column.head} ({currency})" if column.kind == "money" else column.head


def _rows(table: Table) -> list[Mapping[str, Any]]:
    return [*table.rows, *([table.total] if table.total is not None else [])]

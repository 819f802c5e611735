"""Files of leads: encodings, separators, quotes, spreadsheets, and files that are refused as a whole."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from openpyxl import Workbook

from engine.leads import import_files
from engine.leads.import_files import LeadFile, open_file
from engine.rules.deals.sheets import BadFile

ROWS = [["Email", "Name", "Notes"], ["ann@lead.example", "Zoë, Müller; & Co", 'she said "hi"\nand left'],
        ["bob@lead.example", "=1+1", "’"]]  # fmt: skip


def known(header: Sequence[str]) -> int:
    return len(header) if "email" in [name.casefold() for name in header] else 0


def opened(path: Path, data: bytes | str) -> LeadFile:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return open_file(path, known)


def written(delimiter: str = ",", lines: str = "\r\n", quoting: int = csv.QUOTE_MINIMAL) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=lines, quoting=quoting).writerows(ROWS)  # type: ignore[arg-type]
    return text.getvalue()


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("lines", ["\n", "\r\n"])
def test_csv_of_every_kind_says_the_same(tmp_path: Path, codec: str, delimiter: str, lines: str) -> None:
    file = opened(tmp_path / "a.csv", written(delimiter, lines).encode(codec))
    assert (file.header, file.count) == (("Email", "Name", "Notes"), 2)
    for _ in range(2):
        assert list(file.rows()) == [(2, ROWS[1]), (4, ROWS[2])], "a cell with a line feed covers two lines"


def test_lines_before_the_header_and_empty_ones_do_not_count(tmp_path: Path) -> None:
    file = opened(tmp_path / "a.csv", "Leads of the fair\n\n,,\nemail,city\n\nann@lead.example,Ulm\n ,\n")
    assert (file.header, list(file.rows())) == (("email", "city"), [(6, ["ann@lead.example", "Ulm"])])


def test_without_a_header_the_first_row_counts_for_it(tmp_path: Path) -> None:
    assert opened(tmp_path / "a.csv", "Kontakt;Ort\nann@lead.example;Ulm\n").header == ("Kontakt", "Ort")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"\xef\xbb\xbf\r\n ", "the file is empty"),
        (b"\xd0\xcf\x11\xe0rest", "the file is in Excel's old format, or has a password; save it as .xlsx or CSV"),
        (b"PK\x03\x04rest", "the file is not a spreadsheet that can be read; save it as .xlsx or CSV"),
        (b"email\nann\x81@lead.example\n", "the file is not text in UTF-8, UTF-16, or Windows-1252"),
        (b'email,n\nann@lead.example,"x' + b"y\n" * 70_000,
         "line 2 begins a cell with more than 131,072 characters; a quotation mark is not closed"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_read_say_why(tmp_path: Path, data: bytes, reason: str) -> None:
    with pytest.raises(BadFile) as bad:
        opened(tmp_path / "a.csv", data)
    assert str(bad.value) == reason


def test_a_file_of_two_gigabytes_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with path.open("wb") as file:
        file.truncate(2 << 30)
    with pytest.raises(BadFile, match=r"^the file has 2,048 MiB; at most 512 MiB can be imported. Split it.$"):
        open_file(path, known)


def test_a_file_with_too_many_rows_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_files, "MOST_ROWS", 3)
    assert opened(tmp_path / "a.csv", "email\n" + "a@b.example\n" * 3).count == 3
    with pytest.raises(BadFile, match="more than 3 rows"):
        opened(tmp_path / "a.csv", "email\n" + "a@b.example\n" * 4)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("email,notes\n" + "".join(f"a{n}@lead.example,{'x' * 480}\n" for n in range(20_000)))
    tracemalloc.start()
    try:
        file = open_file(path, known)
        assert sum(1 for _ in file.rows()) == file.count == 20_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < path.stat().st_size, "10 MB of rows, of which a few MB are in memory at once"


def test_a_fingerprint_is_of_the_content(tmp_path: Path) -> None:
    one, other = opened(tmp_path / "a.csv", written()), opened(tmp_path / "b.csv", written())
    assert one.digest == other.digest != opened(tmp_path / "c.csv", written(";")).digest


# ── spreadsheets ─────────────────────────────────────────────────────────────────────────────────────────────────────
def book(path: Path, *rows: Sequence[object], title: str = "Leads") -> Path:
    made = Workbook()
    sheet = made.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(list(row))
    made.create_sheet("Other").append(["nothing"])
    made.save(path)
    return path


def test_a_spreadsheet_keeps_the_types_of_its_cells(tmp_path: Path) -> None:
    path = book(
        tmp_path / "a.xlsx", ["Our leads"], ["Email", "Born", "Size", "Yes"], [],
        ["ann@lead.example", date(1980, 2, 29), 12.5, True], ["bob@lead.example", None, 3],
    )  # fmt: skip
    file = open_file(path, known)
    assert (file.header, file.count) == (("Email", "Born", "Size", "Yes"), 2)
    assert list(file.rows()) == [
        (4, ("ann@lead.example", datetime(1980, 2, 29), 12.5, True)), (5, ("bob@lead.example", None, 3))
    ]  # fmt: skip


def test_a_formula_that_nobody_worked_out_stays_one(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", ["Email", "City"], ["=A3", "=CONCAT(1,2)"], ["bob@lead.example", "Ulm"])
    assert list(open_file(path, known).rows()) == [(2, ("=", "=")), (3, ("bob@lead.example", "Ulm"))]


def test_a_sheet_is_chosen_by_name(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", ["Email"], ["ann@lead.example"])
    assert open_file(path, known, "Leads").count == 1
    with pytest.raises(BadFile, match="the file has no sheet `Lead`; its sheets are Leads, Other"):
        open_file(path, known, "Lead")
    with pytest.raises(BadFile, match="only a spreadsheet has sheets"):
        open_file(tmp_path / "a.csv" if opened(tmp_path / "a.csv", "email\n") else path, known, "Leads")


def test_a_spreadsheet_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(import_files, "LARGEST", 4 << 20)
    path = tmp_path / "a.xlsx"
    with ZipFile(path, "w", ZIP_DEFLATED) as archive, archive.open("xl/worksheets/sheet1.xml", "w") as part:
        for _ in range(5):
            part.write(b"\0" * (1 << 20))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(BadFile, match="unpacks to more than 4 MiB"):
        open_file(path, known)


EXCEL = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
SHEET = (
    f'<worksheet {EXCEL}><sheetData><row r="1">'
    '<c t="inlineStr"><is><t>email</t></is></c></row>%s</sheetData></worksheet>'
)


@pytest.mark.parametrize(
    ("part", "content", "said"),
    [
        ("xl/worksheets/sheet1.xml", SHEET % '<row r="999999999999"><c><v>1</v></c></row>', "damaged"),
        ("xl/worksheets/sheet1.xml", SHEET % '<row r="2"><c t="s"><v>99</v></c></row>', "damaged"),
        ("xl/worksheets/sheet1.xml", SHEET % '<row r="2"><c r="ZZZZZZ2"><v>1</v></c></row>', "damaged"),
        ("xl/worksheets/sheet1.xml", "<!DOCTYPE a [<!ENTITY b SYSTEM 'a.csv'>]>" + SHEET % "&b;", "can be read"),
        (
            "xl/workbook.xml",
            '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"/>',
            "no sheet",
        ),
        (
            "xl/workbook.xml",
            f'<workbook {EXCEL}><bookViews><workbookView a="1"/></bookViews></workbook>',
            "can be read",
        ),
    ],
    ids=[
        "a row beyond all rows",
        "no such text",
        "no such column",
        "another file",
        "no sheets",
        "an unknown attribute",
    ],
)
def test_a_damaged_spreadsheet_is_refused_at_once(tmp_path: Path, part: str, content: str, said: str) -> None:
    whole, path = book(tmp_path / "a.xlsx", ["email"], ["ann@lead.example"]), tmp_path / "b.xlsx"
    with ZipFile(whole) as archive, ZipFile(path, "w", ZIP_DEFLATED) as other:
        assert part in archive.namelist()
        for name in archive.namelist():
            other.writestr(name, content if name == part else archive.read(name))
    with pytest.raises(BadFile, match=said):
        open_file(path, known)

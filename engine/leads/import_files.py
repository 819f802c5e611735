"""Tables of leads as files: CSV of any kind and XLSX, read a row at a time so that memory stays flat.

A file is looked through once before anything of it is used: it is then known to be whole, how many rows it has, and
its fingerprint, by which a second import of the same file is recognised.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from engine.rules.deals.sheets import DELIMITERS, NO_TEXT, PREAMBLE, BadFile, codecs_of
from engine.rules.imports.rows import Cell

LARGEST = 512 * 1024 * 1024
"""Bytes of a file, and of what a spreadsheet unpacks to."""
MOST_ROWS = 1_000_000
CHUNK = 1 << 20
_LONGEST_CELL = 131_072
MOST_SHEET_ROWS = 2**20
"""Rows that a sheet of Excel's has."""
UNREADABLE = (
    InvalidFileException, zipfile.BadZipFile, ParseError, LookupError, ValueError, TypeError, ArithmeticError,
    AttributeError,
)  # fmt: skip
"""What the library raises over a file in which something is not as it should be: it builds its objects unchecked."""
DAMAGED = "the spreadsheet is damaged; open it and save it again"
_XLSX, _OLD_EXCEL = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"

Known = Callable[[Sequence[str]], int]
"""How many columns of a row mean something; 0 for one that is no header."""


@dataclass(frozen=True)
class LeadFile:
    """A file that was looked through: its fingerprint (SHA-256), its header and how many rows follow it."""

    path: Path
    digest: str
    header: tuple[str, ...]
    count: int
    _rows: Callable[[], Iterator[tuple[int, Sequence[Cell]]]]

    def rows(self) -> Iterator[tuple[int, Sequence[Cell]]]:
        """Each row that is not empty, with the number of the line or sheet row it begins on."""
        return self._rows()


def open_file(path: Path, known: Known, sheet: str | None = None) -> LeadFile:
    """Look a file through. `sheet`: of a spreadsheet, else the one that was open when it was saved.

    Raises BadFile, for a file that is too large before any of it is read, and OSError.
    """
    size = path.stat().st_size
    if size > LARGEST:
        raise BadFile(f"the file has {size / 2**20:,.0f} MiB; at most {LARGEST >> 20} MiB can be imported. Split it.")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        head = file.read(CHUNK)
    if not head.strip(b"\0\r\n\t \xef\xbb\xbf"):
        raise BadFile("the file is empty")
    if head.startswith(_OLD_EXCEL):
        raise BadFile("the file is in Excel's old format, or has a password; save it as .xlsx or CSV")
    if head.startswith(_XLSX):
        return _open_xlsx(path, known, sheet, digest)
    if sheet is not None:
        raise BadFile("only a spreadsheet has sheets, and this file is CSV")
    return _open_csv(path, head, known, digest)


# ── CSV ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _open_csv(path: Path, head: bytes, known: Known, digest: str) -> LeadFile:
    codec = _codec(path, head)
    with path.open(encoding=codec, newline="") as file:
        start = file.read(CHUNK // 4)
    found = [_header(start, delimiter, known) for delimiter in DELIMITERS]
    best = max(range(len(DELIMITERS)), key=lambda one: found[one][:2])
    _, _, place, header = found[best]

    def rows() -> Iterator[tuple[int, Sequence[Cell]]]:
        with path.open(encoding=codec, newline="") as file:
            yield from islice(_csv_rows(file, DELIMITERS[best]), place + 1, None)

    return LeadFile(path, digest, header, _count(rows()), rows)


def _codec(path: Path, head: bytes) -> str:
    """The first encoding in which the whole file is text. Raises BadFile."""
    for name in codecs_of(head):
        decoder = codecs.getincrementaldecoder(name)()
        try:
            with path.open("rb") as file:
                while chunk := file.read(CHUNK):
                    decoder.decode(chunk)
                decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return name
    raise BadFile(NO_TEXT)


def _header(text: str, delimiter: str, known: Known) -> tuple[int, int, int, tuple[str, ...]]:
    """How many columns are known and how many there are, the header's place among the rows that are not empty, and the
    header; without one, the first row counts for it, so that its columns can be named."""
    first: tuple[int, int, int, tuple[str, ...]] = (0, 0, 0, ())
    try:
        for place, (_, cells) in enumerate(islice(_csv_rows(text.splitlines(keepends=True), delimiter), PREAMBLE)):
            header = tuple(str(cell).strip().removeprefix("\ufeff") for cell in cells)
            if count := known(header):
                return count, len(header), place, header
            first = first if first[3] else (0, len(header), place, header)
    except BadFile:
        pass
    return first


def _csv_rows(lines: Any, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=delimiter, strict=False)
    line = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield line, row
            line = reader.line_num + 1
    except csv.Error:
        said = f"line {line} begins a cell with more than {_LONGEST_CELL:,} characters"
        raise BadFile(f"{said}; a quotation mark is not closed") from None


def _count(rows: Iterator[Any]) -> int:
    many = sum(1 for _ in islice(rows, MOST_ROWS + 1))
    if many > MOST_ROWS:
        raise BadFile(f"the file has more than {MOST_ROWS:,} rows. Split it.")
    return many


# ── XLSX ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _open_xlsx(path: Path, known: Known, sheet: str | None, digest: str) -> LeadFile:
    name, formulas = _look_into(path, sheet)

    def every() -> Iterator[tuple[int, Sequence[Cell]]]:
        return _xlsx_rows(path, name, formulas)

    best: tuple[int, tuple[str, ...]] | None = None
    try:
        for place, (_, cells) in enumerate(islice(every(), PREAMBLE)):
            header = _trimmed(tuple("" if cell is None else str(cell).strip() for cell in cells))
            if known(header):
                best = place, header
                break
            best = best or (place, header)
        if best is None:
            raise BadFile(f"sheet `{name}` is empty")
        place, header = best
        return LeadFile(path, digest, header, _count(islice(every(), place + 1, None)),
                        lambda: islice(every(), place + 1, None))  # fmt: skip
    except UNREADABLE as error:
        if isinstance(error, BadFile):
            raise
        raise BadFile(DAMAGED) from None


def _look_into(path: Path, sheet: str | None) -> tuple[str, bool]:
    """Which sheet to read, and whether any cell of the file is a formula. Raises BadFile."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(one.file_size for one in archive.infolist()) > LARGEST:
                raise BadFile(f"the spreadsheet unpacks to more than {LARGEST >> 20} MiB. Split it.")
            sheets = [one for one in archive.namelist() if one.startswith("xl/worksheets/") and one.endswith(".xml")]
            formulas = any(_has_formula(archive, one) for one in sheets)
        book = load_workbook(path, read_only=True, data_only=True)
    except (*UNREADABLE, OSError) as error:
        if isinstance(error, BadFile):
            raise
        raise BadFile("the file is not a spreadsheet that can be read; save it as .xlsx or CSV") from None
    try:
        names = [one.title for one in book.worksheets]
        wanted = sheet or getattr(book.active, "title", None) or (names[0] if names else "")
    finally:
        book.close()
    if not names:
        raise BadFile("the file has no sheet with cells")
    if wanted not in names:
        raise BadFile(f"the file has no sheet `{wanted}`; its sheets are {', '.join(names)}")
    return wanted, formulas


def _has_formula(archive: zipfile.ZipFile, part: str) -> bool:
    before = b""
    with archive.open(part) as file:
        while chunk := file.read(CHUNK):
            if b"<f>" in before + chunk or b"<f " in before + chunk:
                return True
            before = chunk[-3:]
    return False


def _xlsx_rows(path: Path, name: str, formulas: bool) -> Iterator[tuple[int, Sequence[Cell]]]:
    """The values that the program which saved the file had worked out. A formula without one stays a formula."""
    book = load_workbook(path, read_only=True, data_only=True)
    written = load_workbook(path, read_only=True, data_only=False) if formulas else None
    try:
        asked = written[name].iter_rows(values_only=True) if written is not None else None
        for number, cells in enumerate(book[name].iter_rows(values_only=True), start=1):
            if number > MOST_SHEET_ROWS:  # one row that claims a later place would be preceded by empty ones
                raise BadFile(DAMAGED)
            beside = next(asked, ()) if asked is not None else ()
            if beside:
                cells = tuple(
                    "=" if value is None and text is not None else value
                    for value, text in zip(cells, beside, strict=False)
                )
            if any(cell is not None and str(cell).strip() for cell in cells):
                yield number, _trimmed(cells)
    finally:
        book.close()
        if written is not None:
            written.close()


def _trimmed(cells: tuple[Any, ...]) -> tuple[Any, ...]:
    """Without the empty cells at the end, which a sheet has as many of as its widest row."""
    end = len(cells)
    while end and (cells[end - 1] is None or not str(cells[end - 1]).strip()):
        end -= 1
    return cells[:end]

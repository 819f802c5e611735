"""What an import of leads says: its columns, its totals, and the rows that cannot be imported."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from engine.cli.common import COULD_NOT_LOOK, Stop, out, print_json

if TYPE_CHECKING:
    from engine.leads.imports import Totals
    from engine.rules.imports.columns import Columns
    from engine.rules.imports.rows import BadRow, Reason

MOST = 20
"""Bad rows that are printed, and kept for it; the report has them all."""


class BadRows:
    """Rows that cannot be imported: all of them go to the report, if there is one, and the first ones are shown."""

    def __init__(self, path: Path | None) -> None:
        self.path, self.count, self.first = path, 0, list[tuple[int, str]]()
        self._header: tuple[str, ...] = ()
        self._file: IO[str] | None = None
        self._writer: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def begin(self, header: Sequence[str]) -> None:
        """Take the file's header. Raises Stop if the report cannot be written."""
        from engine.rules.imports.columns import REPORT

        self._header = tuple(name for name in header if name.casefold() not in REPORT)
        self._kept = [place for place, name in enumerate(header) if name.casefold() not in REPORT]
        if self.path is None:
            return
        try:
            self._file = self.path.open("w", encoding="utf-8-sig", newline="")
        except OSError as error:
            raise Stop(f"cannot write {self.path}: {error.strerror or error}", COULD_NOT_LOOK) from None
        self._writer = csv.writer(self._file)
        self._row([*REPORT, *self._header])

    def add(self, row: BadRow) -> None:
        said = "; ".join(f"{column}: {text(reason)}" if column else text(reason) for column, reason in row.reasons)
        self.count += 1
        if len(self.first) < MOST:
            self.first.append((row.line, said))
        if self._writer is not None:
            self._row([str(row.line), said, *(row.cells[place] for place in self._kept if place < len(row.cells))])

    def _row(self, cells: Sequence[str]) -> None:
        from engine.rules.imports.cells import safe

        self._writer.writerow([safe(cell) for cell in cells])


def text(reason: Reason) -> str:
    """A reason as a sentence; forms say the same of the same value."""
    from web.http.words import Words

    return reason if isinstance(reason, str) else Words("en").problem(reason)


def show(file: Path, columns: Columns, totals: Totals, bad: BadRows, *, dry: bool, as_json: bool) -> None:
    """Print what became of the rows, or would."""
    if as_json:
        rows = [{"line": line, "problem": said} for line, said in bad.first]
        told = [{"column": column, "field": field} for column, field in columns.told]
        print_json({"file": str(file), "dry_run": dry, "columns": told, **asdict(totals), "bad_rows": rows})
        return
    if dry:
        _columns(columns)
    for line, said in bad.first:
        out.print(f"{file}:{line}: {said}", markup=False)
    if bad.count > MOST:
        more = bad.count - MOST
        said = "" if bad.path else "; --bad-rows FILE writes them all to a CSV file"
        out.print(f"{file}: {more} more rows cannot be imported{said}", markup=False)
    for said in lines(file, totals, dry=dry):
        out.print(said, markup=False)
    if bad.path is not None and bad.count:
        out.print(f"wrote {bad.count} rows to {bad.path}; correct them there, and import that file", markup=False)


def lines(file: Path, totals: Totals, *, dry: bool) -> list[str]:
    """The totals in words."""
    would = "would " if dry else ""
    parts = [f"{totals.new} new", f"{totals.known} known"]
    parts += [f"{totals.unchanged} imported before"] if totals.unchanged else []
    parts += [f"{totals.bad} bad"] + ([f"{totals.erased} erased"] if totals.erased else [])
    found = [f"{file.name}: {', '.join(parts)}, {totals.suppressed} suppressed"]
    for name, many in sorted(totals.entered.items()):
        found.append(f'{many} {would or ""}{"enter" if dry else "entered"} "{name}"')
    if totals.entered:
        skipped = totals.unmailed
        for name, many in sorted(skipped.items()):
            found.append(f'emails of "{name}" to {many} of them {would or "will "}be skipped for lack of consent')
        if not skipped:
            found.append(f"no email {would or 'will '}be skipped for lack of consent")
    return found


def _columns(columns: Columns) -> None:
    from rich.table import Table

    table = Table("column", "field", box=None, pad_edge=False, show_edge=False)
    for column, field in columns.told:
        table.add_row(column, field)
    left = [name for name in columns.header if name and name not in {column for column, _ in columns.told}]
    out.print(table)
    if left:
        out.print(f"left out: {', '.join(left)}", markup=False)

"""`coldframe export`: leads as a CSV, XLSX, or JSON file."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Protocol

import typer

from dsl.problems.near import near_or_known
from engine.cli.common import COULD_NOT_LOOK, FAILED, Stop, database, load_settings, out
from engine.wording.refusals import NOTHING_DEPLOYED

if TYPE_CHECKING:
    from dsl.plan import Program
    from engine.leads.export import Chosen
    from engine.platform.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Export leads.")


@app.callback()
def export() -> None:
    """Export leads as a file."""


class Format(StrEnum):
    """What kind of file."""

    csv = "csv"
    xlsx = "xlsx"
    json = "json"


File = Annotated[Path, typer.Argument(help="Output file, or - for standard output.")]
As = Annotated[Format | None, typer.Option("--format", help="Kind of file. [default: by the name of the file, or csv]")]


@app.command()
def leads(
    file: File = Path("-"), kind: As = None,
    segment: Annotated[str | None, typer.Option(help="Only the leads in this segment.")] = None,
    to_list: Annotated[str | None, typer.Option("--list", help="Only the leads on this list.")] = None,
    stage: Annotated[str | None, typer.Option(help="Only the leads in this stage.")] = None,
) -> None:  # fmt: skip
    """Export leads with their fields, scores, stage, topics, and lists.

    Cells that a spreadsheet could take for a formula get an apostrophe in front. Erased leads are not exported.

    Example: `coldframe export leads customers.xlsx --segment Customers`
    """
    named = file.suffix.lstrip(".").lower()
    chosen = kind or (Format(named) if named in set(Format) else Format.csv)
    if chosen is Format.xlsx and str(file) == "-":
        raise Stop("a spreadsheet needs a file: coldframe export leads leads.xlsx")
    settings = load_settings()
    with database(settings) as url:
        many = asyncio.run(_run(settings, url, file, chosen, segment, to_list, stage))
    if str(file) != "-":
        out.print(f"exported {many} lead{'' if many == 1 else 's'} to {file}", markup=False)


async def _run(
    settings: Settings, url: str, file: Path, kind: Format, segment: str | None, to_list: str | None, stage: str | None
) -> int:  # fmt: skip
    from engine.leads.export import rows
    from engine.runtime.runtime import open_runtime

    async with open_runtime(settings.model_copy(update={"database_url": url}), size=2) as rt:
        deployment = await rt.catalog.refresh()
        if deployment is None:
            raise Stop(NOTHING_DEPLOYED, FAILED)
        chosen, many = chosen_by(deployment.program, segment, to_list, stage), 0
        with _Target(file) as target:
            writer = writer_of(kind, target, deployment.program)
            async for row in rows(rt, chosen, deployment.program):
                writer.add(row)
                many += 1
            writer.end()
    return many


def chosen_by(program: Program, segment: str | None, to_list: str | None, stage: str | None) -> Chosen:
    """Which leads the options mean. Raises Stop."""
    from engine.leads.export import Chosen, narrowed

    found = narrowed(program, segment, to_list, stage)
    if isinstance(found, Chosen):
        return found
    noun, name = ("segment", segment) if list(found) == [one.name for one in program.segments] else ("stage", stage)
    raise Stop(f"no {noun} named `{name}`: {near_or_known(name or '', found)}", FAILED)


class _Target:
    """A file that only takes the place of an older one when it is complete; readable by its owner alone."""

    def __init__(self, path: Path) -> None:
        self.path, self.console = path, str(path) == "-"
        self._part = path.with_name(f".{path.name}.part")

    def __enter__(self) -> IO[bytes]:
        if self.console:
            return sys.stdout.buffer
        try:
            self._file = os.fdopen(os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
        except OSError as error:
            raise Stop(f"cannot write {self.path}: {error.strerror or error}", COULD_NOT_LOOK) from None
        return self._file

    def __exit__(self, failed: object, *_: object) -> None:
        if self.console:
            return
        self._file.close()
        if failed is None:
            self._part.replace(self.path)
        else:
            with suppress(OSError):
                self._part.unlink()


class Writer(Protocol):
    """Takes rows one after the other and finishes the file."""

    def add(self, row: Mapping[str, Any]) -> None: ...
    def end(self) -> None: ...


def writer_of(kind: Format, target: IO[bytes], program: Program) -> Writer:
    from engine.leads.export import header_of

    header = header_of(program)
    if kind is Format.json:
        return _Json(target, header)
    return _Csv(target, header) if kind is Format.csv else _Xlsx(target, header)


class _Json:
    """One JSON array, an object a lead."""

    def __init__(self, target: IO[bytes], header: Sequence[str]) -> None:
        self._target, self._header, self._before = target, header, b"["

    def add(self, row: Mapping[str, Any]) -> None:
        text = json.dumps({name: row.get(name) for name in self._header}, ensure_ascii=False)
        self._target.write(self._before + b"\n" + text.encode())
        self._before = b","

    def end(self) -> None:
        self._target.write((b"[" if self._before == b"[" else b"\n") + b"]\n")


class _Csv:
    """UTF-8 with its mark, as spreadsheets expect it."""

    def __init__(self, target: IO[bytes], header: Sequence[str]) -> None:
        self._target, self._header = target, header
        target.write(b"\xef\xbb\xbf")
        self._writer = csv.writer(self)
        self._row(header)

    def write(self, text: str) -> int:
        return self._target.write(text.encode())

    def add(self, row: Mapping[str, Any]) -> None:
        from engine.leads.export import plain

        self._row([plain(row.get(name)) for name in self._header])

    def _row(self, cells: Sequence[Any]) -> None:
        from engine.rules.imports.cells import safe
        from engine.rules.imports.rows import text_of

        self._writer.writerow([safe(text_of(cell)) for cell in cells])

    def end(self) -> None:
        pass


class _Xlsx:
    """A spreadsheet that is written row by row; every text is a text, never a formula."""

    def __init__(self, target: IO[bytes], header: Sequence[str]) -> None:
        from openpyxl import Workbook

        self._target, self._header = target, header
        self._book = Workbook(write_only=True)
        self._sheet = self._book.create_sheet("Leads")
        self._row(header)

    def add(self, row: Mapping[str, Any]) -> None:
        from engine.leads.export import plain

        self._row([plain(row.get(name)) for name in self._header])

    def _row(self, cells: Sequence[Any]) -> None:
        from openpyxl.cell import WriteOnlyCell

        made = []
        for value in cells:
            cell = WriteOnlyCell(self._sheet, value=value)
            if isinstance(value, str):
                cell.data_type = "s"
            made.append(cell)
        self._sheet.append(made)

    def end(self) -> None:
        self._book.save(self._target)

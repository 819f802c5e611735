"""Tables that people export: bytes to text, text to a header and numbered rows. Pure."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

DELIMITERS: Final = (",", ";", "\t", "|")
PREAMBLE: Final = 40
"""Lines in front of the header at most."""
LARGEST: Final = 64 * 1024 * 1024
"""Bytes of a file."""
NO_TEXT: Final = "the file is not text in UTF-8, UTF-16, or Windows-1252"


class BadFile(ValueError):
    """A file that cannot be read as what it should be; the text says why."""


@dataclass(frozen=True)
class BadLine:
    """`line` counts from 1, as an editor shows it."""

    line: int
    reason: str


@dataclass(frozen=True)
class Sheet:
    """`header` as written; `rows` with the number of their first line, padded to the header's length."""

    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    delimiter: str


def codecs_of(head: bytes) -> tuple[str, ...]:
    """What a file that begins like this can be encoded in, the likeliest first: UTF-16 by its mark or its zeros, UTF-8
    with or without mark, else Windows-1252."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        codec = "utf-16"
    elif head[:2000].count(0) > len(head[:2000]) // 4:
        codec = "utf-16-be" if head[:1] == b"\0" else "utf-16-le"
    else:
        codec = "utf-8-sig"
    return codec, "cp1252"


def decode(data: bytes) -> str:
    """The text of a file; see `codecs_of`. Raises BadFile."""
    if len(data) > LARGEST:
        raise BadFile("the file is larger than 64 MiB")
    for one in codecs_of(data):
        try:
            return data.decode(one).removeprefix("\ufeff")
        except UnicodeDecodeError:
            continue
    raise BadFile(NO_TEXT)


def read_sheet(data: bytes, known: Callable[[Sequence[str]], int]) -> Sheet:
    """The table in a file. `known` says how many columns of a header it knows, 0 for a row that is none.

    Raises BadFile if no line of the first ones is a header, whatever separates its columns.
    """
    text = decode(data)
    best: tuple[int, Sheet] | None = None
    for delimiter in DELIMITERS:
        rows = _rows(text, delimiter)
        for place, (_, header) in enumerate(rows[:PREAMBLE]):
            if count := known(header):
                if best is None or count > best[0]:
                    wide = len(header)
                    body = tuple((line, (*row, *("",) * (wide - len(row)))) for line, row in rows[place + 1 :])
                    best = count, Sheet(header, body, delimiter)
                break
    if best is None:
        raise BadFile("there is no line with the names of the columns")
    return best[1]


def _rows(text: str, delimiter: str) -> list[tuple[int, tuple[str, ...]]]:
    """Rows that are not empty, each with the number of the line it begins on."""
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter)
    found, line = [], 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                found.append((line, tuple(cell.strip() for cell in row)))
            line = reader.line_num + 1
    except csv.Error as error:
        raise BadFile(f"line {reader.line_num} cannot be read: {error}") from None
    return found

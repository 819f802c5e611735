"""Places as the compiler counts them (characters from 1) and as editors do (UTF-16 units from 0)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

BOM = "\ufeff"


class Position(NamedTuple):
    """As editors count: lines from 0, `character` in UTF-16 units from 0."""

    line: int
    character: int


@dataclass(frozen=True)
class Range:
    """`end` is the first position after it."""

    start: Position
    end: Position


class Spot(Protocol):
    """A position, whoever made it."""

    @property
    def line(self) -> int: ...
    @property
    def character(self) -> int: ...


class Place(Protocol):
    """A span or a diagnostic."""

    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...
    @property
    def end_line(self) -> int: ...
    @property
    def end_column(self) -> int: ...


def lines_of(text: str) -> list[str]:
    """The lines as both count them, without their ends and without a byte-order mark."""
    return text.removeprefix(BOM).replace("\r\n", "\n").replace("\r", "\n").split("\n")


class Positions:
    """Converts places in one text."""

    def __init__(self, text: str) -> None:
        self.lines = lines_of(text)
        self._lead = 1 if text.startswith(BOM) else 0

    def position(self, line: int, column: int) -> Position:
        """Of a line and a column counted from 1; a place after the end becomes the end."""
        if line > len(self.lines):
            return Position(len(self.lines), 0)
        text = self.lines[line - 1]
        units = units_in(text[: column - 1]) if column - 1 <= len(text) else units_in(text)
        return Position(line - 1, units + (self._lead if line == 1 else 0))

    def range(self, place: Place) -> Range:
        return Range(self.position(place.line, place.column), self.position(place.end_line, place.end_column))

    def line_range(self, first: int, last: int) -> Range:
        """Whole lines, counted from 1."""
        last = min(last, len(self.lines))
        return Range(self.position(first, 1), self.position(last, len(self.lines[last - 1]) + 1))

    def everything(self) -> Range:
        return Range(Position(0, 0), self.position(len(self.lines), len(self.lines[-1]) + 1))

    def place(self, position: Spot) -> tuple[int, int]:
        """Line and column, counted from 1."""
        if position.line >= len(self.lines):
            return len(self.lines), len(self.lines[-1]) + 1
        text = self.lines[position.line]
        units = max(0, position.character - (self._lead if position.line == 0 else 0))
        if text.isascii():
            return position.line + 1, min(units, len(text)) + 1
        for index, char in enumerate(text):
            if units <= 0:
                return position.line + 1, index + 1
            units -= 2 if ord(char) > 0xFFFF else 1
        return position.line + 1, len(text) + 1


def units_in(text: str) -> int:
    """How many UTF-16 units the text takes."""
    return len(text) if text.isascii() else len(text) + sum(ord(char) > 0xFFFF for char in text)

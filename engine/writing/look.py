"""Where the cursor is: which line, in which kind of block, at which token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dsl.compile import Parsed
from dsl.problems.problems import Problems
from dsl.text.lexer import Lexeme, LineLexer
from dsl.text.lines import Line, indentation
from engine.writing.names import context_below


@dataclass(frozen=True)
class Spot:
    """A token of a line that can be read."""

    line: Line
    context: str
    index: int

    @property
    def token(self) -> Lexeme:
        return self.line.tokens[self.index]


def spot_at(file: Parsed, line: int, column: int) -> Spot | None:
    """The token under the cursor, or the one that ends at it."""
    found = _line_at(file.lines, line, "file")
    if found is None:
        return None
    inside: Spot | None = None
    for index, token in enumerate(found[0].tokens):
        if token.line == line and (token.column or 1) <= column <= (token.end_column or 1):
            inside = Spot(*found, index)
    return inside


def _line_at(lines: Sequence[Line], number: int, context: str) -> tuple[Line, str] | None:
    for line in lines:
        if line.span.line <= number <= line.span.end_line:
            return line, context
        if line.span.line > number:
            return None
        if found := _line_at(line.children, number, context_below(line, context)):
            return found
    return None


@dataclass(frozen=True)
class Unfinished:
    """A line up to the cursor: what is complete of it, and the word or text that is being written (`quoted`: a text,
    without its opening quote). `start` is the column, from 1, where that begins."""

    context: str
    tokens: tuple[Lexeme, ...]
    partial: str
    quoted: bool
    start: int


def unfinished_at(path: str, lines: Sequence[str], number: int, column: int) -> Unfinished | None:
    """None inside a comment."""
    first = _first_of(lines, number)
    lexer = LineLexer(path, Problems())
    for row in range(first, number):
        lexer.feed(lines[row - 1], row, indentation(lines[row - 1]))
    text = lines[number - 1][: column - 1]
    start = indentation(text)
    problems = Problems()
    lexer.problems = problems
    lexer.feed(text, number, start)
    context = _context(path, lines, first)
    tokens = tuple(lexer.tokens)
    last = tokens[-1] if tokens else None
    if any(problem.code == "E001" for problem in problems.found) and last is not None:
        opened = (last.column or 1) + 1
        return Unfinished(context, tokens[:-1], text[opened - 1 :], True, opened)
    rest = text[last.end_pos or 0 :] if last is not None and last.line == number else text
    if "#" in rest:
        return None
    if last is not None and last.type == "NAME" and not rest and last.line == number:
        return Unfinished(context, tokens[:-1], str(last), False, last.column or 1)
    return Unfinished(context, tokens, "", False, column)


def _first_of(lines: Sequence[str], number: int) -> int:
    """The line that a bracket still open at `number` began in; else `number`."""
    indent = indentation(lines[number - 1]) if lines[number - 1].strip() else None
    for row in range(number - 1, max(0, number - 60), -1):
        text = lines[row - 1]
        if not text.strip():
            continue
        if indent is not None and indentation(text) >= indent:
            continue
        lexer = LineLexer("", Problems())
        for between in range(row, number):
            lexer.feed(lines[between - 1], between, indentation(lines[between - 1]))
        return row if lexer.open else number
    return number


def _context(path: str, lines: Sequence[str], number: int) -> str:
    """The kind of block that the line stands in, told by the indentation of the lines above."""
    text = lines[number - 1]
    indent = indentation(text)
    above: list[Line] = []
    for row in range(number - 1, 0, -1):
        text = lines[row - 1]
        width = indentation(text)
        if width >= indent or width >= len(text) or text[width] == "#":
            continue
        lexer = LineLexer(path, Problems())
        lexer.feed(text, row, width)
        if lexer.tokens:
            above.append(Line(path, width, lexer.tokens, broken=False, garbled=False))
            indent = width
        if width == 0:
            break
    context = "file"
    for line in reversed(above):
        context = context_below(line, context)
    return context

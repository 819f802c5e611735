"""Lines and their indentation: the text as a forest of logical lines, before anything is known of their meaning.

A line whose bracket is still open goes on over the following lines as long as they are indented deeper.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from dsl.problems.problems import Problems
from dsl.text.lexer import Lexeme, LineLexer, span_of
from dsl.text.source import HOSTILE, Source
from dsl.tree.declarations import Span

DEEPEST = 40
"""Blocks inside blocks."""

_INDENT = re.compile(rf"(?:[ \t\u00a0\u2000-\u200a\u202f\u3000\x85]|{HOSTILE.pattern})*")


@dataclass
class Line:
    """A logical line: its tokens (never none) and the lines indented below it."""

    path: str
    indent: int
    tokens: list[Lexeme]
    broken: bool
    garbled: bool
    children: list[Line] = field(default_factory=list)

    @property
    def span(self) -> Span:
        return span_of(self.tokens[0], self.tokens[-1])


def read_lines(source: Source, problems: Problems) -> list[Line]:
    """The file's outermost lines, each with its block."""
    return _nest(_logical(source, problems), problems)


def _logical(source: Source, problems: Problems) -> list[Line]:
    lines: list[Line] = []
    number, count = 0, len(source.lines)
    tabs = _Tabs(source.path)
    while number < count:
        text = source.lines[number]
        number += 1
        start, indent = _measure(text, number, tabs)
        if _is_blank(text, start):
            continue
        lexer = LineLexer(source.path, problems)
        lexer.feed(text, number, start)
        while lexer.open and number < count:
            following = source.lines[number]
            deeper, width = _measure(following, number + 1, tabs)
            if not _is_blank(following, deeper):
                if width <= indent:
                    break
                lexer.feed(following, number + 1, deeper)
            number += 1
        lexer.close()
        if lexer.tokens:
            lines.append(Line(source.path, indent, lexer.tokens, lexer.broken, lexer.garbled))
    tabs.report(problems)
    return lines


def indentation(text: str) -> int:
    """How many characters stand before the first that is no space."""
    match = _INDENT.match(text)
    return match.end() if match else 0


def _is_blank(text: str, start: int) -> bool:
    return start >= len(text) or text[start] == "#"


def _measure(text: str, number: int, tabs: _Tabs) -> tuple[int, int]:
    """Where the text begins, and how wide the indentation is. A tab counts to the next multiple of four."""
    spaces = len(text) - len(text.lstrip(" "))
    if "!" <= text[spaces : spaces + 1] <= "~":
        return spaces, spaces
    lead = text[: indentation(text)]
    if lead.isspace() and "\t" not in lead:
        return len(lead), len(lead)
    width = 0
    for column, char in enumerate(lead):
        if char == "\t":
            width += 4 - width % 4
            if len(lead) < len(text):
                tabs.seen(number, column)
        elif not HOSTILE.match(char):
            width += 1
    return len(lead), width


class _Tabs:
    """Tabs in indentation, told once per file: whoever has one has many."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.first: tuple[int, int] | None = None
        self.lines: set[int] = set()

    def seen(self, number: int, column: int) -> None:
        self.first = self.first or (number, column)
        self.lines.add(number)

    def report(self, problems: Problems) -> None:
        if self.first is not None:
            line, column = self.first
            more = len(self.lines) - 1
            verb, plural = ("is", "") if more == 1 else ("are", "s")
            others = f", and so {verb} {more} more line{plural}" if more else ""
            problems.add("E020", Span(self.path, line, column + 1, line, column + 2), others=others)


def _nest(lines: list[Line], problems: Problems) -> list[Line]:
    roots: list[Line] = []
    blocks: list[tuple[int, list[Line]]] = []
    too_deep = False
    for line in lines:
        if not blocks:
            blocks = [(line.indent, roots)]
            if line.indent:
                problems.add("E021", _lead(line))
        if line.indent > blocks[-1][0] and blocks[-1][1]:
            if len(blocks) > DEEPEST:
                if not too_deep:
                    problems.add("E023", line.span, limit=DEEPEST)
                too_deep = True
                continue
            blocks.append((line.indent, blocks[-1][1][-1].children))
        elif line.indent < blocks[-1][0]:
            _close(line, blocks, problems)
        blocks[-1][1].append(line)
    return roots


def _close(line: Line, blocks: list[tuple[int, list[Line]]], problems: Problems) -> None:
    """Leave blocks until the line's own; between two blocks it counts to the inner one."""
    inner = blocks[-1]
    while blocks[-1][0] > line.indent:
        if len(blocks) == 1:
            blocks[0] = (line.indent, blocks[0][1])
            return
        inner = blocks.pop()
    if blocks[-1][0] < line.indent:
        problems.add("E022", _lead(line), outer=blocks[-1][0], inner=inner[0], found=line.indent)
        blocks.append(inner)


def _lead(line: Line) -> Span:
    first = line.tokens[0]
    return Span(line.path, first.line or 1, 1, first.line or 1, max(2, first.column or 1))

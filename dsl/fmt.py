"""One style for campaign files. Works on tokens and indentation alone, so whatever the grammar learns is covered.

Four spaces for each block, one space between tokens, at most one blank line, straight quotes around texts. The author's
line breaks stay, also inside brackets, and so does every comment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise

from dsl.problems.diagnostics import Diagnostic
from dsl.problems.problems import Problems
from dsl.text.lexer import STRAIGHT, Lexeme
from dsl.text.lines import Line, indentation, read_lines
from dsl.text.source import Source, normalise

STEP = 4
AMOUNT = 4
"""Characters that the amount of a scoring rule takes at least, so that the rules of a scoring stand in one column."""

COLUMN = 60
"""Comments of neighbouring lines stand in one column; a line that is longer than this has its own."""

HARMLESS = frozenset({"E008"})
"""Complaints of the reading phases with which a file still means what it shows."""


@dataclass(frozen=True)
class Formatted:
    """`text` is None when the file cannot be read safely; `diagnostics` then say why."""

    text: str | None
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True)
class _Row:
    """One line of the result."""

    code: str = ""
    """With its indentation."""
    comment: str = ""

    @property
    def blank(self) -> bool:
        return not self.code and not self.comment


@dataclass(frozen=True)
class _Placed:
    """A logical line, the depth of its block, and the width that its first word is padded to."""

    line: Line
    depth: int
    width: int


def format_text(path: str, text: str) -> Formatted:
    """The file in the one style: the same tokens in the same blocks, the same comments. Formatting the result again
    changes nothing."""
    problems = Problems()
    source = normalise(path, text, problems)
    lines = read_lines(source, problems)
    blocking = tuple(problem for problem in problems.found if problem.code not in HARMLESS)
    if blocking:
        return Formatted(None, blocking)
    rows = _single_blanks(_rows(source, list(_flat(lines))))
    return Formatted("".join(f"{line}\n" for line in _aligned(rows)))


def _flat(lines: list[Line], depth: int = 0, parent: Line | None = None) -> Iterator[_Placed]:
    in_scoring = parent is not None and parent.tokens[0] == "scoring"
    amounts = [len(line.tokens[0]) for line in lines if in_scoring and line.tokens[0].type == "NUMBER"]
    width = max([AMOUNT, *amounts])
    for line in lines:
        yield _Placed(line, depth, width if in_scoring and line.tokens[0].type == "NUMBER" else 0)
        yield from _flat(line.children, depth + 1, line)


# ── from the source to rows ──────────────────────────────────────────────────────────────────────────────────────────
def _rows(source: Source, placed: list[_Placed]) -> Iterator[_Row]:
    done = 0
    indents: list[int] = []
    for now in placed:
        first = now.line.span.line - 1
        yield from _between(source.lines[done:first], indents, now)
        yield from _logical(source, now)
        indents = [*indents[: now.depth], now.line.indent]
        done = now.line.span.end_line
    yield from _between(source.lines[done:], indents, None)


def _between(texts: tuple[str, ...], indents: list[int], following: _Placed | None) -> Iterator[_Row]:
    """Blank lines and whole-line comments. `indents` are the indentations of the blocks open so far."""
    for text in texts:
        start = indentation(text)
        comment = text.strip()
        if comment:
            comment = " " * (STEP * _depth(start, indents, following)) + comment
        yield _Row(comment=comment)


def _depth(width: int, indents: list[int], following: _Placed | None) -> int:
    """The block a comment belongs to: the one it is indented like, but never outside the next line's."""
    least = following.depth if following else 0
    opened = list(indents)
    if following and following.depth == len(indents):
        opened.append(following.line.indent)
    elif indents and width > indents[-1]:
        return len(indents)
    return max([least, *(depth for depth, indent in enumerate(opened) if indent <= width)])


def _logical(source: Source, placed: _Placed) -> Iterator[_Row]:
    """The rows of one logical line: more than one when a bracket goes on over several lines."""
    line, base = placed.line, STEP * placed.depth
    by_row = _by_row(line.tokens)
    ends = {token.line: token.end_pos or 0 for token in line.tokens}
    opened = 0
    for number in range(line.span.line, line.span.end_line + 1):
        tokens = by_row.get(number, [])
        indent = base
        if number > line.span.line:
            indent += STEP + STEP * max(0, opened - _closing(tokens))
        for token in tokens:
            opened = max(0, opened + (token.type == "_LPAR") - (token.type == "_RPAR"))
        comment = source.lines[number - 1][ends.get(number, 0) :].strip()
        if tokens:
            yield _Row(" " * indent + _spaced(tokens, placed.width if number == line.span.line else 0), comment)
        else:
            yield _Row(comment=" " * indent + comment if comment else "")


def _by_row(tokens: list[Lexeme]) -> dict[int, list[Lexeme]]:
    """Tokens by the line they are written in; a comma belongs to the line of what it follows."""
    rows: dict[int, list[Lexeme]] = {}
    row = 0
    for token in tokens:
        if token.type != "_COMMA" or not row:
            row = token.line or 1
        rows.setdefault(row, []).append(token)
    return rows


def _closing(tokens: list[Lexeme]) -> int:
    return next((count for count, token in enumerate(tokens) if token.type != "_RPAR"), len(tokens))


# ── from tokens to text ──────────────────────────────────────────────────────────────────────────────────────────────
def _spaced(tokens: list[Lexeme], width: int) -> str:
    parts = [_written(tokens[0]).ljust(width)]
    for index, (before, token) in enumerate(pairwise(tokens), 1):
        parts.append("" if _glued(tokens, index, before, token) else " ")
        parts.append(_written(token))
    return "".join(parts).rstrip(" ")


def _glued(tokens: list[Lexeme], index: int, before: Lexeme, token: Lexeme) -> bool:
    if before.type == "_LPAR" or token.type in ("_RPAR", "_COMMA"):
        return True
    dot = index if token.type == "_DOT" else index - 1
    around = tokens[dot - 1 : dot + 2]
    return tokens[dot].type == "_DOT" and dot > 0 and [part.type for part in around] == ["NAME", "_DOT", "NAME"]


def _written(token: Lexeme) -> str:
    if token.type != "STRING":
        return str(token)
    escaped = str(token).replace("\\", "\\\\").replace(STRAIGHT, f"\\{STRAIGHT}")
    return f"{STRAIGHT}{escaped}{STRAIGHT}"


def _single_blanks(rows: Iterator[_Row]) -> list[_Row]:
    """At most one blank line in a row, none at the beginning and the end of the file."""
    kept: list[_Row] = []
    for blank, group in groupby(rows, key=lambda row: row.blank):
        kept += [_Row()] if blank else group
    start = 1 if kept and kept[0].blank else 0
    return kept[start : -1 if len(kept) > 1 and kept[-1].blank else None]


def _aligned(rows: list[_Row]) -> Iterator[str]:
    """The text of all rows, comments of lines without a gap between them in one column."""
    for code, group in groupby(rows, key=lambda row: bool(row.code)):
        members = list(group)
        ends = [len(row.code) for row in members if row.comment and len(row.code) <= COLUMN]
        column = max(ends, default=0) + 2
        for row in members:
            gap = "" if not code or not row.comment else " " * max(2, column - len(row.code))
            yield f"{row.code}{gap}{row.comment}" if row.comment else row.code

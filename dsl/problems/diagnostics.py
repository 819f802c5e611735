"""One problem in a campaign file, as a value: rendered as text for people and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

from dsl.tree.declarations import Span


class Related(BaseModel):
    """A second place that belongs to the problem. Counts as in `Diagnostic`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    message: str
    file: str
    line: int
    column: int
    end_line: int
    end_column: int


class Diagnostic(BaseModel):
    """What is wrong, where, and what to do. Counts characters from 1; `end_column` is one past the end."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    severity: Literal["error", "warning"]
    message: str
    help: str | None = None
    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    related: tuple[Related, ...] = ()


def at(message: str, span: Span) -> Related:
    return Related(message=message, **_place(span))


def diagnostic(
    code: str, message: str, span: Span, help: str | None = None, related: Iterable[Related] = ()
) -> Diagnostic:
    severity: Literal["error", "warning"] = "warning" if code.startswith("W") else "error"
    return Diagnostic(
        code=code, severity=severity, message=message, help=help or None, related=tuple(related), **_place(span)
    )


def on_whole_lines(problem: Diagnostic, files: Mapping[str, str]) -> Diagnostic:
    """Plans know the line of a step and no column: places in `files` that are such lines become the line's text."""
    related = tuple(other.model_copy(update=_whole(other, files)) for other in problem.related)
    return problem.model_copy(update={**_whole(problem, files), "related": related})


def _whole(place: Diagnostic | Related, files: Mapping[str, str]) -> dict[str, int]:
    lines = _lines(files[place.file]) if place.file in files and (place.column, place.end_column) == (1, 2) else []
    text = lines[place.line - 1] if place.line <= len(lines) else ""
    blank = len(text) - len(text.lstrip())
    return {"column": blank + 1, "end_column": len(text.rstrip()) + 1} if text.strip() else {}


def in_order(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """By place, each once."""
    unique = dict.fromkeys(diagnostics)
    return tuple(sorted(unique, key=lambda d: (d.file, d.line, d.column, d.code, d.message)))


def as_json(diagnostics: Iterable[Diagnostic]) -> str:
    """One JSON list of objects, for programs and editors."""
    return json.dumps([d.model_dump(mode="json") for d in diagnostics], indent=2)


def as_text(diagnostics: Iterable[Diagnostic], files: Mapping[str, str]) -> str:
    """All problems with the lines they stand in; `files` maps the paths in the diagnostics to their text."""
    lines = {path: _lines(text) for path, text in files.items()}
    return "\n".join(_one(d, lines) for d in diagnostics)


def _one(problem: Diagnostic, files: Mapping[str, list[str]]) -> str:
    places: tuple[Diagnostic | Related, ...] = (problem, *problem.related)
    width = max(len(str(place.line)) for place in places)
    parts = [f"{problem.severity}[{problem.code}]: {problem.message}", *_excerpt(problem, files, width)]
    for place in problem.related:
        parts += [f"note: {place.message}", *_excerpt(place, files, width)]
    if problem.help:
        first, *rest = problem.help.split("\n")
        parts += [f"help: {first}", *(f"      {line}" if line else "" for line in rest)]
    return "\n".join(parts) + "\n"


def _excerpt(place: Diagnostic | Related, files: Mapping[str, list[str]], width: int) -> list[str]:
    head = f"{' ' * width} --> {place.file}:{place.line}:{place.column}"
    lines = files.get(place.file, [])
    if not 1 <= place.line <= len(lines):
        return [head]
    text, column, end = _window(lines[place.line - 1], place)
    gutter = " " * (width + 1)
    return [
        head,
        f"{gutter} |",
        f" {place.line:>{width}} | {text}".rstrip(),
        f"{gutter} | {' ' * (column - 1)}{'^' * max(1, end - column)}",
    ]


LONGEST = 160
"""Characters of a source line that an excerpt shows at most."""


def _window(line: str, place: Diagnostic | Related) -> tuple[str, int, int]:
    """The part of the line to show, with the columns of the underline in it."""
    column = max(1, place.column)
    end = place.end_column if place.end_line == place.line else len(line) + 1
    end = max(column + 1, min(end, max(len(line) + 1, column + 1)))
    start = 0
    if len(line) > LONGEST:
        start = max(0, min(column - 40, len(line) - LONGEST))
        line = line[start : start + LONGEST]
    end = min(end, start + LONGEST + 1)
    return _visible(line), column - start, max(end - start, column - start + 1)


def _visible(line: str) -> str:
    """Characters that would move the text on a terminal are shown as a mark of one column."""
    return "".join(char if char.isprintable() else _mark(char) for char in line)


def _mark(char: str) -> str:
    return "\u2423" if char in "\t\u00a0\u202f" else "\ufffd"


def _lines(text: str) -> list[str]:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _place(span: Span) -> dict[str, str | int]:
    return {
        "file": span.file, "line": span.line, "column": span.column,
        "end_line": span.end_line, "end_column": span.end_column,
    }  # fmt: skip

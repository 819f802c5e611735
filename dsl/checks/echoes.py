"""Problems that are only the echo of another: what a checker says of a line that could not be read whole."""

from __future__ import annotations

from collections.abc import Container, Iterable

from dsl.problems.diagnostics import Diagnostic
from dsl.text.lines import Line

READING = ("E0", "E4")
"""Codes about the reading of a line itself; on a damaged line only these are told."""

ABSENCE = frozenset(
    (
        "E232", "E343", "E406", "E407", "E408", "E409", "E507", "E510", "E513", "E514", "E515", "E528", "E601", "E602",
        "E606", "E620", "E622", "E625", "E627", "E656", "W101", "W104",
    )
)  # fmt: skip
"""Codes that say something is missing or leads nowhere: not told of a declaration with a damaged line in it, because
what is missing may stand in that line."""

GUESSED = frozenset(("W114",))
"""Codes that judge a value, such as a day: not told of a line with an error, whose value is a guess."""

BLOCKS = frozenset(("E022", "E402", "E404"))
"""Codes about the block that a line stands in: not told of a file with tabs, whose width nobody knows."""

LAST = frozenset(("E656",))
"""Codes about a whole declaration that are told only of one without another error: what is wrong may be what was to do
something."""

Place = tuple[str, int]


def without_echoes(
    found: Iterable[Diagnostic], files: Iterable[list[Line]], damaged: Iterable[Line]
) -> list[Diagnostic]:
    lines = {place for line in damaged for place in _places(line.span.file, line.span.line, line.span.end_line)}
    paths = {path for path, _ in lines}
    found, files = tuple(found), tuple(files)
    roots = {place for root in _roots(files, paths) if (its := set(root)) & lines for place in its}
    late = [problem for problem in found if problem.code in LAST]
    faulty = (
        {(one.file, one.line) for one in found if one.severity == "error" and one.code not in LAST} if late else set()
    )
    broken = {root[0] for root in _roots(files, {one.file for one in late}) if not faulty.isdisjoint(root)}
    begun = {(problem.file, problem.line) for problem in found if problem.code == "E411"}
    wrong = {(problem.file, problem.line) for problem in found if problem.severity == "error"}
    tabbed = {problem.file for problem in found if problem.code == "E020"}
    kept = []
    for problem in found:
        if problem.file in tabbed and problem.code in BLOCKS:
            continue
        if problem.code == "W131" and not begun.isdisjoint(_places(problem.file, problem.line, problem.end_line)):
            continue
        place = (problem.file, problem.line)
        if place in lines and not problem.code.startswith(READING):
            continue
        if problem.code in LAST and place in broken:
            continue
        if place in wrong and problem.code in GUESSED:
            continue
        if place in roots and problem.code in ABSENCE:
            continue
        kept.append(problem)
    return kept


def _roots(files: Iterable[list[Line]], paths: Container[str]) -> Iterable[list[Place]]:
    for lines in files:
        for root in lines:
            if root.path in paths:
                yield _places(root.path, root.span.line, _last_line(root))


def _last_line(line: Line) -> int:
    while line.children:
        line = line.children[-1]
    return line.span.end_line


def _places(file: str, first: int, last: int) -> list[Place]:
    return [(file, number) for number in range(first, last + 1)]

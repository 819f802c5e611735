"""How problems of templates become diagnostics: their place, their help, the line that uses the template."""

from __future__ import annotations

import re
from typing import Literal

from dsl.problems.diagnostics import Diagnostic, Related
from engine.mail.places import Place
from engine.mail.uses import Line, Use


def related_to(use: Use) -> tuple[Related, ...]:
    """The line that uses a template, if it is known."""
    file, _, line = use.source.rpartition(":")
    if not file or not line.isdigit():
        return ()
    place = {"file": file, "line": int(line), "column": 1, "end_line": int(line), "end_column": 2}
    return (Related(message="it is used here", **place),)


def diagnostic_of(
    code: str, file: str, text: str, line: int, message: str, help: str = "", place: Place | None = None,
    related: tuple[Related, ...] = (),
) -> Diagnostic:  # fmt: skip
    """A problem of that code, an error or a warning; without a place it is all of the line."""
    place = place or _line_place(text, max(line, 1), message)
    severity: Literal["error", "warning"] = "warning" if code.startswith("W") else "error"
    return Diagnostic(
        code=code, severity=severity, message=message, help=help or None, file=file, line=place.line,
        column=place.column, end_line=place.line, end_column=place.end, related=related,
    )  # fmt: skip


def fallback(written: str, type: str) -> str:
    """What to do about a value that may be missing: a default of its type, or a sentence only if it is there."""
    if type in ("date", "moment", "due"):
        return f"put the words about it in an `{{% if {written} %}}…{{% endif %}}`"
    default = "0" if type in ("number", "money") else '"…"'
    return f"give it a default: `{{{{ {written}|default({default}) }}}}`"


def in_campaign(code: str, line: Line, message: str, help: str, place: Place | None) -> Diagnostic:
    """A problem of a template that stands in a campaign, at the line of its step; the columns are those inside the
    text, until `at_text` puts the problem there."""
    file, _, number = line.use.source.rpartition(":")
    start, end = (place.column, place.end) if place and place.line == 1 else (1, len(line.text) + 1)
    message, help = f"in the {line.what} here: {message}", help.replace('"', "'")
    return diagnostic_of(code, file, "", int(number), message, help, Place(int(number), start, end))


def at_text(problem: Diagnostic, line: Line, number: int, column: int) -> Diagnostic:
    """The same where the text in quotes begins at this place of its file, counted from 1 with its quote."""
    first, last = (column + len(_as_written(line.text[: at - 1])) + 1 for at in (problem.column, problem.end_column))
    where = {"line": number, "column": first, "end_line": number, "end_column": last}
    return problem.model_copy(update=where)


def found_in(problem: Diagnostic, line: Line, file: str) -> Diagnostic:
    """At the words it is about, in a campaign file; all of the step's line if the text is not found there."""
    rows, written = file.splitlines(), _as_written(line.text)
    for number, row in enumerate(rows[problem.line - 1 :], problem.line):
        at = row.find(written)
        if at > 0 and not (row[at - 1].isalnum() or row[at - 1].isspace()):
            return at_text(problem, line, number, at)
    return problem.model_copy(update={"column": 1, "end_column": 2})


def _as_written(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _line_place(text: str, line: int, message: str) -> Place:
    """The line, or the one word in it that the message names."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    written = lines[line - 1] if line <= len(lines) else ""
    for word in re.findall(r"[`']([^`']+)[`']", message):
        found = list(re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", written))
        if len(found) == 1:
            return Place(line, found[0].start() + 1, found[0].end() + 1)
    start, end = len(written) - len(written.lstrip()), max(len(written.rstrip()), 1)
    return Place(line, start + 1, end + 1)

"""How problems of templates become diagnostics: their place, their help, the line that uses the template."""

from __future__ import annotations

import re
from typing import Literal

from dsl.problems.diagnostics import Diagnostic, Related
from engine.mail.places import Place
from engine.mail.uses import Use


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

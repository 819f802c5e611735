"""`coldframe check`: every problem of a workspace, with its place and a way out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.common import FAILED, err, load_settings, out

if TYPE_CHECKING:
    from dsl.problems.diagnostics import Diagnostic


def check(
    path: Annotated[
        Path | None, typer.Argument(help="The workspace folder; also --path. [default: COLDFRAME_CAMPAIGNS]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the diagnostics as one JSON list.")] = False,
) -> None:
    """Check a workspace and report every error and warning.

    Exits with 0 if there are no errors, 1 if there are, 2 if the check could not run. Warnings do not count.

    Example: `coldframe check campaigns --json`
    """
    from dsl.problems.diagnostics import as_json as rendered_json
    from dsl.problems.diagnostics import as_text
    from dsl.workspace import misnamed
    from engine.cli.workspace import examine

    folder = path or load_settings(reading=True).campaigns
    found = examine(folder)
    if as_json:
        out.print(rendered_json(found.diagnostics), markup=False)
    else:
        if found.diagnostics:
            out.print(as_text(found.diagnostics, found.files), markup=False)
        err.print(summary(found.diagnostics, found.campaigns))
        for other in misnamed(folder):
            err.print(f"{other} was ignored; the name of a campaign file ends in .campaign", markup=False)
    if found.program is None:
        raise typer.Exit(FAILED)


def summary(diagnostics: tuple[Diagnostic, ...], files: int) -> str:
    """One line: how many campaign files were read and what was found."""
    errors = sum(problem.severity == "error" for problem in diagnostics)
    warnings = len(diagnostics) - errors
    parts = [f"{n} {word}{'' if n == 1 else 's'}" for n, word in ((errors, "error"), (warnings, "warning")) if n]
    return f"{files} campaign file{'' if files == 1 else 's'} checked: {' and '.join(parts) or 'no problems found'}"

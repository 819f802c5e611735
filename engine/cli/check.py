"""`coldframe check`: every problem of a workspace, with its place and a way out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.common import FAILED, err, load_settings, out

if TYPE_CHECKING:
    from dsl.problems.diagnostics import Diagnostic


def check(
    path: Annotated[Path | None, typer.Argument(help="The workspace folder. [default: COLDFRAME_CAMPAIGNS]")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON list of diagnostics.")] = False,
) -> None:
    """Read all campaign files of a workspace and say everything that is wrong with them.

    Exits 0 when there is no error (warnings are allowed), 1 when there is one, 2 when it could not look.

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
            err.print(f"{other} was not read: a campaign file's name ends in .campaign", markup=False)
    if found.program is None:
        raise typer.Exit(FAILED)


def summary(diagnostics: tuple[Diagnostic, ...], files: int) -> str:
    """One line: how many campaign files were read and what was found."""
    errors = sum(problem.severity == "error" for problem in diagnostics)
    warnings = len(diagnostics) - errors
    parts = [f"{n} {word}{'' if n == 1 else 's'}" for n, word in ((errors, "error"), (warnings, "warning")) if n]
    return (
        f"{files} campaign file{'' if files == 1 else 's'} read: {' and '.join(parts) or 'nothing to complain about'}"
    )

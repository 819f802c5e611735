"""`coldframe fmt`: one style for campaign files."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.common import FAILED, Stop, err, load_settings, out


def fmt(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Campaign files, or folders that contain them; also --path. [default: COLDFRAME_CAMPAIGNS]"
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing, and exit with 1 if a file would change.")
    ] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Change nothing, and show what would change.")] = False,
) -> None:
    """Format campaign files in one style, keeping meaning and comments.

    Four spaces for each block, one space between words, at most one blank line, and straight quotes. A file that cannot
    be read safely is skipped, with the reason. Exits with 0 if all files are formatted, 1 if a file was skipped (with
    --check, also if one would change), 2 if the command could not run.

    Example: `coldframe fmt campaigns --check`
    """
    changed = left = 0
    files = list(_files(paths or [load_settings(reading=True).campaigns]))
    for path in files:
        raw = _read(path)
        text = _formatted(path, raw)
        if text is None:
            left += 1
        elif (new := text.encode("utf-8")) != raw:
            changed += 1
            if diff:
                _show(path, raw.decode("utf-8"), text)
            elif check:
                out.print(f"{path.as_posix()} would change", markup=False)
            else:
                _write(path, new)
    err.print(_summary(len(files), changed, left, "would change" if check or diff else "changed"))
    if left or (check and changed):
        raise typer.Exit(FAILED)


def _files(paths: list[Path]) -> Iterator[Path]:
    from dsl.workspace import paths as workspace_paths

    for path in paths:
        if path.is_dir():
            found = [file for file, asset in workspace_paths(path) if asset is None]
            if not found:
                raise Stop(f"no *.campaign file in {path}")
            yield from found
        elif path.is_file():
            if path.suffix != ".campaign":
                raise Stop(f"{path} is not a campaign file; its name must end in .campaign")
            yield path
        else:
            raise Stop(f"no file or folder {path}")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Stop(f"cannot read {path}: {error.strerror or error}") from None


def _formatted(path: Path, raw: bytes) -> str | None:
    """The text in the one style; None after saying why the file is left alone."""
    from dsl.fmt import format_text
    from dsl.problems.diagnostics import as_text
    from dsl.problems.problems import Problems
    from dsl.workspace import decoded

    shown, problems = path.as_posix(), Problems()
    text = decoded(shown, raw, problems)
    formatted = format_text(shown, text) if text is not None else None
    if formatted and formatted.text is not None:
        return formatted.text
    told = [*problems.found, *(formatted.diagnostics if formatted else ())]
    out.print(as_text(told, {shown: raw.decode("utf-8", "replace")}), markup=False)
    return None


def _show(path: Path, old: str, new: str) -> None:
    """A unified diff; line ends and other invisible characters are shown as escapes where they are the difference."""
    before, after = old.split("\n"), new.split("\n")
    name = path.as_posix()
    for line in unified_diff(before, after, name, f"{name} (formatted)", lineterm=""):
        style = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])
        shown = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in line)
        out.print(shown, markup=False, style=style)


def _write(path: Path, content: bytes) -> None:
    """Replace the file in one step, so that no reader sees half of it; a link stays a link."""
    target = path.resolve()
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            shutil.copymode(target, name)
            os.replace(name, target)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise Stop(f"cannot write {path}: {error.strerror or error}") from None


def _summary(files: int, changed: int, left: int, verb: str) -> str:
    def count(number: int) -> str:
        return f"{number} file{'' if number == 1 else 's'}"

    parts = [f"{count(changed)} {verb}" if changed else "", f"{count(left)} skipped" if left else ""]
    return f"{count(files)} checked: {', '.join(part for part in parts if part) or 'all already formatted'}"

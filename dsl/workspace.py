"""Reads a workspace's folder into memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dsl.diagnostics import Diagnostic
from dsl.problems import Problems
from dsl.tree import Span


@dataclass(frozen=True)
class Sources:
    """`files` by the path shown to the author; `assets` by their path inside the workspace, with `/`."""

    files: dict[str, str]
    assets: dict[str, bytes]
    diagnostics: tuple[Diagnostic, ...]


def read_workspace(folder: Path) -> Sources:
    """All `*.campaign` files under `folder`, and everything in its `templates/` and `files/`.

    Hidden files and folders are left out, and links that lead out of the folder. A campaign file that is not UTF-8
    becomes a diagnostic. Raises OSError when the folder cannot be read.
    """
    problems = Problems()
    files: dict[str, str] = {}
    assets: dict[str, bytes] = {}
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is not a folder")
    inside = folder.resolve()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in name.parts)
        if hidden or not path.is_file() or not path.resolve().is_relative_to(inside):
            continue
        if name.parts[0] in ("templates", "files"):
            assets[name.as_posix()] = path.read_bytes()
        elif path.suffix == ".campaign":
            text = _decoded(path, problems)
            if text is not None:
                files[path.as_posix()] = text
    return Sources(files, assets, tuple(problems.found))


def _decoded(path: Path, problems: Problems) -> str | None:
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        before = raw[raw.rfind(b"\n", 0, error.start) + 1 : error.start]
        column = len(before.decode("utf-8", "replace")) + 1
        place = Span(path.as_posix(), line, column, line, column + 1)
        problems.add("E014", place, byte=f"0x{raw[error.start]:02x} at position {error.start}")
        return None

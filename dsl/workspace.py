"""Reads a workspace's folder into memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from dsl.problems.diagnostics import Diagnostic
from dsl.problems.problems import Problems
from dsl.tree.declarations import Span


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
    for path, asset in paths(folder):
        if asset is not None:
            assets[asset] = path.read_bytes()
            continue
        text = decoded(path.as_posix(), path.read_bytes(), problems)
        if text is not None:
            files[path.as_posix()] = text
    return Sources(files, assets, tuple(problems.found))


def misnamed(folder: Path) -> list[Path]:
    """Files beside the campaigns whose name ends almost as a campaign file's does, or in .txt: nobody reads them."""
    beside = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".campaign"]
    names = [(path, path.relative_to(folder).parts) for path in beside]
    return [
        path
        for path, parts in names
        if parts[0] not in ("templates", "files")
        and not any(part.startswith(".") for part in parts)
        and (path.suffix == ".txt" or get_close_matches(path.suffix.lower(), [".campaign"], cutoff=0.8))
    ]


def paths(folder: Path) -> Iterator[tuple[Path, str | None]]:
    """Every file that belongs to a workspace, in order: a campaign file with None, any other with its path inside."""
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is not a folder")
    inside = folder.resolve()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in name.parts)
        if hidden or not path.is_file() or not path.resolve().is_relative_to(inside):
            continue
        if name.parts[0] in ("templates", "files"):
            yield path, name.as_posix()
        elif path.suffix == ".campaign":
            yield path, None


def decoded(shown: str, raw: bytes, problems: Problems) -> str | None:
    """The text of a campaign file; None after reporting the first byte that is not UTF-8."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        before = raw[raw.rfind(b"\n", 0, error.start) + 1 : error.start]
        column = len(before.decode("utf-8", "replace")) + 1
        place = Span(shown, line, column, line, column + 1)
        problems.add("E014", place, byte=f"0x{raw[error.start]:02x} at position {error.start}")
        return None

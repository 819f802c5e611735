"""Reads a workspace's folder into memory."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from os.path import relpath
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


def workspaces_near(folder: Path, texts: Iterable[str]) -> Sequence[Path]:
    """The workspace folders that are meant by a folder that is not one itself, in order; empty: it is one, or none is
    near.

    A workspace's templates and downloads are in its own `templates/` and `files/`. `texts` are the campaign files found
    under the folder. Where it has neither what they name nor such a folder at all, a folder below that has its own
    templates beside its campaigns is meant, or else the one above whose templates they name. A folder without campaigns
    can lie in the workspace itself, as `templates` does.
    """
    named = set(_QUOTED.findall("\n".join(texts)))
    if _has_any(folder, named) or not folder.is_dir():
        return ()
    inside = folder.resolve()
    below = {
        above
        for path, asset in paths(folder)
        if asset is None
        for above in _between(path.parent, folder)
        if (above / "templates").is_dir()
    }
    if below:
        return sorted(one for one in below if not any(other in one.parents for other in below))
    if (folder / "templates").is_dir() or (folder / "files").is_dir():
        return ()
    if not named:
        return next(([_seen_from(folder, up)] for up in inside.parents[:_UP] if _is_workspace(up)), ())
    return next(([_seen_from(folder, up)] for up in inside.parents[:_UP] if _has_any(up, named)), ())


_QUOTED = re.compile(r'"([^"\n]+)"')
_UP = 3
"""How many folders further up a workspace is looked for."""


def _is_workspace(folder: Path) -> bool:
    return (folder / "templates").is_dir() and any(folder.glob("*.campaign"))


def _has_any(folder: Path, named: Iterable[str]) -> bool:
    """Whether the folder has a template or a download of one of those names."""
    templates, files = folder / "templates", folder / "files"
    return any(_plain(name) and (_has_template(templates, name) or (files / name).is_file()) for name in named)


def _has_template(templates: Path, name: str) -> bool:
    place = templates / name
    return place.parent.is_dir() and any(one.name.startswith(f"{place.name}.") for one in place.parent.iterdir())


def _plain(name: str) -> bool:
    """Whether a text can be the name of a file inside a folder."""
    return "\0" not in name and len(name) < 200 and ".." not in name and not name.startswith(("/", "~"))


def _between(path: Path, folder: Path) -> list[Path]:
    """The folders from a path up to a folder, without that one."""
    return [one for one in (path, *path.parents) if one != folder and folder in one.parents]


def _seen_from(folder: Path, above: Path) -> Path:
    """A folder further up, written as the one it was found from."""
    return above if folder.is_absolute() else Path(relpath(above))


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

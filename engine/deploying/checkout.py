"""The folder of the workspace beside the database: what is deployed at the desk is written there, in a git checkout as
a commit, and what others have changed there can be taken into a draft.

Everything here reads and writes files and runs git, so callers give it to a thread.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile

MAX_FILE = 5 * 1024 * 1024
"""Bytes of a file that is read."""
MAX_FILES = 5_000
SECONDS = 20
"""How long git may take."""
TRAILER = "Coldframe-Deployment"


@dataclass(frozen=True)
class Outside:
    """What the folder has that is not live: `files` by their path, None for a file that is not there. `commit`: the
    newest commit in words, "" without git."""

    files: Mapping[str, bytes | None] = field(default_factory=dict)
    commit: str = ""


@dataclass(frozen=True)
class Written:
    """`commit`: its short id, "" without git. `problem`: why nothing, or not all, was done, for people."""

    commit: str = ""
    problem: str = ""


def read_folder(folder: Path) -> dict[str, bytes]:
    """The files of the workspace by their path inside: those that `coldframe deploy` reads. Raises OSError."""
    found: dict[str, bytes] = {}
    inside = folder.resolve()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if any(part.startswith(".") for part in name.parts) or not path.is_file():
            continue
        if not path.resolve().is_relative_to(inside) or path.stat().st_size > MAX_FILE or len(found) >= MAX_FILES:
            continue
        if name.parts[0] in ("templates", "files") or path.suffix == ".campaign":
            found[name.as_posix()] = path.read_bytes()
    return found


def find_outside(folder: Path, live: Mapping[str, bytes]) -> Outside:
    """What the folder has beside what is live; nothing when it cannot be read. A file that is there and was not read,
    because it is too large, counts as it is live: it has not been deleted."""
    try:
        there = read_folder(folder)
    except OSError:
        return Outside()
    unread = {path for path in live.keys() - there.keys() if (folder / path).is_file()}
    every = sorted({*there, *live} - unread)
    changed = {path: there.get(path) for path in every if there.get(path) != live.get(path)}
    return Outside(changed, _git(folder, "log", "-1", "--format=%h by %an: %s", "--", ".") if changed else "")


def write_deployment(
    folder: Path, old: Mapping[str, bytes], new: Mapping[str, bytes], epoch: int, author: tuple[str, str], note: str
) -> Written:  # fmt: skip
    """Write what a deployment changes from `old` to `new`. `author`: name and address.

    A file that the folder has otherwise than `old` is nobody's to overwrite: then nothing is written.
    """
    try:
        there = read_folder(folder)
        changed = [path for path in sorted({*old, *new}) if there.get(path) != new.get(path)]
        mine = [path for path in changed if there.get(path) != old.get(path)]
        if mine:
            return Written(
                problem=f"{folder.name} has changes of its own in {_list(mine)}, so nothing was written there."
            )
        for path in changed:
            _put(folder / path, new.get(path))
    except OSError as error:
        return Written(problem=f"The folder {folder.name} cannot be written: {error.strerror or type(error).__name__}.")
    return _commit(folder, changed, epoch, author, note) if changed else Written()


def _put(path: Path, body: bytes | None) -> None:
    """Write a file whole or not at all; None removes it."""
    if body is None:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as fresh:
        fresh.write(body)
    os.chmod(fresh.name, path.stat().st_mode & 0o777 if path.exists() else 0o644)
    os.replace(fresh.name, path)


def _commit(folder: Path, paths: Sequence[str], epoch: int, author: tuple[str, str], note: str) -> Written:
    """One commit of these files alone; nothing outside of a git checkout."""
    if _git(folder, "rev-parse", "--is-inside-work-tree") != "true":
        return Written()
    name, email = ("".join(one for one in part if one.isprintable() and one not in "<>") for part in author)
    message = f"{note or f'Deployment {epoch}'}\n\n{TRAILER}: {epoch}"
    try:
        _run(folder, "add", "--all", "--", *paths)
        _run(folder, "commit", "--quiet", f"--author={name or email} <{email}>", f"--message={message}", "--", *paths)
    except (subprocess.SubprocessError, OSError) as error:
        said = error.stderr if isinstance(error, subprocess.CalledProcessError) else str(error)
        first = next(iter((said or "").strip().splitlines()), "git did not answer")
        return Written(problem=f"The files were written to {folder.name}, but not committed: {first}")
    return Written(commit=_git(folder, "rev-parse", "--short", "HEAD"))


def _git(folder: Path, *words: str) -> str:
    """What git says; "" when it refuses, or is not there."""
    try:
        return _run(folder, *words).strip()
    except (subprocess.SubprocessError, OSError):
        return ""


def _run(folder: Path, *words: str) -> str:
    committer = {"GIT_COMMITTER_NAME": "Coldframe", "GIT_COMMITTER_EMAIL": "coldframe@localhost"}
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        ["git", "-c", "core.quotePath=false", *words], cwd=folder, capture_output=True, text=True, timeout=SECONDS,
        check=True, stdin=subprocess.DEVNULL, env={**os.environ, **quiet, **committer},
    )  # fmt: skip
    return done.stdout


def _list(paths: Sequence[str]) -> str:
    return ", ".join(paths[:3]) + (f", and {len(paths) - 3} more" if len(paths) > 3 else "")

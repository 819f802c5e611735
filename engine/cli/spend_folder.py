"""`spend from "ads/*.csv"` in a workspace: its files are imported at each deployment."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli.common import err

if TYPE_CHECKING:
    from dsl.plan import Program
    from engine.platform.settings import Settings
    from engine.rules.deals.spend_files import SpendLine


def files_of(folder: Path, patterns: Sequence[str]) -> list[Path]:
    """The files that fit, each once, in the order of their names; none outside the folder, even by a link."""
    root = folder.resolve()
    found = {path for pattern in patterns for path in folder.glob(pattern) if path.is_file()}
    return sorted(path for path in found if path.resolve().is_relative_to(root))


def import_spend(settings: Settings, url: str, folder: Path, program: Program) -> None:
    """Import the workspace's files. One that cannot be read, or has bad lines, is left out with a warning."""
    patterns = program.workspace.spend_files
    good = [(path.name, lines) for path in files_of(folder, patterns) if (lines := _lines(path, program)) is not None]
    if good:
        asyncio.run(_store(settings, url, program, good))


def _lines(path: Path, program: Program) -> Sequence[SpendLine] | None:
    from engine.rules.deals.sheets import BadFile
    from engine.rules.deals.spend_files import read_spend

    try:
        file = read_spend(path.read_bytes(), program.workspace.currency)
    except (BadFile, OSError) as error:
        _warn(f"{path} was not imported: {error}")
        return None
    if file.bad:
        first = file.bad[0]
        _warn(
            f"{path}:{first.line}: {first.reason} The file was not imported; {len(file.bad)} of its lines are wrong, "
            f"as `coldframe import spend {path} --dry-run` shows"
        )
        return None
    return file.lines


async def _store(
    settings: Settings, url: str, program: Program, files: Sequence[tuple[str, Sequence[SpendLine]]]
) -> None:  # fmt: skip
    from engine.deals.costs import take_spend
    from engine.platform.clock import parse_clock
    from engine.store.db import Database

    db = Database(url, size=2)
    try:
        for name, lines in files:
            await take_spend(db, parse_clock(settings.clock), program, lines, name)
    finally:
        await db.close()


def _warn(text: str) -> None:
    err.print("[bold yellow]warning:[/] ", end="")
    err.print(text, markup=False)

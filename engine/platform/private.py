"""Files under the home folder: for their owner alone, since logs and addresses say more than others need to know."""

from __future__ import annotations

import os
from pathlib import Path


def private_folder(path: Path) -> Path:
    """The folder, made if it is missing, for its owner alone. One that is there keeps its mode.

    Root lets others pass through, and not look in: the embedded PostgreSQL runs as another account further down.
    """
    path.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
    return path


def opener(path: str, flags: int) -> int:
    """For `open(…, opener=opener)`: a file for its owner alone, also if an earlier version left it open."""
    descriptor = os.open(path, flags, 0o600)
    if os.fstat(descriptor).st_uid == os.geteuid():
        os.fchmod(descriptor, 0o600)
    return descriptor


def write_private(path: Path, text: str) -> None:
    """Write a text file for its owner alone."""
    with open(path, "w", encoding="utf-8", opener=opener) as file:
        file.write(text)

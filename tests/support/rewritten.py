"""Rewrite the assertions of test files that are new or have changed, on both cores, before pytest's workers all do so.

Without its cache of byte code, each worker would rewrite every file for itself, which takes half a minute of a core.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.util import cache_from_source
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
FEW = 20
"""Files that are not worth a process of their own."""
PARTS = 2


def stale() -> list[Path]:
    """Test files whose byte code, as pytest writes it, is missing or older than they are."""
    return [file for file in sorted(TESTS.rglob("test_*.py")) if not _fresh(file)]


def _fresh(file: Path) -> bool:
    plain = Path(cache_from_source(str(file)))
    written = file.stat().st_mtime
    return any(one.stat().st_mtime >= written for one in plain.parent.glob(f"{plain.stem}-pytest-*.pyc"))


def main() -> None:
    files = stale()
    if len(files) <= FEW:
        return
    collect = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    parts = [files[number::PARTS] for number in range(PARTS)]
    processes = [subprocess.Popen([*collect, *map(str, part)], stdout=subprocess.DEVNULL) for part in parts]
    for process in processes:
        process.wait()  # what is wrong with a file, the tests themselves say


if __name__ == "__main__":
    main()

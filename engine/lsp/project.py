"""One workspace folder as the editor sees it: files on disk, unsaved texts over them, and what the checker says."""

from __future__ import annotations

from pathlib import Path

from dsl.diagnostics import Diagnostic, in_order
from dsl.incremental import Checked, Checker
from dsl.problems import Problems
from dsl.workspace import decoded, paths
from engine.lsp.positions import Positions

Stamp = tuple[int, int]


class Project:
    """Files go by the path they are shown under: the folder's own name, then the path inside it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.disk: dict[str, str] = {}
        self.unsaved: dict[str, str] = {}
        self.assets: frozenset[str] = frozenset()
        self._stamps: dict[str, Stamp] = {}
        self._unreadable: dict[str, tuple[Diagnostic, ...]] = {}
        self._checker = Checker()
        self._checked: Checked | None = None
        self._positions: dict[str, tuple[str, Positions]] = {}

    def refresh(self) -> None:
        """Look at the disk again; only files whose size or time has changed are read."""
        found: dict[str, Path] = {}
        assets = set()
        try:
            for path, asset in paths(self.root):
                if asset is None:
                    found[self.shown(path)] = path
                else:
                    assets.add(asset)
        except OSError:
            pass  # a folder that has gone away has no files
        for shown in self.disk.keys() | self._unreadable.keys():
            if shown not in found:
                self._forget(shown)
        for shown, path in found.items():
            self._read(shown, path)
        self.assets = frozenset(assets)
        self._checked = None

    def _read(self, shown: str, path: Path) -> None:
        try:
            state = path.stat()
            stamp = (state.st_mtime_ns, state.st_size)
            if self._stamps.get(shown) == stamp:
                return
            problems = Problems()
            text = decoded(shown, path.read_bytes(), problems)
        except OSError:
            return self._forget(shown)
        self._forget(shown)
        self._stamps[shown] = stamp
        if text is None:
            self._unreadable[shown] = tuple(problems.found)
        else:
            self.disk[shown] = text

    def _forget(self, shown: str) -> None:
        self.disk.pop(shown, None)
        self._stamps.pop(shown, None)
        self._unreadable.pop(shown, None)

    def write(self, shown: str, text: str | None) -> None:
        """What the editor holds and has not saved; None: what is on disk counts again."""
        if text is None:
            self.unsaved.pop(shown, None)
        else:
            self.unsaved[shown] = text
        self._checked = None

    @property
    def texts(self) -> dict[str, str]:
        return {**self.disk, **self.unsaved}

    @property
    def checked(self) -> Checked:
        """What the checker says now."""
        if self._checked is None:
            self._checked = self._checker.check(self.texts, self.assets)
        return self._checked

    def diagnostics(self) -> dict[str, tuple[Diagnostic, ...]]:
        """By file; files without any are left out."""
        found: dict[str, list[Diagnostic]] = {}
        unreadable = [d for shown, told in self._unreadable.items() if shown not in self.unsaved for d in told]
        for problem in in_order([*unreadable, *self.checked.diagnostics]):
            found.setdefault(problem.file, []).append(problem)
        return {shown: tuple(problems) for shown, problems in found.items()}

    def positions(self, shown: str) -> Positions:
        text = self.texts.get(shown, "")
        known = self._positions.get(shown)
        if known is None or known[0] != text:
            known = self._positions[shown] = (text, Positions(text))
        return known[1]

    def shown(self, path: Path) -> str:
        return (Path(self.root.name) / path.relative_to(self.root)).as_posix()

    def path(self, shown: str) -> Path:
        return self.root.parent / shown

    def asset(self, name: str) -> Path:
        """A template or download by its path inside the workspace."""
        return self.root / name

    def template_paths(self, name: str) -> list[Path]:
        """All files of a template: its languages and formats."""
        return [
            self.asset(asset)
            for asset in sorted(self.assets)
            if asset.startswith(f"templates/{name}.") and "/" not in asset.removeprefix(f"templates/{name}.")
        ]


def root_of(path: Path, folders: list[Path]) -> Path:
    """The workspace folder of a campaign file: the nearest folder above it that has templates, not above what the
    editor has open; else the file's own folder."""
    limits = [folder for folder in folders if path.is_relative_to(folder)]
    top = min(limits, key=lambda folder: len(folder.parts)) if limits else path.parent
    for folder in path.parents:
        if (folder / "templates").is_dir():
            return folder
        if folder == top:
            break
    return path.parent

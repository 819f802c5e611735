"""One workspace folder as the editor sees it: files on disk, unsaved texts over them, and what the checker says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dsl.editor.checker import Checked, Checker
from dsl.problems.diagnostics import Diagnostic, in_order, on_whole_lines
from dsl.problems.problems import Problems
from dsl.workspace import decoded, paths
from engine.mail.check import is_template, text_of
from engine.writing.mails import Mails
from engine.writing.positions import Positions

Stamp = tuple[int, int]


class Project:
    """Files go by the path they are shown under: the folder's own name, then the path inside it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.disk: dict[str, str] = {}
        self.unsaved: dict[str, str] = {}
        self.mails = Mails()
        self._assets: frozenset[str] = frozenset()
        self._latest = ""
        self._stamps: dict[str, Stamp] = {}
        self._unreadable: dict[str, Diagnostic] = {}
        self._checker = Checker()
        self._checked: Checked | None = None
        self._positions: dict[str, tuple[str, Positions]] = {}

    def refresh(self) -> None:
        """Look at the disk again; only files whose size or time has changed are read."""
        found: dict[str, Path] = {}
        assets = set()
        try:
            for path, asset in paths(self.root):
                if asset is not None:
                    assets.add(asset)
                if asset is None or is_template(asset):
                    found[self.shown(path)] = path
        except OSError:
            pass  # a folder that has gone away has no files
        for shown in self.disk.keys() | self._unreadable.keys():
            if shown not in found:
                self._forget(shown)
        for shown, path in found.items():
            self._read(shown, path)
        self._assets = frozenset(assets)
        self._checked = None

    def _read(self, shown: str, path: Path) -> None:
        try:
            state = path.stat()
            stamp = (state.st_mtime_ns, state.st_size)
            if self._stamps.get(shown) == stamp:
                return
            raw = path.read_bytes()
        except OSError:
            return self._forget(shown)
        self._forget(shown)
        self._stamps[shown] = stamp
        problems = Problems()
        if self.template(shown):
            read = text_of(shown, raw)
        else:
            read = decoded(shown, raw, problems) or (problems.found[0] if problems.found else "")
        if isinstance(read, str):
            self.disk[shown] = read
        else:
            self._unreadable[shown] = read

    def _forget(self, shown: str) -> None:
        self.disk.pop(shown, None)
        self._stamps.pop(shown, None)
        self._unreadable.pop(shown, None)

    def write(self, shown: str, text: str | None) -> None:
        """What the editor holds and has not saved; None: what is on disk counts again."""
        known = self.unsaved.keys() | self.disk.keys()
        if text is None:
            self.unsaved.pop(shown, None)
        else:
            self.unsaved[shown] = text
        self._latest = shown
        if self.template(shown) is None or known != self.unsaved.keys() | self.disk.keys():
            self._checked = None

    # ── texts ────────────────────────────────────────────────────────────────────────────────────────────────────────
    def text(self, shown: str) -> str:
        return self.unsaved.get(shown, self.disk.get(shown, ""))

    @property
    def campaigns(self) -> dict[str, str]:
        """All campaign files, as they are shown."""
        return {shown: text for shown, text in {**self.disk, **self.unsaved}.items() if self.template(shown) is None}

    @property
    def templates(self) -> dict[str, str]:
        """All templates, by their path under `templates/`."""
        texts = {**self.disk, **self.unsaved}
        return {path: text for shown, text in texts.items() if (path := self.template(shown)) is not None}

    def template(self, shown: str) -> str | None:
        """The path under `templates/` of what is a template; None for a campaign file."""
        start = f"{self.root.name}/"
        return shown.removeprefix(f"{start}templates/") if is_template(shown.removeprefix(start)) else None

    def shown_template(self, path: str) -> str:
        """From its path under `templates/`."""
        return f"{self.root.name}/templates/{path}"

    @property
    def assets(self) -> frozenset[str]:
        """Templates and downloads by their path inside the workspace, with templates that are not saved yet."""
        start = len(self.root.name) + 1
        return self._assets.union(shown[start:] for shown in self.unsaved if self.template(shown) is not None)

    @property
    def unreadable(self) -> list[str]:
        """Files on disk that are not UTF-8 text, and that the editor has not opened."""
        return sorted(shown for shown in self._unreadable if shown not in self.unsaved)

    @property
    def files(self) -> frozenset[str]:
        """Downloads, by their path under `files/`."""
        return frozenset(asset.removeprefix("files/") for asset in self._assets if asset.startswith("files/"))

    # ── what is wrong ────────────────────────────────────────────────────────────────────────────────────────────────
    @property
    def checked(self) -> Checked:
        """What the checker says now of campaign files."""
        if self._checked is None:
            self._checked = self._checker.check(self.campaigns, self.assets)
        return self._checked

    def look_at_mails(self) -> Iterator[bool]:
        """What `mails` says, brought up to date as `Mails.steps` does: open templates first, the latest before them."""
        first = [path for shown in (self._latest, *self.unsaved) if (path := self.template(shown)) is not None]
        return self.mails.steps(self.checked, self.templates, self.files, first)

    def diagnostics(self) -> dict[str, tuple[Diagnostic, ...]]:
        """By file; files without any are left out."""
        found: dict[str, list[Diagnostic]] = {}
        unreadable = [self._unreadable[shown] for shown in self.unreadable]
        campaigns = self.campaigns
        shown_in_mails = [on_whole_lines(self._shown_problem(problem), campaigns) for problem in self.mails.found]
        in_mails = [problem for problem in shown_in_mails if self._there(problem.file)]
        for problem in in_order([*unreadable, *self.checked.diagnostics, *in_mails]):
            found.setdefault(problem.file, []).append(problem)
        return {shown: tuple(problems) for shown, problems in found.items()}

    def _there(self, shown: str) -> bool:
        return shown in self.unsaved or shown in self.disk

    def _shown_problem(self, problem: Diagnostic) -> Diagnostic:
        if not is_template(problem.file):
            return problem
        return problem.model_copy(update={"file": f"{self.root.name}/{problem.file}"})

    def positions(self, shown: str) -> Positions:
        text = self.text(shown)
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


def root_of(path: Path, folders: list[Path]) -> Path | None:
    """The workspace folder of a file, not above what the editor has open.

    Of a campaign file it is the nearest folder above it that has templates, else the file's own folder. Of a template
    it is the nearest folder that has it under its `templates/` and is the workspace of some campaign file, else None:
    the template belongs to something else.
    """
    limits = [folder for folder in folders if path.is_relative_to(folder)]
    top = min(limits, key=lambda folder: len(folder.parts)) if limits else None
    above = [folder for folder in path.parents if top is None or folder.is_relative_to(top)]
    if path.suffix == ".campaign":
        above = above if top is not None else above[:1]
        return next((folder for folder in above if (folder / "templates").is_dir()), path.parent)
    roots = (folder for folder in above if is_template(path.relative_to(folder).as_posix()))
    return next((one for one in roots if any(root_of(file, folders) == one for file in one.rglob("*.campaign"))), None)

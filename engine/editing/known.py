"""What is wrong with a draft, as plain values, and which files have other problems since a page has last been told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dsl.problems.diagnostics import Diagnostic
from engine.writing.positions import Range
from engine.writing.project import Project

Told = list[Mapping[str, Any]]


class Problems:
    """Among hundreds of files a keystroke changes the problems of one or two, so only these are put into words."""

    def __init__(self) -> None:
        self._version = 0
        self._told: dict[str, tuple[tuple[Diagnostic, ...], Told]] = {}
        self._changed: dict[str, int] = {}

    def tell(self, project: Project, seen: int) -> Mapping[str, Any]:
        """`problems`: those of each file that has others since the answer `seen`, none for a file that has no more; 0:
        of all. `seen`: the number of this answer."""
        found = project.diagnostics()
        changed = [shown for shown in {*found, *self._told} if found.get(shown) != self._told.get(shown, (None,))[0]]
        if changed:
            self._version += 1
        for shown in changed:
            self._changed[shown] = self._version
            if shown in found:
                self._told[shown] = found[shown], [_as_told(project, one) for one in found[shown]]
            else:
                del self._told[shown]
        asked = (shown for shown, at in self._changed.items() if at > seen and (seen or shown in self._told))
        problems = {_inside(project, shown): self._told[shown][1] if shown in self._told else [] for shown in asked}
        return {"problems": problems, "seen": self._version}


def _as_told(project: Project, problem: Diagnostic) -> Mapping[str, Any]:
    place = project.positions(problem.file).range(problem)
    return {
        "severity": problem.severity, "code": problem.code, "message": problem.message, "help": problem.help or "",
        "line": problem.line, "range": as_range(place),
        "related": [{"message": one.message, "path": _inside(project, one.file), "line": one.line}
                    for one in problem.related],
    }  # fmt: skip


def _inside(project: Project, shown: str) -> str:
    return shown.removeprefix(f"{project.root.name}/")


def as_range(place: Range) -> list[list[int]]:
    """Line and character of both ends, from 0, as editors count them."""
    return [list(place.start), list(place.end)]

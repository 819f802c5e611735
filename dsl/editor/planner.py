"""The plans for editors: as `dsl.lower`, campaign by campaign, of what can be read of a workspace while it is written.

A campaign with a mistake in it counts as it was when it was last sound, and so do all declarations beside the
campaigns.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from dsl.compile import Parsed
from dsl.editor.checker import Checked
from dsl.lower.flow import lower_campaign
from dsl.lower.program import lower
from dsl.plan import Plan, Program
from dsl.problems.problems import MOST
from dsl.tree.declarations import Campaign


@dataclass(frozen=True)
class Planned:
    """`company` is everything but the written campaigns, `plans` are these. `stale`: the files of which not all counts
    as it is written now; `whole`: every campaign has been sound at some time."""

    company: Program
    plans: tuple[Plan, ...]
    stale: frozenset[str]
    whole: bool


@dataclass(frozen=True)
class _Kept:
    """The plans of one file by the folded name of their campaign; `broken`: the lines of the mistakes in it."""

    file: Parsed
    age: int
    broken: frozenset[int]
    plans: Mapping[str, Plan]
    stale: bool
    missing: bool


class Planner:
    """`planned` is the last answer; None until all declarations beside the campaigns have once been sound."""

    def __init__(self) -> None:
        self.planned: Planned | None = None
        self._checked: Checked | None = None
        self._company: tuple[int, Program] | None = None
        self._kept: dict[str, _Kept] = {}

    def steps(self, checked: Checked) -> Iterator[None]:
        """Bring `planned` up to date, campaign by campaign; whoever stops between two steps may begin again."""
        if checked is self._checked:
            return
        broken = _mistakes(checked)
        if broken is None:
            self._outdated(checked)
            return
        if self._company is None or self._company[0] != checked.age:
            others = checked.scope.looking_at(replace(checked.scope.program, campaigns=()))
            self._company = checked.age, lower(others)
            yield
        for path, file in checked.files.items():
            kept, lines = self._kept.get(path), broken.get(path, frozenset())
            if kept is None or kept.file is not file or (kept.age, kept.broken) != (checked.age, lines):
                self._kept[path] = _planned(file, checked, lines, kept)
                yield
        self._kept = {path: self._kept[path] for path in checked.files}
        self._checked = checked
        kept_files = self._kept.values()
        self.planned = Planned(
            self._company[1],
            tuple(plan for kept in kept_files for plan in kept.plans.values()),
            frozenset(path for path, kept in self._kept.items() if kept.stale),
            not any(kept.missing for kept in kept_files),
        )

    def _outdated(self, checked: Checked) -> None:
        """Everything stays as it was; what has changed since is stale."""
        if self.planned is not None:
            changed = (
                path
                for path, file in checked.files.items()
                if path not in self._kept or self._kept[path].file is not file
            )
            self.planned = replace(self.planned, stale=self.planned.stale.union(changed))


def _planned(file: Parsed, checked: Checked, broken: frozenset[int], before: _Kept | None) -> _Kept:
    starts = [line.span.line for line in file.lines]
    roots = {_root(starts, line) for line in broken}
    plans: dict[str, Plan] = {}
    lost = 0
    campaigns = [declared for declared in file.declared if isinstance(declared, Campaign)]
    for campaign in campaigns:
        key = campaign.name.key
        if _root(starts, campaign.span.line) not in roots:
            plans[key] = lower_campaign(campaign, checked.scope)
        elif before is not None and key in before.plans:
            plans[key] = before.plans[key]
        else:
            lost += 1
    unreadable = len(roots) > sum(_root(starts, campaign.span.line) in roots for campaign in campaigns)
    if unreadable or lost:
        older = {key: plan for key, plan in before.plans.items() if key not in plans} if before else {}
        lost = max(0, lost + unreadable - len(older))
        plans |= older
    return _Kept(file, checked.age, broken, plans, bool(broken), lost > 0)


def _mistakes(checked: Checked) -> dict[str, frozenset[int]] | None:
    """file → lines with an error, all of them inside campaigns; None when there are others, or too many to be told."""
    if len(checked.diagnostics) >= MOST:
        return None
    found: dict[str, set[int]] = {}
    for problem in checked.diagnostics:
        if problem.severity == "error":
            found.setdefault(problem.file, set()).add(problem.line)
    for path, lines in found.items():
        roots = checked.files[path].lines
        starts = [root.span.line for root in roots]
        for line in lines:
            at = _root(starts, line)
            if at < 0 or str(roots[at].tokens[0]) != "campaign":
                return None
    return {path: frozenset(lines) for path, lines in found.items()}


def _root(starts: list[int], line: int) -> int:
    """Which of the outermost lines, by where they start, the line belongs to; -1 before the first."""
    return bisect_right(starts, line) - 1

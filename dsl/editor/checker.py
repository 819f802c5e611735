"""The checker for editors: the same answers as `dsl.compile`, file by file, reading again only what has changed."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, replace

from dsl.build.program import program_of
from dsl.compile import CHECKS, LOCAL, Parsed, parse_file, report, whole
from dsl.names.memory import Memory
from dsl.names.scope import Scope, scope_of
from dsl.problems.diagnostics import Diagnostic
from dsl.tree.declarations import Campaign


@dataclass(frozen=True)
class Checked:
    """`files` by their path. `age` grows whenever something changes that files see of each other."""

    files: Mapping[str, Parsed]
    scope: Scope
    diagnostics: tuple[Diagnostic, ...]
    age: int


class Checker:
    """Checks a workspace again and again.

    A file with the same text is not read again. What the local checks said of a file is kept until the file changes, or
    something that other files see of each other: any declaration but a campaign, and the campaigns' names.
    """

    def __init__(self) -> None:
        self._parsed: dict[str, Parsed] = {}
        self._declared: Hashable = None
        self._assets: Hashable = None
        self._age = 0
        self._local: dict[str, tuple[Parsed, tuple[Diagnostic, ...]]] = {}
        self._memory = Memory()

    def check(self, files: Mapping[str, str], assets: Collection[str]) -> Checked:
        """As `compile_workspace`, without a plan."""
        self._parsed = {path: self._parse(path, files[path]) for path in sorted(files)}
        parsed = self._parsed.values()
        scope = replace(scope_of(whole(parsed), assets), memory=self._memory)
        self._forget_if_changed(scope)
        found = [problem for check in CHECKS for problem in check(scope)]
        found += [problem for file in parsed for problem in self._locally(file, scope)]
        return Checked(self._parsed, scope, report(parsed, found), self._age)

    def _parse(self, path: str, text: str) -> Parsed:
        known = self._parsed.get(path)
        return known if known is not None and known.text == text else parse_file(path, text)

    def _forget_if_changed(self, scope: Scope) -> None:
        names = (
            declaration.name if isinstance(declaration, Campaign) else declaration
            for file in self._parsed.values()
            for declaration in file.declared
        )
        declared, assets = (tuple(names), scope.program.unreadable), (scope.templates, scope.unread, scope.files)
        if declared != self._declared:
            self._age += 1
        if (declared, assets) != (self._declared, self._assets):
            self._declared, self._assets = declared, assets
            self._local.clear()
            self._memory.clear()

    def _locally(self, file: Parsed, scope: Scope) -> tuple[Diagnostic, ...]:
        kept = self._local.get(file.path)
        if kept is None or kept[0] is not file:
            part = scope.looking_at(program_of(file.declared, ()))
            kept = (file, tuple(problem for check in LOCAL for problem in check(part)))
            self._local[file.path] = kept
        return kept[1]

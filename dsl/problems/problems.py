"""Collects diagnostics while a phase runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dsl.problems import messages
from dsl.problems.diagnostics import Diagnostic, Related, diagnostic
from dsl.tree.declarations import Span

MOST = 500
"""Problems reported in one pass; a file that is not a campaign at all would otherwise fill the screen for minutes."""


class Problems:
    """A growing list of diagnostics. `code` chooses the message; the values fill its blanks."""

    def __init__(self) -> None:
        self.found: list[Diagnostic] = []

    def add(
        self,
        code: str,
        span: Span,
        *,
        near: Iterable[str] = (),
        related: Iterable[Related] = (),
        **values: Any,
    ) -> None:
        if len(self.found) < MOST:
            self.found.append(problem(code, span, near=near, related=related, **values))

    @property
    def full(self) -> bool:
        return len(self.found) >= MOST


def problem(
    code: str, span: Span, *, near: Iterable[str] = (), related: Iterable[Related] = (), **values: Any
) -> Diagnostic:
    """One diagnostic in the English of `problems.messages`; `near` names are offered before the entry's own help."""
    headline, help = messages.text(code, tuple(near), values)
    return diagnostic(code, headline, span, help, related)

"""Which teams come before which: in one file, those above."""

from __future__ import annotations

from collections.abc import Iterable

from dsl.tree.declarations import Team


def is_above(one: Team, other: Team) -> bool:
    """Whether `one` stands before `other` in the same file."""
    return one.span.file == other.span.file and one.span.line < other.span.line


def above(team: Team, teams: Iterable[Team]) -> tuple[Team, ...]:
    """The teams with a condition that stand before it in the same file."""
    return tuple(one for one in teams if one.takes is not None and is_above(one, team))

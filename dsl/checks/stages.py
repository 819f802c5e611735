"""Names of stages and interest profiles: whether they exist, and one for examples."""

from __future__ import annotations

from dsl.names.scope import Scope, unknown
from dsl.problems.problems import Problems
from dsl.tree.declarations import Text


def check_stage(name: Text, scope: Scope, problems: Problems) -> None:
    if name.value in scope.stages or scope.lost("stage") or scope.lost("lifecycle"):
        return
    if not scope.stages:
        problems.add("E511", name.span, name=name.value)
        return
    unknown(problems, "E102", name, scope.stages, options=tuple(scope.stages))


def check_interest(name: Text, scope: Scope, problems: Problems) -> None:
    if name.key not in scope.interests and not scope.lost("interest"):
        unknown(problems, "E142", name, scope.interests)


def a_stage(scope: Scope) -> str:
    """A stage for examples."""
    return next(iter(list(scope.stages)[1:]), "Lead")

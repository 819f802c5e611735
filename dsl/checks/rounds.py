"""`send next of`: a mail for each round of the `repeat` around it."""

from __future__ import annotations

from dsl.checks.steps import check_twice
from dsl.names.scope import Scope
from dsl.names.walk import blocks
from dsl.problems.diagnostics import Diagnostic, at
from dsl.problems.problems import Problems
from dsl.tree import declarations as tree
from dsl.tree.declarations import Block


def check_rounds(scope: Scope) -> list[Diagnostic]:
    problems = Problems()
    for campaign in scope.program.campaigns:
        for block in blocks(campaign):
            _visit(block, None, problems)
    return problems.found


def _visit(block: Block, around: tree.Repeat | None, problems: Problems) -> None:
    for statement in block:
        if isinstance(statement, tree.NextOf):
            _check(statement, around, problems)
            continue
        inner = statement if isinstance(statement, tree.Repeat) else around
        for body in tree.bodies(statement):
            _visit(body, inner, problems)


def _check(step: tree.NextOf, around: tree.Repeat | None, problems: Problems) -> None:
    mails = len(step.sends)
    if mails < 2:
        problems.add("E653", step.span, name=step.sends[0].template.value)
        return
    check_twice("email", (send.template for send in step.sends), problems)
    if around is None:
        problems.add("E652", step.span, emails=mails)
    elif step.again is None and around.times > mails:
        related = [at("the rounds are counted here", around.span)]
        problems.add("E654", step.span, emails=mails, rounds=around.times, related=related)
    elif step.again is not None and around.times <= mails:
        then = "start again" if step.again else "send nothing"
        problems.add("W117", step.span, then=then, emails=mails, rounds=around.times)

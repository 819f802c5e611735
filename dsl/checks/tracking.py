"""Warnings: events of mails that never come, because nothing in these mails is tracked."""

from __future__ import annotations

from collections.abc import Iterator

from dsl.names.scope import Scope
from dsl.names.walk import all_statements, atoms, conditions, events
from dsl.problems.diagnostics import Diagnostic, at
from dsl.problems.problems import Problems
from dsl.tree import declarations as tree
from dsl.tree.declarations import Event, Send, Text

_TRACKED = ("opened", "clicked")


def check_transactional(scope: Scope) -> list[Diagnostic]:
    """Opens and clicks of a mail that is only ever sent `as transactional`."""
    problems = Problems()
    if scope.lost("campaign"):
        return []
    sends: dict[str, list[Send]] = {}
    for campaign in scope.program.campaigns:
        for statement in all_statements(campaign):
            if isinstance(statement, tree.Send):
                sends.setdefault(statement.template.value, []).append(statement)
    untracked = {name: sent[0] for name, sent in sends.items() if all(send.mode == "transactional" for send in sent)}
    for event in _asked(scope.program) if untracked else ():
        name = _mail(event)
        if name and name.value in untracked:
            related = [at("it is sent as transactional here", untracked[name.value].span)]
            problems.add("W111", name.span, name=name.value, verb=event.verb.value, related=related)
    return problems.found


def _asked(program: tree.Program) -> Iterator[Event]:
    yield from events(program)
    for condition, _ in conditions(program):
        yield from (atom.deed for atom in atoms(condition) if isinstance(atom, tree.Has))


def _mail(event: Event) -> Text | None:
    """The one mail that must be opened or clicked for this to happen."""
    if event.verb.value not in _TRACKED:
        return None
    return event.name if event.noun.value == "email" else event.email

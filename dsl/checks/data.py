"""Data of events that steps hand on or keep: some event that leads there carries them."""

from __future__ import annotations

from dsl.checks.comparisons import WORDS, check_datum
from dsl.checks.kinds import KINDS
from dsl.checks.literals import HOLDS
from dsl.names.arrivals import data
from dsl.names.scope import Scope
from dsl.names.walk import last_at
from dsl.problems.diagnostics import Diagnostic
from dsl.problems.problems import Problems
from dsl.tree import declarations as tree
from dsl.tree.declarations import Text


def check_event_data(scope: Scope) -> list[Diagnostic]:
    problems = Problems()
    for campaign in scope.program.campaigns:
        for statement in campaign.statements:
            for datum in data(statement):
                kind = check_datum(Text(datum.name, datum.span), last_at(statement, campaign), scope, problems)
                if kind is not None and isinstance(statement, tree.SetField):
                    _check_kept(statement, datum, kind, scope, problems)
    return problems.found


def _check_kept(step: tree.SetField, datum: tree.EventDatum, kind: str, scope: Scope, problems: Problems) -> None:
    """A field is set to data of its own type, a number to an amount too."""
    field = scope.fields.get(step.field.value)
    if field is None or kind == "any":
        return
    wanted = KINDS.get(field.type, "text")
    if kind != wanted and {kind, wanted} != {"number", "money"}:
        holds = HOLDS.get(field.type, "a text")
        problems.add("E631", datum.span, field=f"`{field.name}`", holds=holds, value=f"{WORDS[kind]} of the event")

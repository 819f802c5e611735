"""`crm` declarations: which leads it gets, what is sent and read, and what its values mean."""

from __future__ import annotations

from collections.abc import Iterable

from dsl.checks.stages import check_interest, check_stage
from dsl.names.scope import Scope, unknown
from dsl.problems.diagnostics import Diagnostic, at
from dsl.problems.messages import FIRST_HERE
from dsl.problems.near import near
from dsl.problems.problems import Problems
from dsl.tree import declarations as tree
from dsl.tree.declarations import Text

PROVIDERS = ("hubspot", "webhooks")


def check_crms(scope: Scope) -> list[Diagnostic]:
    problems = Problems()
    seen: dict[str, Text] = {}
    for crm in scope.program.crms:
        if (first := seen.setdefault(crm.name.key, crm.name)) is not crm.name:
            related = [at(FIRST_HERE, first.span)]
            problems.add("E502", crm.name.span, what=f"CRM `{crm.name.value}`", head="crm", related=related)
        if crm.provider.value not in PROVIDERS:
            close = near(crm.provider.value, PROVIDERS)
            problems.add("E560", crm.provider.span, near=close, text=crm.provider.value)
        if crm.stage is None and (crm.sends or crm.reads or crm.outcomes or crm.deals):
            problems.add("E564", crm.span, stage=_example_stage(scope))
        elif crm.stage is not None:
            check_stage(crm.stage, scope, problems)
        for sent in crm.sends:
            _check_sent(sent, scope, problems)
        _check_once((one.to for one in crm.sends), problems)
        _check_reads(crm, scope, problems)
        _check_once((stage for stage, _ in crm.deals), problems)
    return problems.found


def _example_stage(scope: Scope) -> str:
    names = list(scope.stages)
    return "MQL" if "MQL" in names else names[1] if len(names) > 1 else "MQL"


def _check_once(names: Iterable[Text], problems: Problems) -> None:
    seen: dict[str, Text] = {}
    for name in names:
        if (first := seen.setdefault(name.value, name)) is not name:
            problems.add("E405", name.span, what=name.value, related=[at(FIRST_HERE, first.span)])


def _check_sent(sent: tree.CrmSent, scope: Scope, problems: Problems) -> None:
    match sent.what:
        case tree.Score(model=model, span=span):
            if model is not None and model.key not in scope.scorings and not scope.lost("scoring"):
                unknown(problems, "E110", model, scope.scorings)
        case tree.InterestCount(name=profile):
            check_interest(profile, scope, problems)
        case tree.Word(name="stage"):
            pass
        case tree.Word(name=name, span=span):
            if name not in scope.fields and not scope.lost("field"):
                unknown(problems, "E101", Text(name, span), scope.fields)
        case other:
            problems.add("E561", other.span)


def _check_reads(crm: tree.Crm, scope: Scope, problems: Problems) -> None:
    judged = {field.value for field, _ in crm.conflicts}
    for name, _ in crm.reads:
        field = scope.fields.get(name.value)
        if field is None:
            if not scope.lost("field"):
                unknown(problems, "E101", name, scope.fields)
        elif field.measured or field.name in ("email", "created"):
            problems.add("E565", name.span, name=field.name)
        elif not field.from_crm and field.name not in judged and field.name != "owner":
            problems.add("E562", name.span, name=field.name)
    _check_once((name for name, _ in crm.reads), problems)
    _check_once((field for field, _ in crm.conflicts), problems)
    read = {name.value: name for name, _ in crm.reads}
    for name, _ in crm.conflicts:
        if name.value not in read:
            problems.add("E566", name.span, name=name.value)

"""Statements and campaign lines: whether what they say makes sense by itself."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from dsl import plan
from dsl.checks.addresses import is_private
from dsl.checks.comparisons import WORDS, Comparisons, check_datum
from dsl.checks.kinds import KINDS, fitting, type_for
from dsl.checks.literals import HOLDS, URL, check_literal
from dsl.checks.meant import as_event
from dsl.checks.stages import check_interest
from dsl.names.scope import Scope, unknown
from dsl.names.walk import Place, all_statements, in_bulk, last_at, statements
from dsl.problems.diagnostics import Diagnostic, at
from dsl.problems.messages import FIRST_HERE
from dsl.problems.near import near
from dsl.problems.problems import Problems
from dsl.tree import declarations as tree
from dsl.tree.declarations import Campaign, Operand, Span, Statement, Text

METRICS = ("clicks", "opens", "replies", "goal")
PRIORITIES = ("high", "normal", "low")
FIXED = ("email", "created", "owner")
"""Built-in fields that a campaign cannot write."""


def check_steps(scope: Scope) -> list[Diagnostic]:
    problems = Problems()
    for campaign in scope.program.campaigns:
        for statement in all_statements(campaign):
            _check_statement(statement, campaign, scope, problems)
        tests = [s.name for s in all_statements(campaign) if isinstance(s, tree.VariantTest)]
        check_twice("test", tests, problems)
    return problems.found


def _check_statement(statement: Statement, campaign: Campaign, scope: Scope, problems: Problems) -> None:
    match statement:
        case tree.Send(subjects=subjects) if subjects:
            if len(subjects) < 2:
                problems.add("E628", subjects[0].span, text=subjects[0].value)
            check_twice("subject", subjects, problems)
        case tree.Wait(field=field) if field:
            _check_date_field(field, scope, problems)
        case tree.Wait(datum=datum) if datum:
            _check_datum(datum, statement, campaign, scope, problems)
        case tree.Split():
            _check_split(statement, problems)
        case tree.VariantTest():
            _check_test(statement, campaign, problems)
        case tree.Repeat(every=None, body=body) if body:
            if not any(isinstance(inner, tree.Wait | tree.HandOff | tree.Repeat) for inner in statements(body)):
                problems.add("E627", statement.span)
        case tree.SetField():
            _check_set(statement, campaign, scope, problems)
        case tree.ListStep(name=name) if not name.value.strip():
            problems.add("E134", name.span)
        case tree.Recycle(reason=reason) if not reason.value.strip():
            problems.add("E634", reason.span)
        case tree.Post(url=url):
            check_webhook(url, problems)
        case tree.LeaveCampaign(campaign=left) if left.key == campaign.name.key:
            problems.add("E638", statement.span)


def check_twice(kind: str, names: Iterable[Text], problems: Problems) -> None:
    """Report every name that was there before."""
    seen: dict[str, Text] = {}
    for name in names:
        if not name.value.strip():
            problems.add("E134", name.span)
        elif first := seen.get(name.key):
            problems.add("E138", name.span, kind=kind, name=name.value, related=[at(FIRST_HERE, first.span)])
        seen.setdefault(name.key, name)


# ── splits and tests ─────────────────────────────────────────────────────────────────────────────────────────────────
def _check_split(split: tree.Split, problems: Problems) -> None:
    if not split.arms:
        return
    check_twice("branch", (arm.name for arm in split.arms), problems)
    if len(split.arms) == 1:
        problems.add("E620", split.arms[0].span)
        return
    shares = [arm.percent for arm in split.arms]
    total = sum(share for share in shares if share is not None)
    if None not in shares and abs(total - 100) > 0.01:
        much = f"{total - 100:g}% too much" if total > 100 else f"{100 - total:g}% is missing"
        last = shares[-1] or 0
        meant = last + 100 - total
        hint = f'for example `{meant:g}% "{split.arms[-1].name.value}"`' if 0 < meant <= 100 else "lower some of them"
        problems.add("E232", split.span, total=f"{total:g}%", much=much, hint=hint)


def _check_test(test: tree.VariantTest, campaign: Campaign, problems: Problems) -> None:
    by = test.by.value
    if test.waits is None and test.percent < 100 and in_bulk(campaign):
        rest = f"{100 - test.percent:g}%"
        problems.add("W136", test.span, name=test.name.value, rest=rest)
    if test.variants:
        check_twice("variant", (variant.name for variant in test.variants), problems)
    if len(test.variants) == 1:
        problems.add("E622", test.variants[0].span)
    if by not in METRICS:
        problems.add("E624", test.by.span, near=near(by, METRICS), text=by)
    elif by == "goal" and campaign.goal is None:
        problems.add("E625", test.by.span)


# ── fields ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def _check_set(step: tree.SetField, campaign: Campaign, scope: Scope, problems: Problems) -> None:
    name = step.field
    field = scope.fields.get(name.value)
    if field is None:
        if name.value in ("score", "stage"):
            hint = "write `add 15 points`" if name.value == "score" else _instead_of_stage(step, scope)
            problems.add("E630", name.span, field=f"`{name.value}`", hint=hint)
        elif not scope.lost("field"):
            type = "number" if step.add else type_for(step.value, scope.fields)
            settable = {key: one for key, one in fitting(scope.fields, type).items() if _is_settable(one, step)}
            unknown(problems, "E101", name, settable, type=type or "text")
        return
    if field.from_crm or field.measured or field.name in FIXED:
        hint = "set another field, or remove `from crm` from this one"
        problems.add(
            "E630", name.span, field=f"`{field.name}`", hint="set another field" if not field.from_crm else hint
        )
    elif step.add and field.type not in ("number", "money"):
        holds = HOLDS.get(field.type, "a text")
        problems.add("E631", name.span, field=f"`{field.name}`", holds=holds, value="a number to add")
    elif step.value is not None and not step.add:
        _check_value(field, step.value, step, campaign, scope, problems)


def _is_settable(field: plan.LeadField, step: tree.SetField) -> bool:
    """Whether a campaign may write it; a number only if the line adds to it."""
    if field.from_crm or field.measured or field.name in FIXED:
        return False
    return not step.add or field.type in ("number", "money")


def _instead_of_stage(step: tree.SetField, scope: Scope) -> str:
    """How a lead comes to the stage that `set stage to …` names."""
    wanted = _word(step.value)
    inside = [name for name, stage in scope.stages.items() if not stage.outside]
    if wanted in scope.stages and wanted not in inside:
        return f"write `qualify as {wanted}`"
    if wanted not in scope.stages:
        wanted = (inside[1:] or inside or ["MQL"])[0]
    return f'write `qualify as {wanted}` or `recycle to {wanted} because "…"`'


def _word(value: Operand | None) -> str:
    match value:
        case tree.Word(name=text) | tree.Quoted(value=text):
            return text
        case _:
            return ""


def _check_value(
    field: plan.LeadField, value: Operand, step: Statement, campaign: Campaign, scope: Scope, problems: Problems
) -> None:
    """Written-out values by their shape; fields and scores by their type; event data are not known here."""
    words: dict[str, Any] = {"field": f"`{field.name}`", "holds": HOLDS.get(field.type, "a text")}
    match value:
        case tree.Word(name="yes" | "no") | tree.Quoted() | tree.Number():
            check_literal(field, value, problems)
            if isinstance(value, tree.Number) and value.unit and field.type == "money":
                _check_currency(value.raw, value.unit, value.span, scope, problems)
        case tree.Today() | tree.Shifted():
            if isinstance(value, tree.Shifted):
                Comparisons(scope, problems).kind(value, Place("flow", last=partial(last_at, step, campaign)))
            if field.type not in ("date", "moment"):
                problems.add("E631", value.span, value="a date", **words)
        case tree.Word(name=name):
            other = scope.fields.get(name)
            if other is None:
                kind = KINDS.get(field.type, "text")
                same = [key for key, one in scope.fields.items() if KINDS.get(one.type, "text") == kind]
                if close := near(name, same):
                    problems.add("E101", value.span, near=close, name=name)
                elif field.type in HOLDS or field.choices:
                    check_literal(field, value, problems)
                elif not scope.lost("field"):
                    problems.add("E313", value.span, name=name)
            elif KINDS.get(other.type, "text") != KINDS.get(field.type, "text"):
                holds = HOLDS.get(other.type, "a text")
                problems.add("E631", value.span, value=f"{holds} like `{name}`", **words)
        case tree.Score() | tree.InterestCount() | tree.Age():
            if isinstance(value, tree.Age):
                Comparisons(scope, problems).kind(value, Place("flow"))
            if isinstance(value, tree.InterestCount):
                check_interest(value.name, scope, problems)
            if field.type not in ("number", "money"):
                problems.add("E631", value.span, value="a number", **words)
        case tree.EventDatum():
            pass


def _check_date_field(name: Text, scope: Scope, problems: Problems) -> None:
    """`wait until 7 days before FIELD`."""
    field = scope.fields.get(name.value)
    if field is None:
        if not scope.lost("field"):
            dates = [known for known, declared in scope.fields.items() if declared.type in ("date", "moment")]
            close = near(name.value, dates)
            if not close and (event := as_event(name, scope)):
                problems.add("E336", name.span, word=name.value, hint=f"write `wait for {event}`")
            else:
                problems.add("E144", name.span, near=close, name=name.value)
    elif field.type not in ("date", "moment"):
        problems.add("E632", name.span, name=name.value, holds=HOLDS.get(field.type, "a text"))


def _check_datum(datum: Text, wait: tree.Wait, campaign: Campaign, scope: Scope, problems: Problems) -> None:
    """`wait until 2 days before event.date`."""
    kind = check_datum(datum, last_at(wait, campaign), scope, problems)
    if kind not in ("date", "any", None):
        problems.add("E632", datum.span, name=f"event.{datum.value}", holds=WORDS[kind])


def check_webhook(url: Text, problems: Problems) -> None:
    """Data of leads leaves encrypted, and never for an address inside a private network."""
    if not URL.fullmatch(url.value):
        problems.add("E505", url.span, text=url.value)
    elif is_private(url.value):
        problems.add("E635", url.span)
    elif url.value.startswith("http://"):
        problems.add("E633", url.span, meant=url.value.replace("http://", "https://", 1))


# ── campaign lines ───────────────────────────────────────────────────────────────────────────────────────────────────
def check_campaign_lines(scope: Scope) -> list[Diagnostic]:
    """Priority and costs."""
    problems = Problems()
    for campaign in scope.program.campaigns:
        priority = campaign.priority
        if priority and priority.value not in PRIORITIES:
            close = near(priority.value, PRIORITIES)
            problems.add("E647", priority.span, near=close, text=priority.value)
        for cost in campaign.costs:
            _check_currency(f"{cost.amount.amount:g}", cost.currency, cost.span, scope, problems)
    return problems.found


def _check_currency(amount: str, found: Text, span: Span, scope: Scope, problems: Problems) -> None:
    workspace = scope.workspace
    currency = workspace.currency.value if workspace and workspace.currency else "EUR"
    if workspace and found.value != currency:
        words: dict[str, Any] = {"found": found.value, "currency": currency}
        problems.add("E308", span, amount=amount, **words)

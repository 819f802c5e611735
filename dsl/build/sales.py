"""`lifecycle` and `scoring` declarations."""

from __future__ import annotations

from typing import Any

from dsl import plan
from dsl.build.campaign import CALENDAR, trigger
from dsl.problems.problems import Problems
from dsl.text import values
from dsl.text.expressions import text_of
from dsl.text.lexer import span_of
from dsl.text.reader import Reader, Row
from dsl.tree import declarations as tree
from dsl.tree.declarations import Span, Text

THINGS = ("email", "file", "page", "video", "webinar", "form", "list", "segment", "topic", "campaign", "event")


# ── lifecycle ────────────────────────────────────────────────────────────────────────────────────────────────────────
def lifecycle(row: Row, reader: Reader) -> tree.Lifecycle:
    reader.needs_block(row)
    return tree.Lifecycle(row.span, tuple(_stage(line, reader) for line in reader.below(row)))


def _stage(row: Row, reader: Reader) -> tree.Stage:
    rules: list[tree.Trigger] = []
    agreed: tuple[Text, ...] = ()
    agreed_on: str | None = None
    reactivate: tree.Reactivation | None = None
    seen: dict[str, Span] = {}
    for line in reader.below(row):
        if line.rule == "when":
            rules.append(trigger(line, reader))
        elif line.rule == "agreed":
            agreed += line.args[0]
            if line.args[1] is not None:
                agreed_on = values.day(line.args[1], reader.problems)
        else:
            reader.twice(seen, "reactivate", line)
            after = values.duration(line.args[0], reader.problems) or plan.Duration(days=1)
            reactivate = tree.Reactivation(after, text_of(line.args[1]), line.span)
    outside = row.args[1] is not None
    return tree.Stage(text_of(row.args[0]), outside, row.span, tuple(rules), agreed, agreed_on, reactivate)


# ── scoring ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def scoring(row: Row, reader: Reader) -> tree.Scoring:
    reader.needs_block(row)
    name = text_of(row.args[0]) if row.args[0] else None
    return tree.Scoring(name, row.span, tuple(_rule(line, reader.problems) for line in reader.below(row)))


def _rule(row: Row, problems: Problems) -> tree.Rule:
    amount = values.number(str(row.args[0]), span_of(row.args[0]), problems)
    if amount == 0:
        problems.add("E521", row.span)
    values.check_points(amount, row.args[0], problems)
    if row.rule == "state_rule":
        return tree.Rule(amount or 0, row.span, condition=row.args[1])
    limits: list[tree.Every] = []
    expires: plan.Duration | None = None
    for part in row.args[2:]:
        if part.data == "rule_expires":
            if expires is not None:
                problems.add("E405", row.span, what="expires after")
            expires = values.duration(part.children[0], problems)
        else:
            limits.append(_every(part, row, problems))
    return tree.Rule(amount or 0, row.span, row.args[1], limits=tuple(limits), expires_after=expires)


def _every(part: Any, row: Row, problems: Problems) -> tree.Every:
    kind = str(part.data)
    if kind == "rule_once":
        return tree.Every(plan.Every(times=1), None, row.span)
    if kind == "rule_once_per":
        per = part.children[0]
        if per.data == "calendar_unit" and str(per.children[0]) in THINGS:
            return tree.Every(plan.Every(per_thing=True), text_of(per.children[0]), row.span)
        return tree.Every(plan.Every(times=1, **_period(per, problems)), None, row.span)
    token, per = part.children[0], part.children[1] if len(part.children) > 1 else None
    if kind == "rule_times":
        times = values.whole(token, problems) or 1
        return tree.Every(plan.Every(times=times, **_period(per, problems)), None, row.span)
    points = values.number(str(token), span_of(token), problems) or 1
    if points <= 0:
        problems.add("E208", span_of(token), text=str(token), least=1)
    return tree.Every(plan.Every(points=points, **_period(per, problems)), None, row.span)


def _period(per: Any, problems: Problems) -> dict[str, Any]:
    if per is None:
        return {}
    if per.data == "sliding":
        return {"span": values.duration(per.children[0], problems)}
    unit = str(per.children[0])
    if unit not in CALENDAR:
        problems.add("E222", span_of(per.children[0]), text=unit)
        return {}
    return {"unit": unit}

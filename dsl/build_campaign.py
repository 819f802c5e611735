"""`campaign`, `lifecycle` and `scoring` declarations: everything that listens to events."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dsl import plan, tree, values
from dsl.build_flow import Flows
from dsl.expressions import text_of
from dsl.lexer import span_of
from dsl.problems import Problems
from dsl.reader import Reader, Row
from dsl.tree import Condition, Span, Text

CALENDAR = {"day": plan.Duration(days=1), "week": plan.Duration(days=7), "month": plan.Duration(months=1)}
THINGS = ("email", "file", "page", "video", "webinar", "form")
DAY_GROUPS = {
    "weekdays": (0, 1, 2, 3, 4), "daily": (0, 1, 2, 3, 4, 5, 6), "weekends": (5, 6),
}  # fmt: skip


def campaign(row: Row, reader: Reader) -> tree.Campaign:
    flows = Flows(reader)
    built = tree.Campaign(text_of(row.args[0]), row.span)
    seen: dict[str, Span] = {}
    before = len(reader.problems.found)
    for line in reader.below(row):
        if line.rule not in ("starts", "leaves", "whenever", "sends_on"):
            what = {"enters": "enters", "sends": "sends from"}.get(line.rule.split("_")[0], line.rule)
            reader.twice(seen, what, line)
        built = _campaign_line(built, line, reader, flows)
    if "flow" not in seen and len(reader.problems.found) == before:
        reader.problems.add("E601", row.span, name=built.name.value)
    return built


def _campaign_line(built: tree.Campaign, row: Row, reader: Reader, flows: Flows) -> tree.Campaign:
    args, problems = row.args, reader.problems
    match row.rule:
        case "starts":
            return replace(built, starts=(*built.starts, trigger(row, reader)))
        case "enters_once" | "enters_always" | "enters_again":
            return replace(built, reentry=_reentry(row, problems))
        case "leaves":
            leave = tree.Leave(args[0], flows.block(reader.below(row)), row.span)
            return replace(built, leaves=(*built.leaves, leave))
        case "topic":
            if args[1] is not None:
                problems.add("E010", span_of(args[1]), text=f'"{args[1]}"', head="topic campaign")
            return replace(built, topic=text_of(args[0]))
        case "sends_from":
            return replace(built, sender=text_of(args[0]))
        case "sends_from_owner":
            return replace(built, sender=text_of(args[0]), from_owner=True)
        case "sends_on":
            return replace(built, windows=(*built.windows, _window(row, problems)))
        case "flow":
            reader.needs_block(row)
            return replace(built, flow=built.flow + flows.block(reader.below(row)))
        case _:
            reader.needs_block(row)
            limit = _limit_of_whenever(args[1], problems)
            whenever = tree.Whenever(args[0], limit, flows.block(reader.below(row)), row.span)
            return replace(built, whenevers=(*built.whenevers, whenever))


def trigger(row: Row, reader: Reader) -> tree.Trigger:
    """An event with its `only if`, on the same line or below."""
    event, only = row.args
    conditions: list[Condition] = [only.children[0]] if only is not None else []
    conditions += [below.args[0] for below in reader.below(row)]
    return tree.Trigger(event, tuple(conditions), row.span)


def _reentry(row: Row, problems: Problems) -> plan.Reentry:
    if row.rule == "enters_once":
        return plan.Reentry()
    if row.rule == "enters_always":
        return plan.Reentry(kind="always")
    return plan.Reentry(kind="after", after=values.duration(row.args[0], problems))


def _window(row: Row, problems: Problems) -> plan.Window:
    chosen, start, end = row.args
    found = days(chosen, problems)
    if start is None:
        return plan.Window(days=found)
    first, last = values.time(start, problems), values.time(end, problems, midnight=True)
    if first and first == last:
        problems.add("E221", row.span, text=first)
    return plan.Window(days=found, start=first or "00:00", end=last or "24:00")


def days(chosen: Any, problems: Problems) -> tuple[int, ...]:
    """`monday to friday`, `saturday, sunday`, `weekdays`, `daily`."""
    if chosen.data == "day_span":
        first, last = (values.weekday(token, problems) for token in chosen.children)
        if first is None or last is None:
            return DAY_GROUPS["daily"]
        return tuple(sorted({(first + i) % 7 for i in range((last - first) % 7 + 1)}))
    found: set[int] = set()
    for token in chosen.children:
        if str(token) in DAY_GROUPS:
            found.update(DAY_GROUPS[str(token)])
        else:
            weekday = values.weekday(token, problems)
            found.add(weekday if weekday is not None else 0)
    return tuple(sorted(found))


def _limit_of_whenever(part: Any, problems: Problems) -> plan.Limit | None:
    if part is None:
        return None
    count = values.whole(part.children[0], problems) if part.data == "times_per" else 1
    span = per_span(part.children[-1], problems)
    return plan.Limit(times=count or 1, per=span or plan.Duration(days=1))


def per_span(per: Any, problems: Problems) -> plan.Duration | None:
    """What follows `per` where a calendar unit means its length: `day` is one day, `week` seven."""
    if per.data == "sliding":
        return values.duration(per.children[0], problems)
    unit = str(per.children[0])
    if unit not in CALENDAR:
        problems.add("E222", span_of(per.children[0]), text=unit)
    return CALENDAR.get(unit)


# ── lifecycle ────────────────────────────────────────────────────────────────────────────────────────────────────────
def lifecycle(row: Row, reader: Reader) -> tree.Lifecycle:
    reader.needs_block(row)
    return tree.Lifecycle(row.span, tuple(_stage(line, reader) for line in reader.below(row)))


def _stage(row: Row, reader: Reader) -> tree.Stage:
    rules: list[tree.Trigger] = []
    agreed: tuple[Text, ...] = ()
    for line in reader.below(row):
        if line.rule == "when":
            rules.append(trigger(line, reader))
        else:
            agreed += line.args[0]
            if line.args[1] is not None:
                values.day(line.args[1], reader.problems)
    return tree.Stage(text_of(row.args[0]), row.args[1] is not None, row.span, tuple(rules), agreed)


# ── scoring ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def scoring(row: Row, reader: Reader) -> tree.Scoring:
    reader.needs_block(row)
    name = text_of(row.args[0]) if row.args[0] else None
    return tree.Scoring(name, row.span, tuple(_rule(line, reader.problems) for line in reader.below(row)))


def _rule(row: Row, problems: Problems) -> tree.Rule:
    amount = values.number(str(row.args[0]), span_of(row.args[0]), problems)
    if amount == 0:
        problems.add("E521", row.span)
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

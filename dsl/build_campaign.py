"""`campaign` declarations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dsl import plan, tree, values
from dsl.build_flow import Flows
from dsl.build_starts import only_if, schedule
from dsl.expressions import text_of
from dsl.lexer import span_of
from dsl.problems import Problems
from dsl.reader import Reader, Row
from dsl.tree import Span

CALENDAR = {"day": plan.Duration(days=1), "week": plan.Duration(days=7), "month": plan.Duration(months=1)}
DAY_GROUPS = {
    "weekdays": (0, 1, 2, 3, 4), "daily": (0, 1, 2, 3, 4, 5, 6), "weekends": (5, 6),
}  # fmt: skip


MANY = ("starts", "starts_on", "starts_every", "leaves", "whenever", "sends_on", "costs")
"""Lines that may stand more than once in a campaign."""


def campaign(row: Row, reader: Reader) -> tree.Campaign:
    flows = Flows(reader)
    built = tree.Campaign(text_of(row.args[0]), row.span)
    seen: dict[str, Span] = {}
    before = len(reader.problems.found)
    for line in reader.below(row):
        if line.rule not in MANY:
            what = {"enters": "enters", "sends": "sends from", "control": "control group"}.get(
                line.rule.split("_")[0], line.rule
            )
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
        case "starts_on" | "starts_every":
            return replace(built, schedules=(*built.schedules, schedule(row, reader)))
        case "enters_per":
            return _enters_per(built, row, problems)
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
        case "runs":
            return replace(built, runs=values.dates(args[0], args[1], problems))
        case "goal":
            within = values.duration(args[1], problems) if args[1] else None
            return replace(built, goal=tree.Goal(args[0], within, args[2] is not None, row.span))
        case "costs":
            cost = _cost(row, problems)
            return replace(built, costs=(*built.costs, cost)) if cost else built
        case "priority":
            return replace(built, priority=text_of(args[0]))
        case "control":
            control = values.percent(args[0], problems)
            if control == 100:
                problems.add("E648", row.span)
            return replace(built, control=control)
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
    event, *present, only = row.args
    return tree.Trigger(event, only_if(only, row, reader), row.span, present=any(part is not None for part in present))


def _enters_per(built: tree.Campaign, row: Row, problems: Problems) -> tree.Campaign:
    datum = row.args[0]
    if not isinstance(datum, tree.EventDatum):
        meant = f"event.{datum.name}" if isinstance(datum, tree.Word) else "event.order_id"
        problems.add("E640", datum.span, meant=f"enters once per {meant}")
        return built
    per = tree.Text(datum.name, datum.span)
    return replace(built, reentry=plan.Reentry(kind="per", datum=datum.name), per=per)


HOURS = ("hour", "hours")


def _cost(row: Row, problems: Problems) -> tree.Cost | None:
    """`costs 5000 EUR`, `costs 1200 EUR per month`, `costs 6 hours per month at 60 EUR`."""
    amount, unit, per, rate, currency = row.args
    by_hours = unit is not None and str(unit) in HOURS
    if per is not None and str(per) != "month":
        problems.add("E642", span_of(per), text=str(per))
    if by_hours != (rate is not None):
        problems.add("E641", row.span)
        return None
    money, named = (rate, currency) if by_hours else (amount, unit)
    value = values.number(str(money), span_of(money), problems)
    hours = values.number(str(amount), span_of(amount), problems) if by_hours else None
    if named is None:
        problems.add("E233", span_of(money), text=str(money))
    if value is None or named is None or (by_hours and hours is None):
        return None
    for token, number in ((money, value), (amount, hours)):
        if number is not None and number <= 0:
            problems.add("E643", span_of(token), text=str(token))
            return None
    cost = plan.Cost(amount=value, per_month=per is not None, hours=hours)
    return tree.Cost(cost, text_of(named), span_of(money, named))


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

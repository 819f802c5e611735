"""`campaign` declarations."""

from __future__ import annotations

from typing import Any

from dsl import plan
from dsl.build.flow import Flows
from dsl.build.starts import only_if, schedule
from dsl.problems.near import near
from dsl.problems.problems import Problems
from dsl.text import values
from dsl.text.expressions import text_of
from dsl.text.lexer import span_of
from dsl.text.reader import Reader, Row
from dsl.tree import declarations as tree
from dsl.tree.declarations import Span

CALENDAR = {"day": plan.Duration(days=1), "week": plan.Duration(days=7), "month": plan.Duration(months=1)}
PERIODS = {**CALENDAR, "year": plan.Duration(months=12)}
DAY_GROUPS = {
    "weekdays": (0, 1, 2, 3, 4), "daily": (0, 1, 2, 3, 4, 5, 6), "weekends": (5, 6),
}  # fmt: skip


MANY = ("starts", "starts_on", "starts_every", "leaves", "whenever", "sends_on", "sends_on_working", "costs")
"""Lines that may stand more than once in a campaign."""
ADDED = ("starts", "schedules", "leaves", "whenevers", "windows", "costs", "flow")
"""What more than one line can say more of."""


def campaign(row: Row, reader: Reader) -> tree.Campaign:
    flows = Flows(reader)
    said: dict[str, Any] = {}
    seen: dict[str, Span] = {}
    name = text_of(row.args[0])
    before = len(reader.problems.found)
    for line in reader.below(row):
        if line.rule not in MANY:
            what = {"enters": "enters", "sends": "sends from", "control": "control group"}.get(
                line.rule.split("_")[0], line.rule
            )
            reader.twice(seen, what, line)
        for part, value in _campaign_line(line, reader, flows).items():
            said[part] = said.get(part, ()) + value if part in ADDED else value
    if "flow" not in seen and len(reader.problems.found) == before:
        reader.problems.add("E601", row.span, name=name.value)
    return tree.Campaign(name, row.span, **said)


def _campaign_line(row: Row, reader: Reader, flows: Flows) -> dict[str, Any]:
    """What a line says of its campaign, by the names of its parts."""
    args, problems = row.args, reader.problems
    match row.rule:
        case "starts":
            return {"starts": (trigger(row, reader),)}
        case "starts_on" | "starts_every":
            return {"schedules": (schedule(row, reader),)}
        case "enters_per":
            return _enters_per(row)
        case "enters_once" | "enters_always" | "enters_again" | "enters_period" | "enters_every":
            return {"reentry": _reentry(row, problems)}
        case "leaves":
            return {"leaves": (tree.Leave(args[0], flows.block(reader.below(row)), row.span),)}
        case "topic":
            if args[1] is not None:
                problems.add("E010", span_of(args[1]), text=f'"{args[1]}"', head="topic campaign")
            return {"topic": text_of(args[0])}
        case "sends_from":
            return {"sender": text_of(args[0])}
        case "sends_from_owner":
            return {"sender": text_of(args[0]), "from_owner": True}
        case "sends_on" | "sends_on_working":
            return {"windows": (window(row, problems),)}
        case "runs":
            return {"runs": values.dates(args[0], args[1], problems)}
        case "goal":
            within = values.duration(args[1], problems) if args[1] else None
            return {"goal": tree.Goal(args[0], within, args[2] is not None, row.span)}
        case "costs":
            cost = _cost(row, problems)
            return {"costs": (cost,)} if cost else {}
        case "priority":
            return {"priority": text_of(args[0])}
        case "control":
            control = values.percent(args[0], problems)
            if control == 100:
                problems.add("E648", row.span)
            return {"control": control}
        case "flow":
            reader.needs_block(row)
            return {"flow": flows.block(reader.below(row))}
        case _:
            reader.needs_block(row)
            limit = _limit_of_whenever(args[1], problems)
            return {"whenevers": (tree.Whenever(args[0], limit, flows.block(reader.below(row)), row.span),)}


def trigger(row: Row, reader: Reader) -> tree.Trigger:
    """An event with its `only if`, on the same line or below."""
    event, *present, only = row.args
    return tree.Trigger(event, only_if(only, row, reader), row.span, present=any(part is not None for part in present))


def _enters_per(row: Row) -> dict[str, Any]:
    datum = row.args[0]
    if isinstance(datum, tree.Word) and datum.name in PER_THING:
        reentry = plan.Reentry(kind="per", datum=datum.name, by_name=True)
        return {"reentry": reentry, "per": tree.Text(datum.name, datum.span)}
    if not isinstance(datum, tree.EventDatum | tree.Word):
        return {"reentry": plan.Reentry(kind="per", datum=""), "per": tree.Text("", datum.span)}
    return {"reentry": plan.Reentry(kind="per", datum=datum.name), "per": tree.Text(datum.name, datum.span)}


PER_THING = ("webinar", "list", "form", "file", "page", "video", "segment", "campaign", "topic", "email", "event")
"""What a run can be entered once for each of, by its name."""
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
    if row.rule == "enters_period":
        unit = str(row.args[0])
        if unit not in PERIODS:
            problems.add("E225", span_of(row.args[0]), near=near(unit, (*PERIODS, "time")), text=unit)
        return plan.Reentry(kind="after", after=PERIODS.get(unit), from_entry=True)
    after = values.duration(row.args[0], problems)
    return plan.Reentry(kind="after", after=after, from_entry=row.rule == "enters_every")


def window(row: Row, problems: Problems) -> plan.Window:
    """`sends on …`, of a campaign or of the workspace."""
    *chosen, start, end = row.args
    working = not chosen
    found = DAY_GROUPS["daily"] if working else days(chosen[0], problems)
    if start is None:
        return plan.Window(days=found, working=working)
    first, last = values.time(start, problems), values.time(end, problems, midnight=True)
    if first and first == last:
        problems.add("E221", row.span, text=first)
    return plan.Window(days=found, start=first or "00:00", end=last or "24:00", working=working)


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

"""Plans in the words of the language: durations, moments, conditions and events as a marketer would write them.

Pure. What is written here reads like a campaign file, so that a person can find the line again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_never

from pydantic import TypeAdapter

from dsl.plan import (
    Absence,
    After,
    Age,
    All,
    Any_,
    At,
    Compare,
    Condition,
    Dated,
    DateIs,
    Duration,
    EventRef,
    FieldRef,
    FreeMail,
    Has,
    In,
    InCampaign,
    InList,
    InSegment,
    InterestRef,
    Known,
    Moment,
    Not,
    Operand,
    Pattern,
    Relative,
    Scalar,
    ScoreRef,
    Shifted,
    StageIs,
    StartRef,
    Subscribed,
    Today,
    TrackingAllowed,
    Value,
    Weekday,
    Window,
)  # fmt: skip
from engine.wording.event_types import PHRASES

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NTH = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last"}


# ── values and time ──────────────────────────────────────────────────────────────────────────────────────────────────
def number(value: float) -> str:
    """Without a fraction where there is none, and never in powers of ten."""
    return str(int(value)) if float(value).is_integer() else f"{value:.6f}".rstrip("0")


def scalar(value: Scalar) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return quoted(value) if isinstance(value, str) else number(value)


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def stage_name(name: str) -> str:
    """A stage as campaigns write it: a plain word, or in quotes when it is several."""
    return name if name.isidentifier() else quoted(name)


def duration(span: Duration) -> str:
    parts = [
        *_units(span.months, (12, "year"), (1, "month")), *_units(span.days, (1, "day")),
        *_units(span.minutes, (60, "hour"), (1, "minute")), *_units(span.business_days, (1, "business day")),
        *_units(span.business_minutes, (60, "business hour"), (1, "business minute")),
    ]  # fmt: skip
    return " ".join(parts) or "0 minutes"


def _units(amount: int, *units: tuple[int, str]) -> list[str]:
    said = []
    for size, name in units:
        many, amount = divmod(amount, size)
        if many:
            said.append(f"{many} {name}{'' if many == 1 else 's'}")
    return said


def moment(until: Moment) -> str:
    """What follows `wait`: `3 days`, `until tuesday 09:00`, `until 7 days before contract_end`."""
    match until:
        case After(duration=span):
            return duration(span)
        case Weekday(weekday=day, time=time):
            return f"until {WEEKDAYS[day]} {time}"
        case At():
            return f"until {until.date} {until.time}" + (f" {quoted(until.zone)}" if until.zone else "")
        case Relative():
            at = "" if until.time == "09:00" or until.offset.minutes else f" at {until.time}"
            named = f"event.{until.field}" if until.of_event else until.field
            return f"until {_offset(until.offset, until.before)}{named}{at}"


def _offset(span: Duration | None, before: bool) -> str:
    if span is None or span == Duration():
        return ""
    return f"{duration(span)} {'before' if before else 'after'} "


def windows(found: tuple[Window, ...]) -> str:
    """`sends …`: days and times, several by `or`."""
    return " or ".join(_window(one) for one in found)


def _window(window: Window) -> str:
    named: Mapping[tuple[int, ...], str] = {
        (0, 1, 2, 3, 4, 5, 6): "daily", (0, 1, 2, 3, 4): "on weekdays",
    }  # fmt: skip
    days = tuple(sorted(window.days))
    said = "on working days" if window.working else named.get(days) or "on " + ", ".join(WEEKDAYS[day] for day in days)
    if (window.start, window.end) == ("00:00", "24:00"):
        return said
    return f"{said} between {window.start} and {window.end}"


# ── conditions ───────────────────────────────────────────────────────────────────────────────────────────────────────
_OPERATORS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "contains": "contains", "starts": "starts with"}


def operand(one: Operand) -> str:
    match one:
        case Value(value=value):
            return scalar(value)
        case FieldRef(name=name):
            return name
        case ScoreRef(model=model):
            return f"score of {quoted(model)}" if model else "score"
        case EventRef(name=name) | StartRef(name=name):
            return f"event.{name}"
        case InterestRef(name=name):
            return f"interest in {quoted(name)}"
        case Today():
            return "today"
        case Shifted(base=base, offset=offset, before=before):
            return f"{operand(base)} {'minus' if before else 'plus'} {duration(offset)}"
        case Age(field=name):
            return f"age of {name}"


def condition(one: Condition, *, negated: bool = False) -> str:
    """The condition, or its opposite, as the language writes it."""
    match one:
        case Not(item=item):
            return condition(item, negated=not negated)
        case All(items=items) | Any_(items=items):
            word = " and " if isinstance(one, All) else " or "
            joined = word.join(_grouped(item, one) for item in items)
            return f"not ({joined})" if negated else joined
        case Compare():
            return _comparison(one, negated)
        case In(left=left, values=values):
            listed = ", ".join(scalar(value) for value in values)
            return f"{operand(left)} {'not ' if negated else ''}in ({listed})"
        case Known():
            return f"{operand(one.operand)} is {'unknown' if negated else 'known'}"
        case StageIs(stage=stage, at_least=True):
            return f"{'not ' if negated else ''}stage is at least {stage_name(stage)}"
        case DateIs():
            return ("not " if negated else "") + _date(one)
        case Has():
            return _has(one, negated)
        case _:
            return _plain(one, negated)


def _plain(
    one: StageIs | FreeMail | InList | InSegment | InCampaign | Subscribed | TrackingAllowed, negated: bool
) -> str:
    no = "not " if negated else ""
    match one:
        case StageIs(stage=stage):
            return f"stage is {no}{stage_name(stage)}"
        case FreeMail():
            return f"{no}email is a free address"
        case InList(name=name):
            return f"{no}in list {quoted(name)}"
        case InSegment(name=name):
            return f"{no}in segment {quoted(name)}"
        case InCampaign(name=name, ever=True):
            return f"has {no}been in campaign {quoted(name)}"
        case InCampaign(name=name):
            return f"{no}in campaign {quoted(name)}"
        case Subscribed(topic=topic):
            return f"{no}subscribed to {quoted(topic)}"
        case TrackingAllowed():
            return f"{no}tracking is allowed"
        case _:
            assert_never(one)


def _grouped(item: Condition, parent: All | Any_) -> str:
    said = condition(item)
    return f"({said})" if isinstance(item, All | Any_) and type(item) is not type(parent) else said


def _comparison(one: Compare, negated: bool) -> str:
    left, right = operand(one.left), operand(one.right)
    if one.op != "eq":
        return f"{'not ' if negated else ''}{left} {_OPERATORS[one.op]} {right}"
    if isinstance(one.right, Value) and isinstance(one.right.value, bool):
        return left if one.right.value is not negated else f"not {left}"
    numeric = isinstance(one.left, ScoreRef | InterestRef) or (
        isinstance(one.right, Value) and isinstance(one.right.value, int | float)
    )
    if numeric and not negated:
        return f"{left} = {right}"
    return f"{left} is {'not ' if negated else ''}{right}"


def _date(one: DateIs) -> str:
    left = operand(one.operand)
    match one.relation:
        case "next" | "last":
            return f"{left} is in the {one.relation} {duration(one.span or Duration())}"
        case "past" | "future":
            return f"{left} is in the {one.relation}"
        case "today":
            return f"{left} is today"
        case _:
            return f"{left} is {one.relation} {one.date}"


def _has(one: Has, negated: bool) -> str:
    pattern = one.pattern
    said = ["has not" if negated else "has"]
    if pattern.link is not None:
        said.append(f"clicked link {quoted(pattern.link)}")
    else:
        said.append(_done(pattern.type))
        said += [quoted(pattern.name)] if pattern.name else []
    if pattern.where is not None:
        said.append(f"where {_in_parentheses(pattern.where)}")
    if one.times is not None:
        said.append(f"at least {one.times} time{'' if one.times == 1 else 's'}")
    if one.within is not None:
        said.append(f"in the last {duration(one.within)}")
    if one.since_entering:
        said.append("since entering")
    return " ".join(said)


def _done(type: str) -> str:
    known = PHRASES.get(type)
    return known.done if known and known.done else type


def _in_parentheses(where: Condition) -> str:
    """A condition on the event's own data, which are written there without `event.`."""
    said = condition(_CONDITION.validate_python(_bare(where.model_dump())))
    return f"({said})" if isinstance(where, All | Any_) else said


_CONDITION: TypeAdapter[Condition] = TypeAdapter(Condition)


def _bare(data: Any) -> Any:
    if isinstance(data, dict):
        if data.get("kind") == "event":
            return {"kind": "field", "name": data["name"]}
        return {key: _bare(value) for key, value in data.items()}
    return [_bare(item) for item in data] if isinstance(data, list | tuple) else data


# ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def pattern(one: Pattern) -> str:
    """The event as it stands behind `when` or `for`."""
    said = _event(one)
    if one.times is not None:
        said += f" {one.times} times" + (f" within {duration(one.within)}" if one.within else "")
    if one.where is not None:
        said += f" where {_in_parentheses(one.where)}"
    if one.absent is not None:
        said += f" and then no {_absence(one.absent)}"
    return said


def _event(one: Pattern) -> str:
    match one.type:
        case "date.due" if one.dated is not None:
            return dated(one.dated)
        case "stage.entered":
            return f"lead becomes {stage_name(one.name) if one.name else 'any stage'}"
        case "score.reached" | "score.dropped":
            verb = "reaches" if one.type == "score.reached" else "drops below"
            return f"{operand(ScoreRef(model=one.model))} {verb} {number(one.threshold or 0)}"
        case "interest.reached":
            return f"interest in {quoted(one.name or one.model)} reaches {number(one.threshold or 0)}"
        case "lead.inactive":
            return "lead is inactive" + (f" for {duration(one.silent)}" if one.silent else "")
        case "field.changed":
            before = f" from {scalar(one.before)}" if one.before is not None else ""
            after = f" to {scalar(one.to)}" if one.to is not None else ""
            return f"field {one.name} changes{before}{after}"
        case "email.clicked" if one.link is not None:
            inside = f" in email {quoted(one.name)}" if one.name else ""
            return f"link {quoted(one.link)}{inside} is clicked"
    known = PHRASES.get(one.type)
    named = f" {quoted(one.name)}" if one.name and (known is None or known.named) else ""
    if known is None or not known.noun:
        return f"{one.type}{named} happens"
    verbs = [known.verb, *(PHRASES[type].verb.removeprefix("is ") for type in one.also)]
    return f"{known.noun}{named} {' or '.join(verbs)}"


def _absence(one: Absence) -> str:
    said = _event(Pattern(type=one.type, name=one.name))
    if one.where is not None:
        said += f" where {_in_parentheses(one.where)}"
    if one.same is not None:
        said += f" with the same {one.same}"
    return f"{said} within {duration(one.within)}"


def dated(one: Dated) -> str:
    """The date an event falls on: `30 days before contract_end`, `birthday at 07:30`, `every first tuesday …`."""
    at = f" at {one.time}" if one.time else ""
    if one.at is not None:
        return f"on {one.at.date} at {one.at.time}" + (f" {quoted(one.at.zone)}" if one.at.zone else "")
    if one.every is not None:
        return f"every {_regular(one)}{at}"
    lead_up = _offset(one.offset, one.before)
    if one.webinar is not None:
        return f"{lead_up}webinar {quoted(one.webinar)}{at}"
    if one.yearly and one.field != "birthday":
        return f"{lead_up}anniversary of {one.field}{at}"
    return f"{lead_up}{one.field}{at}"


def _regular(one: Dated) -> str:
    day = WEEKDAYS[one.weekday] if one.weekday is not None else "day"
    if one.every == "month":
        return f"{_NTH.get(one.nth or 1, f'{one.nth}.')} {day} of the month"
    return day if one.every == "week" or one.weekday is not None else "day"

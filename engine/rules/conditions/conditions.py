"""Conditions on what is known of a lead, and whether an event is one that a pattern asks for. Pure.

Everything a condition may ask for stands in `Facts`. Conditions and patterns belong together: `has visited page "/p*"`
is a condition on events, and `where` is a condition inside a pattern.
"""

from __future__ import annotations

import re
from calendar import isleap
from collections.abc import Mapping
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any
from uuid import UUID

from dsl.plan import (
    Age,
    All,
    Any_,
    BusinessHours,
    Compare,
    Condition,
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
    Not,
    Operand,
    Pattern,
    ScoreRef,
    Shifted,
    StageIs,
    StartRef,
    Subscribed,
    Today,
    TrackingAllowed,
    Value,
)  # fmt: skip
from engine.model.lead import Event, Facts
from engine.rules.conditions import addresses, calendar
from engine.rules.conditions.free_mail import FREE_MAIL_DOMAINS


def holds(condition: Condition | None, facts: Facts) -> bool:
    """Whether the condition is true. No condition always is; a missing value makes every comparison false."""
    match condition:
        case None:
            return True
        case All(items=items):
            return all(holds(item, facts) for item in items)
        case Any_(items=items):
            return any(holds(item, facts) for item in items)
        case Not(item=item):
            return not holds(item, facts)
        case Compare(left=left, op=op, right=right):
            return compare(value_of(left, facts), op, value_of(right, facts), facts.zone)
        case In(left=left, values=values):
            found = value_of(left, facts)
            return any(compare(found, "eq", value) for value in values)
        case Known(operand=operand):
            return value_of(operand, facts) is not None
        case StageIs(stage=stage, at_least=at_least):
            return reached(facts.stage, stage, facts.order) if at_least else facts.stage == stage
        case FreeMail():
            domain = str(facts.fields.get("email", "")).rpartition("@")[2].lower()
            return domain in FREE_MAIL_DOMAINS
        case InList(name=name):
            return own_key(facts.lists, name) is not None
        case InSegment(condition=inner):
            return holds(inner, facts)
        case InCampaign(name=name, ever=ever):
            return name.casefold() in (facts.been if ever else facts.campaigns)
        case Subscribed(topic=topic):
            return topic_state(facts.topics, topic) == "subscribed"
        case TrackingAllowed():
            return facts.tracking
        case DateIs():
            return _date_is(condition, facts)
        case Has():
            return _has(condition, facts)


def value_of(operand: Operand, facts: Facts) -> Any:
    match operand:
        case Value(value=value):
            return value
        case FieldRef(name=name):
            return _present(facts.fields.get(name))
        case ScoreRef(model=model):
            return facts.scores.get(model, 0)
        case EventRef(name=name):
            return _present(facts.event.get(name))
        case StartRef(name=name):
            return _present(facts.start.get(name))
        case InterestRef(name=name):
            return facts.interests.get(own_key(facts.interests, name) or name, 0)
        case Today():
            return calendar.local_date(facts.now, facts.zone).isoformat() if facts.now else None
        case Shifted(base=base, offset=offset, before=before):
            return _shifted(value_of(base, facts), offset, before, facts.zone)
        case Age(field=name):
            return _age(when(facts.fields.get(name), facts.zone), facts)


def _shifted(value: Any, offset: Duration, before: bool, zone: str) -> str | None:
    """The date or instant so long after or before the one in `value`, in the shape of that."""
    found = when(value, zone)
    if found is None:
        return None
    start = found if isinstance(found, datetime) else calendar.instant(datetime.combine(found, time()), zone)
    hours = BusinessHours(zone=zone)
    at = calendar.since(offset, start, zone, hours) if before else calendar.add(offset, start, zone, hours)
    exact = isinstance(found, datetime) or bool(offset.minutes or offset.business_minutes)
    return at.isoformat() if exact else calendar.local_date(at, zone).isoformat()


def _age(born: date | datetime | None, facts: Facts) -> int | None:
    """Whole years, which grow on the day of the year; one born on 29 February grows older on the 28th."""
    if born is None or facts.now is None:
        return None
    today = calendar.local_date(facts.now, facts.zone)
    day = calendar.local_date(born, facts.zone) if isinstance(born, datetime) else born
    grows = (day.month, 28) if (day.month, day.day) == (2, 29) and not isleap(today.year) else (day.month, day.day)
    return today.year - day.year - ((today.month, today.day) < grows)


def own_key(known: Mapping[str, Any], name: str) -> str | None:
    """How `name` is written among the keys, where case does not count; None when it is not there."""
    if name in known:
        return name
    wanted = name.casefold()
    return next((key for key in known if key.casefold() == wanted), None)


def topic_state(topics: Mapping[str, str], name: str) -> str | None:
    """`subscribed`, `unsubscribed`, or None for a topic that was never asked about; case does not count."""
    return topics.get(own_key(topics, name) or name)


def reached(stage: str, wanted: str, order: tuple[str, ...]) -> bool:
    """Whether `stage` is `wanted` or later in the order; a stage outside the order has reached nothing."""
    if stage not in order or wanted not in order:
        return False
    return order.index(stage) >= order.index(wanted)


def compare(left: Any, op: str, right: Any, zone: str = "UTC") -> bool:
    """Text is compared regardless of case, moments as instants; values of different types are never equal, less or
    more. `zone` is whose clock a moment without a zone is read by."""
    if left is None or right is None:
        return False
    left, right = _comparable(left), _comparable(right)
    if op == "contains":
        return str(right) in left if isinstance(left, tuple) else str(right) in str(left)
    if op == "starts":
        return str(left).startswith(str(right))
    if op == "eq" and isinstance(left, tuple):
        return right in left
    if type(left) is not type(right):
        return False
    if isinstance(left, str) and (moments := _same_kind(left, right, zone)):
        left, right = moments
    match op:
        case "eq":
            return bool(left == right)
        case "lt":
            return bool(left < right)
        case "le":
            return bool(left <= right)
        case "gt":
            return bool(left > right)
        case "ge":
            return bool(left >= right)
        case _:
            raise ValueError(f"no such comparison: {op}")


def _present(value: Any) -> Any:
    return None if value == "" or value == [] else value


def _comparable(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, list | tuple):
        return tuple(str(item).casefold() for item in value)
    return str(value).casefold()


# ── dates ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def when(value: Any, zone: str) -> date | datetime | None:
    """A date or an aware instant from what a field holds, a local time counts in the zone; None: it is neither."""
    text = str(value or "")
    if len(text) != len("2026-12-24"):
        return calendar.moment_of(text, zone, "00:00")
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _same_kind(left: str, right: str, zone: str) -> tuple[Any, Any] | None:
    """Two dates or moments as they are compared: moments as instants, a moment with a date by its day in the zone."""
    if not (left[4:5] == "-" == right[4:5] and (len(left) > 10 or len(right) > 10)):
        return None
    one, other = when(left, zone), when(right, zone)
    if one is None or other is None:
        return None
    if isinstance(one, datetime) and isinstance(other, datetime):
        return one, other
    days = [calendar.local_date(at, zone) if isinstance(at, datetime) else at for at in (one, other)]
    return days[0], days[1]


def _date_is(condition: DateIs, facts: Facts) -> bool:
    """A date lies ahead until its day is over; an instant until it has come."""
    found, now = when(value_of(condition.operand, facts), facts.zone), facts.now
    if found is None or now is None:
        return False
    exact = isinstance(found, datetime)
    today = calendar.local_date(now, facts.zone)
    day = calendar.local_date(found, facts.zone) if isinstance(found, datetime) else found
    ahead = found > now if isinstance(found, datetime) else day >= today
    match condition.relation:
        case "today":
            return day == today
        case "past":
            return not ahead
        case "future":
            return ahead
        case "before" | "after":
            limit = date.fromisoformat(condition.date or day.isoformat())
            return day < limit if condition.relation == "before" else day > limit
        case "next":
            assert condition.span is not None
            end = calendar.add(condition.span, now, facts.zone, BusinessHours(zone=facts.zone))
            return ahead and (found <= end if exact else day <= calendar.local_date(end, facts.zone))
        case "last":
            assert condition.span is not None
            start = calendar.since(condition.span, now, facts.zone)
            return not ahead and (found >= start if exact else day >= calendar.local_date(start, facts.zone))


# ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def _has(condition: Has, facts: Facts) -> bool:
    start = None
    if condition.within is not None:
        if facts.now is None:
            return False
        start = calendar.since(condition.within, facts.now, facts.zone)
    left = condition.times or 1
    for event in reversed(facts.history):
        if start is not None and event.at < start:
            continue
        if condition.since_entering and not _since_entering(event, facts):
            continue
        left -= matches(condition.pattern, event, start=facts.start, zone=facts.zone)
        if left <= 0:
            return True
    return False


def _since_entering(event: Event, facts: Facts) -> bool:
    """Mails that were received stand in the history without a number of the log."""
    if event.seq:
        return event.seq > facts.entered
    return facts.entered_at is None or event.at >= facts.entered_at


def matches(
    pattern: Pattern, event: Event, enrolment: UUID | None = None, start: Mapping[str, Any] | None = None, *,
    zone: str,
) -> bool:  # fmt: skip
    """Whether `event` counts for `pattern`. `enrolment` is the run that asks: `own` patterns need its mails. `start` is
    the data of the event that started it, `zone` the lead's: dates in `where` are seen from the day of the event.

    A composite pattern is met by what the engine has logged under its key, and by nothing else.
    """
    if event.type not in pattern.types and not pattern.composite:
        return False
    if pattern.own and (enrolment is None or event.enrolment_id != enrolment):
        return False
    if pattern.composite:
        return event.type == trigger(pattern) and event.name == pattern.key
    if pattern.name is not None and not _named(pattern.name, event):
        return False
    if pattern.link is not None and not addresses.same(pattern.link, str(event.data.get("link", ""))):
        return False
    if pattern.threshold is not None and not _crossed(pattern, event):
        return False
    if pattern.to is not None and not compare(event.data.get("after"), "eq", pattern.to):
        return False
    if pattern.before is not None and not compare(event.data.get("before"), "eq", pattern.before):
        return False
    return pattern.where is None or holds(
        pattern.where, Facts(event=event.data, start=start or {}, now=event.at, zone=zone)
    )


def _named(wanted: str, event: Event) -> bool:
    """Whether the event has the name that is wanted; a page also by its whole address."""
    if event.type == "page.visited":
        return addresses.fits(wanted, event.name, str(event.data.get("url", "")))
    return glob(wanted, event.name)


def triggers(pattern: Pattern) -> tuple[str, ...]:
    """The types of the events that can meet the pattern."""
    return (trigger(pattern),) if pattern.composite else pattern.types


def trigger(pattern: Pattern) -> str:
    """The type of the events that can meet the pattern."""
    if pattern.dated is not None and pattern.absent is None:
        return "date.due"
    return "pattern.met" if pattern.composite else pattern.type


def _crossed(pattern: Pattern, event: Event) -> bool:
    if pattern.threshold is None or (pattern.type.startswith("score.") and event.name != pattern.model):
        return False
    before, after = float(event.data.get("before", 0)), float(event.data.get("after", 0))
    if pattern.type == "score.dropped":
        return before >= pattern.threshold > after
    return before < pattern.threshold <= after


def glob(pattern: str, text: str) -> bool:
    """`*` stands for anything; case does not count."""
    if "*" not in pattern:
        return pattern.casefold() == text.casefold()
    return _expression(pattern.casefold()).fullmatch(text.casefold()) is not None


@lru_cache(maxsize=4096)
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in re.split(r"\*+", pattern)), re.DOTALL)

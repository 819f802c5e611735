"""Why a condition was true or false for a lead: the values that decided it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dsl.plan import (
    Age,
    All,
    Any_,
    Compare,
    Condition,
    DateIs,
    FieldRef,
    FreeMail,
    Has,
    In,
    InCampaign,
    InList,
    InSegment,
    Known,
    Not,
    Operand,
    Shifted,
    StageIs,
    Subscribed,
    TrackingAllowed,
    Value,
)  # fmt: skip
from engine.model.lead import TRACKING, Facts
from engine.rules.conditions import calendar
from engine.rules.conditions.conditions import holds, matches, value_of
from engine.why.log import Log
from engine.wording.terms import condition as in_words
from engine.wording.terms import operand, quoted, scalar

Grounds = tuple[bool | None, tuple[str, ...]]
"""Whether it was true (None: it cannot be told afterwards), and what decided it."""
TODAY = " (as of today)"
"""Marks what may have been otherwise then."""


def grounds(
    asked: Condition, log: Log, at: datetime, data: dict[str, Any] | None = None, entered: datetime | None = None,
    start: Mapping[str, Any] | None = None,
) -> Grounds:  # fmt: skip
    """The truth of a condition as of an instant. `data` is that of the event it is about, `entered` when the run
    began, `start` the data of the event that started it."""
    return _Question(log, at, log.facts(at, data, entered, start), entered).ask(asked)


class _Question:
    def __init__(self, log: Log, at: datetime, facts: Facts, entered: datetime | None) -> None:
        self.log, self.at, self.facts, self.entered = log, at, facts, entered

    def ask(self, asked: Condition) -> Grounds:
        match asked:
            case Not(item=item):
                truth, why = self.ask(item)
                return (None if truth is None else not truth), why
            case All(items=items):
                return self._several([self.ask(item) for item in items], deciding=False)
            case Any_(items=items):
                return self._several([self.ask(item) for item in items], deciding=True)
            case InSegment(name=name, condition=inner):
                truth, why = self.ask(inner)
                state = {True: "was in", False: "was not in", None: "was perhaps in"}[truth]
                return truth, (f"the lead {state} segment {quoted(name)} ({', '.join(why)})",)
            case Has():
                return self._has(asked)
            case InList() | InCampaign() | Subscribed() | TrackingAllowed():
                return self._member(asked)
            case _:
                return self._values(asked)

    def _several(self, found: list[Grounds], *, deciding: bool) -> Grounds:
        """One part that is `deciding` decides; then only such parts are worth telling."""
        decided = [why for truth, why in found if truth is deciding]
        if decided:
            told = decided[:1] if deciding else decided
            return deciding, tuple(dict.fromkeys(line for why in told for line in why))
        unclear = [why for truth, why in found if truth is None]
        told = unclear or [why for _, why in found]
        return (None if unclear else not deciding), tuple(dict.fromkeys(line for why in told for line in why))

    def _values(self, asked: Condition) -> Grounds:
        match asked:
            case Compare(left=left, right=right):
                operands: tuple[Operand, ...] = (left, right)
            case In(left=left):
                operands = (left,)
            case Known(operand=one) | DateIs(operand=one):
                operands = (one,)
            case StageIs():
                return bool(holds(asked, self.facts)), (f"the stage was {self.facts.stage or 'not set'}",)
            case FreeMail():
                return bool(holds(asked, self.facts)), (f"the address is at {_domain(self.facts)}",)
            case _:
                return None, (f"`{in_words(asked)}` cannot be determined afterwards",)
        return holds(asked, self.facts), tuple(self._value(one) for one in operands if not isinstance(one, Value))

    def _value(self, one: Operand) -> str:
        value, today = value_of(one, self.facts), "" if self._known(one) else TODAY
        if value is None:
            return f"{operand(one)} was unknown{today}"
        if isinstance(value, list | tuple):
            return f"{operand(one)} was {', '.join(map(str, value))}{today}"
        if isinstance(value, bool | int | float | str):
            return f"{operand(one)} was {scalar(value)}{today}"
        return operand(one)

    def _known(self, one: Operand) -> bool:
        """Whether the value is that of the instant for certain."""
        if isinstance(one, Shifted):
            return self._known(one.base)
        if isinstance(one, Age):
            return self.log.field(one.field, self.at)[1]
        if not isinstance(one, FieldRef) or one.name in ("email", "created"):
            return True
        return self.log.field(one.name, self.at)[1]

    def _has(self, asked: Has) -> Grounds:
        start = self.entered if asked.since_entering else None
        if asked.within is not None:
            start = calendar.since(asked.within, self.at, self.log.zone)
        found = [
            one for one in self.facts.history
            if (start is None or one.at >= start)
            and matches(asked.pattern, one, start=self.facts.start, zone=self.log.zone)
        ]  # fmt: skip
        said = in_words(asked.model_copy(update={"times": None}))
        many = "never" if not found else "once" if len(found) == 1 else f"{len(found)} times"
        return holds(asked, self.facts), (f"`{said}`: {many}",)

    def _member(self, asked: InList | InCampaign | Subscribed | TrackingAllowed) -> Grounds:
        match asked:
            case InCampaign(name=name, ever=ever):
                inside = holds(asked, self.facts)
                verb = "had been" if ever else "was"
                return inside, (f"the lead {verb}{'' if inside else ' not'} in campaign {quoted(name)}",)
            case Subscribed(topic=topic):
                return self._topic(topic, f"subscribed to {quoted(topic)}")
            case TrackingAllowed():
                if not self.log.program.workspace.tracking_needs_consent:
                    return True, ("tracking is always on",)
                return self._topic(TRACKING, "someone who had agreed to tracking")
            case InList(name=name):
                inside = self.log.listed(name, self.at)
                return inside, (f"the lead was{'' if inside else ' not'} in list {quoted(name)}",)

    def _topic(self, topic: str, said: str) -> Grounds:
        inside, known = self.log.topic(topic, self.at)
        return inside, (f"the lead {'was' if inside else 'was not'} {said}{'' if known else TODAY}",)


def _domain(facts: Facts) -> str:
    return str(facts.fields.get("email", "")).rpartition("@")[2] or "no known domain"

"""The words plans are made of: durations and moments, conditions, events. Plain frozen data."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


# ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
class Duration(Frozen):
    """A sum of units that do not convert into each other: a day is the same local time tomorrow, 24 hours are exact."""

    months: int = 0
    days: int = 0
    minutes: int = 0
    business_days: int = 0
    business_minutes: int = 0


class After(Frozen):
    kind: Literal["after"] = "after"
    duration: Duration


class Weekday(Frozen):
    """The next such weekday at such a time in the lead's zone; today counts when the time is still to come."""

    kind: Literal["weekday"] = "weekday"
    weekday: int = Field(ge=0, le=6, description="Monday is 0")
    time: str = Field(description="HH:MM")


class At(Frozen):
    """A fixed local date and time; without a zone of its own, in the lead's."""

    kind: Literal["at"] = "at"
    date: str = Field(description="YYYY-MM-DD")
    time: str = Field(description="HH:MM")
    zone: str | None = None


Moment = Annotated[After | Weekday | At, Field(discriminator="kind")]


class Window(Frozen):
    """When mail may leave: days (Monday is 0) and a local time span; `start` > `end` spans midnight."""

    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    start: str = "00:00"
    end: str = "24:00"


class BusinessHours(Frozen):
    zone: str
    days: tuple[int, ...] = (0, 1, 2, 3, 4)
    start: str = "09:00"
    end: str = "17:00"
    holidays: tuple[str, ...] = Field(default=(), description='ISO country or region codes: "DE", "DE-BY"')
    closed: tuple[tuple[str, str], ...] = Field(default=(), description="spans of dates, both ends included")


class Limit(Frozen):
    times: int = 1
    per: Duration


# ── conditions ───────────────────────────────────────────────────────────────────────────────────────────────────────
Scalar = bool | int | float | str


class FieldRef(Frozen):
    kind: Literal["field"] = "field"
    name: str


class ScoreRef(Frozen):
    kind: Literal["score"] = "score"
    model: str = Field(default="", description="empty: the default scoring")


class EventRef(Frozen):
    """A datum of the event that started or last woke this branch, or in `where` of the event being matched."""

    kind: Literal["event"] = "event"
    name: str


class Value(Frozen):
    kind: Literal["value"] = "value"
    value: Scalar


Operand = Annotated[FieldRef | ScoreRef | EventRef | Value, Field(discriminator="kind")]


class All(Frozen):
    kind: Literal["and"] = "and"
    items: tuple[Condition, ...]


class Any_(Frozen):
    kind: Literal["or"] = "or"
    items: tuple[Condition, ...]


class Not(Frozen):
    kind: Literal["not"] = "not"
    item: Condition


class Compare(Frozen):
    """With a missing value on either side every comparison is false; `is not` is written `Not(Compare(eq))`."""

    kind: Literal["compare"] = "compare"
    left: Operand
    op: Literal["eq", "lt", "le", "gt", "ge", "contains", "starts"]
    right: Operand


class In(Frozen):
    kind: Literal["in"] = "in"
    left: Operand
    values: tuple[Scalar, ...]


class Known(Frozen):
    kind: Literal["known"] = "known"
    operand: Operand


class StageIs(Frozen):
    kind: Literal["stage"] = "stage"
    stage: str
    at_least: bool = False


class FreeMail(Frozen):
    """`email is a free address`: the domain is a public mailbox provider's."""

    kind: Literal["free_mail"] = "free_mail"


Condition = Annotated[
    All | Any_ | Not | Compare | In | Known | StageIs | FreeMail,
    Field(discriminator="kind"),
]

# ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────
EventType = Literal[
    "form.posted", "form.submitted",
    "email.delivered", "email.opened", "email.clicked", "email.replied", "email.bounced",
    "page.visited",
    "file.downloaded",
    "stage.entered",
    "score.reached", "score.dropped",
    "handoff.accepted", "handoff.rejected", "handoff.overdue",
    "handoff.opened", "handoff.assigned", "handoff.acknowledged", "handoff.contacted", "handoff.retried",
    "lead.unsubscribed",
    "custom",
]  # fmt: skip
"""The types an event row can have. A link click is an `email.clicked` whose data carries `link`. `form.posted` is a
form with double opt-in before its confirmation; the compiler adds one hidden campaign per such form that mails the
button. The five after `handoff.overdue` are there to be read, and nothing follows from them."""


class Pattern(Frozen):
    """Which events of the log count. Names are globs (`*` at the end), compared regardless of case."""

    type: EventType
    name: str | None = Field(default=None, description="form, template, page, file, stage or event name; None: any")
    link: str | None = Field(default=None, description="email.clicked only: glob on the clicked address")
    own: bool = Field(default=False, description="email.* only: just the mails this enrolment sent")
    model: str = Field(default="", description="score.*: the scoring")
    threshold: float | None = Field(default=None, description="score.*: the value crossed")
    where: Condition | None = None


# ── digests ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def digest_of(data: Any) -> str:
    text = json.dumps(_without_sources(data), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _without_sources(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _without_sources(value) for key, value in data.items() if key != "source"}
    if isinstance(data, list):
        return [_without_sources(value) for value in data]
    return data

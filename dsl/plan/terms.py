"""The words plans are made of: durations and moments, conditions, events. Plain frozen data."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
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


class Relative(Frozen):
    """So long before or after a date the lead has, or on it: `7 days before contract_end`. A date comes at `time` in
    the lead's zone; a field that holds an instant, or an offset in minutes, is exact. Moves when the field changes.
    `of_event`: the date is a property of the event that came last, and does not move."""

    kind: Literal["relative"] = "relative"
    field: str
    offset: Duration
    before: bool = False
    time: str = Field(default="09:00", description="HH:MM")
    of_event: bool = False
    by_day: bool = Field(default=False, description="of an instant, only its day in the lead's zone counts")


Moment = Annotated[After | Weekday | At | Relative, Field(discriminator="kind")]


class Window(Frozen):
    """When mail may leave: days (Monday is 0; `working`: business days) and a local time span, maybe past midnight."""

    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    start: str = "00:00"
    end: str = "24:00"
    working: bool = False


class OpenHours(Frozen):
    """Days (Monday is 0) and the hours of each, HH:MM."""

    days: tuple[int, ...]
    start: str
    end: str


class BusinessHours(Frozen):
    zone: str
    days: tuple[int, ...] = (0, 1, 2, 3, 4)
    start: str = "09:00"
    end: str = "17:00"
    holidays: tuple[str, ...] = Field(default=(), description='ISO country or region codes: "DE", "DE-BY"')
    closed: tuple[tuple[str, str], ...] = Field(default=(), description="spans of dates, both ends included")
    more: tuple[OpenHours, ...] = Field(default=(), description="further hours beside `days` from `start` to `end`")

    @property
    def lines(self) -> tuple[OpenHours, ...]:
        """All hours, as many as there are lines in the file."""
        return (OpenHours(days=self.days, start=self.start, end=self.end), *self.more)


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


class StartRef(Frozen):
    """In `where`, and only there: a datum of the event that started the run which asks. Without such a run, missing."""

    kind: Literal["start"] = "start"
    name: str


class InterestRef(Frozen):
    """How often the lead has touched an interest profile."""

    kind: Literal["interest"] = "interest"
    name: str


class Today(Frozen):
    """The date in the lead's zone, as ISO text."""

    kind: Literal["today"] = "today"


class Shifted(Frozen):
    """A date counted from another: so many months and days, in the lead's zone."""

    kind: Literal["shifted"] = "shifted"
    base: FieldRef | EventRef | StartRef | Today | Value = Field(discriminator="kind")
    offset: Duration
    before: bool = False


class Age(Frozen):
    """The whole years since a date of the lead's, today in the lead's zone."""

    kind: Literal["age"] = "age"
    field: str


class Value(Frozen):
    kind: Literal["value"] = "value"
    value: Scalar


Operand = Annotated[
    FieldRef | ScoreRef | EventRef | StartRef | InterestRef | Today | Shifted | Age | Value, Field(discriminator="kind")
]


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


class InList(Frozen):
    kind: Literal["list"] = "list"
    name: str


class InSegment(Frozen):
    """The segment's own condition is written into the plan: a run keeps the definition it began with."""

    kind: Literal["segment"] = "segment"
    name: str
    condition: Condition


class InCampaign(Frozen):
    """In a campaign now, or with `ever` at any time before."""

    kind: Literal["campaign"] = "campaign"
    name: str
    ever: bool = False


class Subscribed(Frozen):
    kind: Literal["subscribed"] = "subscribed"
    topic: str


class TrackingAllowed(Frozen):
    kind: Literal["tracking"] = "tracking"


class DateIs(Frozen):
    """Where a date lies, seen from now in the lead's zone. A date ends with its day; `before` and `after` leave the
    named day itself out. A missing date makes all of them false."""

    kind: Literal["date"] = "date"
    operand: Operand
    relation: Literal["next", "last", "past", "future", "today", "before", "after"]
    span: Duration | None = Field(default=None, description="next, last: how far")
    date: str | None = Field(default=None, description="before, after: YYYY-MM-DD")


class Has(Frozen):
    """What the lead did before: at least `times` events of the pattern, `within` the last so long, or since entering.
    `has not` is `Not(Has)`."""

    kind: Literal["has"] = "has"
    pattern: Pattern
    times: int | None = Field(default=None, description="None: once")
    within: Duration | None = None
    since_entering: bool = False


Condition = Annotated[
    All | Any_ | Not | Compare | In | Known | StageIs | FreeMail | InList | InSegment | InCampaign | Subscribed
    | TrackingAllowed | DateIs | Has,
    Field(discriminator="kind"),
]  # fmt: skip

# ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────
EventType = Literal[
    "form.posted", "form.submitted",
    "email.delivered", "email.opened", "email.clicked", "email.replied", "email.bounced", "email.soft_bounced",
    "page.visited",
    "file.downloaded", "video.watched",
    "webinar.registered", "webinar.attended",
    "meeting.booked", "meeting.held",
    "call.received", "chat.started",
    "cart.updated", "order.placed",
    "deal.opened", "deal.moved", "deal.changed", "deal.won", "deal.lost", "deal.refunded",
    "stage.entered",
    "score.reached", "score.dropped", "interest.reached",
    "lead.inactive", "lead.returned",
    "field.changed",
    "list.joined", "list.left", "segment.joined", "segment.left", "topic.joined", "topic.left",
    "campaign.entered", "campaign.left",
    "email.received",
    "date.due",
    "pattern.met",
    "handoff.accepted", "handoff.rejected", "handoff.overdue",
    "handoff.opened", "handoff.assigned", "handoff.acknowledged", "handoff.contacted", "handoff.retried",
    "handoff.reassigned", "handoff.commented", "handoff.scheduled", "lead.unsubscribed",
    "custom",
]  # fmt: skip
"""The types an event row can have. A link click is an `email.clicked` whose data carries `link`. `form.posted` is a
form with double opt-in before its confirmation; the compiler adds one hidden campaign per such form that mails the
button. The eight after `handoff.overdue` and `email.soft_bounced` are there to be read, and nothing follows from them.
`email.received` stands for an accepted mail in the history that conditions ask. `date.due` and `pattern.met` are logged
by the engine when a pattern comes true that no single event from outside shows; their name is the pattern's `key`."""


class Dated(Frozen):
    """A date that brings an event about: so long before or after a field's date, a birthday, an anniversary, a webinar,
    a fixed moment, or a regular one. At `time` in the lead's zone; 29 February falls on the 28th.

    * `field`: the lead's date field; with `yearly` every year on its day and month (birthday, anniversary)
    * `webinar`: a declared webinar's own instant
    * `at`: one fixed moment
    * `every`: regular; `weekday` and `nth` narrow it (`first tuesday of the month` is month, 1, 1; nth -1: the last)
    """

    field: str | None = None
    yearly: bool = False
    webinar: str | None = None
    at: At | None = None
    every: Literal["day", "week", "month"] | None = None
    weekday: int | None = Field(default=None, ge=0, le=6, description="Monday is 0")
    nth: int | None = Field(default=None, description="with month: which such weekday, or without one which day")
    offset: Duration | None = None
    before: bool = False
    time: str | None = Field(default=None, description="HH:MM; None: 09:00, or exact for an offset in minutes")


class Absence(Frozen):
    """`and then no … within …`: the event that must not follow. `same`: only one whose datum of that name is equal."""

    type: EventType
    name: str | None = None
    where: Condition | None = None
    same: str | None = None
    within: Duration


class Pattern(Frozen):
    """Which events of the log count. Names are globs (`*` at the end), compared regardless of case.

    A pattern with `times`, `absent`, `silent` or `dated` is composite: the engine works out when it comes true and logs
    `pattern.met` (`date.due` for a date) under its `key`, with the data of the event that completed it. The order is:
    the event, counted, with its `where`, and then the absence.
    """

    type: EventType
    also: tuple[EventType, ...] = Field(default=(), description="further types, any of which will do")
    name: str | None = Field(default=None, description="form, template, page, file, stage or event name; None: any")
    link: str | None = Field(default=None, description="email.clicked only: glob on the clicked address")
    own: bool = Field(default=False, description="email.* only: just the mails this enrolment sent")
    model: str = Field(default="", description="score.*: the scoring")
    threshold: float | None = Field(default=None, description="score.*, interest.*: the value crossed")
    to: Scalar | None = Field(default=None, description="field.changed: the new value")
    before: Scalar | None = Field(default=None, description="field.changed: the value it had")
    times: int | None = Field(default=None, description="so many such events `within` the time")
    within: Duration | None = None
    silent: Duration | None = Field(default=None, description="lead.inactive: nothing of the lead's for so long")
    absent: Absence | None = None
    dated: Dated | None = Field(default=None, description="date.due: which date")
    where: Condition | None = None

    @cached_property
    def types(self) -> tuple[EventType, ...]:
        """The types of events that fit, none of them more than another."""
        return (self.type, *self.also)

    @cached_property
    def composite(self) -> bool:
        """Whether it takes the engine to find out that it came true."""
        return bool(self.times or self.absent or self.silent or self.dated)

    @cached_property
    def key(self) -> str:
        """The name under which the engine logs that a composite pattern came true."""
        return digest_of(self.model_dump(mode="json"))[:16]


for _model in (Shifted, All, Any_, Not, InSegment, Absence, Pattern, Has):
    _model.model_rebuild()  # now, because later `Condition` may be found in the module of whoever asks first


# ── digests ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def digest_of(data: Any) -> str:
    text = json.dumps(_without_sources(data), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _without_sources(data: Any) -> Any:
    """Without places and what is empty: a shape that gains a field whose default is empty keeps the digests it had."""
    if isinstance(data, dict):
        return {
            key: _without_sources(value)
            for key, value in data.items()
            if key != "source" and not (value is None or value is False or value in ("", [], {}))
        }
    if isinstance(data, list):
        return [_without_sources(value) for value in data]
    return data

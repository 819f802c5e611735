"""The plan: what a workspace means once it is compiled. Plain frozen data, and nothing that acts.

A `Program` is one deployment: the company's declarations plus one `Plan` per campaign. A plan is a flat graph of steps:
each step names the step that follows it, so a position in a run is a step's id and the interpreter needs no stack.
`None` as a target means *the flow ends here*.

Step ids come from the label when there is one, else from kind, content and ordinal among equals, so they survive edits
elsewhere in the file. The digest covers everything but source places: moving a campaign down a line is not a new plan.
"""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA = 1
"""Version of this module's shapes. A process refuses a deployment whose schema it cannot read."""


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
    "lead.unsubscribed",
    "custom",
]  # fmt: skip
"""The types an event row can have. A link click is an `email.clicked` whose data carries `link`. `form.posted` is a form
with double opt-in before its confirmation; the compiler adds one hidden campaign per such form that mails the button."""


class Pattern(Frozen):
    """Which events of the log count. Names are globs (`*` at the end), compared regardless of case."""

    type: EventType
    name: str | None = Field(default=None, description="form, template, page, file, stage or event name; None: any")
    link: str | None = Field(default=None, description="email.clicked only: glob on the clicked address")
    own: bool = Field(default=False, description="email.* only: just the mails this enrolment sent")
    model: str = Field(default="", description="score.*: the scoring")
    threshold: float | None = Field(default=None, description="score.*: the value crossed")
    where: Condition | None = None


# ── steps ────────────────────────────────────────────────────────────────────────────────────────────────────────────
Target = str | None


class Step(Frozen):
    id: str
    source: str = Field(description="file:line of the statement")
    label: str | None = None


class Send(Step):
    kind: Literal["send"] = "send"
    template: str
    mode: Literal["normal", "trigger", "transactional"] = "normal"
    within: Duration = Duration(days=7)
    values: tuple[tuple[str, Operand], ...] = ()
    next: Target = None


class Arm(Frozen):
    pattern: Pattern
    target: Target
    source: str


class Wait(Step):
    """Rest until the first arm's event or until the moment, whichever comes first in the log.

    `then` follows when the moment comes; `missed` when it lay in the past on arrival. Without `until`, only an arm ends it.
    """

    kind: Literal["wait"] = "wait"
    until: Moment | None = None
    arms: tuple[Arm, ...] = ()
    then: Target = None
    missed: Target = None


class Branch(Frozen):
    condition: Condition
    target: Target


class If(Step):
    kind: Literal["if"] = "if"
    branches: tuple[Branch, ...]
    otherwise: Target = None


class AddPoints(Step):
    kind: Literal["points"] = "points"
    amount: float
    model: str = ""
    next: Target = None


class Qualify(Step):
    kind: Literal["qualify"] = "qualify"
    stage: str
    next: Target = None


class Case(Frozen):
    outcome: Literal["accepted", "rejected", "overdue"]
    reason: str | None = None
    target: Target


class HandOff(Step):
    """Give the lead to sales and rest until sales decides. The most specific case follows; without one, `next`."""

    kind: Literal["handoff"] = "handoff"
    team: str | None = None
    stage: str | None = None
    note: str = ""
    cases: tuple[Case, ...] = ()
    next: Target = None
    detached: bool = Field(default=False, description="inside `whenever`: goes on at once, the handoff runs on its own")


class EnterCampaign(Step):
    kind: Literal["enter"] = "enter"
    campaign: str
    next: Target = None


class Stop(Step):
    kind: Literal["stop"] = "stop"


AnyStep = Annotated[
    Send | Wait | If | AddPoints | Qualify | HandOff | EnterCampaign | Stop,
    Field(discriminator="kind"),
]


# ── campaigns ────────────────────────────────────────────────────────────────────────────────────────────────────────
class Start(Frozen):
    pattern: Pattern
    only_if: Condition | None = None
    source: str


class Reentry(Frozen):
    """`once`, `always`, or again `after` a duration counted from leaving."""

    kind: Literal["once", "after", "always"] = "once"
    after: Duration | None = None


class Leave(Frozen):
    pattern: Pattern
    entry: Target = None
    source: str


class Limit(Frozen):
    times: int = 1
    per: Duration


class Whenever(Frozen):
    id: str
    pattern: Pattern
    limit: Limit | None = None
    entry: Target
    source: str


class Plan(Frozen):
    """One campaign. `entry` is the first step of its flow."""

    campaign: str
    source: str
    starts: tuple[Start, ...]
    reentry: Reentry = Reentry()
    leaves: tuple[Leave, ...] = ()
    whenevers: tuple[Whenever, ...] = ()
    topic: str | None = None
    sender: str | None = None
    from_owner: bool = Field(default=False, description="the lead's owner sends; `sender` when there is none")
    windows: tuple[Window, ...] = ()
    entry: Target
    steps: tuple[AnyStep, ...]

    @cached_property
    def by_id(self) -> dict[str, AnyStep]:
        return {step.id: step for step in self.steps}

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the plan without its source places."""
        return digest_of(self.model_dump(mode="json"))


def digest_of(data: Any) -> str:
    text = json.dumps(_without_sources(data), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _without_sources(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _without_sources(value) for key, value in data.items() if key != "source"}
    if isinstance(data, list):
        return [_without_sources(value) for value in data]
    return data


# ── the company's declarations ───────────────────────────────────────────────────────────────────────────────────────
FieldType = Literal[
    "text", "number", "yes/no", "date", "moment", "money", "country", "language", "phone", "url", "choice", "choices",
    "email", "timezone",
]  # fmt: skip


class LeadField(Frozen):
    name: str
    type: FieldType
    choices: tuple[str, ...] = ()
    from_crm: bool = False
    source: str = ""


BUILT_IN: tuple[LeadField, ...] = (
    LeadField(name="email", type="email"),
    LeadField(name="first_name", type="text"),
    LeadField(name="last_name", type="text"),
    LeadField(name="company", type="text"),
    LeadField(name="job_title", type="text"),
    LeadField(name="phone", type="phone"),
    LeadField(name="country", type="country"),
    LeadField(name="city", type="text"),
    LeadField(name="language", type="language"),
    LeadField(name="timezone", type="timezone"),
    LeadField(name="birthday", type="date"),
    LeadField(name="owner", type="email"),
    LeadField(name="created", type="moment"),
)


class Topic(Frozen):
    name: str
    description: str


class Workspace(Frozen):
    name: str
    timezone: str = "UTC"
    languages: tuple[str, ...] = ("en",)
    currency: str = "EUR"
    sender: str = ""
    address: str = ""
    quiet_hours: tuple[str, str] | None = Field(default=None, description="local start and end, HH:MM")
    mail_limit: Limit | None = None
    business_hours: BusinessHours = BusinessHours(zone="UTC")
    mail_needs_consent: bool = True
    tracking_needs_consent: bool = True
    topics: tuple[Topic, ...] = ()


class Ask(Frozen):
    field: str
    required: bool = False
    labels: tuple[tuple[str, str], ...] = Field(default=(), description="(language, label); '' is the first language")


class Consent(Frozen):
    wording: str
    topic: str


class Form(Frozen):
    name: str
    intent: Literal["content", "demo", "help", "event", "newsletter", "other"] = "other"
    asks: tuple[Ask, ...]
    hidden: tuple[tuple[str, Scalar], ...] = ()
    consents: tuple[Consent, ...] = ()
    confirm_with: str | None = Field(default=None, description="template of the double opt-in mail")
    file: str | None = None
    thanks: str | None = None
    allowed_on: tuple[str, ...] = ()
    source: str


class Every(Frozen):
    """How often a scoring rule may count. At most one of the shapes:

    * `per_thing`: once per email, file, page, form … (the event's name is the key)
    * `times` in a period, or `points` in a period; the period is a calendar `unit` in the lead's zone or a sliding `span`.
      Neither unit nor span: ever.
    """

    per_thing: bool = False
    times: int | None = None
    points: float | None = None
    unit: Literal["day", "week", "month"] | None = None
    span: Duration | None = None


class Rule(Frozen):
    """One line of a scoring. With `pattern` it counts events; with only `condition` it is a state that comes and goes."""

    id: str
    amount: float
    pattern: Pattern | None = None
    condition: Condition | None = None
    limits: tuple[Every, ...] = ()
    expires_after: Duration | None = None
    source: str


class Scoring(Frozen):
    name: str = Field(default="", description="empty: the default model, called `score`")
    rules: tuple[Rule, ...]


class StageRule(Frozen):
    pattern: Pattern
    only_if: Condition | None = None
    source: str


class Stage(Frozen):
    name: str
    rules: tuple[StageRule, ...] = ()
    outside: bool = Field(default=False, description="outside the order: `is at least` never includes it")
    source: str


class Action(Frozen):
    kind: Literal["reassign", "escalate", "recycle"]
    to: str | None = Field(default=None, description="escalate: an address; None: the team's members")


class TimeLimit(Frozen):
    within: Duration
    then: Action = Action(kind="escalate")


class Member(Frozen):
    email: str
    condition: Condition | None = None
    up_to: int | None = None
    away: tuple[tuple[str, str], ...] = ()


class WhenFull(Frozen):
    kind: Literal["wait", "team", "escalate"] = "wait"
    to: str | None = None


class Team(Frozen):
    """Sales people and their rules. `takes` None: all leads (or all other leads, with `others`)."""

    name: str
    takes: Condition | None = None
    others: bool = False
    hours: BusinessHours
    members: tuple[Member, ...]
    assign: tuple[Literal["former owner", "round robin", "least busy"], ...] = ("round robin",)
    when_full: WhenFull = WhenFull()
    acknowledge: TimeLimit = TimeLimit(within=Duration(business_days=1))
    contact: TimeLimit = TimeLimit(within=Duration(business_days=2))
    decide: TimeLimit = TimeLimit(within=Duration(business_days=14))
    source: str


class Program(Frozen):
    """Everything one deployment says."""

    schema_version: int = SCHEMA
    workspace: Workspace
    fields: tuple[LeadField, ...] = Field(default=(), description="declared ones; the built-in ones are BUILT_IN")
    forms: tuple[Form, ...] = ()
    scorings: tuple[Scoring, ...] = ()
    stages: tuple[Stage, ...] = ()
    teams: tuple[Team, ...] = ()
    campaigns: tuple[Plan, ...] = ()

    @cached_property
    def all_fields(self) -> dict[str, LeadField]:
        return {field.name: field for field in (*BUILT_IN, *self.fields)}

    @cached_property
    def digest(self) -> str:
        return digest_of(self.model_dump(mode="json"))

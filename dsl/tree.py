"""The campaign language as a tree: what was written, classified but not yet checked."""

from __future__ import annotations

from dataclasses import dataclass, field

from dsl import plan
from dsl.syntax import (
    And as And,
)
from dsl.syntax import (
    AtLeast as AtLeast,
)
from dsl.syntax import (
    Bare as Bare,
)
from dsl.syntax import (
    Compare as Compare,
)
from dsl.syntax import (
    Condition as Condition,
)
from dsl.syntax import (
    Event as Event,
)
from dsl.syntax import (
    EventDatum as EventDatum,
)
from dsl.syntax import (
    FreeAddress as FreeAddress,
)
from dsl.syntax import (
    Known as Known,
)
from dsl.syntax import (
    Not as Not,
)
from dsl.syntax import (
    Number as Number,
)
from dsl.syntax import (
    OneOf as OneOf,
)
from dsl.syntax import (
    Operand as Operand,
)
from dsl.syntax import (
    Or as Or,
)
from dsl.syntax import (
    Quoted as Quoted,
)
from dsl.syntax import (
    Score as Score,
)
from dsl.syntax import (
    Span as Span,
)
from dsl.syntax import (
    Text as Text,
)
from dsl.syntax import (
    Word as Word,
)


# ── statements ───────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class Send:
    template: Text
    span: Span
    label: Text | None = None
    mode: str = "normal"
    within: plan.Duration | None = None
    values: tuple[tuple[Text, Operand], ...] = ()


@dataclass(frozen=True, slots=True)
class Arm:
    event: Event
    body: Block
    span: Span


@dataclass(frozen=True, slots=True)
class Wait:
    span: Span
    label: Text | None = None
    until: plan.After | plan.Weekday | plan.At | None = None
    arms: tuple[Arm, ...] = ()
    otherwise: Block | None = None


@dataclass(frozen=True, slots=True)
class If:
    span: Span
    branches: tuple[tuple[Condition, Block], ...]
    otherwise: Block | None = None
    label: Text | None = None


@dataclass(frozen=True, slots=True)
class AddPoints:
    amount: float
    model: Text | None
    span: Span
    label: Text | None = None


@dataclass(frozen=True, slots=True)
class Qualify:
    stage: Text
    span: Span
    label: Text | None = None


@dataclass(frozen=True, slots=True)
class Case:
    outcome: str
    reason: Text | None
    body: Block
    span: Span


@dataclass(frozen=True, slots=True)
class HandOff:
    span: Span
    team: Text | None
    stage: Text | None
    label: Text | None = None
    note: Text | None = None
    cases: tuple[Case, ...] = ()


@dataclass(frozen=True, slots=True)
class Enter:
    campaign: Text
    span: Span
    label: Text | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    span: Span
    label: Text | None = None


Statement = Send | Wait | If | AddPoints | Qualify | HandOff | Enter | Stop
Block = tuple[Statement, ...]


# ── campaigns ────────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class Trigger:
    """An event with the conditions that must hold when it happens: a campaign's start, or a stage's rule."""

    event: Event
    only_if: tuple[Condition, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Leave:
    event: Event
    body: Block
    span: Span


@dataclass(frozen=True, slots=True)
class Whenever:
    event: Event
    limit: plan.Limit | None
    body: Block
    span: Span


@dataclass(frozen=True, slots=True)
class Campaign:
    name: Text
    span: Span
    starts: tuple[Trigger, ...] = ()
    reentry: plan.Reentry = field(default_factory=plan.Reentry)
    leaves: tuple[Leave, ...] = ()
    whenevers: tuple[Whenever, ...] = ()
    topic: Text | None = None
    sender: Text | None = None
    from_owner: bool = False
    windows: tuple[plan.Window, ...] = ()
    flow: Block = ()


# ── declarations ─────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class Topic:
    name: Text
    description: str


@dataclass(frozen=True, slots=True)
class Hours:
    """Working hours as far as they were written; what is None comes from the workspace."""

    zone: Text | None = None
    days: tuple[int, ...] | None = None
    start: str | None = None
    end: str | None = None
    holidays: tuple[Text, ...] | None = None
    closed: tuple[tuple[str, str], ...] | None = None


@dataclass(frozen=True, slots=True)
class Workspace:
    name: Text
    span: Span
    hours: Hours = Hours()
    languages: tuple[Text, ...] = ()
    currency: Text | None = None
    sender: Text | None = None
    address: Text | None = None
    quiet_hours: tuple[str, str] | None = None
    mail_limit: plan.Limit | None = None
    mail_needs_consent: bool = True
    tracking_needs_consent: bool = True
    topics: tuple[Topic, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    name: Text
    type: Text
    choices: tuple[Text, ...]
    from_crm: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Ask:
    field: Text
    required: bool
    labels: tuple[tuple[Text | None, Text], ...]


@dataclass(frozen=True, slots=True)
class Consent:
    wording: Text
    topic: Text


@dataclass(frozen=True, slots=True)
class Form:
    name: Text
    span: Span
    intent: Text | None = None
    asks: tuple[Ask, ...] = ()
    hidden: tuple[tuple[Text, Operand], ...] = ()
    consents: tuple[Consent, ...] = ()
    confirm_with: Text | None = None
    file: Text | None = None
    thanks: Text | None = None
    allowed_on: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class Every:
    """A scoring limit; `thing` is what it counts once per."""

    limit: plan.Every
    thing: Text | None
    span: Span


@dataclass(frozen=True, slots=True)
class Rule:
    amount: float
    span: Span
    event: Event | None = None
    condition: Condition | None = None
    limits: tuple[Every, ...] = ()
    expires_after: plan.Duration | None = None


@dataclass(frozen=True, slots=True)
class Scoring:
    name: Text | None
    span: Span
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Stage:
    name: Text
    outside: bool
    span: Span
    rules: tuple[Trigger, ...] = ()
    agreed_by: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class Lifecycle:
    span: Span
    stages: tuple[Stage, ...] = ()


@dataclass(frozen=True, slots=True)
class Action:
    kind: str
    to: Text | None
    span: Span


@dataclass(frozen=True, slots=True)
class TimeLimit:
    within: plan.Duration
    then: Action


@dataclass(frozen=True, slots=True)
class Member:
    email: Text
    condition: Condition | None
    up_to: int | None


@dataclass(frozen=True, slots=True)
class Away:
    email: Text
    first: str
    last: str
    span: Span


@dataclass(frozen=True, slots=True)
class Team:
    name: Text
    span: Span
    takes: Condition | None = None
    others: bool = False
    takes_span: Span | None = None
    hours: Hours = Hours()
    members: tuple[Member, ...] = ()
    away: tuple[Away, ...] = ()
    assign: tuple[str, ...] = ()
    when_full: Action | None = None
    acknowledge: TimeLimit | None = None
    contact: TimeLimit | None = None
    decide: TimeLimit | None = None


Declaration = Workspace | Field | Form | Scoring | Lifecycle | Team | Campaign


@dataclass(frozen=True, slots=True)
class Program:
    """All files of a workspace. `unreadable` holds the kinds of which a declaration was lost to a bad line."""

    workspaces: tuple[Workspace, ...] = ()
    fields: tuple[Field, ...] = ()
    forms: tuple[Form, ...] = ()
    scorings: tuple[Scoring, ...] = ()
    lifecycles: tuple[Lifecycle, ...] = ()
    teams: tuple[Team, ...] = ()
    campaigns: tuple[Campaign, ...] = ()
    unreadable: frozenset[str] = frozenset()

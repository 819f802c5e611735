"""Campaigns and their statements as a tree."""

from __future__ import annotations

from dataclasses import dataclass, field

from dsl import plan
from dsl.syntax import Condition, Event, Operand, Span, Text


# ── statements ───────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class Send:
    template: Text
    span: Span
    label: Text | None = None
    mode: str = "normal"
    within: plan.Duration | None = None
    values: tuple[tuple[Text, Operand], ...] = ()
    subjects: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class Arm:
    event: Event
    body: Block
    span: Span


@dataclass(frozen=True, slots=True)
class Wait:
    """`field` is the date that a relative `until` counts from."""

    span: Span
    label: Text | None = None
    until: plan.After | plan.Weekday | plan.At | plan.Relative | None = None
    arms: tuple[Arm, ...] = ()
    otherwise: Block | None = None
    field: Text | None = None


@dataclass(frozen=True, slots=True)
class If:
    span: Span
    branches: tuple[tuple[Condition, Block], ...]
    otherwise: Block | None = None
    label: Text | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """An arm of a split, or a variant of a test, which has no percentage of its own."""

    name: Text
    body: Block
    span: Span
    percent: float | None = None
    """None too when it could not be read."""


@dataclass(frozen=True, slots=True)
class Split:
    span: Span
    arms: tuple[Way, ...]
    label: Text | None = None


@dataclass(frozen=True, slots=True)
class VariantTest:
    name: Text
    span: Span
    percent: float
    lasts: plan.Duration
    by: Text
    variants: tuple[Way, ...]
    label: Text | None = None


@dataclass(frozen=True, slots=True)
class Repeat:
    span: Span
    times: int
    every: plan.Duration | None
    until: Condition | None
    body: Block
    label: Text | None = None


@dataclass(frozen=True, slots=True)
class AddPoints:
    amount: float
    model: Text | None
    span: Span
    label: Text | None = None


@dataclass(frozen=True, slots=True)
class SetField:
    """`value` None: `nothing`."""

    field: Text
    value: Operand | None
    span: Span
    add: bool = False
    label: Text | None = None


@dataclass(frozen=True, slots=True)
class ListStep:
    name: Text
    remove: bool
    span: Span
    label: Text | None = None


@dataclass(frozen=True, slots=True)
class TopicStep:
    topic: Text
    remove: bool
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
class Recycle:
    stage: Text | None
    reason: Text
    span: Span
    label: Text | None = None


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who gets an internal mail: an address or a team by name, or the owner."""

    kind: str
    name: Text | None
    span: Span


@dataclass(frozen=True, slots=True)
class Notify:
    to: tuple[Receiver, ...]
    template: Text
    span: Span
    label: Text | None = None


@dataclass(frozen=True, slots=True)
class Post:
    url: Text
    values: tuple[tuple[Text, Operand], ...]
    span: Span
    label: Text | None = None


@dataclass(frozen=True, slots=True)
class Enter:
    """`move`: and leave this campaign."""

    campaign: Text
    span: Span
    label: Text | None = None
    move: bool = False


@dataclass(frozen=True, slots=True)
class LeaveCampaign:
    campaign: Text
    span: Span
    label: Text | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    span: Span
    label: Text | None = None


Statement = (
    Send
    | Wait
    | If
    | Split
    | VariantTest
    | Repeat
    | AddPoints
    | SetField
    | ListStep
    | TopicStep
    | Qualify
    | HandOff
    | Recycle
    | Notify
    | Post
    | Enter
    | LeaveCampaign
    | Stop
)
Block = tuple[Statement, ...]


# ── campaigns ────────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class Trigger:
    """An event with the conditions that must hold when it happens: a campaign's start, or a stage's rule. `present`:
    those whom the event has made a member already enter too."""

    event: Event
    only_if: tuple[Condition, ...]
    span: Span
    present: bool = False


@dataclass(frozen=True, slots=True)
class Schedule:
    """A start for everyone in a segment or list, on a date or regularly."""

    dated: plan.Dated
    kind: str
    """`segment` or `list`."""
    audience: Text
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
class Goal:
    event: Event
    within: plan.Duration | None
    leaves: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Cost:
    amount: plan.Cost
    currency: Text
    span: Span


@dataclass(frozen=True, slots=True)
class Campaign:
    """`per` is the datum of the starting event that `enters once per` names."""

    name: Text
    span: Span
    starts: tuple[Trigger, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    reentry: plan.Reentry = field(default_factory=plan.Reentry)
    per: Text | None = None
    leaves: tuple[Leave, ...] = ()
    whenevers: tuple[Whenever, ...] = ()
    topic: Text | None = None
    sender: Text | None = None
    from_owner: bool = False
    windows: tuple[plan.Window, ...] = ()
    runs: tuple[str, str] | None = None
    goal: Goal | None = None
    costs: tuple[Cost, ...] = ()
    priority: Text | None = None
    control: float | None = None
    flow: Block = ()

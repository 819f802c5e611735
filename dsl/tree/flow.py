"""Campaigns and their statements as a tree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dsl import plan
from dsl.tree.parts import Condition, Event, Operand, Span, Text


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
class NextOf:
    """`send next of "a", "b"`: one mail for each round of the `repeat` around it. `again`: what comes after the last,
    where the line says so."""

    sends: tuple[Send, ...]
    span: Span
    again: bool | None = None
    label: Text | None = None


@dataclass(frozen=True, slots=True)
class Arm:
    event: Event
    body: Block
    span: Span


@dataclass(frozen=True, slots=True)
class Wait:
    """`field` is the date that a relative `until` counts from, `datum` the event's. `first`: a date without a time,
    which is the campaign's first sending moment of that day. `skips`: `or skip if past` was said."""

    span: Span
    label: Text | None = None
    until: plan.After | plan.Weekday | plan.At | plan.Relative | None = None
    arms: tuple[Arm, ...] = ()
    otherwise: Block | None = None
    field: Text | None = None
    datum: Text | None = None
    first: bool = False
    skips: bool = False


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
    waits: bool | None = None
    """Whether the leads it is not tried on wait for the winner, where the line says so."""


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
    owner: bool = False
    """To the lead's owner."""


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
    template: Text | None
    """None: the built-in one."""
    span: Span
    label: Text | None = None
    values: tuple[tuple[Text, Operand], ...] = ()


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
    | NextOf
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

_BODIES: Mapping[type, Callable[[Any], tuple[Block, ...]]] = {
    Wait: lambda wait: (*(arm.body for arm in wait.arms), wait.otherwise or ()),
    If: lambda choice: (*(body for _, body in choice.branches), choice.otherwise or ()),
    HandOff: lambda handoff: tuple(case.body for case in handoff.cases),
    Split: lambda split: tuple(arm.body for arm in split.arms),
    VariantTest: lambda test: tuple(variant.body for variant in test.variants),
    Repeat: lambda repeat: (repeat.body,),
    NextOf: lambda step: tuple((send,) for send in step.sends),
}


def bodies(statement: Statement) -> tuple[Block, ...]:
    """The blocks below a statement."""
    find = _BODIES.get(type(statement))
    return find(statement) if find else ()


def statements(block: Block) -> list[Statement]:
    """All statements of a block, those of inner blocks too, in the order in which they were written."""
    found = []
    for statement in block:
        found.append(statement)
        for body in bodies(statement):
            found += statements(body)
    return found


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
    statements: tuple[Statement, ...] = field(init=False, repr=False, compare=False)
    """Of the flow and of the blocks beside it. Gathered once: nearly every check asks for them."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "statements", tuple(s for block in self.blocks for s in statements(block)))

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The flow, and the blocks that run beside it."""
        return (self.flow, *(w.body for w in self.whenevers), *(leave.body for leave in self.leaves))

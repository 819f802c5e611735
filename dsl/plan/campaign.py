"""One campaign as a flat graph of steps."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal, assert_never

from pydantic import Field

from dsl.plan.terms import (
    Condition,
    Duration,
    Frozen,
    Limit,
    Moment,
    Operand,
    Pattern,
    Window,
    digest_of,
)  # fmt: skip

CONFIRMING = 'confirm form "'
"""How the name of a campaign begins that mails the button of a double opt-in; no author may write such a name."""

# ── steps ────────────────────────────────────────────────────────────────────────────────────────────────────────────
Target = str | None


class Step(Frozen):
    id: str
    source: str = Field(description="file:line of the statement")
    label: str | None = None


class LeadStep(Step):
    """A step that changes the lead alone, at once, and leads on to `next`. A match on kinds of steps that treats all of
    them alike names this class; one that ends in `assert_never` fails the type check when a kind is added."""


class Send(Step):
    kind: Literal["send"] = "send"
    template: str
    mode: Literal["normal", "trigger", "transactional"] = "normal"
    within: Duration = Duration(days=7)
    values: tuple[tuple[str, Operand], ...] = ()
    subjects: tuple[str, ...] = Field(default=(), description="subject lines under test; each lead gets one, for good")
    next: Target = None


class Arm(Frozen):
    pattern: Pattern
    target: Target
    source: str


class Wait(Step):
    """Rest until the first arm's event or until the moment, whichever comes first in the log.

    `then` follows when the moment comes; `missed` when it lay in the past on arrival. Without `until` only an arm ends
    it.
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


class SplitArm(Frozen):
    percent: float
    name: str
    target: Target


class Split(Step):
    """Divide leads by chance, the same way for a lead every time."""

    kind: Literal["split"] = "split"
    arms: tuple[SplitArm, ...]


class Variant(Frozen):
    name: str
    target: Target


class VariantTest(Step):
    """Try variants on `percent` of the leads for so long; the others get the first, or wait for the winner (`waits`).
    Later ones get the winner."""

    kind: Literal["test"] = "test"
    name: str
    percent: float
    lasts: Duration
    by: Literal["clicks", "opens", "replies", "goal"]
    variants: tuple[Variant, ...]
    waits: bool = False


class Repeat(Step):
    """Up to `times` rounds of the block at `body`, which leads back here. `every` counts from start to start; `until`
    is asked before each round. Effects inside carry the round in their visit."""

    kind: Literal["repeat"] = "repeat"
    times: int
    every: Duration | None = None
    until: Condition | None = None
    body: Target = None
    next: Target = None


class ByRound(Step):
    """Inside a `repeat`: the first round follows the first way, the second the second. After the last, the rounds begin
    `again` with the first or go on at `next`."""

    kind: Literal["round"] = "round"
    ways: tuple[Target, ...] = ()
    again: bool = False
    next: Target = None


class SetField(LeadStep):
    """Write a field of the lead. `add` counts up a number; without a value the field is emptied."""

    kind: Literal["set"] = "set"
    field: str
    value: Operand | None = None
    add: bool = False
    next: Target = None


class ListStep(LeadStep):
    kind: Literal["list"] = "list"
    list: str
    remove: bool = False
    next: Target = None


class TopicStep(LeadStep):
    """Subscribe (only on a recorded consent) or unsubscribe."""

    kind: Literal["topic"] = "topic"
    topic: str
    remove: bool = False
    next: Target = None


class Recycle(LeadStep):
    """Give the lead back to marketing: to `stage`, or to the second one of the order."""

    kind: Literal["recycle"] = "recycle"
    stage: str | None = None
    reason: str
    next: Target = None


class Receiver(Frozen):
    """Who gets an internal mail: an address, the lead's owner, or a team's members."""

    kind: Literal["address", "owner", "team"]
    name: str = ""


NOTICE = "internal/notice"
"""The built-in template of a `notify` that gives a reason only; a workspace can have its own."""


class Notify(Step):
    """Mail a template to colleagues: to the first receiver there is; an owner who is missing is the lead's team."""

    kind: Literal["notify"] = "notify"
    to: tuple[Receiver, ...]
    template: str
    values: tuple[tuple[str, Operand], ...] = ()
    next: Target = None


class Post(Step):
    """A signed webhook, with the step's identity as its idempotency key."""

    kind: Literal["post"] = "post"
    url: str
    values: tuple[tuple[str, Operand], ...] = ()
    next: Target = None


class LeaveCampaign(LeadStep):
    """End the lead's run of another campaign."""

    kind: Literal["leave"] = "leave"
    campaign: str
    next: Target = None


class AddPoints(LeadStep):
    kind: Literal["points"] = "points"
    amount: float
    model: str = ""
    next: Target = None


class Qualify(LeadStep):
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
    owner: bool = Field(default=False, description="to the lead's owner, if a team has them as a member")
    stage: str | None = None
    note: str = ""
    cases: tuple[Case, ...] = ()
    next: Target = None
    detached: bool = Field(default=False, description="inside `whenever`: goes on at once, the handoff runs on its own")


class EnterCampaign(LeadStep):
    kind: Literal["enter"] = "enter"
    campaign: str
    move: bool = Field(default=False, description="and leave this one: `next` is a stop")
    next: Target = None


class Stop(Step):
    kind: Literal["stop"] = "stop"
    outcome: str = Field(default="", description='empty: "stopped"; after a move "moved"')


AnyStep = Annotated[
    Send | Wait | If | Split | VariantTest | Repeat | ByRound | AddPoints | SetField | ListStep | TopicStep | Qualify
    | HandOff | Recycle | Notify | Post | EnterCampaign | LeaveCampaign | Stop,
    Field(discriminator="kind"),
]  # fmt: skip


def targets(step: AnyStep) -> tuple[Target, ...]:
    """Every step that can follow, whatever has to happen before."""
    match step:
        case If():
            return (*(one.target for one in step.branches), step.otherwise)
        case Wait():
            return (*(one.target for one in step.arms), step.then, step.missed)
        case Split():
            return tuple(one.target for one in step.arms)
        case VariantTest():
            return tuple(one.target for one in step.variants)
        case Repeat():
            return step.body, step.next
        case ByRound():
            return (*step.ways, step.next)
        case HandOff():
            return (*(one.target for one in step.cases), step.next)
        case Stop():
            return ()
        case Send() | Notify() | Post():
            return (step.next,)
        case LeadStep():
            return (step.next,)
        case _:
            assert_never(step)


# ── campaigns ────────────────────────────────────────────────────────────────────────────────────────────────────────
class Start(Frozen):
    """How leads come in. A start on a date or a regular one has a `dated` pattern and takes those of `audience`.
    `present`: those who are in the pattern's segment or list already enter when the campaign is deployed."""

    pattern: Pattern
    only_if: Condition | None = None
    audience: Condition | None = Field(default=None, description="InSegment or InList")
    present: bool = False
    source: str


class Reentry(Frozen):
    """`once`, `always`, again `after` a duration counted from leaving (`from_entry`: from the day of entering), or once
    per value of a datum of the event that starts it (`per`); then one lead may have several live runs."""

    kind: Literal["once", "after", "always", "per"] = "once"
    after: Duration | None = None
    from_entry: bool = False
    datum: str | None = None
    by_name: bool = Field(default=False, description="per: one run per name of what the event is about")


class Goal(Frozen):
    """What the campaign is for: counted when it happens `within` so long after entering."""

    pattern: Pattern
    within: Duration | None = None
    leaves: bool = False
    source: str


class Cost(Frozen):
    """`amount` once, or per month; with `hours` it is the rate of so many hours."""

    amount: float
    per_month: bool = False
    hours: float | None = None


class Leave(Frozen):
    pattern: Pattern
    entry: Target = None
    source: str


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
    runs: tuple[str, str] | None = Field(default=None, description="first and last day on which leads may enter")
    goal: Goal | None = None
    costs: tuple[Cost, ...] = ()
    priority: Literal["", "high", "low"] = Field(default="", description="empty: normal")
    control: float | None = Field(default=None, description="percent of the leads that get no mail, handoff or list")
    entry: Target
    steps: tuple[AnyStep, ...]

    @property
    def written(self) -> bool:
        """Whether an author wrote it; else the compiler brought it, for the button mail of a double opt-in."""
        return not self.campaign.startswith(CONFIRMING)

    @cached_property
    def by_id(self) -> dict[str, AnyStep]:
        return {step.id: step for step in self.steps}

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the plan without its source places."""
        return digest_of(self.model_dump(mode="json"))

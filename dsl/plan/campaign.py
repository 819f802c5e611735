"""One campaign as a flat graph of steps."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

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

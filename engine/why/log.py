"""What the store knows about one lead and one campaign, as plain values, and how the lead stood at any instant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from dsl.plan import AnyStep, Interest, Pattern, Plan, Program, Wait
from engine.model.lead import TRACKING, Event, Facts, Lead, stage_order
from engine.rules.conditions import calendar
from engine.rules.conditions.conditions import matches, own_key, topic_state
from engine.rules.leads.segments import counts_for
from engine.wording.events import clause
from engine.wording.terms import pattern

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class Message:
    step: str
    visit: str
    template: str
    state: str
    reason: str
    source: str
    subject: str
    at: datetime
    id: UUID
    staff: str | None = None
    held: Sequence[tuple[datetime, str]] = ()
    """What kept it: since when, and the rule in words, as often as that changed."""


@dataclass(frozen=True, slots=True)
class Points:
    cause: str
    rule: str
    model: str
    amount: float
    after: float
    at: datetime
    seq: int


@dataclass(frozen=True, slots=True)
class Doubt:
    """An open, click or download that counted, and that the rules take for a machine's by now; `reasons` in words."""

    seq: int
    kind: str
    at: datetime
    reasons: Sequence[str]


@dataclass(frozen=True, slots=True)
class Move:
    """A change of stage. `reason` is the place of the line that caused it, and with a recycle why."""

    seq: int
    stage: str
    before: str
    reason: str
    at: datetime
    step: str | None = None
    """The step of a run that asked for it; empty: a rule did; None: from before that was kept."""

    @property
    def place(self) -> str:
        return self.reason.partition(": ")[0]

    def by(self, step: AnyStep) -> bool:
        """Whether the step asked for it."""
        return self.place == step.source if self.step is None else self.step == step.id


@dataclass(frozen=True, slots=True)
class Opened:
    """A handoff that a run opened. `step` None: from before that was kept."""

    id: UUID
    step: str | None
    source: str

    def by(self, step: AnyStep) -> bool:
        """Whether the step opened it."""
        return self.source == step.source if self.step is None else self.step == step.id


@dataclass(frozen=True, slots=True)
class Rest:
    """What a branch of the run waits for now."""

    step: str
    source: str
    what: str
    due: datetime | None
    held: str = ""
    """What keeps its mail."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A time in which the campaign was `paused` or `stopped`; `until` None: it still is."""

    state: str
    author: str
    reason: str
    at: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Walk:
    """One step a run came to. `branch` is empty in the flow."""

    step: str
    at: datetime
    branch: str = ""


@dataclass(frozen=True)
class Run:
    """One time in the campaign. `path` are the newest steps it came to; `plan` None when that version is gone.

    `earlier`: the plans it was on before, each with when it was moved to the next, oldest first.
    """

    id: UUID
    number: int
    digest: str
    plan: Plan | None
    state: str
    outcome: str | None
    attention: str | None
    leave_seq: int | None
    started_at: datetime
    ended_at: datetime | None
    entered: int = 0
    """The newest event of the lead's when it entered."""
    per: str = ""
    path: tuple[Walk, ...] = ()
    messages: tuple[Message, ...] = ()
    rests: tuple[Rest, ...] = ()
    earlier: tuple[tuple[datetime, Plan | None], ...] = ()
    handoffs: tuple[Opened, ...] = ()
    """Each handoff the run opened."""
    editions: tuple[tuple[datetime, Plan], ...] = ()
    """The campaign as each deployment wrote it down, oldest first: the same plan may stand in other lines."""
    start: Mapping[str, Any] = field(default_factory=dict)
    """The data of the event that started it."""

    def hears(self, pattern: Pattern, event: Event, zone: str) -> bool:
        """Whether the event counts for a pattern of its plan."""
        return matches(pattern, event, self.id, self.start, zone=zone)

    def at(self, when: datetime) -> Run:
        """The run with the plan that it was on at an instant, its lines as the deployment of that time had them."""
        plan = next((plan for until, plan in self.earlier if when < until), self.plan)
        if plan is not None:
            alike = [one for one in self.editions if one[1].digest == plan.digest]
            plan = next((one for at, one in reversed(alike) if at <= when), alike[0][1] if alike else plan)
        return self if plan is self.plan else replace(self, plan=plan)

    def step(self, id: str, when: datetime) -> AnyStep | None:
        """A step as the plan of an instant has it."""
        plan = self.at(when).plan
        return plan.by_id.get(id) if plan else None

    @property
    def plans(self) -> tuple[Plan, ...]:
        """Every plan it was on, as each deployment wrote it down."""
        own = [plan for plan in (*(plan for _, plan in self.earlier), self.plan) if plan is not None]
        digests = {plan.digest for plan in own}
        return (*own, *(plan for _, plan in self.editions if plan.digest in digests))


@dataclass(frozen=True)
class Log:
    """`runs` are those in this campaign, oldest first; `others` the lead's runs elsewhere: campaign, start, end."""

    lead: Lead
    program: Program
    campaign: str
    now: datetime
    plan: Plan | None
    deployed_at: datetime | None
    """When this version of the campaign was first in force."""
    events: Sequence[Event] = ()
    points: Sequence[Points] = ()
    moves: Sequence[Move] = ()
    runs: Sequence[Run] = ()
    others: Sequence[tuple[str, datetime, datetime | None]] = ()
    holds: Sequence[Hold] = ()
    received: Sequence[Event] = ()
    """Mails that were accepted, as the history conditions ask."""
    consents: Sequence[tuple[str, str, datetime]] = ()
    """Topics joined and left: topic, `subscribed` or `unsubscribed`, when; oldest first."""
    sources: Sequence[tuple[datetime, Mapping[str, str]]] = ()
    """Scoring rule → its place, since each deployment that changed one, oldest first."""
    doubts: Sequence[Doubt] = ()
    forgotten: datetime | None = None
    """Before this instant events of the lead are gone, because the workspace keeps them no longer."""

    @property
    def zone(self) -> str:
        return self.lead.zone(self.program)

    def local(self, at: datetime) -> str:
        """An instant in the lead's own time: `Tue 2026-09-01 09:00`."""
        there = calendar.local_time(at, self.zone)
        return f"{_DAYS[there.weekday()]} {there:%Y-%m-%d %H:%M}"

    def held(self, at: datetime) -> Hold | None:
        """What held the campaign at an instant."""
        return next((one for one in self.holds if one.at <= at and (one.until is None or at < one.until)), None)

    def said(self, event: Event) -> str:
        """What happened, as a sentence."""
        return clause(event, met=self.met)

    def scoring_place(self, rule: str, at: datetime) -> str:
        """The line of a scoring rule at an instant."""
        places = next((places for since, places in reversed(self.sources) if since <= at), {})
        return places.get(rule, "")

    def event(self, seq: int | None) -> Event | None:
        return next((one for one in self.events if one.seq == seq), None)

    def facts(
        self, at: datetime, data: Mapping[str, Any] | None = None, entered: datetime | None = None,
        start: Mapping[str, Any] | None = None,
    ) -> Facts:  # fmt: skip
        """The lead as of an instant: all as it was then, fields and topics as far as the log tells."""
        scores: dict[str, float] = {}
        for booked in self.points:
            if booked.at <= at:
                scores[booked.model] = booked.after
        named = {*self.lead.fields, *(one.name for one in self.events if one.type == "field.changed")}
        fields = {name: value for name in named if (value := self.field(name, at)[0]) is not None}
        topics = {**self.lead.topics, **self._agreed(at)}
        interests = {one.name: self._interest(one, at) for one in self.program.interests}
        lead = self.lead.changed(
            scores=scores, stage=self.stage(at), fields=fields, topics=topics,
            interests={**self.lead.interests, **interests},
        )  # fmt: skip
        spans = [*self.others, *((self.campaign, run.started_at, run.ended_at) for run in self.runs)]
        spans = [span for span in spans if span[1] <= at]
        past = sorted((one for one in (*self.events, *self.received) if one.at <= at), key=lambda one: one.at)
        return lead.facts(
            stage_order(self.program), data, start=start or {}, now=at, zone=self.zone, history=past,
            entered_at=entered,
            entered=max((one.seq for one in self.events if entered is not None and one.at <= entered), default=0),
            campaigns=frozenset(name.casefold() for name, _, end in spans if end is None or end > at),
            been=frozenset(name.casefold() for name, _, _ in spans),
            tracking=not self.program.workspace.tracking_needs_consent
            or topics.get(TRACKING) == "subscribed",
        )  # fmt: skip

    def field(self, name: str, at: datetime) -> tuple[Any, bool]:
        """A field's value at an instant, and whether the log vouches for it; where it does not, today's.

        It holds what forms brought, and changes that somebody watched.
        """
        today = self.lead.fields.get(name)
        changes = [one for one in self.events if one.type == "field.changed" and one.name == name]
        later = next((one for one in changes if one.at > at), None)
        if later is not None:
            return later.data.get("before"), True
        told = [(one.at, one.data.get("after")) for one in changes]
        forms = [one for one in self.events if one.type == "form.submitted" and one.at <= at]
        told += [(one.at, one.data[name]) for one in forms if name in one.data]
        return today, bool(told) and max(told, key=lambda one: one[0])[1] == today

    def topic(self, name: str, at: datetime) -> tuple[bool, bool]:
        """Whether the lead was subscribed to a topic at an instant, and whether that is known; where not, today."""
        known = {key.casefold(): state for key, state in self._agreed(at).items()}
        state = known.get(name.casefold())
        today = topic_state(self.lead.topics, name)
        return (state or today) == "subscribed", state is not None

    def _agreed(self, at: datetime) -> Mapping[str, str]:
        """Topic → its state at an instant, of those that were ever joined or left."""
        first = {topic: "unsubscribed" for topic, _, _ in self.consents}
        return first | {topic: state for topic, state, when in self.consents if when <= at}

    def _interest(self, interest: Interest, at: datetime) -> float:
        since = sum(1 for one in self.events if one.at > at and counts_for(interest, one))
        return max(0.0, float(self.lead.interests.get(interest.name, 0)) - since)

    def listed(self, name: str, at: datetime) -> bool:
        """Whether the lead was on a list at an instant."""
        moves = [
            one for one in self.events
            if one.type in ("list.joined", "list.left") and one.name.casefold() == name.casefold()
        ]  # fmt: skip
        before = [one for one in moves if one.at <= at]
        if moves:
            return before[-1].type == "list.joined" if before else moves[0].type == "list.left"
        return own_key(self.lead.lists, name) is not None

    @cached_property
    def met(self) -> Mapping[str, str]:
        """Key → the composite pattern or date in words, for what the engine logs when one comes true."""
        plans = [*(plan for run in self.runs for plan in run.plans), self.plan]
        found = [one for plan in plans if plan for one in patterns_of(plan)]
        found += [rule.pattern for stage in self.program.stages for rule in stage.rules]
        found += [rule.pattern for scoring in self.program.scorings for rule in scoring.rules if rule.pattern]
        return {one.key: pattern(one) for one in found if one.composite}

    def stage(self, at: datetime) -> str:
        before = [move.stage for move in self.moves if move.at <= at]
        if before:
            return before[-1]
        return self.moves[0].before if self.moves else self.lead.stage


def patterns_of(plan: Plan) -> list[Pattern]:
    """Every event the campaign starts by, waits for, runs a block at or leaves by."""
    found = [start.pattern for start in plan.starts]
    found += [one.pattern for one in plan.whenevers]
    found += [one.pattern for one in plan.leaves]
    found += [arm.pattern for step in plan.steps if isinstance(step, Wait) for arm in step.arms]
    return [*found, plan.goal.pattern] if plan.goal else found


@dataclass(frozen=True, slots=True)
class Said:
    """One line of the story. `tone`: did it happen, did it not, is it still to come, or is it worth a warning;
    `why` what decided it; `source` the place of the line that did; `seq` where it stands among the numbers of the log,
    if that is known: what comes between two events has a fraction."""

    at: datetime | None
    text: str
    tone: str = "did"
    why: str = ""
    source: str = ""
    seq: float | None = None

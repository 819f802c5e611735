"""The records the rules work on: a lead, an event of its log, what conditions may ask for. Plain values, no storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Any
from uuid import UUID

from dsl.plan import Program, Scalar
from engine.model.records import Record, record

TRACKING = "@tracking"
"""The key under which a lead's consent to tracking stands beside their topics; no topic can be called that."""
MERGED, UNMERGED, MOVED_TO = "lead.merged", "lead.split", "lead.address_changed"
"""The types of events about the record itself: another became part of it, or was separated again; it got another
address."""
HANDOFF_EVENTS = ("handoff.accepted", "handoff.rejected", "handoff.overdue")
"""The types of events that end a handoff."""
ARRIVED = ("email.delivered", "email.opened", "email.clicked", "email.replied")
"""The types of events that show that an email has arrived."""


@record
class Event(Record):
    """One entry of a lead's log. `seq` numbers it within the lead, `at` never runs backwards along `seq`.

    `enrolment_id` is the run whose mail it is about, or whose step brought it about."""

    seq: int
    at: datetime
    type: str
    name: str
    data: Mapping[str, Any] = field(default_factory=dict)
    key: str | None = None
    enrolment_id: UUID | None = None
    message_id: UUID | None = None

    @property
    def happened_at(self) -> datetime:
        """When it happened, as its sender or the visitor's own page view says; else when it was taken in."""
        try:
            said = datetime.fromisoformat(self.data["at"])
        except (KeyError, TypeError, ValueError):
            return self.at
        return said if said.tzinfo is not None and said.year >= 1970 else self.at

    @property
    def by_run(self) -> bool:
        """Whether a run has brought it about: by a step, or by a mail that has arrived. What the lead does with a mail
        is theirs."""
        return self.enrolment_id is not None and (self.message_id is None or self.type == "email.delivered")


@record
class Facts(Record):
    """A lead at one moment. `order` lists the stages from first to last, without those outside the order.

    `event` is the data of the event that is asked about, `start` of the one that started the run. `topics` and `lists`
    by name; `campaigns` it is in now and `been` in at any time, casefolded; `history` is the part of its log that
    conditions ask, in seq order. In a run `entered` is the seq after which events came since entering, and `entered_at`
    the instant. Without `now` nothing that depends on the date is true.
    """

    fields: Mapping[str, Scalar] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    stage: str = ""
    order: tuple[str, ...] = ()
    event: Mapping[str, Any] = field(default_factory=dict)
    start: Mapping[str, Any] = field(default_factory=dict)
    topics: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, str] = field(default_factory=dict)
    interests: Mapping[str, float] = field(default_factory=dict)
    campaigns: frozenset[str] = frozenset()
    been: frozenset[str] = frozenset()
    tracking: bool = True
    history: Sequence[Event] = ()
    now: datetime | None = None
    zone: str = "UTC"
    entered: int = 0
    entered_at: datetime | None = None


@record
class Lead(Record):
    id: UUID
    seq: int
    stage: str
    last_at: datetime
    created_at: datetime
    email: str | None = None
    fields: Mapping[str, Scalar] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    rated: Mapping[str, float] = field(default_factory=dict)
    topics: Mapping[str, str] = field(default_factory=dict)
    suppressed: str | None = None
    lists: Mapping[str, str] = field(default_factory=dict)
    interests: Mapping[str, float] = field(default_factory=dict)
    segments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    active_at: datetime | None = None
    epoch: int = 0
    origin: Mapping[str, str] = field(default_factory=dict)
    """Where the lead came from: the values of the built-in fields that Coldframe alone writes."""
    former: Sequence[str] = ()
    """Peppered hashes of the lead's other addresses: those they had before, and those of merged records."""

    def zone(self, program: Program) -> str:
        """The lead's own time zone, else the company's."""
        return str(self.fields.get("timezone") or program.workspace.timezone)

    def language(self, program: Program) -> str:
        return program.workspace.language(str(self.fields.get("language") or ""))

    def may_be_tracked(self, program: Program) -> bool:
        """Whether clicks and opens of this lead may be recorded."""
        return not program.workspace.tracking_needs_consent or self.topics.get(TRACKING) == "subscribed"

    def facts(self, order: tuple[str, ...], event: Mapping[str, Any] | None = None, **around: Any) -> Facts:
        """What the lead itself tells; `around` are the other facts, see `WorkingCopy.facts`."""
        known: dict[str, Scalar] = {**self.origin, **self.fields, "created": self.created_at.isoformat()}
        if self.email:
            known["email"] = self.email
        return Facts(
            fields=known, scores=self.scores, stage=self.stage, order=order, event=event or {}, topics=self.topics,
            lists=self.lists, interests=self.interests, **around,
        )  # fmt: skip


def stage_order(program: Program) -> tuple[str, ...]:
    """The stages from first to last, without those outside the order."""
    return tuple(stage.name for stage in program.stages if not stage.outside)

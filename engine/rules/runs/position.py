"""Where a run stands in its plan, as data that survives years in a row of Postgres."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Any

from dsl.plan import ByRound, Target
from engine.model.lead import Event
from engine.model.records import Record, record
from engine.rules.runs.bounds import Streak

FLOW = "flow"
LEAVE = "leave"
MOST_BRANCHES = 8
"""Branches beside the flow: runs of `whenever`."""
MOST_USED = 50
MOST_HELD = 10
"""Reasons that have kept one mail that are remembered, the newest ones."""
MOST_WALKED = 60
"""Steps of a run's way that are remembered, the newest ones."""


@record
class Loop(Record):
    """A `repeat` the branch is inside: the round it is in, when that began, and the visit it came with."""

    step: str
    round: int
    started: datetime
    visit: str


@record
class Branch(Record):
    """One thread of a run.

    `cursor`: no event at or below it counts for this branch's next wait. `used`: events that ended a wait here.
    `event`: the data of the event that started or last woke it, `event_seq` and `event_at` its
    number and instant. While it rests: `deadline` of a wait, `handoff` whose
    decision it awaits, or `hold`, when a send that must wait is tried again; `why` says so where a person should look.
    `arrived` is when it came to its step, `held` what has kept its mail since then: instant and reason, as often as
    the reason changed. `loops` are the repeats around it, the innermost last; in each the visit is
    followed by the round: `0/2`.
    """

    id: str
    at: str | None
    visit: str
    cursor: int
    event: Mapping[str, Any] = field(default_factory=dict)
    event_seq: int = 0
    event_at: datetime | None = None
    used: tuple[int, ...] = ()
    arrived: datetime | None = None
    deadline: datetime | None = None
    hold: datetime | None = None
    handoff: str | None = None
    why: str | None = None
    loops: tuple[Loop, ...] = ()
    held: tuple[tuple[str, str], ...] = ()
    basis: str = ""
    """What `deadline` and `hold` were worked out from: engine.rules.runs.local_time."""

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from the other branches, whatever round it is in."""
        return self.id, self.visit.partition("/")[0]

    def same(self, other: Branch) -> bool:
        return self.id == other.id and (self.visit == other.visit or self.key == other.key)

    def moved(self, target: str | None, **changes: Any) -> Branch:
        """At another step, with nothing left of the rest before it."""
        return self.changed(
            at=target,
            arrived=None,
            deadline=None,
            hold=None,
            handoff=None,
            why=None,
            held=(),
            basis="",
            **changes,
        )

    def kept(self, now: datetime, reason: str) -> Branch:
        """With a note of what keeps its mail from now on."""
        if not reason or (self.held and self.held[-1][1] == reason):
            return self
        return self.changed(held=(*self.held, (now.isoformat(), reason))[-MOST_HELD:])

    def woken(self, target: str | None, event: Event) -> Branch:
        """At another step because of an event, which never counts again."""
        return self.moved(
            target, cursor=max(event.seq, self.cursor), used=(*self.used, event.seq)[-MOST_USED:],
            event=dict(event.data), event_seq=event.seq, event_at=event.at,
        )  # fmt: skip

    @staticmethod
    def started(id: str, at: str | None, visit: str, event: Event) -> Branch:
        """A branch that begins because of an event."""
        return Branch(id, at, visit, cursor=event.seq, event=dict(event.data), event_seq=event.seq, event_at=event.at)


@record
class Position(Record):
    """All branches; `seen` is the cursor of `whenever`; `sent` maps a template to the seq at its last send; `fired`
    keeps the instants a limited `whenever` ran; `dropped` are steps given up (step, visit, reason) that are still to be
    recorded; `ending` is the outcome the run is heading for once it leaves. `path` is the way so far, for people to
    read: step, instant, and the branch (empty: the flow) that came there. `fed` counts what runs have set off in this
    campaign, see engine.rules.runs.bounds. `start` is the data of the event that the run began with, for `where x is
    event.x`."""

    branches: tuple[Branch, ...]
    seen: int = 0
    sent: Mapping[str, int] = field(default_factory=dict)
    fired: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)
    dropped: tuple[tuple[str, str, str], ...] = ()
    ending: str | None = None
    entered: int = 0
    path: tuple[tuple[str, str, str], ...] = ()
    fed: Streak | None = None
    start: Mapping[str, Any] = field(default_factory=dict)

    @property
    def alive(self) -> bool:
        """Whether there is a branch that a run lives by: its flow, or the block it leaves through."""
        ids = [one.id for one in self.branches]
        return FLOW in ids or LEAVE in ids

    def in_turn(self) -> Sequence[Branch]:
        """The branches as they get their turn. The flow comes last: what it ends with it has had its turn."""
        if len(self.branches) == 1:
            return self.branches
        return sorted(self.branches, key=lambda one: one.id == FLOW)

    def branch(self, name: str) -> Branch | None:
        return next((one for one in self.branches if one.id == name), None)

    def arrived(self, branch: Branch, arrived: Branch, now: datetime) -> Position:
        """The same once that branch has come to the step it is at, and is what it is from then on."""
        name = "" if branch.id == FLOW else ":".join(branch.key)
        path = (*self.path, (branch.at or "", now.isoformat(), name))[-MOST_WALKED:]
        return self.with_branch(arrived, path=path)

    def with_branch(self, branch: Branch, **changes: Any) -> Position:
        """The same position with that branch replaced, or gone when it has come to its end."""
        kept = [branch if old.same(branch) else old for old in self.branches]
        return self.changed(branches=tuple([one for one in kept if one.at is not None]), **changes)

    def to_json(self) -> dict[str, Any]:
        data: dict[str, Any] = {"branches": [_branch_to_json(branch) for branch in self.branches], "seen": self.seen}
        if self.sent:
            data["sent"] = dict(self.sent)
        if self.fired:
            data["fired"] = {key: [at.isoformat() for at in value] for key, value in self.fired.items()}
        if self.dropped:
            data["dropped"] = [list(item) for item in self.dropped]
        if self.ending:
            data["ending"] = self.ending
        if self.entered:
            data["entered"] = self.entered
        if self.path:
            data["path"] = [[step, at, *([branch] if branch else [])] for step, at, branch in self.path]
        if self.start != _start_of(self.branches, self.entered):
            data["start"] = dict(self.start)
        if self.fed:
            data["fed"] = [self.fed[0].isoformat(), self.fed[1]]
        return data

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Position:
        branches, entered = tuple(_branch_from_json(branch) for branch in data["branches"]), data.get("entered", 0)
        return Position(
            branches=branches,
            seen=data["seen"],
            sent=data.get("sent", {}),
            fired={key: tuple(map(datetime.fromisoformat, value)) for key, value in data.get("fired", {}).items()},
            dropped=tuple((step, visit, reason) for step, visit, reason in data.get("dropped", ())),
            ending=data.get("ending"),
            entered=entered,
            path=tuple((step, at, branch[0] if branch else "") for step, at, *branch in data.get("path", ())),
            fed=streak_of(data.get("fed")),
            start=data["start"] if "start" in data else _start_of(branches, entered),
        )


def _start_of(branches: Sequence[Branch], entered: int) -> Mapping[str, Any]:
    """The data of the event that started the run, as long as its flow still carries them: they are not stored twice,
    and a position from before they were kept has them too."""
    flow = next((one for one in branches if one.id == FLOW), None)
    return flow.event if flow is not None and flow.event_seq <= entered else {}


def streak_of(data: Sequence[Any] | None) -> Streak | None:
    """From its JSON."""
    return (datetime.fromisoformat(data[0]), data[1]) if data else None


_INSTANTS = ("event_at", "arrived", "deadline", "hold")


def _branch_to_json(branch: Branch) -> dict[str, Any]:
    data: dict[str, Any] = {"id": branch.id, "at": branch.at, "visit": branch.visit, "cursor": branch.cursor}
    if branch.event:
        data["event"] = dict(branch.event)
    if branch.event_seq:
        data["event_seq"] = branch.event_seq
    if branch.used:
        data["used"] = list(branch.used)
    if branch.handoff:
        data["handoff"] = branch.handoff
    if branch.why:
        data["why"] = branch.why
    if branch.loops:
        data["loops"] = [[one.step, one.round, one.started.isoformat(), one.visit] for one in branch.loops]
    if branch.basis:
        data["basis"] = branch.basis
    if branch.held:
        data["held"] = [list(one) for one in branch.held]
    for name in _INSTANTS:
        if (value := getattr(branch, name)) is not None:
            data[name] = value.isoformat()
    return data


def _branch_from_json(data: Mapping[str, Any]) -> Branch:
    instants = {name: datetime.fromisoformat(data[name]) for name in _INSTANTS if name in data}
    loops = tuple(
        Loop(step, round, datetime.fromisoformat(started), visit)
        for step, round, started, visit in data.get("loops", ())
    )
    return Branch(
        id=data["id"], at=data["at"], visit=data["visit"], cursor=data["cursor"], event=data.get("event", {}),
        event_seq=data.get("event_seq", 0), used=tuple(data.get("used", ())), handoff=data.get("handoff"),
        why=data.get("why"), loops=loops, held=tuple((at, why) for at, why in data.get("held", ())),
        basis=data.get("basis", ""), **instants,
    )  # fmt: skip


def way_of_round(step: ByRound, branch: Branch) -> Target:
    """The way of the round that the branch is in; past the last one, the first again or on."""
    number = branch.loops[-1].round if branch.loops else 1
    if not step.ways or (number > len(step.ways) and not step.again):
        return step.next
    return step.ways[(number - 1) % len(step.ways)]

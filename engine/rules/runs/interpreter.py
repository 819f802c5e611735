"""Carries a run through its plan. Pure: no clock, no database, no Temporal; the caller performs what it asks for.

    position, request = step(plan, position, world)      # what is to be done next, as of `world`
    position = settle(plan, position, request, verdict)  # … and after the caller has done it

A request is an effect (a mail, points, a stage, a handoff, another campaign …) or a rest: `Sleep` or `Finished`. `step`
never moves past an effect, so the position it returns may be stored at any time: asked again it returns the same effect
under the same identity (enrolment, step, visit).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import assert_never
from uuid import UUID

from dsl.plan import (
    AnyStep,
    Arm,
    At,
    BusinessHours,
    ByRound,
    HandOff,
    If,
    LeadStep,
    Notify,
    Plan,
    Post,
    Relative,
    Repeat,
    Send,
    Split,
    Stop,
    Target,
    VariantTest,
    Wait,
)  # fmt: skip
from engine.model.lead import HANDOFF_EVENTS, Event, Facts
from engine.model.records import Record, record
from engine.rules.conditions import calendar
from engine.rules.conditions.chance import arm_of, way_of_variant
from engine.rules.conditions.conditions import holds, matches
from engine.rules.runs.bounds import longer, too_long, within_limit
from engine.rules.runs.local_time import again, fields_of
from engine.rules.runs.position import FLOW, LEAVE, MOST_BRANCHES, Branch, Loop, Position, way_of_round
from engine.rules.runs.rests import Sleep, sleep

MOST_HOPS = 1000
"""Steps without an effect or a rest in one call: more means the plan goes round in a circle."""
NOBODY = UUID(int=0)


@record
class World(Record):
    """What is true while a call works: the instant, the lead's facts and log, and whether the run has to leave.

    `events` are those above the position's cursors, in seq order, complete up to `seq`. `leaving` is the event that
    made the run leave, `leave_entry` the first step of the block that runs then (None: there is none), `outcome` what
    the run ends with then. `lead` is whose chances count at a split, `basis` what instants are worked out from. `facts`
    works them out, since few steps ask.
    """

    enrolment: UUID
    now: datetime
    seq: int
    facts: Callable[[], Facts]
    zone: str
    hours: BusinessHours
    events: Sequence[Event] = ()
    leaving: Event | None = None
    leave_entry: Target = None
    outcome: str = ""
    lead: UUID = NOBODY
    basis: str = ""


@record
class Effect(Record):
    """Something to be done exactly once under (enrolment, step, visit). `event` is the datum the branch carries."""

    branch: Branch
    step: AnyStep


@record
class Discard(Record):
    """A step that was due but is given up because the run ends: to be recorded as skipped."""

    step: str
    visit: str
    reason: str


@record
class Finished(Record):
    outcome: str


@record
class Stuck(Record):
    """The plan cannot be carried on for this lead; a person must look."""

    reason: str


Request = Effect | Discard | Sleep | Finished | Stuck


@record
class Verdict(Record):
    """What came of an effect. `until` holds a mail back, `why` tells if a person should look; `seq` is the lead's
    newest event at that moment, `variant` the one a test has chosen."""

    seq: int
    until: datetime | None = None
    why: str | None = None
    handoff: str | None = None
    variant: str | None = None


def begin(plan: Plan, seq: int, entry: Event | None) -> Position:
    """The position of a lead who has just entered through `entry`, the event numbered `seq`."""
    flow = Branch.started(FLOW, plan.entry, "0", entry) if entry else Branch(FLOW, plan.entry, "0", cursor=seq)
    start = dict(entry.data) if entry else {}
    return Position(branches=(flow,) if plan.entry else (), seen=seq, entered=seq, start=start)


def step(plan: Plan, position: Position, world: World) -> tuple[Position, Request]:
    """The next request, and the position that leads to it."""
    if world.leaving is not None and position.ending is None:
        position = _begin_leaving(plan, position, world)
    if too_long(position.fed) and position.ending is None:
        return position, Stuck(f"campaigns start it again and again: {plan.source}")
    hops, start = 0, position
    while hops < MOST_HOPS:
        spawned = _spawn(plan, position, world)
        if isinstance(spawned, Stuck):
            return position, spawned
        seen, position = position.seen, spawned
        hops = hops + 1 if position.seen == seen else 0
        if position.dropped:
            return position, Discard(*position.dropped[0])
        if not position.alive:
            if position.branches:
                position = _drop_all(plan, position, "the flow ended")
                continue
            return position, Finished(position.ending or "finished")
        moved = _hop(plan, position, world)
        if isinstance(moved, Effect | Stuck):
            return position, moved
        if moved is None and position.seen < world.seq:
            moved = _spawn(plan, position, world, crowded=True)
        if isinstance(moved, Stuck):
            return position, moved
        if moved is None:
            return _rested(position, world), sleep(plan, position)
        position = moved
    return start, Stuck("the plan goes round without waiting")


def put_out(plan: Plan, position: Position, ending: str) -> Position:
    """The position of a run that is ended from outside: it does nothing more, and what was due is recorded."""
    return _drop_all(plan, position, ending).changed(ending=ending)


def settle(plan: Plan, position: Position, request: Effect | Discard, verdict: Verdict) -> Position:
    """The position once the request is done."""
    if isinstance(request, Discard):
        return position.changed(dropped=position.dropped[1:])
    branch, current = request.branch, request.step
    if verdict.until is not None:
        return position.with_branch(branch.changed(hold=verdict.until, why=verdict.why))
    match current:
        case Send():
            sent = {**position.sent, current.template: verdict.seq}
            return position.with_branch(branch.moved(current.next, cursor=verdict.seq), sent=sent)
        case HandOff() if verdict.handoff is not None and not current.detached:
            return position.with_branch(branch.changed(handoff=verdict.handoff))
        case VariantTest():
            return position.with_branch(branch.moved(way_of_variant(current, verdict.variant)))
        case If() | Wait() | Split() | Repeat() | ByRound() | Stop():
            raise TypeError(f"a {current.kind} has no effect")
        case HandOff() | Notify() | Post() | LeadStep():
            return position.with_branch(branch.moved(current.next))
        case _:
            assert_never(current)


# ── moving ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def _hop(plan: Plan, position: Position, world: World) -> Position | Effect | Stuck | None:
    """One move of the first branch that can move; None when all rest."""
    for branch in position.in_turn():
        current = plan.by_id.get(branch.at or "")
        if current is None:
            return Stuck(f"step {branch.at} is not in the plan")
        if branch.arrived is None:
            return position.arrived(branch, _arrive(current, branch, world), world.now)
        if branch.basis != world.basis and (anew := again(current, branch, world)) is not None:
            return position.with_branch(anew)
        match current:
            case Stop():
                outcome = current.outcome or "stopped"
                return _drop_all(plan, position, outcome).changed(ending=position.ending or outcome)
            case Split():
                return position.with_branch(branch.moved(arm_of(current, plan, world.lead)))
            case ByRound():
                return position.with_branch(branch.moved(way_of_round(current, branch)))
            case Repeat():
                ended = _next_round(current, branch, world)
            case If():
                facts = world.facts().changed(event=branch.event)
                arms = (arm.target for arm in current.branches if holds(arm.condition, facts))
                return position.with_branch(branch.moved(next(arms, current.otherwise)))
            case Wait():
                ended = _end_wait(current, branch, position, world)
            case HandOff() if branch.handoff is not None:
                ended = _end_handoff(current, branch, world)
            case Send() | Notify() | Post() | VariantTest() | HandOff() | LeadStep():
                if branch.hold is None or branch.hold <= world.now:
                    return Effect(branch, current)
                ended = None
            case _:
                assert_never(current)
        if ended is not None:
            return position.with_branch(ended)
    return None


def _arrive(current: AnyStep, branch: Branch, world: World) -> Branch:
    arrived = branch.changed(arrived=world.now, basis=world.basis)
    if isinstance(current, Repeat):
        return _arrive_at_repeat(current, arrived, world)
    if not isinstance(current, Wait) or current.until is None:
        return arrived
    return _resolved(current, arrived, world) or branch.moved(current.missed)


def _resolved(wait: Wait, branch: Branch, world: World) -> Branch | None:
    """With the wait's deadline as of now; None when its moment is past or unknown."""
    assert wait.until is not None
    deadline = calendar.resolve(wait.until, world.now, world.zone, world.hours, fields_of(wait, branch, world))
    if deadline is None or (isinstance(wait.until, At | Relative) and deadline < world.now):
        return None
    return branch.changed(deadline=deadline)


def _end_wait(wait: Wait, branch: Branch, position: Position, world: World) -> Branch | None:
    """The branch after its wait, or None while neither event nor deadline has come. The log decides, not the clock."""
    if isinstance(wait.until, Relative) and not wait.until.of_event and _field_moved(wait.until, branch, world):
        moved = _resolved(wait, branch, world)
        if moved is None:
            return branch.moved(wait.missed)
        if moved.deadline != branch.deadline:
            return moved
    for event in world.events:
        if branch.deadline is not None and event.at > branch.deadline:
            break
        for arm in wait.arms:
            new = event.seq not in branch.used and event.seq > _floor(arm, branch, position)
            if new and matches(arm.pattern, event, world.enrolment, position.start, zone=world.zone):
                return branch.woken(arm.target, event)
    if wait.until is None and not wait.arms:
        return branch.moved(wait.then)
    if branch.deadline is None or world.now < branch.deadline:
        return None
    return branch.moved(wait.then, cursor=_up_to(branch.deadline, branch, world))


def _field_moved(until: Relative, branch: Branch, world: World) -> bool:
    """Whether the date that the wait hangs on has changed while there still was time."""
    return any(
        event.type == "field.changed" and event.name == until.field and event.seq > branch.cursor
        and (branch.deadline is None or event.at <= branch.deadline)
        for event in world.events
    )  # fmt: skip


def _up_to(deadline: datetime, branch: Branch, world: World) -> int:
    """The cursor once the branch has rested until then: what came later counts for what follows."""
    return max([branch.cursor, *(event.seq for event in world.events if event.at <= deadline)])


# ── rounds ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def _arrive_at_repeat(repeat: Repeat, branch: Branch, world: World) -> Branch:
    """Before the first round, or after one; then until the next may begin."""
    names = [loop.step for loop in branch.loops]
    if repeat.id not in names:
        return branch.changed(loops=(*branch.loops, Loop(repeat.id, 0, world.now, branch.visit)))
    loops, deadline = branch.loops[: names.index(repeat.id) + 1], None
    if repeat.every is not None and loops[-1].round < repeat.times:
        deadline = calendar.add(repeat.every, loops[-1].started, world.zone, world.hours)
    return branch.changed(loops=loops, visit=loops[-1].visit, deadline=deadline)


def _next_round(repeat: Repeat, branch: Branch, world: World) -> Branch | None:
    """The branch in its next round or past the last one, or None while that has to wait. What happened while it rested
    does not count for the round's waits."""
    if branch.deadline is not None and world.now < branch.deadline:
        return None
    *outer, loop = branch.loops
    arrived = branch.arrived or world.now
    if branch.deadline is not None and branch.deadline > arrived:
        arrived = branch.deadline
        branch = branch.changed(cursor=_up_to(arrived, branch, world))
    until = repeat.until is not None and holds(repeat.until, world.facts().changed(event=branch.event))
    if until or loop.round >= repeat.times:
        return branch.moved(repeat.next, loops=tuple(outer))
    following = loop.changed(round=loop.round + 1, started=arrived)
    visit = f"{loop.visit}/{following.round}"
    return branch.moved(repeat.body, loops=(*outer, following), visit=visit)


def _floor(arm: Arm, branch: Branch, position: Position) -> int:
    """Events must be newer than this: for a mail of this run its last send, else the wait or send before."""
    if arm.pattern.own:
        return position.sent.get(arm.pattern.name or "", branch.cursor)
    return branch.cursor


def _end_handoff(handoff: HandOff, branch: Branch, world: World) -> Branch | None:
    for event in world.events:
        if event.type in HANDOFF_EVENTS and event.data.get("handoff") == branch.handoff:
            outcome, reason = event.type.partition(".")[2], str(event.data.get("reason") or "").casefold()
            fitting = [case for case in handoff.cases if case.outcome == outcome]
            exact = [case for case in fitting if case.reason is not None and case.reason.casefold() == reason]
            general = [case for case in fitting if case.reason is None]
            return branch.woken(next((case.target for case in (*exact, *general)), handoff.next), event)
    return None


def _spawn(plan: Plan, position: Position, world: World, *, crowded: bool = False) -> Position | Stuck:
    """Runs of `whenever` for the events since the last look, as many as there is room for; the others follow when some
    have ended. `crowded`: everything rests, so what finds no room at the next event is given up."""
    if position.seen >= world.seq:
        return position
    if position.ending is not None or not plan.whenevers:
        return position.changed(seen=world.seq)
    branches, fired, dropped = list(position.branches), dict(position.fired), list(position.dropped)
    seen, fed = position.seen, position.fed
    for event in world.events:
        if event.seq <= seen:
            continue
        begun = [
            one for one in plan.whenevers
            if one.entry is not None and matches(one.pattern, event, world.enrolment, position.start, zone=world.zone)
            and within_limit(one, fired, event, world.zone)
        ]  # fmt: skip
        room = MOST_BRANCHES + 1 - len(branches)
        if len(begun) > room and not crowded:
            break
        if event.by_run and begun[:room]:
            fed = longer(fed, event.at, len(begun[:room]))
            if too_long(fed):
                return Stuck(f"set off again and again by what campaigns do: {begun[0].source}")
        for whenever in begun[:room]:
            if whenever.limit is not None:
                fired[whenever.id] = (*fired.get(whenever.id, ()), event.at)
        branches += [Branch.started(one.id, one.entry, str(event.seq), event) for one in begun[:room]]
        given_up = [one.entry for one in begun[room:] if one.entry is not None]
        dropped += [(entry, str(event.seq), "too many runs of this block at once") for entry in given_up]
        crowded, seen = crowded and len(begun) <= room, event.seq
    else:
        seen = max(seen, world.seq)
    return position.changed(branches=tuple(branches), fired=fired, seen=seen, dropped=tuple(dropped), fed=fed)


# ── leaving ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def _begin_leaving(plan: Plan, position: Position, world: World) -> Position:
    assert world.leaving is not None
    ending = world.outcome or ("unsubscribed" if world.leaving.type == "lead.unsubscribed" else "left")
    left = _drop_all(plan, position, ending).changed(ending=ending)
    if world.leave_entry is None:
        return left
    return left.changed(branches=(Branch.started(LEAVE, world.leave_entry, str(world.leaving.seq), world.leaving),))


def _drop_all(plan: Plan, position: Position, reason: str) -> Position:
    """Without branches; mails and posts that were due or held back are to be recorded."""
    due = tuple(
        (one.at, one.visit, reason)
        for one in position.branches
        if one.at and one.arrived is not None and isinstance(plan.by_id.get(one.at), Send | Notify | Post)
    )
    return position.changed(branches=(), dropped=(*position.dropped, *due))


def _rested(position: Position, world: World) -> Position:
    """Everything up to `world.seq` has been looked at, and no waiting branch needs it again, unless it came after the
    branch's deadline: that counts for what follows."""
    return position.changed(branches=tuple(_looked(branch, world) for branch in position.branches))


def _looked(branch: Branch, world: World) -> Branch:
    if branch.hold is not None:
        return branch
    later = [one.seq for one in world.events if branch.deadline is not None and one.at > branch.deadline]
    return branch.changed(cursor=max(branch.cursor, min(later, default=world.seq + 1) - 1))

"""The ladder of a handoff: assigned, acknowledged, contacted, decided, each within its limit or with a consequence.

A pure state machine. Until it is closed a handoff always has an instant at which something happens by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from dsl.plan import Frozen, Team, TimeLimit
from engine.rules.conditions.calendar import add, next_business_opening
from engine.rules.sales.routing import Choice, distinct, everyone, same

Phase = Literal["waiting", "assigned", "acknowledged", "contacted", "closed"]
Outcome = Literal["accepted", "rejected", "overdue", "merged", "erased"]
"""`merged`: the lead turned out to be another one, whose own handoff goes on. `erased`: the lead's data is gone."""
Act = Literal["acknowledge", "contacted", "accept", "reject"]
NoticeKind = Literal["assigned", "reassigned", "escalated", "reminder", "follow_up", "overdue"]
Ignored = Literal["closed", "done before", "taken"]
"""Why an action changed nothing: the handoff is closed, or already that far, or a colleague has acknowledged it."""

NO_RESPONSE = "no response"
"""The reason with which an unanswered lead goes back to marketing."""

Choose = Callable[[tuple[str, ...]], Choice]
"""Who gets the lead, given the addresses it was with before; `routing.choose` with the rest filled in."""

_ORDER: tuple[Phase, ...] = ("waiting", "assigned", "acknowledged", "contacted", "closed")
_REACHES: dict[Act, Phase] = {
    "acknowledge": "acknowledged", "contacted": "contacted", "accept": "closed", "reject": "closed",
}  # fmt: skip


class State(Frozen):
    """Where a handoff stands. `escalated_to` is not empty while the present step's limit runs for the second time;
    `meant_for` is the member who gets it first, `passed_on` are members who had it until somebody gave it to another:
    their links no longer work. At `follow_up_at` the member is reminded once."""

    phase: Phase
    team: str
    member: str | None = None
    meant_for: str | None = None
    tried: tuple[str, ...] = ()
    escalated_to: tuple[str, ...] = ()
    passed_on: tuple[str, ...] = ()
    follow_up_at: datetime | None = None
    step_started_at: datetime
    due_at: datetime | None = None
    acknowledged_at: datetime | None = None
    contacted_at: datetime | None = None
    closed_at: datetime | None = None
    outcome: Outcome | None = None
    reason: str | None = None
    recycled: bool = False


@dataclass(frozen=True)
class Notice:
    """A mail to one colleague.

    assigned: the lead is yours. reassigned: a colleague has it now. escalated: somebody else's limit has passed, or
    nobody is free. reminder: your own limit has passed. follow_up: the day you chose is there. overdue:
    closed without an answer.
    """

    kind: NoticeKind
    to: str


@dataclass(frozen=True)
class Change:
    """What comes of a call. `turns`: by how much the round robin of `state.team` moved on."""

    state: State
    notices: tuple[Notice, ...] = ()
    turns: int = 0
    ignored: Ignored | None = None


def open_(team: Team, now: datetime, choose: Choose) -> Change:
    """Begin: with the member routing chooses, else waiting for one."""
    return _place(State(phase="waiting", team=team.name, step_started_at=now), now, choose(()))


def retry(state: State, now: datetime, choose: Choose) -> Change:
    """Look for a free member at once; for a handoff that waits when somebody in its team may have become free."""
    return _place(state, now, choose(())) if state.phase == "waiting" else Change(state)


def act(state: State, action: Act, by: str, reason: str | None, now: datetime, team: Team) -> Change:
    """A colleague does something. `by` is an address; `reason` that of a rejection; `team` the one of `state.team`.

    A later action implies the earlier ones, except that a rejection implies no contact. Until somebody has acknowledged
    any member of the team may take the lead over; those it was escalated to may at any time. An address that belongs
    to no colleague acts for the member.
    """
    if state.phase == "closed":
        return Change(state, ignored="closed")
    takes_over = bool(by) and (state.member is None or _may_take_over(state, by, team))
    if not may_change(state, by, team):
        return Change(state, ignored="taken")
    phase = max(state.phase, _REACHES[action], key=_ORDER.index)
    if phase == state.phase and not takes_over:
        return Change(state, ignored="done before")
    lost = _notices("reassigned", [state.member] if takes_over and state.member else [])
    owner = by if takes_over else state.member
    state = state.model_copy(
        update={
            "phase": phase,
            "member": owner,
            "tried": distinct([*state.tried, *([owner] if owner else [])]),
            "acknowledged_at": state.acknowledged_at or now,
            "contacted_at": state.contacted_at or (now if action in ("contacted", "accept") else None),
        }
    )
    if phase == "closed":
        return Change(_closed(state, now, "accepted" if action == "accept" else "rejected", reason), lost)
    return Change(_begin_step(state, now, team), lost)


def may_change(state: State, by: str, team: Team) -> bool:
    """Whether somebody may decide about the lead: not a colleague who may neither have it nor take it over."""
    takes_over = bool(by) and (state.member is None or _may_take_over(state, by, team))
    return takes_over or not _is_colleague(state, by, team)


def reassign(state: State, to: str, its: Team, by: str, now: datetime, team: Team) -> Change:
    """Somebody gives the lead to a member of their choice, who has to acknowledge it. `its` is that member's team.

    Limits and days away do not count: a person has decided. Whoever had it is told, unless they did it themselves.
    """
    if state.phase == "closed":
        return Change(state, ignored="closed")
    if same(to, state.member):
        return Change(state, ignored="done before")
    if not may_change(state, by, team):
        return Change(state, ignored="taken")
    before = state.member
    change = _place(state, now, Choice(its, to))
    notices = tuple(one for one in change.notices if one.kind == "assigned" or not same(one.to, by))
    passed_on = distinct([*change.state.passed_on, *([before] if before else [])])
    return Change(change.state.model_copy(update={"passed_on": passed_on}), notices)


def schedule(state: State, at: datetime | None, by: str, team: Team) -> Change:
    """Remind the member at that instant; None: no longer. The time limits stay as they are."""
    if state.phase == "closed":
        return Change(state, ignored="closed")
    if not may_change(state, by, team):
        return Change(state, ignored="taken")
    if state.follow_up_at == at:
        return Change(state, ignored="done before")
    return Change(state.model_copy(update={"follow_up_at": at}))


def remind(change: Change, now: datetime) -> Change:
    """The same, and with it the reminder if the day that the member chose is there."""
    state = change.state
    if state.follow_up_at is None or now < state.follow_up_at:
        return change
    told = _notices("follow_up", [state.member] if state.member and state.phase != "closed" else [])
    return replace(change, state=state.model_copy(update={"follow_up_at": None}), notices=(*change.notices, *told))


def tick(state: State, now: datetime, team: Team, choose: Choose) -> Change:
    """Let time pass: nothing before `due_at`, then exactly one rung of the ladder. `team`: the one of `state.team`."""
    if state.phase == "closed" or (state.due_at is not None and now < state.due_at):
        return Change(state)
    if state.phase == "waiting":
        return _place(state, now, choose(()))
    if state.escalated_to:
        return _overdue(state, now)
    then = _limit(state, team).then
    match then.kind:
        case "recycle":
            return _overdue(state, now, recycled=True)
        case "reassign":
            choice = choose(state.tried)
            if choice.member is not None and not any(same(choice.member, email) for email in state.tried):
                return _place(state, now, choice)
            return _escalate(state, now, team, everyone(team))
        case "escalate":
            return _escalate(state, now, team, (then.to,) if then.to else everyone(team))


def member_left(state: State, now: datetime, choose: Choose, here: Callable[[str], bool]) -> Change:
    """The member who has the lead is in no team any more: the rule of the team picks another one, or the lead waits.

    Nobody who has left is told. `here`: whether an address is still somebody's who may act.
    """
    if state.phase == "closed" or state.member is None or here(state.member):
        return Change(state)
    tried = tuple(email for email in state.tried if here(email))
    update = {"member": None, "phase": "waiting", "tried": tried, "acknowledged_at": None, "contacted_at": None}
    free = state.model_copy(update={**update, "escalated_to": tuple(filter(here, state.escalated_to))})
    choice = choose(tried) if tried else choose(())
    if choice.member is None or any(same(choice.member, email) for email in tried):
        choice = choose(())
    return _place(free, now, choice)


def merged(state: State, now: datetime) -> Change:
    """The lead turned out to be one that has an older open handoff, which goes on; whoever had this one is told."""
    if state.phase == "closed":
        return Change(state, ignored="closed")
    told = _notices("reassigned", [state.member] if state.member else [])
    return Change(_closed(state, now, "merged", None), told)


def erased(state: State, now: datetime) -> State:
    """Closed, because there is nobody left to call."""
    return state if state.phase == "closed" else _closed(state, now, "erased", None)


# ── rungs ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _place(state: State, now: datetime, choice: Choice) -> Change:
    """Give the lead to the chosen member, or let it wait until business opens again."""
    if choice.member is None:
        told = [address for address in choice.escalate_to if not any(same(address, one) for one in state.escalated_to)]
        waiting = {
            "team": choice.team.name,
            "escalated_to": distinct(choice.escalate_to),
            "due_at": next_business_opening(now, choice.team.hours),
        }
        return Change(state.model_copy(update=waiting), _notices("escalated", told))
    lost = _notices("reassigned", [state.member] if state.member else [])
    state = state.model_copy(
        update={
            "phase": "assigned",
            "team": choice.team.name,
            "member": choice.member,
            "tried": distinct([*state.tried, choice.member]),
            "acknowledged_at": None,
            "contacted_at": None,
            "follow_up_at": None,
            "passed_on": tuple(one for one in state.passed_on if not same(one, choice.member)),
        }
    )
    notices = (*_notices("assigned", [choice.member]), *lost)
    return Change(_begin_step(state, now, choice.team), notices, int(choice.used_turn))


def _begin_step(state: State, now: datetime, team: Team) -> State:
    update = {"step_started_at": now, "due_at": _due(state, now, team), "escalated_to": ()}
    return state.model_copy(update=update)


def _escalate(state: State, now: datetime, team: Team, to: tuple[str, ...]) -> Change:
    """Tell others; the same limit runs once more. With nobody to tell the ladder ends here."""
    to = distinct(to)
    if not to:
        return _overdue(state, now)
    remind = [state.member] if state.member and not any(same(state.member, one) for one in to) else []
    state = state.model_copy(update={"escalated_to": to, "due_at": _due(state, now, team)})
    return Change(state, (*_notices("escalated", to), *_notices("reminder", remind)))


def _overdue(state: State, now: datetime, recycled: bool = False) -> Change:
    told = distinct([*([state.member] if state.member else []), *state.escalated_to])
    closed = _closed(state, now, "overdue", NO_RESPONSE if recycled else None)
    return Change(closed.model_copy(update={"recycled": recycled}), _notices("overdue", told))


def _closed(state: State, now: datetime, outcome: Outcome, reason: str | None) -> State:
    return state.model_copy(
        update={
            "phase": "closed",
            "step_started_at": now,
            "due_at": None,
            "closed_at": now,
            "outcome": outcome,
            "reason": reason,
            "escalated_to": (),
            "follow_up_at": None,
        }
    )


def _due(state: State, now: datetime, team: Team) -> datetime:
    """When the present step's limit, counted from `now`, has passed; always later than `now`."""
    return max(add(_limit(state, team).within, now, team.hours.zone, team.hours), now + timedelta(minutes=1))


def _limit(state: State, team: Team) -> TimeLimit:
    match state.phase:
        case "acknowledged":
            return team.contact
        case "contacted":
            return team.decide
        case _:
            return team.acknowledge


# ── people ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def _may_take_over(state: State, by: str, team: Team) -> bool:
    if same(by, state.member):
        return False
    if any(same(by, address) for address in state.escalated_to):
        return True
    return state.phase in ("waiting", "assigned") and _is_colleague(state, by, team)


def _is_colleague(state: State, by: str, team: Team) -> bool:
    known = (*(member.email for member in team.members), *state.tried)
    return not same(by, state.member) and any(same(by, address) for address in known)


def _notices(kind: NoticeKind, to: Iterable[str]) -> tuple[Notice, ...]:
    return tuple(Notice(kind, address) for address in to)

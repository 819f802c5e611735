"""The ladder of a handoff: every rung, every action, and any sequence of both."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dsl.plan import Action, BusinessHours, Duration, Member, Team, TimeLimit, WhenFull
from engine.model.lead import Facts
from engine.rules.sales.ladder import NO_RESPONSE, Change, Choose, Notice, State, act, open_, retry, tick
from engine.rules.sales.routing import Choice, Desk, choose
from tests.support.examples import examples

HOURS = BusinessHours(zone="UTC")
EVA, JONAS, LEAD = "eva@acme.example", "jonas@acme.example", "sales-lead@acme.example"
NOW = datetime(2026, 9, 15, 10, 0, tzinfo=UTC)  # a Tuesday
HOUR = timedelta(hours=1)

DACH = Team(
    name="DACH",
    hours=HOURS,
    members=(Member(email=EVA), Member(email=JONAS)),
    acknowledge=TimeLimit(within=Duration(business_minutes=240), then=Action(kind="reassign")),
    contact=TimeLimit(within=Duration(business_days=1), then=Action(kind="escalate", to=LEAD)),
    decide=TimeLimit(within=Duration(days=14), then=Action(kind="recycle")),
    source="sales.campaign:1",
)


def routed(team: Team, *others: Team, turn: int = 0) -> Choose:
    """Real routing on an empty desk."""

    def chosen(tried: tuple[str, ...]) -> Choice:
        teams = {one.name: one for one in (team, *others)}
        return choose(team, Facts(), Desk(teams, {}, {team.name: turn}, NOW), tried=tried)

    return chosen


def nobody(team: Team, *escalate_to: str) -> Choose:
    return lambda tried: Choice(team, escalate_to=escalate_to)


def opened(team: Team = DACH) -> State:
    return open_(team, NOW, routed(team)).state


def due(state: State) -> datetime:
    assert state.due_at is not None
    return state.due_at


def told(change: Change) -> list[tuple[str, str]]:
    return [(notice.kind, notice.to) for notice in change.notices]


def late(state: State, team: Team = DACH, chosen: Choose | None = None) -> Change:
    return tick(state, due(state), team, chosen or routed(team))


def test_opens_with_a_member_and_the_acknowledge_limit() -> None:
    change = open_(DACH, NOW, routed(DACH))
    assert change.state.phase == "assigned"
    assert change.state.member == EVA
    assert change.state.due_at == NOW + 4 * HOUR
    assert change.notices == (Notice("assigned", EVA),)
    assert change.turns == 1


def test_the_way_to_acceptance() -> None:
    state = act(opened(), "acknowledge", EVA, None, NOW + HOUR, DACH).state
    assert (state.phase, state.acknowledged_at) == ("acknowledged", NOW + HOUR)
    assert state.due_at == NOW + HOUR + timedelta(days=1)
    state = act(state, "contacted", EVA, None, NOW + 2 * HOUR, DACH).state
    assert (state.phase, state.contacted_at) == ("contacted", NOW + 2 * HOUR)
    assert state.due_at == NOW + 2 * HOUR + timedelta(days=14)
    state = act(state, "accept", EVA, None, NOW + 3 * HOUR, DACH).state
    assert (state.phase, state.outcome, state.reason) == ("closed", "accepted", None)
    assert (state.closed_at, state.due_at, state.member) == (NOW + 3 * HOUR, None, EVA)


def test_later_actions_imply_earlier_ones() -> None:
    accepted = act(opened(), "accept", EVA, None, NOW + HOUR, DACH).state
    assert (accepted.acknowledged_at, accepted.contacted_at) == (NOW + HOUR, NOW + HOUR)
    contacted = act(opened(), "contacted", EVA, None, NOW + HOUR, DACH).state
    assert (contacted.phase, contacted.acknowledged_at) == ("contacted", NOW + HOUR)
    rejected = act(opened(), "reject", EVA, "bad fit", NOW + HOUR, DACH).state
    assert (rejected.outcome, rejected.reason) == ("rejected", "bad fit")
    assert (rejected.acknowledged_at, rejected.contacted_at) == (NOW + HOUR, None)


def test_a_reason_is_kept_only_when_the_handoff_closes() -> None:
    assert act(opened(), "acknowledge", EVA, "why", NOW, DACH).state.reason is None


def test_the_same_action_twice_changes_nothing() -> None:
    state = act(opened(), "contacted", EVA, None, NOW + HOUR, DACH).state
    for action in ("acknowledge", "contacted"):
        assert act(state, action, EVA, None, NOW + 2 * HOUR, DACH) == Change(state, ignored="done before")


def test_a_closed_handoff_stays_as_it_is() -> None:
    state = act(opened(), "reject", EVA, "no budget", NOW, DACH).state
    assert act(state, "accept", EVA, None, NOW, DACH) == Change(state, ignored="closed")
    assert tick(state, NOW + timedelta(days=400), DACH, routed(DACH)) == Change(state)
    assert retry(state, NOW, routed(DACH)) == Change(state)


def test_nothing_happens_before_it_is_due() -> None:
    state = opened()
    assert tick(state, due(state) - timedelta(seconds=1), DACH, routed(DACH)) == Change(state)


def test_reassigns_until_everybody_was_tried_then_escalates_to_all_then_closes() -> None:
    first = late(opened())
    assert first.state.member == JONAS
    assert first.state.tried == (EVA, JONAS)
    assert first.state.due_at == NOW + timedelta(days=1)  # four business hours from 14:00
    assert told(first) == [("assigned", JONAS), ("reassigned", EVA)]
    second = late(first.state)
    assert (second.state.phase, second.state.member, second.state.escalated_to) == ("assigned", JONAS, (EVA, JONAS))
    assert told(second) == [("escalated", EVA), ("escalated", JONAS)]
    third = late(second.state)
    assert (third.state.outcome, third.state.recycled, third.state.due_at) == ("overdue", False, None)
    assert told(third) == [("overdue", JONAS), ("overdue", EVA)]


def test_never_reassigns_to_somebody_who_had_it() -> None:
    change = late(opened(), chosen=lambda tried: Choice(DACH, EVA.upper()))
    assert (change.state.member, change.state.escalated_to) == (EVA, (EVA, JONAS))


def test_escalates_to_an_address_once_then_closes() -> None:
    state = act(opened(), "acknowledge", EVA, None, NOW, DACH).state
    first = late(state)
    assert (first.state.phase, first.state.escalated_to) == ("acknowledged", (LEAD,))
    assert first.state.due_at == NOW + timedelta(days=2)
    assert told(first) == [("escalated", LEAD), ("reminder", EVA)]
    second = late(first.state)
    assert (second.state.outcome, second.state.reason, second.state.recycled) == ("overdue", None, False)
    assert told(second) == [("overdue", EVA), ("overdue", LEAD)]


def test_recycles_at_once() -> None:
    change = late(act(opened(), "contacted", EVA, None, NOW, DACH).state)
    assert (change.state.outcome, change.state.reason, change.state.recycled) == ("overdue", NO_RESPONSE, True)
    assert told(change) == [("overdue", EVA)]


def test_a_reassigned_lead_starts_from_the_first_limit() -> None:
    team = DACH.model_copy(update={"contact": TimeLimit(within=Duration(minutes=60), then=Action(kind="reassign"))})
    change = late(act(opened(team), "acknowledge", EVA, None, NOW, team).state, team)
    assert (change.state.phase, change.state.member, change.state.acknowledged_at) == ("assigned", JONAS, None)
    assert change.state.due_at == NOW + 5 * HOUR


def test_an_action_after_an_escalation_ends_it() -> None:
    state = late(act(opened(), "acknowledge", EVA, None, NOW, DACH).state).state
    change = act(state, "contacted", EVA, None, due(state) - HOUR, DACH)
    assert (change.state.phase, change.state.member, change.state.escalated_to) == ("contacted", EVA, ())
    assert change.notices == ()


def test_those_it_was_escalated_to_may_take_it_over() -> None:
    state = late(act(opened(), "acknowledge", EVA, None, NOW, DACH).state).state
    change = act(state, "acknowledge", LEAD, None, due(state) - HOUR, DACH)
    assert (change.state.phase, change.state.member, change.state.escalated_to) == ("acknowledged", LEAD, ())
    assert change.state.due_at == due(state) - HOUR + timedelta(days=1)
    assert told(change) == [("reassigned", EVA)]


def test_a_former_member_may_still_take_it_until_a_colleague_has_acknowledged() -> None:
    state = late(opened()).state
    change = act(state, "acknowledge", EVA, None, NOW + 5 * HOUR, DACH)
    assert change.state.member == EVA
    assert told(change) == [("reassigned", JONAS)]
    state = act(state, "acknowledge", "JONAS@acme.example", None, NOW + 5 * HOUR, DACH).state
    assert state.member == JONAS
    for action in ("acknowledge", "contacted", "accept", "reject"):
        assert act(state, action, EVA, None, NOW + 6 * HOUR, DACH) == Change(state, ignored="taken")


def test_an_address_of_no_colleague_acts_for_the_member() -> None:
    change = act(opened(), "accept", "crm@acme.example", None, NOW, DACH)
    assert (change.state.outcome, change.state.member, change.notices) == ("accepted", EVA, ())


@pytest.mark.parametrize("kind", ["reassign", "escalate"])
def test_a_team_without_members_comes_to_an_end(kind: Any) -> None:
    state = opened()
    empty = DACH.model_copy(
        update={"members": (), "acknowledge": TimeLimit(within=Duration(days=1), then=Action(kind=kind))}
    )
    change = late(state, empty, nobody(empty))
    assert (change.state.phase, change.state.outcome) == ("closed", "overdue")


def test_a_full_team_is_asked_again_when_business_opens() -> None:
    change = open_(DACH, NOW, nobody(DACH))
    state = change.state
    assert (state.phase, state.member, change.notices) == ("waiting", None, ())
    assert state.due_at == datetime(2026, 9, 16, 9, 0, tzinfo=UTC)
    again = late(state, chosen=nobody(DACH))
    assert again.state.due_at == datetime(2026, 9, 17, 9, 0, tzinfo=UTC)
    placed = late(again.state)
    assert (placed.state.phase, placed.state.member, placed.turns) == ("assigned", EVA, 1)
    assert told(placed) == [("assigned", EVA)]
    assert placed.state.due_at == datetime(2026, 9, 17, 13, 0, tzinfo=UTC)


def test_a_waiting_handoff_can_be_asked_at_once() -> None:
    state = open_(DACH, NOW, nobody(DACH)).state
    assert retry(state, NOW + HOUR, routed(DACH)).state.member == EVA
    assigned = opened()
    assert retry(assigned, NOW + HOUR, routed(DACH)) == Change(assigned)


def test_a_full_team_that_escalates_tells_each_address_once() -> None:
    change = open_(DACH, NOW, nobody(DACH, LEAD))
    assert told(change) == [("escalated", LEAD)]
    again = late(change.state, chosen=nobody(DACH, LEAD))
    assert (told(again), again.state.phase) == ([], "waiting")
    taken = act(again.state, "acknowledge", LEAD, None, NOW + 2 * HOUR, DACH)
    assert (taken.state.phase, taken.state.member, taken.notices) == ("acknowledged", LEAD, ())


def test_overflow_moves_the_handoff_to_the_other_team() -> None:
    full = DACH.model_copy(
        update={"members": (Member(email=EVA, up_to=0),), "when_full": WhenFull(kind="team", to="Rest")}
    )
    rest = DACH.model_copy(
        update={
            "name": "Rest",
            "members": (Member(email=JONAS),),
            "acknowledge": TimeLimit(within=Duration(minutes=30)),
        }
    )
    change = open_(full, NOW, routed(full, rest))
    assert (change.state.team, change.state.member) == ("Rest", JONAS)
    assert change.state.due_at == NOW + timedelta(minutes=30)


def test_limits_are_counted_from_when_the_tick_came() -> None:
    """After an outage nobody is overdue twice at once."""
    state = act(opened(), "acknowledge", EVA, None, NOW, DACH).state
    tuesday = NOW + timedelta(days=7)
    assert tick(state, tuesday, DACH, routed(DACH)).state.due_at == tuesday + timedelta(days=1)


def test_survives_json() -> None:
    for state in (opened(), late(opened()).state, act(opened(), "reject", EVA, "duplicate", NOW, DACH).state):
        assert State.model_validate_json(state.model_dump_json()) == state


PEOPLE = [EVA, JONAS, LEAD, "crm@acme.example", "EVA@acme.example", ""]
durations = st.builds(
    Duration, days=st.integers(0, 3), minutes=st.integers(0, 90), business_minutes=st.integers(0, 600),
    business_days=st.integers(0, 3),
)  # fmt: skip
limits = st.builds(
    TimeLimit,
    within=durations,
    then=st.builds(
        Action, kind=st.sampled_from(["reassign", "escalate", "recycle"]), to=st.sampled_from([None, LEAD, EVA])
    ),
)
members = st.lists(
    st.builds(Member, email=st.sampled_from([EVA, JONAS, "sam@acme.example"]), up_to=st.sampled_from([None, 0, 1])),
    max_size=3,
    unique_by=lambda member: member.email,
).map(tuple)
teams = st.builds(
    Team, name=st.just("DACH"), hours=st.just(HOURS), members=members,
    acknowledge=limits, contact=limits, decide=limits,
    when_full=st.sampled_from([WhenFull(), WhenFull(kind="escalate", to=LEAD), WhenFull(kind="team", to="Rest")]),
    source=st.just(""),
)  # fmt: skip
REST = DACH.model_copy(update={"name": "Rest", "members": (Member(email="ama@acme.example", up_to=1),)})


class Ladder(RuleBasedStateMachine):
    """Any team, any actions by anyone, ticks early and late, members who fill up and free again."""

    @initialize(team=teams, loads=st.booleans())
    def open(self, team: Team, loads: bool) -> None:
        self.teams = {team.name: team, "Rest": REST}
        self.busy, self.now, self.first = loads, NOW, team
        self.state = open_(team, self.now, self.choose).state
        self.rungs, self.changed_at = 0, NOW

    def choose(self, tried: tuple[str, ...]) -> Choice:
        team = self.teams[self.state.team] if hasattr(self, "state") else self.first
        everybody = [*(member.email for one in self.teams.values() for member in one.members)]
        loads = dict.fromkeys(everybody, 1) if self.busy else {}
        return choose(team, Facts(), Desk(self.teams, loads, {team.name: self.now.day}, self.now), tried=tried)

    @rule(
        action=st.sampled_from(["acknowledge", "contacted", "accept", "reject"]),
        by=st.sampled_from(PEOPLE),
        reason=st.sampled_from([None, "not ready"]),
        later=st.integers(0, 3000),
    )
    def acts(self, action: Any, by: str, reason: str | None, later: int) -> None:
        self.now += timedelta(minutes=later)
        before = self.state
        change = act(before, action, by, reason, self.now, self.teams[before.team])
        if change.ignored:
            assert change == Change(before, ignored=change.ignored)
        else:
            assert change.state != before
            assert change.state.phase not in ("waiting", "assigned")
            self.changed_at = self.now
        self.state, self.rungs = change.state, 0

    @rule(minutes=st.integers(1, 20000))
    def ticks_early(self, minutes: int) -> None:
        if self.state.due_at is None or self.now < self.state.due_at:
            early = self.now if self.state.due_at is None else self.state.due_at - timedelta(minutes=minutes)
            assert tick(self.state, early, self.teams[self.state.team], self.choose) == Change(self.state)

    @precondition(lambda self: self.state.due_at is not None)
    @rule(late=st.integers(0, 5000))
    def ticks(self, late: int) -> None:
        self.now = max(self.now, due(self.state)) + timedelta(minutes=late)
        change = tick(self.state, self.now, self.teams[self.state.team], self.choose)
        assert change.state != self.state
        if self.state.phase != "waiting":
            self.rungs += 1
        self.state, self.changed_at = change.state, self.now
        assert tick(self.state, self.now, self.teams[self.state.team], self.choose) == Change(self.state)

    @rule()
    def somebody_fills_up_or_frees(self) -> None:
        self.busy = not self.busy
        found = retry(self.state, self.now, self.choose).state
        if found != self.state:
            self.state, self.changed_at = found, self.now

    @invariant()
    def is_closed_or_due(self) -> None:
        if not hasattr(self, "state"):
            return
        state = self.state
        if state.phase == "closed":
            assert state.outcome is not None
            assert (state.due_at, state.closed_at is None) == (None, False)
            assert not state.recycled or (state.outcome, state.reason) == ("overdue", NO_RESPONSE)
        else:
            assert state.due_at is not None
            assert state.due_at > self.changed_at
            assert (state.outcome, state.closed_at) == (None, None)
        assert state.member != ""
        assert state.phase != "assigned" or state.member in state.tried
        assert State.model_validate_json(state.model_dump_json()) == state

    @invariant()
    def the_ladder_is_finite(self) -> None:
        """Without anybody acting: each member once, one escalation, the end."""
        if hasattr(self, "state"):
            assert self.rungs <= 3 + 2


TestLadder = Ladder.TestCase
TestLadder.settings = examples(80, stateful_step_count=20)

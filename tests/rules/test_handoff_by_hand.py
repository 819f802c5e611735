"""What people do to a handoff beside its steps: give the lead to another member, plan a day to follow up. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dsl.plan import BusinessHours, Member, Team
from engine.rules.sales import ladder
from engine.rules.sales.ladder import Change, Phase, State
from engine.rules.sales.tray import Pending, outdated

EVA, JONAS, SAM, BOSS = "eva@acme.example", "jonas@acme.example", "sam@acme.example", "boss@acme.example"
NOW = datetime(2026, 9, 1, 10, 0, tzinfo=UTC)
DAY = timedelta(days=1)
DACH = Team(
    name="DACH", hours=BusinessHours(zone="UTC"), members=(Member(email=EVA), Member(email=JONAS)), source="s:1"
)
REST = Team(name="Rest", hours=BusinessHours(zone="UTC"), members=(Member(email=SAM),), source="s:9")


def state(phase: Phase = "assigned", **more: object) -> State:
    return State(phase=phase, team="DACH", member=EVA, tried=(EVA,), step_started_at=NOW, due_at=NOW + DAY).model_copy(
        update=more
    )


def told(change: Change) -> list[tuple[str, str]]:
    return [(one.kind, one.to) for one in change.notices]


@pytest.mark.parametrize("phase", ["assigned", "acknowledged", "contacted"])
def test_the_member_gives_the_lead_away(phase: Phase) -> None:
    before = state(phase, acknowledged_at=NOW, contacted_at=NOW, follow_up_at=NOW + DAY)
    change = ladder.reassign(before, SAM, REST, EVA, NOW, DACH)
    after = change.state
    assert (after.phase, after.team, after.member, after.passed_on) == ("assigned", "Rest", SAM, (EVA,))
    assert (after.acknowledged_at, after.contacted_at, after.follow_up_at) == (None, None, None)
    assert after.due_at is not None
    assert after.due_at > NOW
    assert told(change) == [("assigned", SAM)]


def test_whoever_loses_the_lead_is_told_and_who_gets_it_back_may_act_again() -> None:
    first = ladder.reassign(state(escalated_to=(BOSS,)), JONAS, DACH, BOSS, NOW, DACH)
    assert told(first) == [("assigned", JONAS), ("reassigned", EVA)]
    back = ladder.reassign(first.state, EVA, DACH, JONAS, NOW, DACH)
    assert (back.state.member, back.state.passed_on) == (EVA, (JONAS,))


def test_nobody_gives_away_what_they_may_not_have() -> None:
    held = state("acknowledged")
    assert ladder.reassign(held, SAM, REST, JONAS, NOW, DACH).ignored == "taken"
    assert ladder.reassign(held, EVA, DACH, EVA, NOW, DACH).ignored == "done before"
    assert ladder.reassign(state("closed"), SAM, REST, EVA, NOW, DACH).ignored == "closed"
    assert ladder.schedule(held, NOW + DAY, JONAS, DACH).ignored == "taken"
    assert ladder.schedule(state("closed"), NOW + DAY, EVA, DACH).ignored == "closed"


def test_the_member_is_reminded_once_on_the_day() -> None:
    planned = ladder.schedule(state("contacted"), NOW + DAY, EVA, DACH).state
    assert ladder.schedule(planned, NOW + DAY, EVA, DACH).ignored == "done before"
    early = ladder.remind(Change(planned), NOW + DAY - timedelta(seconds=1))
    assert (early.notices, early.state.follow_up_at) == ((), NOW + DAY)
    change = ladder.remind(Change(planned), NOW + DAY)
    assert told(change) == [("follow_up", EVA)]
    assert change.state == state("contacted")
    assert ladder.remind(change, NOW + DAY) == change
    assert ladder.schedule(planned, None, EVA, DACH).state.follow_up_at is None


def test_a_closed_handoff_reminds_nobody() -> None:
    planned = state("contacted", follow_up_at=NOW + DAY)
    closed = ladder.act(planned, "accept", EVA, None, NOW, DACH).state
    assert closed.follow_up_at is None
    assert ladder.remind(Change(state("closed", follow_up_at=NOW)), NOW).notices == ()


def test_a_reminder_to_somebody_who_has_it_no_more_is_not_sent() -> None:
    notice = Pending("follow_up", EVA, "1:1")
    assert outdated(notice, state()) is None
    assert outdated(notice, state(member=SAM)) == "a colleague has it meanwhile"

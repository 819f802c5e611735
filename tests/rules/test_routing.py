"""Who gets a lead."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.plan import BusinessHours, Compare, Condition, FieldRef, In, Member, Team, Value, WhenFull
from engine.model.lead import Facts
from engine.rules.sales.routing import (
    Choice,
    Desk,
    choose,
    distinct,
    everyone,
    is_free,
    member_for,
    route,
    same,
    team_for,
)  # fmt: skip
from tests.support.examples import examples

TODAY = date(2026, 9, 15)
NOW = datetime(2026, 9, 15, 10, 0, tzinfo=UTC)
GERMAN = Facts(fields={"country": "DE"})
AUSTRIAN = Facts(fields={"country": "AT"})


def country(*codes: str) -> Condition:
    return In(left=FieldRef(name="country"), values=codes)


def team(name: str, *members: Member, **options: Any) -> Team:
    return Team(name=name, hours=BusinessHours(zone="UTC"), members=members, source="sales.campaign:1", **options)


def desk(*teams: Team, loads: dict[str, int] | None = None, turns: dict[str, int] | None = None) -> Desk:
    return Desk({one.name: one for one in teams}, loads or {}, turns or {}, NOW)


def pick(of: Team, facts: Facts = GERMAN, turn: int = 0, **options: Any) -> tuple[str | None, bool]:
    given: dict[str, Any] = {"loads": {}, "former_owner": None, "tried": (), "today": TODAY, **options}
    return member_for(of, facts, given["loads"], turn, given["former_owner"], given["tried"], given["today"])


IS_GERMAN = Compare(left=FieldRef(name="country"), op="eq", right=Value(value="DE"))
EVA = Member(email="eva@acme.example", condition=IS_GERMAN)
JONAS = Member(email="jonas@acme.example")
SAM = Member(email="sam@acme.example")
AMA = Member(email="ama@acme.example")
ONLY_GERMAN = EVA.model_copy(update={"only": True})
DACH = team("DACH", EVA, JONAS, takes=country("DE", "AT", "CH"))
REST = team("Rest", SAM, others=True)
EVERY = team("Every", AMA)


@pytest.mark.parametrize(
    ("teams", "facts", "expected"),
    [
        ((DACH, REST), GERMAN, "DACH"),
        ((REST, DACH), GERMAN, "DACH"),
        ((DACH, REST), Facts(fields={"country": "ZA"}), "Rest"),
        ((DACH, REST), Facts(), "Rest"),
        ((DACH, EVERY), Facts(), "Every"),
        ((EVERY, REST), Facts(), "Rest"),
        ((EVERY, DACH), GERMAN, "DACH"),
        ((DACH,), Facts(), None),
        ((), GERMAN, None),
    ],
)
def test_team_for(teams: tuple[Team, ...], facts: Facts, expected: str | None) -> None:
    found = team_for(teams, facts)
    assert (found.name if found else None) == expected


def test_a_member_whose_condition_holds_comes_first() -> None:
    assert pick(DACH, GERMAN) == (EVA.email, False)
    assert pick(DACH, AUSTRIAN) == (JONAS.email, False)
    assert pick(DACH, GERMAN, tried=[EVA.email]) == (JONAS.email, False)
    assert pick(DACH, AUSTRIAN, tried=[JONAS.email]) == (None, False)


def test_a_lead_that_fits_nobody_may_go_to_anybody() -> None:
    assert pick(team("Only Germans", EVA), AUSTRIAN) == (EVA.email, False)


def test_round_robin_takes_turns_among_those_who_are_free() -> None:
    three = team("Three", JONAS, SAM, AMA)
    assert [pick(three, turn=turn)[0] for turn in range(4)] == [JONAS.email, SAM.email, AMA.email, JONAS.email]
    assert pick(three, turn=1) == (SAM.email, True)
    assert [pick(three, turn=turn, tried=[SAM.email])[0] for turn in range(3)] == [JONAS.email, AMA.email, JONAS.email]


def test_round_robin_uses_no_turn_without_a_choice() -> None:
    """Germans all go to Eva; the others must still be dealt evenly between the two who remain."""
    sales, turn, dealt = team("Mixed", EVA, JONAS, SAM), 0, Counter[str | None]()
    for facts in [GERMAN, AUSTRIAN] * 10:
        member, used = pick(sales, facts, turn)
        turn += used
        dealt[member] += 1
    assert dealt == {EVA.email: 10, JONAS.email: 5, SAM.email: 5}


def test_least_busy_and_former_owner() -> None:
    busy = team("Busy", JONAS, SAM, AMA, assign=("least busy",))
    assert pick(busy, loads={JONAS.email: 2, SAM.email: 1, AMA.email: 1}) == (SAM.email, False)
    loyal = team("Loyal", EVA, JONAS, SAM, assign=("former owner", "round robin"))
    assert pick(loyal, turn=0, former_owner="SAM@acme.example") == (SAM.email, False)
    assert pick(loyal, turn=0, former_owner="gone@acme.example") == (EVA.email, False)
    assert pick(loyal, AUSTRIAN, turn=1, former_owner=SAM.email, tried=[SAM.email]) == (JONAS.email, False)
    assert pick(loyal, AUSTRIAN, turn=1, former_owner=None) == (SAM.email, True)
    assert pick(team("Owner only", JONAS, SAM, assign=("former owner",)), turn=1) == (SAM.email, True)


@pytest.mark.parametrize(
    ("member", "load", "free"),
    [
        (Member(email="a@acme.example", up_to=2), 1, True),
        (Member(email="a@acme.example", up_to=2), 2, False),
        (Member(email="a@acme.example"), 500, True),
        (Member(email="a@acme.example", away=(("2026-09-15", "2026-09-20"),)), 0, False),
        (Member(email="a@acme.example", away=(("2026-09-01", "2026-09-15"),)), 0, False),
        (Member(email="a@acme.example", away=(("2026-09-01", "2026-09-14"), ("2026-09-16", "2026-09-17"))), 0, True),
    ],
)
def test_is_free(member: Member, load: int, free: bool) -> None:
    assert is_free(member, {"a@acme.example": load}, TODAY) is free


FULL = Member(email="full@acme.example", up_to=0)


def test_a_full_team_waits_hands_over_or_escalates() -> None:
    waits = team("Waits", FULL)
    assert choose(waits, GERMAN, desk(waits)) == Choice(waits)
    hands_over = team("Hands over", FULL, when_full=WhenFull(kind="team", to="Rest"))
    assert choose(hands_over, GERMAN, desk(hands_over, REST)) == Choice(REST, SAM.email)
    assert choose(hands_over, GERMAN, desk(hands_over)) == Choice(hands_over)
    escalates = team("Escalates", FULL, when_full=WhenFull(kind="escalate", to="lead@acme.example"))
    assert choose(escalates, GERMAN, desk(escalates)) == Choice(escalates, escalate_to=("lead@acme.example",))
    to_all = team("To all", FULL, when_full=WhenFull(kind="escalate"))
    assert choose(to_all, GERMAN, desk(to_all)) == Choice(to_all, escalate_to=(FULL.email,))


def test_overflow_follows_several_teams_and_survives_circles() -> None:
    one = team("One", FULL, when_full=WhenFull(kind="team", to="Two"))
    two = team("Two", FULL, when_full=WhenFull(kind="team", to="Rest"))
    back = team("Two", FULL, when_full=WhenFull(kind="team", to="One"))
    assert choose(one, GERMAN, desk(one, two, REST)) == Choice(REST, SAM.email)
    assert choose(one, GERMAN, desk(one, back)) == Choice(one)


def test_once_tried_a_lead_stays_in_its_team() -> None:
    hands_over = team("Hands over", JONAS, when_full=WhenFull(kind="team", to="Rest"))
    assert choose(hands_over, GERMAN, desk(hands_over, REST), tried=[JONAS.email]) == Choice(hands_over)


def test_the_team_counts_its_own_turns_and_its_own_day() -> None:
    pair = team("Pair", JONAS, SAM)
    assert choose(pair, GERMAN, desk(pair, turns={"Pair": 3, "Rest": 0})) == Choice(pair, SAM.email, used_turn=True)
    away = Member(email="kiri@acme.example", away=(("2026-09-15", "2026-09-15"),))
    auckland = team("Auckland", away).model_copy(update={"hours": BusinessHours(zone="Pacific/Auckland")})
    evening = Desk({}, {}, {}, datetime(2026, 9, 15, 13, 0, tzinfo=UTC))  # already the 16th there
    assert choose(auckland, GERMAN, evening).member == away.email


def test_addresses_are_the_same_regardless_of_case() -> None:
    assert same("Eva@Acme.example", "eva@acme.example ")
    assert not same(None, None)
    assert distinct(["b@x.example", "A@x.example", "a@x.example", "B@x.example"]) == ("b@x.example", "A@x.example")
    assert everyone(DACH) == (EVA.email, JONAS.email)


emails = st.sampled_from([f"{name}@acme.example" for name in "abcde"])
members = st.builds(
    Member, email=emails, condition=st.none() | st.just(IS_GERMAN), up_to=st.none() | st.integers(0, 3),
    away=st.sampled_from([(), (("2026-09-10", "2026-09-20"),)]),
)  # fmt: skip
assigns = st.lists(st.sampled_from(["former owner", "round robin", "least busy"]), max_size=3).map(tuple)


@examples(200)
@given(
    st.lists(members, max_size=5, unique_by=lambda member: member.email),
    assigns,
    st.sampled_from([GERMAN, AUSTRIAN, Facts()]),
    st.dictionaries(emails, st.integers(0, 3)),
    st.integers(0, 10**12),
    st.none() | emails,
    st.sets(emails),
)
def test_only_a_free_untried_member_is_chosen_and_one_is_if_there_is_one(
    of: list[Member], assign: Any, facts: Facts, loads: dict[str, int], turn: int, owner: str | None, tried: set[str]
) -> None:
    sales = team("Any", *of, assign=assign)
    email, used_turn = member_for(sales, facts, loads, turn, owner, tried, TODAY)
    able = [member for member in of if member.email not in tried and is_free(member, loads, TODAY)]
    if email is None:
        assert not used_turn
        assert not [member for member in able if member.condition is None or facts is GERMAN]
    else:
        assert email in [member.email for member in able]


@pytest.mark.parametrize(
    ("owner", "to_owner", "named", "expected"),
    [
        ("jonas@acme.example", True, None, ("DACH", "jonas@acme.example")),
        ("SAM@acme.example", True, None, ("Rest", "SAM@acme.example")),  # beyond the territory, in any spelling
        ("gone@acme.example", True, None, ("DACH", None)),
        (None, True, None, ("DACH", None)),
        ("sam@acme.example", False, None, ("DACH", None)),
        ("jonas@acme.example", False, "rest", ("Rest", None)),
        (None, False, "no such team", ("DACH", None)),
    ],
)
def test_a_handoff_goes_to_the_owner_the_named_team_or_the_territory(
    owner: str | None, to_owner: bool, named: str | None, expected: tuple[str, str | None]
) -> None:
    team, member = route((DACH, REST), named, to_owner, Facts(fields={"country": "DE", "owner": owner}))
    assert team is not None
    assert (team.name, member) == expected


def test_the_owner_gets_the_lead_unless_they_are_not_free_or_it_is_one_they_never_get() -> None:
    def meant(at: Team, owner: str, facts: Facts = GERMAN, tried: tuple[str, ...] = (), **loads: int) -> Choice:
        found = {f"{name}@acme.example": many for name, many in loads.items()}
        return choose(at, facts, desk(at, loads=found), meant_for=owner, tried=tried)

    assert meant(DACH, "jonas@acme.example") == Choice(DACH, JONAS.email)  # although Eva is for Germany
    assert meant(DACH, "EVA@acme.example", AUSTRIAN) == Choice(DACH, EVA.email)
    assert meant(team("T", ONLY_GERMAN, JONAS), EVA.email, AUSTRIAN).member == JONAS.email
    assert meant(team("T", JONAS.model_copy(update={"up_to": 1}), SAM), JONAS.email, jonas=1).member == SAM.email
    away = JONAS.model_copy(update={"away": ((TODAY.isoformat(), TODAY.isoformat()),)})
    assert meant(team("T", away, SAM), JONAS.email).member == SAM.email
    assert meant(team("T", JONAS, SAM), JONAS.email, tried=(JONAS.email,)).member == SAM.email
    assert meant(DACH, "gone@acme.example").member == EVA.email


def test_a_member_for_some_leads_only_is_no_second_choice() -> None:
    assert pick(team("A", EVA), AUSTRIAN) == ("eva@acme.example", False)
    assert pick(team("A", ONLY_GERMAN), AUSTRIAN) == (None, False)
    assert pick(team("A", ONLY_GERMAN), GERMAN) == ("eva@acme.example", False)
    former = team("A", ONLY_GERMAN, assign=("former owner",))
    assert pick(former, AUSTRIAN, former_owner="eva@acme.example") == (None, False)

"""Dates counted from another, ages, days that a run waits for, and how often a campaign is entered."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from dsl.plan import (
    Age,
    BusinessHours,
    Duration,
    EventRef,
    FieldRef,
    Pattern,
    Plan,
    Program,
    Reentry,
    Relative,
    Send,
    Shifted,
    Today,
    Wait,
    Webinar,
    Workspace,
)
from engine.model.lead import Event
from engine.rules.conditions import calendar
from engine.rules.conditions.conditions import Facts, matches, value_of
from engine.rules.conditions.matching import Watch
from engine.rules.leads.admission import admits, run_value
from engine.rules.leads.working_copy import webinar_day
from engine.rules.runs.enrolment import Enrolment
from engine.rules.runs.interpreter import World, begin, step
from engine.rules.runs.position import Position
from engine.rules.runs.rests import Sleep
from engine.wording.steps import reentry_words
from engine.wording.terms import moment, operand, pattern

NOW = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
"""In Berlin it is 2 March, 00:30."""


def facts(**fields: Any) -> Facts:
    return Facts(fields=fields, event={"day": "2026-05-31"}, now=NOW, zone="Europe/Berlin")


@pytest.mark.parametrize(
    ("shifted", "expected"),
    [
        (Shifted(base=Today(), offset=Duration(days=14)), "2026-03-16"),
        (Shifted(base=Today(), offset=Duration(months=12 * 16), before=True), "2010-03-02"),
        (Shifted(base=FieldRef(name="ends"), offset=Duration(months=1)), "2026-02-28"),
        (Shifted(base=EventRef(name="day"), offset=Duration(days=2), before=True), "2026-05-29"),
        (Shifted(base=FieldRef(name="none"), offset=Duration(days=1)), None),
        (Shifted(base=FieldRef(name="at"), offset=Duration(days=1)), "2026-03-29T09:00:00+00:00"),
    ],
)
def test_a_date_is_counted_from_another(shifted: Shifted, expected: str | None) -> None:
    """An instant keeps its local time over the night in which clocks go forward."""
    assert value_of(shifted, facts(ends="2026-01-31", at="2026-03-28T10:00:00+00:00")) == expected


@pytest.mark.parametrize(
    ("born", "years"),
    [
        ("2010-03-02", 16),
        ("2010-03-03", 15),
        ("2012-02-29", 14),
        ("2026-03-02", 0),
        ("", None),
        ("not a date", None),
    ],
)
def test_an_age_grows_on_the_birthday_in_the_leads_zone(born: str, years: int | None) -> None:
    assert value_of(Age(field="birthday"), facts(birthday=born)) == years


def test_who_was_born_on_29_february_grows_older_on_the_28th() -> None:
    known = Facts(fields={"birthday": "2012-02-29"}, now=datetime(2026, 2, 28, 12, tzinfo=UTC), zone="UTC")
    assert value_of(Age(field="birthday"), known) == 14


def test_either_of_two_types_meets_a_pattern() -> None:
    either = Pattern(type="email.clicked", also=("email.replied",), name="a")
    seen = {
        type: matches(either, Event(seq=1, at=NOW, type=type, name="a"), zone="UTC")
        for type in ("email.clicked", "email.replied", "email.opened")
    }
    assert seen == {"email.clicked": True, "email.replied": True, "email.opened": False}
    assert Watch.over(either).types == {"email.clicked", "email.replied"}
    assert pattern(either) == 'email "a" is clicked or replied'


def test_either_of_two_types_is_counted() -> None:
    often = Pattern(type="email.clicked", also=("email.opened",), times=3, within=Duration(days=7))
    assert {"email.clicked", "email.opened", "pattern.met"} <= Watch.over(often).types | Watch.over(often).history


def test_a_wait_counts_from_a_date_of_the_event() -> None:
    until = Relative(field="day", offset=Duration(days=2), before=True, time="10:00", of_event=True)
    plan = Plan(
        campaign="c", source="c:1", starts=(), entry="w",
        steps=(
            Wait(id="w", source="c:2", until=until, then="a", missed=None),
            Send(id="a", source="c:3", template="a"),
        ),
    )  # fmt: skip
    entry = Event(seq=1, at=NOW, type="custom", name="booked", data={"day": "2026-05-31"})
    world = World(UUID(int=1), NOW, 1, lambda: facts(day="2030-01-01"), "Europe/Berlin", BusinessHours(zone="UTC"))
    _, request = step(plan, begin(plan, 1, entry), world)
    assert isinstance(request, Sleep)
    assert request.due == datetime(2026, 5, 29, 8, 0, tzinfo=UTC)
    assert moment(until) == "until 2 days before event.day at 10:00"
    assert Watch.over(plan.steps).fields == ()


def test_words() -> None:
    assert operand(Shifted(base=Today(), offset=Duration(days=14))) == "today plus 14 days"
    assert operand(Shifted(base=FieldRef(name="ends"), offset=Duration(months=12), before=True)) == "ends minus 1 year"
    assert operand(Age(field="birthday")) == "age of birthday"


def test_a_time_of_day_makes_a_day_of_an_instant() -> None:
    hours = BusinessHours(zone="UTC")
    exact = Relative(field="at", offset=Duration())
    by_day = Relative(field="at", offset=Duration(), time="07:30", by_day=True)
    fields = {"at": "2026-03-13T23:30:00+00:00"}
    assert calendar.resolve(exact, NOW, "Europe/Zurich", hours, fields) == datetime(2026, 3, 13, 23, 30, tzinfo=UTC)
    assert calendar.resolve(by_day, NOW, "Europe/Zurich", hours, fields) == datetime(2026, 3, 14, 6, 30, tzinfo=UTC)


def test_an_event_about_a_declared_webinar_has_its_day() -> None:
    program = Program(
        workspace=Workspace(name="A"), webinars=(Webinar(name="Open day", date="2027-03-13", time="09:30"),)
    )
    assert webinar_day(program, "webinar.registered", "open day") == {"date": "2027-03-13"}
    assert webinar_day(program, "webinar.registered", "Another") == {}
    assert webinar_day(program, "page.visited", "Open day") == {}


def test_one_run_for_each_webinar() -> None:
    plan = Plan(
        campaign="c", source="c:1", starts=(), entry=None, steps=(),
        reentry=Reentry(kind="per", datum="webinar", by_name=True),
    )  # fmt: skip
    named = [Event(seq=1, at=NOW, type="webinar.registered", name=name) for name in ("March", "march", "April")]
    assert [run_value(plan, event) for event in named] == ["march", "march", "april"]
    assert reentry_words(plan.reentry) == "enters once per webinar"


def _may_enter(after: Duration, entered: datetime, now: datetime) -> bool:
    plan = Plan(
        campaign="c", source="c:1", starts=(), entry=None, steps=(),
        reentry=Reentry(kind="after", after=after, from_entry=True),
    )  # fmt: skip
    past = [Enrolment(UUID(int=1), "c", 1, "", "ended", Position(branches=()), entered, entered)]
    return admits(plan, past, "", now, "Europe/Berlin", BusinessHours(zone="Europe/Berlin"))


def test_every_year_counts_from_the_day_of_entering() -> None:
    """A birthday comes at the same time each year, and the last entry was logged a moment after it."""
    entered = datetime(2026, 5, 3, 7, 0, 5, tzinfo=UTC)
    year = Duration(months=12)
    assert _may_enter(year, entered, datetime(2027, 5, 3, 7, 0, tzinfo=UTC))
    assert not _may_enter(year, entered, datetime(2027, 5, 2, 7, 0, tzinfo=UTC))
    assert not _may_enter(Duration(minutes=60), entered, datetime(2026, 5, 3, 8, 0, tzinfo=UTC))
    assert _may_enter(Duration(minutes=60), entered, datetime(2026, 5, 3, 8, 1, tzinfo=UTC))

"""`2026-09-08T15:30`, a moment without a zone, is the lead's local time in every door and wherever it is asked; and a
step that sets a field reads its value as those doors do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dsl.compile import compile_workspace
from dsl.plan import LeadField, Pattern, Program, Relative, Workspace
from dsl.plan.terms import Duration
from engine.cli.script_values import misfit
from engine.model.lead import Event, Facts
from engine.rules.conditions import calendar
from engine.rules.conditions.conditions import compare, matches, when
from engine.rules.leads.values import Context, parse_field
from tests.simulation.twins import Act, in_simulation, on_stage
from tests.support.stage import company, open_stage
from web.api.events import read_event

LOCAL, INSTANT = "2026-09-08T15:30", "2026-09-08T06:30:00+00:00"
TOKYO = "Asia/Tokyo"
HEAD = (
    company("mail is allowed until opt-out")
    + """
field visit moment
field other moment
field size number
field fair yes/no
field area choice ("Pumps", "Valves")
field note text
event "call" has slot moment
event "any"
event "look"
form "in"
    ask email required
    ask timezone
    ask visit
"""
)
STEPS = """
campaign "Set"
    starts when event "call" happens
    enters every time
    flow
        set visit to event.slot
campaign "Condition"
    starts when event "look" happens
    enters every time
    flow
        if visit is in the next 30 days
            set note to "ahead"
        otherwise
            set note to "missing or past"
campaign "Wait"
    starts when field visit changes
    enters every time
    flow
        wait until 30 minutes before visit
        otherwise
            stop
        send "soon" as transactional
campaign "Where"
    starts when event "call" happens where slot is in the next 30 days and slot is after 2026-09-07
    flow
        add 1 points
"""
ZONE = Act(0, "tell", "", {"timezone": TOKYO})
DOORS = {
    "form": [Act(5, "post", "in", {"visit": LOCAL, "timezone": TOKYO})],
    "form of a known lead": [ZONE, Act(5, "post", "in", {"visit": LOCAL})],
    "api": [ZONE, Act(5, "tell", "", {"visit": LOCAL})],
    "api with the zone": [Act(5, "tell", "", {"visit": LOCAL, "timezone": TOKYO})],
    "set from an event": [ZONE, Act(5, "happen", "call", {"slot": LOCAL})],
    "seconds": [ZONE, Act(5, "tell", "", {"visit": LOCAL + ":00"})],
    "with a zone of its own": [ZONE, Act(5, "tell", "", {"visit": "2026-09-08T08:30:00+02:00"})],
}


@pytest.mark.parametrize("door", DOORS)
async def test_every_door_keeps_the_same_instant(new_database, door: str):
    text = HEAD + STEPS
    acts = [*DOORS[door], Act(5, "happen", "look")]
    async with open_stage(new_database(), text) as stage:
        lead, real = await on_stage(stage, acts, timedelta(days=20))
        simulated = await in_simulation(stage, acts, timedelta(days=20), lead)
    assert simulated == real
    fields = real["lead"][0][3]
    assert (fields["visit"], fields["note"]) == (INSTANT, "ahead")
    assert [(mail[0], mail[-1]) for mail in real["mails"]] == [("soon", datetime(2026, 9, 8, 6, 0, tzinfo=UTC))]
    assert ("Where" in [run[0] for run in real["runs"]]) is (door == "set from an event")


def test_the_readers_leave_a_local_time_to_the_lead() -> None:
    program = Program(workspace=Workspace(name="W", timezone="Europe/Berlin"), fields=(_moment("visit"),))
    assert parse_field(_moment("visit"), [LOCAL], Context(program)) == LOCAL + ":00"
    compiled = compile_workspace({"a.campaign": HEAD}, ()).program
    taken = read_event({"event": "call", "email": "a@b.example", "data": {"slot": LOCAL}}, datetime.now(UTC), compiled)
    assert taken.data["slot"] == LOCAL + ":00"
    assert misfit(program, "visit", LOCAL) is None
    assert misfit(program, "visit", "tomorrow") is not None


@pytest.mark.parametrize("zone", [TOKYO, "UTC"])
def test_conditions_and_waits_read_it_alike(zone: str) -> None:
    at = calendar.moment_of(LOCAL, zone, "09:00")
    until = Relative(field="visit", offset=Duration(minutes=0))
    hours = Workspace(name="W").business_hours
    now = datetime(2026, 9, 1, tzinfo=UTC)
    assert when(LOCAL, zone) == at == calendar.resolve(until, now, zone, hours, {"visit": LOCAL})
    assert compare(LOCAL, "eq", at.isoformat() if at else "", zone)
    assert compare(LOCAL, "lt", "2026-09-08T15:31", zone)


@pytest.mark.parametrize(
    ("left", "op", "right", "holds"),
    [
        (INSTANT, "le", "2026-09-08", True),
        (INSTANT, "gt", "2026-09-08", False),
        (INSTANT, "eq", "2026-09-08", True),
        ("2026-09-08T23:30:00+00:00", "gt", "2026-09-08", True),  # the ninth in Tokyo
        (LOCAL, "eq", INSTANT, True),
        ("2026-09-08", "lt", "2026-09-09", True),
    ],
)
def test_moments_and_dates_are_compared_by_the_leads_day(left: str, op: str, right: str, holds: bool) -> None:
    assert compare(left, op, right, TOKYO) is holds


def test_a_date_in_where_is_seen_from_the_day_of_the_event() -> None:
    line = 'starts when event "call" happens where slot is in the next 7 days'
    text = f'{HEAD}campaign "C"\n    {line}\n    flow\n        add 1 point\n'
    program = compile_workspace({"a.campaign": text}, ()).program
    assert program is not None
    pattern: Pattern = program.campaigns[0].starts[0].pattern
    at = datetime(2026, 9, 2, tzinfo=UTC)
    assert matches(pattern, Event(1, at, "custom", "call", {"slot": LOCAL}), zone=TOKYO)
    assert not matches(pattern, Event(1, at - timedelta(days=9), "custom", "call", {"slot": LOCAL}), zone=TOKYO)
    assert Facts().now is None


# ── what a step sets ─────────────────────────────────────────────────────────────────────────────────────────────────
VALUES: list[tuple[str, Any, Any]] = [
    ("size", "12.5", 12.5),
    ("size", "about 12", None),
    ("size", True, None),
    ("fair", "yes", True),
    ("fair", "perhaps", None),
    ("area", "pumps", "Pumps"),
    ("area", "Tubes", None),
    ("country", "Germany", "DE"),
    ("country", "Atlantis", None),
    ("language", "Deutsch", "de"),
    ("birthday", "1984-02-29", "1984-02-29"),
    ("birthday", "29.02.1984", None),
    ("visit", LOCAL, "2026-09-08T15:30:00+00:00"),
    ("visit", "2026-09-08", "2026-09-08"),
    ("visit", "soon", None),
    ("phone", "+44 20 7946 0018", "+442079460018"),
    ("note", 12, "12"),
    ("note", True, "yes"),
    ("timezone", "europe/berlin", "Europe/Berlin"),
    ("timezone", "Mars", None),
]


async def test_a_value_that_does_not_fit_is_a_visible_failure_of_the_step(new_database):
    names = dict.fromkeys(name for name, _, _ in VALUES)
    text = HEAD + "".join(
        f'campaign "{name}"\n    starts when event "any" happens where field is "{name}"\n    enters every time\n'
        f"    flow\n        set {name} to event.value\n"
        for name in names
    )
    async with open_stage(new_database(), text) as stage:
        for name, given, kept in VALUES:
            act = [Act(1, "tell", "", {name: None}), Act(1, "happen", "any", {"field": name, "value": given})]
            _, real = await on_stage(stage, act, timedelta())
            assert real["lead"][0][3].get(name) == kept, (name, given)
            rows = await stage.rows("SELECT state, reason FROM messages ORDER BY at DESC, id LIMIT 1")
            if kept is None:
                assert (rows[0].state, f"for {name}" in rows[0].reason) == ("skipped", True)
                assert str(given) not in rows[0].reason


def _moment(name: str) -> LeadField:
    return LeadField(name=name, type="moment")

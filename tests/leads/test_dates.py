"""Dates that bring events about: offsets, birthdays, webinars, schedules; each occurrence once, in the lead's zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.plan import (
    At,
    Dated,
    Duration,
    InList,
    InSegment,
    LeadField,
    Pattern,
    Program,
    Reentry,
    Stage,
    StageIs,
    StageRule,
    Start,
    Webinar,
    Workspace,
)
from engine.leads.external_changes import tell
from engine.model.lead import Lead
from engine.rules.conditions.dates import following
from tests.support.programs import ANN, START, campaign, deploy_program, events, happen, open_program, runs, sweep

DAY = timedelta(days=1)
NOW = datetime(2026, 9, 1, 7, 0, tzinfo=UTC)
"""A Tuesday."""
WEBINAR = Webinar(name="Seals explained", date="2026-10-06", time="11:00", zone="Europe/Dublin")


def program(zone: str = "UTC") -> Program:
    return Program(workspace=Workspace(name="w", timezone=zone), webinars=(WEBINAR,))


def lead(**fields: str) -> Lead:
    return Lead(UUID(int=1), 0, "Lead", NOW, NOW, fields=fields)


def comes(dated: Dated, *, after: datetime = NOW, zone: str = "UTC", **fields: str) -> str | None:
    found = following(dated, lead(**fields), program(zone), after)
    return f"{found[0]:%Y-%m-%d %H:%M}" if found else None


def days(many: int, *, before: bool = False) -> dict[str, object]:
    return {"offset": Duration(days=many), "before": before}


@pytest.mark.parametrize(
    ("dated", "fields", "expected"),
    [
        (Dated(field="end", **days(30, before=True)), {"end": "2026-12-24"}, "2026-11-24 09:00"),
        (Dated(field="end", time="07:30", **days(1)), {"end": "2026-12-24"}, "2026-12-25 07:30"),
        (Dated(field="end"), {"end": "2026-12-24"}, "2026-12-24 09:00"),
        (Dated(field="end", **days(30, before=True)), {"end": "2026-09-20"}, None),
        (Dated(field="end"), {}, None),
        (Dated(field="end"), {"end": "soon"}, None),
        (Dated(field="demo", offset=Duration(minutes=120), before=True), {"demo": "2026-09-10T14:15:00+00:00"},
         "2026-09-10 12:15"),
        (Dated(field="demo", **days(1, before=True)), {"demo": "2026-09-10T14:15:00+00:00"}, "2026-09-09 09:00"),
        (Dated(field="demo"), {"demo": "2026-09-10T14:15:00+00:00"}, "2026-09-10 14:15"),
        (Dated(field="birthday", yearly=True), {"birthday": "1990-03-04"}, "2027-03-04 09:00"),
        (Dated(field="birthday", yearly=True), {"birthday": "1992-02-29"}, "2027-02-28 09:00"),
        (Dated(field="since", yearly=True), {"since": "2026-10-01"}, "2027-10-01 09:00"),
        (Dated(field="since", yearly=True, **days(30, before=True)), {"since": "2020-10-10"}, "2026-09-10 09:00"),
        (Dated(webinar="seals EXPLAINED", offset=Duration(minutes=120)), {}, "2026-10-06 12:00"),
        (Dated(webinar="Seals explained", **days(1, before=True)), {}, "2026-10-05 09:00"),
        (Dated(webinar="Unknown"), {}, None),
        (Dated(at=At(date="2026-09-15", time="10:00")), {}, "2026-09-15 10:00"),
        (Dated(at=At(date="2026-08-15", time="10:00")), {}, None),
        (Dated(every="day", time="06:00"), {}, "2026-09-02 06:00"),
        (Dated(every="day"), {}, "2026-09-01 09:00"),
        (Dated(every="week", weekday=1, time="07:00"), {}, "2026-09-08 07:00"),
        (Dated(every="month", weekday=1, nth=1, time="10:00"), {}, "2026-09-01 10:00"),
        (Dated(every="month", weekday=1, nth=3), {}, "2026-09-15 09:00"),
        (Dated(every="month", weekday=4, nth=-1), {}, "2026-09-25 09:00"),
        (Dated(every="month", nth=31), {}, "2026-09-30 09:00"),
        (Dated(every="month", time="06:00"), {}, "2026-10-01 06:00"),
    ],
)  # fmt: skip
def test_the_next_occurrence(dated: Dated, fields: dict[str, str], expected: str | None) -> None:
    assert comes(dated, **fields) == expected


def test_a_day_begins_where_the_lead_is() -> None:
    dated = Dated(field="birthday", yearly=True)
    assert comes(dated, zone="Europe/Berlin", birthday="1990-12-24") == "2026-12-24 08:00"
    assert comes(dated, zone="Europe/Berlin", birthday="1990-12-24", timezone="America/New_York") == "2026-12-24 14:00"
    assert comes(Dated(field="created", **days(7))) == "2026-09-08 09:00"


@given(
    st.dates(datetime(1930, 1, 1).date(), datetime(2026, 1, 1).date()), st.integers(0, 400), st.booleans(),
    st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Auckland", "America/New_York"]), st.integers(0, 3000),
)  # fmt: skip
def test_occurrences_of_a_yearly_date_follow_each_other_and_never_repeat(day, offset, before, zone, start) -> None:
    dated = Dated(field="birthday", yearly=True, offset=Duration(days=offset), before=before)
    at, seen = NOW + start * DAY, set()
    for _ in range(4):
        found = following(dated, lead(birthday=day.isoformat()), program(zone), at)
        assert found is not None
        assert at < found[0] <= at + 367 * DAY
        assert found[1] not in seen
        seen.add(found[1])
        at = found[0]


# ── through the clocks ───────────────────────────────────────────────────────────────────────────────────────────────
END = Pattern(type="date.due", dated=Dated(field="contract_end", **days(30, before=True)))
FIELDS = (LeadField(name="contract_end", type="date", from_crm=True),)


async def test_a_date_that_moves_takes_its_event_along_and_fires_once(fresh_database_url: str) -> None:
    plan = campaign("End", END, reentry=Reentry(kind="always"))
    async with open_program(fresh_database_url, plan, fields=FIELDS) as stage:
        await tell(stage.rt, ANN, {"contract_end": "2026-10-15"})
        await tell(stage.rt, ANN, {"contract_end": "2026-11-15"})
        stage.clock.advance(20 * DAY)
        await sweep(stage)
        assert await runs(stage) == [], "the old date is not the date any more"
        await tell(stage.rt, ANN, {"contract_end": "2026-10-25"})
        stage.clock.advance(5 * DAY)
        await sweep(stage)
        assert await runs(stage) == ["End"]
        for date in ("2027-01-01", "2026-10-25"):
            await tell(stage.rt, ANN, {"contract_end": date})
        stage.clock.advance(400 * DAY)
        await sweep(stage)
        assert [one.data["date"] for one in await events(stage, "date.due")] == ["2026-10-25"]


async def test_a_date_that_has_passed_when_it_is_set_brings_nothing_about(fresh_database_url: str) -> None:
    async with open_program(fresh_database_url, campaign("End", END), fields=FIELDS) as stage:
        await tell(stage.rt, ANN, {"contract_end": "2026-09-10"})
        assert await stage.rows("SELECT * FROM lead_clock") == []
        stage.clock.advance(40 * DAY)
        await sweep(stage)
        assert await runs(stage) == []


async def test_a_late_sweep_loses_nothing(fresh_database_url: str) -> None:
    async with open_program(fresh_database_url, campaign("End", END), fields=FIELDS) as stage:
        await tell(stage.rt, ANN, {"contract_end": "2026-10-15"})
        stage.clock.advance(25 * DAY)
        await sweep(stage)
        assert await runs(stage) == ["End"]


async def test_a_deployment_sets_the_clocks_of_leads_that_are_there_already(fresh_database_url: str) -> None:
    async with open_program(fresh_database_url, campaign("Other", START), fields=FIELDS) as stage:
        await tell(stage.rt, ANN, {"contract_end": "2026-10-15"})
        await deploy_program(stage, campaign("End", END), fields=FIELDS)
        await sweep(stage)
        assert [one.what for one in await stage.rows("SELECT what FROM lead_clock")] == [f"date:{END.key}"]
        assert await sweep(stage) is None
        stage.clock.advance(15 * DAY)
        await sweep(stage)
        assert await runs(stage) == ["End"]


async def test_what_comes_before_a_lead_has_its_turn_after_a_deployment_is_not_lost(fresh_database_url: str) -> None:
    async with open_program(fresh_database_url, campaign("Other", START), fields=FIELDS) as stage:
        await tell(stage.rt, ANN, {"contract_end": "2026-10-03"})
        await tell(stage.rt, "bob@lead.example", {"contract_end": "2026-09-30"})
        await deploy_program(stage, campaign("End", END), fields=FIELDS)
        stage.clock.advance(5 * DAY)
        await sweep(stage)
        assert await runs(stage) == ["End"], "the other date lay before the deployment"


async def test_a_birthday_comes_every_year_and_once_a_year_whatever_the_zone(fresh_database_url: str) -> None:
    pattern = Pattern(type="date.due", dated=Dated(field="birthday", yearly=True))
    plan = campaign("Birthday", pattern)
    async with open_program(fresh_database_url, plan) as stage:
        await tell(stage.rt, ANN, {"birthday": "1992-02-29", "timezone": "Asia/Tokyo"})
        stage.clock.set(datetime(2027, 2, 28, 1, 0, tzinfo=UTC))
        await sweep(stage)
        assert len(await events(stage, "date.due")) == 1
        await tell(stage.rt, ANN, {"timezone": "America/Los_Angeles"})
        stage.clock.advance(DAY)
        await sweep(stage)
        assert len(await events(stage, "date.due")) == 1
        stage.clock.advance(366 * DAY)
        await sweep(stage)
        assert len(await events(stage, "date.due")) == 2


async def test_a_schedule_takes_its_audience_in_their_own_time_and_only_once(fresh_database_url: str) -> None:
    pattern = Pattern(type="date.due", dated=Dated(every="month", weekday=1, nth=1, time="10:00"))
    start = Start(pattern=pattern, audience=InList(name="Readers"), source="c:1")
    plan = campaign("Digest", start, reentry=Reentry(kind="always"), steps=(), entry=None)
    async with open_program(fresh_database_url, plan) as stage:
        for name, zone in (("ann", "Asia/Tokyo"), ("bob", "America/New_York"), ("eve", "UTC")):
            await tell(stage.rt, f"{name}@lead.example", {"timezone": zone}, lists=["readers"] if name != "eve" else [])
        clocks = await stage.rows("SELECT due_at FROM lead_clock WHERE what LIKE 'date:%%' ORDER BY due_at")
        assert [f"{one.due_at.astimezone(UTC):%m-%d %H}" for one in clocks] == ["09-01 14", "10-06 01"]
        stage.clock.set(datetime(2026, 10, 6, 20, 0, tzinfo=UTC))
        await sweep(stage)
        assert len(await events(stage, "date.due")) == 2
        stage.clock.set(datetime(2026, 11, 3, 20, 0, tzinfo=UTC))
        await sweep(stage)
        await sweep(stage)
        assert len(await events(stage, "date.due")) == 4


async def test_a_fixed_start_asks_its_segment_when_it_comes(fresh_database_url: str) -> None:
    pattern = Pattern(type="date.due", dated=Dated(at=At(date="2026-09-15", time="10:00")))
    audience = InSegment(name="New", condition=StageIs(stage="Lead"))
    demo = StageRule(pattern=Pattern(type="custom", name="demo"), source="l:2")
    stages = (Stage(name="Visitor", source="l:1"), Stage(name="Lead", source="l:2", rules=(demo,)))
    plan = campaign("News", Start(pattern=pattern, audience=audience, source="c:1"))
    async with open_program(fresh_database_url, plan, stages=stages) as stage:
        await happen(stage, "page.visited", "/", email="bob@lead.example")
        await happen(stage, "custom", "demo")
        stage.clock.set(datetime(2026, 9, 15, 10, 0, tzinfo=UTC))
        await sweep(stage)
        assert await runs(stage) == ["News"]
        assert len(await events(stage, "date.due")) == 1, "nobody else is told"


@pytest.mark.parametrize(
    "value", ["9999-12-31", "0001-01-01", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00"]
)
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Los_Angeles"])
@pytest.mark.parametrize(
    "offset", [Duration(months=60), Duration(days=1), Duration(minutes=120), Duration(business_days=5)]
)
def test_dates_at_the_ends_of_the_calendar_raise_nothing(value: str, zone: str, offset: Duration) -> None:
    for dated in (Dated(field="end", offset=offset), Dated(field="end", offset=offset, before=True)):
        found = following(dated, lead(end=value, timezone=zone), program(), NOW)
        assert (found is not None) is value.startswith("9999")

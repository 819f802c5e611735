"""Every event and condition of the language, from the words a marketer writes to the campaign that starts."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from engine.leads.external_changes import tell
from tests.support.examples import examples
from tests.support.programs import ANN, happen, lead, runs, sweep
from tests.support.stage import Stage, deploy_text, open_stage

DAY = timedelta(days=1)
BASE = """
workspace "Acme"
    timezone "UTC"
    address "Acme, 1 Road"
    sender "Acme <a@acme.example>"
    mail is allowed until opt-out
    tracking is always on
field plan text
field size number
field contract_end date
webinar "Seals" on 2026-10-06 at 11:00 "UTC"
interest "Pumps"
    pages "/pumps*"
segment "Large"
    size >= 100
lifecycle
    stage Visitor
    stage Lead
        when event "lead" happens
        reactivate after 10 days with campaign "Wake up"
    stage Customer
        when deal is won
campaign "Wake up"
    flow
        wait 1 day
        add to list "Back"
scoring
    +5 when event "points" happens
"""


def campaigns(*phrases: str) -> str:
    """One campaign per phrase, called by its number; a condition comes after ` / `."""
    found = []
    for number, phrase in enumerate(phrases):
        event, _, condition = phrase.partition(" / ")
        tail = f", only if {condition}" if condition else ""
        line = event if event.startswith("starts") else f"starts when {event}"
        found.append(f'campaign "{number}"\n    {line}{tail}\n    flow\n        wait 1000 days\n        add 1 points\n')
    return BASE + "\n".join(found)


async def started(stage: Stage, phrases: tuple[str, ...]) -> set[str]:
    return {phrases[int(name)] for name in await runs(stage) if name.isdigit()}


EVENTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    'page "/pricing*" is visited': ("page.visited", "/pricing/a", {}),
    "file is downloaded": ("file.downloaded", "guide.pdf", {}),
    'video "Intro" is watched where seconds >= 60': ("video.watched", "intro", {"seconds": 61}),
    'webinar "Seals" is registered': ("webinar.registered", "Seals", {}),
    'webinar "Seals" is attended': ("webinar.attended", "seals", {}),
    "meeting is booked": ("meeting.booked", "", {}),
    "meeting is held": ("meeting.held", "Demo", {}),
    "call is received": ("call.received", "", {}),
    "chat is started": ("chat.started", "", {}),
    "cart is updated": ("cart.updated", "", {"id": "c", "amount": 3}),
    "order is placed where amount >= 50": ("order.placed", "", {"id": "o", "amount": 50}),
    "deal is opened": ("deal.opened", "", {"id": "d"}),
    "deal is moved": ("deal.moved", "", {"id": "d", "pipeline_stage": "Offer"}),
    "deal is changed": ("deal.changed", "", {"id": "d", "amount": 20.0}),
    "deal is refunded": ("deal.refunded", "", {"id": "d", "amount": 5.0}),
    "deal is lost": ("deal.lost", "", {"id": "d"}),
    'event "offline" happens': ("custom", "Offline", {}),
    "score reaches 5": ("custom", "points", {}),
    "lead becomes Customer": ("deal.won", "", {"amount": 9000.0}),
    'interest in "Pumps" reaches 1': ("page.visited", "/pumps", {}),
    'page "/x" is visited 2 times within 7 days': ("page.visited", "/x", {}),
}


async def test_every_event_starts_its_campaign_and_no_other(fresh_database_url: str) -> None:
    phrases = tuple(EVENTS)
    async with open_stage(fresh_database_url, campaigns(*phrases)) as stage:
        expected: set[str] = set()
        for phrase, (type, name, data) in EVENTS.items():
            for _ in range(2 if "2 times" in phrase else 1):
                assert await started(stage, phrases) == expected
                await happen(stage, type, name, data)
            expected.add(phrase)
        assert await started(stage, phrases) == expected


CHANGES: dict[str, dict[str, Any]] = {
    "field plan changes": {"fields": {"plan": "free"}},
    'field plan changes to "pro"': {"fields": {"plan": "pro"}},
    'field plan changes from "pro" to "max"': {"fields": {"plan": "max"}},
    'list "Fair" is joined': {"lists": ["fair"]},
    'list "Fair" is left': {"left": ["Fair"]},
    'segment "Large" is entered': {"fields": {"size": 100}},
    'segment "Large" is left': {"fields": {"size": 99}},
}


async def test_what_changes_starts_its_campaign(fresh_database_url: str) -> None:
    phrases = tuple(CHANGES)
    async with open_stage(fresh_database_url, campaigns(*phrases)) as stage:
        for number, (_, change) in enumerate(CHANGES.items(), start=1):
            await tell(stage.rt, ANN, change.get("fields", {}), change.get("lists", ()), change.get("left", ()))
            assert await started(stage, phrases) == set(phrases[:number])


TIMES: dict[str, float] = {
    '2 hours after webinar "Seals"': 35.25,
    '1 day before webinar "Seals" at 08:00': 34.04,
    "30 days before contract_end": 20.09,
    "1 day after contract_end at 07:30": 51.02,
    "birthday": 3.09,
    "anniversary of created": 365.09,
    "lead is inactive for 30 days": 30.0,
    'starts on 2026-09-15 at 10:00 for list "Fair"': 14.13,
    'starts every first tuesday of the month at 10:00 for list "Fair"': 0.13,
    'page "/a" is visited and then no order is placed within 2 days': 2.0,
}
"""Days from the first of September, 07:00, on which a campaign starts."""


async def test_time_starts_each_campaign_at_its_hour(fresh_database_url: str) -> None:
    phrases = tuple(TIMES)
    async with open_stage(fresh_database_url, campaigns(*phrases)) as stage:
        begin = stage.clock.now()
        fields = {"contract_end": "2026-10-21", "birthday": "1990-09-04"}
        await tell(stage.rt, ANN, fields, ["Fair"])
        await happen(stage, "page.visited", "/a")
        await sweep(stage)
        while stage.clock.now() < begin + 400 * DAY:
            due = await stage.rows("SELECT min(due_at) AS at FROM lead_clock")
            stage.clock.set(due[0].at or begin + 400 * DAY)
            await sweep(stage)
        rows = await stage.rows("SELECT campaign, started_at FROM enrolments WHERE campaign <> 'Wake up'")
        found = {phrases[int(one.campaign)]: (one.started_at - begin) / DAY for one in rows}
        assert found == pytest.approx(TIMES, abs=0.01)


CONDITIONS = {
    'in list "Fair"': True, 'not in list "Fair"': False, 'in segment "Large"': True, 'in campaign "1"': False,
    'has been in campaign "Wake up"': False, "tracking is allowed": True, "contract_end is in the next 30 days": True,
    "contract_end is in the next 5 days": False, "contract_end is in the past": False,
    "contract_end is before 2026-09-20": False, "contract_end is after 2026-09-20": True,
    "today is after 2026-08-31": True, "birthday is today": False, 'interest in "Pumps" >= 2': True,
    'has visited page "/pumps*" at least 2 times in the last 7 days': True,
    'has visited page "/pumps*" at least 3 times': False, 'has not watched video "Intro"': True,
    'has placed order where amount >= 100': False, 'has done event "points"': True, "owner is known": False,
    "event.amount >= 5": True, "event.amount >= 6": False, "stage is Lead": True, "email is a free address": False,
}  # fmt: skip


async def test_every_condition(fresh_database_url: str) -> None:
    phrases = tuple(f'event "go" happens / {one}' for one in CONDITIONS)
    async with open_stage(fresh_database_url, campaigns(*phrases)) as stage:
        await tell(stage.rt, ANN, {"size": 100, "contract_end": "2026-09-21"}, ["Fair"])
        for type, name in (
            ("custom", "lead"),
            ("custom", "points"),
            ("page.visited", "/pumps"),
            ("page.visited", "/pumps"),
        ):
            await happen(stage, type, name)
        await happen(stage, "order.placed", "", {"amount": 99})
        await happen(stage, "custom", "go", {"amount": 5})
        found = await started(stage, phrases)
        assert {one: f'event "go" happens / {one}' in found for one in CONDITIONS} == CONDITIONS


async def test_a_stages_silence_enters_its_campaign(fresh_database_url: str) -> None:
    async with open_stage(fresh_database_url, BASE) as stage:
        await happen(stage, "custom", "lead")
        stage.clock.advance(10 * DAY)
        await sweep(stage)
        assert await runs(stage) == ["Wake up"]


# ── a clock never fires twice for the same occurrence ────────────────────────────────────────────────────────────────
OPERATIONS = st.one_of(
    st.tuples(st.just("pass"), st.integers(1, 60)),
    st.tuples(st.just("end"), st.sampled_from(["2026-10-10", "2026-11-20", "2026-12-01"])),
    st.tuples(st.just("visit"), st.just(0)),
    st.tuples(st.just("zone"), st.sampled_from(["Asia/Tokyo", "America/New_York"])),
    st.tuples(st.just("deploy"), st.integers(0, 3)),
    st.tuples(st.just("sweep"), st.just(0)),
)
CLOCKED = ("10 days before contract_end", "birthday", "lead is inactive for 20 days",
           'starts every first tuesday of the month at 10:00 for segment "Large"')  # fmt: skip


@examples(8, suppress_health_check=list(HealthCheck))
@given(st.lists(OPERATIONS, min_size=5, max_size=25))
def test_no_occurrence_fires_twice(new_database: Any, operations: list[tuple[str, Any]]) -> None:
    asyncio.run(_live(new_database(), operations))


async def _live(url: str, operations: list[tuple[str, Any]]) -> None:
    async with open_stage(url, campaigns(*CLOCKED)) as stage:
        await tell(stage.rt, ANN, {"birthday": "1990-09-20", "size": 100})
        for what, value in operations:
            match what:
                case "pass":
                    stage.clock.advance(value * DAY)
                case "end":
                    await tell(stage.rt, ANN, {"contract_end": value})
                case "visit":
                    await happen(stage, "page.visited", "/a")
                case "zone":
                    await tell(stage.rt, ANN, {"timezone": value})
                case "deploy":
                    await deploy_text(stage.rt, campaigns(*CLOCKED) + f"# {value}\nfield other{value} text\n")
                case "sweep":
                    await sweep(stage)
        await sweep(stage)
        rows = await stage.rows("SELECT type, name, key, data FROM events WHERE type IN ('date.due', 'pattern.met')")
        keys = [one.key for one in rows]
        assert len(keys) == len(set(keys))
        days = [(one.name, one.data["date"]) for one in rows if one.type == "date.due"]
        assert len(days) == len(set(days))
        silences = [(one.name, one.data["since"]) for one in rows if one.type == "pattern.met"]
        assert len(silences) == len(set(silences))
        due = await stage.rows("SELECT * FROM lead_clock WHERE due_at <= %(now)s", now=stage.clock.now())
        assert due == []
        assert (await lead(stage)).attention is None

"""The past of leads goes after its time; what rules, links and figures still need of it stays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from dsl.plan import Duration, Workspace
from engine.leads import forgetting, lead_clocks
from engine.leads.forgetting import begins, forget_past
from engine.leads.intake import Occurrence, click, record
from engine.reports import keeping
from engine.reports.campaign_numbers import numbers
from engine.reports.status import status
from engine.store import forgetting as store
from engine.store.leads import link_target
from engine.why.read import read
from engine.why.tell import as_json, standing, tell
from tests.support.stage import TUESDAY, Stage, company, stage_fixture
from worker import BESIDE

YEAR = timedelta(days=366)
WORKSPACE = (
    company().rstrip()
    + """
    forget events after 1 year

form "start"
    ask email required
    consent "Yes" for topic "news"

form "again"
    ask email required

scoring
    +10 when form "start" is submitted, once
    +5 when page "/p*" is visited, at most 3 times
    +1 when page "/x*" is visited, expires after 30 days

lifecycle
    stage Visitor
    stage Lead
        when form is submitted

campaign "Once"
    starts when form "start" is submitted
    enters once
    topic "news"
    flow
        send "first"
        wait 1 day

campaign "Always"
    starts when form "again" is submitted
    enters every time
    topic "news"
    flow
        send "second"

campaign "Long"
    starts when page "/long" is visited
    topic "news"
    flow
        wait 4 years
        add 1 point
"""
)
stage = stage_fixture(WORKSPACE)
ANN = "ann@lead.example"


async def page(stage: Stage, path: str, email: str = ANN) -> None:
    await record(stage.rt, Occurrence("page.visited", path, {}, email=email))
    await stage.settle()


async def table(stage: Stage, name: str, of: str = "true") -> int:
    return int((await stage.rows(f"SELECT count(*) AS many FROM {name} WHERE {of}"))[0].many)


async def shown_now(stage: Stage) -> tuple[Any, Any]:
    """What `status` says of campaigns and emails."""
    found = await status(stage.rt.db, stage.clock.now(), stage.clock.now())
    return found.campaigns, found.mails


async def lived(stage: Stage, email: str = ANN) -> None:
    """A lead with events, points, emails and ended runs, all of one week."""
    await stage.post("start", ("news",), email=email)
    for _ in range(5):
        await page(stage, "/p/1", email)
    for _ in range(3):
        await stage.post("again", email=email)
        await stage.pass_time(timedelta(days=1))
    await stage.pass_time(timedelta(days=2))


async def test_the_past_goes_and_the_lead_stays(stage: Stage) -> None:
    await lived(stage)
    before = (await stage.rows("SELECT * FROM leads"))[0]
    figures, shown = await numbers(stage.rt.db, "Always"), await shown_now(stage)
    stage.clock.set(TUESDAY + YEAR - timedelta(days=2))
    assert not any((await forget_past(stage.rt)).values()), "a year is not over yet"
    stage.clock.advance(timedelta(days=20))
    taken = await forget_past(stage.rt)
    assert taken["emails"] == 4
    assert taken["runs"] == 2, "the newest of each campaign stays"
    assert taken["events"] == 10, "4 forms, 5 pages, 1 stage"
    assert await table(stage, "events") == 0
    assert await table(stage, "messages") == 0
    assert await table(stage, "enrolments") == 2
    assert (await stage.rows("SELECT * FROM leads"))[0] == before
    assert await table(stage, "stages") == await table(stage, "consents") == 1
    after = await numbers(stage.rt.db, "Always")
    assert after.runs == figures.runs
    assert after.plans == figures.plans
    again = await shown_now(stage)
    assert again == shown
    await keeping.keep_up(stage.rt)
    checked = await keeping.go_through(stage.rt, "verify")
    assert (checked.leads, checked.differing) == (1, []), "the read tables follow"
    assert {step: (one.sent, one.opened) for step, one in after.steps.items() if one.sent} == {
        step: (one.sent, one.opened) for step, one in figures.steps.items() if one.sent
    }
    assert not any((await forget_past(stage.rt)).values())


async def test_why_says_what_was_forgotten(stage: Stage) -> None:
    async def asked() -> tuple[str, Any]:
        log = await read(stage.rt.db, ANN, "Once", stage.clock.now())
        return standing(log), as_json(log, tell(log))["lead"]["forgotten_before"]

    await lived(stage)
    stage.clock.set(TUESDAY + YEAR + timedelta(days=20))
    said, at = await asked()
    assert at is None, "it is old enough, but is there still"
    assert "forgotten" not in said
    await forget_past(stage.rt)
    said, at = await asked()
    day = (stage.clock.now() - YEAR + timedelta(days=1)).date().isoformat()
    assert said.endswith(f"events before {day} were forgotten")
    assert at is not None
    assert at.startswith(day)
    await stage.post("again", email="new@lead.example")
    log = await read(stage.rt.db, "new@lead.example", "Always", stage.clock.now())
    assert "forgotten" not in standing(log)


async def test_limits_and_entries_count_what_was_forgotten(stage: Stage) -> None:
    await lived(stage)
    assert (await stage.rows("SELECT scores FROM leads"))[0].scores == {"": 25}
    stage.clock.advance(2 * YEAR)
    await forget_past(stage.rt)
    (kept,) = await stage.rows("SELECT amount, times FROM points WHERE thing = '/p/1'")
    assert (kept.amount, kept.times) == (15, 3)
    await page(stage, "/p/2")
    await stage.post("start", ("news",), email=ANN)
    assert (await stage.rows("SELECT scores FROM leads"))[0].scores == {"": 25}
    assert await table(stage, "enrolments", "campaign = 'Once'") == 1


async def test_points_that_expire_do_so_before_they_are_put_together(stage: Stage) -> None:
    for _ in range(2):
        await page(stage, "/x")
    stage.clock.advance(2 * YEAR)
    await forget_past(stage.rt)
    assert await table(stage, "points") == 2, "nobody has taken them away yet"
    await lead_clocks.ring_all(stage.rt)
    assert (await stage.rows("SELECT scores FROM leads"))[0].scores == {"": 0}
    await page(stage, "/other")
    stage.clock.advance(2 * YEAR)
    await forget_past(stage.rt)
    found = await stage.rows("SELECT rule LIKE 'expired:%%' AS expired, amount, times FROM points ORDER BY 1")
    assert [tuple(one) for one in found] == [(False, 2, 2), (True, -2, 2)]


async def test_a_run_under_way_keeps_what_it_may_ask_for(stage: Stage) -> None:
    await page(stage, "/before")
    await page(stage, "/long")
    await page(stage, "/since")
    stage.clock.advance(2 * YEAR)
    await forget_past(stage.rt)
    left = [one.name for one in await stage.rows("SELECT name FROM events WHERE type = 'page.visited'")]
    assert "/before" not in left
    assert "/since" in left
    await stage.pass_time(3 * YEAR)
    assert (await stage.rows("SELECT outcome FROM enrolments"))[0].outcome == "finished"


async def test_the_first_touch_stays_and_those_of_a_deal(stage: Stage) -> None:
    await page(stage, "/a")
    (lead,) = await stage.rows("SELECT id FROM leads")
    at = stage.clock.now()
    async with stage.rt.db.engine.begin() as connection:
        for number in range(3):
            await connection.exec_driver_sql(
                "INSERT INTO touches (lead_id, key, source_id, kind, at) VALUES (%s, %s, 1, 'visit', %s)",
                (lead.id, f"v:{number}", at + timedelta(days=number)),
            )
    stage.clock.advance(2 * YEAR)
    async with stage.rt.db.engine.begin() as connection:
        await connection.exec_driver_sql("INSERT INTO deals (id, leads) VALUES ('d', ARRAY[%s::uuid])", (lead.id,))
    assert (await forget_past(stage.rt))["touches"] == 0
    async with stage.rt.db.engine.begin() as connection:
        await connection.exec_driver_sql("DELETE FROM deals")
    await page(stage, "/b")
    async with stage.rt.db.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE events SET at = at - interval '3 years'")
    assert (await forget_past(stage.rt))["touches"] == 2
    assert [one.key for one in await stage.rows("SELECT key FROM touches")] == ["v:0"]


async def test_a_click_in_a_forgotten_email_still_leads_on(stage: Stage) -> None:
    await lived(stage)
    (message,) = await stage.rows("SELECT id FROM messages WHERE template = 'first'")
    (link,) = await stage.rows("SELECT id FROM links WHERE url LIKE '%%/first'")
    stage.clock.advance(2 * YEAR)
    await forget_past(stage.rt)
    assert await click(stage.rt, message.id, link.id) is None
    assert await link_target(stage.rt.db, link.id) == "https://acme.example/first"


async def test_a_turn_is_bounded_and_goes_on_where_it_stopped(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(7):
        await page(stage, "/p", f"l{number}@lead.example")
    stage.clock.advance(2 * YEAR)
    monkeypatch.setattr(forgetting, "MANY", 3)
    monkeypatch.setattr(forgetting, "PAGES", 1)
    monkeypatch.setattr(store, "LEADS", 2)
    left = []
    for _ in range(5):
        await forget_past(stage.rt)
        left.append(await table(stage, "events", "type = 'page.visited'"))
    assert left == [5, 3, 1, 0, 0]


async def test_a_lead_that_is_held_has_its_turn_later(stage: Stage) -> None:
    await page(stage, "/p")
    stage.clock.advance(2 * YEAR)
    async with stage.rt.db.engine.begin() as other:
        await other.exec_driver_sql("SELECT FROM leads FOR UPDATE")
        await forget_past(stage.rt)
        assert await table(stage, "events", "type = 'page.visited'") == 1
    async with stage.rt.db.engine.begin() as other:
        await other.exec_driver_sql("SELECT FROM sweeps FOR UPDATE")
        assert await forget_past(stage.rt) == {}, "another process is at it"
    await forget_past(stage.rt)
    assert await table(stage, "events", "type = 'page.visited'") == 0


@pytest.mark.parametrize(
    ("kept", "days"),
    [({}, 1826), ({"events_kept": Duration(days=90)}, 90), ({"events_kept": Duration(months=36)}, 1096)],
)
def test_what_is_kept_is_as_declared_or_five_years(kept: dict[str, Any], days: int) -> None:
    events, visitors = begins(Workspace(name="w", **kept), TUESDAY)
    assert TUESDAY - events == timedelta(days=days)
    assert visitors <= events


def test_every_worker_has_the_job() -> None:
    assert any(job.work is forget_past for job in BESIDE)
    assert UUID(int=0) == store.NOBODY

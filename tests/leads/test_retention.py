"""What strangers leave behind is removed after its time, to the instant, paced, and never anything of a lead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from dsl.plan import Ask, Duration, Form, Workspace
from engine.leads.intake import FormPost, Occurrence, record, submit
from engine.rules.tracking.click_ids import without_click_id
from engine.tracking import retention
from engine.tracking.retention import forget, limits
from tests.support.programs import open_program
from tests.support.stage import Stage
from worker import BESIDE

BERLIN = ZoneInfo("Europe/Berlin")
FORMS = (Form(name="demo", source="f:1", asks=(Ask(field="email", required=True),)),)
PAID = "https://acme.example/pricing?utm_medium=cpc&gclid=Ab1&x=2"
SECOND = timedelta(seconds=1)


async def view(stage: Stage, visitor: UUID, url: str = PAID) -> None:
    await record(stage.rt, Occurrence("page.visited", url, {"url": url, "referrer": ""}, visitor=visitor))


async def become(stage: Stage, visitor: UUID, email: str) -> None:
    deployed = await stage.rt.catalog.refresh()
    assert deployed is not None
    await submit(stage.rt, FormPost(deployed.forms["demo"], {"email": email}, visitor=visitor))


async def count(stage: Stage, table: str) -> int:
    return int((await stage.rows(f"SELECT count(*) AS many FROM {table}"))[0].many)


async def kept(stage: Stage) -> tuple[int, int, int]:
    return await count(stage, "visitors"), await count(stage, "sessions"), await count(stage, "visitor_events")


def workspace(**more: Any) -> dict[str, Any]:
    return {"zone": "Europe/Berlin", "workspace": more, "forms": FORMS}


async def test_strangers_go_after_their_time_and_leads_stay(fresh_database_url: str) -> None:
    stranger, known = uuid4(), uuid4()
    async with open_program(fresh_database_url, **workspace()) as stage:
        await view(stage, stranger)
        await view(stage, known)
        await become(stage, known, "ann@lead.example")
        events, begun = await count(stage, "events"), stage.clock.now()
        due = begun.astimezone(BERLIN).replace(year=begun.year + 1, month=begun.month + 1)
        stage.clock.set(due.astimezone(UTC))
        await forget(stage.rt)
        assert await kept(stage) == (2, 2, 1), "13 months are not over yet"
        stage.clock.advance(SECOND)
        taken = await forget(stage.rt)
        assert (taken["sessions"], taken["visitor_events"], taken["visitors"]) == (1, 1, 1)
        assert await kept(stage) == (1, 1, 0)
        assert await count(stage, "events") == events
        assert await count(stage, "touches") == 1
        assert await count(stage, "visit_days") == 1


async def test_a_visitor_who_comes_back_keeps_what_is_new(fresh_database_url: str) -> None:
    visitor = uuid4()
    async with open_program(fresh_database_url, **workspace(visitors_kept=Duration(days=30))) as stage:
        await view(stage, visitor)
        stage.clock.advance(timedelta(days=29))
        await view(stage, visitor)
        stage.clock.advance(timedelta(days=2))
        await forget(stage.rt)
        assert await kept(stage) == (1, 1, 1)
        await become(stage, visitor, "ann@lead.example")
        assert (await kept(stage))[2] == 0
        kinds = await stage.rows("SELECT kind FROM touches ORDER BY at")
        assert [one.kind for one in kinds] == ["visit", "form"], "one visit is left, and the form two days later"


@pytest.mark.parametrize(
    ("day", "clock"),
    [
        (datetime(2026, 3, 29, 3, 30, tzinfo=BERLIN), "spring: 30 days earlier it was 03:30 as well"),
        (datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN), "autumn: the first 02:30"),
        (datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN), "autumn: the second 02:30"),
    ],
)
async def test_days_are_those_of_the_workspace_when_clocks_change(
    fresh_database_url: str, day: datetime, clock: str
) -> None:
    begun = (day.replace(fold=0) - timedelta(days=30)).astimezone(UTC)
    visitor = uuid4()
    async with open_program(fresh_database_url, **workspace(visitors_kept=Duration(days=30))) as stage:
        stage.clock.set(begun)
        await view(stage, visitor)
        stage.clock.set(day.astimezone(UTC))
        await forget(stage.rt)
        assert await kept(stage) == (1, 1, 1), clock
        stage.clock.advance(SECOND)
        await forget(stage.rt)
        assert await kept(stage) == (0, 0, 0), clock


def test_a_time_that_is_skipped_begins_an_hour_later() -> None:
    """Thirty days before 2026-04-28 02:30 is in the hour that Berlin skips."""
    now = datetime(2026, 4, 28, 2, 30, tzinfo=BERLIN).astimezone(UTC)
    found = limits(Workspace(name="w", timezone="Europe/Berlin", visitors_kept=Duration(days=30)), now)
    assert found["visitors"] == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


async def test_click_identifiers_go_after_90_days_whoever_it_was(fresh_database_url: str) -> None:
    visitor = uuid4()
    async with open_program(fresh_database_url, **workspace()) as stage:
        await view(stage, visitor)
        await become(stage, visitor, "ann@lead.example")
        (stored,) = await stage.rows("SELECT data FROM events WHERE type = 'page.visited'")
        assert stored.data["url"] == "https://acme.example/pricing?utm_medium=cpc&gclid=removed&x=2"
        stage.clock.advance(timedelta(days=90))
        await forget(stage.rt)
        assert (await stage.rows("SELECT click FROM sessions"))[0].click == ["gclid", "Ab1"]
        stage.clock.advance(SECOND + timedelta(hours=1))  # the clocks have changed meanwhile
        await forget(stage.rt)
        assert (await stage.rows("SELECT click FROM sessions"))[0].click is None


def test_click_identifiers_go_no_later_than_the_visitor() -> None:
    found = limits(Workspace(name="w", visitors_kept=Duration(days=10)), datetime(2026, 9, 1, tzinfo=UTC))
    assert found["clicks"] == found["visitors"] == datetime(2026, 8, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://a.example/?gclid=Ab1", "https://a.example/?gclid=removed"),
        ("https://a.example/?x=1&amp;FBCLID=z&y=2#top", "https://a.example/?x=1&amp;FBCLID=removed&y=2#top"),
        ("https://a.example/#/p?msclkid=1", "https://a.example/#/p?msclkid=removed"),
        ("https://a.example/?my_gclid=1&q=gclid", "https://a.example/?my_gclid=1&q=gclid"),
        ("", ""),
    ],
)
def test_only_the_identifiers_value_is_replaced(address: str, kept: str) -> None:
    assert without_click_id(address) == kept


async def test_a_turn_is_bounded_and_skips_what_is_held(
    fresh_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "MANY", 2)
    monkeypatch.setattr(retention, "BATCHES", 2)
    first = uuid4()
    async with open_program(fresh_database_url, **workspace(visitors_kept=Duration(days=1))) as stage:
        for visitor in (first, *(uuid4() for _ in range(6))):
            await view(stage, visitor)
            stage.clock.advance(SECOND)
        stage.clock.advance(timedelta(days=2))
        async with stage.rt.db.engine.begin() as other:
            await other.exec_driver_sql(f"SELECT FROM sessions WHERE visitor_id = '{first}' FOR UPDATE")
            taken = await forget(stage.rt)
            assert (taken["sessions"], taken["visitor_events"], taken["visitors"]) == (4, 4, 4)
        await forget(stage.rt)
        await forget(stage.rt)
        assert await kept(stage) == (0, 0, 0)


async def test_emails_lose_what_their_template_looked_at_and_the_mailbox_is_emptied(fresh_database_url: str) -> None:
    async with open_program(fresh_database_url, **workspace()) as stage:
        now = stage.clock.now()
        await stage.rt.db.engine.dispose()
        async with stage.rt.db.engine.begin() as connection:
            await connection.exec_driver_sql(
                "INSERT INTO messages (id, owner_id, step, visit, lead_id, template, kind, state, reason, attempt, "
                "source, subject, memo, at) SELECT gen_random_uuid(), gen_random_uuid(), 's', '', gen_random_uuid(), "
                f"'t', 'marketing', 'accepted', '', '', '', 'Hello', '{{\"epoch\": 1}}', '{now.isoformat()}'"
            )
            await connection.exec_driver_sql(
                'INSERT INTO mailbox (id, "to", sender, subject, headers, html, text, at) VALUES '
                f"(gen_random_uuid(), 'a@b.example', '', '', '{{}}', '', '', '{now.isoformat()}')"
            )
        stage.clock.advance(timedelta(days=91))
        assert (await forget(stage.rt))["mailbox"] == 1
        stage.clock.advance(timedelta(days=640))
        assert (await forget(stage.rt))["memos"] == 0
        stage.clock.advance(timedelta(days=40))
        assert (await forget(stage.rt))["memos"] == 1
        (message,) = await stage.rows("SELECT subject, memo FROM messages")
        assert (message.subject, message.memo) == ("Hello", None)


def test_every_worker_has_the_job() -> None:
    assert any(job.work is forget for job in BESIDE)

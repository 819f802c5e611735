"""Leads without consent are erased after the workspace's time, to the instant; all others stay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dsl.plan import Duration, Topic, Workspace
from engine.leads import forget_leads as forgetting
from engine.leads.forget_leads import begins, forget_leads
from engine.leads.imports import Import, take_row
from engine.rules.imports.rows import Agreed, ImportedLead
from tests.support.programs import happen, lead, open_program
from tests.support.stage import Stage
from worker import BESIDE

BERLIN = ZoneInfo("Europe/Berlin")
SECOND = timedelta(seconds=1)
YES = Agreed("News", "I want news", "2026-08-30", "form")
LEADS = "SELECT email FROM leads WHERE email IS NOT NULL ORDER BY email"


def workspace(**more: Any) -> dict[str, Any]:
    topics = (Topic(name="News", description="n"),)
    return {"zone": "Europe/Berlin", "workspace": {"topics": topics, "leads_kept": Duration(months=24), **more}}


async def known(stage: Stage, name: str, *consents: Agreed) -> None:
    email = f"{name}@lead.example"
    await take_row(stage.rt, ImportedLead(2, email, email, {}, (), consents), Import("f", "d", "ada"))


async def write(stage: Stage, sql: str) -> None:
    async with stage.rt.db.hot() as hot:
        await hot.all(sql, {})
        await hot.commit()


async def left(stage: Stage) -> list[str]:
    return [one.email.partition("@")[0] for one in await stage.rows(LEADS)]


async def test_leads_without_consent_go_after_their_time_and_all_others_stay(fresh_database_url: str) -> None:
    async with open_program(fresh_database_url, **workspace()) as stage:
        begun = stage.clock.now()
        for name in ("ann", "bob", "dora", "eve", "zoe"):
            await known(stage, name)
        await known(stage, "cleo", YES)
        await write(  # eve is with sales, and zoe has bought
            stage,
            "WITH a AS (INSERT INTO handoffs (id, lead_id, source, team, note, state, gen, opened_at) SELECT"
            " gen_random_uuid(), id, 's:1', 't', '', '{}', 0, now() FROM leads WHERE email LIKE 'eve%%' RETURNING 1),"
            " b AS (INSERT INTO deals (id, leads) SELECT 'd', ARRAY[id] FROM leads WHERE email LIKE 'zoe%%'"
            " RETURNING 1)"
            " SELECT 1",
        )
        due = begun.astimezone(BERLIN).replace(year=begun.year + 2).astimezone(UTC)
        stage.clock.set(due - timedelta(days=300))
        await happen(stage, "call.received", "", email="bob@lead.example")
        stage.clock.set(due)
        assert await forget_leads(stage.rt) == 0, "24 months are not over yet"
        stage.clock.advance(SECOND)
        assert await forget_leads(stage.rt) == 2
        assert await left(stage) == ["bob", "cleo", "eve", "zoe"]
        assert await forget_leads(stage.rt) == 0


async def test_the_time_runs_from_what_the_lead_said_last(fresh_database_url: str) -> None:
    async with open_program(fresh_database_url, **workspace(leads_kept=Duration(days=90))) as stage:
        await known(stage, "ann", YES)
        stage.clock.advance(timedelta(days=60))
        from engine.leads.intake import unsubscribe

        await unsubscribe(stage.rt, (await lead(stage)).id, None, "page")
        stage.clock.advance(timedelta(days=90))
        assert await forget_leads(stage.rt) == 0
        stage.clock.advance(SECOND)
        assert await forget_leads(stage.rt) == 1


async def test_a_turn_is_paced_and_without_the_line_nobody_goes(
    fresh_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "MANY", 2)
    async with open_program(fresh_database_url, **workspace()) as stage:
        for name in ("ann", "bob", "cleo"):
            await known(stage, name)
        stage.clock.advance(timedelta(days=1000))
        assert [await forget_leads(stage.rt) for _ in range(3)] == [2, 1, 0]
    assert begins(Workspace(name="w"), datetime(2026, 9, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("now", "before", "clock"),
    [
        (datetime(2026, 4, 28, 2, 30, tzinfo=BERLIN), datetime(2026, 3, 29, 1, 30, tzinfo=UTC), "in the skipped hour"),
        (datetime(2026, 3, 29, 3, 30, tzinfo=BERLIN), datetime(2026, 2, 27, 3, 30, tzinfo=BERLIN), "spring"),
        (datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN), datetime(2026, 9, 25, 2, 30, tzinfo=BERLIN), "first 02:30"),
        (datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN), datetime(2026, 9, 25, 2, 30, tzinfo=BERLIN), "second"),
    ],
)  # fmt: skip
def test_days_are_those_of_the_workspace_when_clocks_change(now: datetime, before: datetime, clock: str) -> None:
    kept = Workspace(name="w", timezone="Europe/Berlin", leads_kept=Duration(days=30))
    assert begins(kept, now.astimezone(UTC)) == before, clock


def test_workers_do_it() -> None:
    assert forget_leads in [one.work for one in BESIDE]

"""A lead whose mail cannot be written waits alone, says why, and goes on with `coldframe retry` after a repair."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from engine.platform.clock import SystemClock, VirtualClock
from engine.reports.status import status
from engine.runs.retry import retry
from tests.support.cli import Run, command_line
from tests.support.invariants import broken
from tests.support.picture import query
from tests.support.stage import Stage, deploy_text, open_stage

WORKSPACE = """
workspace "Test"
    timezone "UTC"
    sender "Test <hello@test.example>"
    address "Test, Street 1, Town"
    mail is allowed until opt-out

form "in"
    ask email required
    ask company

campaign "Letters"
    starts when form "in" is submitted
    flow
        send "one"
        wait 1 hour
        send "two"
"""
BROKEN = "---\nsubject: one\n---\nGood day, {{ lead.company }}\n"
WHY = "template one.md: `company` has no value here: give it a `default`, or put it in an `if`"
REPAIRED = BROKEN.replace("lead.company", "lead.company | default('all of you')")


def mails(stage: Stage) -> list[tuple[str, str]]:
    return [(mail.to.partition("@")[0], mail.subject) for mail in stage.mailer.mails]


async def attention(stage: Stage) -> list[tuple[str, str]]:
    rows = await stage.rows(
        "SELECT l.email_key, e.attention FROM enrolments e JOIN leads l ON l.id = e.lead_id "
        "WHERE e.attention IS NOT NULL ORDER BY 1"
    )
    return [(row.email_key.partition("@")[0], row.attention) for row in rows]


run = pytest.fixture(command_line)


@pytest.mark.parametrize("many", [1, 2])
async def test_a_template_error_parks_one_lead_until_it_is_repaired_and_retried(
    new_database: Callable[[], str], run: Run, many: int
) -> None:
    async with open_stage(new_database(), WORKSPACE, {"one": BROKEN}) as stage:
        for name in ("ann", "cy"):
            await stage.post("in", email=f"{name}@lead.example", company="Ltd")
        parked = ["ben", "dan"][:many]
        for name in parked:
            await stage.post("in", email=f"{name}@lead.example")
        assert mails(stage) == [("ann", "one"), ("cy", "one")]
        await stage.pass_time(timedelta(hours=2))
        assert mails(stage) == [("ann", "one"), ("cy", "one"), ("ann", "two"), ("cy", "two")]
        told = await attention(stage)
        assert [name for name, _ in told] == parked
        assert {why for _, why in told} == {WHY}
        assert broken(str(stage.rt.settings.database_url)) == []

        await deploy_text(stage.rt, WORKSPACE, {"one": REPAIRED})
        await stage.settle()
        assert len(mails(stage)) == 4, "nothing happens until somebody retries, or the next try an hour later"
        url = stage.rt.settings.database_url
        clock = VirtualClock(stage.clock.now(), SystemClock().real(), 0.001).describe()
        ben = ("retry", "--lead", "Ben@lead.example", "--json")
        done = await asyncio.to_thread(run, *ben, DATABASE_URL=str(url), COLDFRAME_CLOCK=clock)
        assert (done.returncode, json.loads(done.stdout or "{}")) == (0, {"retried": 1}), done.stderr
        # What it left in the outbox is leased by the machine's clock, which is not this stage's.
        query(str(url), "UPDATE outbox SET real_leased_until = %s", stage.clock.now() - timedelta(minutes=1))
        await stage.rt.delivery.sweep()
        await stage.settle()
        assert mails(stage)[4:] == [("ben", "one")]
        assert [name for name, _ in await attention(stage)] == parked[1:]
        await stage.pass_time(timedelta(hours=3))
        assert sorted(mails(stage)[4:]) == sorted((name, subject) for name in parked for subject in ("one", "two"))
        assert await attention(stage) == []
        assert broken(str(url)) == []


async def test_a_lead_without_a_run_is_shown_and_cleared(new_database: Callable[[], str]) -> None:
    async with open_stage(new_database(), WORKSPACE, {"one": REPAIRED}) as stage:
        await stage.post("in", email="ann@lead.example")
        await stage.pass_time(timedelta(hours=2))
        query(str(stage.rt.settings.database_url), "UPDATE leads SET attention = 'no team takes this lead'")

        async def parked(campaign: str | None = None) -> list[str]:
            found = await status(stage.rt.db, stage.clock.now(), stage.clock.real(), campaign=campaign)
            return [row["attention"] for row in found.parked]

        assert await parked() == await parked("letters") == ["no team takes this lead"]
        assert await parked("other") == []
        assert await retry(stage.rt, campaign="other", lead=None) == 0
        assert await retry(stage.rt, campaign="letters", lead="Ann@lead.example") == 1
        assert await parked() == []

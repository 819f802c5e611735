"""An edit that only moves lines changes nothing of what `why` tells of the past."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from engine.reports.campaign_numbers import numbers
from engine.reports.results import results
from engine.sales.handoffs import act
from engine.why.read import read
from engine.why.tell import as_json, tell
from tests.support.attacks import FORMS, HEAD
from tests.support.stage import Stage, deploy_text, open_stage

DAY = timedelta(days=1)
BEFORE = (
    HEAD
    + FORMS
    + """
team "Sales"
    takes all leads
    member "eva@acme.example"

scoring
    +2 when form is submitted
    +3 when email is clicked

lifecycle
    stage Visitor
    stage Lead
        when form is submitted
    stage MQL
    stage SQL

campaign "Guide"
    starts when form "in" is submitted
    leaves when form "go" is submitted
    flow
        send "one"
        qualify as MQL
        add 5 points
        test "opening" on 100% for 3 days by clicks
            variant "short"
                send "short"
            variant "long"
                send "long"
        wait 1 hour
        hand off to sales as SQL
            when accepted
                recycle to Lead because "later"
                wait 3 days
            when overdue
                stop
"""
)
PLACES = ("hand off to sales", "qualify as MQL", "+2 when form", 'send "one"', "starts when", "recycle to", "stage MQL")


def commented(text: str, before: str) -> str:
    """The text with one more comment line before a line."""
    begin = text.rindex("\n", 0, text.index(before)) + 1
    indent = " " * (text.index(before) - begin)
    return f"{text[:begin]}{indent}# once more\n{text[begin:]}"


async def told(stage: Stage) -> dict[str, Any]:
    log = await read(stage.rt.db, "ann@lead.example", "guide", stage.clock.now())
    return as_json(log, tell(log))


async def handed_off(stage: Stage) -> None:
    await stage.post("in", email="ann@lead.example")
    await stage.pass_time(DAY)


@pytest.mark.parametrize("forget", [False, True], ids=["now", "rows from before steps were kept"])
async def test_one_more_comment_line_changes_nothing(new_database: Callable[[], str], forget: bool) -> None:
    async with open_stage(new_database(), BEFORE) as stage:
        await handed_off(stage)
        if forget:
            async with stage.rt.db.engine.begin() as connection:
                await connection.execute(text("UPDATE handoffs SET step = NULL"))
                await connection.execute(text("UPDATE stages SET step = NULL"))
        before = await told(stage)
        lines = before["runs"][0]["lines"]
        assert [one["what"] for one in lines if "handoff of its own" in one["what"]] == []
        assert any("was handed off to team" in one["what"] for one in lines), lines
        assert [one["why"] for one in lines if one["what"] == "qualify as MQL"] == ["was Lead"]
        drawn, tested = await numbers(stage.rt.db, "Guide"), await results(stage.rt.db)
        assert len(tested) == 1
        edited = BEFORE
        for place in PLACES:
            edited = commented(edited, place)
            stage.clock.advance(timedelta(minutes=1))
            await deploy_text(stage.rt, edited)
            now = await told(stage)
            for late, early in zip(now["runs"][0]["lines"], lines, strict=True):
                # A state that lasts has no instant of its own but that of the question.
                assert {**late, "at": "", "local": ""} == {**early, "at": "", "local": ""}
            assert now["verdict"] == before["verdict"]
        assert await numbers(stage.rt.db, "Guide") == drawn
        assert await results(stage.rt.db) == tested


async def test_what_happens_after_the_edit_names_the_lines_of_that_time(new_database: Callable[[], str]) -> None:
    async with open_stage(new_database(), BEFORE) as stage:
        await handed_off(stage)
        before = (await told(stage))["runs"][0]["lines"]
        edited = commented(BEFORE, "starts when")
        stage.clock.advance(timedelta(minutes=1))
        await deploy_text(stage.rt, edited)
        (open_,) = await stage.rows("SELECT id FROM handoffs")
        assert await act(stage.rt, open_.id, "accept", "eva@acme.example", None) == "closed"
        await stage.settle()
        after = (await told(stage))["runs"][0]["lines"]
        assert after[: len(before) - 1] == before[:-1]
        place = next(one["source"] for one in after if "recycle" in one["what"])
        line = next(number for number, one in enumerate(edited.splitlines(), 1) if "recycle to" in one)
        assert place == f"campaigns/test.campaign:{line}"

"""A team member who is taken out of the files: their open handoffs go on by the team's rule, their links stop."""

from __future__ import annotations

from typing import Any

import pytest

from engine.cli.impact import as_data, show
from engine.deploying import jobs
from engine.deploying.impact import look
from engine.sales import handoffs
from tests.support.sales import EVA, JONAS, NOW, WORKSPACE, act, all_teams, deploy_changed, enter, log_of, row_of, told
from tests.support.stage import Stage, stage_fixture

stage = stage_fixture(WORKSPACE, now=NOW)


async def without(stage: Stage, *addresses: str) -> None:
    """Deploy the same workspace without these members, and let the workers do what follows."""
    teams: list[dict[str, Any]] = [team.model_dump() for team in await all_teams(stage)]
    for team in teams:
        team["members"] = [one for one in team["members"] if one["email"] not in addresses]
    await deploy_changed(stage, teams=teams)
    while await jobs.carry(stage.rt):
        pass
    await stage.settle()


async def test_the_lead_goes_to_another_member_and_the_one_who_left_hears_nothing(stage: Stage):
    id = await enter(stage)
    assert (await row_of(stage, id)).member == EVA
    await act(stage, id, "acknowledge", EVA)
    mails = len(told(stage, EVA))
    await without(stage, EVA)
    row = await row_of(stage, id)
    assert (row.member, row.phase) == (JONAS, "assigned")
    assert told(stage, JONAS) != []
    assert len(told(stage, EVA)) == mails
    assert (await log_of(stage, id))[-2:] == ["handoff.retried", "handoff.assigned"]
    assert not await handoffs.may_act(stage.rt, EVA)
    assert await handoffs.may_act(stage.rt, JONAS.upper())
    assert await act(stage, id, "accept", EVA) == "left"
    assert await act(stage, id, "accept", JONAS) == "closed"


async def test_a_deployment_that_keeps_everybody_moves_nothing(stage: Stage):
    id = await enter(stage)
    before = await row_of(stage, id)
    await without(stage, "nobody@acme.example")
    assert await row_of(stage, id) == before
    assert [row.kind for row in await stage.rows("SELECT kind FROM jobs")] == []


async def test_plan_says_who_leaves_and_where_the_leads_go(stage: Stage, capsys: pytest.CaptureFixture[str]):
    await enter(stage)
    deployment = await stage.rt.catalog.refresh()
    assert deployment is not None
    teams = tuple(
        team.model_copy(update={"members": tuple(one for one in team.members if one.email != EVA)})
        for team in deployment.program.teams
    )
    outlook = await look(stage.rt.db, deployment.program.model_copy(update={"teams": teams}), {})
    (leaver,) = outlook.leavers
    assert (leaver.member, leaver.leads, EVA in leaver.to, JONAS in leaver.to) == (EVA, 1, False, True)
    show(outlook, {})
    said = capsys.readouterr().out
    assert f"{EVA} is in no sales team anymore: 1 lead with an open handoff will be reassigned" in said
    assert as_data(outlook, {})["leaving_members"][0]["member"] == EVA
    assert (await look(stage.rt.db, deployment.program, {})).leavers == []

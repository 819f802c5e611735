"""`coldframe crm`: what an operator sees of a CRM, connected or not."""

from __future__ import annotations

import json

import pytest

from engine.crm import push
from engine.crm.hubspot import HubSpot
from engine.platform.settings import CrmAccess
from tests.support.cli import Run
from tests.support.crm import ANN, CRM, NAME
from tests.support.hubspot import HubSpotServer
from tests.support.sales import WORKSPACE
from tests.support.stage import open_stage

SECRETS = {"COLDFRAME_SECRET": "s" * 32, "COLDFRAME_PEPPER": "p" * 32}


@pytest.fixture
def command(run: Run, fresh_database_url: str) -> Run:
    return lambda *words: run(*words, DATABASE_URL=fresh_database_url, **SECRETS)


async def test_status_link_check_and_sync(fresh_database_url: str, command: Run) -> None:
    there = HubSpotServer()
    async with open_stage(fresh_database_url, WORKSPACE + CRM) as stage:
        await stage.post("demo", ("news",), email=ANN, first_name="Ann", company="Acme", country="DE")
        (waits,) = json.loads(command("crm", "status", "--json").stdout)
        assert (waits["linked"], waits["waiting"], waits["refused"]) == (0, 1, 0)
        assert 'set it to \'{"Sales CRM": {"token"' in waits["not_connected"]
        stage.rt.crms[NAME] = HubSpot(CrmAccess(token="t0ken"), stage.clock, transport=there.transport())
        await push.push_all(stage.rt)

    told = command("crm", "status")
    assert (told.returncode, "1 lead linked" in told.stdout, "nothing waits" in told.stdout) == (0, True, True)
    shown = command("crm", "link", ANN)
    assert ("record 101" in shown.stdout, "cf_stage: MQL" in shown.stdout) == (True, True)
    nobody = command("crm", "link", "x@y.example")
    assert (nobody.returncode, "no lead" in nobody.stderr) == (1, True)
    for words in (("check",), ("sync",)):
        unreached = command("crm", *words)
        assert (unreached.returncode, "COLDFRAME_CRM does not say" in unreached.stdout) == (1, True)
    unknown = command("crm", "status", "--crm", "Sals")
    assert (unknown.returncode, "the workspace declares: Sales CRM" in unknown.stderr) == (2, True)

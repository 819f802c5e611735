"""The example of four steps, from the project's own campaigns: a Contact, a Lead, an MQL, an SQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from engine.cli.workspace import examine
from engine.deploying.deploy import deploy
from engine.leads.intake import Occurrence, click, confirm, record
from engine.model.lead import TRACKING
from tests.support.sales import act
from tests.support.stage import Stage, open_stage

CAMPAIGNS = Path(__file__).resolve().parents[2] / "campaigns"
ANN, EVA = "ann@lead.example", "eva@acme.example"
SMALL = """
workspace "Acme"
    timezone "Europe/Berlin"
    sender "Acme <hello@acme.example>"
    address "Acme, Street 1, Town"
"""


@pytest.fixture
async def stage(new_database) -> AsyncIterator[Stage]:
    async with open_stage(new_database(), SMALL) as opened:
        found = examine(CAMPAIGNS)
        assert found.program is not None
        await deploy(opened.rt.db, opened.clock, found.program, found.assets, "test")
        yield opened


async def stages(stage: Stage) -> list[str]:
    return [row.stage for row in await stage.rows("SELECT stage FROM stages ORDER BY seq")]


async def downloaded(stage: Stage) -> None:
    """Ann asks for the white paper, confirms, and opens the file."""
    posted = await stage.post(
        "whitepaper", ("newsletter", TRACKING), email=ANN, first_name="Ann", company="Waterworks", country="DE"
    )
    [raw] = await stage.rows("SELECT seq FROM events WHERE type = 'form.posted'")
    assert await confirm(stage.rt, posted.lead_id, raw.seq) == "whitepaper"
    await record(stage.rt, Occurrence("file.downloaded", "pump-guide.pdf", {}, ANN))
    await stage.settle()


async def offered(stage: Stage, template: str) -> None:
    """Ann clicks the first link of the mail once it has come."""
    for _ in range(9):
        found = await stage.rows("SELECT id FROM messages WHERE template = %(t)s AND state = 'accepted'", t=template)
        if found:
            break
        await stage.pass_time(timedelta(days=1))
    [link, *_] = await stage.rows("SELECT id FROM links ORDER BY url LIKE '%%unsubscribe%%', id")
    assert await click(stage.rt, found[0].id, link.id)
    await stage.settle()


async def test_from_a_download_to_a_talk_with_sales(stage: Stage) -> None:
    await downloaded(stage)
    assert await stages(stage) == ["Contact"]
    await offered(stage, "pumps/more-information")
    assert await stages(stage) == ["Contact", "Lead"]
    await stage.pass_time(timedelta(days=9))
    await stage.post("samples", ("product",), email=ANN, company="Waterworks", product_area="Pumps", country="DE")
    assert await stages(stage) == ["Contact", "Lead", "MQL"]
    [handoff] = await stage.rows("SELECT id, team, member, note FROM handoffs")
    assert (handoff.team, handoff.member, handoff.note) == ("DACH sales", EVA, "Ordered samples; offer a talk")
    await act(stage, handoff.id, "accept", EVA)
    assert await stages(stage) == ["Contact", "Lead", "MQL", "SQL"]
    [run] = await stage.rows("SELECT state, outcome FROM enrolments WHERE campaign = 'Product information'")
    assert tuple(run) == ("ended", "finished")


async def test_who_takes_no_offer_is_woken_up_another_way(stage: Stage) -> None:
    await downloaded(stage)
    await stage.pass_time(timedelta(days=22))
    runs = await stage.rows("SELECT campaign FROM enrolments ORDER BY started_at, campaign = 'Product information'")
    assert [run.campaign for run in runs][-2:] == ["Product information", "Wake up"]
    assert await stages(stage) == ["Contact"]

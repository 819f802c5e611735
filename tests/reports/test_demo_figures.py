"""The demo's check of its reports: sound reports pass, and a wrong figure is named."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from engine.demo.figures import Counted, counted, differences, reports
from tests.reports.company import ORDER
from tests.support.stage import Stage


async def test_the_reports_on_a_whole_story_are_what_plain_counting_says(company: Stage) -> None:
    program = (await company.rt.catalog.refresh()).program  # type: ignore[union-attr]
    company.clock.set(datetime(2028, 6, 1, tzinfo=UTC))  # the last of the story has happened by then
    found, fact = await reports(company.rt.db, company.clock, program, datetime(2025, 12, 1, tzinfo=UTC))
    assert fact.broken == ()
    assert [one.name for one in found] == ["sources", "funnel", "campaigns"]
    real = await counted(company.rt.db, ORDER)
    assert real.entered["Nurture"] > real.goals["Nurture"] > 0
    wrong: Counted = replace(real, reached={**real.reached, "MQL": real.reached["MQL"] + 1}, standing={}, goals={})
    said = differences(found, wrong, ORDER)
    assert any(line.startswith("MQL by source: ") for line in said)
    assert any(line.startswith("reached MQL: ") for line in said)
    assert any(line.startswith("at Lead: ") for line in said)
    assert any(line.startswith("goals of Nurture: ") for line in said)

"""A generated company in a database, with its read tables kept, and a way to ask for a report."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from engine.reports.keeping import go_through, keep_up
from engine.reports.report import report
from engine.rules.reports.query import read_query
from engine.rules.reports.table import Report
from tests.reports.company import Story, drawn
from tests.reports.rows import store
from tests.support.programs import WORKSPACE
from tests.support.stage import Stage, open_stage

NOW = datetime(2027, 3, 1, tzinfo=UTC)
COMPANY = (
    WORKSPACE.replace(
        'timezone "Europe/Berlin"\n', 'timezone "Europe/Berlin"\n    region "DACH" country in ("DE", "AT")\n', 1
    ).replace("stage MQL\n", 'stage MQL\n        reactivate after 20 days with campaign "Wake"\n')
    + """
campaign "Wake"
    flow
        send "wake"

campaign "Nurture"
    starts when form "in" is submitted
    goal lead becomes SQL within 30 days
    costs 310.10 EUR per month
    costs 500 EUR
    costs 2 hours per month at 60 EUR
    control group 33%
    flow
        send "a"
"""
)
Ask = Callable[..., Awaitable[Report]]


@pytest.fixture(scope="module")
def story() -> Story:
    return drawn(7)


@pytest_asyncio.fixture(scope="module")
async def company(database_url: str, story: Story) -> AsyncIterator[Stage]:
    async with open_stage(database_url, COMPANY) as opened:
        opened.clock.set(NOW)
        await store(opened.rt.db, story)
        await keep_up(opened.rt)
        assert (await go_through(opened.rt, "verify")).differing == []
        yield opened


@pytest.fixture
def ask(company: Stage) -> Ask:
    """`await ask("sources", **{"from": …})`."""

    async def answer(name: str, **words: str) -> Report:
        program = (await company.rt.catalog.refresh()).program  # type: ignore[union-attr]
        query = read_query(
            {"report": name, **words}, company.clock.now(), program.workspace.timezone, list(program.all_fields)
        )
        return await report(company.rt.db, company.clock, program, query)

    return answer

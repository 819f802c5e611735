"""The read tables: after any sequence of events the kept ones are those that a rebuild makes, row by row."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

import pytest

from engine.deals.costs import take_rates
from engine.leads.deals import record as record_deal
from engine.leads.intake import FormPost, Occurrence, record, submit
from engine.leads.merge import merge
from engine.leads.split import split
from engine.leads.unmerge import unmerge
from engine.reports.keeping import go_through, keep_up, refresh_lead
from engine.rules.deals.history import DealType
from engine.rules.deals.rate_files import RateLine
from engine.rules.deals.report import read_report
from engine.runtime.transaction import lead_transaction
from engine.store import leads, marks
from engine.store.report_rows import OF_DEAL, OF_LEAD
from tests.support.programs import WORKSPACE, deploy_plans
from tests.support.stage import Stage, open_stage

TABLES = (*OF_LEAD, *OF_DEAL)
COUNTRIES = ("DE", "AT", None)
PAGES = ("", "https://acme.example/?utm_source=google&utm_medium=cpc&utm_campaign=spring", "https://acme.example/a")
VISITORS = [UUID(int=number) for number in range(1, 5)]


@pytest.fixture
async def stage(fresh_database_url: str) -> AsyncIterator[Stage]:
    async with open_stage(fresh_database_url, WORKSPACE) as opened:
        yield opened


async def tables(stage: Stage) -> dict[str, list[Any]]:
    return {
        name: sorted(row.body for row in await stage.rows(f"SELECT to_jsonb(t)::text AS body FROM {name} t"))
        for name in TABLES
    }


class Company:
    """Draws what happens next."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.stage, self.rt, self.random = stage, stage.rt, Random(seed)

    def email(self) -> str:
        return f"lead{self.random.randrange(6)}@firm.example"

    async def any_lead(self) -> Any:
        found = await self.stage.rows("SELECT id FROM leads ORDER BY email")
        return self.random.choice(found).id if found else None

    async def step(self) -> None:
        act = self.random.choice((
            self.form, self.form, self.visit, self.visit, self.event, self.event, self.deal, self.deal, self.deal,
            self.rate, self.rejection, self.split, self.merge, self.days, self.days,
        ))  # fmt: skip
        await act()

    async def form(self) -> None:
        form = (await self.rt.catalog.refresh()).forms[self.random.choice(("in", "demo"))]  # type: ignore[union-attr]
        values = {"email": self.email()}
        if form.name == "in" and (country := self.random.choice(COUNTRIES)):
            values["country"] = country
        visitor = self.random.choice((None, *VISITORS))
        await submit(self.rt, FormPost(form, values, visitor=visitor, page=self.random.choice(PAGES)))

    async def visit(self) -> None:
        data = {"url": self.random.choice(PAGES[1:]), "referrer": self.random.choice(("", "https://news.example/"))}
        await record(self.rt, Occurrence("page.visited", "/", data, visitor=self.random.choice(VISITORS)))

    async def event(self) -> None:
        late = {"at": self.past().isoformat()} if self.random.random() < 0.5 else {}
        type = self.random.choice(("call.received", "chat.started", "meeting.held", "custom"))
        await record(self.rt, Occurrence(type, "x", late, email=self.email()))  # type: ignore[arg-type]

    async def deal(self) -> None:
        type: DealType = self.random.choice((
            "deal.opened", "deal.moved", "deal.changed", "deal.won", "deal.won", "deal.lost", "deal.refunded",
        ))  # fmt: skip
        data = {"id": f"D{self.random.randrange(4)}", "currency": self.random.choice(("EUR", "USD"))}
        amount = Decimal(self.random.randrange(1, 10**5)) / 100
        emails = [self.email() for _ in range(self.random.randint(1, 2))]
        at = self.past() if self.random.random() < 0.5 else None
        await record_deal(self.rt, read_report(type, "", data, amount, emails, whole=False, key=None, at=at))

    async def rate(self) -> None:
        day = date(2026, 6, 1) + timedelta(days=self.random.randrange(200))
        program = (await self.rt.catalog.refresh()).program  # type: ignore[union-attr]
        line = RateLine(day, "USD", Decimal(self.random.randrange(80, 120)) / 100)
        await take_rates(self.rt.db, self.rt.clock, program, [line], "test")

    async def rejection(self) -> None:
        if (lead := await self.any_lead()) is None:
            return
        async with lead_transaction(self.rt, str(lead)) as work:
            locked = await leads.lock(work.hot, lead)
            assert locked is not None
            (await work.open(locked)).happen("handoff.rejected", "Sales")
            await work.commit()

    async def split(self) -> None:
        found = await self.stage.rows("SELECT id, lead_id FROM visitors WHERE lead_id IS NOT NULL ORDER BY id")
        if found:
            one = self.random.choice(found)
            await split(self.rt, one.lead_id, one.id)

    async def merge(self) -> None:
        """Two leads become one, or are told apart again."""
        joined = await self.stage.rows("SELECT other FROM merges WHERE undone_at IS NULL ORDER BY at, other")
        if joined and self.random.random() < 0.5:
            await unmerge(self.rt, joined[-1].other)
            return
        found = await self.stage.rows("SELECT id FROM leads WHERE merged_into IS NULL ORDER BY email")
        if len(found) > 2:
            kept, other = self.random.sample(found, 2)
            await merge(self.rt, kept.id, other.id)

    async def days(self) -> None:
        self.stage.clock.set(self.stage.clock.now() + timedelta(hours=self.random.choice((1, 30, 24 * 45))))

    def past(self) -> Any:
        return self.stage.clock.now() - timedelta(hours=self.random.randrange(24 * 60))


@pytest.mark.parametrize("seed", [1, 2])
async def test_what_is_kept_is_what_a_rebuild_makes(stage: Stage, seed: int) -> None:
    company = Company(stage, seed)
    for _ in range(9):
        for _ in range(6):
            await company.step()
        await keep_up(stage.rt)
    assert await marks.behind(stage.rt.db) == (0, None)
    kept = await tables(stage)
    assert all(kept.values()), {name: len(rows) for name, rows in kept.items()}
    found = await go_through(stage.rt, "verify")
    assert (found.differing, found.behind) == ([], 0)
    (apart,) = await stage.rows("SELECT count(*) AS many FROM leads WHERE merged_into IS NULL")
    assert (apart.many, found.deals) == (len(kept["lead_facts"]), len(kept["deal_facts"]))
    standing = await stage.rows("""SELECT l.stage, s.stage AS kept FROM leads l
        JOIN stage_stays s ON s.lead_id = l.id AND s.departed IS NULL""")
    assert len(standing) == apart.many
    assert [row.stage for row in standing] == [row.kept for row in standing]
    async with stage.rt.db.hot() as hot:
        for name in TABLES:
            await hot.run(f"TRUNCATE {name}", {})
        await hot.commit()
    await go_through(stage.rt, "rebuild")
    assert await tables(stage) == kept
    again = await go_through(stage.rt, "rebuild")
    assert (again.changed, again.removed) == (0, 0)


async def test_a_difference_is_found_and_rebuilt(stage: Stage) -> None:
    company = Company(stage, 5)
    await company.form()
    await keep_up(stage.rt)
    async with stage.rt.db.hot() as hot:
        await hot.run("UPDATE lead_facts SET country = 'XX'", {})
        await hot.run("INSERT INTO credits VALUES ('gone', 'last', 0, 0, 5, 'EUR', 1, now())", {})
        await hot.commit()
    found = await go_through(stage.rt, "verify")
    assert [(one.table, one.kept[0]["country"]) for one in found.differing] == [("lead_facts", "XX")]
    rebuilt = await go_through(stage.rt, "rebuild", sample=None)
    assert (rebuilt.changed, rebuilt.removed) == (1, 1)
    assert (await go_through(stage.rt, "verify", sample=3)).differing == []


async def test_what_is_marked_is_not_compared_and_a_mark_that_comes_meanwhile_stays(stage: Stage) -> None:
    await Company(stage, 5).form()
    found = await go_through(stage.rt, "verify")
    assert (found.behind, found.differing) == (1, [])
    (lead,) = await stage.rows("SELECT id FROM leads")
    workspace = (await stage.rt.catalog.refresh()).program.workspace  # type: ignore[union-attr]
    async with stage.rt.db.hot() as other:
        await other.run("INSERT INTO dirty (lead_id, at) VALUES (%(id)s, now())", {"id": lead.id})
        await refresh_lead(stage.rt, workspace, lead.id)
        await other.commit()
    assert (await marks.behind(stage.rt.db))[0] == 1
    await keep_up(stage.rt)
    assert await marks.behind(stage.rt.db) == (0, None)


async def test_another_currency_marks_every_deal(stage: Stage) -> None:
    report = read_report("deal.won", "", {"id": "D"}, "12.50", ["a@firm.example"], whole=False, key=None, at=None)
    await record_deal(stage.rt, report)
    await keep_up(stage.rt)
    assert {(row.currency, row.source_id) for row in await stage.rows("SELECT * FROM credits")} == {("EUR", 0)}
    changed = WORKSPACE.replace('timezone "Europe/Berlin"', 'timezone "Europe/Berlin"\n    currency USD')
    await deploy_plans(stage, workspace=changed)
    assert (await marks.behind(stage.rt.db))[0] == 1
    await keep_up(stage.rt)
    rows = await stage.rows("SELECT DISTINCT currency, source_id, amount FROM credits")
    assert [tuple(row) for row in rows] == [("EUR", -1, 1250)]

"""The promises of reports: figures of a past period stay, and what is divided adds up."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from sqlalchemy import text

from engine.leads.erase import erase
from engine.leads.forgetting import forget_past
from engine.leads.merge import merge
from engine.reports.keeping import go_through, keep_up
from engine.reports.report import report
from engine.rules.reports.attribution import FIXED
from engine.rules.reports.query import NAMES, read_query
from engine.rules.reports.table import Report
from engine.store import hits
from tests.reports import slow
from tests.reports.company import Story
from tests.reports.conftest import COMPANY, Ask
from tests.reports.rows import store
from tests.support.stage import Stage, open_stage

LATER = datetime(2028, 6, 1, tzinfo=UTC)
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kathmandu")
SPANS = (("2026-01-01", "2026-12-31"), ("2026-03-01", "2026-03-29"), ("2026-10-25", "2026-10-25"))


@pytest_asyncio.fixture
async def past(fresh_database_url: str, story: Story) -> AsyncIterator[Stage]:
    """The same company, which forgets after a year; no run or handoff is under way any more."""
    workspace = COMPANY.replace(
        'timezone "Europe/Berlin"', 'timezone "Europe/Berlin"\n    forget events after 1 year', 1
    )
    async with open_stage(fresh_database_url, workspace) as opened:
        opened.clock.set(LATER)
        await store(opened.rt.db, story)
        async with opened.rt.db.engine.begin() as connection:
            await connection.execute(
                text("""UPDATE enrolments SET state = 'ended',
                ended_at = started_at + interval '31 days' WHERE state <> 'ended'""")
            )
            await connection.execute(
                text("UPDATE handoffs SET outcome = 'overdue', closed_at = opened_at WHERE outcome IS NULL")
            )
        await keep_up(opened.rt)
        yield opened


async def everything(stage: Stage) -> dict[tuple[str, str], Any]:
    program = (await stage.rt.catalog.refresh()).program  # type: ignore[union-attr]
    found: dict[tuple[str, str], Any] = {}
    for name in NAMES:
        for first, last in SPANS:
            query = read_query({"report": name, "from": first, "to": last}, stage.clock.now(), "Europe/Berlin")
            found[name, first] = tables(await report(stage.rt.db, stage.clock, program, query))
    return found


def tables(found: Report) -> Any:
    return {one.name: (list(one.rows), one.total) for one in found.tables}


async def test_p1_every_figure_of_a_past_period_stays_when_the_past_is_forgotten(past: Stage) -> None:
    before = await everything(past)
    counts = "SELECT (SELECT count(*) FROM events) AS events, (SELECT count(*) FROM messages) AS emails, " \
             "(SELECT count(*) FROM enrolments) AS runs, (SELECT count(*) FROM points) AS points"  # fmt: skip
    (had,) = await past.rows(counts)
    assert await hits.prune(past.rt.db, LATER, 10_000) > 0
    for _ in range(50):
        if not any((await forget_past(past.rt)).values()):
            break
    (left,) = await past.rows(counts)
    assert left.events < had.events / 10
    assert left.emails < had.emails / 10
    assert left.runs < had.runs
    assert left.points < had.points
    await keep_up(past.rt)
    after = await everything(past)
    for key, found in before.items():
        for name, rows in found.items():
            assert after[key][name] == rows, (key, name)
    assert (await go_through(past.rt, "verify")).differing == []
    await go_through(past.rt, "rebuild")
    assert await everything(past) == after


@pytest.mark.parametrize("model", FIXED)
async def test_p2_credits_add_up_to_the_net_revenue(company: Stage, story: Story, model: str) -> None:
    """Of each deal, exactly, whatever the model; and of each day, in whichever zone its days are."""
    rows = await company.rows(f"SELECT deal_id, at, amount FROM credits WHERE model = '{model}' AND source_id <> -1")
    by_deal: Counter[str] = Counter()
    by_day: dict[str, Counter[date]] = {zone: Counter() for zone in ZONES}
    for row in rows:
        by_deal[row.deal_id] += row.amount
        for zone in ZONES:
            by_day[zone][row.at.astimezone(ZoneInfo(zone)).date()] += row.amount
    real: Counter[str] = Counter()
    days: dict[str, Counter[date]] = {zone: Counter() for zone in ZONES}
    for deal in story.deals:
        nets, wins = slow.worth_over_time(deal)
        rate = slow.rate_on(story, wins[-1].astimezone(slow.BERLIN).date(), deal.currency) if wins else None
        before = 0
        for at, net in nets if rate is not None else ():
            worth = slow.euros(net, rate)
            real[deal.id] += worth - before
            for zone in ZONES:
                days[zone][at.astimezone(ZoneInfo(zone)).date()] += worth - before
            before = worth
    assert +by_deal == +real
    for zone in ZONES:
        assert {day: cents for day, cents in by_day[zone].items() if cents} == {
            day: cents for day, cents in days[zone].items() if cents
        }


async def test_p3_a_merge_and_an_erasure_change_no_sum(past: Stage) -> None:
    """Two leads who are merged are one from then on, and what they brought stays. Erased leads stay in all figures by
    day, unlinked."""
    before = await everything(past)
    (kept, other) = await past.rows("""SELECT id, created_at FROM leads l WHERE EXISTS (
        SELECT FROM deals d WHERE l.id = ANY(d.leads)) ORDER BY id DESC LIMIT 2""")
    await merge(past.rt, kept.id, other.id)
    await keep_up(past.rt)
    merged = await everything(past)
    for first, _ in SPANS:
        was, now = (found["sources", first]["sources"][1] or {} for found in (before, merged))
        for key in ("visits", "cost", "won", "revenue"):
            assert was.get(key) == now.get(key), (first, key)
        assert 0 <= (was.get("leads") or 0) - (now.get("leads") or 0) <= 1
    before = merged
    found = await past.rows("""SELECT l.id FROM leads l WHERE l.merged_into IS NULL
        AND EXISTS (SELECT FROM deals d WHERE l.id = ANY(d.leads)) ORDER BY l.id LIMIT 5""")
    for row in found:
        assert await erase(past.rt, row.id, "test") is not None
    await keep_up(past.rt)
    after = await everything(past)
    figures_of = {
        ("sources", "sources"): ("visits", "leads", "by_form", "stage0", "stage1", "won", "revenue", "cost"),
        ("funnel", "flow"): ("began", "came", "forward", "backward", "outside", "stay"),
        ("funnel", "follow-up"): ("handoffs", "accepted", "rejected", "overdue"),
        ("nurture", "leads"): ("new", "mqls", "cohort", "spend", "cost"),
        ("nurture", "emails"): ("sent", "delivered", "opened", "clicked", "replied"),
        ("campaigns", "campaigns"): ("entered", "goals", "revenue"),
        ("opportunities", "stages"): ("standing", "amount", "won", "lost", "progressed", "regressed"),
    }  # fmt: skip
    for first, _ in SPANS[:2]:
        for (name, table), figures in figures_of.items():
            totals = [found[name, first][table][1] for found in (before, after)]
            assert [totals[0] and totals[0][key] for key in figures] == [
                totals[1] and totals[1][key] for key in figures
            ], (name, table, first)
    assert len(await past.rows("SELECT FROM leads WHERE email IS NULL AND merged_into IS NULL")) == len(found)


async def test_p3_a_late_event_is_told_beside_the_figures(ask: Ask) -> None:
    notes = (await ask("sources", **{"from": "2026-03-01", "to": "2026-03-31"})).notes
    assert any("arrived after its end" in note for note in notes)


RANGED = {
    "funnel": {"cohort": "share", "follow-up": "accepted_share"}, "segments": {"segments": "share"},
    "content": {"content": "later"},
}  # fmt: skip


@pytest.mark.parametrize("report", NAMES)
async def test_p5_shares_have_their_range_and_what_may_be_chance_is_called_so(ask: Ask, report: str) -> None:
    found = await ask(report, **{"from": "2026-01-01", "to": "2027-02-28"})
    for table in found.tables:
        keys = {column.key for column in table.columns}
        share = RANGED.get(report, {}).get(table.name)
        for row in table.rows:
            if share is not None and row.get(share) is not None:
                assert 0 <= row["low"] <= row[share] <= row["high"] <= 1
                assert row["high"] - row["low"] > 0
            if "verdict" in keys and row.get("low") is not None:
                shows = row["low"] > 0 or row["high"] < 0
                assert row["verdict"].removeprefix("early look: ").startswith("shows") == shows
                assert shows or "chance" in row["verdict"] or row["verdict"] == "no effect shown"
    for one in found.findings:
        if "lift of campaign" in one.text:
            assert ("could be chance" in one.text) == (one.figures["low"] <= 0 <= one.figures["high"])

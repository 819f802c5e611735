"""What a lead has done before: conditions on its log, as it stands in the very transaction that asks."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from dsl.plan import (
    AddPoints,
    After,
    Ask,
    Branch,
    Compare,
    Duration,
    EventRef,
    Form,
    Has,
    If,
    Not,
    Pattern,
    Program,
    Reentry,
    Send,
    Start,
    Value,
    Wait,
    Workspace,
)
from engine.deploying.deploy import deploy
from engine.leads.intake import FormPost, Occurrence, record, submit
from engine.store.leads import MOST_PAST
from tests.support.programs import START, campaign, deploy_program, happen, lead, open_program, runs

DAY = timedelta(days=1)
VISITED = Pattern(type="page.visited", name="/pricing*")


def asks(condition: Has | Not, name: str = "Asks"):
    start = Start(pattern=START, only_if=condition, source="c:1")
    return campaign(name, start, reentry=Reentry(kind="always"), entry=None, steps=())


async def entered(stage) -> bool:
    """Whether the campaign takes the lead now."""
    before = len(await runs(stage))
    await happen(stage, "custom", "start")
    return len(await runs(stage)) > before


async def test_times_and_time(fresh_database_url: str) -> None:
    condition = Has(pattern=VISITED, times=2, within=Duration(days=30))
    async with open_program(fresh_database_url, asks(condition)) as stage:
        await happen(stage, "page.visited", "/pricing")
        await happen(stage, "page.visited", "/")
        assert not await entered(stage)
        stage.clock.advance(29 * DAY)
        await happen(stage, "page.visited", "/pricing/b")
        assert await entered(stage)
        stage.clock.advance(2 * DAY)
        assert not await entered(stage)


async def test_has_not(fresh_database_url: str) -> None:
    async with open_program(fresh_database_url, asks(Not(item=Has(pattern=VISITED)))) as stage:
        assert await entered(stage)
        await happen(stage, "page.visited", "/pricing")
        assert not await entered(stage)


async def test_the_event_under_way_is_part_of_the_past(fresh_database_url: str) -> None:
    """`starts when page … is visited, only if has visited page … at least 2 times`: this visit is one of them."""
    start = Start(pattern=VISITED, only_if=Has(pattern=VISITED, times=2), source="c:1")
    async with open_program(fresh_database_url, campaign("Second", start)) as stage:
        await happen(stage, "page.visited", "/pricing")
        assert await runs(stage) == []
        await happen(stage, "page.visited", "/pricing")
        assert await runs(stage) == ["Second"]


async def test_where_is_asked_of_each_event(fresh_database_url: str) -> None:
    large = Compare(left=EventRef(name="amount"), op="ge", right=Value(value=100))
    async with open_program(fresh_database_url, asks(Has(pattern=Pattern(type="order.placed", where=large)))) as stage:
        await happen(stage, "order.placed", "", {"amount": 99})
        assert not await entered(stage)
        await happen(stage, "order.placed", "", {"amount": 100})
        assert await entered(stage)


async def test_since_entering_counts_from_after_the_entry(fresh_database_url: str) -> None:
    visited = Pattern(type="page.visited")
    steps = (
        Wait(id="w", source="c:2", until=After(duration=Duration(days=1)), then="i", missed="i"),
        If(id="i", source="c:3", branches=(Branch(condition=Has(pattern=visited, since_entering=True), target="p"),)),
        AddPoints(id="p", source="c:4", amount=1),
    )
    plan = campaign("Since", visited, reentry=Reentry(kind="always"), steps=steps)
    async with open_program(fresh_database_url, plan) as stage:
        await happen(stage, "page.visited", "/a")
        await stage.pass_time(2 * DAY)
        assert (await lead(stage)).scores == {}, "the entry itself came before"
        await happen(stage, "page.visited", "/a")
        await happen(stage, "page.visited", "/a")
        await stage.pass_time(2 * DAY)
        assert (await lead(stage)).scores == {"": 1}


async def test_mails_that_were_received_are_history(fresh_database_url: str) -> None:
    received = Has(pattern=Pattern(type="email.received", name="news/*"), since_entering=True)
    steps = (
        Send(id="s", source="c:2", template="news/a", next="i"),
        If(id="i", source="c:3", branches=(Branch(condition=received, target="p"),)),
        AddPoints(id="p", source="c:4", amount=1),
    )
    plan = campaign("Mail", START, entry="s", steps=steps)
    async with open_program(fresh_database_url, plan) as stage:
        workspace = Workspace(name="w", address="Acme, 1 Road", sender="a@acme.example", mail_needs_consent=False)
        program = Program(workspace=workspace, campaigns=(plan, asks(Has(pattern=received.pattern))))
        await deploy(stage.rt.db, stage.clock, program, {"templates/news/a.md": b"---\nsubject: A\n---\nHello"}, "t")
        await stage.rt.catalog.refresh()
        await happen(stage, "custom", "start")
        assert [mail.subject for mail in stage.mailer.mails] == ["A"]
        assert (await lead(stage)).scores == {"": 1}
        assert await runs(stage) == ["Mail"]
        assert await entered(stage)


async def test_a_run_of_an_older_plan_asks_what_the_deployment_does_not(fresh_database_url: str) -> None:
    steps = (
        Wait(id="w", source="c:2", until=After(duration=Duration(days=1)), then="i", missed="i"),
        If(id="i", source="c:3", branches=(Branch(condition=Has(pattern=VISITED), target="p"),)),
        AddPoints(id="p", source="c:4", amount=1),
    )
    async with open_program(fresh_database_url, campaign("Old", START, steps=steps)) as stage:
        await happen(stage, "page.visited", "/pricing")
        await happen(stage, "custom", "start")
        await deploy_program(stage, campaign("Old", START))
        await stage.pass_time(2 * DAY)
        assert (await lead(stage)).scores == {"": 1}


async def test_what_an_anonymous_visitor_did_is_history_once_they_are_known(fresh_database_url: str) -> None:
    form = Form(name="demo", asks=(Ask(field="email"),), source="f:1")
    bought = Has(pattern=Pattern(type="video.watched", name="intro"))
    start = Start(pattern=Pattern(type="form.submitted", name="demo"), only_if=bought, source="c:1")
    async with open_program(fresh_database_url, campaign("Seen", start), forms=(form,)) as stage:
        visitor = uuid4()
        await record(stage.rt, Occurrence("video.watched", "Intro", {"seconds": 90}, visitor=visitor))
        await submit(stage.rt, FormPost(form, {"email": "ann@lead.example"}, visitor=visitor))
        assert await runs(stage) == ["Seen"]


@pytest.mark.parametrize("asked", [True, False])
async def test_history_costs_no_statement_more(fresh_database_url: str, asked: bool) -> None:
    condition = Has(pattern=VISITED, times=3)
    plan = asks(condition) if asked else campaign("Asks", START, reentry=Reentry(kind="always"), entry=None, steps=())
    async with open_program(fresh_database_url, plan) as stage:
        await happen(stage, "page.visited", "/pricing")
        db = stage.rt.db
        statements, commits = db.statements, db.commits
        await record(stage.rt, Occurrence("custom", "start", {}, "ann@lead.example"))
        assert (db.statements - statements, db.commits - commits) == (3, 1)


async def test_the_past_that_is_asked_is_bounded(fresh_database_url: str) -> None:
    async with open_program(fresh_database_url, asks(Has(pattern=VISITED, times=MOST_PAST + 1))) as stage:
        await happen(stage, "page.visited", "/pricing")
        id = (await lead(stage)).id
        await stage.rows(
            """INSERT INTO events (lead_id, seq, type, name, data, at)
            SELECT %(id)s, n, 'page.visited', '/pricing', '{}', %(at)s FROM generate_series(10, %(many)s) n
            RETURNING 1""",
            id=id, at=stage.clock.now(), many=MOST_PAST + 200,
        )  # fmt: skip
        assert not await entered(stage)

"""A lead is erased everywhere: no table says who they were, figures stay, and what was under way ends."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from engine.leads import intake
from engine.leads.erase import erase
from engine.leads.intake import FormPost, Occurrence
from engine.leads.merge import merge
from engine.leads.spool import Leaving, Spool
from engine.mail.links import link_id
from engine.mail.mailbox import Mailbox
from engine.model.ports import Mail, Receipt, Report
from engine.platform.tokens import address_hash
from engine.rules.leads.suppression import ERASED
from engine.sending.feedback import report
from engine.store import erasure
from engine.store.schema import metadata
from tests.leads.test_merge import DAY, delivered, id_of, row_of
from tests.support.stage import Stage, stage_fixture

ADA, KING, BEN = "ada.lovelace@lead.example", "a.king@work.example", "ben@lead.example"
NAME, COMPANY, PHONE = "Lovelace", "Babbage Engines", "+442079460000"
TRACES = ("lovelace", "a.king", "babbage", "2079460000", "secret-page", "my-cart", "confidential")
WORKSPACE = """
workspace "Test"
    timezone "Europe/Berlin"
    sender "Test <hello@test.example>"
    address "Test, Street 1, Town"
    topic "news" "News"
    mail is allowed until opt-out
    tracking is always on
    currency EUR

form "paper"
    ask email required
    ask first_name
    ask last_name
    ask company
    ask phone
    consent "Yes" for topic "news"

interest "Secrets"
    pages "/secret*"

scoring
    +10 when form "paper" is submitted
    +5 when page "/*" is visited, expires after 30 days

lifecycle
    stage Visitor
    stage Lead
        when form is submitted
    stage SQL
        when sales accepts

team "Sales"
    takes all leads
    member "eva@acme.example"

campaign "Welcome"
    starts when form "paper" is submitted
    topic "news"
    flow
        send "hello" with cart = event.last_name
        wait 10 days
        send "later"

campaign "Sell"
    starts when event "hot" happens
    flow
        hand off to sales
            note "{{ lead.last_name }} of {{ lead.company }} is confidential"
            when accepted
                send "deal"

campaign "Carts"
    starts when cart is updated
    enters once per event.id
    flow
        wait 5 days
        add 1 points
"""
HELLO = """---
subject: Hello {{ lead.last_name }}
---
[go](https://acme.example/x?who={{ lead.email }}) {{ lead.company }}
"""
stage = stage_fixture(WORKSPACE, {"hello": HELLO})


async def filled(stage: Stage, email: str = ADA) -> UUID:
    """A lead with something in every table that can say something of them."""
    visitor = uuid4()
    url = "https://acme.example/secret-page?utm_source=google&utm_medium=cpc"
    for _ in range(2):
        await intake.record(stage.rt, Occurrence("page.visited", url, {"url": url}, visitor=visitor))
    deployed = await stage.rt.catalog.refresh()
    assert deployed is not None
    values = {"email": email, "first_name": "Ada", "last_name": NAME, "company": COMPANY, "phone": PHONE}
    await intake.submit(stage.rt, FormPost(deployed.forms["paper"], values, ("news",), visitor=visitor))
    await stage.settle()
    await intake.record(stage.rt, Occurrence("cart.updated", "", {"id": "my-cart"}, email))
    await intake.record(stage.rt, Occurrence("custom", "hot", {"about": NAME}, email))
    await stage.settle()
    for mail in [one for one in stage.mailer.mails if one.category == "hello" and one.to == email]:
        await Mailbox(stage.rt.db.engine, stage.clock).send(mail)
        await intake.click(stage.rt, mail.message_id, link_id(f"https://acme.example/x?who={email}"))
        await intake.opened(stage.rt, mail.message_id)
        await report(stage.rt, Report(mail.message_id, "delivered"))
    for mail in [one for one in stage.mailer.mails if one.to == "eva@acme.example"]:
        await Mailbox(stage.rt.db.engine, stage.clock).send(mail)
    stage.clock.advance(DAY)
    return await id_of(stage, email)


async def traces(stage: Stage, *more: str) -> dict[str, list[str]]:
    """By table, what is still found of the person in its rows."""
    found: dict[str, list[str]] = {}
    for name in sorted(metadata.tables):
        rows = await stage.rows(f'SELECT lower(t::text) AS row FROM "{name}" t')
        left = [word for word in (*TRACES, *more) if any(word in one.row for one in rows)]
        if left and name not in ("deployments", "plans", "assets", "visit_days"):
            found[name] = left
    return found


async def test_no_table_knows_them_any_more(stage: Stage):
    lead = await filled(stage)
    mails = [str(one.message_id) for one in stage.mailer.mails]
    before = await traces(stage, str(lead))
    assert {"leads", "events", "messages", "mailbox", "handoffs", "enrolments", "links", "sessions"} <= before.keys()
    done = await erase(stage.rt, lead, "Kim")
    assert done is not None
    await delivered(stage)
    assert await traces(stage, str(lead), *mails) == {}
    assert await erase(stage.rt, lead) is None


async def test_figures_stay_by_day_under_another_id(stage: Stage):
    lead = await filled(stage)
    figures = """SELECT (SELECT count(*) FROM messages WHERE kind = 'marketing' AND state = 'accepted') AS sent,
        (SELECT count(*) FROM events v JOIN messages m ON m.id = v.message_id
            WHERE v.type = 'email.clicked') AS clicked,
        (SELECT sum(amount) FROM points) AS points, (SELECT count(*) FROM stages) AS moves,
        (SELECT count(*) FROM touches WHERE kind = 'visit') AS visits, (SELECT count(*) FROM enrolments) AS runs,
        (SELECT array_agg(source_id ORDER BY source_id) FROM touches) AS sources,
        (SELECT count(*) FROM handoffs) AS handoffs,
        (SELECT origin FROM leads) AS origin, (SELECT count(*) FROM events WHERE type = 'form.submitted') AS forms"""
    async with stage.rt.db.hot() as hot:
        sold = "INSERT INTO deals (id, amount, currency, leads) VALUES ('d1', 500, 'EUR', ARRAY[%(lead)s::uuid])"
        await hot.run(sold, {"lead": lead})
        await hot.commit()
    (before,) = await stage.rows(figures)
    assert before.sent == before.clicked == before.forms == before.visits == 1
    done = await erase(stage.rt, lead)
    assert done is not None
    assert await stage.rows(figures) == [before]
    (deal,) = await stage.rows("SELECT amount, leads FROM deals")
    assert (deal.amount, deal.leads) == (500, [done.figures])
    (ghost,) = await stage.rows("SELECT * FROM leads")
    assert (ghost.id, ghost.email, ghost.email_key, ghost.fields, ghost.topics) == (done.figures, None, None, {}, {})
    instants = await stage.rows("""SELECT at FROM events UNION ALL SELECT at FROM stages UNION ALL
        SELECT booked_at FROM points UNION ALL SELECT started_at FROM enrolments UNION ALL SELECT at FROM messages
        UNION ALL SELECT at FROM touches UNION ALL SELECT created_at FROM leads""")
    assert {(one.at.hour, one.at.minute) for one in instants} == {(22, 0)}, "midnight in Berlin"


async def test_runs_and_the_handoff_end(stage: Stage):
    lead = await filled(stage)
    (handoff,) = await stage.rows("SELECT id, member FROM handoffs")
    mails = len(stage.mailer.mails)
    await erase(stage.rt, lead)
    await delivered(stage)
    assert {answer.state for _, answer in stage.runs.runs.values() if answer} == {"done"}
    assert {(one.state, one.outcome) for one in await stage.rows("SELECT state, outcome FROM enrolments")} == {
        ("ended", "erased")
    }
    assert [one.outcome for one in await stage.rows("SELECT outcome FROM handoffs")] == ["erased"]
    await stage.pass_time(30 * DAY)
    assert len(stage.mailer.mails) == mails
    from engine.sales import handoffs

    assert await handoffs.act(stage.rt, handoff.id, "accept", "eva@acme.example", None) == "closed"
    for message in [one.message_id for one in stage.mailer.mails]:
        assert await intake.click(stage.rt, message, "x") is None
        assert await report(stage.rt, Report(message, "bounced")) == "unknown"


async def test_an_email_that_is_being_sent(stage: Stage):
    lead = await filled(stage)
    send = stage.mailer.send

    async def meanwhile(mail: Mail) -> Receipt:
        if mail.category == "later":
            await erase(stage.rt, lead)
        return await send(mail)

    stage.mailer.send = meanwhile  # type: ignore[method-assign]
    await stage.pass_time(12 * DAY)
    await delivered(stage)
    assert [one.category for one in stage.mailer.mails if one.to == ADA] == ["hello", "later"], "it had left"
    assert await traces(stage, str(lead)) == {}
    rows = await stage.rows("SELECT template, state, reason FROM messages WHERE template = 'later'")
    assert [(one.state, one.reason) for one in rows] == [("unknown", "erased")]
    assert {answer.state for _, answer in stage.runs.runs.values() if answer} == {"done"}


async def test_the_address_stays_barred_until_they_come_back(stage: Stage):
    lead = await filled(stage)
    await erase(stage.rt, lead)
    (row,) = await stage.rows("SELECT * FROM suppressions")
    assert (row.address_hash, row.reason) == (address_hash("p" * 32, ADA), ERASED)
    mails = len(stage.mailer.mails)
    await stage.post("paper", email=ADA)
    again = await row_of(stage, ADA)
    assert (again.id != lead, again.suppressed, again.fields) == (True, ERASED, {})
    assert len(stage.mailer.mails) == mails


@pytest.mark.parametrize(("reason", "kept"), [("complained", "complained"), ("unsubscribed", ERASED)])
async def test_a_stronger_bar_stays(stage: Stage, reason: Any, kept: str):
    lead = await filled(stage)
    await report(stage.rt, Report(stage.mailer.mails[0].message_id, reason))
    await erase(stage.rt, lead)
    assert [one.reason for one in await stage.rows("SELECT reason FROM suppressions")] == [kept]


async def test_merged_records_and_former_addresses_go_along(stage: Stage):
    from engine.leads.address import change_address

    kept, other = await filled(stage), await filled(stage, KING)
    await merge(stage.rt, kept, other)
    await change_address(stage.rt, kept, "ada@new.example", "api")
    done = await erase(stage.rt, kept)
    assert done is not None
    assert done.records == 3
    assert await traces(stage, str(kept), str(other), "ada@new.example") == {}
    hashes = {address_hash("p" * 32, one) for one in (ADA, KING, "ada@new.example")}
    assert {one.address_hash for one in await stage.rows("SELECT address_hash FROM suppressions")} == hashes


async def test_other_leads_keep_everything(stage: Stage):
    ada, ben = await filled(stage), await filled(stage, BEN)
    counts = [
        f"SELECT count(*) AS many FROM {name} WHERE lead_id = %(ben)s"
        for name, table in metadata.tables.items() if "lead_id" in table.columns
    ]  # fmt: skip
    before = [(await stage.rows(sql, ben=ben))[0].many for sql in counts]
    boxed = len(await stage.rows("SELECT id FROM mailbox"))
    await erase(stage.rt, ada)
    assert [(await stage.rows(sql, ben=ben))[0].many for sql in counts] == before
    assert len(await stage.rows("SELECT id FROM mailbox")) == boxed // 2
    assert (await row_of(stage, BEN)).fields["last_name"] == NAME


async def test_posts_that_come_meanwhile_leave_no_trace(stage: Stage):
    lead = await filled(stage)
    posts = [intake.record(stage.rt, Occurrence("custom", NAME, {}, ADA, key=f"k{number}")) for number in range(10)]
    await asyncio.gather(*posts[:5], erase(stage.rt, lead), *posts[5:])
    for row in await stage.rows("SELECT suppressed FROM leads WHERE email IS NOT NULL"):
        assert row.suppressed == ERASED


async def test_an_unsubscription_on_disk_finds_nobody(stage: Stage, tmp_path: Any):
    lead = await filled(stage)
    spool = Spool(tmp_path / "spool")
    await spool.keep(Leaving(lead, None, "link", stage.clock.now()))
    (file,) = spool.waiting()
    assert not [word for word in TRACES if word in file.read_text().casefold()], "an id is all that it holds"
    await erase(stage.rt, lead)
    assert await spool.replay(stage.rt) == 1
    assert await traces(stage, str(lead)) == {}


async def test_deployments_do_not_wake_the_dead(stage: Stage):
    from tests.support.programs import sweep
    from tests.support.stage import deploy_text

    lead = await filled(stage)
    await erase(stage.rt, lead)
    await delivered(stage)
    await deploy_text(stage.rt, WORKSPACE + '\nsegment "All"\n    score >= 0\n', {"hello": HELLO})
    stage.clock.advance(timedelta(days=40))
    await sweep(stage)
    assert await stage.rows("SELECT * FROM lead_clock") == []
    assert {one.state for one in await stage.rows("SELECT state FROM enrolments")} == {"ended"}


def test_every_table_is_named() -> None:
    """A table that is new must say what an erasure does to it."""
    named = {name.partition(" ")[0] for name in erasure.ORDER}
    assert named | erasure.WITH_MESSAGES | erasure.NOBODY == metadata.tables.keys()
    knows = {name for name, table in metadata.tables.items() if {"lead_id", "leads"} & set(table.columns.keys())}
    assert knows <= named

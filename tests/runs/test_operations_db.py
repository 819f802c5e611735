"""What operators rely on: deployments by epoch, the state of everything, points that expire, the watchdog."""

from __future__ import annotations

from collections import UserDict
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import insert

from dsl.compile import compile_workspace
from dsl.plan import SCHEMA, Program
from engine.cli import common as cli
from engine.cli import status as cli_status
from engine.deploying import deploy as deploying
from engine.deploying.deploy import Refused, deploy
from engine.leads import lead_clocks
from engine.leads.external_changes import tell
from engine.leads.intake import Occurrence, record
from engine.platform.clock import VirtualClock
from engine.reports.status import status
from engine.runs import watchdog
from engine.runtime.catalog import Catalog, Unreadable
from engine.store.tables import processes
from tests.support.stage import COMPANY, Stage, deploy_text, stage_fixture

WORKSPACE = f"""{COMPANY}form "paper"
    ask email required
    consent "Yes" for topic "news"

scoring
    +10 when page is visited, expires after 2 days
    +1 when score drops below 10, expires after 5 days

lifecycle
    stage Visitor
    stage Cold
        when score drops below 10

campaign "Nurture"
    starts when form "paper" is submitted
    topic "news"
    flow
        send "one"
        wait 3 days
        send "two"
"""

stage = stage_fixture(WORKSPACE)


def compiled(text: str = WORKSPACE) -> Program:
    names = ("one", "two")
    program = compile_workspace({"campaigns/test.campaign": text}, [f"templates/{name}.md" for name in names]).program
    assert program is not None
    return program


# ── deploying ────────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_the_same_content_is_deployed_once(stage: Stage):
    bundle = {"templates/one.md": b"1", "templates/two.md": b"2"}
    first = await deploy(stage.rt.db, stage.clock, compiled(), bundle, "test")
    again = await deploy(stage.rt.db, stage.clock, compiled(), dict(reversed(bundle.items())), "test")
    assert (first.epoch, first.changed, first.new_plans) == (2, True, ())
    assert (again.epoch, again.changed) == (2, False)
    changed = await deploy(stage.rt.db, stage.clock, compiled(), {**bundle, "files/a.pdf": b"%PDF"}, "test")
    assert (changed.epoch, changed.changed) == (3, True), "a file is content as well"


async def test_a_changed_campaign_is_a_new_plan_and_the_others_are_not(stage: Stage):
    other = (
        WORKSPACE + '\ncampaign "Other"\n    starts when form "paper" is submitted\n    flow\n        add 1 points\n'
    )
    done = await deploy(stage.rt.db, stage.clock, compiled(other), {}, "test")
    assert (done.campaigns, done.new_plans) == (("Nurture", "Other"), ("Other",))
    form = '\nform "double"\n    ask email required\n    confirm with "one"\n'
    done = await deploy(stage.rt.db, stage.clock, compiled(other + form), {}, "test")
    assert (done.campaigns, done.new_plans) == (("Nurture", "Other"), ()), "what mails the button nobody wrote"


async def test_a_deployment_that_fails_midway_leaves_nothing(stage: Stage):
    class Broken(UserDict[str, bytes]):
        """Read once without trouble, for the digest, and not again."""

        read = 0

        def __getitem__(self, path: str) -> bytes:
            self.read += 1
            if self.read > 3:
                raise OSError("disk full")
            return super().__getitem__(path)

    with pytest.raises(OSError, match="disk full"):
        await deploy(
            stage.rt.db, stage.clock, compiled(), Broken({"templates/one.md": b"1", "templates/two.md": b"2"}), "test"
        )
    assert [row.epoch for row in await stage.rows("SELECT epoch FROM deployments")] == [1]
    assert await stage.rows("SELECT 1 FROM assets WHERE epoch <> 1") == []


async def test_a_running_process_that_cannot_read_the_plans_keeps_them_out(stage: Stage):
    async with stage.rt.db.engine.begin() as connection:
        old = {"id": uuid4(), "role": "worker", "build": "", "schema_version": SCHEMA - 1}
        await connection.execute(insert(processes).values(**old, real_seen_at=stage.clock.real()))
    with pytest.raises(Refused, match=r"1 running process cannot read"):
        await deploy(stage.rt.db, stage.clock, compiled(), {}, "test")
    stage.clock.advance(deploying.ALIVE + timedelta(seconds=1))
    assert (await deploy(stage.rt.db, stage.clock, compiled(), {}, "test")).changed, "one that is gone does not"


async def test_a_process_refuses_a_deployment_from_the_future(stage: Stage):
    async with stage.rt.db.hot() as hot:
        await hot.run("UPDATE deployments SET schema_version = %(next)s", {"next": SCHEMA + 1})
        await hot.commit()
    with pytest.raises(Unreadable, match=f"schema {SCHEMA + 1}"):
        await Catalog(stage.rt.db).refresh()


# ── the catalog ──────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_the_catalog_follows_the_epoch_and_keeps_old_plans(stage: Stage):
    catalog = Catalog(stage.rt.db)
    first = await catalog.refresh()
    assert first is not None
    assert (first.epoch, first.first_stage, set(first.templates)) == (1, "Visitor", {"one.md", "two.md"})
    assert await catalog.at(1) is first
    assert await catalog.at(None) is first
    await deploy_text(stage.rt, WORKSPACE.replace("wait 3 days", "wait 4 days"))
    assert await catalog.at(1) is first, "until a transaction reads a newer epoch"
    second = await catalog.at(2)
    assert second is not None
    assert second.epoch == 2
    [old], [new] = first.program.campaigns, second.program.campaigns
    assert old.digest != new.digest
    assert (catalog.plan(old.digest), catalog.plan(new.digest)) == (old, new)
    fresh = Catalog(stage.rt.db)
    assert fresh.plan(old.digest) is None
    await fresh.need([old.digest, "no such plan"])
    assert fresh.plan(old.digest) == old
    assert fresh.plan("no such plan") is None


async def test_nothing_deployed_is_no_deployment(new_database):
    from engine.store.db import Database

    db = Database(new_database())
    assert await Catalog(db).refresh() is None
    await db.close()


# ── status ───────────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_status_says_who_is_where_and_waits_for_what(stage: Stage):
    await stage.post("paper", ("news",), email="ann@lead.example")
    await stage.post("paper", (), email="bob@lead.example")
    due = stage.clock.now() + timedelta(days=3)
    found = await status(stage.rt.db, stage.clock.now(), stage.clock.real())
    assert (found.epoch, found.outbox, found.mails) == (1, 0, {"accepted": 1, "skipped": 1})
    assert found.stages == {"Visitor": 2}
    assert [dict(row) for row in found.campaigns] == [
        {"campaign": "Nurture", "live": 2, "entered": 2, "attention": 0},
    ]
    [step] = found.steps
    assert (step["leads"], step["next"], step["what"]) == (2, due, "the time comes")
    assert [(row["email"], row["due_at"]) for row in found.waiting] == [
        ("ann@lead.example", due),
        ("bob@lead.example", due),
    ]
    assert [row["score"] for row in found.waiting] == [0.0, 0.0]
    assert {type(row["score"]) for row in found.waiting} == {float}, "a number in JSON"
    [bob] = await stage.rows("SELECT id FROM leads WHERE email = 'bob@lead.example'")
    only = await status(stage.rt.db, stage.clock.now(), stage.clock.real(), campaign="NURTURE", lead=bob.id)
    assert [row["email"] for row in only.waiting] == ["bob@lead.example"]
    few = await status(stage.rt.db, stage.clock.now(), stage.clock.real(), many=1)
    assert len(few.waiting) == 1
    none = await status(stage.rt.db, stage.clock.now(), stage.clock.real(), campaign="other")
    assert none.waiting == []


async def test_status_counts_the_leads_in_groups_that_nobody_is_mailed_in(stage: Stage):
    groups = 'nobody in segment "Paid" is mailed\n    nobody in list "Press" is mailed'
    text = WORKSPACE.replace('    topic "news" "News"\n', f'    topic "news" "News"\n    {groups}\n')
    await deploy_text(stage.rt, text + '\nsegment "Paid"\n    has placed order\n\nlist "Press"\n')
    for name in ("ann", "bob", "cy"):
        await stage.post("paper", ("news",), email=f"{name}@lead.example")
    order: Any = "order.placed"
    await record(stage.rt, Occurrence(order, "", {"amount": 5}, email="ann@lead.example"))
    await tell(stage.rt, "bob@lead.example", {}, ["press"])
    await tell(stage.rt, "ann@lead.example", {}, ["press"])
    await stage.settle()
    found = await status(stage.rt.db, stage.clock.now(), stage.clock.real())
    assert [(one["kind"], one["name"], one["leads"]) for one in found.unmailed] == [
        ("segment", "Paid", 1), ("list", "Press", 2),
    ]  # fmt: skip
    with cli.out.capture() as shown:
        cli_status.show(found)
    assert 'no marketing email, with the leads in each: segment "Paid" (1), list "Press" (2)' in shown.get()


async def test_status_shows_a_closed_gate_until_it_opens(stage: Stage):
    until = stage.clock.now() + timedelta(minutes=5)
    async with stage.rt.db.hot() as hot:
        await hot.run(
            "INSERT INTO gates (provider, reason, real_closed_until) VALUES ('fake', '429', %(at)s)", {"at": until}
        )
        await hot.commit()
    found = await status(stage.rt.db, stage.clock.now(), stage.clock.real())
    assert [row["reason"] for row in found.closed_gates] == ["429"]
    assert (await status(stage.rt.db, until, until)).closed_gates == []


# ── points that expire ───────────────────────────────────────────────────────────────────────────────────────────────
async def visit(stage: Stage) -> None:
    await record(stage.rt, Occurrence("page.visited", "/x", email="ann@lead.example"))


async def score(stage: Stage) -> tuple[float, str]:
    [lead] = await stage.rows("SELECT scores, stage FROM leads")
    return lead.scores.get("", 0), lead.stage


async def test_points_expire_at_their_instant_once_and_have_consequences(stage: Stage):
    await visit(stage)
    stage.clock.advance(timedelta(days=1))
    await visit(stage)
    stage.clock.advance(timedelta(days=1, microseconds=-1))
    assert await lead_clocks.ring_clocks(stage.rt) == 0
    assert await score(stage) == (20, "Visitor")
    stage.clock.advance(timedelta(microseconds=1))
    assert await lead_clocks.ring_clocks(stage.rt) == 1
    assert await score(stage) == (10, "Visitor")
    assert await lead_clocks.ring_clocks(stage.rt) == 0, "the next instant is a day away"
    stage.clock.advance(timedelta(days=1))
    assert await lead_clocks.ring_clocks(stage.rt) == 1
    assert await score(stage) == (1, "Cold"), "the drop itself earns a point, which expires as well"
    rows = await stage.rows("SELECT earned_at, booked_at, amount FROM points WHERE rule LIKE 'expired:%%' ORDER BY seq")
    assert [float(row.amount) for row in rows] == [-10, -10]
    [clock] = await stage.rows("SELECT due_at FROM lead_clock")
    assert clock.due_at == stage.clock.now() + timedelta(days=5), "what a drop gives is not forgotten"
    stage.clock.advance(timedelta(days=5))
    assert await lead_clocks.ring_clocks(stage.rt) == 1
    assert (await score(stage))[0] == 0
    assert await stage.rows("SELECT * FROM lead_clock") == []


async def test_one_lead_that_cannot_be_worked_on_does_not_keep_the_others(stage: Stage):
    await visit(stage)
    await record(stage.rt, Occurrence("page.visited", "/x", email="bob@lead.example"))
    async with stage.rt.db.hot() as hot:
        await hot.run("UPDATE leads SET scores = '{\"\": \"poison\"}' WHERE email LIKE 'ann@%%'", {})
        await hot.commit()
    stage.clock.advance(timedelta(days=3))
    assert await lead_clocks.ring_clocks(stage.rt) == 2
    [bob] = await stage.rows("SELECT scores FROM leads WHERE email LIKE 'bob@%%'")
    assert bob.scores[""] == 1


# ── the watchdog ─────────────────────────────────────────────────────────────────────────────────────────────────────
async def attention(stage: Stage) -> str | None:
    [row] = await stage.rows("SELECT attention FROM enrolments")
    return row.attention


async def test_a_late_run_is_woken_once_in_a_while_and_then_shown(stage: Stage):
    await stage.post("paper", ("news",), email="ann@lead.example")
    stage.clock.advance(timedelta(days=3) + watchdog.LATE)
    assert await watchdog.wake_stalled(stage.rt) == 0, "not late yet"
    stage.clock.advance(timedelta(seconds=1))
    assert await watchdog.wake_stalled(stage.rt) == 1
    assert await watchdog.wake_stalled(stage.rt) == 0
    assert await attention(stage) is None
    stage.clock.advance(watchdog.SILENT - watchdog.LATE)
    await watchdog.wake_stalled(stage.rt)
    assert await attention(stage) == "its run does not answer"
    assert await stage.rt.delivery.sweep() == 1
    await stage.settle(due=True)
    assert [mail.subject for mail in stage.mailer.mails] == ["one", "two"]


async def test_a_run_that_rests_on_nothing_is_shown(stage: Stage):
    await stage.post("paper", ("news",), email="ann@lead.example")
    async with stage.rt.db.hot() as hot:
        await hot.run("UPDATE enrolments SET due_at = NULL", {})
        await hot.run("DELETE FROM waits", {})
        await hot.commit()
    await watchdog.wake_stalled(stage.rt)
    assert await attention(stage) == "it rests on nothing"


async def test_while_the_gate_is_closed_nobody_is_late(stage: Stage):
    await stage.post("paper", ("news",), email="ann@lead.example")
    stage.clock.advance(timedelta(days=4))
    async with stage.rt.db.hot() as hot:
        values = {"at": stage.clock.now() + timedelta(hours=1)}
        await hot.run("INSERT INTO gates (provider, reason, real_closed_until) VALUES ('f', '', %(at)s)", values)
        await hot.commit()
    assert await watchdog.wake_stalled(stage.rt) == 0
    assert await attention(stage) is None
    stage.clock.advance(timedelta(hours=2))
    assert await watchdog.wake_stalled(stage.rt) == 1


async def test_on_a_fast_clock_late_is_meant_in_real_time(stage: Stage):
    await stage.post("paper", ("news",), email="ann@lead.example")
    fast = VirtualClock(stage.clock.now(), stage.clock.now(), 1000)
    due = timedelta(days=3)

    class At(VirtualClock):
        def now(self):
            return self.domain_start + (self.real() - self.real_start) * self.factor

        def real(self):
            return self.real_start + moment

    clock = At(fast.domain_start, fast.real_start, fast.factor)
    rt = replace(stage.rt, clock=clock)
    moment = due / 1000 + timedelta(minutes=1, seconds=59)
    assert await watchdog.wake_stalled(rt) == 0
    moment = due / 1000 + timedelta(minutes=2, seconds=1)
    assert await watchdog.wake_stalled(rt) == 1

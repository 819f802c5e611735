"""Attacks on what the whole language adds: colleagues who are away, hooks that hang, tests that change, segments."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from dsl.plan import Duration, Variant, VariantTest
from engine.leads.external_changes import tell
from engine.leads.intake import Occurrence, record, unsubscribe
from engine.model.ports import Mail
from engine.sending.webhook import WebPoster, parcel
from tests.support.attacks import HEAD, subjects, url_of, watched
from tests.support.invariants import broken
from tests.support.programs import campaign_with, deploy_plans, enter, send
from tests.support.programs import staged as with_plans
from tests.support.stage import TUESDAY, Stage, deploy_text

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOBODY = (
    HEAD
    + """
team "Sales"
    takes all leads
    member "eva@acme.example"
    away "eva@acme.example" from 2026-01-01 to 2026-12-31

campaign "Notice"
    starts when event "go" happens
    enters every time
    flow
        notify team "Sales" with "hint"
        send "first"
        notify team "Sales" with "hint", otherwise "ada@acme.example"
        send "second"
"""
)
NOTICE = (
    HEAD
    + """
campaign "Notice"
    starts when event "go" happens
    flow
        notify "ada@acme.example" with "hint"
        send "after"
"""
)
FLIPS = (
    HEAD
    + """
field size number
segment "Large"
    size >= 100

campaign "In"
    starts when segment "Large" is entered
    enters every time
    flow
        set size to 1

campaign "Out"
    starts when segment "Large" is left
    enters every time
    flow
        add 1 points
"""
)
SPLIT = (
    HEAD
    + """
campaign "Split"
    starts when event "go" happens
    flow
        wait 1 day
        split
            50% "left"
                send "left"
            50% "right"
                send "right"
        send "end"
"""
)
CONSENT = (
    HEAD
    + """
    topic "news" "News"

campaign "News"
    starts when event "go" happens
    topic "news"
    flow
        send "one"
        send "two"
"""
)


async def go(stage: Stage, email: str = "ann@lead.example") -> None:
    await record(stage.rt, Occurrence("custom", "go", {}, email))
    await stage.settle()


async def steps(stage: Stage) -> list[tuple[str, str, str]]:
    return [
        tuple(row) for row in await stage.rows("SELECT template, state, reason FROM messages ORDER BY at, template")
    ]


async def test_a_team_of_which_all_are_away_holds_nobody_up(staged: Any) -> None:
    async with staged(NOBODY, {"hint": "---\nsubject: hint\n---\nLook.\n"}) as stage:
        await go(stage)
        assert subjects(stage) == ["first", "hint", "second"]
        assert [mail.to for mail in stage.mailer.mails][1] == "ada@acme.example"
        assert ("hint", "skipped", "nobody to notify") in await steps(stage)
        assert broken(url_of(stage)) == []


async def test_a_notice_whose_template_fails_is_shown_and_goes_once_it_is_mended(staged: Any) -> None:
    broken_one = "---\nsubject: hint\n---\n{{ lead.email.nothing.there }}\n"
    async with staged(NOTICE, {"hint": broken_one}) as stage:
        await go(stage)
        [run] = await stage.rows("SELECT state, attention FROM enrolments")
        assert run.state == "live"
        assert "template" in run.attention
        assert subjects(stage) == []
        await deploy_text(stage.rt, NOTICE, {"hint": "---\nsubject: hint\n---\nLook.\n"})
        await stage.pass_time(2 * HOUR)
        assert subjects(stage) == ["hint", "after"]
        assert (await stage.rows("SELECT attention FROM enrolments"))[0].attention is None


async def test_a_segment_that_flips_within_one_transaction_was_not_entered(staged: Any) -> None:
    async with staged(FLIPS) as stage:
        email = "ann@lead.example"
        await tell(stage.rt, email, {"size": 1})
        await asyncio.gather(*(tell(stage.rt, email, {"size": size}) for size in (500, 1, 500, 1, 500)))
        await stage.settle()
        log = [
            row.type for row in await stage.rows("SELECT type FROM events WHERE type LIKE 'segment.%%' ORDER BY seq")
        ]
        assert log == ["segment.joined", "segment.left"] * (len(log) // 2), "in and out in turn, never twice in"
        [lead] = await stage.rows("SELECT fields, segments FROM leads")
        assert (lead.fields["size"], lead.segments["Large"]["in"]) == (1, False)
        assert broken(url_of(stage)) == []


async def test_a_split_that_a_deployment_takes_away_is_still_there_for_those_inside(staged: Any) -> None:
    async with staged(SPLIT) as stage:
        for n in range(8):
            await go(stage, f"lead{n}@lead.example")
        names = {name: f"---\nsubject: {name}\n---\nHello.\n" for name in ("left", "right")}
        await deploy_text(stage.rt, SPLIT.replace("50%", "25%", 1).replace("50%", "75%"))
        await stage.pass_time(HOUR)
        without = SPLIT[: SPLIT.index("        split")] + '        send "end"\n'
        await deploy_text(stage.rt, without, names)
        await stage.pass_time(2 * DAY)
        sent = subjects(stage)
        assert sent.count("end") == 8
        assert sent.count("left") + sent.count("right") == 8
        assert broken(url_of(stage)) == []


def trial_of(*names: str) -> Any:
    variants = tuple(Variant(name=name, target=f"m{name}") for name in names)
    test = VariantTest(
        id="t", source="c:2", name="T", percent=100, lasts=Duration(days=3), by="clicks", variants=variants
    )
    return campaign_with(test, *(send(f"m{name}") for name in names))


async def test_a_test_whose_winner_is_gone_gives_the_first_variant(new_database: Any) -> None:
    async with with_plans(new_database(), trial_of("a", "b")) as stage:
        await enter(stage, 1)
        await stage.pass_time(4 * DAY)
        await enter(stage, 2)
        [test] = await stage.rows("SELECT winner FROM tests")
        assert test.winner in ("a", "b")
        await deploy_plans(stage, trial_of("x", "y"))
        await enter(stage, 3)
        assert subjects(stage)[-1] == "mx"


async def test_a_topic_that_is_left_while_a_mail_is_on_its_way_stops_the_next(staged: Any) -> None:
    async with staged(CONSENT) as stage:

        async def leave(_: Mail) -> None:
            [lead] = await stage.rows("SELECT id FROM leads")
            await unsubscribe(stage.rt, lead.id, "news", "page")

        watched(stage, leave)
        await go(stage)
        assert subjects(stage) == ["one"]
        assert (await stage.rows("SELECT state, outcome FROM enrolments"))[0].state == "ended"
        assert broken(url_of(stage)) == []


# ── hooks ────────────────────────────────────────────────────────────────────────────────────────────────────────────
SILENT, DRIPPING, ENDLESS = b"", b"HTTP/1.1 200 OK\r\nX-A: ", b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"


@pytest.mark.parametrize(("first", "state"), [(SILENT, "retry"), (DRIPPING, "retry"), (ENDLESS, "accepted")])
async def test_a_hook_that_hangs_drips_or_never_stops_holds_nobody_up(first: bytes, state: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        try:
            while not reader.at_eof():
                if first:
                    writer.write(b"x")
                    await writer.drain()
                await asyncio.sleep(0.05)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    poster = WebPoster(private=True, seconds=0.5)
    receipt = await poster.post(parcel(f"http://127.0.0.1:{port}/", {"a": 1}, "key", "x" * 16, TUESDAY))
    await poster.close()
    server.close()
    assert receipt.state == state

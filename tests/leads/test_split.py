"""A visitor who was taken for the wrong lead is nobody's again, and the lead keeps only what is their own."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from dsl.plan import Ask, Duration, Every, Form, Has, Interest, Pattern, Reentry, Start
from engine.leads.intake import FormPost, Occurrence, record, submit
from engine.leads.split import NotJoined, Split, split
from engine.rules.tracking.classify import Source
from tests.support.cli import Done, Run, command_line
from tests.support.programs import ANN, START, campaign, happen, lead, open_program, points, runs, sweep
from tests.support.stage import Stage

VISIT = Pattern(type="page.visited", name="/pricing*")
ONCE = points(10, VISIT, limits=(Every(times=1),))
LATER = points(5, VISIT, expires_after=Duration(days=30))
DECLARED: dict[str, Any] = {
    "forms": (Form(name="demo", source="f:1", asks=(Ask(field="email", required=True),)),),
    "scorings": ({"name": "", "rules": (ONCE, LATER)},),
    "interests": (Interest(name="prices", pages=("/pricing*",)),),
}
GOOGLE = "https://acme.example/pricing?utm_source=google&utm_medium=cpc&utm_campaign=pumps"
BEN = "ben@lead.example"


async def view(stage: Stage, visitor: UUID, url: str = GOOGLE, key: str | None = None) -> None:
    await record(stage.rt, Occurrence("page.visited", url, {"url": url, "referrer": ""}, visitor=visitor, key=key))
    stage.clock.advance(timedelta(minutes=1))


async def post(stage: Stage, visitor: UUID | None, email: str = ANN) -> None:
    deployed = await stage.rt.catalog.refresh()
    assert deployed is not None
    await submit(stage.rt, FormPost(deployed.forms["demo"], {"email": email}, visitor=visitor))
    await stage.settle()


async def log(stage: Stage, email: str = ANN) -> list[tuple[str, str]]:
    found = await stage.rows(
        "SELECT e.type, e.name FROM events e JOIN leads l ON l.id = e.lead_id WHERE l.email = %(email)s ORDER BY e.seq",
        email=email,
    )
    return [(one.type, one.name) for one in found]


async def path(stage: Stage, email: str = ANN) -> list[tuple[str, str]]:
    found = await stage.rows(
        "SELECT t.kind, s.channel FROM touches t JOIN leads l ON l.id = t.lead_id JOIN sources s ON s.id = t.source_id "
        "WHERE l.email = %(email)s ORDER BY t.at",
        email=email,
    )
    return [(one.kind, one.channel) for one in found]


async def test_everything_goes_back_and_the_visitor_becomes_somebody_else(fresh_database_url: str) -> None:
    visitor = uuid4()
    async with open_program(fresh_database_url, **DECLARED) as stage:
        await view(stage, visitor, key="one")
        await view(stage, visitor)
        await post(stage, visitor)
        await view(stage, visitor, "https://acme.example/pricing/later")
        ann = await lead(stage)
        assert (ann.scores, ann.interests, ann.origin["first_channel"]) == ({"": 25.0}, {"prices": 3}, "Paid Search")
        assert await path(stage) == [("visit", "Paid Search")]

        before = await log(stage)
        planned = await split(stage.rt, ann.id, visitor, dry=True)
        assert await log(stage) == before
        assert await path(stage) == [("visit", "Paid Search")]
        done = await split(stage.rt, ann.id, visitor, "Kim")
        assert done == planned
        assert (done.sessions, done.events, done.touches) == (1, 3, 1)
        assert (done.points, done.interests) == ({"": -25.0}, {"prices": -3})
        assert done.origin["first_channel"] == done.origin["created_channel"] == "Unknown"

        ann = await lead(stage)
        assert (ann.scores, ann.interests) == ({"": 0.0}, {"prices": 0})
        assert (ann.origin["first_source"], ann.origin["created_by"]) == ("(not set)", "form demo")
        assert "first_campaign" not in ann.origin
        assert ann.active_at < stage.clock.now()
        assert await path(stage) == [("form", "Unknown")]
        told = await log(stage)
        assert [type for type, _ in told] == [
            "event.moved", "event.moved", "form.submitted", "event.moved", "visitor.split",
        ]  # fmt: skip
        (noted,) = await stage.rows("SELECT data FROM events WHERE type = 'visitor.split'")
        assert noted.data == {"visitor": str(visitor), "sessions": 1, "events": 3, "by": "Kim"}

        await post(stage, visitor, BEN)
        ben = await lead(stage, BEN)
        assert (ben.scores, ben.interests, ben.origin["first_channel"]) == ({"": 25.0}, {"prices": 3}, "Paid Search")
        assert await path(stage, BEN) == [("visit", "Paid Search")]
        assert [type for type, _ in await log(stage, BEN)] == [*["page.visited"] * 3, "form.submitted"]
        with pytest.raises(NotJoined):
            await split(stage.rt, ann.id, visitor)


async def test_the_same_visitor_may_come_back_to_the_same_lead(fresh_database_url: str) -> None:
    visitor = uuid4()
    async with open_program(fresh_database_url, **DECLARED) as stage:
        await view(stage, visitor, key="one")
        await post(stage, visitor)
        ann = await lead(stage)
        for _ in range(2):
            await split(stage.rt, ann.id, visitor)
            stage.clock.advance(timedelta(hours=1))
            await post(stage, visitor)
            assert (await lead(stage)).scores == {"": 15.0}
            assert (await lead(stage)).origin["first_channel"] == "Paid Search"


async def test_what_is_the_leads_own_stays(fresh_database_url: str) -> None:
    """Another visitor of the same lead, points from an API event, a source that an event named."""
    own, foreign = uuid4(), uuid4()
    async with open_program(fresh_database_url, **DECLARED) as stage:
        await record(stage.rt, Occurrence("custom", "bought", {}, ANN, source=Source("Affiliates", "lista", "partner")))
        await view(stage, own, "https://acme.example/pricing?utm_source=bing&utm_medium=cpc")
        await post(stage, own)
        stage.clock.advance(timedelta(days=1))
        await view(stage, foreign)
        await post(stage, foreign)
        ann = await lead(stage)
        assert ann.scores == {"": 20.0}, "10 once, 5 for each visit"
        done = await split(stage.rt, ann.id, foreign)
        assert (done.points, done.origin) == ({"": -5.0}, {})
        assert await path(stage) == [("visit", "Paid Search"), ("form", "Unknown")]
        assert await split(stage.rt, ann.id, own) == Split(
            ann.id, own, 1, 1, 1, {"": -15.0}, {"prices": -1.0}, done_origin(await lead(stage))
        )


def done_origin(ann: Any) -> dict[str, str | None]:
    """Without the visits, the first touch that is left is a form of which nothing is known."""
    changed = {"first_channel": "Unknown", "first_source": "(not set)", "first_medium": "(not set)"}
    return {name: value for name, value in changed.items() if ann.origin.get(name) == value}


async def test_limits_and_expiry_do_not_count_what_went_back(fresh_database_url: str) -> None:
    visitor = uuid4()
    async with open_program(fresh_database_url, **DECLARED) as stage:
        await view(stage, visitor)
        await post(stage, visitor)
        await split(stage.rt, (await lead(stage)).id, visitor)
        await happen(stage, "page.visited", "/pricing")
        assert (await lead(stage)).scores == {"": 15.0}, "the limit `once` is free again"
        stage.clock.advance(timedelta(days=31))
        await sweep(stage)
        assert (await lead(stage)).scores == {"": 10.0}, "only the lead's own 5 points expire"


async def test_points_that_have_expired_are_not_taken_twice(fresh_database_url: str) -> None:
    visitor = uuid4()
    async with open_program(fresh_database_url, **DECLARED) as stage:
        await view(stage, visitor)
        await post(stage, visitor)
        stage.clock.advance(timedelta(days=31))
        await sweep(stage)
        assert (await lead(stage)).scores == {"": 10.0}
        done = await split(stage.rt, (await lead(stage)).id, visitor)
        assert done.points == {"": -10.0}
        await sweep(stage)
        assert (await lead(stage)).scores == {"": 0.0}


async def test_conditions_no_longer_see_what_went_back(fresh_database_url: str) -> None:
    visitor = uuid4()
    asks = Start(pattern=START, only_if=Has(pattern=VISIT), source="c:1")
    plan = campaign("Asks", asks, reentry=Reentry(kind="always"), entry=None, steps=())
    async with open_program(fresh_database_url, plan, **DECLARED) as stage:
        await view(stage, visitor)
        await post(stage, visitor)
        await happen(stage, "custom", "start")
        assert await runs(stage) == ["Asks"]
        await split(stage.rt, (await lead(stage)).id, visitor)
        await happen(stage, "custom", "start")
        assert await runs(stage) == ["Asks"]


async def test_a_repeated_event_of_a_known_visitor_is_recognized(fresh_database_url: str) -> None:
    """Whether it came before or after they became known."""
    visitor = uuid4()
    async with open_program(fresh_database_url, **DECLARED) as stage:
        await view(stage, visitor, key="early")
        await post(stage, visitor)
        for key in ("early", "late", "late"):
            await view(stage, visitor, key=key)
        assert [type for type, _ in await log(stage)] == ["page.visited", "form.submitted", "page.visited"]


run = pytest.fixture(command_line)


async def test_the_command(fresh_database_url: str, run: Run) -> None:
    def command(*arguments: str) -> Done:
        return run("leads", "split", *arguments, DATABASE_URL=fresh_database_url)

    visitor = uuid4()
    async with open_program(fresh_database_url, **DECLARED) as stage:
        await view(stage, visitor)
        await post(stage, visitor)
        dry = command(ANN.upper(), "--visitor", str(visitor), "--dry-run")
        assert dry.returncode == 0, dry.stderr
        assert "back to the visitor: 1 session, 1 event, and 1 touch" in dry.stdout
        assert "-15 points" in dry.stdout
        assert "first_channel: Unknown" in dry.stdout
        asked = command(ANN, "--visitor", str(visitor))
        assert asked.returncode == 2
        assert "pass --yes" in asked.stderr
        assert (await lead(stage)).scores == {"": 15.0}
        done = command(ANN, "--visitor", str(visitor), "--yes", "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["points"] == {"": -15.0}
        assert (await lead(stage)).scores == {"": 0.0}
        again = command(ANN, "--visitor", str(visitor), "--yes")
        assert again.returncode == 1
        assert "is not known as" in again.stderr
        nobody = command(BEN, "--visitor", "x")
        assert nobody.returncode == 2
        assert "is not a visitor's id" in nobody.stderr

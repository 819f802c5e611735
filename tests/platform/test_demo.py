"""The demo's cast, its eyes and its judgement; and the whole of it once, small and fast."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
import uvicorn
from rich.console import Console
from sqlalchemy import insert, text, update

from engine.cli.demo import CAMPAIGNS
from engine.demo.look import commands, environment, pages
from engine.demo.people import MOST, PARTS, Person, Sales, Script, cast
from engine.demo.show import Display, show_looks, show_summary
from engine.demo.story import CONNECTIONS, LENGTH, clock_for
from engine.demo.summary import Fact, Summary, summarise
from engine.demo.timeline import Line, Row, Timeline, lines
from engine.demo.world import SITE, Unexpected, letter_of, patiently
from engine.embedded import account
from engine.platform.clock import FixedClock, HeldClock
from engine.store.db import Database
from engine.store.tables import enrolments, events, handoffs, leads, mailbox, messages, points

ROOT = Path(__file__).resolve().parents[2]
AT = datetime(2026, 9, 1, 7, 0, tzinfo=UTC)


# ── the cast ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_seed_gives_the_same_cast_and_another_one_another() -> None:
    assert cast(7, 25) == cast(7, 25)
    assert cast(7, 25) != cast(8, 25)


@pytest.mark.parametrize("seed", range(20))
def test_nobody_is_real_and_nobody_is_there_twice(seed: int) -> None:
    people = cast(seed, MOST)
    assert len({person.address for person in people}) == MOST
    for person in people:
        assert person.address.isascii()
        assert person.address.endswith(".example")
        assert all(part and not part.startswith(".") for part in person.address.split("@"))
        assert timedelta() < person.arrives < LENGTH
    assert [person.number for person in people] == list(range(1, MOST + 1))
    assert len({person.country for person in people}) > 10
    assert people == sorted(people, key=lambda person: person.arrives)


def test_a_cast_of_25_plays_every_part() -> None:
    scripts = {person.script for person in cast(7, 25)}
    assert scripts == {part.script for part in PARTS}
    assert {script.sales for script in scripts} == {
        "accept", "not ready", "no budget", "second", "boss", "no contact", "nobody",
    }  # fmt: skip


def test_parts_for_one_region_are_played_from_there() -> None:
    for person in cast(5, 25):
        wanted = {part.where for part in PARTS if part.script == person.script}
        assert any(where is None or (person.country in where if where else True) for where in wanted)


# ── the clock ────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_story_begins_on_a_tuesday_morning_in_the_companys_zone(tmp_path: Path) -> None:
    clock = clock_for("Europe/Berlin", tmp_path / "clock", speed=2)
    assert clock.now() == datetime(2026, 9, 1, 6, 55, tzinfo=UTC)
    assert isinstance(clock, HeldClock)
    assert clock.factor == pytest.approx(86_400 / 2.5)


# ── mail ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_no_request_goes_out_on_a_connection_that_the_server_is_about_to_close() -> None:
    expiry = CONNECTIONS.keepalive_expiry
    assert expiry is not None
    assert expiry < uvicorn.Config(app="web.app:app").timeout_keep_alive - 2


def test_a_letter_knows_its_links() -> None:
    html = f'<a href="{SITE}/a">x</a><a href="http://here/u/t?a=1&amp;b=2">y</a><img src="http://here/o/t.gif">'
    letter = letter_of({"id": "1", "to": "a@b.example", "subject": "s", "html": html, "headers": {}})
    assert letter.links == (f"{SITE}/a", "http://here/u/t?a=1&b=2")
    assert letter.link_to("/u/") == "http://here/u/t?a=1&b=2"
    assert letter.link_to("/confirm/") is None
    assert letter.images == ("http://here/o/t.gif",)
    assert not letter.marketing


async def test_what_a_player_trips_over_is_noted() -> None:
    async def trip() -> None:
        raise ExceptionGroup("several", [Unexpected("POST /f answered 500"), httpx.ConnectError("no")])

    problems: list[str] = []
    await patiently(trip(), problems, "lead 3")
    assert problems == ["lead 3: POST /f answered 500", "lead 3: ConnectError"]


# ── the timeline ─────────────────────────────────────────────────────────────────────────────────────────────────────
def event(type: str, name: str, **data: object) -> Row:
    return Row("event", UUID(int=1), 1, AT, type, name, data, None)


def booked(amount: float, after: float) -> Row:
    return Row("points", UUID(int=1), 1, AT, "e:1", "rule", after, amount)


def test_what_happens_at_once_becomes_one_line() -> None:
    rows = [
        event("page.visited", "/"), event("form.submitted", "whitepaper", key="confirm:1"),
        event("stage.entered", "Lead"), booked(20, 22), booked(2, 2),
        Row("enters", UUID(int=1), 0, AT, "x", "Nurture", None, None),
    ]  # fmt: skip
    (line,) = lines(AT, "a@b.example", rows)
    assert line.text == 'confirms form "whitepaper"'
    assert line.extra == ("1 page seen before", "becomes Lead", 'enters "Nurture"', "+22 points, now 22")


def test_turning_points_have_a_line_of_their_own() -> None:
    found = lines(AT, "a@b.example", [event("email.clicked", "x/y"), booked(10, 52), event("stage.entered", "MQL")])
    assert [line.text for line in found] == ['clicks a link in email "x/y"', "becomes MQL"]
    assert found[0].extra == ("+10 points, now 52",)


def test_a_lead_taken_over_is_told_once() -> None:
    rows = [event("handoff.assigned", "DACH", member="boss@a.example"),
            event("handoff.acknowledged", "DACH", by="boss@a.example")]  # fmt: skip
    assert [line.text for line in lines(AT, "a@b.example", rows)] == ["is acknowledged by boss@a.example"]


@pytest.mark.parametrize(
    ("mail", "told"),
    [
        ({"state": "accepted", "kind": "marketing"}, ['gets "Hello"']),
        ({"state": "skipped", "kind": "marketing", "reason": "no consent"}, ['gets no "x/y": no consent']),
        ({"state": "unknown", "kind": "marketing", "reason": "timeout"}, ['"x/y" unknown: timeout']),
        ({"state": "accepted", "kind": "staff"}, []),
    ],
)
def test_mails(mail: dict[str, str], told: list[str]) -> None:
    row = Row("mail", UUID(int=1), 0, AT, "m", "Hello", {"template": "x/y", "reason": "", "staff": None, **mail}, None)
    assert [line.text for line in lines(AT, "a@b.example", [row])] == told


def test_plain_output_has_days_as_headings_and_late_news_names_its_day() -> None:
    person = Person("Åsa", "Ek", "Skog", "SE", "sv", "", 9, "asa@skog.example", timedelta(), Script())
    console = Console(record=True, width=200, file=StringIO())
    display = Display(console, "Europe/Berlin", [person], AT, AT + LENGTH)
    with display:
        display.show([Line(AT, person.address, "+", "comes", "plain", ("+2 points, now 2",))])
        display.show([Line(AT + timedelta(days=1), person.address, "↗", "clicks", "click")])
        display.show([Line(AT + timedelta(hours=1), person.address, "✉", 'gets "Hi"', "mail")])
        display.tick(AT + timedelta(days=2), {"mails": 3})
    told = console.export_text().splitlines()
    assert [line for line in told if line] == [
        "Tuesday 1 September", "09:00 + Åsa Ek, SE                  comes · +2 points, now 2",
        "Wednesday 2 September", "09:00 ↗ Åsa Ek, SE                  clicks",
        'Tu 10h ✉ Åsa Ek, SE                  gets "Hi"',
    ]  # fmt: skip


# ── the judgement ────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest_asyncio.fixture
async def db(fresh_database_url: str) -> AsyncIterator[Database]:
    database = Database(fresh_database_url, size=2)
    yield database
    await database.close()


async def a_lead(db: Database, address: str = "asa@skog.example") -> UUID:
    id = uuid4()
    async with db.engine.begin() as connection:
        row = {"id": id, "email": address, "email_key": address, "seq": 1, "fields": {}, "scores": {"": 20},
               "rated": {}, "stage": "Lead", "topics": {}, "created_at": AT, "last_at": AT}  # fmt: skip
        await connection.execute(insert(leads).values(row))
        happened = {"lead_id": id, "seq": 1, "type": "form.posted", "name": "whitepaper", "data": {}, "at": AT}
        await connection.execute(insert(events).values(happened))
        booking = {"lead_id": id, "cause": "e:1", "rule": "r", "model": "", "amount": 20, "thing": "", "seq": 1,
                   "score_after": 20, "earned_at": AT, "booked_at": AT}  # fmt: skip
        await connection.execute(insert(points).values(booking))
    return id


async def a_mail(db: Database, lead: UUID, state: str, *, delivered: bool) -> None:
    id = uuid4()
    async with db.engine.begin() as connection:
        row = {"id": id, "owner_id": uuid4(), "step": "s", "visit": "0", "lead_id": lead, "template": "x/y",
               "subject": "", "kind": "marketing", "state": state, "reason": "", "attempt": "a", "source": "f:1",
               "at": AT}  # fmt: skip
        await connection.execute(insert(messages).values(row))
        if delivered:
            letter = {"id": id, "to": "asa@skog.example", "sender": "", "subject": "", "headers": {}, "html": "",
                      "text": "", "at": AT}  # fmt: skip
            await connection.execute(insert(mailbox).values(letter))


PEOPLE = [Person("Åsa", "Ek", "Skog", "SE", "sv", "", 9, "asa@skog.example", timedelta(), Script())]


async def judged(db: Database, counts: dict[str, int] | None = None, problems: tuple[str, ...] = ()) -> list[str]:
    """The facts that do not hold."""
    clock = FixedClock(AT + timedelta(days=1))
    summary = await summarise(db, clock, PEOPLE, counts or {"posts": 2, "repeated": 1}, problems)
    assert summary.as_json()["ok"] is summary.holds
    return [fact.wording for fact in summary.facts if not fact.holds]


async def test_a_sound_story_holds(db: Database) -> None:
    await a_mail(db, await a_lead(db), "accepted", delivered=True)
    assert await judged(db) == []


async def test_whatever_is_wrong_is_found(db: Database) -> None:
    lead = await a_lead(db)
    assert await judged(db, problems=("lead 1: POST /f answered 500",)) == ["every public page answered as expected"]
    assert await judged(db, {"posts": 2}) == ["every form was stored once"]
    await a_mail(db, lead, "accepted", delivered=False)
    assert await judged(db) == ["the mailbox has exactly the emails in the log"]
    await a_mail(db, lead, "unknown", delivered=True)
    assert "no email failed or has an unknown delivery" in await judged(db)
    async with db.engine.begin() as connection:
        await connection.execute(update(leads).values(scores={"": 21}, attention="look"))
    assert {"every score is the sum of its points", "nothing needs attention"} < set(await judged(db))


async def test_a_run_that_is_late_and_one_that_rests_on_nothing_are_found(db: Database) -> None:
    lead = await a_lead(db)
    for campaign, due in (("a", AT), ("b", None)):
        async with db.engine.begin() as connection:
            row = {"id": uuid4(), "lead_id": lead, "campaign": campaign, "number": 1, "digest": "d", "state": "live",
                   "position": {}, "gen": 1, "cursor": 0, "started_at": AT, "due_at": due}  # fmt: skip
            await connection.execute(insert(enrolments).values(row))
    assert await judged(db) == ["no lead or handoff is overdue", "every lead in a campaign has a next step"]


async def test_strangers_and_missing_people_are_found(db: Database) -> None:
    await a_lead(db, "bot@best-offers.example")
    assert await judged(db) == ["every person who submitted a form is a lead, and no one else is"]


async def test_each_line_of_the_timeline_comes_once(db: Database) -> None:
    timeline = Timeline(db, AT - timedelta(days=1))
    lead = await a_lead(db)
    (line,) = await timeline.news()
    assert (line.email, line.text) == ("asa@skog.example", 'submits form "whitepaper", not yet confirmed')
    assert await timeline.news() == []
    earlier = AT - timedelta(hours=3)  # taken before, committed after
    async with db.engine.begin() as connection:
        row = {"lead_id": lead, "seq": 2, "type": "email.clicked", "name": "x/y", "data": {}, "at": earlier}
        await connection.execute(insert(events).values(row))
    assert [line.text for line in await timeline.news()] == ['clicks a link in email "x/y"']
    assert (await timeline.counts())["clicks"] == 1
    async with db.engine.connect() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM events"))).scalar() == 2


async def test_the_summary_says_what_is_broken(db: Database) -> None:
    await a_lead(db)
    found = await summarise(db, FixedClock(AT), PEOPLE, {"posts": 1}, ())
    console = Console(record=True, width=120, file=StringIO())
    show_summary(console, Summary(found.figures, (Fact("this holds"), Fact("this does not", ("because",)))))
    told = console.export_text()
    assert "✓ this holds" in told
    assert "✗ this does not\n    because" in told
    assert "Needs attention" in told


async def a_handoff(db: Database, lead: UUID, *happened: tuple[str, dict[str, str]], opened: datetime = AT) -> None:
    id, run = uuid4(), uuid4()
    async with db.engine.begin() as connection:
        row = {"id": run, "lead_id": lead, "campaign": "Nurture", "number": 1, "digest": "d", "state": "ended",
               "position": {}, "gen": 1, "cursor": 0, "started_at": AT}  # fmt: skip
        await connection.execute(insert(enrolments).values(row))
        row = {"id": id, "lead_id": lead, "enrolment_id": run, "source": "f:1", "team": "Sales", "note": "",
               "state": {}, "outcome": "accepted", "gen": 1, "opened_at": opened}  # fmt: skip
        await connection.execute(insert(handoffs).values(row))
        for seq, (type, data) in enumerate(happened, 10):
            event = {"lead_id": lead, "seq": seq, "type": type, "name": "Sales", "at": AT}
            await connection.execute(insert(events).values({**event, "data": {"handoff": str(id), **data}}))


async def turns(db: Database, sales: Sales, now: datetime = AT + timedelta(days=9)) -> dict[str, bool]:
    people = [replace(PEOPLE[0], script=Script(sales=sales))]
    found = await summarise(db, FixedClock(now), people, {"posts": 1}, ())
    return {fact.wording: fact.holds for fact in found.facts if fact.wording in TURNS}


TURNS = ("sales rejected a lead", "a lead was reassigned to another team member", "a handoff ran overdue")


async def test_the_turns_of_the_story_are_facts(db: Database) -> None:
    lead = await a_lead(db)
    assert await turns(db, "nobody") == {}  # nobody was handed over
    await a_handoff(db, lead, ("handoff.assigned", {"member": "eva@acme.example"}))
    assert await turns(db, "nobody") == {TURNS[1]: False, TURNS[2]: False}
    assert await turns(db, "not ready") == {TURNS[0]: False}
    assert await turns(db, "accept") == {}
    assert await turns(db, "nobody", now=AT + timedelta(days=2)) == {}  # too late for that
    async with db.engine.begin() as connection:
        await connection.execute(text("DELETE FROM events WHERE type = 'handoff.assigned'"))
        await connection.execute(text("DELETE FROM handoffs"))
        await connection.execute(text("DELETE FROM enrolments"))
    assigned = [("handoff.assigned", {"member": f"{one}@acme.example"}) for one in ("eva", "jonas")]
    await a_handoff(db, lead, *assigned, ("handoff.overdue", {}), ("handoff.rejected", {}))
    assert await turns(db, "nobody") == dict.fromkeys(TURNS, True)


async def test_the_end_says_where_to_look(db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", "postgresql://real")
    for name in ("TEMPORAL_ADDRESS", "SENDGRID_API_KEY", "COLDFRAME_CLOCK"):
        monkeypatch.delenv(name, raising=False)
    lead = await a_lead(db)
    await a_handoff(db, lead, ("handoff.rejected", {"reason": "not ready"}))
    begins = environment(tmp_path / ".coldframe" / "demo")
    assert begins == "env -u DATABASE_URL COLDFRAME_HOME=.coldframe/demo coldframe"
    looks = await commands(db, begins, tmp_path / "campaigns", running=False)
    assert [one.what.removeprefix(begins) for one in looks] == [
        " status", " why asa@skog.example Nurture", " dev campaigns",
    ]  # fmt: skip
    assert [one.shows for one in looks][1] == "sales rejected this lead"
    assert len(await commands(db, begins, tmp_path, running=True)) == 2
    console = Console(record=True, width=60, file=StringIO())
    show_looks(console, [*pages("http://127.0.0.1:8000"), *looks], running=False)
    told = console.export_text()
    assert "  http://127.0.0.1:8000/mailbox\n      every email" in told
    assert f"  {begins} why asa@skog.example Nurture\n" in told
    assert "coldframe new workspace" in told


# ── the whole ────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="cf-"))
    folder.chmod(0o711)
    yield folder
    account.erase(folder)


@pytest.mark.timeout(240)
def test_the_demo(home: Path) -> None:
    """Small and fast; nothing that is configured outside may reach it."""
    assert CAMPAIGNS.is_dir()
    elsewhere = {
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "TEMPORAL_ADDRESS": "127.0.0.1:1",
        "SENDGRID_API_KEY": "SG.none", "COLDFRAME_CLOCK": "virtual:2020-01-01T00:00:00Z@2020-01-01T00:00:00Zx1",
        "COLDFRAME_SENDGRID_URL": "http://127.0.0.1:1", "COLDFRAME_HOME": str(home),
    }  # fmt: skip
    command = [sys.executable, "-m", "engine.cli.main", "demo", "--json", "--leads", "20", "--speed", "3"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, **elsewhere})
    assert done.returncode == 0, done.stdout + done.stderr
    story = json.loads(done.stdout)
    assert story["ok"]
    assert story["leads"] == 20
    assert story["mails"]["accepted"] > 20
    assert story["needs_attention"] == 0
    assert [one["report"] for one in story["reports"]] == ["sources", "funnel", "campaigns"]
    assert {"fact": "the reports say what the log says", "holds": True, "broken": []} in story["facts"]
    assert sum(story["handoffs"].values()) > 0, "each of those who could be handed over is in the control group"

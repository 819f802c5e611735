"""Fetches of an email's picture, links and files: what is stored of them, which become events, and when."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from engine.leads import mail_hits
from engine.mail.links import link_id
from engine.platform.settings import Settings
from engine.rules.tracking.hits import HIDDEN, HOLD, SOON, VERSION, Kind
from engine.runtime.runtime import open_runtime
from engine.store import hits as stored
from engine.tracking.hits import KEPT, Fetch, Followed, judge_again, prune
from engine.why.log import Said
from engine.why.read import read
from engine.why.tell import tell
from tests.support.stage import COMPANY, Stage, open_stage, stage_fixture
from worker import BESIDE

SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0"
APPLE_PRIVACY = "Mozilla/5.0"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"

WORKSPACE = f"""{COMPANY}form "paper"
    ask email required
    consent "Yes" for topic "news"

scoring
    +10 when email is clicked
    +3 when email is opened
    +7 when file is downloaded

campaign "C"
    starts when form "paper" is submitted
    topic "news"
    flow
        send "one"
        wait up to 5 minutes for email "one" is clicked
            send "clicked"
        otherwise
            send "reminder"
"""
LINKS = " ".join(f"[go](https://acme.example/{name})" for name in ("a", "b", "c"))
A, B, C = (link_id(f"https://acme.example/{name}") for name in "abc")
LONG = WORKSPACE.replace("wait up to 5 minutes", "wait up to 3 days")
TEMPLATES = {"one": f"---\nsubject: one\n---\n{LINKS}\n"}

stage = stage_fixture(LONG, TEMPLATES)


async def enter(stage: Stage, number: int = 0) -> UUID:
    """A new lead, who gets an email. The email's id."""
    await stage.post("paper", ("news",), email=f"lead{number}@firm.example")
    return stage.mailer.mails[-1].message_id


async def fetch(
    stage: Stage, message: UUID, link: str = "", *, kind: Kind | None = None, agent: str = FIREFOX,
    address: str = "198.51.100.7", signs: tuple[str, ...] = (),
) -> str | None:  # fmt: skip
    what = Followed(kind or ("click" if link else "open"), message, link, stage.clock.now())
    found = await mail_hits.take(stage.rt, what, Fetch(address, agent, signs))
    await stage.settle()
    return found


async def settle(stage: Stage) -> None:
    """What a worker does every second."""
    await mail_hits.settle_all(stage.rt)
    await stage.settle()


async def types(stage: Stage) -> list[str]:
    rows = await stage.rows(
        "SELECT type FROM events WHERE type LIKE 'email.%%' OR type = 'file.downloaded' ORDER BY at, seq"
    )  # fmt: skip
    return [row.type for row in rows]


async def judged(stage: Stage) -> list[tuple[str, list[str]]]:
    return [(row.judgement, row.reasons) for row in await hits(stage)]


async def hits(stage: Stage) -> list[Any]:
    return await stage.rows("SELECT * FROM mail_hits ORDER BY at, link")


async def score(stage: Stage) -> float:
    [row] = await stage.rows("SELECT scores FROM leads")
    return float(row.scores.get("", 0))


async def test_a_hit_is_stored_with_as_little_of_its_client_as_the_rules_need(stage: Stage):
    message = await enter(stage)
    stage.clock.advance(DAY)
    await fetch(stage, message, A, address="203.0.113.77", agent=FIREFOX + "x" * 400)
    await fetch(stage, message, address="2001:db8:1:2:3::4", signs=("HEAD", "prefetch"))
    click, opening = sorted(await hits(stage), key=lambda row: row.kind)
    assert (click.message_id, click.kind, click.link, click.network) == (message, "click", A, "203.0.113.0/24")
    assert (click.judgement, click.version, click.at) == ("human", VERSION, stage.clock.now())
    assert len(click.agent) == 300
    assert (opening.network, opening.signs, opening.seq) == ("2001:db8:1::/48", ["HEAD", "prefetch"], None)
    assert (opening.judgement, opening.reasons) == ("machine", ["HEAD", "prefetch"])
    assert len({click.client, opening.client}) == 2
    assert "203.0.113.77" not in str([tuple(row) for row in await hits(stage)])
    [event] = await stage.rows("SELECT seq, lead_id FROM events WHERE type = 'email.clicked'")
    assert (event.seq, event.lead_id) == (click.seq, click.lead_id)


@pytest.mark.parametrize(
    ("agent", "signs", "reason"),
    [
        (FIREFOX, ("HEAD",), "HEAD"), (FIREFOX, ("prefetch",), "prefetch"), ("", (), "agent: an unnamed program"),
        (APPLE_PRIVACY, (), "agent: Apple Mail Privacy Protection"), ("curl/8.5.0", (), "agent: a program"),
    ],
)  # fmt: skip
async def test_a_machine_is_no_event_no_touch_and_no_point(stage: Stage, agent: str, signs: tuple[str, ...], reason):
    message = await enter(stage)
    stage.clock.advance(DAY)
    assert await fetch(stage, message, A, agent=agent, signs=signs) == "https://acme.example/a"
    await fetch(stage, message, agent=agent, signs=signs)
    await settle(stage)
    assert await types(stage) == []
    assert await stage.rows("SELECT 1 FROM touches WHERE kind = 'mail click'") == []
    assert await score(stage) == 0
    assert await judged(stage) == [("machine", [reason])] * 2


async def test_an_open_by_a_machine_does_not_hide_the_one_by_a_person(stage: Stage):
    message = await enter(stage)
    stage.clock.advance(SECOND)
    await fetch(stage, message, agent=GMAIL)
    stage.clock.advance(MINUTE)
    await fetch(stage, message, agent=APPLE_PRIVACY)
    assert (await types(stage), await score(stage)) == ([], 0)
    stage.clock.advance(DAY)
    await fetch(stage, message, agent=GMAIL)
    stage.clock.advance(DAY)
    await fetch(stage, message)
    assert (await types(stage), await score(stage)) == (["email.opened"], 3)
    found = await judged(stage)
    assert found[0] == ("machine", ["soon"])
    assert [judgement for judgement, _ in found] == ["machine", "machine", "human", "human"]


@pytest.mark.parametrize(("after", "counts"), [(SOON - SECOND, False), (SOON, True)])
async def test_nobody_opens_within_ten_seconds(stage: Stage, after: timedelta, counts: bool):
    message = await enter(stage)
    stage.clock.advance(after)
    await fetch(stage, message)
    assert await types(stage) == (["email.opened"] if counts else [])


async def test_an_early_click_is_held_and_counts_with_its_own_instant(stage: Stage):
    message = await enter(stage)
    stage.clock.advance(2 * MINUTE)
    clicked = stage.clock.now()
    assert await fetch(stage, message, A) == "https://acme.example/a", "the answer is not held"
    await settle(stage)
    assert (await types(stage), await judged(stage)) == ([], [("held", [])])
    stage.clock.advance(HOLD - SECOND)
    await settle(stage)
    assert await types(stage) == []
    stage.clock.advance(SECOND)
    await settle(stage)
    [event] = await stage.rows("SELECT at, happened_at, data FROM events WHERE type = 'email.clicked'")
    assert (event.at, event.happened_at) == (clicked + HOLD, clicked)
    assert event.data["link"] == "https://acme.example/a"
    [touch] = await stage.rows("SELECT at FROM touches WHERE kind = 'mail click'")
    assert touch.at == clicked
    assert await judged(stage) == [("human", [])]
    assert [mail.subject for mail in stage.mailer.mails] == ["one", "clicked"]
    await settle(stage)
    assert await types(stage) == ["email.clicked"]


async def test_a_held_click_outlives_its_process_and_counts_once_whoever_judges_it(stage: Stage):
    message = await enter(stage)
    stage.clock.advance(2 * MINUTE)
    await fetch(stage, message, A)
    stage.clock.advance(DAY)
    settings = Settings(database_url=str(stage.rt.settings.database_url), secret="s" * 32, pepper="p" * 32)
    async with open_runtime(settings, clock=stage.clock) as first, open_runtime(settings, clock=stage.clock) as second:
        await asyncio.gather(mail_hits.settle_all(first), mail_hits.settle_all(second))
    assert await types(stage) == ["email.clicked"]
    assert await judged(stage) == [("human", [])]


async def test_a_client_that_was_there_before_is_not_held(stage: Stage):
    message = await enter(stage)
    stage.clock.advance(MINUTE)
    await fetch(stage, message)
    stage.clock.advance(2 * HOLD)
    await fetch(stage, message, A)
    assert await types(stage) == ["email.opened", "email.clicked"]


async def test_three_links_within_five_seconds_are_a_machine_from_the_first_on(stage: Stage):
    message = await enter(stage)
    stage.clock.advance(MINUTE)
    for link in (A, B, C):
        await fetch(stage, message, link)
        stage.clock.advance(2 * SECOND)
    stage.clock.advance(MINUTE)
    await settle(stage)
    assert (await types(stage), await score(stage)) == ([], 0)
    assert await judged(stage) == [("machine", ["burst"])] * 3


async def test_two_links_in_a_row_are_a_person_and_each_counts(stage: Stage):
    message = await enter(stage)
    stage.clock.advance(MINUTE)
    for link in (A, B):
        await fetch(stage, message, link)
        stage.clock.advance(SECOND)
    stage.clock.advance(MINUTE)
    await settle(stage)
    assert await types(stage) == ["email.clicked"] * 2


@pytest.mark.parametrize("order", [(HIDDEN, A), (A, HIDDEN)])
async def test_a_client_that_follows_the_hidden_link_is_a_machine_before_and_after_it(stage: Stage, order):
    message = await enter(stage)
    stage.clock.advance(MINUTE)
    for link in order:
        assert await fetch(stage, message, link) == ("" if link == HIDDEN else "https://acme.example/a")
        stage.clock.advance(8 * SECOND)
    await fetch(stage, message, A, address="192.0.2.1")
    stage.clock.advance(DAY)
    await settle(stage)
    assert await types(stage) == ["email.clicked"], "that of another client"
    assert sorted(await judged(stage)) == [
        ("human", []), ("machine", ["hidden link"]), ("machine", ["hidden link"]),
    ]  # fmt: skip


async def test_one_client_in_the_emails_of_many_leads_is_a_machine(stage: Stage):
    messages = [await enter(stage, number) for number in range(7)]
    stage.clock.advance(5 * MINUTE)
    for message in messages:
        await fetch(stage, message, A)
        stage.clock.advance(SECOND)
    stage.clock.advance(MINUTE)
    await settle(stage)
    assert await types(stage) == []
    assert await judged(stage) == [("machine", ["many leads"])] * 7


async def test_readers_behind_one_proxy_are_persons(stage: Stage):
    messages = [await enter(stage, number) for number in range(7)]
    stage.clock.advance(DAY)
    for message in messages:
        await fetch(stage, message, agent=GMAIL)
    assert await types(stage) == ["email.opened"] * 7


async def test_nothing_is_stored_of_a_lead_without_consent_to_tracking(new_database: Any):
    careful = LONG.replace("tracking is always on", "tracking needs consent")
    assert careful != LONG
    async with open_stage(new_database(), careful, TEMPLATES) as stage:
        message = await enter(stage)
        async with stage.rt.db.hot() as hot:
            await hot.run("INSERT INTO links (id, url) VALUES (%(id)s, 'https://acme.example/a')", {"id": A})
            await hot.commit()
        stage.clock.advance(DAY)
        assert await fetch(stage, message, A) == "https://acme.example/a"
        await fetch(stage, message)
        assert (await hits(stage), await types(stage)) == ([], [])


async def test_a_file_fetched_by_a_machine_is_no_download(stage: Stage):
    message = await enter(stage)
    [lead] = await stage.rows("SELECT id FROM leads")
    stage.clock.advance(2 * SECOND)
    await fetch(stage, message, A)
    await fetch(stage, lead.id, "guide.pdf", kind="download")
    stage.clock.advance(DAY)
    await fetch(stage, lead.id, "guide.pdf", kind="download", agent="curl/8.5.0")
    assert (await types(stage), await score(stage)) == ([], 0)
    await fetch(stage, lead.id, "guide.pdf", kind="download")
    assert (await types(stage), await score(stage)) == (["file.downloaded"], 7)


async def test_hits_go_after_180_days_and_what_they_caused_stays(stage: Stage):
    message = await enter(stage)
    stage.clock.advance(DAY)
    await fetch(stage, message, A)
    stage.clock.advance(DAY)
    await fetch(stage, message)
    stage.clock.advance(KEPT - DAY)
    assert await prune(stage.rt) == 0
    stage.clock.advance(SECOND)
    assert await prune(stage.rt) == 1
    assert [row.kind for row in await hits(stage)] == ["open"]
    assert await types(stage) == ["email.clicked", "email.opened"]


async def test_judging_again_changes_judgements_alone_and_only_once(stage: Stage):
    message = await enter(stage)
    stage.clock.advance(DAY)
    await fetch(stage, message, A)
    stage.clock.advance(SECOND)
    await fetch(stage, message, HIDDEN)
    before = await stage.rows("SELECT count(*) AS many FROM events")
    assert [judgement for judgement, _ in await judged(stage)] == ["human", "machine"]
    seen: list[int] = []
    tried = await judge_again(stage.rt.db, dry_run=True, done=seen.append)
    assert (tried.hits, tried.machine, tried.counted, tried.human, seen) == (2, 1, 1, 0, [2])
    assert [judgement for judgement, _ in await judged(stage)] == ["human", "machine"]
    assert await judge_again(stage.rt.db, dry_run=False, done=seen.append) == tried
    assert await judged(stage) == [("machine", ["hidden link"])] * 2
    again = await judge_again(stage.rt.db, dry_run=False, done=seen.append)
    assert (again.hits, again.changed, again.counted) == (2, 0, 0)
    assert await stage.rows("SELECT count(*) AS many FROM events") == before
    assert await score(stage) == 10
    assert [mail.subject for mail in stage.mailer.mails] == ["one", "clicked"]


async def test_why_says_what_was_found_to_be_software_afterwards(stage: Stage):
    message = await enter(stage)
    stage.clock.advance(DAY)
    await fetch(stage, message, A)
    stage.clock.advance(SECOND)
    await fetch(stage, message, HIDDEN)
    doubt = 'clicked acme.example/a in email "one": found later to be software'
    assert doubt not in [one.text for one in await story(stage)]
    await judge_again(stage.rt.db, dry_run=False, done=lambda _: None)
    said = await story(stage)
    [line] = [one for one in said if one.text == doubt]
    assert line.why == "the client followed the hidden link; the points and branches it caused stay"
    texts = [one.text for one in said]
    assert texts.index("+10 points, now 10") < texts.index(doubt)


async def story(stage: Stage) -> list[Said]:
    told = tell(await read(stage.rt.db, "lead0@firm.example", "C", stage.clock.now()))
    return [line for _, lines in told.runs for line in lines]


async def test_judging_again_leaves_what_is_held(stage: Stage):
    message = await enter(stage)
    stage.clock.advance(MINUTE)
    await fetch(stage, message, A)
    assert (await judge_again(stage.rt.db, dry_run=False, done=lambda _: None)).hits == 0
    assert await stored.count(stage.rt.db) == 0
    assert await judged(stage) == [("held", [])]


async def test_a_click_costs_no_more_statements_than_before(stage: Stage):
    message = await enter(stage)
    stage.clock.advance(DAY)
    db = stage.rt.db

    async def cost(link: str, agent: str) -> tuple[int, int]:
        statements, commits = db.statements, db.commits
        what = Followed("click", message, link, stage.clock.now())
        await mail_hits.take(stage.rt, what, Fetch("198.51.100.7", agent))
        return db.statements - statements, db.commits - commits

    assert await cost(A, FIREFOX) == (3, 1)
    assert await cost(B, "curl/8.5.0") == (2, 1)


async def test_a_click_just_before_the_leads_clock_rings_is_not_held(stage: Stage):
    message = await enter(stage)
    stage.clock.advance(2 * MINUTE)
    async with stage.rt.db.hot() as hot:
        due = stage.clock.now() + 30 * SECOND
        await hot.run("INSERT INTO lead_clock SELECT id, 'refresh', %(due)s FROM leads", {"due": due})
        await hot.commit()
    await fetch(stage, message, A)
    assert await types(stage) == ["email.clicked"]


async def test_a_click_just_before_a_wait_ends_counts_before_it_ends(new_database: Any):
    async with open_stage(new_database(), WORKSPACE, TEMPLATES) as stage:
        message = await enter(stage)
        await stage.pass_time(5 * MINUTE - 3 * SECOND)
        await fetch(stage, message, A)
        await stage.pass_time(MINUTE)
        assert [mail.subject for mail in stage.mailer.mails] == ["one", "clicked"]


def test_every_worker_judges_what_is_held_and_removes_what_is_old():
    jobs = {job.work: job.every for job in BESIDE}
    assert jobs[mail_hits.settle_all] <= 1
    assert prune in jobs

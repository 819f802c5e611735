"""Every campaign of a workspace that uses the whole language, on the real servers and processes, with days of a second.

Meanwhile campaigns are paused, resumed, stopped and deployed anew under their leads, and a worker is killed.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from temporalio.client import Client

from engine.access.keys import make_key
from engine.cli.deploy import put_into_force
from engine.cli.workspace import examine
from engine.deploying import pauses
from engine.deploying.deploy import How
from engine.platform.clock import HeldClock
from engine.rules.conditions.chance import in_control
from tests.faults.conftest import World, open_world, until, write_workspace
from tests.support.histories import fetch_ended
from tests.support.invariants import assert_whole, breaches, moves_of
from tests.support.picture import Picture, take
from tests.support.whole import Hook, templates, workspace

pytestmark = pytest.mark.timeout(300)

BEGIN = datetime(2027, 2, 25, 7, tzinfo=UTC)
PAPERS = 8
ENDING = ("renews", "moves", "empties", "zone")
PERSONAL = ("lead.example", "acme.example", "zaphodia")


@dataclass
class Acme:
    """`picture`: all that is remembered once all rests."""

    world: World
    hook: Hook
    key: str
    picture: Picture = field(default_factory=lambda: Picture({}))

    async def tell(self, what: str, *items: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Post to the API, all at once in one list."""
        answer = await self.world.client.post(
            f"/api/{what}", json=list(items), headers={"Authorization": f"Bearer {self.key}"}
        )
        assert answer.status_code == 200, answer.text
        results: list[dict[str, Any]] = answer.json()["results"]
        assert all(one["state"] != "refused" for one in results), results
        return results

    async def day(self, number: float) -> None:
        """Until so many days have passed since the beginning."""
        end = self.world.rt.clock.to_real(BEGIN + timedelta(days=number))
        await asyncio.sleep(max((end - self.world.rt.clock.real()).total_seconds(), 0))

    def mails(self, name: str) -> list[str]:
        return sorted(self.world.accepted(f"{name}@"))

    def runs(self, campaign: str) -> dict[str, str]:
        """The outcome of each lead's newest run in a campaign, by the name before the @."""
        rows = self.world.query(
            """SELECT split_part(l.email, '@', 1) AS name, coalesce(e.outcome, e.state) AS outcome
            FROM enrolments e JOIN leads l ON l.id = e.lead_id WHERE e.campaign = %s ORDER BY e.number""",
            campaign,
        )
        return {row.name: row.outcome for row in rows}


def lead(name: str, **more: Any) -> dict[str, Any]:
    return {"email": f"{name}@lead.example", **more}


@pytest.fixture(scope="module", autouse=True)
def private_posts() -> Iterator[None]:
    """The receiver of its posts is on this machine, which `check` allows only where the setting says so."""
    with patch.dict(os.environ, COLDFRAME_POST_PRIVATE="true"):
        yield


@pytest.fixture(scope="module")
async def acme() -> AsyncIterator[Acme]:
    with Hook(faults=3) as hook:
        text = workspace(hook.url)
        async with open_world(
            2, text, templates(text), clock=lambda home: HeldClock(BEGIN, home / "clock", 86_400),
            COLDFRAME_POST_PRIVATE="true",
        ) as world:  # fmt: skip
            yield Acme(world, hook, await make_key(world.rt.db, world.rt.clock, "test"))


async def test_every_campaign_carries_its_leads_to_the_end(acme: Acme) -> None:
    world = acme.world
    clock = world.rt.clock
    assert isinstance(clock, HeldClock)
    clock.start()
    posts = await everybody_comes(acme)
    await asyncio.gather(*(acme.tell("events", order("cart3", 7)) for _ in range(50)))
    await acme.day(5)
    await asyncio.gather(*(acme.tell("leads", lead("list", lists=["Readers"])) for _ in range(10)))
    await until(lambda: acme.mails("cart1"))
    assert (await world.client.get(world.link("cart1@lead.example") or "")).status_code == 302
    await acme.day(8)
    await pauses.pause(world.rt.db, clock, "Digest", "ada")
    await pauses.stop(world.rt.db, clock, "Doomed", "ada")
    await acme.tell("events", event("attended", "webinar.attended", "Seals"))
    await until(lambda: all(acme.mails(name) == ["renewal/first"] for name in ENDING))
    changes = {"moves": {"contract_end": "2027-03-20"}, "empties": {"contract_end": None}}
    changes["zone"] = {"timezone": "Asia/Tokyo"}
    await acme.tell("leads", *(lead(name, fields=fields) for name, fields in changes.items()))
    await until(lambda: acme.runs("Contract")["empties"] == "finished")
    killed = asyncio.create_task(world.stack.restart("worker-1", by=signal.SIGKILL))
    await acme.tell("events", *(event(f"cart{n}", "cart.updated") for n in range(4, 8)))
    await acme.day(14)
    await pauses.resume(world.rt.db, clock, "Digest", "ada", spread=timedelta(hours=1))
    await until(lambda: "Doomed" not in {row.campaign for row in living(world)})
    await deploy_anew(acme)
    await killed
    await acme.day(29)
    await until(lambda: not living(world) and not world.query("SELECT 1 FROM outbox"))
    picture = acme.picture = take(
        world.stack.database_url, world.mail.accepted, runs=await fetch_ended(world.stack.temporal_address),
        posts=posts, hooks=acme.hook.keys,
    )  # fmt: skip
    assert_whole(picture, clock.to_real)
    outcomes_are_right(acme, picture)
    await nothing_personal(world, len(picture.enrolments))


async def everybody_comes(acme: Acme) -> list[tuple[str, str]]:
    """The leads of every campaign, all at once; the posts of forms that were answered."""
    events = [event(name, "cart.updated") for name in ("cart1", "cart2", "cart3")]
    events += [event(name, "webinar.registered", "Seals") for name in ("attended", "absent1", "absent2", "absent3")]
    events += [event("doomed", "custom", "doomed")]
    ending = {"fields": {"contract_end": "2027-03-23"}, "owner": "owner@acme.example"}
    people = [lead(name, **ending) for name in ENDING]
    people += [
        lead("leapling", fields={"birthday": "1988-02-29", "first_name": "Zaphodia"}),
        lead("born", fields={"birthday": "1990-03-05", "timezone": "Asia/Tokyo"}),
        lead("large", fields={"company_size": 500}),
    ]
    papers = [("whitepaper", f"paper{n}@lead.example") for n in range(PAPERS)]
    await asyncio.gather(
        acme.tell("events", *events), acme.tell("leads", *people), *(acme.world.post(*one) for one in papers)
    )
    await acme.tell("events", *(event(f"paper{n}", "custom", "hot") for n in range(PAPERS // 2)))
    return papers


async def deploy_anew(acme: Acme) -> None:
    """Another wording behind the step where leads wait, who are moved to it; the workers do it."""
    stack, folder = acme.world.stack, acme.world.stack.home / "campaigns"
    text = workspace(acme.hook.url).replace('"contract/old"', '"contract/new"')
    write_workspace(folder, text, templates(text))
    done = await put_into_force(stack.settings, stack.database_url, examine(folder), "ada", How(move=True))
    assert (done.new_plans, len(done.jobs)) == (("Contract",), 1)
    await until(lambda: not acme.world.query("SELECT 1 FROM jobs WHERE finished_at IS NULL"))


def outcomes_are_right(acme: Acme, picture: Picture) -> None:
    """What every campaign has done for each of its leads."""
    world = acme.world
    assert acme.runs("Abandoned cart") == dict.fromkeys((f"cart{n}" for n in (1, 2, 4, 5, 6, 7)), "finished")
    assert len(world.query("SELECT 1 FROM events WHERE type = 'order.placed'")) == 1, "one order, posted 50 times"
    assert acme.mails("cart1") == ["cart/reminder"]
    assert acme.mails("cart2") in (["cart/discount", "cart/reminder"], ["cart/help", "cart/reminder"])
    assert acme.runs("Birthday") == {"leapling": "finished", "born": "finished"}
    days = {row.key for row in picture.events if row.type == "date.due"}
    assert {key.rpartition(":")[2] for key in days} >= {"2027-02-28", "2027-03-05", "2027-03-23"}
    assert acme.runs("Renewal") == {"renews": "finished", "moves": "left", "empties": "left", "zone": "finished"}
    assert acme.mails("owner") == ["internal/risk"] * 2
    assert acme.runs("Contract") == dict.fromkeys(ENDING, "finished")
    assert len(moves_of(picture)) == 3, "all who were still waiting"
    assert acme.mails("moves") == ["contract/new", "renewal/first"]
    assert acme.mails("empties") == ["contract/old", "renewal/first"], "without a date there is nothing to wait for"
    taken = Counter(row.template.rpartition("/")[2] for row in picture.messages if row.kind == "post")
    assert taken == {"renewal": 2, "contract": 4}
    assert acme.hook.refused == 3
    assert acme.mails("attended") == ["webinar/confirmation", "webinar/recording"]
    for name in ("absent1", "absent2", "absent3"):
        assert acme.mails(name)[1:] in (["webinar/long"], ["webinar/short"])
    whitepaper_and_what_follows(acme, picture)
    assert "internal/large" in acme.mails("eva")
    assert "internal/large" not in acme.mails("away"), "who is away is not told"
    assert acme.runs("Large") == {"large": "finished"}
    assert [run for run in picture.enrolments if run.attention] == []
    assert world.query("SELECT 1 FROM leads WHERE attention IS NOT NULL") == []
    assert acme.runs("Doomed") == {"doomed": "stopped by ada"}
    assert acme.mails("doomed") == ["doomed/first"]


def whitepaper_and_what_follows(acme: Acme, picture: Picture) -> None:
    """The control group is measured and hears nothing; the cold ones are put on a list, the hot ones go to sales."""
    found = examine(acme.world.stack.home / "campaigns")
    assert found.program is not None
    plan = next(one for one in found.program.campaigns if one.campaign == "Whitepaper")
    ids = {f"{row.name}": row.id for row in acme.world.query("SELECT id, split_part(email, '@', 1) AS name FROM leads")}
    assert acme.runs("Whitepaper") == {f"paper{n}": "finished" for n in range(PAPERS)}
    readers = {"list"}
    for n in range(PAPERS):
        name = f"paper{n}"
        controlled, mails = in_control(plan, ids[name]), acme.mails(name)
        assert ("paper/welcome" in mails) is not controlled
        assert ("paper/still-here" in mails) is (n < PAPERS // 2 and not controlled)
        if n >= PAPERS // 2 and not controlled:
            readers.add(name)
    assert acme.runs("Digest") == dict.fromkeys(readers, "finished")
    for name in readers:
        assert acme.mails(name).count("digest") == 3
    woken = acme.runs("Wake up")
    assert woken, "nobody has come back"
    assert set(woken.values()) == {"finished"}


async def nothing_personal(world: World, runs: int) -> None:
    """Of all that, Temporal and the logs have heard ids only."""
    client = await Client.connect(world.stack.temporal_address)
    told: dict[str, str] = {}
    async for run in client.list_workflows():
        history = await client.get_workflow_handle(run.id, run_id=run.run_id).fetch_history()
        raw = b"".join(one.SerializeToString() for one in history.events)
        told[run.id] = history.to_json() + raw.decode("utf-8", "replace")
    assert len(told) >= runs
    logs = {path.name: path.read_text("utf-8", "replace") for path in world.log_files()}
    for name, text in {**told, **logs}.items():
        assert [one for one in PERSONAL if one in text.casefold()] == [], name


Doctor = Callable[[Picture], None]


def change(picture: Picture, table: str, which: Callable[[Any], bool], **values: Any) -> None:
    """Of the first such row."""
    rows = picture.rows[table]
    index = next(n for n, row in enumerate(rows) if which(row))
    rows[index] = rows[index]._replace(**values)


def lose_a_post(picture: Picture) -> None:
    picture.hooks = (picture.hooks or ())[1:]


def post_out_of_nowhere(picture: Picture) -> None:
    picture.hooks = [*(picture.hooks or ()), "another"]


def write_twice_to_a_colleague(picture: Picture) -> None:
    row = next(one for one in picture.messages if one.kind == "staff")
    picture.rows["messages"].append(row._replace(id="another", visit=f"{row.visit} again"))
    picture.ledger = [*(picture.ledger or ()), {"message": "another"}]


def mail_in_a_pause(picture: Picture) -> None:
    pause = next(row for row in picture.campaign_states if row.state == "paused")
    runs = {run.id for run in picture.enrolments if run.campaign == "Digest"}
    within = pause.at + (pause.until - pause.at) / 2
    change(picture, "messages", lambda row: row.owner in runs and row.state == "accepted", at=within)


def repeat_a_date(picture: Picture) -> None:
    row = next(one for one in picture.events if one.type == "date.due")
    picture.rows["events"].append(row)


def move_in_silence(picture: Picture) -> None:
    picture.digests = {run.id: run.digest for run in picture.enrolments}
    others = [run.digest for run in picture.enrolments if run.campaign == "Digest"]
    change(picture, "enrolments", lambda run: run.campaign == "Contract", digest=others[0])


@pytest.mark.parametrize(
    ("doctor", "words"),
    [
        (lose_a_post, "is accepted here and was not there (I1)"),
        (post_out_of_nowhere, "arrived and is not stored here (I2)"),
        (write_twice_to_a_colleague, "was written to a colleague more than once (I2)"),
        (mail_in_a_pause, "was marked while its campaign was paused (I5)"),
        (repeat_a_date, "has come 2 times"),
        (move_in_silence, "has changed its plan (I7)"),
    ],
)
def test_the_checker_sees_what_is_wrong(acme: Acme, doctor: Doctor, words: str) -> None:
    kept = acme.picture
    doctored = replace(kept, rows={name: list(rows) for name, rows in kept.rows.items()})
    assert breaches(doctored) == []
    doctor(doctored)
    assert words in "\n".join(one.text for one in breaches(doctored))


def living(world: World) -> list[Any]:
    return world.query("SELECT campaign FROM enrolments WHERE state <> 'ended'")


def event(name: str, type: str, what: str | None = None, **data: Any) -> dict[str, Any]:
    return {"type": type, "email": f"{name}@lead.example", "data": data, **({"name": what} if what else {})}


def order(name: str, id: int) -> dict[str, Any]:
    return event(name, "order.placed", id=str(id))

"""A hundred leads and twenty killed workers: whatever a worker was doing, no mail is lost and none leaves twice.

The checker that says so is fed doctored rows afterwards, to prove that it would have seen.
"""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.faults.conftest import World, open_world, until
from tests.support.histories import fetch_ended
from tests.support.invariants import assert_whole, breaches
from tests.support.mailserver import Fault
from tests.support.picture import Picture, take
from tests.support.story import story

pytestmark = pytest.mark.timeout(600)

LEADS, KILLS, WORKERS = 100, 20, 2
ANSWER_SECONDS = 0.4
"""How long the mail server takes: time enough for a kill between the hand-over and the answer."""

SETTLED = 240.0
"""Seconds: a call may be killed more than once, and each time it comes round only after its time-out of 60."""


@dataclass
class Storm:
    """`struck`: for each kill, the messages that were under way. `picture`: all that is remembered once all rests."""

    world: World
    struck: list[set[str]] = field(default_factory=list)
    posts: list[tuple[str, str]] = field(default_factory=list)
    picture: Picture = field(default_factory=lambda: Picture({}))

    @property
    def under_way(self) -> set[str]:
        """Messages somebody is handing over; those of workers that are dead do not count."""
        rows = self.world.query("SELECT id::text FROM messages WHERE state = 'sending'")
        return {row.id for row in rows} - set[str]().union(*self.struck)

    async def enter(self, many: int) -> None:
        fresh = [("storm", f"lead{len(self.posts) + n}@lead.example") for n in range(many)]
        await asyncio.gather(*(self.world.post(*one) for one in fresh))
        self.posts += fresh

    async def click(self, number: int) -> None:
        """One of the leads follows the link in its first mail, if it has come."""
        if link := self.world.link(f"lead{number}@lead.example"):
            assert (await self.world.client.get(link)).status_code == 302

    async def rage(self) -> None:
        """Kill the workers in turn, each time while mails are under way. One that was killed comes back meanwhile."""
        returning: dict[str, asyncio.Task[None]] = {}
        for number in range(KILLS):
            victim = f"worker-{number % WORKERS + 1}"
            if victim in returning:
                await returning.pop(victim)
            await self.enter(LEADS // KILLS)
            await self.click(number)
            await until(lambda: self.under_way)
            await asyncio.sleep(ANSWER_SECONDS / 4 * (number % 4))  # not always at the same point of a send
            under_way = self.under_way
            returning[victim] = asyncio.create_task(self.world.stack.restart(victim, by=signal.SIGKILL))
            self.struck.append(under_way)
        await asyncio.gather(*returning.values())

    async def settle(self) -> None:
        """Until every run has ended, here and in Temporal; one that does not end tells its story."""
        with suppress(AssertionError):
            await until(lambda: not self.world.query("SELECT 1 FROM enrolments WHERE state <> 'ended'"), SETTLED)
            await until(lambda: not self.world.query("SELECT 1 FROM outbox"))
        runs = await fetch_ended(self.world.stack.temporal_address)
        self.picture = take(self.world.stack.database_url, self.world.mail.accepted, runs=runs, posts=self.posts)
        living = [run.lead_id for run in self.picture.enrolments if run.state != "ended"]
        assert not living, f"{len(living)} live\n" + story(self.picture, living[0], self.world.rt.clock.to_real)


@pytest.fixture(scope="module")
async def storm() -> AsyncIterator[Storm]:
    async with open_world(WORKERS) as world:
        storm = Storm(world)
        world.mail.always(Fault(delay=ANSWER_SECONDS))
        await storm.rage()
        world.mail.always(None)
        await storm.settle()
        yield storm


async def test_every_invariant_holds_after_twenty_kills_in_the_middle_of_sends(storm: Storm) -> None:
    assert (len(storm.posts), len(storm.struck)) == (LEADS, KILLS)
    picture = storm.picture
    interrupted = {row.id for row in picture.messages if row.reason == "interrupted"}
    assert any(struck & interrupted for struck in storm.struck), "no kill has struck a mail under way"
    assert [run.outcome for run in picture.enrolments] == ["finished"] * LEADS
    assert {row.state for row in picture.messages} <= {"accepted", "unknown"}
    assert Counter(row.template for row in picture.messages) == dict.fromkeys(("one", "two", "three"), LEADS)
    assert len(picture.runs or {}) == LEADS
    assert picture.points, "somebody has clicked"
    assert_whole(picture, storm.world.rt.clock.to_real)


Doctor = Callable[[Picture], None]


def accept_twice(picture: Picture) -> None:
    assert picture.ledger is not None
    picture.ledger = [*picture.ledger, picture.ledger[0]]


def accept_twice_under_another_id(picture: Picture) -> None:
    """As if the row had been replaced by a second one for the same step."""
    assert picture.ledger is not None
    row = next(one for one in picture.messages if one.state == "accepted")
    picture.rows["messages"].append(row._replace(id="another"))
    picture.ledger = [*picture.ledger, {"message": "another"}]


def lose_a_message(picture: Picture) -> None:
    picture.rows["messages"] = picture.messages[1:]


def lose_an_accepted_mail(picture: Picture) -> None:
    assert picture.ledger is not None
    known = next(one.id for one in picture.messages if one.state == "accepted")
    picture.ledger = [one for one in picture.ledger if one["message"] != known]


def leave_a_mail_under_way(picture: Picture) -> None:
    change(picture, "messages", state="sending")


def double_a_points_row(picture: Picture) -> None:
    picture.rows["points"] = [*picture.points, picture.points[0]]


def book_under_a_second_cause(picture: Picture) -> None:
    """As if an event had been counted a second time, and its points had gone into the score."""
    point = picture.points[0]
    picture.rows["points"].append(point._replace(cause="e:1"))
    index = next(n for n, one in enumerate(picture.leads) if one.id == point.lead_id)
    picture.rows["leads"][index] = picture.leads[index]._replace(scores={"": float(point.amount) * 2})


def miscount_a_score(picture: Picture) -> None:
    change(picture, "leads", scores={"": 7})


def lose_an_event(picture: Picture) -> None:
    picture.rows["events"] = picture.events[1:]


def forget_a_wait(picture: Picture) -> None:
    change(picture, "enrolments", state="live", outcome=None, due_at=None, attention=None)


def mail_after_an_unsubscribe(picture: Picture) -> None:
    message = next(one for one in picture.messages if one.state == "accepted")
    index = next(n for n, one in enumerate(picture.leads) if one.id == message.lead_id)
    lead = picture.leads[index]
    picture.rows["leads"][index] = lead._replace(suppressed="unsubscribed")
    rows = picture.rows["events"]
    index = next(n for n, one in enumerate(rows) if one.lead_id == lead.id)
    rows[index] = rows[index]._replace(type="lead.unsubscribed", name="")


def forget_a_post(picture: Picture) -> None:
    picture.posts = [*picture.posts, ("storm", "nobody@lead.example")]


def change_a_plan(picture: Picture) -> None:
    picture.digests = {one.id: one.digest for one in picture.enrolments}
    change(picture, "enrolments", digest="another")


def lose_a_run(picture: Picture) -> None:
    change(picture, "enrolments", state="live", outcome=None)
    picture.runs = {id: run for id, run in (picture.runs or {}).items() if id != picture.enrolments[0].id}


def run_ahead(picture: Picture) -> None:
    change(picture, "enrolments", gen=0)


def change(picture: Picture, table: str, **values: Any) -> None:
    picture.rows[table][0] = picture.rows[table][0]._replace(**values)


@pytest.mark.parametrize(
    ("doctor", "words"),
    [
        (accept_twice, "was accepted 2 times (I2)"),
        (accept_twice_under_another_id, "was accepted 2 times (I2)"),
        (lose_a_message, "has left no message (I1)"),
        (lose_a_message, "has finished without its step"),
        (lose_an_accepted_mail, "is accepted here and was not there (I1)"),
        (leave_a_mail_under_way, "rests with a mail under way (I1)"),
        (double_a_points_row, "gave points by"),
        (book_under_a_second_cause, "does not follow from its points (I3)"),
        (miscount_a_score, "do not add up to its score (I3)"),
        (lose_an_event, "its log has gaps (I3)"),
        (forget_a_wait, "rests on nothing and nobody is told (I4)"),
        (mail_after_an_unsubscribe, "was marked after its lead was suppressed (I5)"),
        (forget_a_post, "is not in the log (I6)"),
        (change_a_plan, "has changed its plan (I7)"),
        (lose_a_run, "Temporal does not know it (I4)"),
        (run_ahead, "has seen generation"),
    ],
)
def test_the_checker_sees_what_is_wrong(storm: Storm, doctor: Doctor, words: str) -> None:
    assert breaches(copy_of(storm.picture)) == []
    doctored = copy_of(storm.picture)
    doctor(doctored)
    assert words in "\n".join(one.text for one in breaches(doctored))


def test_the_story_of_a_lead_is_told_from_every_side(storm: Storm) -> None:
    doctored = copy_of(storm.picture)
    double_a_points_row(doctored)
    with pytest.raises(AssertionError) as failure:
        assert_whole(doctored, storm.world.rt.clock.to_real)
    told = str(failure.value)
    assert story(doctored, doctored.points[0].lead_id, storm.world.rt.clock.to_real) in told
    for wanted in ("form.submitted storm", "+50 points", "the mail server accepts", "timer started", "ends: finished"):
        assert wanted in told
    assert "lead.example" not in told


def copy_of(picture: Picture) -> Picture:
    rows = {name: list(rows) for name, rows in picture.rows.items()}
    return Picture(rows, picture.ledger, picture.runs, picture.posts, picture.digests)

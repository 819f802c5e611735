"""Campaigns that set themselves off stop, under "needs attention"; what comes from outside is not counted."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from dsl.plan import AddPoints, Pattern, Whenever
from engine.model.lead import Event
from engine.rules.runs.bounds import MOST_FED
from engine.rules.runs.interpreter import Stuck
from engine.rules.runs.position import Position
from engine.rules.runs.rests import Sleep
from engine.runs.retry import retry
from tests.rules.test_interpreter import RUN, Story, event, plan, wait
from tests.support.stage import COMPANY, Stage, stage_fixture

OTHER = UUID(int=2)
CHANGED = Pattern(type="field.changed", name="size")
BESIDE = Whenever(id="w", pattern=CHANGED, entry="p", source="c.campaign:9")
PLAN = plan(wait("a", 30), AddPoints(id="p", source="c:4", amount=1), whenevers=(BESIDE,))
AGAIN = Stuck("set off again and again by what campaigns do: c.campaign:9")


def changes(story: Story, many: int, **more) -> object:
    """The field changes so often, each time after a while; what the run says in the end."""
    answer = None
    for _ in range(many):
        story.happen("field.changed", "size", **more)
        answer = story.run()
    return answer


def test_a_block_that_runs_of_campaigns_set_off_again_and_again_needs_a_person():
    for run in (RUN, OTHER):
        story = Story(PLAN)
        assert isinstance(changes(story, MOST_FED, enrolment_id=run), Sleep)
        assert changes(story, 1, enrolment_id=run) == AGAIN
        assert story.run() == AGAIN
        assert story.done == ["p"] * MOST_FED


def test_what_was_not_looked_at_follows_once_a_person_has_looked():
    story = Story(PLAN)
    assert changes(story, MOST_FED + 1, enrolment_id=RUN) == AGAIN
    story.position = story.position.changed(fed=None)
    assert isinstance(story.run(), Sleep)
    assert story.done == ["p"] * (MOST_FED + 1)


def test_what_comes_from_outside_is_not_counted():
    story = Story(PLAN)
    assert isinstance(changes(story, 3 * MOST_FED), Sleep)
    assert isinstance(changes(story, 3 * MOST_FED, enrolment_id=RUN, message_id=UUID(int=3)), Sleep)
    assert story.position.fed is None
    assert "fed" not in story.position.to_json()


def test_an_hour_later_is_counted_anew():
    story = Story(PLAN)
    changes(story, MOST_FED, enrolment_id=RUN)
    story.now += timedelta(hours=1)
    assert isinstance(changes(story, MOST_FED, enrolment_id=RUN), Sleep)
    assert changes(story, 1, enrolment_id=RUN) == AGAIN


def test_a_run_that_needs_a_person_can_still_be_left():
    story = Story(PLAN)
    assert changes(story, MOST_FED + 1, enrolment_id=RUN) == AGAIN
    story.leaving = story.happen("lead.unsubscribed", "")
    assert not isinstance(story.run(), Stuck)
    assert story.position.branches == ()


def test_positions_from_before_are_read():
    old = Story(PLAN).position.to_json()
    assert Position.from_json(old).fed is None


def test_the_deliveries_of_mails_are_the_doing_of_runs_and_clicks_the_leads():
    mail = {"enrolment_id": RUN, "message_id": UUID(int=3)}
    assert event(1, "email.delivered", **mail).by_run
    assert not event(1, "email.clicked", **mail).by_run
    assert event(1, "score.reached", enrolment_id=RUN).by_run
    assert not Event(1, event(1).at, "score.reached", "").by_run


WORKSPACE = f"""{COMPANY}
form "in"
    ask email required
form "round"
    ask email required
field ping number
field pong number

campaign "Feeds itself"
    starts when form "in" is submitted
    flow
        add 10 points
        add -10 points
        wait 1 day
    whenever score reaches 10
        add -10 points
        add 10 points

campaign "Enters"
    starts when form "round" is submitted
    flow
        add 1 to ping

campaign "Left"
    starts when field ping changes
        only if email is known
    enters every time
    flow
        add 1 to pong

campaign "Right"
    starts when field pong changes
        only if email is known
    enters every time
    flow
        add 1 to ping
"""
stage = stage_fixture(WORKSPACE)


def line(text: str) -> str:
    return f"campaigns/test.campaign:{WORKSPACE.splitlines().index(text) + 1}"


async def attention(stage: Stage) -> list[tuple[str, str]]:
    rows = await stage.rows("SELECT campaign, attention FROM enrolments WHERE attention IS NOT NULL")
    return [(row.campaign, row.attention) for row in rows]


async def many(stage: Stage, campaign: str) -> int:
    return len(await stage.rows("SELECT id FROM enrolments WHERE campaign = %(campaign)s", campaign=campaign))


async def test_a_run_that_feeds_itself_stops_and_goes_on_with_a_fresh_count(stage: Stage) -> None:
    await stage.post("in", email="ann@lead.example")
    why = f"set off again and again by what campaigns do: {line('    whenever score reaches 10')}"
    assert await attention(stage) == [("Feeds itself", why)]
    points = len(await stage.rows("SELECT cause FROM points"))
    assert points <= 2 * (MOST_FED + 1)
    assert await retry(stage.rt, campaign=None, lead=None) == 1
    assert await attention(stage) == []
    await stage.rt.delivery.sweep_all()
    await stage.settle()
    assert await attention(stage) == [("Feeds itself", why)]
    assert points < len(await stage.rows("SELECT cause FROM points")) <= 4 * (MOST_FED + 1)


async def test_campaigns_that_start_each_other_stop(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.rules.runs.bounds.MOST_FED", 5)  # each delivery takes a while
    await stage.post("round", email="ann@lead.example")
    why = "campaigns start it again and again: " + line('campaign "Left"')
    assert await attention(stage) == [("Left", why)]
    assert (await many(stage, "Left"), await many(stage, "Right")) == (6, 5)
    await stage.post("round", email="ben@lead.example")
    assert len(await attention(stage)) == 2

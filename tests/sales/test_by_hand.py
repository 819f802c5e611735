"""A comment, a day to follow up, and another member for the lead: on a real database, with the emails they lead to."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

from engine.sales import handoffs
from tests.support.sales import DAY, EVA, JONAS, NOW, SAM, WORKSPACE, act, enter, log_of, row_of, told
from tests.support.stage import Stage, stage_fixture

stage = stage_fixture(WORKSPACE, now=NOW)


async def test_the_lead_goes_to_another_team_and_the_old_link_stops(stage: Stage):
    id = await enter(stage)
    await act(stage, id, "acknowledge", EVA)
    assert await handoffs.reassign(stage.rt, id, EVA, SAM.upper()) == "assigned"
    await stage.settle()
    row = await row_of(stage, id)
    assert (row.team, row.member, row.phase, row.fields["owner"]) == ("Rest", SAM, "assigned", SAM)
    assert row.state["passed_on"] == [EVA]
    assert told(stage, SAM) == ["New lead for you"]
    assert "Another team member has taken over" not in told(stage, EVA)
    assert (await log_of(stage, id))[-2:] == ["handoff.reassigned", "handoff.assigned"]
    [event] = await stage.rows("SELECT name, data FROM events WHERE type = 'handoff.reassigned'")
    assert (event.name, event.data) == ("Rest", {"handoff": str(id), "by": EVA, "to": SAM})
    assert await act(stage, id, "accept", EVA) == "left"
    assert await handoffs.comment(stage.rt, id, EVA, "Still mine?", uuid4()) == "left"
    assert await handoffs.reassign(stage.rt, id, SAM, "nobody@acme.example") == "no member"
    assert await handoffs.reassign(stage.rt, id, SAM, EVA) == "assigned"
    await stage.settle()
    assert await act(stage, id, "accept", SAM) == "left"
    assert await act(stage, id, "accept", EVA) == "closed"
    assert await handoffs.reassign(stage.rt, id, EVA, JONAS) == "closed"


async def test_a_full_member_gets_what_a_person_gives_them(stage: Stage):
    await enter(stage, "zoe", "FR")
    id = await enter(stage)
    assert await handoffs.reassign(stage.rt, id, EVA, SAM) == "assigned"
    assert (await row_of(stage, id)).member == SAM


async def test_the_member_is_reminded_when_business_opens_on_that_day(stage: Stage):
    id = await enter(stage)
    await act(stage, id, "contacted", EVA)
    before = await row_of(stage, id)
    saturday = date(2026, 9, 5)
    assert await handoffs.follow_up(stage.rt, id, EVA, saturday) == "contacted"
    await stage.settle()
    row = await row_of(stage, id)
    monday = datetime(2026, 9, 7, 9, 0, tzinfo=UTC)
    assert datetime.fromisoformat(row.state["follow_up_at"]).astimezone(UTC) == row.due_at == monday
    assert row.state["due_at"] == before.state["due_at"]
    await stage.pass_time(monday - stage.clock.now() + timedelta(minutes=1))
    assert told(stage, EVA).count("Follow up today") == 1
    after = await row_of(stage, id)
    assert (after.state["follow_up_at"], after.due_at) == (None, before.due_at)
    await stage.pass_time(DAY)
    assert told(stage, EVA).count("Follow up today") == 1


async def test_a_follow_up_can_be_removed_and_lies_ahead(stage: Stage):
    id = await enter(stage)
    for day in (NOW.date(), date(2020, 1, 1), date(9999, 12, 31)):
        assert await handoffs.follow_up(stage.rt, id, EVA, day) == "past"
    assert await handoffs.follow_up(stage.rt, id, EVA, date(2026, 9, 3)) == "assigned"
    assert await handoffs.follow_up(stage.rt, id, EVA, None) == "assigned"
    await stage.settle()
    assert (await row_of(stage, id)).state["follow_up_at"] is None
    assert (await log_of(stage, id))[-2:] == ["handoff.scheduled", "handoff.scheduled"]


async def test_a_comment_is_kept_once_and_also_after_the_end(stage: Stage):
    id = await enter(stage)
    key = uuid4()
    for _ in range(2):
        assert await handoffs.comment(stage.rt, id, EVA, "Called.\nWants a pump.", key) == "assigned"
    await act(stage, id, "accept", EVA)
    assert await handoffs.comment(stage.rt, id, JONAS, "Well done", uuid4()) == "closed"
    view = await handoffs.view(stage.rt, id)
    assert view is not None
    said = [entry.text for entry in view.timeline if "ommented" in entry.text]
    assert said == [
        f"{JONAS} commented: Well done",
        f"{EVA} commented: Called.\nWants a pump.",
    ]

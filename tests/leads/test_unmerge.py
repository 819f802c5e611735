"""A merge undone: everything that was the other lead's goes back to it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from engine.leads import intake
from engine.leads.unmerge import NotUndone, unmerge
from engine.store.leads import find
from tests.leads.test_merge import ANN, BEN, DAY, WORKSPACE, delivered, happen, id_of, merged, ordered, row_of
from tests.support.stage import Stage, stage_fixture

stage = stage_fixture(WORKSPACE)


async def state_of(stage: Stage) -> Any:
    """What both leads are, without what counts on."""
    leads = await stage.rows("""SELECT id, email, email_key, fields, scores, stage, topics, lists, interests,
        suppressed, created_at, former, merged_into FROM leads ORDER BY email_key""")
    events = await stage.rows(
        "SELECT lead_id, at, type, name FROM events WHERE type NOT LIKE 'lead.%%' ORDER BY lead_id, seq"
    )
    points = await stage.rows("SELECT lead_id, sum(amount) FROM points GROUP BY 1 ORDER BY 1")
    consents = await stage.rows("SELECT lead_id, topic, state, at FROM consents ORDER BY 1, 2, 4")
    others = [
        await stage.rows(f"SELECT lead_id, id FROM {table} ORDER BY id")
        for table in ("messages", "handoffs", "enrolments", "mail_hits")
    ]
    return leads, events, points, consents, others


async def filled(stage: Stage) -> None:
    await stage.post("paper", ("news",), email=ANN, plan="pro", size=200)
    stage.clock.advance(DAY)
    await stage.post("paper", ("tips",), email=BEN, size=150, country="DE")
    await happen(stage, "page.visited", "/pricing", BEN)
    await happen(stage, "custom", "hot", BEN)
    await stage.pass_time(4 * DAY)


async def test_it_can_be_undone(stage: Stage):
    await filled(stage)
    before = await state_of(stage)
    await merged(stage)
    assert await state_of(stage) != before
    done = await unmerge(stage.rt, await id_of(stage, BEN), "Kim")
    await delivered(stage)
    assert await state_of(stage) == before
    await ordered(stage)
    assert done.kept == await id_of(stage, ANN)
    with pytest.raises(NotUndone, match="not merged"):
        await unmerge(stage.rt, await id_of(stage, BEN))
    await merged(stage, BEN, ANN)
    await unmerge(stage.rt, await id_of(stage, ANN))
    assert await state_of(stage) == before


async def test_what_came_since_stays_and_what_was_taken_back_is_for_both(stage: Stage):
    await filled(stage)
    await merged(stage)
    ann, ben = await id_of(stage, ANN), await id_of(stage, BEN)
    await happen(stage, "custom", "since", BEN)
    await intake.unsubscribe(stage.rt, ben, "tips", "link")
    await unmerge(stage.rt, ben)
    rows = await stage.rows("SELECT lead_id FROM events WHERE type = 'custom' AND name = 'since'")
    assert [one.lead_id for one in rows] == [ann]
    assert (await row_of(stage, ANN)).topics == {"news": "subscribed", "tips": "unsubscribed"}
    assert (await row_of(stage, BEN)).topics == {"tips": "unsubscribed"}
    await happen(stage, "custom", "later", BEN)
    (later,) = await stage.rows("SELECT lead_id FROM events WHERE name = 'later'")
    assert later.lead_id == ben


async def test_a_chain_is_undone_from_its_end(stage: Stage):
    await filled(stage)
    await happen(stage, "custom", "hot", "cy@lead.example")
    before = await state_of(stage)
    await merged(stage, ANN, BEN)
    await merged(stage, "cy@lead.example", ANN)
    assert await find(stage.rt.db, BEN) == (await id_of(stage, "cy@lead.example"), "cy@lead.example")
    with pytest.raises(NotUndone, match="later"):
        await unmerge(stage.rt, await id_of(stage, BEN))
    await unmerge(stage.rt, await id_of(stage, ANN))
    await unmerge(stage.rt, await id_of(stage, BEN))
    after = await state_of(stage)
    assert after[1] == before[1]
    assert after[3:] == before[3:]


async def test_two_handoffs_are_two_again(stage: Stage):
    for email in (BEN, ANN):
        await happen(stage, "custom", "hot", email)
        stage.clock.advance(timedelta(minutes=5))
    await merged(stage)
    await unmerge(stage.rt, await id_of(stage, BEN))
    await delivered(stage)
    rows = await stage.rows("SELECT lead_id, outcome, member FROM handoffs ORDER BY opened_at")
    assert [(one.lead_id, one.outcome) for one in rows] == [
        (await id_of(stage, BEN), None), (await id_of(stage, ANN), "merged"),
    ]  # fmt: skip
    (run,) = await stage.rows("SELECT lead_id FROM enrolments WHERE state = 'live' AND campaign = 'Sell'")
    assert run.lead_id == await id_of(stage, BEN), "the run that ended because of the merge stays ended"

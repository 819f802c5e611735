"""Handoffs on a real database: opened, dealt, climbed, acted on, ended, shown."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from dsl.plan import LeadField
from engine.leads.intake import Occurrence, record
from engine.sales import handoffs
from engine.store import handoffs as store
from tests.support.sales import (
    BOSS,
    DAY,
    EVA,
    HOUR,
    JONAS,
    NOW,
    SAM,
    WORKSPACE,
    act,
    deploy_changed,
    enter,
    keep_teams,
    log_of,
    row_of,
    to_lead,
    told,
)
from tests.support.stage import Stage, deploy_text, stage_fixture

stage = stage_fixture(WORKSPACE, now=NOW)


# ── dealing ──────────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_leads_are_dealt_in_turn_and_each_colleague_is_told(stage: Stage):
    members = [(await row_of(stage, await enter(stage, name))).member for name in ("ann", "bob", "cy", "di")]
    assert members == [EVA, JONAS, EVA, JONAS]
    assert told(stage, EVA) == told(stage, JONAS) == ["New lead for you", "New lead for you"]
    [team] = await stage.rows("SELECT turn FROM teams WHERE name = 'DACH'")
    assert team.turn == 4
    assert await stage.rows("SELECT * FROM outbox") == []


async def test_the_team_is_the_one_whose_territory_it_is(stage: Stage):
    row = await row_of(stage, await enter(stage, "zoe", "FR"))
    assert (row.team, row.member) == ("Rest", SAM)


async def test_what_a_handoff_says_once_it_is_assigned(stage: Stage):
    id = await enter(stage)
    row = await row_of(stage, id)
    assert (row.phase, row.lead_stage, row.fields["owner"], row.note) == (
        "assigned", "MQL", EVA, "Works at Ann Ltd, wrote Ann",
    )  # fmt: skip
    assert (row.gen, row.due_at, row.attention) == (1, NOW + 4 * HOUR, None)
    assert await log_of(stage, id) == ["handoff.opened", "handoff.assigned"]
    [mail] = [mail for mail in stage.mailer.mails if mail.to == EVA]
    token = mail.text.partition("/h/")[2].split()[0].rstrip(")>")
    assert stage.rt.tokens.read("handoff", token) == (str(id), EVA)
    for shown in ("Ann Ltd", "ann@lead.example", "Works at Ann Ltd", "Sep 1, 2026"):
        assert shown in mail.text
    [message] = await stage.rows("SELECT kind, staff, state, step, visit FROM messages")
    assert tuple(message) == ("staff", EVA, "accepted", "assigned", "0:0")


async def test_no_team_leaves_the_lead_to_marketing_and_a_person_is_called(stage: Stage):
    await keep_teams(stage, "DACH")
    await stage.post("demo", ("news",), email="zoe@lead.example", country="FR", first_name="Zoe")
    assert await stage.rows("SELECT * FROM handoffs") == []
    [lead] = await stage.rows("SELECT attention, stage FROM leads")
    assert lead.stage == "MQL"
    assert "no team takes it" in lead.attention
    [run] = await stage.rows("SELECT state FROM enrolments")
    assert run.state == "ended"


async def test_a_note_that_cannot_be_rendered_is_kept_as_written(stage: Stage):
    done = await stage.post("demo", ("news",), email="ann@lead.example", country="DE")
    [row] = await stage.rows("SELECT note FROM handoffs WHERE lead_id = %(lead)s", lead=done.lead_id)
    assert row.note == "Works at {{ lead.company }}, wrote {{ event.first_name }}"


async def test_a_second_handoff_joins_the_open_one_and_both_campaigns_learn_its_end(stage: Stage):
    first = await enter(stage)
    second = await enter(stage, form="paper")
    assert first == second
    assert len(await stage.rows("SELECT * FROM handoffs")) == 1
    await act(stage, first, "accept", EVA)
    assert to_lead(stage) == ["congratulations"]
    [lead] = await stage.rows("SELECT scores FROM leads")
    assert lead.scores == {"": 7}
    assert {row.state for row in await stage.rows("SELECT state FROM enrolments")} == {"ended"}


async def test_a_full_team_lets_the_lead_wait_until_somebody_is_free(stage: Stage):
    first = await enter(stage, "zoe", "FR")
    second = await enter(stage, "yves", "FR")
    row = await row_of(stage, second)
    assert (row.phase, row.member, row.due_at) == ("waiting", None, datetime(2026, 9, 2, 9, 0, tzinfo=UTC))
    assert told(stage, SAM) == ["New lead for you"]
    await act(stage, first, "reject", SAM, "bad fit")
    row = await row_of(stage, second)
    assert (row.phase, row.member) == ("assigned", SAM)
    assert told(stage, SAM) == ["New lead for you", "New lead for you"]
    assert "handoff.retried" in await log_of(stage, second)


async def test_leads_dealt_at_once_never_share_the_last_free_place(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    count, all_there, looked = store.loads, asyncio.Event(), list[dict[str, int]]()

    async def together(*args: Any) -> dict[str, int]:
        """Lets nobody decide before everybody has looked, unless a lock keeps them from looking."""
        mine = await count(*args)
        looked.append(mine)
        if len(looked) == 3:
            all_there.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(all_there.wait(), 0.3)
        return mine

    await act(stage, await enter(stage, "will", "FR"), "reject", SAM, "bad fit")
    stage.runs.down = True
    for name in ("zoe", "yves", "xavi"):
        await stage.post("demo", ("news",), email=f"{name}@lead.example", country="FR", first_name="A", company="B")
    for run in await stage.rows("SELECT id FROM enrolments WHERE state = 'live'"):
        stage.runs.runs[run.id] = ("enrolment", None)
        await stage.step(run.id, "start")
    ids = [row.id for row in await stage.rows("SELECT id FROM handoffs WHERE outcome IS NULL")]
    monkeypatch.setattr(store, "loads", together)
    await asyncio.gather(*(handoffs.advance(stage.rt, id, 0, "start") for id in ids))
    assert len(looked) == 3
    rows = await stage.rows("SELECT member FROM handoffs WHERE outcome IS NULL")
    assert sorted(str(row.member) for row in rows) == ["None", "None", SAM]


async def test_a_lead_comes_back_to_a_former_owner_only_where_the_team_says_so(stage: Stage):
    workspace = WORKSPACE.replace("assign round robin", "assign to former owner, then round robin")
    await deploy_text(stage.rt, workspace)
    first = await enter(stage)
    assert (await row_of(stage, first)).member == EVA
    await act(stage, first, "reject", JONAS, "not ready")
    second = await enter(stage, form="paper")
    assert second != first
    assert (await row_of(stage, second)).member == JONAS, "Jonas took it over, so it is his"


# ── the ladder ───────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_unanswered_it_is_reassigned_then_escalated_then_overdue(stage: Stage):
    id = await enter(stage)
    await stage.pass_time(4 * HOUR)
    row = await row_of(stage, id)
    assert (row.member, row.due_at, row.fields["owner"]) == (JONAS, datetime(2026, 9, 2, 10, 0, tzinfo=UTC), JONAS)
    assert told(stage, EVA) == ["New lead for you", "Another team member has taken over"]
    assert told(stage, JONAS) == ["New lead for you"]
    await stage.pass_time(DAY - 4 * HOUR)
    assert told(stage, EVA)[2:] == ["A lead is waiting"]
    await stage.pass_time(DAY)
    row = await row_of(stage, id)
    assert (row.phase, row.outcome, row.due_at, row.reason) == ("closed", "overdue", None, None)
    assert told(stage, JONAS)[-1] == told(stage, EVA)[-1] == "Closed without a decision"
    assert to_lead(stage) == ["sorry"]
    assert (await log_of(stage, id)).count("handoff.overdue") == 1
    assert stage.runs.runs[id][1].state == "done"


async def test_a_handoff_that_is_recycled_goes_back_to_the_second_stage(stage: Stage):
    id = await enter(stage)
    assert await act(stage, id, "contacted", EVA) == "contacted"
    assert (await row_of(stage, id)).contacted_at == NOW
    await stage.pass_time(15 * DAY)
    row = await row_of(stage, id)
    assert (row.outcome, row.reason, row.lead_stage) == ("overdue", "no response", "Lead")
    assert to_lead(stage) == ["sorry"]


async def test_a_late_timer_counts_from_the_instant_it_was_set_for(stage: Stage):
    id = await enter(stage)
    early = await handoffs.advance(stage.rt, id, 1, "timer")
    row = await row_of(stage, id)
    assert row.member == JONAS, "the machine's clock may be behind the timer"
    assert early.gen == 2


async def test_a_timer_that_fires_while_sales_acts_changes_nothing(stage: Stage):
    id = await enter(stage)
    stage.clock.advance(4 * HOUR)
    await handoffs.act(stage.rt, id, "acknowledge", EVA, None)
    await stage.step(id, "timer")
    row = await row_of(stage, id)
    assert (row.phase, row.member) == ("acknowledged", EVA)


async def test_a_team_that_is_gone_leaves_its_leads_to_the_others_or_shows_them(stage: Stage):
    id = await enter(stage)
    await keep_teams(stage, "Rest")
    await stage.pass_time(4 * HOUR)
    row = await row_of(stage, id)
    assert (row.phase, told(stage, BOSS)) == ("assigned", ["A lead is waiting"])
    await keep_teams(stage)
    await handoffs.advance(stage.rt, id, row.gen, "event")
    assert "gone" in (await row_of(stage, id)).attention


# ── what sales does ──────────────────────────────────────────────────────────────────────────────────────────────────
async def test_accepting_makes_an_sql_and_the_campaign_goes_on(stage: Stage):
    id = await enter(stage)
    assert await act(stage, id, "accept", EVA) == "closed"
    row = await row_of(stage, id)
    assert (row.outcome, row.lead_stage, row.acknowledged_at, row.closed_at) == ("accepted", "SQL", NOW, NOW)
    [event] = await stage.rows("SELECT data FROM events WHERE type = 'handoff.accepted'")
    assert event.data == {"handoff": str(id), "by": EVA}
    assert to_lead(stage) == ["congratulations"]
    assert stage.runs.runs[id][1].state == "done"


@pytest.mark.parametrize(("reason", "mail"), [("Not Ready", "later"), ("bad fit", "goodbye")])
async def test_a_rejection_takes_the_most_specific_way(stage: Stage, reason: str, mail: str):
    id = await enter(stage)
    await act(stage, id, "reject", EVA, reason)
    row = await row_of(stage, id)
    assert (row.outcome, row.reason, row.lead_stage, row.contacted_at) == ("rejected", reason, "MQL", None)
    assert to_lead(stage) == [mail]


async def test_acknowledging_moves_the_deadline_of_the_run(stage: Stage):
    id = await enter(stage)
    stage.clock.advance(HOUR)
    assert await act(stage, id, "acknowledge", EVA) == "acknowledged"
    row = await row_of(stage, id)
    assert (row.acknowledged_at, row.due_at) == (NOW + HOUR, NOW + HOUR + DAY)
    assert (await log_of(stage, id))[-1] == "handoff.acknowledged"
    await stage.pass_time(DAY - HOUR)
    assert told(stage, BOSS) == []
    await stage.pass_time(HOUR)
    assert (told(stage, BOSS), told(stage, EVA)[1:]) == (["A lead is waiting"], ["Still yours"])


async def test_doing_it_twice_or_too_late_changes_nothing(stage: Stage):
    id = await enter(stage)
    await act(stage, id, "acknowledge", EVA)
    before = len(await log_of(stage, id))
    assert await act(stage, id, "acknowledge", EVA) == "done before"
    assert await act(stage, id, "acknowledge", JONAS) == "taken"
    await act(stage, id, "reject", EVA, "no budget")
    assert await act(stage, id, "accept", EVA) == "closed"
    assert len(await log_of(stage, id)) == before + 1
    assert (await row_of(stage, id)).outcome == "rejected"
    assert await handoffs.act(stage.rt, uuid4(), "accept", EVA, None) == "unknown"


async def test_a_colleague_who_takes_over_owns_the_lead_and_the_other_is_told(stage: Stage):
    id = await enter(stage)
    assert await act(stage, id, "acknowledge", JONAS) == "acknowledged"
    row = await row_of(stage, id)
    assert (row.member, row.fields["owner"]) == (JONAS, JONAS)
    assert told(stage, EVA)[1:] == ["Another team member has taken over"]


async def test_two_colleagues_at_once_are_not_both_right(stage: Stage):
    id = await enter(stage)
    done = await asyncio.gather(
        handoffs.act(stage.rt, id, "accept", EVA, None), handoffs.act(stage.rt, id, "reject", JONAS, "bad fit")
    )
    assert sorted(done) == ["closed", "closed"]
    events = [one for one in await log_of(stage, id) if one in ("handoff.accepted", "handoff.rejected")]
    assert len(events) == 1


async def test_the_owner_the_crm_names_is_not_overwritten(stage: Stage):
    await deploy_changed(stage, fields=[LeadField(name="owner", type="email", from_crm=True).model_dump()])
    row = await row_of(stage, await enter(stage))
    assert row.member == EVA
    assert "owner" not in row.fields


# ── the page ─────────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_the_view_shows_the_lead_and_what_happened(stage: Stage):
    id = await enter(stage)
    await act(stage, id, "reject", EVA, "not ready")
    seen = await handoffs.view(stage.rt, id)
    assert seen is not None
    assert (seen.name, seen.email, seen.stage) == ("Ann", "ann@lead.example", "MQL")
    assert (seen.team, seen.member) == ("DACH", EVA)
    assert (seen.phase, seen.outcome, seen.reason, seen.due_at) == ("closed", "rejected", "not ready", None)
    known = {"first_name": "Ann", "company": "Ann Ltd", "country": "DE", "owner": EVA, "created_by": "form demo"}
    assert dict(seen.fields) == known
    assert seen.topics == {"news": "subscribed"}
    said = [entry.text for entry in seen.timeline]
    assert said[-1] == "Submitted form “demo”"
    assert f"Was rejected by {EVA}: not ready" in said
    assert "Was sent email “later”" in said
    assert "Became MQL" in said
    assert await handoffs.view(stage.rt, uuid4()) is None


async def test_the_view_of_an_open_handoff_says_when_it_is_due(stage: Stage):
    seen = await handoffs.view(stage.rt, await enter(stage))
    assert seen is not None
    assert (seen.phase, seen.due_at, seen.note) == ("assigned", NOW + 4 * HOUR, "Works at Ann Ltd, wrote Ann")


async def test_a_history_as_long_as_a_year_stays_readable(stage: Stage):
    id = await enter(stage)
    for number in range(60):
        await record(stage.rt, Occurrence("page.visited", f"/page/{number}", email="ann@lead.example"))
    seen = await handoffs.view(stage.rt, id)
    assert seen is not None
    assert len(seen.timeline) == 50
    assert seen.timeline[0].text == "Visited page “/page/59”"


# ── to the owner ─────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_a_handoff_to_the_owner_is_theirs_in_whatever_team_they_are(stage: Stage):
    deployment = await stage.rt.catalog.refresh()
    assert deployment is not None
    plans = [plan.model_dump() for plan in deployment.program.campaigns]
    for plan in plans:
        plan["steps"] = [{**step, "owner": True} if step["kind"] == "handoff" else step for step in plan["steps"]]
    fields = [LeadField(name="owner", type="email").model_dump()]
    await deploy_changed(stage, campaigns=plans, fields=fields)
    await stage.post("paper", (), email="ann@lead.example", country="FR")
    [first] = await stage.rows("SELECT id FROM handoffs")
    assert (await row_of(stage, first.id)).member == SAM  # nobody owns her: by territory
    await act(stage, first.id, "accept", SAM)
    row = await row_of(stage, await enter(stage, country="DE"))
    assert (row.team, row.member, row.state["meant_for"]) == ("Rest", SAM, SAM)
    other = await row_of(stage, await enter(stage, "bob", "DE"))
    assert (other.team, other.member) == ("DACH", EVA)

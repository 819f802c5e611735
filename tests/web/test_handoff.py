"""The page for sales: what it shows, which buttons it has when, and that only a POST acts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import get_args
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import insert

from engine.model.lead import TRACKING
from engine.rules.sales.ladder import Ignored, State
from engine.runtime.runtime import Runtime
from engine.sales import handoffs
from engine.sales.handoff_view import Entry, HandoffView
from engine.store.tables import handoffs as rows
from tests.web.conftest import PROGRAM
from web.desk.handoff import IGNORED, reasons

EVIL = "<script>alert(1)</script>"
EVA = "eva@acme.example"
AT = datetime(2026, 9, 1, 7, 0, tzinfo=UTC)


VIEW = HandoffView(
    name=f"Ada {EVIL}",
    email="ada@firm.example",
    fields={"company": EVIL, "interests": ["Seals", "Service"]},
    score=62.0,
    scores={"fit": 15.0},
    stage="MQL",
    topics={"newsletter": "subscribed", TRACKING: "subscribed", "product": "unsubscribed"},
    note=f"Asked for prices {EVIL}",
    team="DACH sales",
    phase="assigned",
    member=EVA,
    due_at=AT,
    outcome=None,
    reason=None,
    timeline=(Entry(AT, f"Clicked javascript:alert(1) {EVIL}"),),
)


class Desk:
    """Stands in for `engine.sales.handoffs`: one handoff, and what was done to it."""

    def __init__(self, id: UUID) -> None:
        self.id, self.view_, self.result = id, VIEW, "acknowledged"
        self.done: list[tuple[str, str, str | None]] = []

    async def view(self, _: Runtime, id: UUID) -> HandoffView | None:
        return self.view_ if id == self.id else None

    async def act(self, _: Runtime, id: UUID, action: str, by: str, reason: str | None) -> str:
        assert id == self.id
        self.done.append((action, by, reason))
        return self.result


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    desk = Desk(uuid4())
    monkeypatch.setattr(handoffs, "view", desk.view)
    monkeypatch.setattr(handoffs, "act", desk.act)
    return desk


def path(rt: Runtime, desk: Desk, member: str = EVA) -> str:
    return f"/h/{rt.tokens.sign('handoff', str(desk.id), member)}"


@pytest.mark.parametrize(
    ("team", "due"),
    [("DACH sales", "Tue, Sep 1, 2026, 3:00\u202fAM EDT"), ("Gone", "Tue, Sep 1, 2026, 9:00\u202fAM CEST")],
)
async def test_times_are_those_of_the_team_as_in_its_mail(
    http: httpx.AsyncClient, rt: Runtime, desk: Desk, monkeypatch: pytest.MonkeyPatch, team: str, due: str
) -> None:
    [first, *others] = PROGRAM.teams
    american = first.model_copy(
        update={"name": "DACH sales", "hours": first.hours.model_copy(update={"zone": "America/New_York"})}
    )
    program = PROGRAM.model_copy(update={"teams": (american, *others)})

    async def deployed(_: object) -> object:
        return SimpleNamespace(program=program)

    monkeypatch.setattr("web.desk.handoff.deployed", deployed)
    desk.view_ = replace(VIEW, team=team)
    page = await http.get(path(rt, desk))
    assert f'Next step due by <time datetime="2026-09-01T07:00:00+00:00">{due}</time>' in page.text


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_link_of_a_removed_member_is_gone_only_where_the_handoff_exists(
    http: httpx.AsyncClient, rt: Runtime, desk: Desk, method: str
) -> None:
    answer = await http.request(method, path(rt, desk, "gone@acme.example"), data={} if method == "POST" else None)
    assert (answer.status_code, desk.done) == (410, [])
    nowhere = f"/h/{rt.tokens.sign('handoff', str(uuid4()), 'gone@acme.example')}"
    assert (await http.request(method, nowhere, data={} if method == "POST" else None)).status_code == 404


async def test_what_it_shows_is_text(http: httpx.AsyncClient, rt: Runtime, desk: Desk) -> None:
    page = await http.get(path(rt, desk))
    assert page.status_code == 200
    assert "Subscribed to</dt><dd>newsletter</dd>" in page.text
    for text in ("ada@firm.example", "DACH sales", ">62<", "MQL", "Seals, Service", "Asked for prices", "Clicked"):
        assert text in page.text
    assert "<script" not in page.text
    assert 'href="javascript' not in page.text
    assert page.headers["x-robots-tag"] == "noindex, nofollow"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert desk.done == []


@pytest.mark.parametrize(
    ("phase", "buttons"),
    [
        ("waiting", ["acknowledge", "contacted", "accept", "reject"]),
        ("assigned", ["acknowledge", "contacted", "accept", "reject"]),
        ("acknowledged", ["contacted", "accept", "reject"]),
        ("contacted", ["accept", "reject"]),
        ("closed", []),
    ],
)
async def test_buttons(http: httpx.AsyncClient, rt: Runtime, desk: Desk, phase: str, buttons: list[str]) -> None:
    desk.view_ = replace(desk.view_, phase=phase, outcome="rejected" if phase == "closed" else None, reason="bad fit")
    text = (await http.get(path(rt, desk))).text
    assert [name for name in ("acknowledge", "contacted", "accept", "reject") if f'value="{name}"' in text] == buttons
    assert ("rejected (bad fit)" in text) is (phase == "closed")


@pytest.mark.parametrize("action", ["acknowledge", "contacted", "accept"])
async def test_actions(http: httpx.AsyncClient, rt: Runtime, desk: Desk, action: str) -> None:
    url = path(rt, desk, "jonas@acme.example")
    answer = await http.post(url, data={"action": action, "reason": "ignored", "by": "somebody@else.example"})
    assert (answer.status_code, answer.headers["location"]) == (303, url)
    assert desk.done == [(action, "jonas@acme.example", None)]


async def test_a_rejection_needs_one_of_the_reasons(http: httpx.AsyncClient, rt: Runtime, desk: Desk) -> None:
    url = path(rt, desk)
    for reason in ("", "because", EVIL, "not\r\nready"):
        answer = await http.post(url, data={"action": "reject", "reason": reason})
        assert answer.status_code == 422
        assert "Please choose why" in answer.text
    assert (await http.post(url, data={"action": "reject"})).status_code == 422
    assert desk.done == []
    assert (await http.post(url, data={"action": "reject", "reason": "Wrong Season"})).status_code == 303
    assert desk.done == [("reject", EVA, "wrong season")]


@pytest.mark.parametrize("action", ["", "delete", "closed"])
async def test_other_actions_do_nothing(http: httpx.AsyncClient, rt: Runtime, desk: Desk, action: str) -> None:
    assert (await http.post(path(rt, desk), data={"action": action})).status_code == 422
    assert desk.done == []


@pytest.mark.parametrize("result", get_args(Ignored))
async def test_an_action_that_changed_nothing_says_so(
    http: httpx.AsyncClient, rt: Runtime, desk: Desk, result: str
) -> None:
    desk.result = result
    desk.view_ = replace(VIEW, phase="closed", outcome="accepted") if result == "closed" else VIEW
    answer = await http.post(path(rt, desk), data={"action": "acknowledge"})
    assert answer.status_code == 409
    assert IGNORED[result] in answer.text


async def test_a_colleague_sees_who_has_the_lead(http: httpx.AsyncClient, rt: Runtime, desk: Desk) -> None:
    assert "Another team member has this lead" in (await http.get(path(rt, desk, "jonas@acme.example"))).text
    assert "Another team member has this lead" not in (await http.get(path(rt, desk, "Eva@acme.example"))).text
    desk.view_ = replace(desk.view_, member=None, phase="waiting")
    assert "No team member has this lead yet" in (await http.get(path(rt, desk))).text


def test_reasons_are_the_usual_ones_and_those_campaigns_answer_to() -> None:
    assert reasons(None) == ("not ready", "no budget", "bad fit", "wrong contact", "duplicate", "no response")
    assert reasons(PROGRAM) == (*reasons(None), "wrong season")


async def test_the_real_thing(http: httpx.AsyncClient, rt: Runtime, new_lead: Callable[..., Awaitable[UUID]]) -> None:
    fields = {"first_name": "Ada", "last_name": "Ortiz", "company": "Firm"}
    lead, id = await new_lead("ada@firm.example", fields=fields, scores={"": 62}, stage="Lead"), uuid4()
    state = State(phase="assigned", team="DACH sales", member=EVA, tried=(EVA,), step_started_at=AT, due_at=AT)
    row = {
        "id": id, "lead_id": lead, "source": "nurture.campaign:5", "team": "DACH sales", "note": "Asked for prices",
        "state": state.model_dump(mode="json"), "member": EVA, "gen": 0, "opened_at": AT,
    }  # fmt: skip
    async with rt.db.engine.begin() as connection:
        await connection.execute(insert(rows).values(row))
    url = f"/h/{rt.tokens.sign('handoff', str(id), EVA)}"
    page = await http.get(url)
    assert page.status_code == 200
    for text in ("<h1>Ada Ortiz</h1>", "Asked for prices", "wrong season", "Firm"):
        assert text in page.text
    assert (await http.post(url, data={"action": "acknowledge"})).status_code == 303
    assert "Acknowledged ✓" in (await http.get(url)).text
    assert (await http.post(url, data={"action": "reject", "reason": "wrong season"})).status_code == 303
    closed = await http.get(url)
    assert "rejected (wrong season)" in closed.text
    for text in ("Was acknowledged by eva@acme.example", "Was rejected by eva@acme.example: wrong season"):
        assert text in closed.text
    assert 'value="accept"' not in closed.text
    assert 'value="reassign"' not in closed.text
    assert (await http.post(url, data={"action": "accept"})).status_code == 409

"""The handoff page beside its four buttons: links to write and call, values as people read them, comments, follow-ups,
reassigning."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import insert

from engine.rules.sales.ladder import State
from engine.runtime.runtime import Runtime
from engine.store.tables import handoffs as rows

EVA, JONAS = "eva@acme.example", "jonas@acme.example"
AT = datetime(2026, 9, 1, 7, 0, tzinfo=UTC)
FIELDS = {
    "first_name": "Ada", "company": "<b>Firm</b>", "country": "AT", "phone": "+43123456", "company_size": 12000,
    "existing": True, "language": "de",
}  # fmt: skip


@pytest.fixture
async def handoff(rt: Runtime, new_lead: Callable[..., Awaitable[UUID]]) -> UUID:
    lead, id = await new_lead(f"x?bcc=y+{uuid4().hex[:6]}@firm.example", fields=FIELDS, stage="Lead"), uuid4()
    state = State(phase="assigned", team="DACH sales", member=EVA, tried=(EVA,), step_started_at=AT, due_at=AT)
    row = {
        "id": id, "lead_id": lead, "source": "nurture.campaign:5", "team": "DACH sales", "note": "",
        "state": state.model_dump(mode="json"), "member": EVA, "gen": 0, "opened_at": AT,
    }  # fmt: skip
    async with rt.db.engine.begin() as connection:
        await connection.execute(insert(rows).values(row))
    return id


def link(rt: Runtime, handoff: UUID, member: str = EVA) -> str:
    return f"/h/{rt.tokens.sign('handoff', str(handoff), member)}"


async def test_values_are_read_and_links_are_dialled(http: httpx.AsyncClient, rt: Runtime, handoff: UUID) -> None:
    text = (await http.get(link(rt, handoff))).text
    for shown in ("<dd>Austria</dd>", "<dd>12,000</dd>", "<dd>yes</dd>", "<dd>German</dd>", "&lt;b&gt;Firm"):
        assert shown in text
    assert '<a href="tel:+43123456">+43123456</a>' in text
    assert '<a href="mailto:x%3Fbcc%3Dy+' in text
    assert 'value="jonas@acme.example">jonas@acme.example (DACH sales)</option>' in text
    assert 'value="eva@acme.example"' not in text


@pytest.mark.parametrize("text", ["", "  \n\u200b", "x" * 2_001])
async def test_a_comment_needs_words(http: httpx.AsyncClient, rt: Runtime, handoff: UUID, text: str) -> None:
    answer = await http.post(link(rt, handoff), data={"action": "comment", "text": text, "once": str(uuid4())})
    assert answer.status_code == 422
    assert "Please write 1 to 2,000 characters." in answer.text


async def test_a_comment_is_text_and_kept_once(http: httpx.AsyncClient, rt: Runtime, handoff: UUID) -> None:
    data = {"action": "comment", "text": "<script>1</script>\r\nline\x00 two\u202e", "once": str(uuid4())}
    for _ in range(2):
        assert (await http.post(link(rt, handoff), data=data)).status_code == 303
    page = (await http.get(link(rt, handoff))).text
    assert page.count("&lt;script&gt;1&lt;/script&gt;\nline two<") == 1
    assert (await http.post(link(rt, handoff), data={**data, "once": "1"})).status_code == 404


@pytest.mark.parametrize("day", ["2020-01-01", "9999-12-31", "tomorrow", "2026-02-30", "0001-01-01"])
async def test_a_follow_up_lies_ahead(http: httpx.AsyncClient, rt: Runtime, handoff: UUID, day: str) -> None:
    answer = await http.post(link(rt, handoff), data={"action": "follow up", "day": day})
    assert (answer.status_code, "Please choose a day from tomorrow on" in answer.text) == (422, True)


async def test_a_follow_up_is_shown_and_removed(http: httpx.AsyncClient, rt: Runtime, handoff: UUID) -> None:
    day = rt.clock.now().date() + timedelta(days=10)
    assert (await http.post(link(rt, handoff), data={"action": "follow up", "day": day.isoformat()})).status_code == 303
    page = (await http.get(link(rt, handoff))).text
    assert "Follow-up on <time" in page
    assert f"A follow-up was planned for {day} by {EVA}" in page
    assert (await http.post(link(rt, handoff), data={"action": "follow up"})).status_code == 303
    assert "Follow-up on <time" not in (await http.get(link(rt, handoff))).text


async def test_reassigned_the_old_link_says_who_has_it(http: httpx.AsyncClient, rt: Runtime, handoff: UUID) -> None:
    nobody = await http.post(link(rt, handoff), data={"action": "reassign", "to": "nobody@acme.example"})
    assert (nobody.status_code, "Please choose the team member" in nobody.text) == (422, True)
    assert (await http.post(link(rt, handoff), data={"action": "reassign", "to": JONAS})).status_code == 303
    for answer in (await http.get(link(rt, handoff)), await http.post(link(rt, handoff), data={"action": "accept"})):
        assert answer.status_code == 410
        assert f"the lead is now assigned to {JONAS}" in answer.text
    page = await http.get(link(rt, handoff, JONAS))
    assert (page.status_code, f"Was reassigned to {JONAS} by {EVA}" in page.text) == (200, True)


async def test_what_is_said_twice_is_not_done(http: httpx.AsyncClient, rt: Runtime, handoff: UUID) -> None:
    for said in (
        {"action": ["accept", "reject"]}, {"action": "reject", "reason": ["not ready", "duplicate"]},
        {"action": "reassign", "to": [JONAS, EVA]},
    ):  # fmt: skip
        assert (await http.post(link(rt, handoff), data=said)).status_code == 422
    page = (await http.get(link(rt, handoff))).text
    assert not [word for word in ("Accepted", "Rejected", f"reassigned to {JONAS}") if word in page]


async def test_other_sites_post_nothing(http: httpx.AsyncClient, rt: Runtime, handoff: UUID) -> None:
    evil = {"origin": "https://evil.example"}
    answer = await http.post(link(rt, handoff), data={"action": "reassign", "to": JONAS}, headers=evil)
    assert answer.status_code == 403

"""The event API: keys, one or many, what is refused, what repeats."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import func, insert, select

from engine.platform.clock import FixedClock
from engine.runtime.runtime import Runtime
from engine.store.tables import api_keys, visitor_events
from engine.store.tables import events as event_rows
from tests.web.conftest import client_of
from web.api.events import Wrong, read_event
from web.app import create_app
from web.http.limits import Budget, Budgets

KEY = {"authorization": "Bearer cf_good"}
NOW = datetime(2026, 9, 1, 7, 0, tzinfo=UTC)
Stored = Callable[[str], Awaitable[Any]]
New = Callable[..., Awaitable[UUID]]
Log = Callable[[UUID], Awaitable[list[Any]]]


@pytest_asyncio.fixture(scope="module", autouse=True)
async def keys(rt: Runtime, clock: FixedClock) -> None:
    async with rt.db.engine.begin() as connection:
        for key, revoked in (("cf_good", None), ("cf_old", clock.now())):
            digest = hashlib.sha256(key.encode()).hexdigest()
            row = {"hash": digest, "name": key, "created_at": clock.now(), "revoked_at": revoked}
            await connection.execute(insert(api_keys).values(row))


@pytest.mark.parametrize(
    "headers",
    [{}, {"authorization": "Bearer"}, {"authorization": "Bearer "}, {"authorization": "Bearer cf_old"},
     {"authorization": "Bearer wrong"}, {"authorization": "Basic cf_good"}, {"authorization": "cf_good"}],
)  # fmt: skip
async def test_a_key_is_needed(http: httpx.AsyncClient, rt: Runtime, headers: dict[str, str]) -> None:
    answer = await http.post("/api/events", json={"event": "x", "email": "nokey@firm.example"}, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    async with rt.db.engine.connect() as connection:
        assert (await connection.execute(select(func.count()).select_from(event_rows))).scalar() == 0


async def test_guessing_keys_costs_the_budget(rt: Runtime) -> None:
    async with client_of(create_app(rt, budgets=Budgets(per_client=Budget(2, 0.01)))) as http:
        wrong = [(await http.post("/api/events", json={}, headers={"authorization": "Bearer x"})) for _ in range(3)]
        good = await http.post("/api/events", json={"event": "x", "email": "b@firm.example"}, headers=KEY)
    assert [answer.status_code for answer in wrong] == [401, 401, 429]
    assert good.status_code == 200


async def test_one_event(http: httpx.AsyncClient, stored: Stored, log: Log) -> None:
    body = {
        "event": "invoice_sent", "email": "Ev@firm.example", "key": "inv-7", "at": "2026-09-01T08:00:00+02:00",
        "data": {"amount": 12.5, "number": "7", "paid": False, "note": None},
    }  # fmt: skip
    first = await http.post("/api/events", json=body, headers=KEY)
    assert (first.status_code, first.json()) == (200, {"state": "recorded"})
    again = await http.post("/api/events", json=body, headers=KEY)
    assert again.json() == {"state": "repeated"}
    (event,) = await log((await stored("ev@firm.example")).id)
    assert (event.type, event.name) == ("custom", "invoice_sent")
    assert event.data == {"amount": 12.5, "number": "7", "paid": False, "at": "2026-09-01T06:00:00+00:00"}


async def test_a_list_answers_for_each(http: httpx.AsyncClient, rt: Runtime, stored: Stored) -> None:
    visitor = uuid4()
    batch = [
        {
            "type": "page.visited",
            "name": "/pricing",
            "visitor": str(visitor),
            "data": {"url": "https://acme.example/pricing"},
        },
        {"type": "stage.entered", "name": "Customer", "email": "list@firm.example"},
        {"event": "x", "email": "list@firm.example"},
        "nonsense",
    ]
    answer = await http.post("/api/events", json=batch, headers=KEY)
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [result["state"] for result in results] == ["recorded", "refused", "recorded", "refused"]
    assert set(results[1]["errors"]) == {"type"}
    assert (await stored("list@firm.example")).stage == "Visitor"
    async with rt.db.engine.connect() as connection:
        row = (await connection.execute(select(visitor_events).where(visitor_events.c.visitor_id == visitor))).one()
    assert row.name == "/pricing"


@pytest.mark.parametrize("many", [0, 501])
async def test_lists_have_a_size(http: httpx.AsyncClient, many: int) -> None:
    batch = [{"event": "x", "email": "m@firm.example"}] * many
    assert (await http.post("/api/events", json=batch, headers=KEY)).status_code == 422


async def test_larger_bodies_than_a_form_but_not_any(http: httpx.AsyncClient) -> None:
    one = {"event": "x", "email": "big", "data": {"a": "y" * 1_500}}
    assert (await http.post("/api/events", json=[one] * 100, headers=KEY)).status_code == 200
    assert (await http.post("/api/events", content=b"x" * (1024 * 1024 + 1), headers=KEY)).status_code in {413, 415}
    headers = {**KEY, "content-type": "application/json"}
    assert (await http.post("/api/events", content=b" " * (1024 * 1024 + 1), headers=headers)).status_code == 413


@pytest.mark.parametrize(
    ("item", "member"),
    [
        ({"event": "x"}, "email"),
        ({"event": "x", "email": "a@firm.example", "visitor": str(uuid4())}, "email"),
        ({"event": "x", "email": "a"}, "email"),
        ({"event": "x", "email": 7}, "email"),
        ({"event": "x", "visitor": "7"}, "visitor"),
        ({"event": "", "email": "a@firm.example"}, "event"),
        ({"event": "x\ny", "email": "a@firm.example"}, "event"),
        ({"event": "x", "name": "y", "email": "a@firm.example"}, "event"),
        ({"type": "custom", "email": "a@firm.example"}, "name"),
        ({"type": ["custom"], "name": "x", "email": "a@firm.example"}, "type"),
        ({"type": "email.clicked", "name": "x", "email": "a@firm.example"}, "type"),
        ({"event": "x", "email": "a@firm.example", "\ud800": 1}, "event"),
        ({"event": "x", "email": "a@firm.example", "data": [1]}, "data"),
        ({"event": "x", "email": "a@firm.example", "data": {"a b": 1}}, "data"),
        ({"event": "x", "email": "a@firm.example", "data": {"a": {}}}, "data.a"),
        ({"event": "x", "email": "a@firm.example", "data": {"a": "\x00"}}, "data.a"),
        ({"event": "x", "email": "a@firm.example", "data": {"a": float("inf")}}, "data.a"),
        ({"event": "x", "email": "a@firm.example", "data": {"a": 10**400}}, "data.a"),
        ({"event": "x", "email": "a@firm.example", "data": {f"a{n}": n for n in range(51)}}, "data"),
        ({"event": "x", "email": "a@firm.example", "at": "yesterday"}, "at"),
        ({"event": "x", "email": "a@firm.example", "at": "2026-09-01T08:00:00"}, "at"),
        ({"event": "x", "email": "a@firm.example", "at": "2026-09-02T08:00:00Z"}, "at"),
        ({"event": "x", "email": "a@firm.example", "at": 7}, "at"),
        ({"event": "x", "email": "a@firm.example", "key": 7}, "key"),
        ({"event": "x", "email": "a@firm.example", "key": ""}, "key"),
        (None, "event"),
        (7, "event"),
    ],
)
def test_refused_members(item: object, member: str) -> None:
    with pytest.raises(Wrong) as wrong:
        read_event(item, NOW)
    assert wrong.value.member == member
    json.dumps({wrong.value.member: wrong.value.message}).encode()


async def test_a_browser_cannot_call_it(http: httpx.AsyncClient) -> None:
    answer = await http.options("/api/events", headers={"origin": "https://acme.example"})
    assert answer.status_code == 405
    assert "access-control-allow-origin" not in answer.headers


async def test_only_json(http: httpx.AsyncClient) -> None:
    assert (await http.post("/api/events", data={"event": "x"}, headers=KEY)).status_code == 415


async def test_a_compressed_body_is_refused(http: httpx.AsyncClient) -> None:
    headers = {**KEY, "content-type": "application/json", "content-encoding": "gzip"}
    assert (await http.post("/api/events", content=b"x", headers=headers)).status_code == 415


async def test_a_byte_order_mark_is_left_out(http: httpx.AsyncClient) -> None:
    """Windows' own tools send one."""
    headers = {**KEY, "content-type": "application/json"}
    body = b'\xef\xbb\xbf{"event": "x", "email": "m@firm.example"}'
    assert (await http.post("/api/events", content=body, headers=headers)).json() == {"state": "recorded"}


# ── what became of a mail ────────────────────────────────────────────────────────────────────────────────────────────
async def test_what_became_of_the_last_mail(
    http: httpx.AsyncClient, clock: FixedClock, stored: Stored, log: Log, new_lead: New, new_message: New
) -> None:
    lead = await new_lead("mailed@firm.example")
    await new_message(lead)
    clock.advance(timedelta(seconds=1))
    newest = await new_message(lead)
    for type, name, state in (
        ("email.replied", None, "recorded"), ("email.replied", "Welcome", "repeated"),
        ("email.delivered", "welcome", "recorded"), ("email.bounced", None, "recorded"),
    ):  # fmt: skip
        item = {"type": type, "email": "Mailed@firm.example"} | ({"name": name} if name else {})
        answer = await http.post("/api/events", json=item, headers=KEY)
        assert (answer.status_code, answer.json()) == (200, {"state": state})
    assert [(one.type, one.name, one.message_id) for one in await log(lead)] == [
        ("email.replied", "welcome", newest), ("email.delivered", "welcome", newest),
        ("email.bounced", "welcome", newest),
    ]  # fmt: skip
    assert (await stored("mailed@firm.example")).suppressed == "bounced"


@pytest.mark.parametrize(("status", "suppressed"), [("4.2.2", None), ("5.1.1", "bounced")])
async def test_a_bounce_is_judged_by_its_status(
    http: httpx.AsyncClient, stored: Stored, new_lead: New, new_message: New, status: str, suppressed: str | None
) -> None:
    email = f"bounce-{status}@firm.example"
    await new_message(await new_lead(email))
    item = {"type": "email.bounced", "email": email, "status": status}
    assert (await http.post("/api/events", json=item, headers=KEY)).json() == {"state": "recorded"}
    assert (await stored(email)).suppressed == suppressed
    for wrong in ({**item, "status": "full"}, {**item, "status": 5}):
        assert (await http.post("/api/events", json=wrong, headers=KEY)).json()["errors"].keys() == {"status"}
    answer = await http.post("/api/events", json={**item, "type": "email.replied"}, headers=KEY)
    assert answer.json()["errors"].keys() == {"event"}


@pytest.mark.parametrize(
    ("item", "member"),
    [
        ({"email": "nobody@firm.example"}, "email"), ({"email": "unmailed@firm.example"}, "email"),
        ({"email": "unmailed@firm.example", "name": "welcome"}, "name"), ({"email": "x"}, "email"),
        ({"email": "unmailed@firm.example", "name": "a\nb"}, "name"), ({}, "email"),
        ({"visitor": str(uuid4())}, "event"), ({"email": "unmailed@firm.example", "data": {}}, "event"),
        ({"email": "unmailed@firm.example", "key": "7"}, "event"),
    ],
)  # fmt: skip
async def test_no_such_mail(
    http: httpx.AsyncClient, stored: Stored, new_lead: New, item: dict[str, Any], member: str
) -> None:
    if await stored("unmailed@firm.example") is None:
        await new_lead("unmailed@firm.example")
    answer = await http.post("/api/events", json={"type": "email.replied", **item}, headers=KEY)
    assert (answer.status_code, answer.json()["state"], set(answer.json()["errors"])) == (422, "refused", {member})
    assert await stored("nobody@firm.example") is None


async def test_the_documented_call_reports_a_reply(
    http: httpx.AsyncClient, log: Log, new_lead: New, new_message: New
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "web.md").read_text("utf-8")
    [call] = [one for one in re.findall(r"```sh\n(curl .*?)```", page, re.DOTALL) if "email.replied" in one]
    words = shlex.split(call.replace("\\\n", " "))
    assert words[1] == "https://go.acme.example/api/events"
    named = dict(one.split(": ", 1) for flag, one in pairwise(words) if flag == "-H")
    body = next(one for flag, one in pairwise(words) if flag == "-d")
    lead = await new_lead(json.loads(body)["email"])
    await new_message(lead)
    headers = {name: value.replace("$KEY", "cf_good") for name, value in named.items()}
    answer = await http.post("/api/events", content=body, headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"state": "recorded"})
    assert [(one.type, one.name) for one in await log(lead)] == [("email.replied", "welcome")]

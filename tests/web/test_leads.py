"""Fields and lists by API: what is stored, what is refused, what follows; and the data of events by type."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import insert

from dsl.plan import CustomEvent, LeadField, Program, Workspace
from engine.platform.clock import FixedClock
from engine.runtime.runtime import Runtime
from engine.store.tables import api_keys
from tests.web.conftest import PROGRAM
from tests.web.test_events import KEY, NOW
from web.api.events import NAMELESS, TYPES, Wrong, read_event
from web.api.leads import read_lead

Stored = Callable[[str], Awaitable[Any]]
Log = Callable[[UUID], Awaitable[list[Any]]]
WHO = "crm@firm.example"


@pytest_asyncio.fixture(scope="module", autouse=True)
async def keys(rt: Runtime, clock: FixedClock) -> None:
    async with rt.db.engine.begin() as connection:
        row = {"hash": hashlib.sha256(b"cf_good").hexdigest(), "name": "crm", "created_at": clock.now()}
        await connection.execute(insert(api_keys).values(row))


async def test_a_lead_is_stored_and_repeating_changes_nothing(
    http: httpx.AsyncClient, stored: Stored, log: Log
) -> None:
    body = {
        "email": WHO, "owner": "Eva@acme.example", "lists": ["Trade show", "Readers"],
        "fields": {"country": "Germany", "company_size": "250", "interests": ["seals"], "company": "Firm"},
    }  # fmt: skip
    for _ in range(2):
        answer = await http.post("/api/leads", json=body, headers=KEY)
        assert (answer.status_code, answer.json()["state"]) == (200, "stored")
    lead = await stored(WHO)
    assert answer.json()["lead"] == str(lead.id)
    assert lead.fields == {
        "country": "DE", "company_size": 250, "interests": ["Seals"], "company": "Firm", "owner": "Eva@acme.example"
    }  # fmt: skip
    assert set(lead.lists) == {"Trade show", "Readers"}
    assert [(one.type, one.name) for one in await log(lead.id)] == [
        ("lead.told", ""), ("list.joined", "Trade show"), ("list.joined", "Readers")
    ]  # fmt: skip
    await http.post("/api/leads", json={"email": WHO, "leave": ["READERS"], "fields": {"company": None}}, headers=KEY)
    lead = await stored(WHO)
    assert list(lead.lists) == ["Trade show"]
    assert "company" not in lead.fields


async def test_a_lead_that_is_refused_is_not_changed_and_a_list_answers_for_each(
    http: httpx.AsyncClient, stored: Stored
) -> None:
    batch = [
        {"email": "batch@firm.example", "fields": {"company": "A"}},
        {"email": "batch@firm.example", "fields": {"company": "B", "company_size": "many"}},
    ]
    results = (await http.post("/api/leads", json=batch, headers=KEY)).json()["results"]
    assert [one["state"] for one in results] == ["stored", "refused"]
    assert results[1]["errors"].keys() == {"fields.company_size"}
    assert (await stored("batch@firm.example")).fields == {"company": "A"}
    assert (await http.post("/api/leads", json=batch[1], headers=KEY)).status_code == 422


async def test_a_key_and_json_are_needed(http: httpx.AsyncClient) -> None:
    assert (await http.post("/api/leads", json={"email": WHO})).status_code == 401
    assert (await http.post("/api/leads", data={"email": WHO}, headers=KEY)).status_code == 415
    assert (await http.post("/api/leads", json=[], headers=KEY)).status_code == 422


@pytest.mark.parametrize(
    ("item", "member"),
    [
        (None, "lead"), (7, "lead"), ({"email": WHO, "stage": "Customer"}, "lead"), ({}, "email"),
        ({"email": "x"}, "email"), ({"email": WHO, "fields": [1]}, "fields"),
        ({"email": WHO, "fields": {"shoe_size": 1}}, "fields.shoe_size"),
        ({"email": WHO, "fields": {"email": "b@firm.example"}}, "fields.email"),
        ({"email": WHO, "fields": {"created": "2026-01-01T00:00"}}, "fields.created"),
        ({"email": WHO, "fields": {"country": "Atlantis"}}, "fields.country"),
        ({"email": WHO, "fields": {"company": {"a": 1}}}, "fields.company"),
        ({"email": WHO, "fields": {"company": ["a", "b"]}}, "fields.company"),
        ({"email": WHO, "owner": "eva"}, "fields.owner"), ({"email": WHO, "lists": "x"}, "lists"),
        ({"email": WHO, "lists": [1]}, "lists"), ({"email": WHO, "leave": ["a\nb"]}, "leave"),
        ({"email": WHO, "lists": ["x"] * 51}, "lists"),
    ],
)  # fmt: skip
def test_what_is_refused(item: object, member: str) -> None:
    with pytest.raises(Wrong) as wrong:
        read_lead(item, PROGRAM)
    assert wrong.value.member == member


@pytest.mark.parametrize("member", ["fields", "lists", "leave"])
@pytest.mark.parametrize("value", [0, False, "", 1.5, True, "x"])
def test_what_is_empty_and_of_another_type_is_refused_too(member: str, value: object) -> None:
    with pytest.raises(Wrong) as found:
        read_lead({"email": WHO, member: value}, PROGRAM)
    assert found.value.member == member


@pytest.mark.parametrize(("member", "value"), [("fields", []), ("lists", {}), ("leave", {})])
def test_an_empty_list_is_no_object_and_the_other_way_round(member: str, value: object) -> None:
    with pytest.raises(Wrong) as found:
        read_lead({"email": WHO, member: value}, PROGRAM)
    assert found.value.member == member
    assert read_lead({"email": WHO, "fields": {}, "lists": [], "leave": None}, PROGRAM) == (WHO, {}, (), ())


@pytest.mark.parametrize("path", ["/api/leads", "/api/events", "/api/spend", "/api/rates"])
async def test_every_door_names_the_member_it_does_not_know_and_what_it_takes(
    http: httpx.AsyncClient, path: str
) -> None:
    wrong = {"email": WHO, "wat\n": 1} if path in ("/api/leads", "/api/events") else {"day": "2026-09-01", "wat\n": 1}
    answer = await http.post(path, json=wrong, headers=KEY)
    assert answer.status_code == 422
    [said] = answer.json()["errors"].values()
    assert said.startswith("`wat?` is not known.")
    assert "members" in said
    other = await http.post(path, content=b"x", headers={**KEY, "content-type": "text/plain"})
    assert (other.status_code, "application/json" in other.json()["error"]) == (415, True)


def test_fields_of_the_crm_are_written_here() -> None:
    program = Program(workspace=Workspace(name="w"), fields=(LeadField(name="plan", type="text", from_crm=True),))
    assert read_lead({"email": WHO, "fields": {"plan": "pro"}}, program)[1] == {"plan": "pro"}


# ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("type", sorted(TYPES))
def test_every_type_is_taken(type: str) -> None:
    name = {} if type in NAMELESS else {"name": "x"}
    amount = Decimal("9.5") if type.startswith("deal.") else 9.5  # the amount of a deal never passes through a float
    taken = read_event({"type": type, "email": WHO, "data": {"id": 7, "amount": amount}, **name}, NOW, PROGRAM)
    assert (taken.type, taken.name, taken.data["amount"]) == (type, name.get("name", ""), 9.5)
    if "id" in TYPES[taken.type]:
        assert taken.data["id"] == "7", "an id is text, however it is written"
    assert taken.key == ("order:7" if type == "order.placed" else None)


def test_a_declared_property_is_on_every_event() -> None:
    declared = CustomEvent(name="Invoice sent", data=(("invoice", "text"), ("note", "text")), required=("invoice",))
    program = Program(
        workspace=Workspace(name="w"), events=(declared,), carried=(("deal", (("product", "text"),)),),
        carried_always=(("deal", ("product",)),),
    )  # fmt: skip
    whole = {"event": "invoice SENT", "email": WHO, "data": {"invoice": 7}}
    assert read_event(whole, NOW, program).data == {"invoice": "7"}
    deal = {"type": "deal.won", "email": WHO, "data": {"id": "D-4", "amount": 1, "product": "Pump"}}
    assert read_event(deal, NOW, program).data["product"] == "Pump"
    for item, part in (
        ({**whole, "data": {"note": "x"}}, "invoice"), ({**whole, "data": None}, "invoice"),
        ({**whole, "data": {"invoice": ""}}, "invoice"), ({**deal, "data": {"id": "D-4", "amount": 1}}, "product"),
    ):  # fmt: skip
        with pytest.raises(Wrong) as wrong:
            read_event(item, NOW, program)
        assert wrong.value.member == f"data.{part}"
        assert wrong.value.message == f"{part} is missing, which this event is declared to have."
    correction = {**deal, "type": "deal.changed", "data": {"id": "D-4", "amount": 2}}
    assert "product" not in read_event(correction, NOW, program).data
    assert read_event({**whole, "event": "other", "data": {}}, NOW, program).data == {}


def test_declared_data_must_fit() -> None:
    declared = CustomEvent(name="Invoice sent", data=(("amount", "money"), ("due", "date"), ("paid", "yes/no")))
    program = Program(workspace=Workspace(name="w"), events=(declared,))
    item = {
        "event": "invoice SENT",
        "email": WHO,
        "data": {"amount": "12.5", "due": "2026-10-01", "paid": "no", "x": 1},
    }
    assert read_event(item, NOW, program).data == {"amount": 12.5, "due": "2026-10-01", "paid": False, "x": 1}
    for name, value in (("amount", "much"), ("due", "soon"), ("paid", 7)):
        with pytest.raises(Wrong) as wrong:
            read_event({**item, "data": {name: value}}, NOW, program)
        assert wrong.value.member == f"data.{name}"
        assert wrong.value.message.startswith(f"{name} is of type ")

"""A CRM without an adapter: signed posts in both directions, and nothing that is not signed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest

from engine.crm import pull, push, webhooks
from engine.crm.webhooks import Webhooks
from engine.model.ports import Parcel, Receipt
from engine.platform.settings import CrmAccess
from engine.sending.webhook import parcel
from tests.support.crm import CRM as HUBSPOT
from tests.support.crm import sign
from tests.support.hubspot import HubSpotServer
from tests.support.sales import WORKSPACE
from tests.support.stage import Stage, open_stage
from tests.web.conftest import UNLIMITED, client_of
from web.app import create_app

CRM = """
field company_size number from crm

crm "Warehouse" from webhooks
    sends leads from stage MQL
    sends stage to "cf_stage"
    reads company_size from "size"
    deal stage "won" is won
    accepted when "state" is "yes"
"""
SECRET, PATH, ANN = "shared", "/hooks/crm/Warehouse", "ann@acme.example"


class FakePoster:
    def __init__(self) -> None:
        self.parcels: list[Parcel] = []
        self.answers: list[Receipt] = []

    async def post(self, one: Parcel) -> Receipt:
        self.parcels.append(one)
        return self.answers.pop(0) if self.answers else Receipt("accepted")

    async def close(self) -> None:
        pass


@pytest.fixture
async def stage(new_database: Callable[[], str]) -> AsyncIterator[Stage]:
    crm = {"warehouse": CrmAccess(url="https://crm.acme.example/in", secret=SECRET)}
    async with open_stage(new_database(), WORKSPACE + CRM, crm=crm) as opened:
        port = Webhooks(crm["warehouse"], opened.clock, "s" * 32)
        await port.close()
        port._poster = FakePoster()  # type: ignore[assignment]
        opened.rt.crms["Warehouse"] = port
        await opened.post("demo", ("news",), email=ANN, first_name="Ann", country="DE")
        yield opened


@pytest.fixture
async def http(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(create_app(stage.rt, budgets=UNLIMITED)) as client:
        yield client


def signed(stage: Stage, body: Any, secret: str = SECRET, age: int = 0) -> dict[str, Any]:
    made = parcel("", body, "", secret, stage.clock.real() - timedelta(seconds=age))
    return {"content": made.body, "headers": {"X-Coldframe-Signature": made.signature}}


async def test_a_lead_is_posted_signed_and_again_until_it_is_taken(stage: Stage) -> None:
    poster: Any = stage.rt.crms["Warehouse"]._poster  # type: ignore[attr-defined]
    poster.answers = [Receipt("retry", "HTTP 503"), Receipt("accepted")]
    await push.push_all(stage.rt)
    stage.clock.set(stage.clock.now() + timedelta(minutes=1))
    await push.push_all(stage.rt)
    first, second = poster.parcels
    said = orjson.loads(second.body)
    assert (said["email"], said["values"]["cf_stage"], first.key == second.key) == (ANN, "MQL", True)
    assert webhooks.signed(SECRET, second.body, second.signature, stage.clock.real())
    assert await stage.rows("SELECT 1 FROM crm_outbox") == []


async def test_what_they_post_is_taken_in_once(stage: Stage, http: httpx.AsyncClient) -> None:
    body = {
        "email": ANN, "values": {"size": "250", "state": "yes"},
        "deals": [{"id": "4711", "stage": "won", "amount": "1250.50", "currency": "EUR"}],
    }  # fmt: skip
    answers = [(await http.post(PATH, **signed(stage, body))).json() for _ in range(2)]
    assert answers == [{"state": "taken"}, {"state": "unchanged"}]
    await stage.settle()
    (lead,) = await stage.rows("SELECT fields, stage FROM leads")
    (deal,) = await stage.rows("SELECT amount, status FROM deals")
    assert (lead.fields["company_size"], lead.stage, deal.amount, deal.status) == (250, "SQL", 125050, "won")


async def test_only_what_is_signed_now_is_taken(stage: Stage, http: httpx.AsyncClient) -> None:
    body = {"email": ANN, "values": {"size": 250}}
    tampered = {**signed(stage, body), "content": orjson.dumps({**body, "values": {"size": 251}})}
    for request in (signed(stage, body, "other"), signed(stage, body, age=301), tampered, {"content": b"{}"}):
        assert (await http.post(PATH, **request)).status_code == 403
    assert (await http.post("/hooks/crm/Nobody", **signed(stage, body))).status_code == 404
    (lead,) = await stage.rows("SELECT fields FROM leads")
    assert "company_size" not in lead.fields


@pytest.mark.parametrize(
    ("body", "member"),
    [
        ([], "object"), ({}, "`id`, `lead` or `email`"), ({"email": 5}, "`email`"),
        ({"id": 1, "values": []}, "`values`"),
        ({"id": 1, "lead": "x"}, "`lead`"), ({"id": 1, "at": "soon"}, "`at`"), ({"id": 1, "deals": [{}]}, "a deal"),
        ({"id": 1, "deals": [{"id": 1, "stage": "won", "amount": "much"}]}, "`amount`"),
        ({"id": 1, "values": {"a": {"b": 1}}}, "`values`"), ({"id": 1, "at": "0001-01-01T00:00:00+14:00"}, ""),
    ],
)  # fmt: skip
async def test_every_refusal_names_the_member(stage: Stage, http: httpx.AsyncClient, body: object, member: str) -> None:
    answer = await http.post(PATH, **signed(stage, body))
    assert (answer.status_code, member.casefold() in answer.text.casefold()) == (422 if member else 200, True)


async def test_a_stranger_is_unknown_and_makes_no_lead(stage: Stage, http: httpx.AsyncClient) -> None:
    body = {"email": "stranger@there.example", "values": {"size": 1}}
    assert (await http.post(PATH, **signed(stage, body))).json() == {"state": "unknown"}
    assert len(await stage.rows("SELECT 1 FROM leads")) == 1


async def test_hubspot_s_hook_is_a_hint_noted_once_and_read_by_a_worker(new_database: Callable[[], str]) -> None:
    there = HubSpotServer()
    crm = {"Sales CRM": CrmAccess(token="t0ken", secret="hooks")}
    async with open_stage(new_database(), WORKSPACE + HUBSPOT, crm=crm, base_url="https://go.example") as stage:
        from engine.crm.hubspot import HubSpot

        stage.rt.crms["Sales CRM"] = HubSpot(crm["Sales CRM"], stage.clock, transport=there.transport())
        await stage.post("demo", ("news",), email=ANN, first_name="Ann", country="DE")
        await push.push_all(stage.rt)
        (id,) = there.contacts
        there.contacts[id]["numberofemployees"] = "55"  # no newer time: only the hook tells
        body = orjson.dumps([
            {"eventId": 1, "subscriptionId": 2, "occurredAt": 3, "subscriptionType": "contact.propertyChange",
             "objectId": int(id)},
            {"eventId": 2, "subscriptionId": 2, "occurredAt": 3, "subscriptionType": "deal.creation", "objectId": 9},
        ])  # fmt: skip
        stamp = str(int(stage.clock.real().timestamp() * 1000))
        path = "/hooks/crm/Sales CRM"
        headers = {
            "x-hubspot-signature-v3": sign("hooks", "POST", f"https://go.example{path}", body, stamp),
            "x-hubspot-request-timestamp": stamp,
        }
        async with client_of(create_app(stage.rt, budgets=UNLIMITED)) as http:
            answers = [await http.post(path, content=body, headers=headers) for _ in range(2)]
            forged = await http.post(path, content=body + b" ", headers=headers)
        assert [one.json() for one in answers] == [{"noted": 1, "repeated": 0}, {"noted": 0, "repeated": 1}]
        assert forged.status_code == 403
        await pull.poll_all(stage.rt)
        (lead,) = await stage.rows("SELECT fields FROM leads")
        assert lead.fields["company_size"] == 55

"""Consent with its proof by API, and a lead read back."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import insert, select

from engine.platform.clock import FixedClock
from engine.runtime.runtime import Runtime
from engine.store.tables import api_keys, consents
from tests.web.test_events import KEY

Stored = Callable[[str], Awaitable[Any]]
Make = Callable[..., Awaitable[UUID]]
PROOF = {
    "topic": "Newsletter", "wording": "I would like news", "given_at": "2025-05-01T10:00:00+02:00",
    "how": "signed on paper",
}  # fmt: skip
RECORD = {
    "wording": "I would like news",
    "given_at": "2025-05-01T08:00:00+00:00",
    "how": "api: signed on paper",
    "by": "crm",
}


@pytest_asyncio.fixture(scope="module", autouse=True)
async def keys(rt: Runtime, clock: FixedClock) -> None:
    async with rt.db.engine.begin() as connection:
        row = {"hash": hashlib.sha256(b"cf_good").hexdigest(), "name": "crm", "created_at": clock.now()}
        await connection.execute(insert(api_keys).values(row))


async def proofs(rt: Runtime, lead: UUID) -> list[tuple[str, str, dict[str, Any]]]:
    async with rt.db.engine.connect() as connection:
        found = select(consents.c.topic, consents.c.state, consents.c.record).where(consents.c.lead_id == lead)
        return [tuple(row) for row in await connection.execute(found.order_by(consents.c.seq))]


async def test_consent_is_taken_with_its_proof(http: httpx.AsyncClient, rt: Runtime, stored: Stored) -> None:
    for _ in range(2):
        answer = await http.post("/api/leads", json={"email": "paper@firm.example", "consent": PROOF}, headers=KEY)
        assert (answer.status_code, answer.json()["consent"]) == (200, {"newsletter": "subscribed"})
    lead = await stored("paper@firm.example")
    assert lead.topics == {"newsletter": "subscribed"}
    assert await proofs(rt, lead.id) == [("newsletter", "subscribed", RECORD)]
    more = {"email": "paper@firm.example", "consent": [{**PROOF, "how": "by phone"}, {**PROOF, "topic": "product"}]}
    assert (await http.post("/api/leads", json=more, headers=KEY)).json()["consent"] == {
        "newsletter": "subscribed", "product": "subscribed",
    }  # fmt: skip
    assert len(await proofs(rt, lead.id)) == 3


async def test_what_was_left_stays_left(http: httpx.AsyncClient, rt: Runtime, new_lead: Make, stored: Stored) -> None:
    lead = await new_lead("left@firm.example", topics={"newsletter": "unsubscribed"})
    await new_lead("bounced@firm.example", suppressed="bounced")
    answer = await http.post("/api/leads", json={"email": "left@firm.example", "consent": PROOF}, headers=KEY)
    assert answer.json()["consent"] == {"newsletter": "opted out"}
    assert (await stored("left@firm.example")).topics == {"newsletter": "unsubscribed"}
    assert await proofs(rt, lead) == [("newsletter", "asked", RECORD)]
    answer = await http.post("/api/leads", json={"email": "bounced@firm.example", "consent": PROOF}, headers=KEY)
    assert answer.json()["consent"] == {"newsletter": "suppressed"}


@pytest.mark.parametrize(
    ("given", "member"),
    [
        ({**PROOF, "topic": "sport"}, "consent.topic"), ({**PROOF, "given_at": "2025-05-01"}, "consent.given_at"),
        ({**PROOF, "given_at": "0001-01-01T00:00:00+14:00"}, "consent.given_at"), ({**PROOF, "how": ""}, "consent.how"),
        ({**PROOF, "wording": 7}, "consent.wording"), ({"topic": "newsletter"}, "consent"), ("newsletter", "consent"),
        ([PROOF] * 9, "consent"), ({**PROOF, "more": 1}, "consent"),
    ],
)  # fmt: skip
async def test_consent_without_proof_is_refused(
    http: httpx.AsyncClient, stored: Stored, given: object, member: str
) -> None:
    body = {"email": "noproof@firm.example", "fields": {"company": "F"}, "consent": given}
    answer = await http.post("/api/leads", json=body, headers=KEY)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, [member])
    assert await stored("noproof@firm.example") is None


async def test_consent_from_the_future_is_refused(http: httpx.AsyncClient, rt: Runtime) -> None:
    later = (rt.clock.real() + timedelta(days=1)).isoformat()
    body = {"email": "future@firm.example", "consent": {**PROOF, "given_at": later}}
    assert (await http.post("/api/leads", json=body, headers=KEY)).status_code == 422


async def test_a_lead_is_read_back(http: httpx.AsyncClient, stored: Stored) -> None:
    body = {
        "email": "Read+1@firm.example", "fields": {"country": "Turkey", "company_size": 250}, "lists": ["Fair"],
        "consent": PROOF,
    }  # fmt: skip
    await http.post("/api/leads", json=body, headers=KEY)
    lead = await stored("read+1@firm.example")
    by_address = await http.get("/api/leads/READ%2B1@firm.example", headers=KEY)
    by_id = await http.get(f"/api/leads/{lead.id}", headers=KEY)
    assert by_address.status_code == by_id.status_code == 200
    found = by_address.json()
    assert found == by_id.json()
    assert (found["id"], found["email"]) == (str(lead.id), "Read+1@firm.example")
    assert found["fields"] == {"country": "TR", "company_size": 250}
    assert (found["lists"], found["topics"], found["stage"]) == (["Fair"], {"newsletter": "subscribed"}, "Visitor")
    assert [(one["topic"], one["state"], one["proof"]) for one in found["consents"]] == [
        ("newsletter", "subscribed", RECORD)
    ]


@pytest.mark.parametrize("who", ["nobody@firm.example", "1203e00c-7133-4cc0-b9c7-cf3e879c061f", "x", "a@b@c", "%00"])
async def test_nobody_is_read_back(http: httpx.AsyncClient, who: str) -> None:
    assert (await http.get(f"/api/leads/{who}", headers=KEY)).status_code == 404
    assert (await http.get(f"/api/leads/{who}")).status_code == 401


async def test_a_new_address(http: httpx.AsyncClient, new_lead: Make, stored: Stored) -> None:
    lead = await new_lead("old@firm.example", topics={"newsletter": "subscribed"})
    await new_lead("other@firm.example")
    told = {"email": "old@firm.example", "new_email": "new@firm.example", "fields": {"company": "Firm"}}
    for _ in range(2):
        answer = await http.post("/api/leads", json=told, headers=KEY)
        assert answer.json() == {"state": "stored", "lead": str(lead)}
    found = await stored("new@firm.example")
    assert (found.id, found.fields["company"], found.topics) == (lead, "Firm", {"newsletter": "subscribed"})
    for who in ("old@firm.example", "new@firm.example", str(lead)):
        assert (await http.get(f"/api/leads/{who}", headers=KEY)).json()["email"] == "new@firm.example"
    taken = {"email": "new@firm.example", "new_email": "other@firm.example", "fields": {"company": "No"}}
    answer = await http.post("/api/leads", json=taken, headers=KEY)
    assert (answer.status_code, [*answer.json()["errors"]]) == (422, ["new_email"])
    assert (await stored("new@firm.example")).fields["company"] == "Firm"
    answer = await http.post("/api/leads", json={"email": "new@firm.example", "new_email": "x"}, headers=KEY)
    assert [*answer.json()["errors"]] == ["new_email"]
    fresh = {"email": "nobody@firm.example", "new_email": "somebody@firm.example"}
    assert (await http.post("/api/leads", json=fresh, headers=KEY)).json()["state"] == "stored"
    assert (await stored("somebody@firm.example")).email == "somebody@firm.example"

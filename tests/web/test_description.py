"""The API's description is valid, complete, and true: what it says of answers holds for whatever is sent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import uuid4

import httpx
import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from openapi_spec_validator import validate
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from engine.access.keys import make_key
from tests.support.sales import WORKSPACE
from tests.support.stage import Stage, open_stage
from tests.web.conftest import UNLIMITED, client_of
from web.api.description import describe
from web.api.events import MAILS, TYPES
from web.app import PARTS, create_app

EVENTS = """
event "invoice_sent" has number text, amount money, note text optional
deal has product text
field area choice ("Pumps", "Valves")
"""
BASE = "https://go.acme.example"


@pytest.fixture
async def stage(new_database: Callable[[], str]) -> AsyncIterator[Stage]:
    async with open_stage(new_database(), WORKSPACE + EVENTS, base_url=BASE) as opened:
        await opened.rt.catalog.refresh()
        yield opened


@pytest.fixture
async def http(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(create_app(stage.rt, budgets=UNLIMITED)) as client:
        key = await make_key(stage.rt.db, stage.clock, "test")
        client.headers["Authorization"] = f"Bearer {key}"
        yield client


async def test_it_is_valid_and_names_every_route_field_and_event(stage: Stage, http: httpx.AsyncClient) -> None:
    whole = (await http.get("/openapi.json")).json()
    validate(whole)
    sent = {one["name"] for one in whole["webhooks"]["post"]["post"]["parameters"]}
    assert {"webhook-id", "webhook-timestamp", "webhook-signature"} < sent
    routes = {
        (method, route.path)
        for part in PARTS for route in part.router.routes for method in route.methods  # type: ignore[attr-defined]
        if route.path.startswith(("/api/", "/hooks/")) and method in ("GET", "POST")  # type: ignore[attr-defined]
    }  # fmt: skip
    told = {(method.upper(), path) for path, methods in whole["paths"].items() for method in methods}
    assert routes <= told
    assert {path for _, path in told} >= {"/f/demo", "/f/paper"}
    known = whole["components"]["schemas"]
    assert {"EventInvoiceSent", "Lead", "Spend", "Rate", "Post", "DealWon", "EmailBounced"} <= known.keys()
    assert len(known["AnyEvent"]["anyOf"]) == len(TYPES) - 1 + 1 + len(MAILS)
    assert "product" in known["DealWon"]["properties"]["data"]["properties"]
    assert known["EventInvoiceSent"]["properties"]["data"]["required"] == ["amount", "number"]
    assert known["Lead"]["properties"]["fields"]["properties"]["area"]["anyOf"][0]["enum"] == ["Pumps", "Valves"]
    page = await http.get("/docs/api")
    assert (page.status_code, "POST /api/events" in page.text, "<script" in page.text) == (200, True, False)


ANN = "a@b.example"
SAMPLES: list[tuple[str, Any, bool]] = [
    ("EventInvoiceSent", {"event": "invoice_sent", "email": ANN, "data": {"number": "1", "amount": 5}}, True),
    ("EventInvoiceSent", {"event": "invoice_sent", "email": ANN, "data": {"number": "1"}}, False),
    ("EventInvoiceSent", {"event": "invoice_sent", "data": {"number": "1", "amount": 5}}, False),
    ("DealWon", {"type": "deal.won", "email": ANN, "data": {"id": "1", "amount": "5.20", "product": "x"}}, True),
    ("DealWon", {"type": "deal.won", "email": ANN, "emails": [ANN], "data": {"id": "1"}}, False),
    ("DealWon", {"type": "deal.won", "email": ANN, "data": {"product": "x"}}, False),
    ("DealRefunded", {"type": "deal.refunded", "email": ANN, "data": {"id": "1"}}, False),
    ("CallReceived", {"type": "call.received", "email": ANN}, True),
    ("CallReceived", {"type": "call.received", "email": ANN, "shoe": 1}, False),
    ("CallReceived", {"type": "call.received", "email": ANN, "source": {}}, False),
    ("WebinarAttended", {"type": "webinar.attended", "email": ANN}, False),
    ("WebinarAttended", {"type": "webinar.attended", "name": "Seals", "visitor": str(uuid4())}, True),
    ("Lead", {"email": ANN, "fields": {"area": "Pumps", "company": None}, "lists": []}, True),
    ("Lead", {"email": ANN, "fields": {"shoe": 1}}, False),
    ("Lead", {"fields": {}}, False),
    ("Lead", {"email": ANN, "consent": {"topic": "news"}}, False),
    ("Spend", {"day": "2026-09-01", "source": "google", "amount": "12.50"}, True),
    ("Spend", {"day": "2026-09-01", "amount": 5}, False),
    ("Rate", {"day": "2026-09-01", "currency": "USD", "rate": "0.9"}, True),
    ("Rate", {"day": "2026-09-01", "currency": "USD"}, False),
]  # fmt: skip
PATHS = {"Lead": "/api/leads", "Spend": "/api/spend", "Rate": "/api/rates"}


async def test_what_a_schema_takes_is_taken_and_what_it_refuses_is_refused(
    stage: Stage, http: httpx.AsyncClient
) -> None:
    whole = (await http.get("/openapi.json")).json()
    for name, item, right in SAMPLES:
        schema = {"$ref": f"#/components/schemas/{name}", "components": whole["components"]}
        assert jsonschema.Draft202012Validator(schema).is_valid(item) is right, (name, item)
        answer = await http.post(PATHS.get(name, "/api/events"), json=item)
        assert answer.status_code == (200 if right else 422), (item, answer.text)
        if not right:
            assert answer.json()["errors"], item
    mixed = [item for name, item, _ in SAMPLES if name not in PATHS]
    states = [one["state"] for one in (await http.post("/api/events", json=mixed)).json()["results"]]
    assert [state != "refused" for state in states] == [right for name, _, right in SAMPLES if name not in PATHS]


async def test_whatever_is_sent_the_answer_is_one_that_is_described(stage: Stage, http: httpx.AsyncClient) -> None:
    """Random requests of the description and broken ones: never a 5xx, and each answer fits its schema."""
    whole = describe(stage.rt.catalog.current.program, BASE)  # type: ignore[union-attr]
    checks = [not_a_server_error, status_code_conformance, response_schema_conformance, content_type_conformance]
    schema = schemathesis.openapi.from_dict(whole)
    cases: list[schemathesis.Case] = []
    for result in schema.get_all_operations():
        operation = result.ok()
        for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):
            cases += drawn(operation.as_strategy(generation_mode=mode), 4)
    assert len(cases) > 50
    for case in cases:
        sent = case.as_transport_kwargs(base_url=BASE)
        given = {str(name): str(value) for name, value in dict(case.headers or {}).items() if str(value).isascii()}
        answer = await http.request(
            sent["method"], sent["url"], params=sent.get("params"), json=sent.get("json"), content=sent.get("data"),
            headers={
                "Content-Type": "application/json", **given, "Accept": "application/json",
                "Authorization": http.headers["Authorization"],
            },
        )  # fmt: skip
        assert answer.status_code < 500, (case, answer.text)
        case.validate_response(answer, checks=checks)


def drawn(strategy: st.SearchStrategy[schemathesis.Case], many: int) -> list[schemathesis.Case]:
    """The same cases in every run."""
    found: list[schemathesis.Case] = []

    @seed(1)
    @settings(
        max_examples=many, phases=[Phase.generate], database=None, deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(strategy)
    def draw(case: schemathesis.Case) -> None:
        found.append(case)

    draw()
    return found

"""A CRM that refuses, limits, hangs up or is away: nothing is lost, and nothing is there twice."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from engine.crm import hubspot, push
from engine.leads.external_changes import tell
from engine.store import gates
from tests.support.crm import ANN, demo, link, sign, waiting
from tests.support.hubspot import HubSpotServer
from tests.support.stage import TUESDAY, Stage


async def test_one_bad_row_holds_up_no_other(stage: Stage, there: HubSpotServer) -> None:
    await stage.post("demo", ("news",), email="bad@acme.example", first_name="Bad", country="DE")
    await stage.post("demo", ("news",), email=ANN, first_name="Ann", country="DE")
    await stage.post("demo", ("news",), email="cid@acme.example", first_name="Cid", country="DE")
    original = there._wrong
    there._wrong = lambda said: (
        "Email address bad is invalid" if said.get("email") == "bad@acme.example" else original(said)
    )  # type: ignore[method-assign]
    await push.push_all(stage.rt)
    assert sorted(one["email"] for one in there.contacts.values()) == [ANN, "cid@acme.example"]
    assert await waiting(stage) == [(1, "Email address bad is invalid")]
    many = len(there.calls)
    stage.clock.set(stage.clock.now() + timedelta(hours=2))
    await push.push_all(stage.rt)
    assert len(there.calls) == many, "it is not tried again before the lead changes"


async def test_the_connection_breaks_after_they_have_taken_it(stage: Stage, there: HubSpotServer) -> None:
    there.script = [httpx.Response(200, json={"results": []}), "hang up"]
    await demo(stage)
    assert len(there.contacts) == 1
    assert await link(stage) is None
    stage.clock.set(stage.clock.now() + timedelta(minutes=1))
    await push.push_all(stage.rt)
    assert len(there.contacts) == 1
    assert (await link(stage)).remote_id in there.contacts


async def test_a_worker_dies_between_their_answer_and_our_commit(stage: Stage, there: HubSpotServer) -> None:
    await stage.post("demo", ("news",), email=ANN, first_name="Ann", country="DE")
    settle, push._settle = push._settle, None  # type: ignore[assignment]
    for round in range(20):
        with pytest.raises(TypeError):
            await push.push_all(stage.rt)
        stage.clock.set(stage.clock.now() + push.LEASE + timedelta(seconds=1))
        assert len(there.contacts) == 1, round
    push._settle = settle
    await push.push_all(stage.rt)
    assert (len(there.contacts), await waiting(stage)) == (1, [])


async def test_too_many_requests_close_the_gate_until_they_say(stage: Stage, there: HubSpotServer) -> None:
    limited = httpx.Response(429, headers={"Retry-After": "120"}, json={"message": "You have reached your limit"})
    there.script = [limited]
    await demo(stage)
    (gate,) = await gates.closed(stage.rt.db, stage.clock.real())
    assert (gate["provider"], gate["until"] - stage.clock.real()) == ("crm Sales CRM", timedelta(seconds=120))
    assert await waiting(stage) == [(0, None)]
    stage.clock.set(stage.clock.now() + timedelta(seconds=121))
    await push.push_all(stage.rt)
    assert len(there.contacts) == 1


@pytest.mark.parametrize("status", [401, 403, 503])
async def test_a_crm_that_refuses_everything_uses_up_no_attempt(
    stage: Stage, there: HubSpotServer, status: int
) -> None:
    there.script = [httpx.Response(status, json={"message": "no"})]
    await demo(stage)
    assert len(await gates.closed(stage.rt.db, stage.clock.real())) == 1
    assert await waiting(stage) == [(0, None)]


async def test_away_for_an_hour_only_the_newest_state_is_written(stage: Stage, there: HubSpotServer) -> None:
    await demo(stage)
    writes = len(there.writes)
    there.script = [httpx.ConnectError("away")]
    for size in range(1, 30):
        await tell(stage.rt, ANN, {"company_size": size})
        await push.push_all(stage.rt)
    stage.clock.set(stage.clock.now() + timedelta(hours=1))
    await push.push_all(stage.rt)
    assert [one["numberofemployees"] for one in there.writes[writes:]] == ["29"]


@pytest.mark.parametrize(
    ("secret", "age", "right"), [("hooks", 0, True), ("other", 0, False), ("hooks", 301, False), ("hooks", -301, False)]
)
def test_a_hook_is_believed_only_with_its_signature_and_only_for_five_minutes(
    secret: str, age: int, right: bool
) -> None:
    stamp = str(int((TUESDAY - timedelta(seconds=age)).timestamp() * 1000))
    headers = {
        "x-hubspot-signature-v3": sign(secret, "POST", "https://go.example/hooks/crm/x", b"[]", stamp),
        "x-hubspot-request-timestamp": stamp,
    }
    assert hubspot.signed("hooks", "POST", "https://go.example/hooks/crm/x", b"[]", headers, TUESDAY) is right
    assert not hubspot.signed("hooks", "POST", "https://go.example/hooks/crm/x", b"[1]", headers, TUESDAY)
    assert not hubspot.signed("hooks", "POST", "https://go.example/hooks/crm/x", b"[]", {}, TUESDAY)

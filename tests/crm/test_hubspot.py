"""Leads go to a strict HubSpot, and what happens there comes back: each case that goes wrong in practice, by name."""

from __future__ import annotations

import base64
import hmac
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from uuid import UUID

import httpx
import pytest

from engine.crm import hubspot, pull, push
from engine.crm.hubspot import HubSpot
from engine.leads.erase import erase
from engine.leads.external_changes import tell
from engine.platform.settings import CrmAccess
from engine.store import crm as store
from engine.store import gates
from tests.support.hubspot import HubSpotServer
from tests.support.sales import WORKSPACE
from tests.support.stage import TUESDAY, Stage, open_stage

CRM = """
field company_size number
field contract_end date from crm

scoring
    +20 when form "demo" is submitted

crm "Sales CRM" from hubspot
    sends leads from stage MQL
    sends first_source to "cf_source", score to "cf_score", stage to "cf_stage"
    sends company_size to "numberofemployees"
    reads company_size from "numberofemployees", contract_end from "renewal_date", owner from "hubspot_owner_id"
    conflict company_size newest wins
    deal stage "closedwon" is won
    deal stage "closedlost" is lost
    acknowledged when "hs_lead_status" is "IN_PROGRESS"
    contacted when "hs_lead_status" is "CONNECTED"
    accepted when "hs_lead_status" is "OPEN_DEAL"
    rejected when "hs_lead_status" is "UNQUALIFIED" because "lost_reason"
"""
ANN = "ann@acme.example"
NAME = "Sales CRM"


@pytest.fixture
def there() -> HubSpotServer:
    return HubSpotServer(now=TUESDAY)


@pytest.fixture
async def stage(new_database: Callable[[], str], there: HubSpotServer) -> AsyncIterator[Stage]:
    crm = {NAME: CrmAccess(token="t0ken", secret="hooks")}
    async with open_stage(new_database(), WORKSPACE + CRM, crm=crm) as opened:
        opened.rt.crms[NAME] = HubSpot(crm[NAME], opened.clock, transport=there.transport())
        yield opened


async def demo(stage: Stage, email: str = ANN, **values: object) -> None:
    await stage.post("demo", ("news",), email=email, first_name="Ann", country="DE", **values)
    await push.push_all(stage.rt)


async def link(stage: Stage, email: str = ANN) -> object | None:
    rows = await stage.rows(
        "SELECT k.* FROM crm_links k JOIN leads l ON l.id = k.lead_id WHERE l.email = %(email)s", email=email
    )
    return rows[0] if rows else None


async def lead(stage: Stage, email: str = ANN) -> object:
    return (await stage.rows("SELECT * FROM leads WHERE email = %(email)s", email=email))[0]


async def waiting(stage: Stage) -> list[tuple[int, str | None]]:
    return [(row.attempts, row.reason) for row in await stage.rows("SELECT * FROM crm_outbox ORDER BY lead_id")]


async def test_a_lead_goes_there_when_it_is_qualified_and_not_before(stage: Stage, there: HubSpotServer) -> None:
    await stage.post("paper", email="ben@acme.example", country="DE")
    await push.push_all(stage.rt)
    assert there.contacts == {}
    await demo(stage)
    (contact,) = there.contacts.values()
    assert contact["email"] == ANN
    assert contact["firstname"] == "Ann"
    assert (contact["cf_score"], contact["cf_stage"]) == ("20", "MQL")
    assert UUID(contact["coldframe_id"]) == (await lead(stage)).id
    assert await waiting(stage) == []


async def test_only_what_is_news_is_written_and_equal_states_are_not(stage: Stage, there: HubSpotServer) -> None:
    await demo(stage)
    await tell(stage.rt, ANN, {"country": "AT"})
    await push.push_all(stage.rt)
    assert there.writes[-1].keys() == {"country", "email", "coldframe_id"}
    many = len(there.writes)
    async with stage.rt.db.hot() as hot:
        await store.mark_all(hot, NAME, ["MQL"], stage.clock.now(), stage.clock.real())
        await hot.commit()
    await push.push_all(stage.rt)
    assert (len(there.writes), await waiting(stage)) == (many, [])


async def test_an_echo_changes_nothing(stage: Stage, there: HubSpotServer) -> None:
    await demo(stage)
    before, writes = (await lead(stage)).seq, len(there.writes)
    for _ in range(3):
        await pull.poll_all(stage.rt)
        await push.push_all(stage.rt)
    assert ((await lead(stage)).seq, len(there.writes)) == (before, writes)


async def test_the_contact_is_there_already_under_that_address(stage: Stage, there: HubSpotServer) -> None:
    there.put("7", email="Ann@Acme.example", jobtitle="Buyer")
    await demo(stage)
    assert set(there.contacts) == {"7"}
    assert (await link(stage)).remote_id == "7"
    assert there.contacts["7"]["jobtitle"] == "Buyer"


async def test_it_appears_there_while_we_write(stage: Stage, there: HubSpotServer) -> None:
    there.script = [httpx.Response(200, json={"results": []})]
    there.put("7", email=ANN)
    await demo(stage)
    assert (set(there.contacts), (await link(stage)).remote_id) == ({"7"}, "7")


async def test_a_change_there_comes_back_typed_and_once(stage: Stage, there: HubSpotServer) -> None:
    await demo(stage)
    there.now += timedelta(minutes=5)
    (id,) = there.contacts
    there.put(id, numberofemployees="250", renewal_date="2027-03-01T00:00:00Z", hubspot_owner_id="77")
    await pull.poll_all(stage.rt)
    fields = (await lead(stage)).fields
    assert (fields["company_size"], fields["contract_end"], fields["owner"]) == (250, "2027-03-01", "eva@acme.example")
    seq, writes = (await lead(stage)).seq, len(there.writes)
    await push.push_all(stage.rt)
    await pull.poll_all(stage.rt)
    assert ((await lead(stage)).seq, len(there.writes)) == (seq, writes)


async def test_an_empty_value_empties_nothing_here(stage: Stage, there: HubSpotServer) -> None:
    await demo(stage)
    (id,) = there.contacts
    there.now += timedelta(minutes=1)
    there.put(id, numberofemployees="250")
    await pull.poll_all(stage.rt)
    there.now += timedelta(minutes=1)
    there.put(id, numberofemployees="")
    await pull.poll_all(stage.rt)
    assert (await lead(stage)).fields["company_size"] == 250


async def test_a_value_that_does_not_fit_is_told_and_the_others_are_taken(stage: Stage, there: HubSpotServer) -> None:
    await demo(stage)
    (id,) = there.contacts
    there.now += timedelta(minutes=1)
    there.put(id, numberofemployees="many", renewal_date="2027-03-01")
    await pull.poll_all(stage.rt)
    assert (await lead(stage)).fields["contract_end"] == "2027-03-01"
    assert "numberofemployees does not fit" in (await link(stage)).attention


@pytest.mark.parametrize(("minutes", "stands"), [(-5, 90), (5, 250)])
async def test_both_sides_changed_it_and_the_newest_wins(
    stage: Stage, there: HubSpotServer, minutes: int, stands: int
) -> None:
    await demo(stage)
    (id,) = there.contacts
    await push.push_all(stage.rt)
    stage.clock.set(stage.clock.now() + timedelta(hours=1))
    await tell(stage.rt, ANN, {"company_size": 90})
    there.now = stage.clock.now() + timedelta(minutes=minutes)
    there.put(id, numberofemployees="250")
    page = await stage.rt.crms[NAME].read(["numberofemployees"], id)
    assert page is not None
    current = await stage.rt.catalog.refresh()
    assert current is not None
    await pull.take_in(stage.rt, current.program, current.program.crms[0], page)
    assert (await lead(stage)).fields["company_size"] == stands
    lost = await stage.rows("SELECT data FROM events WHERE type = 'lead.told' AND data ? 'lost'")
    assert [row.data["lost"]["company_size"] for row in lost] == [str({90: 250, 250: 90}[stands])]


async def test_two_systems_that_round_differently_settle_after_one_turn(stage: Stage, there: HubSpotServer) -> None:
    await demo(stage)
    (id,) = there.contacts
    await tell(stage.rt, ANN, {"company_size": 12.3456})
    await push.push_all(stage.rt)
    there.now += timedelta(minutes=5)
    there.put(id, numberofemployees="12.35")
    for _ in range(3):
        await pull.poll_all(stage.rt)
        await push.push_all(stage.rt)
    writes = len(there.writes)
    assert (await lead(stage)).fields["company_size"] == 12.35
    await pull.poll_all(stage.rt)
    await push.push_all(stage.rt)
    assert (len(there.writes), there.contacts[id]["numberofemployees"]) == (writes, "12.35")


async def test_sales_accepts_there(stage: Stage, there: HubSpotServer) -> None:
    await demo(stage)
    (id,) = there.contacts
    there.now += timedelta(minutes=1)
    there.put(id, hs_lead_status="IN_PROGRESS")
    await pull.poll_all(stage.rt)
    (row,) = await stage.rows("SELECT outcome, acknowledged_at FROM handoffs")
    assert row.outcome is None
    assert row.acknowledged_at is not None
    there.now += timedelta(minutes=1)
    there.put(id, hs_lead_status="OPEN_DEAL")
    await pull.poll_all(stage.rt)
    await stage.settle()
    (row,) = await stage.rows("SELECT outcome FROM handoffs")
    assert (row.outcome, (await lead(stage)).stage) == ("accepted", "SQL")
    await push.push_all(stage.rt)
    assert there.contacts[id]["cf_stage"] == "SQL"


async def test_sales_rejects_there_with_their_reason(stage: Stage, there: HubSpotServer) -> None:
    await demo(stage)
    (id,) = there.contacts
    there.now += timedelta(minutes=1)
    there.put(id, hs_lead_status="UNQUALIFIED", lost_reason="no budget")
    await pull.poll_all(stage.rt)
    (row,) = await stage.rows("SELECT outcome, reason FROM handoffs")
    assert (row.outcome, row.reason) == ("rejected", "no budget")


async def test_another_owner_there_has_the_handoff(stage: Stage, there: HubSpotServer) -> None:
    await demo(stage)
    (before,) = await stage.rows("SELECT member FROM handoffs")
    other = "78" if before.member == "eva@acme.example" else "77"
    (id,) = there.contacts
    there.now += timedelta(minutes=1)
    there.put(id, hubspot_owner_id=other)
    await pull.poll_all(stage.rt)
    (after,) = await stage.rows("SELECT member FROM handoffs")
    assert after.member == there.owners[other] != before.member


async def test_a_deal_is_won_once_to_the_cent_and_lost_again(stage: Stage, there: HubSpotServer) -> None:
    await demo(stage)
    (id,) = there.contacts
    there.ties[id] = ["d1"]
    there.deals["d1"] = {"dealstage": "appointment", "amount": "1250.50", "deal_currency_code": "EUR"}
    for stage_there in ("appointment", "closedwon", "closedwon", "closedlost"):
        there.now += timedelta(minutes=1)
        there.deals["d1"]["dealstage"] = stage_there
        there.put(id, jobtitle=f"at {there.now}")
        await pull.poll_all(stage.rt)
    events = await stage.rows("SELECT type FROM deal_events ORDER BY number")
    assert [row.type for row in events] == ["deal.moved", "deal.won", "deal.lost"]
    (deal,) = await stage.rows("SELECT * FROM deals")
    assert (deal.amount, deal.currency, deal.status) == (125050, "EUR", "lost")


async def test_the_address_changes_there(stage: Stage, there: HubSpotServer) -> None:
    await demo(stage)
    before = (await lead(stage)).id
    (id,) = there.contacts
    there.now += timedelta(minutes=1)
    there.put(id, email="ann@new.example")
    await pull.poll_all(stage.rt)
    assert (await lead(stage, "ann@new.example")).id == before
    assert await stage.rows("SELECT 1 FROM leads WHERE email = 'ann@acme.example'") == []


async def test_their_new_address_is_another_lead_s(stage: Stage, there: HubSpotServer) -> None:
    await stage.post("paper", email="ben@acme.example", country="DE")
    await demo(stage)
    (id,) = there.contacts
    there.now += timedelta(minutes=1)
    there.put(id, email="ben@acme.example")
    await pull.poll_all(stage.rt)
    assert "merge the two" in (await link(stage)).attention
    assert len(await stage.rows("SELECT 1 FROM leads WHERE email IS NOT NULL")) == 2


async def test_a_merged_record_leads_to_the_winner(stage: Stage, there: HubSpotServer) -> None:
    await demo(stage)
    (id,) = there.contacts
    there.now += timedelta(minutes=1)
    there.put("900", email=ANN, hs_merged_object_ids=f"{id};900", numberofemployees="40")
    del there.contacts[id]
    await pull.poll_all(stage.rt)
    assert ((await link(stage)).remote_id, (await lead(stage)).fields["company_size"]) == ("900", 40)


async def test_a_record_that_is_gone_is_written_once_more(stage: Stage, there: HubSpotServer) -> None:
    await demo(stage)
    there.contacts.clear()
    await tell(stage.rt, ANN, {"country": "AT"})
    await push.push_all(stage.rt)
    (contact,) = there.contacts.values()
    assert (contact["email"], contact["country"], len(await waiting(stage))) == (ANN, "AT", 0)


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


async def test_ten_thousand_of_one_instant_do_not_loop(stage: Stage, there: HubSpotServer) -> None:
    for number in range(1, 451):
        there.put(str(number), email=f"p{number}@there.example")
    port, cursor, seen = stage.rt.crms[NAME], "", set()
    for rounds in range(12):  # noqa: B007
        page = await port.changed(["numberofemployees"], cursor)
        seen |= {record.id for record in page.records}
        cursor = page.cursor
        if not page.more:
            break
    assert (len(seen), rounds < 11) == (450, True)


async def test_first_contact_makes_leads_quietly_and_goes_on_where_it_was(stage: Stage, there: HubSpotServer) -> None:
    for number in range(1, 151):
        there.put(str(number), email=f"p{number}@there.example", numberofemployees=str(number))
    there.put("151", email="not an address")
    current = await stage.rt.catalog.refresh()
    assert current is not None
    crm, port = current.program.crms[0], stage.rt.crms[NAME]
    told: list[str] = []

    def stop(outcome: str) -> None:
        told.append(outcome)
        if len(told) == 130:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await pull.read_on(stage.rt, current.program, crm, port, everything=True, told=stop)
    await pull.read_on(stage.rt, current.program, crm, port, everything=True, told=told.append)
    assert ("refused" in told, len(await stage.rows("SELECT 1 FROM leads"))) == (True, 150)
    assert await stage.rows("SELECT 1 FROM enrolments") == []
    assert await stage.rows("SELECT 1 FROM messages") == []
    assert (await lead(stage, "p7@there.example")).fields["company_size"] == 7
    await push.push_all(stage.rt)
    assert there.writes == [], "nobody of them is qualified here"


async def test_a_poll_makes_no_lead_of_a_stranger(stage: Stage, there: HubSpotServer) -> None:
    there.put("5", email="stranger@there.example")
    await pull.poll_all(stage.rt)
    assert await stage.rows("SELECT 1 FROM leads") == []


async def test_hooks_that_were_lost_are_made_up_for_by_the_poll(stage: Stage, there: HubSpotServer) -> None:
    await demo(stage)
    (id,) = there.contacts
    stage.clock.set(stage.clock.now() + timedelta(days=2))
    there.now = stage.clock.now()
    there.put(id, numberofemployees="77")
    await pull.poll_all(stage.rt)
    assert (await lead(stage)).fields["company_size"] == 77


async def test_a_change_that_the_search_shows_late_is_not_missed(stage: Stage, there: HubSpotServer) -> None:
    await demo(stage)
    (id,) = there.contacts
    stage.clock.set(stage.clock.now() + timedelta(minutes=2))
    there.now = stage.clock.now()
    there.put("500", email="other@there.example")
    await pull.poll_all(stage.rt)
    there.now -= timedelta(seconds=20)  # made before the one that was read, shown after it
    there.put(id, numberofemployees="66")
    await pull.poll_all(stage.rt)
    assert (await lead(stage)).fields["company_size"] == 66


async def test_an_erased_lead_leaves_the_queue_and_the_links(stage: Stage, there: HubSpotServer) -> None:
    await demo(stage)
    await tell(stage.rt, ANN, {"country": "AT"})
    await erase(stage.rt, (await lead(stage)).id, "test")
    assert await stage.rows("SELECT 1 FROM crm_links") == []
    writes = len(there.writes)
    await push.push_all(stage.rt)
    assert (len(there.writes), await waiting(stage)) == (writes, [])


async def test_the_fields_that_are_missing_there_are_named(stage: Stage) -> None:
    assert await stage.rt.crms[NAME].missing(["cf_score", "cf_typo"]) == ("cf_typo",)


def sign(secret: str, method: str, url: str, body: bytes, stamp: str) -> str:
    text = method.encode() + url.encode() + body + stamp.encode()
    return base64.b64encode(hmac.new(secret.encode(), text, "sha256").digest()).decode()


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

"""Leads go to a strict HubSpot, and what happens there comes back, case by case."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import httpx
import pytest

from engine.crm import pull, push
from engine.leads.erase import erase
from engine.leads.external_changes import tell
from engine.store import crm as store
from tests.support.crm import ANN, NAME, demo, lead, link, waiting
from tests.support.hubspot import HubSpotServer
from tests.support.stage import Stage


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

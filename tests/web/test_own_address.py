"""A person's own change of address: named on the page with their data, confirmed behind the link in the new mailbox."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from engine.leads import confirmations
from engine.leads.consent import hashed
from engine.leads.own_address import MOST
from engine.leads.own_address import token as address_token
from engine.leads.own_data import VALID, answer, token
from engine.platform.clock import FixedClock
from engine.runtime.runtime import Runtime
from engine.wording.data_request import ADDRESS_TEXTS, TEXTS
from tests.support.stage import FakeMailer
from tests.web.conftest import BASE
from web.http.words import ENGLISH, GERMAN

Make = Callable[..., Awaitable[UUID]]
OWN = {"origin": BASE}
OTHER = {"origin": "https://evil.example"}


async def rows(rt: Runtime, sql: str, **values: Any) -> list[Any]:
    async with rt.db.hot() as hot:
        found = await hot.all(sql, values)
        await hot.commit()
    return found


@pytest.fixture
def mailer(rt: Runtime) -> FakeMailer:
    rt.mailer = FakeMailer()
    return rt.mailer


def asking(rt: Runtime, lead: UUID) -> str:
    return f"/me/{token(rt, lead, rt.clock.now())}/address"


async def test_the_button_behind_the_link_changes_the_address(
    http: httpx.AsyncClient, rt: Runtime, new_lead: Make, mailer: FakeMailer
) -> None:
    lead = await new_lead("before@move.example", fields={"language": "de"}, suppressed="bounced")
    page = await http.get(asking(rt, lead).removesuffix("/address"))
    assert (page.status_code, GERMAN["address ask"] in page.text) == (200, True)
    asked = await http.post(asking(rt, lead), headers=OWN, data={"email": " After@move.example "})
    assert (asked.status_code, GERMAN["address asked text"] in asked.text) == (200, True)
    await answer(rt)
    await answer(rt)
    (mail,) = mailer.mails
    assert (mail.to, mail.subject) == ("After@move.example", ADDRESS_TEXTS["de"].subject.format(company="Acme & Sons"))
    (link,) = re.findall(r"https?://\S+/address/\S+", mail.text)
    path = link.removeprefix(rt.settings.base_url)
    shown = await http.get(path)
    assert (shown.status_code, "After@move.example" in shown.text, "before@" in shown.text) == (200, True, False)
    assert (await rows(rt, "SELECT email FROM leads WHERE id = %(lead)s", lead=lead))[0].email == "before@move.example"
    assert (await http.post(path, headers=OTHER)).status_code == 403
    for _ in range(2):
        done = await http.post(path, headers=OWN)
        assert (done.status_code, GERMAN["address done"] in done.text) == (200, True)
    [now] = await rows(rt, "SELECT email, suppressed FROM leads WHERE id = %(lead)s", lead=lead)
    assert (now.email, now.suppressed) == ("After@move.example", None)
    moved = await rows(
        rt, "SELECT data FROM events WHERE lead_id = %(lead)s AND type = 'lead.address_changed'", lead=lead
    )
    assert [one.data["how"] for one in moved] == ["link"]


async def test_what_is_refused(http: httpx.AsyncClient, rt: Runtime, new_lead: Make, mailer: FakeMailer) -> None:
    lead, other = await new_lead("one@refused.example"), await new_lead("two@refused.example")
    for given in ({}, {"email": ""}, {"email": "no address"}, {"email": ["a@b.example", "c@d.example"]}):
        wrong = await http.post(asking(rt, lead), headers=OWN, data=given)
        assert (wrong.status_code, ENGLISH["email"] in wrong.text) == (422, True), given
    assert (await http.post(asking(rt, lead), headers=OTHER, data={"email": "x@y.example"})).status_code == 403
    assert (await http.post(asking(rt, uuid4()), headers=OWN, data={"email": "x@y.example"})).status_code == 404
    now = rt.clock.now()
    for path in (
        address_token(rt, lead, "x@y.example", now - VALID - timedelta(seconds=1)), token(rt, lead, now),
        address_token(rt, uuid4(), "x@y.example", now),
    ):  # fmt: skip
        assert (await http.get(f"/address/{path}")).status_code == 404
        assert (await http.post(f"/address/{path}", headers=OWN)).status_code == 404
    taken = await http.post(f"/address/{address_token(rt, lead, 'Two@refused.example', now)}", headers=OWN)
    assert (taken.status_code, ENGLISH["address taken"] in taken.text) == (409, True)
    assert len(await rows(rt, "SELECT 1 FROM leads WHERE id = ANY(%(l)s)", l=[lead, other])) == 2


async def test_few_emails_a_day_and_none_to_an_address_that_complained(
    http: httpx.AsyncClient, rt: Runtime, new_lead: Make, mailer: FakeMailer
) -> None:
    lead = await new_lead("many@asked.example")
    await rows(
        rt, "INSERT INTO suppressions (address_hash, reason, at) VALUES (%(hash)s, 'complained', %(at)s) RETURNING 1",
        hash=hashed(rt, "angry@asked.example"), at=rt.clock.now(),
    )  # fmt: skip
    for name in ("angry", *(f"new{number}" for number in range(MOST + 1))):
        done = await http.post(asking(rt, lead), headers=OWN, data={"email": f"{name}@asked.example"})
        assert done.status_code == 200
    await answer(rt)
    assert [mail.to for mail in mailer.mails] == [f"new{number}@asked.example" for number in range(MOST - 1)]
    await http.post(f"/p/{rt.tokens.sign('preferences', str(lead))}/data", headers=OWN)
    await answer(rt)
    assert mailer.mails[-1].to == "many@asked.example", "what is asked about the data has a limit of its own"


async def test_links_from_before_a_move_open_nothing_and_never_take_the_person_back(
    http: httpx.AsyncClient, rt: Runtime, clock: FixedClock, new_lead: Make
) -> None:
    lead, start = await new_lead("a@replay.example"), rt.clock.now()
    own, to_b = token(rt, lead, start), address_token(rt, lead, "b@replay.example", start)
    assert (await http.get(f"/me/{own}")).status_code == 200
    for name in ("b", "c"):
        clock.advance(timedelta(minutes=1))
        link = to_b if name == "b" else address_token(rt, lead, "c@replay.example", clock.now())
        clock.advance(timedelta(minutes=1))
        for _ in range(2):
            assert (await http.post(f"/address/{link}", headers=OWN)).status_code == 200
    assert (await http.post(f"/address/{to_b}", headers=OWN)).status_code == 404
    for path in (f"/me/{own}", f"/me/{own}/file", f"/address/{to_b}"):
        assert (await http.get(path)).status_code == 404, path
    assert (await http.post(f"/me/{own}", headers=OWN, data={"sure": "yes"})).status_code == 404
    assert (await http.post(f"/me/{own}/address", headers=OWN, data={"email": "d@x.example"})).status_code == 404
    [now] = await rows(rt, "SELECT email FROM leads WHERE id = %(lead)s", lead=lead)
    assert now.email == "c@replay.example"
    assert (await http.get(f"/me/{token(rt, lead, clock.now() + timedelta(seconds=1))}")).status_code == 200


async def test_many_people_cannot_have_one_mailbox_written_to(
    http: httpx.AsyncClient, rt: Runtime, new_lead: Make
) -> None:
    for number in range(MOST + 2):
        lead = await new_lead(f"l{number}@crowd.example")
        named = f"Vic.tim+{number}@crowded.example"
        assert (await http.post(asking(rt, lead), headers=OWN, data={"email": named})).status_code == 200
    asked = await rows(rt, "SELECT 1 FROM data_requests WHERE email LIKE %(like)s", like="%@crowded.example")
    assert len(asked) == MOST


@pytest.mark.parametrize(("day", "budget"), [(2, "PER_DOMAIN"), (4, "PER_NETWORK"), (6, "PER_IDENTITY")])
async def test_what_people_ask_for_has_the_budgets_of_confirmations(
    http: httpx.AsyncClient, rt: Runtime, clock: FixedClock, new_lead: Make, monkeypatch: pytest.MonkeyPatch,
    day: int, budget: str,
) -> None:  # fmt: skip
    """Many leads of one attacker's, each with another address at one company; and one network that asks for all."""
    clock.advance(timedelta(days=day))
    monkeypatch.setattr(confirmations, budget, most := 2)
    site, since = f"{budget[4:].lower()}.example", clock.now() - timedelta(hours=1)
    for number in range(most + 2):
        local = f"v.i+{number}" if budget == "PER_IDENTITY" else f"v{number}"
        own = await new_lead(f"{local}@{site}" if number % 2 else f"a{day}{number}@attack.example")
        if number % 2:
            done = await http.post(f"/p/{rt.tokens.sign('preferences', str(own))}/data", headers=OWN)
        else:
            done = await http.post(asking(rt, own), headers=OWN, data={"email": f"{local}@{site}"})
        assert done.status_code == 200
    noted = await rows(rt, "SELECT email, network FROM data_requests WHERE at > %(since)s ORDER BY at", since=since)
    assert len(noted) == most
    assert {len(one.network) for one in noted} == {64}
    assert len({one.email is None for one in noted}) == 2
    posts = [await http.post("/f/opt in", json={"email": f"{name}@{site}", "company": "F"}) for name in ("v.i+8", "v9")]
    assert {one.status_code for one in posts} == {200}
    sent = await rows(rt, "SELECT 1 FROM confirmations WHERE at > %(since)s", since=since)
    assert len(sent) == (1 if budget == "PER_IDENTITY" else 0), "one budget for all such emails"


def test_both_emails_are_there_in_the_same_languages() -> None:
    assert TEXTS.keys() == ADDRESS_TEXTS.keys()

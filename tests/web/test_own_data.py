"""What a person learns about themselves: asked for on the preference page, sent by email, shown, kept, erased."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from engine.leads.own_data import VALID, answer, token
from engine.model.ports import Receipt
from engine.platform.clock import FixedClock
from engine.runtime.runtime import Runtime
from engine.store.db import Database
from engine.wording.data_request import TEXTS, email
from tests.support.stage import FakeMailer
from tests.web.conftest import BASE
from web.http.words import ENGLISH, GERMAN
from web.public.own_data import consents, details
from worker import BESIDE

Make = Callable[..., Awaitable[UUID]]
OWN = {"origin": BASE}


def asking(rt: Runtime, lead: UUID) -> str:
    return f"/p/{rt.tokens.sign('preferences', str(lead))}/data"


async def rows(db: Database, sql: str, **values: Any) -> list[Any]:
    async with db.hot() as hot:
        found = await hot.all(sql, values)
        await hot.commit()
    return found


@pytest.fixture
def mailer(rt: Runtime) -> FakeMailer:
    rt.mailer = FakeMailer()
    return rt.mailer


async def test_a_link_comes_by_email_and_shows_everything_in_the_persons_language(
    http: httpx.AsyncClient, rt: Runtime, new_lead: Make, mailer: FakeMailer
) -> None:
    lead = await new_lead("ida@firm.example", fields={"language": "de", "first_name": "Ida", "company_size": 7})
    await rows(
        rt.db, "INSERT INTO consents (lead_id, topic, seq, state, record, at) VALUES (%(lead)s, 'newsletter', 1,"
        """ 'subscribed', '{"wording": "Ja, gerne"}', %(at)s) RETURNING 1""", lead=lead, at=rt.clock.now(),
    )  # fmt: skip
    for _ in range(2):
        asked = await http.post(asking(rt, lead), headers=OWN)
        assert (asked.status_code, GERMAN["data asked"] in asked.text) == (200, True)
        assert "ida@" not in asked.text
        assert "Ida" not in asked.text
    await answer(rt)
    await answer(rt)
    (mail,) = mailer.mails
    assert (mail.to, mail.subject) == ("ida@firm.example", "Ihre Daten bei Acme & Sons")
    (link,) = re.findall(r"https?://\S+/me/\S+", mail.text)
    path = link.removeprefix(rt.settings.base_url)
    shown = await http.get(path)
    assert shown.status_code == 200
    for said in ("ida@firm.example", "Ida", "News about pumps", "eingewilligt", "Ja, gerne", GERMAN["erase"]):
        assert said in shown.text
    assert shown.headers["cache-control"] == "no-store"
    file = await http.get(f"{path}/file")
    assert file.headers["content-disposition"] == 'attachment; filename="my-data.json"'
    told = file.json()
    assert (told["email"], told["fields"]["company_size"], told["consents"][0]["proof"]) == (
        "ida@firm.example", 7, {"wording": "Ja, gerne"},
    )  # fmt: skip
    assert {"events", "emails", "visits", "stages", "handoffs", "deals"} <= told.keys()


async def test_a_person_has_everything_erased(http: httpx.AsyncClient, rt: Runtime, new_lead: Make) -> None:
    lead = await new_lead("gone@firm.example", fields={"first_name": "Gondola"})
    path = f"/me/{token(rt, lead, rt.clock.now())}"
    refused = await http.post(path, headers=OWN, data={"sure": ""})
    assert refused.status_code == 422
    assert (await http.get(path)).status_code == 200
    assert (await http.post(path, headers={"origin": "https://evil.example"}, data={"sure": "yes"})).status_code == 403
    done = await http.post(path, headers=OWN, data={"sure": "yes"})
    assert (done.status_code, ENGLISH["data erased"] in done.text) == (200, True)
    assert (await http.get(path)).status_code == 404
    assert await rows(rt.db, "SELECT 1 FROM leads WHERE email = 'gone@firm.example'") == []


async def test_a_link_is_over_after_its_time_and_nobody_can_make_one(
    http: httpx.AsyncClient, rt: Runtime, clock: FixedClock, new_lead: Make
) -> None:
    lead, now = await new_lead("late@firm.example"), rt.clock.now()
    assert (await http.get(f"/me/{token(rt, lead, now - VALID)}")).status_code == 200
    for path in (
        token(rt, lead, now - VALID - timedelta(seconds=1)), token(rt, uuid4(), now), token(rt, lead, now)[:-2],
        rt.tokens.sign("preferences", str(lead)), rt.tokens.sign("data", str(lead), "soon"),
    ):  # fmt: skip
        assert (await http.get(f"/me/{path}")).status_code == 404
    assert (await http.post(asking(rt, uuid4()), headers=OWN)).status_code == 404
    assert (await http.post(asking(rt, lead), headers={"origin": "https://evil.example"})).status_code == 403


async def test_an_email_leaves_once_whatever_the_provider_says(
    http: httpx.AsyncClient, rt: Runtime, new_lead: Make, mailer: FakeMailer
) -> None:
    lead, bounced = await new_lead("ed@firm.example"), await new_lead("no@firm.example", suppressed="bounced")
    for one in (lead, bounced):
        await http.post(asking(rt, one), headers=OWN)
    mailer.script = [Receipt("retry")]
    await answer(rt)
    await answer(rt)
    await answer(rt)
    assert [mail.to for mail in mailer.mails] == ["ed@firm.example"]
    found = await rows(rt.db, "SELECT lead_id, state FROM data_requests WHERE lead_id = ANY(%(l)s)", l=[lead, bounced])
    assert {one.lead_id: one.state for one in found} == {lead: "sent", bounced: "failed"}


def test_the_email_is_there_in_every_language_of_the_pages() -> None:
    for language in TEXTS:
        subject, html, plain = email(language, "A & B", "https://x.example/me/t")
        assert "A & B" in subject
        assert "A &amp; B" in html
        assert "https://x.example/me/t" in html
        assert "https://x.example/me/t" in plain
    assert any(job.work is answer for job in BESIDE)


def test_words_for_details_and_for_consent_that_was_only_asked_for() -> None:
    from tests.web.conftest import PROGRAM
    from web.http.words import Words

    found = {
        "email": "a@b.example", "origin": {}, "fields": {"existing": True, "interests": ["Seals", "Service"]},
        "consents": [
            {"topic": "product", "state": "asked", "at": "2026-09-01T22:30:00+00:00", "proof": {}},
            {"topic": "gone", "state": "unsubscribed", "at": "2026-09-02T10:00:00+00:00", "proof": {"how": "page"}},
        ],
    }  # fmt: skip
    rows = details(found, PROGRAM, Words("en"))
    assert ("Existing", "Yes") in rows
    assert ("Interests", "Seals, Service") in rows
    said = consents(found, PROGRAM, Words("de"))
    assert [one[1:3] for one in said] == [("Tips", "angefragt, nicht bestätigt"), ("gone", "widerrufen")]

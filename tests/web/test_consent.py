"""Agreeing to be measured, the language of a page, and what a visitor did before they confirmed who they are."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
from sqlalchemy import select

from dsl.plan import Consent
from engine.leads import intake
from engine.leads.consent import proof
from engine.platform.clock import FixedClock
from engine.runtime.runtime import Runtime
from engine.store.tables import consents
from tests.web.conftest import PROGRAM, SITE
from web.http.fields import ticked
from web.http.words import Words
from web.public.hosted import _fingerprint, new_nonce, offers

Stored = Callable[[str], Awaitable[Any]]
Log = Callable[[UUID], Awaitable[list[Any]]]


async def proofs(rt: Runtime, lead_id: UUID) -> dict[tuple[str, str], dict[str, str]]:
    async with rt.db.engine.connect() as connection:
        rows = (await connection.execute(select(consents).where(consents.c.lead_id == lead_id))).all()
    return {(row.topic, row.state): row.record for row in rows}


def test_the_wording_is_shown_and_kept_in_the_language_of_the_page() -> None:
    both = Consent(wording="Yes", topic="newsletter", wordings=(("en", "Yes"), ("de", "Ja")))
    form = PROGRAM.forms[0].model_copy(update={"consents": (both,)})
    assert [offers(form, PROGRAM, Words("en"), language)[0] for language in ("en", "de", "fr")] == [
        ("newsletter", "Yes"), ("newsletter", "Ja"), ("newsletter", "Yes"),
    ]  # fmt: skip
    kept = [proof(form, "newsletter", {"language": language, "page": "/p"}) for language in ("de", "fr")]
    assert [(one["wording"], one["language"], one["page"]) for one in kept] == [("Ja", "de", "/p"), ("Yes", "en", "/p")]
    single = form.model_copy(update={"consents": (Consent(wording="Yes", topic="newsletter"),)})
    assert proof(single, "newsletter", {"language": "de"})["language"] == "de", "as it was before"


def test_tracking_is_offered_only_where_it_needs_consent() -> None:
    form, raw = PROGRAM.forms[0], {"consent": ["@tracking", "newsletter"]}
    free = PROGRAM.model_copy(
        update={"workspace": PROGRAM.workspace.model_copy(update={"tracking_needs_consent": False})}
    )
    assert ticked(form, PROGRAM, raw) == ("newsletter", "@tracking")
    assert ticked(form, free, raw) == ("newsletter",)
    assert [topic for topic, _ in offers(form, PROGRAM, Words("en"), "en")] == ["newsletter", "@tracking"]
    assert [topic for topic, _ in offers(form, free, Words("en"), "en")] == ["newsletter"]


async def test_the_page_asks_in_its_language_and_keeps_its_words(
    http: httpx.AsyncClient, rt: Runtime, clock: FixedClock, stored: Stored
) -> None:
    page = (await http.get("/f/opt in", headers={"accept-language": "de"})).text
    assert Words("de")("track") in page
    nonce = re.search(r'name="cf_nonce" value="([^"]+)"', page)
    assert nonce
    clock.advance(timedelta(seconds=5))
    data = {"email": "wort@firm.example", "consent": ["newsletter", "@tracking"], "cf_nonce": nonce[1]}
    answer = await http.post("/f/opt in", data=data, headers={"accept-language": "de"})
    assert answer.status_code == 303
    lead = await stored("wort@firm.example")
    assert lead.topics == {}
    assert lead.fields == {"language": "de"}
    found = await proofs(rt, lead.id)
    assert found["@tracking", "asked"]["wording"] == Words("de")("track")
    assert found["newsletter", "asked"]["wording"] == "News, please"
    assert "tracking" not in found["newsletter", "asked"]


async def test_another_sites_words_are_not_claimed(http: httpx.AsyncClient, rt: Runtime, stored: Stored) -> None:
    await http.post("/f/opt in", json={"email": "other@firm.example", "consent": "@tracking"})
    found = await proofs(rt, (await stored("other@firm.example")).id)
    assert found["@tracking", "asked"]["wording"] == ""


async def test_a_language_nobody_asked_for_is_not_kept(http: httpx.AsyncClient, stored: Stored) -> None:
    for name, header in (("none", ""), ("french", "fr, *;q=0.1"), ("english", "fr, en;q=0.5")):
        await http.post("/f/opt in", json={"email": f"{name}@lang.example"}, headers={"accept-language": header})
    assert (await stored("none@lang.example")).fields == {}
    assert (await stored("french@lang.example")).fields == {}
    assert (await stored("english@lang.example")).fields == {"language": "en"}
    await http.post("/f/opt in", json={"email": "english@lang.example"}, headers={"accept-language": "de"})
    assert (await stored("english@lang.example")).fields == {"language": "en"}


async def test_earlier_visits_count_from_the_confirmation_on(
    http: httpx.AsyncClient, rt: Runtime, stored: Stored, log: Log
) -> None:
    visit = {"url": f"{SITE}/pricing", "consent": True}
    assert (await http.post("/t", json=visit, headers={"origin": SITE})).status_code == 204
    await http.post("/f/opt in", data={"email": "early@firm.example", "company": "F"})
    lead = await stored("early@firm.example")
    (posted,) = await log(lead.id)
    assert posted.type == "form.posted"
    assert await intake.confirm(rt, lead.id, posted.seq) == "opt in"
    assert [event.type for event in await log(lead.id)][:3] == ["form.posted", "page.visited", "form.submitted"]
    await http.post("/t", json=visit, headers={"origin": SITE})
    assert [event.type for event in await log(lead.id)].count("page.visited") == 2
    assert await intake.confirm(rt, lead.id, posted.seq) == "opt in"
    assert [event.type for event in await log(lead.id)].count("form.submitted") == 1


async def test_a_page_that_was_open_before_keeps_the_words_it_showed(
    http: httpx.AsyncClient, rt: Runtime, clock: FixedClock, stored: Stored
) -> None:
    form = next(form for form in PROGRAM.forms if form.name == "opt in")
    parts = [_fingerprint(form), str(int(clock.real().timestamp() * 1000)), str(uuid4())]
    before, now = rt.tokens.sign("form", *parts), new_nonce(rt.tokens, form, clock.real())
    clock.advance(timedelta(seconds=5))
    for number, nonce in enumerate((before, now)):
        data = {"email": f"open{number}@firm.example", "consent": ["newsletter", "@tracking"], "cf_nonce": nonce}
        assert (await http.post("/f/opt in", data=data, headers={"accept-language": "en"})).status_code == 303
        found = await proofs(rt, (await stored(f"open{number}@firm.example")).id)
        assert found["@tracking", "asked"]["wording"] == Words("en").tracking(number + 1)

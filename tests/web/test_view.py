"""A mail in the browser: the mail itself, shut in, told to nobody; one 404 for strangers, and a friendly 410."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import insert, update

from engine.mail.compose import Addressed, Composed, compose
from engine.model.lead import TRACKING, Lead
from engine.runtime.runtime import Runtime
from engine.sending.composing import confirm_url, context_for
from engine.sending.mail_record import memo_of
from engine.store.tables import leads, links, messages
from tests.web.conftest import BASE
from tests.web.test_links import message_row
from web.public.mail_view import titled

Make = Callable[..., Awaitable[UUID]]
Log = Callable[[UUID], Awaitable[list[Any]]]
Sent = tuple[UUID, Composed]


@pytest.fixture
def sent(rt: Runtime, new_lead: Make) -> Callable[..., Awaitable[Sent]]:
    """`await sent("a@firm.example", language="de")`: a tracked mail to a new lead, as a run would have sent it."""

    async def send(email: str, **fields: Any) -> Sent:
        lead_id, now = await new_lead(email, topics={TRACKING: "subscribed"}, fields=fields), rt.clock.now()
        deployment = await rt.catalog.refresh()
        assert deployment
        lead = Lead(lead_id, 1, "", now, now, email, fields)
        confirm = confirm_url(rt.tokens, BASE, lead_id, 7)
        context = context_for(lead, deployment, rt.tokens, BASE, confirm_url=confirm)
        message = Addressed(uuid4(), lead_id, email, "marketing", topic="newsletter")
        made = compose(deployment.renderer, "welcome", context, message, rt.tokens, BASE, tracked=True)
        memo = memo_of(
            context, made.rendered, epoch=deployment.epoch, topic="newsletter", tracked=True, event_seq=7
        )  # fmt: skip
        async with rt.db.engine.begin() as connection:
            await connection.execute(insert(messages).values({**message_row(message), "memo": memo}))
            for id, url in made.links.items():
                if not (await connection.execute(links.select().where(links.c.id == id))).first():
                    await connection.execute(insert(links).values(id=id, url=url))
        return lead_id, made

    return send


def path(rt: Runtime, made: Composed) -> str:
    return f"/v/{rt.tokens.sign('view', str(made.mail.message_id))}"


async def test_the_page_is_the_mail_without_its_pixel(
    http: httpx.AsyncClient, rt: Runtime, sent: Callable[..., Awaitable[Sent]], log: Log
) -> None:
    lead, made = await sent("view@firm.example")
    assert f"{BASE}{path(rt, made)}" in made.mail.html
    page = await http.get(path(rt, made))
    assert page.status_code == 200
    assert "/o/" in made.mail.html
    assert "/o/" not in page.text
    assert page.text == re.sub(r'<a [^>]*mso-hide:all"></a><img src="[^"]*/o/[^>]*>', "", made.mail.html)
    assert "/c/" in page.text
    assert await log(lead) == []
    headers = page.headers
    assert (headers["cache-control"], headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert headers["x-robots-tag"] == "noindex, nofollow"
    assert "set-cookie" not in headers
    rules = dict(rule.strip().partition(" ")[::2] for rule in headers["content-security-policy"].split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["form-action"] == rules["base-uri"] == rules["frame-ancestors"] == "'none'"
    assert "script-src" not in rules
    assert {"allow-scripts", "allow-same-origin", "allow-forms"}.isdisjoint(rules["sandbox"].split())


@pytest.mark.parametrize(("language", "said"), [("en", "can no longer be shown"), ("de", "nicht mehr anzeigen")])
async def test_a_mail_that_cannot_be_made_again_says_so(
    http: httpx.AsyncClient, rt: Runtime, sent: Callable[..., Awaitable[Sent]], language: str, said: str
) -> None:
    _, made = await sent(f"gone-{language}@firm.example", language=language)
    async with rt.db.engine.begin() as connection:
        await connection.execute(update(messages).where(messages.c.id == made.mail.message_id).values(memo=None))
    page = await http.get(path(rt, made))
    assert page.status_code == 410
    assert said in page.text


async def test_nobody_else_gets_anything(
    http: httpx.AsyncClient, rt: Runtime, sent: Callable[..., Awaitable[Sent]]
) -> None:
    lead, made = await sent("erased@firm.example")
    nowhere = await http.get("/nowhere")
    id = str(made.mail.message_id)
    assert (await http.get(path(rt, made))).status_code == 200
    foreign = [rt.tokens.sign(purpose, id) for purpose in ("open", "click", "preferences", "unsubscribe")]
    for token in (*foreign, path(rt, made)[3:-1], rt.tokens.sign("view", id, id), rt.tokens.sign("view", str(lead))):
        answer = await http.get(f"/v/{token}")
        assert (answer.status_code, answer.content) == (404, nowhere.content)
    async with rt.db.engine.begin() as connection:
        await connection.execute(update(leads).where(leads.c.id == lead).values(email=None, email_key=None))
    gone = await http.get(path(rt, made))
    assert (gone.status_code, gone.content) == (404, nowhere.content)


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ("<html><head><title>Own</title></head>", "<html><head><title>Own</title></head>"),
        ('<html><HEAD lang="x"></HEAD>', '<html><HEAD lang="x"><title>a &lt;b&gt;</title></HEAD>'),
        ("<p>x</p>", "<title>a &lt;b&gt;</title><p>x</p>"),
        ("<header>x</header>", "<title>a &lt;b&gt;</title><header>x</header>"),
    ],
)
def test_the_subject_is_the_title(html: str, shown: str) -> None:
    assert titled(html, "a <b>") == shown

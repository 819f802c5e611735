"""The words of a form's page: title, introduction and button in the visitor's language."""

from __future__ import annotations

import httpx
import pytest
import pytest_asyncio

from dsl.plan import Ask, Form, Program, Workspace
from engine.deploying.deploy import deploy
from engine.platform.clock import FixedClock
from engine.runtime.runtime import Runtime
from tests.web.conftest import client_of
from web.app import create_app
from web.public.hosted import said

FORM = Form(
    name="contact",
    title=(("", "Talk to <us>"), ("de", "Sprechen Sie mit uns")),
    intro=(("", "We answer within a day."),),
    button=(("de", "Anfragen"),),
    asks=(Ask(field="email", required=True),),
    source="forms.campaign:1",
)


@pytest_asyncio.fixture(scope="module", autouse=True)
async def deployed(rt: Runtime, clock: FixedClock) -> None:
    program = Program(workspace=Workspace(name="Acme", languages=("en", "de")), forms=(FORM,))
    await deploy(rt.db, clock, program, {}, "test")


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        ("en", ("<h1>Talk to &lt;us&gt;</h1>", "<p>We answer within a day.</p>", ">Send</button>")),
        ("de", ("<h1>Sprechen Sie mit uns</h1>", "<p>We answer within a day.</p>", ">Anfragen</button>")),
    ],
)
async def test_the_page_says_it(rt: Runtime, language: str, texts: tuple[str, ...]) -> None:
    async with client_of(create_app(rt)) as http:
        page: httpx.Response = await http.get(f"/f/contact?lang={language}")
    for text in texts:
        assert text in page.text


def test_what_is_not_said_is_empty() -> None:
    assert said((), "en") == said((("de", "Senden"),), "fr") == ""

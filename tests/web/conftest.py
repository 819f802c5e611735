"""One deployed workspace, a runtime on a real database, and a client that talks to the application in the process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from sqlalchemy import insert, select

from dsl.plan import (
    Ask,
    BusinessHours,
    Case,
    Consent,
    Form,
    HandOff,
    LeadField,
    Member,
    Plan,
    Program,
    Stage,
    Team,
    Topic,
    Workspace,
)  # fmt: skip
from engine.deploying.deploy import deploy
from engine.platform.clock import FixedClock
from engine.platform.settings import Settings
from engine.runtime.runtime import Runtime, open_runtime
from engine.store.tables import events, leads, links, messages
from web.app import create_app
from web.http.limits import Budget, Budgets

BASE = "https://go.acme.example"
SITE = "https://acme.example"
PDF = b"%PDF-1.7 pumps"
WELCOME = b"""---
subject: Welcome
---
[Our pumps](https://acme.example/pumps?a=b&c=d) [Your guide]({{ file_url("pump guide.pdf") }})

[Confirm]({{ confirm_url }})
"""
BUNDLE = {"files/pump guide.pdf": PDF, "templates/welcome.md": WELCOME}
BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0"
"""What the client of tests calls itself: a person's browser."""
PLENTY = Budget(1_000_000, 1_000_000)
UNLIMITED = Budgets(PLENTY, PLENTY, PLENTY)

PROGRAM = Program(
    workspace=Workspace(
        name="Acme & Sons",
        timezone="Europe/Berlin",
        languages=("en", "de"),
        address="Acme & Sons, Hauptstr. 1, 46562 Voerde",
        sender="Acme <hello@acme.example>",
        topics=(Topic(name="newsletter", description="News about pumps"), Topic(name="product", description="Tips")),
    ),
    fields=(
        LeadField(name="company_size", type="number"),
        LeadField(name="product_area", type="choice", choices=("Pumps", "Valves")),
        LeadField(name="interests", type="choices", choices=("Seals", "Service")),
        LeadField(name="existing", type="yes/no"),
    ),
    forms=(
        Form(
            name="Whitepaper",
            asks=(
                Ask(field="email", required=True, labels=(("", "Your work email"), ("de", "Ihre Firmen-E-Mail"))),
                Ask(field="first_name"),
                Ask(field="company", required=True),
                Ask(field="country"),
                Ask(field="company_size"),
                Ask(field="product_area"),
                Ask(field="interests"),
                Ask(field="existing"),
                Ask(field="phone"),
            ),
            hidden=(("city", "Voerde"),),
            consents=(Consent(wording="I would like news about pumps", topic="newsletter"),),
            file="pump guide.pdf",
            allowed_on=(SITE, "https://www.acme.example/"),
            source="forms.campaign:1",
        ),
        Form(
            name="opt in",
            asks=(Ask(field="email", required=True), Ask(field="company")),
            consents=(Consent(wording="News, please", topic="newsletter"),),
            confirm_with="forms/confirm",
            file="pump guide.pdf",
            thanks=f"{SITE}/thanks",
            source="forms.campaign:20",
        ),
        Form(
            name="signup",
            asks=(Ask(field="email", required=True),),
            filled=("product_area",),
            allowed_on=(SITE,),
            source="forms.campaign:40",
        ),
        Form(name="demo", asks=(Ask(field="email"),), thanks=f"{SITE}/thanks?a=b", source="forms.campaign:30"),
    ),
    stages=(Stage(name="Visitor", source="sales.campaign:1"), Stage(name="Lead", source="sales.campaign:2")),
    teams=(
        Team(
            name="DACH sales",
            hours=BusinessHours(zone="Europe/Vienna"),
            members=(Member(email="eva@acme.example"), Member(email="jonas@acme.example")),
            source="sales.campaign:9",
        ),
    ),
    campaigns=(
        Plan(
            campaign="Nurture",
            source="nurture.campaign:1",
            starts=(),
            entry="a",
            steps=(
                HandOff(
                    id="a",
                    source="nurture.campaign:5",
                    cases=(
                        Case(outcome="rejected", reason="Not ready", target=None),
                        Case(outcome="rejected", reason="wrong season", target=None),
                    ),
                ),
            ),
        ),
    ),
)


@pytest.fixture(scope="module")
def clock() -> FixedClock:
    return FixedClock()


@pytest_asyncio.fixture(scope="module")
async def rt(database_url: str, clock: FixedClock, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Runtime]:
    settings = make_settings(database_url, tmp_path_factory.mktemp("home"))
    async with open_runtime(settings, clock=clock) as opened:
        await deploy(opened.db, clock, PROGRAM, BUNDLE, "test")
        yield opened


def make_settings(database_url: str, home: Path, **more: Any) -> Settings:
    secrets = {"secret": "s" * 32, "pepper": "p" * 32}
    return Settings(database_url=database_url, home=home, base_url=BASE, **secrets, **more)


@pytest.fixture
def app(rt: Runtime) -> FastAPI:
    """An application of its own for each test, so that no test spends another's budget."""
    return create_app(rt, budgets=UNLIMITED)


@pytest_asyncio.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as client:
        yield client


def client_of(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE, headers={"User-Agent": BROWSER})


@pytest.fixture
def stored(rt: Runtime) -> Callable[[str], Awaitable[Any]]:
    """`await stored("a@firm.example")`: the lead's row, or None."""

    async def find(email: str) -> Any:
        async with rt.db.engine.connect() as connection:
            return (await connection.execute(select(leads).where(leads.c.email_key == email.lower()))).first()

    return find


@pytest.fixture
def log(rt: Runtime) -> Callable[[UUID], Awaitable[list[Any]]]:
    """`await log(lead_id)`: the lead's events in order."""

    async def find(lead_id: UUID) -> list[Any]:
        async with rt.db.engine.connect() as connection:
            found = select(events).where(events.c.lead_id == lead_id).order_by(events.c.seq)
            return list((await connection.execute(found)).all())

    return find


@pytest.fixture
def new_lead(rt: Runtime) -> Callable[..., Awaitable[UUID]]:
    """`await new_lead("a@firm.example", stage="Lead", …)`: a lead as its row would be."""

    async def make(email: str, **columns: Any) -> UUID:
        lead_id, now = uuid4(), rt.clock.now()
        row: dict[str, Any] = {
            "id": lead_id, "email": email, "email_key": email.lower(), "seq": 0, "fields": {}, "scores": {},
            "rated": {}, "stage": "Visitor", "topics": {}, "created_at": now, "last_at": now,
        }  # fmt: skip
        async with rt.db.engine.begin() as connection:
            await connection.execute(insert(leads).values(**{**row, **columns}))
        return lead_id

    return make


@pytest.fixture
def new_message(rt: Runtime) -> Callable[..., Awaitable[UUID]]:
    """`await new_message(lead_id, link_id, url)`: an accepted mail to the lead, with one link in it."""

    async def make(lead_id: UUID, link: str = "", url: str = "") -> UUID:
        message_id, now = uuid4(), rt.clock.now()
        row = {
            "id": message_id, "owner_id": uuid4(), "step": "a", "visit": "0", "lead_id": lead_id, "template": "welcome",
            "kind": "marketing", "state": "accepted", "reason": "", "attempt": "", "source": "nurture.campaign:6",
            "subject": "Welcome", "at": now,
        }  # fmt: skip
        async with rt.db.engine.begin() as connection:
            await connection.execute(insert(messages).values(row))
            if link:
                await connection.execute(insert(links).values(id=link, url=url))
        return message_id

    return make

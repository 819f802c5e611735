"""What the provider tells: only what it has signed is taken, and whatever the order, the same comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from structlog.testing import capture_logs

from engine.platform.clock import FixedClock
from engine.runtime import transaction
from engine.runtime.runtime import Runtime, open_runtime
from tests.support.provider import Event, Provider, doubled, event, shuffled, split
from tests.web.conftest import UNLIMITED, client_of, make_settings
from web.app import create_app
from web.http.limits import Budget, Budgets
from web.http.security import LARGER

PROVIDER = Provider()
PATH = "/hooks/sendgrid"
Log = Callable[[UUID], Awaitable[list[Any]]]
Stored = Callable[[str], Awaitable[Any]]
New = Callable[..., Awaitable[UUID]]


@pytest_asyncio.fixture
async def hooked(rt: Runtime, tmp_path: Path) -> AsyncIterator[FastAPI]:
    """The application with the provider's key."""
    assert rt.settings.database_url
    settings = make_settings(rt.settings.database_url, tmp_path, sendgrid_webhook_key=PROVIDER.key)
    async with open_runtime(settings, clock=rt.clock) as opened:
        yield create_app(opened, budgets=UNLIMITED)


@pytest_asyncio.fixture
async def hook(hooked: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(hooked) as client:
        yield client


@pytest.fixture
def tell(hook: httpx.AsyncClient, clock: FixedClock) -> Callable[..., Awaitable[httpx.Response]]:
    """`await tell(event, …)`: one signed batch."""

    async def post(*events: Any) -> httpx.Response:
        return await hook.post(PATH, **PROVIDER.request(events, clock.real()))

    return post


async def types(log: Log, lead: UUID) -> list[str]:
    return [one.type for one in await log(lead)]


# ── who may tell ─────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_only_what_is_signed_is_taken(
    http: httpx.AsyncClient, hook: httpx.AsyncClient, clock: FixedClock, log: Log, new_lead: New, new_message: New
) -> None:
    lead = await new_lead("forged@firm.example")
    batch = [event("bounce", await new_message(lead))]
    good = PROVIDER.request(batch, clock.real())
    raw, headers = good["content"], good["headers"]
    signature, timestamp = list(headers)[1:]
    answers = [
        await http.post(PATH, **good),  # no key is configured there
        await hook.post(PATH, content=raw, headers={"content-type": "application/json"}),
        await hook.post(PATH, content=raw, headers={**headers, signature: "garbage"}),
        await hook.post(PATH, content=raw, headers={**headers, timestamp: "garbage"}),
        await hook.post(PATH, content=raw, headers={**headers, signature: b"\xff\xfe"}),
        await hook.post(PATH, content=raw + b" ", headers=headers),
        await hook.post(PATH, **Provider().request(batch, clock.real())),
        await hook.post(PATH, content=b"", headers=headers),
    ]
    assert {one.status_code for one in answers} == {403}
    assert len({one.content for one in answers}) == 1
    assert await log(lead) == []
    assert (await hook.post(PATH, **good)).status_code == 200
    assert await types(log, lead) == ["email.bounced"]


async def test_forging_costs_the_budget_and_the_provider_has_none(hooked: FastAPI, clock: FixedClock) -> None:
    app = create_app(hooked.state.rt, budgets=Budgets(per_client=Budget(2, 0.01)))
    async with client_of(app) as client:
        forged = [(await client.post(PATH, json=[])).status_code for _ in range(3)]
        good = [await client.post(PATH, **PROVIDER.request([], clock.real())) for _ in range(3)]
    assert forged == [403, 403, 429]
    assert [one.status_code for one in good] == [200] * 3


async def test_bodies_have_a_limit(hook: httpx.AsyncClient) -> None:
    assert (await hook.post(PATH, content=b"[" * (LARGER[PATH] + 1))).status_code == 413


async def test_what_is_signed_and_cannot_be_read(hook: httpx.AsyncClient, clock: FixedClock) -> None:
    headers = PROVIDER.signed(b"[nonsense", clock.real())
    assert (await hook.post(PATH, content=b"[nonsense", headers=headers)).status_code == 400
    assert (await hook.get(PATH)).status_code == 405


# ── what comes of it ─────────────────────────────────────────────────────────────────────────────────────────────────
async def test_one_malformed_event_is_put_aside_and_the_rest_kept(
    tell: Callable[..., Awaitable[httpx.Response]], hook: httpx.AsyncClient, log: Log, new_lead: New, new_message: New
) -> None:
    lead = await new_lead("aside@firm.example")
    message = await new_message(lead)
    before = await figure(hook, "malformed")
    with capture_logs() as lines:
        answer = await tell(
            event("delivered", message), event("bounce", "aside@firm.example"), None, event("bounce", None),
            event("bounce", uuid4()), event("open", message, sg_machine_open=True),
        )  # fmt: skip
    assert answer.status_code == 200
    assert answer.json() == {"recorded": 1, "repeated": 1, "unknown": 2, "malformed": 2}
    assert await types(log, lead) == ["email.delivered"]
    assert [line["problem"] for line in lines] == ["coldframe_message is not an id", "an event is not an object"]
    assert "firm.example" not in str(lines)
    assert await figure(hook, "malformed") == before + 2


async def figure(hook: httpx.AsyncClient, outcome: str) -> float:
    lines = (await hook.get("/metrics")).text.splitlines()
    name = f'coldframe_provider_events_total{{outcome="{outcome}"}} '
    return next((float(line.removeprefix(name)) for line in lines if line.startswith(name)), 0.0)


def history(messages: dict[str, UUID]) -> list[Event]:
    """What the provider tells of three mails, in its order."""
    good, bad, angry = messages["good"], messages["bad"], messages["angry"]
    return [
        *(event("processed", one, 1_788_000_000) for one in (good, bad, angry)),
        event("delivered", good, 1_788_000_002), event("open", good, 1_788_000_009, sg_machine_open=True),
        event("deferred", bad, 1_788_000_003), event("bounce", good, 1_788_000_004, type="blocked"),
        event("bounce", bad, 1_788_000_020), event("delivered", angry, 1_788_000_002),
        event("spamreport", angry, 1_788_000_030), event("unsubscribe", angry, 1_788_000_031),
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
async def test_doubled_shuffled_late_and_split_batches_change_nothing(
    tell: Callable[..., Awaitable[httpx.Response]], stored: Stored, log: Log, new_lead: New, new_message: New, seed: int
) -> None:
    addresses = {name: f"{name}{seed}@firm.example" for name in ("good", "bad", "angry")}
    leads = {name: await new_lead(one) for name, one in addresses.items()}
    told = history({name: await new_message(lead) for name, lead in leads.items()})
    batches = split(shuffled(doubled(told), seed) if seed else told, seed)
    for answer in await asyncio.gather(*(tell(*batch) for batch in batches)):
        assert answer.status_code == 200
    for batch in split(shuffled(doubled(told), seed + 100), seed):  # late, once more
        assert "recorded" not in (await tell(*batch)).json()
    found = {name: sorted(await types(log, lead)) for name, lead in leads.items()}
    assert {name: [one for one in kinds if one.startswith("email")] for name, kinds in found.items()} == {
        "good": ["email.delivered"], "bad": ["email.bounced"], "angry": ["email.delivered"],
    }  # fmt: skip
    assert [name for name, kinds in found.items() if "lead.unsubscribed" in kinds] == ["angry"]
    assert {name: (await stored(one)).suppressed for name, one in addresses.items()} == {
        "good": None, "bad": "bounced", "angry": "complained",
    }  # fmt: skip


async def test_a_failure_in_the_middle_is_repeated_by_the_provider(
    hooked: FastAPI, tell: Callable[..., Awaitable[httpx.Response]], stored: Stored, new_lead: New, new_message: New,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    batch = [event("bounce", await new_message(await new_lead(f"mid{n}@firm.example"))) for n in range(3)]
    real, calls = transaction.commit, 0

    async def failing(*given: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise ConnectionError("away")
        await real(*given)

    monkeypatch.setattr(transaction, "commit", failing)
    assert (await tell(*batch)).status_code == 503
    left = [(await stored(f"mid{n}@firm.example")).suppressed for n in range(3)]
    assert sorted(map(str, left)) == ["None", "bounced", "bounced"]
    monkeypatch.undo()
    answer = await tell(*batch)
    assert (answer.status_code, answer.json()) == (200, {"recorded": 1, "repeated": 2, "unknown": 0, "malformed": 0})

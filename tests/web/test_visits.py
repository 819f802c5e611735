"""Page visits: with consent and a cookie, or not at all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import func, select

from engine.runtime.runtime import Runtime
from engine.store.tables import visitor_events
from tests.web.conftest import SITE

VISIT = {
    "url": f"{SITE}/pricing/all?utm_source=ads",
    "title": "Prices",
    "referrer": "https://search.example/",
    "consent": True,
}
Stored = Callable[[str], Awaitable[Any]]
Log = Callable[[UUID], Awaitable[list[Any]]]


async def visits(rt: Runtime) -> int:
    async with rt.db.engine.connect() as connection:
        return (await connection.execute(select(func.count()).select_from(visitor_events))).scalar_one()


async def test_a_visit_is_kept_and_joined_at_the_form(http: httpx.AsyncClient, stored: Stored, log: Log) -> None:
    answer = await http.post("/t", json=VISIT, headers={"origin": SITE})
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == SITE
    assert answer.headers["access-control-allow-credentials"] == "true"
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    data = {"email": "visitor@firm.example", "company": "F"}
    await http.post("/f/whitepaper", data=data, headers={"origin": SITE})
    events = await log((await stored("visitor@firm.example")).id)
    assert (events[0].type, events[0].name) == ("page.visited", "/pricing/all")
    assert events[0].data["url"] == VISIT["url"]


async def test_addresses_are_taken_as_browsers_send_them(http: httpx.AsyncClient, stored: Stored, log: Log) -> None:
    """Percent-encoded, with a slash at the end, and longer than a value may be."""
    long = f"{SITE}/%C3%BCber-uns/?utm_source=ads&x=" + "%C3%BC" * 2_000
    answer = await http.post("/t", json={**VISIT, "url": long, "referrer": long, "title": "T" * 9_000})
    assert answer.status_code == 204
    await http.post("/f/whitepaper", data={"email": "long@firm.example", "company": "F"})
    (event, *_) = await log((await stored("long@firm.example")).id)
    assert (event.type, event.name) == ("page.visited", "/über-uns")
    assert event.data["url"] == long[: len(event.data["url"])]
    assert 1_990 < len(event.data["url"]) <= 2_000
    assert 1_990 < len(event.data["referrer"]) <= 2_000
    assert event.data["title"] == "T" * 2_000


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ({**VISIT, "consent": False}, {}),
        ({**VISIT, "consent": None}, {}),
        ({**VISIT, "consent": "true"}, {}),
        (VISIT, {"sec-gpc": "1"}),
        (VISIT, {"dnt": "1"}),
    ],
)
async def test_without_consent_nothing_is_kept(
    http: httpx.AsyncClient, rt: Runtime, body: dict[str, Any], headers: dict[str, str]
) -> None:
    before = await visits(rt)
    answer = await http.post("/t", json=body, headers=headers)
    assert answer.status_code == 204
    assert "set-cookie" not in answer.headers
    http.cookies.set("cf_v", str(uuid4()), domain="go.acme.example")
    answer = await http.post("/t", json=body, headers=headers)
    assert 'cf_v=""' in answer.headers["set-cookie"]
    assert await visits(rt) == before


@pytest.mark.parametrize("cookie", ["1", "not-a-uuid", "00000000-0000-0000-0000-000000000000", "x" * 4_000])
async def test_a_cookie_that_is_not_ours_is_replaced(http: httpx.AsyncClient, cookie: str) -> None:
    answer = await http.post("/t", json=VISIT, headers={"cookie": f"cf_v={cookie}"})
    assert answer.status_code == 204
    assert f"cf_v={cookie};" not in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({**VISIT, "url": "javascript:alert(1)"}, 422),
        ({**VISIT, "url": None}, 422),
        ({**VISIT, "url": f"{SITE}/\x00"}, 422),
        ({**VISIT, "title": "\ud800", "referrer": 7}, 204),
        ([], 400),
    ],
)
async def test_bodies(http: httpx.AsyncClient, body: Any, status: int) -> None:
    import json

    assert (await http.post("/t", content=json.dumps(body))).status_code == status


async def test_foreign_pages_are_refused(http: httpx.AsyncClient, rt: Runtime) -> None:
    before = await visits(rt)
    for origin in ("https://evil.example", "null"):
        assert (await http.post("/t", json=VISIT, headers={"origin": origin})).status_code == 403
        assert (await http.options("/t", headers={"origin": origin})).status_code == 403
    assert (await http.options("/t", headers={"origin": SITE})).status_code == 204
    assert await visits(rt) == before

"""Who may knock: host names, cross-site posts, HEAD; instants out of range; opt-outs that nobody else lifts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from starlette.routing import Route

from dsl.plan import LeadField
from engine.platform.settings import Settings
from engine.rules.conditions.calendar import clamped, in_utc, local_time, moment_of
from engine.runtime.runtime import Runtime
from engine.store.tables import consents
from tests.web.conftest import BASE, PROGRAM, SITE
from web.api.events import Wrong, read_event
from web.app import PARTS
from web.http.fields import Context, Refused, parse_field
from web.http.hosts import names

Stored = Callable[[str], Awaitable[Any]]
Make = Callable[..., Awaitable[UUID]]
OUTSIDE = [
    "evil.example",
    "go.acme.example.evil.example",
    "evil.example:443",
    "",
    "go.acme.example@evil.example",
    "x y",
]


# ── hosts ────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("host", OUTSIDE)
@pytest.mark.parametrize("path", ["/", "/mailbox", "/mailbox/x/html", "/f/demo", "/u/x", "/h/x", "/static/site.css"])
async def test_no_page_answers_to_a_foreign_name(http: httpx.AsyncClient, path: str, host: str) -> None:
    answer = await http.get(path, headers={"host": host})
    assert answer.status_code == 421
    assert "Acme" not in answer.text


@pytest.mark.parametrize(
    "host", ["go.acme.example", "GO.acme.example:443", "go.acme.example.", "localhost", "127.0.0.1:8000", "[::1]:80"]
)
async def test_own_names_are_answered(http: httpx.AsyncClient, host: str) -> None:
    assert (await http.get("/f/demo", headers={"host": host})).status_code == 200


async def test_machines_may_use_any_name(http: httpx.AsyncClient) -> None:
    for path, status in (("/healthz", 200), ("/readyz", 200), ("/metrics", 200), ("/api/events", 401)):
        answer = await http.request("POST" if status == 401 else "GET", path, headers={"host": "10.0.0.7:8000"})
        assert answer.status_code == status


def test_loopback_names_are_for_one_machine_alone() -> None:
    secrets = {"secret": "s" * 32, "pepper": "p" * 32, "database_url": "postgresql://db/c", "base_url": BASE}
    served = Settings(**secrets, web_host="0.0.0.0", web_hosts="forms.acme.example, Other.example:8443")
    assert names(served) == {"go.acme.example", "forms.acme.example", "other.example"}
    assert "localhost" in names(Settings(**secrets))


# ── posts from other sites ───────────────────────────────────────────────────────────────────────────────────────────
FOREIGN = [
    {"origin": "https://evil.example"}, {"origin": "null", "sec-fetch-site": "cross-site"},
    {"origin": BASE, "sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": SITE},
]  # fmt: skip


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize(
    ("path", "purpose", "parts"),
    [("h", "handoff", ("eva@acme.example",)), ("confirm", "confirm", ("1",)), ("p", "preferences", ())],
)
async def test_pages_take_posts_from_themselves_alone(
    http: httpx.AsyncClient, rt: Runtime, path: str, purpose: str, parts: tuple[str, ...], headers: dict[str, str]
) -> None:
    url = f"/{path}/{rt.tokens.sign(purpose, str(uuid4()), *parts)}"
    assert (await http.post(url, data={"action": "accept"}, headers=headers)).status_code == 403
    for own in ({}, {"origin": BASE}, {"origin": "null", "sec-fetch-site": "same-origin"}):
        assert (await http.post(url, data={"action": "accept"}, headers=own)).status_code == 404


async def test_a_handoff_is_decided_by_no_page_without_a_name(http: httpx.AsyncClient, rt: Runtime) -> None:
    url = f"/h/{rt.tokens.sign('handoff', str(uuid4()), 'eva@acme.example')}"
    assert (await http.post(url, data={"action": "accept"}, headers={"origin": "null"})).status_code == 403


# ── HEAD ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.usefixtures("app")
def test_every_route_that_answers_get_answers_head() -> None:
    found = [route for part in PARTS for route in part.router.routes if isinstance(route, Route)]
    routes = [route for route in found if "GET" in (route.methods or ())]
    assert len(routes) > 10
    assert [route.path for route in routes if "HEAD" not in (route.methods or ())] == []


async def test_head_says_what_get_would(http: httpx.AsyncClient) -> None:
    for path in ("/", "/f/demo", "/healthz", "/readyz", "/metrics", "/mailbox", "/static/site.css"):
        assert (await http.head(path)).status_code == (await http.get(path)).status_code == 200
    assert (await http.head("/f/nowhere")).status_code == 404
    assert (await http.head("/t")).status_code == 405


# ── instants ─────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "at",
    ["0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00Z", "0001-01-02T23:59:59Z", "9999-12-31T23:59:59-12:00",
     "9999-12-31T23:59:59+00:00", "0000-01-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-09-01T09:00:00"],
)  # fmt: skip
def test_an_instant_out_of_range_is_refused_for_that_event_alone(at: str) -> None:
    with pytest.raises(Wrong) as refused:
        read_event({"event": "x", "email": "a@firm.example", "at": at}, datetime(2026, 9, 1, tzinfo=UTC))
    assert refused.value.member == "at"


def test_a_moment_out_of_range_is_asked_back() -> None:
    for value in ("0001-01-01T00:00+14:00", "9999-12-31T23:59-12:00", "0001-01-01T00:00", "9999-12-31T23:59"):
        with pytest.raises(Refused):
            parse_field(LeadField(name="start", type="moment"), [value], Context(PROGRAM))


ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(timezones=ZONES), st.sampled_from(["Pacific/Kiritimati", "Pacific/Niue", "Asia/Kathmandu", "UTC"]))
def test_no_instant_is_too_far_away(at: datetime, zone: str) -> None:
    """Whatever was stored, by this version or an older one: it is shown and judged without an error."""
    assert local_time(clamped(at), zone).year in range(1, 10_000)
    assert moment_of(at.isoformat(), zone, "09:00") == clamped(at)
    try:
        assert in_utc(at) == at == clamped(at)
    except ValueError:
        assert at.year in (1, 9999)
    item = {"event": "x", "email": "a@firm.example", "at": at.isoformat()}
    with suppress(Wrong):
        read_event(item, datetime(2026, 9, 1, tzinfo=UTC))


# ── opt-outs ─────────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_an_unconfirmed_post_lifts_no_opt_out(
    http: httpx.AsyncClient, rt: Runtime, new_lead: Make, stored: Stored
) -> None:
    lead = await new_lead("out@firm.example", topics={"newsletter": "unsubscribed"})
    data = {"email": "out@firm.example", "company": "A", "consent": "newsletter"}
    assert (await http.post("/f/whitepaper", data=data)).status_code == 303
    assert (await stored("out@firm.example")).topics == {"newsletter": "unsubscribed"}
    async with rt.db.engine.connect() as connection:
        kept = (await connection.execute(select(consents.c.state).where(consents.c.lead_id == lead))).scalars().all()
    assert kept == ["asked"]

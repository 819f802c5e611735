"""What holds for every route: it is on a list, headers, limits on bodies, one 404, no exception's text gets out."""

from __future__ import annotations

import gzip
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from sqlalchemy.exc import OperationalError
from starlette.routing import BaseRoute, Mount

from engine.leads import own_address, own_data
from engine.platform.clock import FixedClock
from engine.platform.tokens import Tokens
from engine.runtime.runtime import Runtime, open_runtime
from tests.web.conftest import SITE, make_settings
from web.app import Assets, create_app
from web.desk.signed_in import ROUTES
from web.http.security import MAX_BODY, BodyLimit, places

PUBLIC = {
    ("GET", "/f/{form}"), ("GET", "/f/{form}/style.css"), ("GET", "/f/{form}/logo"),
    ("POST", "/f/{form}"), ("OPTIONS", "/f/{form}"), ("POST", "/t"), ("OPTIONS", "/t"),
    ("GET", "/"), ("GET", "/unseen"), ("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics"),
    ("GET", "/cf.js"), ("GET", "/desk/sign-in"), ("POST", "/desk/sign-in"),
    ("GET", "/openapi.json"), ("GET", "/docs/api"),
}  # fmt: skip
BY_LINK = {("GET", "/desk/link/{token}"), ("POST", "/desk/link/{token}")}
"""Links for colleagues, which are valid once; tests/web/test_desk_sign_in.py. All else of the desk is in its ROUTES."""
WITHOUT_PROVIDER = {("GET", "/mailbox"), ("GET", "/mailbox/{mail}"), ("GET", "/mailbox/{mail}/html"),
                    ("POST", "/mailbox/{mail}")}  # fmt: skip
BY_TOKEN = {
    ("GET", "/c/{token}"), ("HEAD", "/c/{token}"), ("GET", "/o/{token}.gif"), ("HEAD", "/o/{token}.gif"),
    ("GET", "/d/{token}"), ("HEAD", "/d/{token}"), ("GET", "/u/{token}"), ("POST", "/u/{token}"),
    ("GET", "/p/{token}"), ("POST", "/p/{token}"), ("GET", "/v/{token}"),
    ("GET", "/confirm/{token}"), ("POST", "/confirm/{token}"), ("GET", "/thanks/{token}"),
    ("POST", "/thanks/{token}"), ("OPTIONS", "/thanks/{token}"),
    ("GET", "/h/{token}"), ("POST", "/h/{token}"),
    ("POST", "/p/{token}/data"), ("GET", "/me/{token}"), ("POST", "/me/{token}"), ("GET", "/me/{token}/file"),
    ("POST", "/me/{token}/address"), ("GET", "/address/{token}"), ("POST", "/address/{token}"),
}  # fmt: skip
BY_KEY = {
    ("POST", "/api/events"), ("POST", "/api/leads"), ("GET", "/api/leads/{who}"), ("POST", "/api/spend"),
    ("POST", "/api/rates"), ("GET", "/api/reports"), ("GET", "/api/reports/{name}"),
}  # fmt: skip
BY_SIGNATURE = {("POST", "/hooks/sendgrid"), ("POST", "/hooks/crm/{name}")}
PURPOSES = {
    "c": "click",
    "o": "open",
    "d": "file",
    "u": "unsubscribe",
    "p": "preferences",
    "v": "view",
    "confirm": "confirm",
    "thanks": "thanks",
    "h": "handoff",
    "me": own_data.PURPOSE,
    "address": own_address.PURPOSE,
}


def test_every_route_is_on_a_list(app: FastAPI) -> None:
    listed = PUBLIC | WITHOUT_PROVIDER | BY_TOKEN | BY_KEY | BY_SIGNATURE | BY_LINK | set(ROUTES)
    heads = {("HEAD", path) for method, path in listed if method == "GET"}
    assert set(walk(app.routes)) == listed | heads


def walk(routes: Iterable[BaseRoute]) -> Iterator[tuple[str, str]]:
    """Method and path of every route, also inside included routers; any other kind of route fails the test."""
    for route in routes:
        if isinstance(route, APIRoute):
            yield from ((method, route.path) for method in route.methods)
        elif isinstance(route, Mount):
            assert (route.path, type(route.app)) == ("/static", Assets)
        else:
            yield from walk(route.original_router.routes)


def bad_tokens(tokens: Tokens, purpose: str) -> list[str]:
    """Nonsense, truncated, changed, of another secret or purpose; and well signed, but about nobody or nothing."""
    good = tokens.sign(purpose, str(uuid4()), "x")
    nobody = [tokens.sign(purpose, *([str(uuid4())] * many)) for many in range(1, 4)]
    return [
        *nobody[purpose == "open" :],  # an opening says nothing to whom it is about, so it is not looked up
        tokens.sign(purpose, str(uuid4()), "1"), tokens.sign(purpose, str(uuid4()), "9" * 200),
        "x", "%00", "a" * 5_000, "é", good[:-1], good[:-1] + ("A" if good[-1] != "A" else "B"),
        Tokens([b"another secret of length"]).sign(purpose, str(uuid4()), "x"),
        tokens.sign("another", str(uuid4()), "x"),
        *(tokens.sign(purpose, *(["x"] * many)) for many in range(4)),
    ]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), sorted(BY_TOKEN))
async def test_every_bad_token_gets_the_same_404(http: httpx.AsyncClient, rt: Runtime, method: str, path: str) -> None:
    nowhere = await http.request(method, "/nowhere", headers={"content-type": "application/x-www-form-urlencoded"})
    assert nowhere.status_code == 404
    for token in bad_tokens(rt.tokens, PURPOSES[path.split("/")[1]]):
        answer = await http.request(method, path.replace("{token}", token), data={} if method == "POST" else None)
        assert answer.status_code == 404
        assert answer.content == nowhere.content
        assert answer.headers == nowhere.headers


@pytest.mark.parametrize("path", ["/", "/f/whitepaper", "/nowhere", "/mailbox", "/static/site.css", "/healthz"])
async def test_headers_of_every_answer(http: httpx.AsyncClient, path: str) -> None:
    headers = (await http.get(path)).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    ancestors = f"{SITE} https://www.acme.example" if path == "/f/whitepaper" else "'none'"
    assert policy.endswith(f"frame-ancestors {ancestors}")
    assert ("x-frame-options" in headers) == (path != "/f/whitepaper")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store" or path.startswith("/static/")
    assert headers["referrer-policy"] in {"no-referrer", "same-origin"}
    assert headers["strict-transport-security"]
    assert "server" not in headers


async def test_the_style_sheet_may_be_kept(http: httpx.AsyncClient) -> None:
    assert "max-age" in (await http.get("/static/site.css")).headers["cache-control"]
    assert (await http.get("/static/../app.py")).status_code == 404
    assert (await http.get("/static/%2e%2e/app.py")).status_code == 404


async def test_a_large_body_is_refused_before_it_is_read(http: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1_000):
            sent += 1_024
            yield b"x" * 1_024

    kind = {"content-type": "application/x-www-form-urlencoded"}
    answer = await http.post("/f/whitepaper", content=endless(), headers=kind)
    assert answer.status_code == 413
    assert sent <= MAX_BODY + 2_048
    announced = await http.post("/f/whitepaper", content=b"x", headers={**kind, "content-length": "70000"})
    assert announced.status_code == 413


@pytest.mark.parametrize("path", ["/f/whitepaper", "/t"])
async def test_a_compressed_body_is_refused(http: httpx.AsyncClient, path: str) -> None:
    """Nobody unpacks it, so it is not read as if it were something else."""
    zipped = {"content-encoding": "gzip", "content-type": "application/json"}
    answer = await http.post(path, content=gzip.compress(b"{}"), headers=zipped)
    assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "identity")
    assert (await http.post(path, content=b"{}", headers={**zipped, "content-encoding": "identity"})).status_code != 415


async def test_a_body_that_does_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    from starlette.exceptions import HTTPException

    monkeypatch.setattr("web.http.security.BODY_SECONDS", 0.01)
    seen: list[int] = []

    async def app(scope: object, receive: object, send: object) -> None:
        try:
            await receive()  # type: ignore[operator]
        except HTTPException as refused:
            seen.append(refused.status_code)

    async def never() -> dict[str, object]:
        await asyncio.Event().wait()
        return {}

    scope = {"type": "http", "path": "/f/x", "headers": []}
    await BodyLimit(app)(scope, never, None)  # type: ignore[arg-type]
    assert seen == [408]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RuntimeError("secret@firm.example"), 500),
        (OperationalError("SELECT", {"email": "secret@firm.example"}, Exception("secret@firm.example")), 503),
        (ConnectionRefusedError("secret@firm.example"), 503),
    ],
)
@pytest.mark.parametrize("accept", ["application/json", "text/html"])
async def test_an_exception_tells_nothing(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception,
    status: int, accept: str,
) -> None:  # fmt: skip
    async def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr("engine.leads.intake.submit", fails)
    body = {"email": "secret@firm.example"}
    answer = await http.post("/f/demo", json=body, headers={"accept": accept, "origin": "https://go.acme.example"})
    assert answer.status_code == status
    assert answer.headers["access-control-allow-origin"] == "https://go.acme.example"
    assert ("retry-after" in answer.headers) == (status == 503)
    output = capsys.readouterr()
    assert "secret@firm.example" not in answer.text + output.out + output.err
    assert type(error).__name__ in output.out + output.err


def test_places_hold_no_values() -> None:
    try:
        raise ValueError("secret")
    except ValueError as error:
        found = places(error)
    assert "test_places_hold_no_values" in found[-1]
    assert "secret" not in "".join(found)


async def test_the_database_away(tmp_path: Path) -> None:
    url = "postgresql://nobody@127.0.0.1:1/none"
    async with open_runtime(make_settings(url, tmp_path), clock=FixedClock()) as rt:
        transport = httpx.ASGITransport(create_app(rt))
        async with httpx.AsyncClient(transport=transport, base_url="https://go.acme.example") as http:
            assert (await http.get("/healthz")).status_code == 200
            assert (await http.get("/readyz")).status_code == 503
            answer = await http.post("/f/demo", json={"email": "a@firm.example"})
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "5"


async def test_nothing_deployed(fresh_database_url: str, tmp_path: Path) -> None:
    async with open_runtime(make_settings(fresh_database_url, tmp_path), clock=FixedClock()) as rt:
        transport = httpx.ASGITransport(create_app(rt))
        async with httpx.AsyncClient(transport=transport, base_url="https://go.acme.example") as http:
            assert "Nothing is deployed yet" in (await http.get("/")).text
            assert (await http.get("/readyz")).json() == {"ready": True, "deployment": None}
            assert (await http.get("/f/demo")).status_code == 404
            assert (await http.post("/t", json={})).status_code == 503


def test_the_documentation_lists_every_route() -> None:
    docs = Path(__file__).parents[2] / "docs"
    text = "".join((docs / name).read_text("utf-8") for name in ("web.md", "desk.md"))
    listed = {
        (method, path)
        for methods, path in re.findall(r"`((?:GET|POST|HEAD|OPTIONS)(?: [A-Z]+)*) (/[^` ]*)`", text)
        for method in methods.split()
    }
    assert listed - {("GET", "/f/whitepaper")} == (
        PUBLIC | WITHOUT_PROVIDER | BY_TOKEN | BY_KEY | BY_SIGNATURE | BY_LINK | set(ROUTES)
    )

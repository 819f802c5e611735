"""Routes stand in a table: what finds one, and what no handler may ask for."""

from __future__ import annotations

import httpx
import pytest
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from web.http.routes import Application, Unfit

router = APIRouter()


@router.get("/a/{token}.gif")
async def picture(request: Request, token: str) -> Response:
    return PlainTextResponse(f"picture {token} {request.scope['route'].path}")


@router.get("/a/{token}")
async def show(token: str) -> Response:
    return PlainTextResponse(f"page {token}")


@router.post("/a/{token}")
async def act(request: Request, token: str) -> Response:
    return PlainTextResponse(f"act {token} {(await request.body()).decode()}")


@router.get("/")
async def start() -> Response:
    return PlainTextResponse("start")


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("GET", "/", 200, "start"), ("GET", "/a/x", 200, "page x"), ("GET", "/a", 404, None),
        ("GET", "/a/x.gif", 200, "picture x /a/{token}.gif"),
        ("POST", "/a/x", 200, "act x body"), ("GET", "/a/%C3%BC", 200, "page ü"), ("GET", "/a/x/", 404, None),
        ("GET", "/a/", 404, None), ("GET", "/b/x", 404, None), ("GET", "//a/x", 404, None),
        ("GET", "/a/x%2Fy", 200, "page x/y"), ("GET", "/a/%2f%C3%BC%2F.gif", 200, "picture /ü/ /a/{token}.gif"),
        ("GET", "/a%2Fx", 404, None), ("GET", "/%2Fa/x", 404, None), ("GET", "/a/x%2F/y", 404, None),
    ],
)  # fmt: skip
async def test_a_path_finds_its_route(method: str, path: str, status: int, said: str | None) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(Application([router])), base_url="http://own") as http:
        answer = await http.request(method, path, content="body" if method == "POST" else None)
    assert answer.status_code == status
    assert said is None or answer.text == said


async def test_a_refused_method_is_told_which_there_are() -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(Application([router])), base_url="http://own") as http:
        answer = await http.delete("/a/x")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


def test_a_handler_takes_the_request_and_what_stands_in_its_path() -> None:
    odd = APIRouter()

    @odd.get("/c/{token}")
    async def more(request: Request, token: str, page: int = 1) -> Response:
        return Response(str(page))

    with pytest.raises(Unfit, match=r"/c/\{token\} takes request, token, page"):
        Application([odd]).build_middleware_stack()


async def test_every_route_of_the_application_answers_by_the_table(http: httpx.AsyncClient) -> None:
    asked = {path: (await http.get(path)).status_code for path in ("/healthz", "/f/whitepaper", "/static/site.css")}
    assert asked == dict.fromkeys(asked, 200)
    refused = await http.delete("/f/whitepaper")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")
    assert 'route="/f/{form}",status="405"' in (await http.get("/metrics")).text

"""What wraps every route: security headers, limits on bodies, and a guard that lets no exception's text out."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Mapping
from functools import lru_cache

import structlog
from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.http.answers import problem
from web.http.deadline import BODY_SECONDS, UNAVAILABLE

MAX_BODY = 64 * 1024
"""Bytes a body may have, unless LARGER says otherwise."""
LARGER: Mapping[str, int] = {
    "/api/events": 1024 * 1024, "/api/leads": 1024 * 1024, "/api/spend": 1024 * 1024, "/api/rates": 1024 * 1024,
    "/hooks/sendgrid": 4 * 1024 * 1024, "/desk/write/file": 2 * 1024 * 1024, "/desk/write/type": 4 * 1024 * 1024,
    "/desk/write/ask": 4 * 1024 * 1024, "/desk/write/upload": 12 * 1024 * 1024,
}  # fmt: skip

HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}

REQUESTS = Counter("coldframe_web_requests_total", "Answers given", ["route", "method", "status"])
SECONDS = Histogram("coldframe_web_request_seconds", "Time from request to answer", ["route"])

SCRIPT = "script-src 'self'; "
CONNECT = "connect-src 'self'; "
log = structlog.get_logger("web")


def policy(
    *, form_action: str = "'self'", ancestors: str = "'none'", script: bool = False, images: str = "",
    asks: bool = False,
) -> str:  # fmt: skip
    """The Content-Security-Policy of a page: our own style sheet and images, no script, in nobody's frame.

    Browsers apply `form-action` to each redirect after a post as well, so a form that leads elsewhere says so.
    `ancestors`: the origins that may show the page in a frame. `script`: files of our own may run. `images`: origins
    of pictures that are not ours. `asks`: the script may fetch from here.
    """
    pictures = f"'self' {images}" if images else "'self'"
    return (
        f"default-src 'none'; {SCRIPT if script else ''}style-src 'self'; img-src {pictures}; frame-src 'self'; "
        f"{CONNECT if asks else ''}"
        f"base-uri 'none'; form-action {form_action}; frame-ancestors {ancestors}"
    )


class SecurityHeaders:
    """Adds the headers every answer has; a route's own value for one of them stays."""

    def __init__(self, app: ASGIApp, https: bool) -> None:
        self.app = app
        defaults = {**HEADERS, "Content-Security-Policy": policy()}
        if https:
            defaults["Strict-Transport-Security"] = "max-age=31536000"
        self._defaults = [(name.lower().encode(), value.encode()) for name, value in defaults.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                raw = message["headers"] = list(message.get("headers", ()))
                given = {name for name, _ in raw}
                raw.extend(pair for pair in self._defaults if pair[0] not in given)
                if b"content-security-policy" in given:
                    headers = MutableHeaders(scope=message)
                    if "frame-ancestors 'none'" not in headers["Content-Security-Policy"] and _denies(headers):
                        del headers["X-Frame-Options"]  # it knows no origins, and says the contrary
                if shared := scope.get("state", {}).get("headers"):
                    MutableHeaders(scope=message).update(shared)
            await send(message)

        await self.app(scope, receive, with_headers)


def _denies(headers: MutableHeaders) -> bool:
    return "frame-ancestors" in headers["Content-Security-Policy"] and headers["X-Frame-Options"] == "DENY"


class Guard:
    """Turns every exception into an answer, counts and times requests.

    An exception's text can hold what a visitor typed, so only its type and where it happened are logged; the path can
    hold a token, so only the route's pattern is.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 0
        began = time.perf_counter()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except ClientDisconnect:
            status = 499
        except Exception as error:
            if status:
                raise RuntimeError("an answer broke off") from None
            status = await self._answer(error, Request(scope, receive), send)
        finally:
            route = route_of(scope)
            answered, took = _meters(route, scope["method"] if route != "other" else "any", status)
            answered.inc()
            took.observe(time.perf_counter() - began)

    async def _answer(self, error: Exception, request: Request, send: Send) -> int:
        away = isinstance(error, UNAVAILABLE)
        log.error("request failed", route=route_of(request.scope), error=type(error).__qualname__, where=places(error))
        answer = problem(request, 503 if away else 500, {"Retry-After": "5"} if away else {})
        await answer(request.scope, request.receive, send)
        return answer.status_code


class BodyLimit:
    """Refuses a body that is too large while it arrives, one that does not arrive, and one that is compressed: what it
    unpacks to would be known only then."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = LARGER.get(scope["path"], MAX_BODY)
        headers = Headers(scope=scope)
        announced, coding = headers.get("content-length", ""), headers.get("content-encoding", "identity")
        got = 0
        ended = False
        deadline: float | None = None

        async def limited() -> Message:
            nonlocal got, ended, deadline
            if ended:  # what follows the body is only the client's leaving, for which there is all the time
                return await receive()
            if coding.strip().lower() != "identity":
                raise HTTPException(
                    415, "Send the body as it is, without Content-Encoding.", {"Accept-Encoding": "identity"}
                )
            if announced.isdecimal() and int(announced[:20]) > limit:
                raise HTTPException(413)
            deadline = deadline or asyncio.get_running_loop().time() + BODY_SECONDS
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408) from None
            got += len(message.get("body", b""))
            if got > limit:
                raise HTTPException(413)
            ended = not message.get("more_body", False)
            return message

        await self.app(scope, limited, send)


@lru_cache(maxsize=1024)
def _meters(route: str, method: str, status: int) -> tuple[Counter, Histogram]:
    """What counts and what times such answers: looking them up costs more than using them."""
    return REQUESTS.labels(route, method, str(status)), SECONDS.labels(route)


def route_of(scope: Scope) -> str:
    """The pattern of the route that was found, such as `/c/{token}`."""
    return getattr(scope.get("route"), "path", "other")


def places(error: BaseException) -> list[str]:
    """`file:line function` of the innermost frames, without any value."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]

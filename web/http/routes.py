"""Which route a request is for, found in a table by the first part of its path: the number of routes costs nothing.

Routes are declared with `APIRouter`. Their handlers take the request and the texts in their path, and return the
answer; so nothing of FastAPI's reading, checking and serialising stands between a request and its handler.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

Handler = Callable[..., Awaitable[Response]]


class Unfit(TypeError):
    """A handler asks for more than the request and the texts in its path."""


@dataclass
class Path:
    """One path, such as `/f/{form}`, and what answers each method. `route` is what metrics call it by."""

    path: str
    pattern: re.Pattern[str]
    answers: dict[str, tuple[Handler, bool]] = field(default_factory=dict)
    """By method the handler, and whether it asks for the request."""


class Table:
    """The routes of `routers` as one ASGI application. `beside` takes what begins with one of `mounts`, such as
    `/static`, and the start and end of the process. Raises HTTPException for 404 and 405."""

    def __init__(self, routers: Iterable[APIRouter], beside: ASGIApp, mounts: Iterable[str] = ()) -> None:
        self._by_start: dict[str, list[Path]] = {}
        self._beside, self._mounts = beside, frozenset(mounts)
        for router in routers:
            for route in router.routes:
                if not isinstance(route, APIRoute):
                    raise Unfit(f"{route} is no route of a method and a path")
                self._add(route)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = _parted(scope)
        start = _start(path)
        if scope["type"] != "http" or start in self._mounts:
            await self._beside(scope, receive, send)
            return
        for known in self._by_start.get(start, ()):
            if found := known.pattern.fullmatch(path):
                texts = {name: text.replace(SLASH, "/") for name, text in found.groupdict().items()}
                await self._answer(known, texts, scope, receive, send)
                return
        raise HTTPException(404)

    async def _answer(self, known: Path, texts: dict[str, str], scope: Scope, receive: Receive, send: Send) -> None:
        scope.update(route=known, path_params=texts)
        if (answer := known.answers.get(scope["method"])) is None:
            raise HTTPException(405, headers={"Allow": ", ".join(sorted(known.answers))})
        handler, asks = answer
        request = (Request(scope, receive, send),) if asks else ()
        response = await handler(*request, **texts)
        await response(scope, receive, send)

    def _add(self, route: APIRoute) -> None:
        asked = inspect.signature(route.endpoint).parameters
        texts = set(route.param_convertors)
        if set(asked) - {"request"} != texts or not inspect.iscoroutinefunction(route.endpoint):
            raise Unfit(f"the handler of {route.path} takes {', '.join(asked)}")
        known = self._by_start.setdefault(_start(route.path), [])
        path = next((one for one in known if one.path == route.path), None)
        if path is None:
            path = Path(route.path, route.path_regex)
            known.append(path)
        for method in route.methods or ():
            path.answers.setdefault(method, (route.endpoint, "request" in asked))


class Application(FastAPI):
    """An application whose routes stand in a table. Its middleware is what was added to it and nothing else: what is
    wrong with a request is answered by the handlers for exceptions, all else is the outermost middleware's to answer.
    """

    def __init__(self, routers: Iterable[APIRouter], **more: Any) -> None:
        super().__init__(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False, **more)
        self._routers = tuple(routers)
        for router in self._routers:
            self.include_router(router)

    def build_middleware_stack(self) -> ASGIApp:
        mounts = [route.path for route in self.router.routes if isinstance(route, Mount)]
        table = Table(self._routers, self.router, mounts)
        app: ASGIApp = ExceptionMiddleware(table, handlers=self.exception_handlers)
        for middleware, args, named in reversed(self.user_middleware):
            app = middleware(app, *args, **named)
        return app


SLASH = "\ue000"
"""Stands for a slash that is written as `%2F` and so belongs to a name, not between two parts of a path."""


def _parted(scope: Scope) -> str:
    """The path, decoded part by part: `/f/a%2Fb` is the form `a/b`. In `scope["path"]` that is already lost."""
    raw = scope.get("raw_path") or b""
    if b"%2f" not in raw.lower():
        return str(scope.get("path", ""))
    return unquote(re.sub("%2f", quote(SLASH), raw.decode("latin-1"), flags=re.IGNORECASE))


def _start(path: str) -> str:
    """`/f` of `/f/demo`."""
    end = path.find("/", 1)
    return path if end < 0 else path[:end]

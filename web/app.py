"""The web application: which parts it is made of, in the order a request passes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from engine.deploying.heartbeat import keep_announcing
from engine.leads.spool import Spool
from engine.model.ports import Runs
from engine.platform.memory import settle_memory
from engine.platform.settings import Settings
from engine.runtime.runtime import NothingDeployed, Runtime, open_runtime
from engine.store.session import PROMPT
from web.api import costs, crm, description, events, health, leads, provider, reports
from web.desk import handoff, mailbox, start
from web.desk.parts import PARTS as DESK
from web.desk.rooms import Rooms
from web.http.answers import STATIC, problem
from web.http.context import Freshness
from web.http.deadline import Deadline
from web.http.hosts import KnownHost
from web.http.limits import QUESTIONS, Buckets, Budgets, Limits
from web.http.routes import Application
from web.http.security import BodyLimit, Guard, SecurityHeaders
from web.public import (
    confirm,
    forms,
    links,
    look,
    mail_view,
    own_address,
    own_data,
    preferences,
    script,
    unsubscribe,
    visits,
)

PARTS = (
    forms,
    look,
    visits,
    script,
    links,
    confirm,
    unsubscribe,
    own_address,
    own_data,
    preferences,
    mail_view,
    handoff,
    events,
    leads,
    costs,
    reports,
    description,
    provider,
    crm,
    mailbox,
    start,
    *DESK,
    health,
)


def create_app(
    rt: Runtime | None = None,
    *,
    runs: Runs | None = None,
    settings: Settings | None = None,
    budgets: Budgets | None = None,
) -> FastAPI:
    """The application. With a runtime it is used as it is; without one it is opened and closed with the application.

    `runs` delivers to the run server right after a commit; without it rows wait in the outbox for a worker's sweep.
    """
    settings = rt.settings if rt else settings or Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            if rt is None:
                app.state.rt = await stack.enter_async_context(open_runtime(settings, runs=runs, patience=PROMPT))
                settle_memory()
            async with asyncio.TaskGroup() as group:
                beside = [
                    group.create_task(keep_announcing(app.state.rt, "web")),
                    group.create_task(app.state.spool.keep_replaying(app.state.rt)),
                ]
                yield
                for task in beside:
                    task.cancel()
            await app.state.rooms.close()

    for part in PARTS:
        _answer_head(part.router)
    app = Application((part.router for part in PARTS), lifespan=lifespan)
    app.state.rt = rt
    app.state.limits = Limits(budgets)
    app.state.freshness = Freshness()
    app.state.spool = Spool(settings.home / "spool")
    app.state.rooms = Rooms()
    app.state.questions = Buckets(QUESTIONS)
    app.mount("/static", Assets(directory=STATIC), name="static")
    app.add_exception_handler(HTTPException, _refuse)
    app.add_exception_handler(NothingDeployed, _nothing_deployed)
    app.add_middleware(Deadline)
    app.add_middleware(BodyLimit)
    app.add_middleware(KnownHost, settings=settings)
    app.add_middleware(Guard)
    app.add_middleware(SecurityHeaders, https=settings.base_url.startswith("https://"))
    return app


def _answer_head(router: APIRouter) -> None:
    """HEAD wherever GET: the server leaves the body out. Routes that do something on GET name HEAD themselves."""
    for route in router.routes:
        if isinstance(route, Route) and route.methods and "GET" in route.methods:
            route.methods.add("HEAD")


class Assets(StaticFiles):
    """The style sheet and the icon. Pages name the style sheet with a digest, so a changed one is fetched at once."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "public, max-age=86400"
        return response


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    own_words = error.detail != HTTPStatus(error.status_code).phrase
    return problem(request, error.status_code, error.headers, error.detail if own_words else "")


async def _nothing_deployed(request: Request, error: Exception) -> Response:
    return problem(request, 503, {"Retry-After": "5"}, "Nothing is deployed yet.")

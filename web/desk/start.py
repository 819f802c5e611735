"""The start page, and what machines ask: is the process alive, is it ready, its figures."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from web.desk.mailbox import active
from web.http.answers import page
from web.http.context import deployed, runtime

router = APIRouter()
PATIENCE = 3.0
"""Seconds that readiness waits for the database."""


@router.get("/")
async def start(request: Request) -> Response:
    """The deployed forms; where mail goes to the mailbox, also the campaigns and a link to it."""
    deployment = await deployed(request)
    local = active(runtime(request).settings)
    return page(
        "start.html",
        deployment=deployment,
        workspace=deployment.program.workspace if deployment else None,
        forms=deployment.program.forms if deployment else (),
        campaigns=tuple(plan for plan in deployment.program.campaigns if plan.written) if deployment and local else (),
        mailbox=local,
    )


@router.get("/healthz")
async def health() -> Response:
    """200 while the process answers at all."""
    return PlainTextResponse("ok\n")


@router.get("/readyz")
async def ready(request: Request) -> Response:
    """200 when a post could be stored now, else 503. Forms are taken without Temporal, so it is not asked."""
    try:
        async with asyncio.timeout(PATIENCE):
            await runtime(request).db.answers()
    except Exception:  # whatever it is, the process is not ready; the text could hold an address or a password
        return JSONResponse({"ready": False, "reason": "database"}, 503)
    current = runtime(request).catalog.current
    return JSONResponse({"ready": True, "deployment": current.epoch if current else None})


@router.get("/metrics")
async def metrics() -> Response:
    """Prometheus text format. It names routes and counts, never anybody."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

"""What machines ask: is the process alive, is it ready, its figures."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from web.http.context import runtime

router = APIRouter()
PATIENCE = 3.0
"""Seconds that readiness waits for the database."""


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

"""The start page."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from web.desk.mailbox import active
from web.http.answers import page
from web.http.context import deployed, runtime
from web.http.script import snippet

router = APIRouter()


@router.get("/")
async def start(request: Request) -> Response:
    """The deployed forms; where mail goes to the mailbox, also the campaigns and a link to it."""
    deployment = await deployed(request)
    settings = runtime(request).settings
    local = active(settings)
    return page(
        "start.html",
        deployment=deployment,
        workspace=deployment.program.workspace if deployment else None,
        forms=deployment.program.forms if deployment else (),
        campaigns=tuple(plan for plan in deployment.program.campaigns if plan.written) if deployment and local else (),
        mailbox=local,
        snippet=snippet(settings.base_url, needs_consent=deployment.program.workspace.tracking_needs_consent)
        if deployment
        else "",
    )

"""What the pages of a form load for their own look: its style sheet and its logo."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from web.http.answers import missing
from web.http.context import deployed_form
from web.http.look import LOGO_HEADERS, logo_file, picture_type, sheet_of

router = APIRouter()


@router.get("/f/{form}/style.css")
async def sheet(request: Request, form: str) -> Response:
    """The colors of the form's `style` line."""
    _, declared = await deployed_form(request, form)
    text = sheet_of(declared.style) if declared.style else ""
    if not text:
        raise missing()
    return Response(text, media_type="text/css", headers={"Cache-Control": "public, max-age=86400"})


@router.get("/f/{form}/logo")
async def logo(request: Request, form: str) -> Response:
    """The logo, where it is a file of the workspace."""
    deployment, declared = await deployed_form(request, form)
    body = logo_file(declared.style, deployment.files) if declared.style else None
    if declared.style is None or body is None:
        raise missing()
    return Response(body, media_type=picture_type(declared.style.logo), headers=dict(LOGO_HEADERS))

"""Double opt-in: the mail's link shows a button, and only the button confirms."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from engine.leads import intake
from engine.store import leads
from web.http.answers import missing, page
from web.http.context import deployed, runtime, token_parts, token_uuid
from web.http.look import Look, look_of
from web.http.origins import own_page
from web.http.security import policy
from web.http.words import Words
from web.public.hosted import language_of

router = APIRouter()
MOST_DIGITS = 19
"""A number of the log fits into 64 bits."""


@router.get("/confirm/{token}")
async def show(request: Request, token: str) -> Response:
    lead_id, seq = _post(request, token)
    deployment = await deployed(request)
    name = await leads.form_awaiting(runtime(request).db, lead_id, seq) if deployment else None
    if deployment is None or name is None:
        raise missing()
    form = deployment.forms.get(name.casefold())
    look = look_of(form, deployment.files) if form else Look()
    return page(
        "confirm.html",
        headers={"Content-Security-Policy": policy(images=look.images)},
        look=look,
        words=Words(language_of(request, deployment.program)),
        token=token,
        company=deployment.program.workspace.name,
    )


@router.post("/confirm/{token}")
async def confirm(request: Request, token: str) -> Response:
    """Now the form counts as submitted. Pressing twice confirms once."""
    lead_id, seq = _post(request, token)
    if not own_page(request, runtime(request).settings.base_url, unnamed=True):
        raise HTTPException(403, "Only the page behind the email's link can do this.")
    name = await intake.confirm(runtime(request), lead_id, seq)
    if name is None:
        raise missing()
    return RedirectResponse(f"/thanks/{runtime(request).tokens.sign('thanks', str(lead_id), name, 'confirmed')}", 303)


def _post(request: Request, token: str) -> tuple[UUID, int]:
    """The post to confirm: its lead and its number in the lead's log."""
    lead, seq = token_parts(request, "confirm", token, 2)
    if not (seq.isascii() and seq.isdecimal() and len(seq) < MOST_DIGITS):
        raise missing()
    return token_uuid(lead), int(seq)

"""`/mailbox`: what would have been mailed, while no mail provider is configured. With one, these pages do not exist.

A mail's page has buttons that bring about what a provider would report of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from engine.model.ports import Fate, Report
from engine.platform.settings import Settings
from engine.sending import feedback
from engine.store import mailbox
from web.http.answers import missing, page, wants_json
from web.http.context import posted, runtime, token_uuid
from web.http.origins import SAME_ORIGIN, origin_of, own_page

router = APIRouter()
PER_PAGE = 50
FATES: Mapping[Fate, str] = {
    "delivered": "Delivered", "replied": "Reply", "bounced": "Bounce", "complained": "Complaint",
}  # fmt: skip
"""What the buttons of a mail do."""


def active(settings: Settings) -> bool:
    return settings.sendgrid_api_key is None


@router.get("/mailbox")
async def listing(request: Request) -> Response:
    """The newest mails first, 50 to a page; `?to=` shows one address only. JSON for a program that asks for it."""
    _need(request)
    to = request.query_params.get("to", "")[:320].strip().replace("\0", "")
    number = _page_number(request)
    mails, total = await mailbox.page(runtime(request).db, to, (number - 1) * PER_PAGE, PER_PAGE)
    pages = max(1, -(-total // PER_PAGE))
    if wants_json(request):
        return JSONResponse({"mails": [_plain(mail._asdict()) for mail in mails], "total": total, "pages": pages})
    return page("mailbox.html", mails=mails, total=total, to=to, number=number, pages=pages)


@router.get("/mailbox/{mail}")
async def show(request: Request, mail: str) -> Response:
    _need(request)
    found = await _mail(request, mail)
    if wants_json(request):
        return JSONResponse(_plain(found))
    events, to_lead = await mailbox.what_became_of(runtime(request).db, found["id"])
    became = [
        ("complained" if one.type == "lead.unsubscribed" else one.type.partition(".")[2], one.at) for one in events
    ]
    return page("mail.html", headers=SAME_ORIGIN, mail=found, fates=FATES if to_lead else {}, became=became)


@router.post("/mailbox/{mail}")
async def pretend(request: Request, mail: str) -> Response:
    """Bring about what the provider or the reader would: the value of `fate` is one of FATES."""
    _need(request)
    if not own_page(request, runtime(request).settings.base_url):
        raise HTTPException(403, "Only the mailbox's own page can do this.")
    found, raw = await _mail(request, mail), await posted(request)
    fate = next((one for one in FATES if raw.get("fate") == [one]), None)
    if fate is None:
        raise HTTPException(422, f"`fate` is one of {', '.join(FATES)}.")
    if await feedback.report(runtime(request), Report(found["id"], fate)) == "unknown":
        raise missing()
    return RedirectResponse(f"/mailbox/{found['id']}", 303)


@router.get("/mailbox/{mail}/html")
async def body(request: Request, mail: str) -> Response:
    """The mail as its reader sees it, in a sandbox of its own origin.

    Mail has its styles inline by nature, so this one document may have them; it has no script, no form and no cookie.
    """
    _need(request)
    found = await _mail(request, mail)
    images = f"'self' {origin_of(runtime(request).settings.base_url)} data:"
    policy = (
        "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
        f"img-src {images}; frame-ancestors 'self'"
    )
    headers = {"Content-Security-Policy": policy, "X-Frame-Options": "SAMEORIGIN"}
    return HTMLResponse(in_new_tab(found["html"]), headers=headers)


def in_new_tab(html: str) -> str:
    """The mail with its links opening in a tab of their own, since pages refuse to be shown in a frame."""
    base = '<base target="_blank">'
    changed, times = re.subn(r"<head(\s[^>]*)?>", lambda match: match[0] + base, html, count=1, flags=re.IGNORECASE)
    return changed if times else base + html


def _plain(mail: Mapping[str, Any]) -> dict[str, Any]:
    """A mail's columns as JSON has them: the instant in ISO 8601, headers as an object."""
    return {**mail, "id": str(mail["id"]), "at": mail["at"].isoformat()}


def _need(request: Request) -> None:
    if not active(runtime(request).settings):
        raise missing()


def _page_number(request: Request) -> int:
    text = request.query_params.get("page", "1")
    return max(1, int(text)) if text.isascii() and text.isdecimal() and len(text) < 6 else 1


async def _mail(request: Request, mail: str) -> Mapping[str, Any]:
    found = await mailbox.one(runtime(request).db, token_uuid(mail))
    if found is None:
        raise missing()
    return found

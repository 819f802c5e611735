"""`/mailbox`: what would have been mailed, while no mail provider is configured. With one, these pages do not exist."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from sqlalchemy import func, select
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from engine.settings import Settings
from engine.store.tables import mailbox
from web.answers import missing, page, wants_json
from web.context import runtime, token_uuid
from web.origins import origin_of

router = APIRouter()
PER_PAGE = 50


def active(settings: Settings) -> bool:
    return settings.sendgrid_api_key is None


@router.get("/mailbox")
async def listing(request: Request) -> Response:
    """The newest mails first, 50 to a page; `?to=` shows one address only. JSON for a program that asks for it."""
    _need(request)
    to = request.query_params.get("to", "")[:320].strip().replace("\0", "")
    number = _page_number(request)
    chosen = select(mailbox.c.id, mailbox.c.to, mailbox.c.sender, mailbox.c.subject, mailbox.c.at)
    count = select(func.count()).select_from(mailbox)
    if to:
        chosen, count = chosen.where(mailbox.c.to == to), count.where(mailbox.c.to == to)
    chosen = chosen.order_by(mailbox.c.at.desc(), mailbox.c.id).offset((number - 1) * PER_PAGE).limit(PER_PAGE)
    async with runtime(request).db.engine.connect() as connection:
        mails = (await connection.execute(chosen)).all()
        total: int = (await connection.execute(count)).scalar_one()
    pages = max(1, -(-total // PER_PAGE))
    if wants_json(request):
        return JSONResponse({"mails": [_plain(mail._asdict()) for mail in mails], "total": total, "pages": pages})
    return page("mailbox.html", mails=mails, total=total, to=to, number=number, pages=pages)


@router.get("/mailbox/{mail}")
async def show(request: Request, mail: str) -> Response:
    _need(request)
    found = await _mail(request, mail)
    return JSONResponse(_plain(found)) if wants_json(request) else page("mail.html", mail=found)


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
    async with runtime(request).db.engine.connect() as connection:
        row = (await connection.execute(select(mailbox).where(mailbox.c.id == token_uuid(mail)))).mappings().first()
    if row is None:
        raise missing()
    return dict(row)

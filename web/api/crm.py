"""What a CRM tells by itself: `POST /hooks/crm/{name}`, with the name of its declaration.

HubSpot's hook is only a hint: which contacts have changed is noted, and a worker reads them anew. Any other system
sends the record itself, which is taken in before it is answered.
"""

from __future__ import annotations

import hashlib
from typing import Any

import structlog
from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dsl.plan import Crm, Program
from engine.crm import hubspot, webhooks
from engine.crm.choose import NotConnected, access_to
from engine.crm.pull import take_in
from engine.runtime.runtime import Runtime
from engine.store import crm as store
from web.http.answers import as_sentence, missing
from web.http.context import deployed, runtime, spend

router = APIRouter()
REFUSED = "This post is not signed as the CRM's settings demand."
log = structlog.get_logger("web")


@router.post("/hooks/crm/{name}")
async def take(request: Request, name: str) -> Response:
    """200 once everything is committed, 403 for a wrong or old signature, 404 for a CRM that is not declared."""
    rt, current = runtime(request), await deployed(request)
    program = current.program if current is not None else None
    crm = (
        next((one for one in program.crms if one.name.casefold() == name.casefold()), None)
        if program is not None
        else None
    )
    if crm is None or program is None:
        spend(request)
        raise missing()
    raw = await request.body()
    if not _signed(rt, request, crm, raw):
        spend(request)
        log.warning("crm hook refused", crm=crm.name)
        raise HTTPException(403, REFUSED)
    try:
        if crm.provider == "hubspot":
            return JSONResponse(await _note(rt, crm, raw))
        return JSONResponse(await _record(rt, program, crm, raw))
    except ValueError as wrong:
        text = str(wrong) if isinstance(wrong, webhooks.Malformed) else "a hook is a JSON list of events"
        raise HTTPException(422, as_sentence(text)) from None


def _signed(rt: Runtime, request: Request, crm: Crm, raw: bytes) -> bool:
    try:
        access = access_to(rt.settings, crm)
    except NotConnected:
        return False
    now = rt.clock.real()
    if crm.provider == "hubspot":
        secret = access.secret.get_secret_value() if access.secret else ""
        paths = {request.scope["path"], request.scope.get("raw_path", b"").decode("latin-1").partition("?")[0]}
        urls = [f"{rt.settings.base_url}{path}" for path in sorted(paths) if path]
        return bool(secret) and any(hubspot.signed(secret, "POST", url, raw, request.headers, now) for url in urls)
    secret = access.secret.get_secret_value() if access.secret else rt.settings.secret.get_secret_value()
    return webhooks.signed(secret, raw, request.headers.get("x-coldframe-signature", ""), now)


async def _note(rt: Runtime, crm: Crm, raw: bytes) -> dict[str, Any]:
    named, news = hubspot.named(raw), 0
    async with rt.db.hot() as hot:
        for key, remote in named:
            news += await store.note_hook(hot, crm.name, key, remote, rt.clock.now())
        await hot.commit()
    return {"noted": news, "repeated": len(named) - news}


async def _record(rt: Runtime, program: Program, crm: Crm, raw: bytes) -> dict[str, Any]:
    record = webhooks.read_record(raw, rt.clock.now())
    outcome = await take_in(rt, program, crm, record)
    key = hashlib.sha256(raw).hexdigest()
    async with rt.db.hot() as hot:
        await store.note_hook(hot, crm.name, key, record.id, rt.clock.now(), finished=True)
        await hot.commit()
    return {"state": outcome}

"""Page visits: `POST /t` from the company's own pages, with a first-party cookie, and only if the visitor agreed."""

from __future__ import annotations

from urllib.parse import urlsplit
from uuid import UUID, uuid4

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from engine.leads import intake
from web.http.context import deployed, load_json, runtime, spend
from web.http.fields import Refused, clean, safe_url
from web.http.origins import admits, share

router = APIRouter()
COOKIE = "cf_v"
COOKIE_SECONDS = 395 * 24 * 3600
"""13 months, the longest that European authorities accept for a measuring cookie."""


@router.options("/t")
async def preflight(request: Request) -> Response:
    await _admit(request)
    return Response(status_code=204)


@router.post("/t")
async def visit(request: Request) -> Response:
    """Record a visit: `{"url", "title", "referrer", "consent"}`. Always 204, whether or not it was recorded.

    `Sec-GPC: 1` and `DNT: 1` count as a refusal. A refusal records nothing and takes the cookie away.
    """
    needs_consent = await _admit(request)
    spend(request)
    body = load_json(await request.body())
    if not isinstance(body, dict):
        raise HTTPException(400)
    answer = Response(status_code=204)
    consent = body.get("consent")
    if objects(request) or consent is False or (needs_consent and consent is not True):
        if COOKIE in request.cookies:
            answer.delete_cookie(COOKIE, path="/")
        return answer
    url = safe_url(_text(body, "url"))
    if url is None:
        raise HTTPException(422, "`url` must be a complete http or https address.")
    visitor = visitor_of(request) or uuid4()
    data = {"url": url, "title": _text(body, "title"), "referrer": safe_url(_text(body, "referrer")) or ""}
    path = urlsplit(url).path or "/"
    await intake.record(runtime(request), intake.Occurrence("page.visited", path, data, visitor=visitor))
    _remember(request, answer, visitor)
    return answer


def objects(request: Request) -> bool:
    """Whether the browser says that its user does not want to be followed."""
    return "1" in (request.headers.get("sec-gpc"), request.headers.get("dnt"))


def visitor_of(request: Request) -> UUID | None:
    """The visitor of the cookie, unless they object or it is not one of ours."""
    if objects(request):
        return None
    try:
        found = UUID(request.cookies.get(COOKIE, ""))
    except ValueError:
        return None
    return found if found.version == 4 else None


async def _admit(request: Request) -> bool:
    """Let the pages of all origins that some form is allowed on in; returns whether tracking needs consent."""
    deployment = await deployed(request)
    if deployment is None:
        raise HTTPException(503)
    allowed = [url for form in deployment.program.forms for url in form.allowed_on]
    if not admits(request, allowed, runtime(request).settings.base_url):
        raise HTTPException(403)
    share(request, credentials=True)
    return deployment.program.workspace.tracking_needs_consent


def _text(body: dict[str, object], name: str) -> str:
    value = body.get(name)
    try:
        return clean(value) if isinstance(value, str) else ""
    except Refused:
        return ""


def _remember(request: Request, answer: Response, visitor: UUID) -> None:
    secure = runtime(request).settings.base_url.startswith("https://")
    answer.set_cookie(COOKIE, str(visitor), COOKIE_SECONDS, path="/", httponly=True, secure=secure, samesite="lax")

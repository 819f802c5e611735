"""Page visits: `POST /t` from the company's own pages, with a first-party cookie, and only if the visitor agreed."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit
from uuid import UUID, uuid4

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from dsl.plan import CustomEvent, EventType, LeadField, Program
from engine.leads import intake
from engine.rules.tracking.agents import scans
from engine.rules.tracking.classify import MACHINES, NO_CONSENT
from engine.tracking import visits
from web.http.context import deployed, load_json, runtime, spend
from web.http.fields import MAX_CHARS, Context, FieldValue, Refused, clean, cut_url, parse_field, safe_url
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
    """Record what a visitor does on the company's pages: `{"url", "title", "referrer", "consent"}`, and for other than
    a page view `kind`, `name` and `data`. Always 204, whether or not it was recorded.

    `Sec-GPC: 1` and `DNT: 1` count as a refusal. A refusal takes the cookie away and leaves one more view on its day,
    as does a page view of a crawler or another program that runs the script.
    """
    needs_consent = await _admit(request)
    spend(request)
    body = load_json(await request.body())
    if not isinstance(body, dict):
        raise HTTPException(400)
    answer, consent, kind = Response(status_code=204), body.get("consent"), body.get("kind", "page")
    if scans(request.headers.get("user-agent", "")):
        if kind == "page" and consent is not False:
            await visits.counted(runtime(request), MACHINES)
        return answer
    if objects(request) or consent is False or (needs_consent and consent is not True):
        if COOKIE in request.cookies:
            answer.delete_cookie(COOKIE, path="/")
        if kind == "page" and consent is not False:
            await visits.counted(runtime(request), NO_CONSENT)
        return answer
    url = _address(body, "url")
    if url is None:
        raise HTTPException(422, "`url` must be a complete http or https address.")
    visitor = visitor_of(request) or uuid4()
    await intake.record(runtime(request), await _occurrence(request, body, kind, url, visitor))
    _remember(request, answer, visitor)
    return answer


async def _occurrence(
    request: Request, body: dict[str, object], kind: object, url: str, visitor: UUID
) -> intake.Occurrence:
    """What has happened. Raises 422."""
    name, page = _address(body, "name") or _text(body, "name"), {"url": url, "title": _text(body, "title")}
    if kind == "page":
        seen = {**page, "referrer": _address(body, "referrer") or ""}
        return intake.Occurrence("page.visited", url, seen, visitor=visitor)
    if kind in ("download", "video") and name:
        type: EventType = "file.downloaded" if kind == "download" else "video.watched"
        last = urlsplit(name).path.rpartition("/")[2] if safe_url(name) else ""
        return intake.Occurrence(type, unquote(last) or name[:200], {**page, "link": name}, visitor=visitor)
    if kind == "outbound" and safe_url(name):
        return intake.Occurrence("custom", "outbound", {**page, "link": name}, visitor=visitor)
    if kind == "event" and (current := await deployed(request)):
        declared = next((one for one in current.program.events if one.name.casefold() == name.casefold()), None)
        if declared is None:
            raise HTTPException(422, "The workspace declares no event of this name.")
        data = _data(declared, body.get("data"), current.program)
        return intake.Occurrence("custom", declared.name, {**data, "url": url}, visitor=visitor)
    raise HTTPException(422, "`kind` is page, download, video, outbound or event; all but page have a `name`.")


def _data(declared: CustomEvent, given: object, program: Program) -> dict[str, FieldValue]:
    """What the event is declared to carry, each of its type. Anybody can call the script, so nothing else is kept."""
    if given is not None and not isinstance(given, dict):
        raise HTTPException(422, "`data` is an object.")
    found: dict[str, FieldValue] = {}
    for name, type in declared.data:
        if (given or {}).get(name) is None:
            if name in declared.required:
                raise HTTPException(422, f"`data.{name}` is missing, which this event is declared to have.")
            continue
        try:
            value = parse_field(LeadField(name=name, type=type), [(given or {})[name]], Context(program))
        except Refused:
            raise HTTPException(422, f"`data.{name}` is of type {type}.") from None
        if value is not None:
            found[name] = value
    return found


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


def _address(body: dict[str, object], name: str) -> str | None:
    """An address, cut where it is longer than a value may be: what comes first in it says most."""
    value = body.get(name)
    return cut_url(value) if isinstance(value, str) else None


def _text(body: dict[str, object], name: str) -> str:
    value = body.get(name)
    try:
        return clean(value[:MAX_CHARS]) if isinstance(value, str) else ""
    except Refused:
        return ""


def _remember(request: Request, answer: Response, visitor: UUID) -> None:
    secure = runtime(request).settings.base_url.startswith("https://")
    answer.set_cookie(COOKIE, str(visitor), COOKIE_SECONDS, path="/", httponly=True, secure=secure, samesite="lax")

"""What mails lead to: click links, the opening pixel, files. Targets are looked up, never taken from the query."""

from __future__ import annotations

import base64
import mimetypes
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from engine.leads import mail_hits
from engine.rules.conditions.addresses import ascii_address
from engine.rules.tracking.hits import HIDDEN, Kind
from engine.store import leads
from engine.tracking.hits import Fetch, Followed
from web.http.answers import missing, page
from web.http.context import client, deployed, runtime, token_parts, token_uuid
from web.http.fields import safe_url
from web.http.ranges import attachment, begins

router = APIRouter()
PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


@router.api_route("/c/{token}", methods=["GET", "HEAD"])
async def click(request: Request, token: str) -> Response:
    """302 to the link's stored address. HEAD only looks; a prefetch is refused, so that the real click still comes."""
    message, link = token_parts(request, "click", token, 2)
    url = await _take(request, "click", token_uuid(message), link)
    if _prefetched(request):
        return Response(status_code=503, headers={"Vary": "Sec-Purpose, Purpose, X-Purpose"})
    if url is not None and link == HIDDEN:
        return RedirectResponse("/unseen", 302)
    if url is None:  # the email has been forgotten; what it linked to has not
        url = await leads.link_target(runtime(request).db, link)
    if url is None or safe_url(url) is None:
        raise missing()
    return RedirectResponse(ascii_address(url), 302)


@router.get("/unseen")
async def unseen() -> Response:
    """Where the link leads that no reader of an email sees."""
    return page("unseen.html")


@router.api_route("/o/{token}.gif", methods=["GET", "HEAD"])
async def pixel(request: Request, token: str) -> Response:
    """A transparent picture of one point, in a mail to a lead who agreed to be tracked."""
    (message,) = token_parts(request, "open", token, 1)
    await _take(request, "open", token_uuid(message), "")
    return Response(PIXEL, media_type="image/gif", headers={"Cross-Origin-Resource-Policy": "cross-origin"})


@router.api_route("/d/{token}", methods=["GET", "HEAD"])
async def download(request: Request, token: str) -> Response:
    """A gated file for the lead the token names, always as a download: nothing in it runs on our origin."""
    lead, path = token_parts(request, "file", token, 2)
    lead_id = token_uuid(lead)
    deployment = await deployed(request)
    body = deployment.files.get(path) if deployment else None
    if body is None or not await leads.is_known(runtime(request).db, lead_id):
        raise missing()
    if begins(request):
        await _take(request, "download", lead_id, path)
    name = path.rpartition("/")[2]
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return attachment(request, body, name, kind, {"Content-Security-Policy": "default-src 'none'; sandbox"})


async def _take(request: Request, kind: Kind, id: UUID, link: str) -> str | None:
    """Store and judge the fetch; the address behind a link, None for an unknown one."""
    signs = [sign for sign, shown in (("HEAD", request.method == "HEAD"), ("prefetch", _prefetched(request))) if shown]
    fetch = Fetch(client(request), request.headers.get("user-agent", ""), tuple(signs))
    rt = runtime(request)
    return await mail_hits.take(rt, Followed(kind, id, link, rt.clock.now()), fetch)


def _prefetched(request: Request) -> bool:
    """Whether a browser or mail program fetches ahead of a click that may never come."""
    purposes = ",".join(request.headers.get(name, "") for name in ("sec-purpose", "purpose", "x-purpose", "x-moz"))
    return any(word in purposes.lower() for word in ("prefetch", "prerender", "preview"))

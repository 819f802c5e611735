"""A mail in the browser, behind the link that each mail to a lead has. Looking at it is not told to anybody."""

from __future__ import annotations

import re
from html import escape

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from engine.sending.mail_view import view
from web.http.answers import missing, page
from web.http.context import deployed, runtime, token_parts, token_uuid
from web.http.origins import origin_of
from web.http.words import Words

router = APIRouter()


@router.get("/v/{token}")
async def show(request: Request, token: str) -> Response:
    """The mail's own page, with nothing around it so that it can be read and printed; 410 once it cannot be made again.

    It has an origin of its own: no script, no form and no cookie, only what mail needs to look as it did.
    """
    (message,) = token_parts(request, "view", token, 1)
    found = await view(runtime(request), token_uuid(message))
    if found is None:
        raise missing()
    if found.html is None:
        deployment = await deployed(request)
        words = Words(deployment.program.workspace.language(found.language) if deployment else "")
        return page("problem.html", status=410, words=words, title=words("mail gone"), text=words("mail gone text"))
    policy = (
        "sandbox allow-popups allow-popups-to-escape-sandbox allow-downloads; default-src 'none'; "
        f"style-src 'unsafe-inline'; img-src {origin_of(runtime(request).settings.base_url)} https: data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    # A sandboxed page of its own origin has nothing to share, and browsers refuse it another opener policy.
    headers = {"Content-Security-Policy": policy, "Cross-Origin-Opener-Policy": "unsafe-none"}
    return HTMLResponse(titled(found.html, found.subject), headers=headers)


def titled(html: str, subject: str) -> str:
    """The page with the subject as its title, where it has none of its own."""
    if re.search(r"<title[\s>]", html, re.IGNORECASE):
        return html
    title = f"<title>{escape(subject)}</title>"
    changed, times = re.subn(r"<head(\s[^>]*)?>", lambda match: match[0] + title, html, count=1, flags=re.IGNORECASE)
    return changed if times else title + html

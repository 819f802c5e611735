"""For web developers: the line for pages, the forms, recent visits with how each was classified, and a box to try."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.responses import Response

from engine.rules.tracking.ways import Ways
from engine.store import desk_web
from web.desk.shown import when
from web.desk.signed_in import Desk, Visit
from web.http.context import deployed
from web.http.script import snippet

desk = Desk()
MANY = 50
EXAMPLE = "https://www.acme.example/pumps?utm_source=google&utm_medium=cpc&utm_campaign=spring"


@desk.get("/desk/web", "developers", "marketing")
async def show(visit: Visit) -> Response:
    """`?url=&referrer=` says how a visit would be classified."""
    deployment = await deployed(visit.request)
    program = deployment.program if deployment else None
    url, referrer = visit.asked("url", 2_000), visit.asked("referrer", 2_000)
    found, problem = None, ""
    if url and program:
        try:
            found = Ways.of(program).source(url, referrer) if urlsplit(url).scheme in ("http", "https") else None
        except ValueError:
            found = None
        problem = "" if found else "Enter a whole address that begins with https://."
    return visit.page(
        "web.html", program=program, url=url, referrer=referrer, found=found, problem=problem, example=EXAMPLE,
        snippet=snippet(visit.rt.settings.base_url, needs_consent=program.workspace.tracking_needs_consent)
        if program else "",
        visits=await desk_web.visits(visit.rt.db, MANY), when=await when(visit),
    )  # fmt: skip

"""For web developers: the line for pages, the forms, recent visits with how each was classified, a box to try, and
posts to other systems with their replay."""

from __future__ import annotations

from urllib.parse import urlsplit
from uuid import UUID

from starlette.responses import RedirectResponse, Response

from engine.rules.tracking.ways import Ways
from engine.sending import replay
from engine.sending.webhook import WebPoster
from engine.store import desk_web, webhooks
from web.desk.shown import when
from web.desk.signed_in import Desk, Visit
from web.http.answers import missing
from web.http.context import deployed
from web.http.script import snippet

desk = Desk()
MANY, POSTS = 50, 20
EXAMPLE = "https://www.acme.example/pumps?utm_source=google&utm_medium=cpc&utm_campaign=spring"


@desk.get("/desk/web", "developers", "marketing", "operators")
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
        posts=await webhooks.find(visit.rt.db, many=POSTS), may_replay=visit.may("developers", "operators"),
    )  # fmt: skip


@desk.post("/desk/web/replay", "developers", "operators")
async def send_again(visit: Visit) -> Response:
    """The post `id` is sent again now; what came of it stands in the list."""
    rt = visit.rt
    try:
        id = UUID(visit.one("id"))
    except ValueError:
        raise missing() from None
    poster = rt.poster or WebPoster(private=rt.settings.post_private)
    try:
        receipt = await replay.replay(
            rt.db, rt.clock, poster, rt.settings.secret.get_secret_value(), id, visit.user.email
        )
    except replay.Unknown:
        raise missing() from None
    finally:
        if poster is not rt.poster:
            await poster.close()
    await visit.note("replayed", str(id), delivered=receipt.state == "accepted")
    return RedirectResponse("/desk/web#posts", 303)

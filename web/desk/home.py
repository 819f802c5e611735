"""The desk's first page: what each role starts from."""

from __future__ import annotations

from starlette.responses import Response

from web.desk.signed_in import EVERYONE, NAVIGATION, ROUTES, Desk, Visit
from web.http.context import deployed

desk = Desk()
WHAT = {
    "Campaigns": "who is where, what was sent, and what came of it", "Leads": "find a lead and see everything about it",
    "Sales": "handoffs that wait for an answer", "Reports": "sources, stages, costs, and revenue",
    "Operations": "what needs attention, and the way out", "Web": "the script, the forms, and recent visits",
    "Users": "accounts and roles", "Log": "who did what",
}  # fmt: skip


@desk.get("/desk", *EVERYONE)
async def home(visit: Visit) -> Response:
    deployment = await deployed(visit.request)
    tiles = [
        (label, path, WHAT[label])
        for label, path, roles in NAVIGATION
        if path != "/desk" and visit.may(*roles) and ("GET", path) in ROUTES
    ]
    company = deployment.program.workspace.name if deployment else "Nothing is deployed yet"
    return visit.page("home.html", company=company, tiles=tiles)

"""Sales: one's own work list, ranked with reasons, and the way to each lead's sheet."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from engine.rules.reports.work_list import Task, overdue, ranked, why
from engine.rules.sales.routing import same
from engine.store import desk_sales
from web.desk.shown import when
from web.desk.signed_in import Desk, Visit
from web.http.answers import missing
from web.http.context import deployed

desk = Desk()
MOST = 200
RECENT = timedelta(days=7)
STEP = {"waiting": "take it", "assigned": "acknowledge", "acknowledged": "contact", "contacted": "decide"}
"""Phase of a handoff → what is to be done next."""


@desk.get("/desk/sales", "sales", "marketing")
async def work_list(visit: Visit) -> Response:
    """The handoffs of whoever is signed in, and those that wait for their team; marketing sees those of all."""
    everybody, teams = visit.may("marketing"), await _teams(visit)
    rows = await work(visit)
    done = await desk_sales.closed_since(
        visit.rt.db, visit.user.email, visit.rt.clock.now() - RECENT, everybody=everybody, limit=MOST
    )  # fmt: skip
    await visit.note("work list seen", count=len(rows) + len(done))
    return visit.page(
        "sales.html", rows=rows, done=done, teams=teams, everybody=everybody, steps=STEP, when=await when(visit)
    )  # fmt: skip


async def work(visit: Visit) -> list[tuple[Mapping[str, Any], str, bool]]:
    """The open handoffs in their order, each with the reason why it stands there, and whether it is late."""
    everybody, teams, now = visit.may("marketing"), await _teams(visit), visit.rt.clock.now()
    found = await desk_sales.open_handoffs(visit.rt.db, visit.user.email, teams, everybody=everybody, limit=MOST)
    by_lead = {str(one["lead_id"]): one for one in found}
    return [(by_lead[task.lead], why(task, now), bool(overdue(task, now))) for task in ranked(map(_task, found), now)]


def _task(row: Mapping[str, Any]) -> Task:
    # whoever has it: the list of one page is one list
    return Task("", str(row["lead_id"]), row["stage"], row["due_at"], row["phase"] or "", row["score"], row["fit"],
                row["active_at"])  # fmt: skip


async def _teams(visit: Visit) -> list[str]:
    """The teams whose member has the address of whoever is signed in."""
    deployment = await deployed(visit.request)
    teams = deployment.program.teams if deployment else ()
    return [team.name for team in teams if any(same(one.email, visit.user.email) for one in team.members)]


@desk.get("/desk/sales/{id}", "sales", "marketing")
async def sheet(visit: Visit) -> Response:
    """To the lead's sheet of whoever is signed in; marketing, who cannot act for sales, to the lead itself."""
    try:
        found = await desk_sales.handoff(visit.rt.db, UUID(visit.request.path_params["id"]))
    except ValueError:
        raise missing() from None
    if found is None:
        raise missing()
    mine = same(visit.user.email, found["member"]) or found["team"] in await _teams(visit)
    if mine:
        await visit.note("lead seen", str(found["lead_id"]))
        return RedirectResponse(f"/h/{visit.rt.tokens.sign('handoff', str(found['id']), visit.user.email)}", 303)
    if visit.may("marketing"):
        return RedirectResponse(f"/desk/leads/{found['lead_id']}", 303)
    raise HTTPException(403, "This lead belongs to another team.")

"""Campaigns: all of them with live numbers, and one drawn, with its results and emails, paused, resumed or ended."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from dsl.plan import Plan
from engine.deploying import pauses
from engine.graph.scene import scene, with_figures
from engine.graph.svg import svg
from engine.reports.campaign_numbers import Numbers, numbers
from engine.runtime.epochs import Refused
from engine.store import desk_campaigns
from engine.wording.steps import head_lines, outline
from web.desk.operations import tidy
from web.desk.shown import when
from web.desk.signed_in import Desk, Visit
from web.http.answers import as_sentence, missing
from web.http.context import deployed

desk = Desk()
DRAWING = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "Cache-Control": "no-store",
}
"""A drawing opened by itself has its styles inside and runs nothing."""


@desk.get("/desk/campaigns", "marketing", "operators")
async def listing(visit: Visit) -> Response:
    deployment = await deployed(visit.request)
    names = [one.campaign for one in deployment.program.campaigns if one.written] if deployment else []
    counted = {one["campaign"].casefold(): one for one in await desk_campaigns.numbers(visit.rt.db)}
    held = {one["campaign"]: one for one in await pauses.held(visit.rt.db)}
    rows = [(name, counted.pop(name.casefold(), None), held.get(name.casefold())) for name in names]
    gone = [one for one in counted.values() if not one["campaign"].startswith("confirm form ")]
    return visit.page("campaigns.html", rows=rows, gone=gone, all_held=held.get(""), when=await when(visit))


@desk.get("/desk/campaigns/one", "marketing", "operators")
async def show(visit: Visit) -> Response:
    return await _campaign(visit)


async def _campaign(visit: Visit, *, status: int = 200, problem: str = "") -> Response:
    deployment = await deployed(visit.request)
    name, plan = await _named(visit)
    counted = await numbers(visit.rt.db, name)
    held = {one["campaign"]: one for one in await pauses.held(visit.rt.db)}
    return visit.page(
        "campaign.html", status=status, problem=problem, name=name, plan=plan, counted=counted,
        held=held.get(name.casefold()) or held.get(""), own_hold=held.get(name.casefold()),
        steps=_steps(plan, counted) if plan else [], live=deployment.epoch if deployment else None,
        facts=head_lines(plan, deployment.program.workspace.currency) if plan and deployment else [],
        emails=await desk_campaigns.emails(visit.rt.db, name), inside=await pauses.inside(visit.rt.db, name),
        versions=await desk_campaigns.versions(visit.rt.db, name), when=await when(visit),
    )  # fmt: skip


def _steps(plan: Plan, counted: Numbers) -> list[dict[str, Any]]:
    return [
        {"id": step.id, "words": outline(step).words, "source": step.source, "at": counted.steps.get(step.id)}
        for step in plan.steps
    ]


@desk.get("/desk/campaigns/drawing", "marketing", "operators")
async def drawing(visit: Visit) -> Response:
    """The flow as an SVG, with the numbers of every step."""
    deployment = await deployed(visit.request)
    name, plan = await _named(visit)
    if plan is None or deployment is None:
        raise missing()
    counted = await numbers(visit.rt.db, name)
    parts = with_figures(scene(plan), {step: at.told() for step, at in counted.steps.items()})
    facts = [counted.summary(), *head_lines(plan, deployment.program.workspace.currency)]
    return Response(svg(plan.campaign, facts, parts), media_type="image/svg+xml", headers=DRAWING)


async def _named(visit: Visit) -> tuple[str, Plan | None]:
    """The campaign that `name` names, as it is written, and its plan if it is deployed. Raises 404."""
    deployment, asked = await deployed(visit.request), visit.one("name") or visit.asked("name")
    for plan in deployment.program.campaigns if deployment else ():
        if plan.campaign.casefold() == asked.casefold():
            return plan.campaign, plan
    name = await desk_campaigns.past_name(visit.rt.db, asked)
    if name is None:
        raise missing()
    return name, None


# ── pausing ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@desk.post("/desk/campaigns/state", "marketing", "operators")
async def state(visit: Visit) -> Response:
    """`to` is paused, running or ended, with a `reason`; ending needs the campaign's name as `confirm`."""
    name, _ = await _named(visit)
    to, reason, by = visit.one("to"), tidy(visit.one("reason")), visit.user.email
    if to in ("paused", "ended") and not reason:
        return await _campaign(visit, status=422, problem="Give a reason. Everybody who looks at the campaign sees it.")
    if to == "ended" and visit.one("confirm").strip().casefold() != name.casefold():
        return await _campaign(visit, status=422, problem="To end the campaign, enter its name.")
    try:
        match to:
            case "paused":
                done = await pauses.pause(visit.rt.db, visit.rt.clock, name, by, reason)
            case "running":
                done = await pauses.resume(visit.rt.db, visit.rt.clock, name, by, reason)
            case "ended":
                done = await pauses.stop(visit.rt.db, visit.rt.clock, name, by, reason)
            case _:
                return await _campaign(visit, status=422, problem="A campaign is paused, resumed, or ended.")
    except Refused as refusal:
        return await _campaign(visit, status=409, problem=as_sentence(refusal))
    action = {"paused": "paused", "running": "resumed", "ended": "ended"}[to]
    await visit.note(action, name, leads=done.leads, reason=reason)
    return RedirectResponse(f"/desk/campaigns/one?{urlencode({'name': name})}", 303)

"""Leads: found, listed, and one of them with everything that is known. Each look at people is logged."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from starlette.responses import RedirectResponse, Response

from dsl.plan import Program
from engine.leads import erase as erasing
from engine.leads import merge as merging
from engine.leads.merge import NotMerged
from engine.model.lead import Event
from engine.platform.tokens import email_key
from engine.runtime.runtime import NothingDeployed
from engine.store import leads as lead_rows
from engine.store.access import everything
from engine.store.desk_leads import Wanted, page
from engine.why.read import Unknown, campaigns_of, read
from engine.why.tell import Told, tell
from engine.wording import values
from engine.wording.events import curly, deed
from web.desk.shown import When, when
from web.desk.signed_in import Desk, Visit
from web.http.answers import missing
from web.http.context import deployed

desk = Desk()
PER_PAGE = 50
MOST_LINES = 200
"""Lines of each part of a lead that a page shows; an export has them all."""
NOT_MERGED = {
    "same": "The two are one lead already.", "gone": "One of the two leads was erased.",
    "busy": "An email to one of them is being sent at this moment. Try again in a minute.",
}  # fmt: skip


@desk.get("/desk/leads", "marketing")
async def listing(visit: Visit) -> Response:
    """`?q=` a part of the name, address or company; `stage`, `list`, `topic`, `campaign` with `step`, `only`
    (attention, suppressed); `before` for what comes next. The address is the filter."""
    deployment = await deployed(visit.request)
    program = deployment.program if deployment else None
    asked = {name: visit.asked(name) for name in ("q", "stage", "list", "topic", "campaign", "step", "only")}
    wanted = Wanted(
        q=asked["q"], stage=asked["stage"], on_list=asked["list"], topic=asked["topic"], campaign=asked["campaign"],
        step=asked["step"] if asked["campaign"] else "", attention=asked["only"] == "attention",
        suppressed=asked["only"] == "suppressed", before=place_of(visit.asked("before")),
    )  # fmt: skip
    rows = await page(visit.rt.db, wanted, PER_PAGE + 1)
    used = {name: value for name, value in asked.items() if value}
    await visit.note(
        "leads listed", count=min(len(rows), PER_PAGE), filters=sorted({*used} - {"q"}), searched="q" in used
    )  # fmt: skip
    older = ""
    if len(rows) > PER_PAGE:
        last = rows[PER_PAGE - 1]
        older = urlencode({**used, "before": f"{last['created_at'].isoformat()}~{last['id']}"})
    return visit.page(
        "leads.html", rows=rows[:PER_PAGE], asked=asked, used=used, older=older, when=await when(visit),
        choices=_choices(program), first=wanted.before is None,
    )  # fmt: skip


def _choices(program: Program | None) -> Mapping[str, Sequence[str]]:
    if program is None:
        return {"stage": (), "list": (), "topic": (), "campaign": ()}
    return {
        "stage": [one.name for one in program.stages], "list": [one.name for one in program.lists],
        "topic": [one.name for one in program.workspace.topics],
        "campaign": [one.campaign for one in program.campaigns if one.written],
    }  # fmt: skip


def place_of(given: str) -> tuple[datetime, UUID] | None:
    """The end of the page before, as its address says; None for nonsense."""
    at, _, id = given.partition("~")
    try:
        found = datetime.fromisoformat(at), UUID(id)
    except ValueError:
        return None
    return found if found[0].tzinfo is not None else None


# ── one lead ─────────────────────────────────────────────────────────────────────────────────────────────────────────
@desk.get("/desk/leads/{id}", "marketing")
async def show(visit: Visit) -> Response:
    id = await lead_of(visit)
    if str(id) != visit.request.path_params["id"]:
        return RedirectResponse(f"/desk/leads/{id}", 303)  # it has become part of another
    return await _lead(visit, id)


async def _lead(visit: Visit, id: UUID, *, status: int = 200, problem: str = "") -> Response:
    found = await everything(visit.rt.db, id)
    if found is None:
        raise missing()
    await visit.note("lead seen", str(id))
    shown, deployment = await when(visit), await deployed(visit.request)
    program = deployment.program if deployment else None
    lead = found["lead"]
    timeline = [(at_of(one["at"]), line(one)) for one in reversed(found["events"][-MOST_LINES:])]
    return visit.page(
        "lead.html", status=status, problem=problem, id=id, lead=lead, found=found, when=shown, at_of=at_of,
        name=" ".join(str(lead["fields"][one]) for one in ("first_name", "last_name") if lead["fields"].get(one)),
        fields=_fields(program, {**lead["origin"], **lead["fields"]}, shown), timeline=timeline, most=MOST_LINES,
    )  # fmt: skip


def _fields(program: Program | None, given: Mapping[str, Any], shown: When) -> list[tuple[str, str]]:
    known = program.all_fields if program else {}
    currency = program.workspace.currency if program else ""
    return [
        (name, values.readable(known[name].type if name in known else "text", value, shown.locale, shown.tz, currency))
        for name, value in given.items()
        if value not in (None, "", [])
    ]


def at_of(text: str) -> datetime:
    return datetime.fromisoformat(text)


def line(row: Mapping[str, Any]) -> str:
    """An event in words that begin with a capital letter."""
    event = Event(row["seq"], at_of(row["at"]), row["type"], row["name"], row.get("data") or {}, row.get("key"))
    said = deed(event, quote=curly)
    return said if "@" in said.partition(" ")[0] else said[:1].upper() + said[1:]


@desk.get("/desk/leads/{id}/why", "marketing")
async def why(visit: Visit) -> Response:
    """What happened to the lead in each of its campaigns, what did not, and the line that decided it."""
    id = await lead_of(visit)
    await visit.note("lead seen", str(id))
    now, told = visit.rt.clock.now(), list[tuple[str, Told, Any]]()
    try:
        for name in await campaigns_of(visit.rt.db, str(id)):
            log = await read(visit.rt.db, str(id), name, now)
            told.append((name, tell(log), log.local))
    except Unknown:
        raise missing() from None
    return visit.page("why.html", id=id, told=told)


@desk.get("/desk/leads/{id}/export", "marketing")
async def export(visit: Visit) -> Response:
    """Everything that is kept of the lead, as a JSON file."""
    id = await lead_of(visit)
    found = await everything(visit.rt.db, id)
    if found is None:
        raise missing()
    await visit.note("exported", str(id))
    headers = {"Content-Disposition": f'attachment; filename="lead-{id}.json"'}
    body = json.dumps(found, indent=2, ensure_ascii=False, default=str)
    return Response(body, media_type="application/json", headers=headers)


@desk.post("/desk/leads/{id}/erase", "marketing")
async def erase(visit: Visit) -> Response:
    """`confirm` has to be the lead's address: nothing brings an erased lead back."""
    id = await lead_of(visit)
    found = await everything(visit.rt.db, id)
    if found is None:
        raise missing()
    if not same_address(visit.one("confirm"), found["lead"]["email"]):
        return await _lead(visit, id, status=422, problem="To erase this lead, enter its email address.")
    try:
        if await erasing.erase(visit.rt, id, visit.user.email) is None:
            raise missing()
    except NothingDeployed:
        return await _lead(visit, id, status=409, problem="Deploy a workspace first.")
    await visit.note("erased", str(id))
    return RedirectResponse("/desk/leads", 303)


@desk.post("/desk/leads/{id}/merge", "marketing")
async def merge(visit: Visit) -> Response:
    """`other` is the address or id of the lead that becomes part of this one. Without `sure` the page shows what would
    change."""
    id = await lead_of(visit)
    other = await find(visit, visit.one("other"))
    if other is None:
        return await _lead(visit, id, status=422, problem="There is no lead with this address.")
    try:
        done = await merging.merge(visit.rt, id, other, visit.user.email, dry=not visit.one("sure"))
    except NotMerged as refused:
        return await _lead(visit, id, status=409, problem=NOT_MERGED[refused.why])
    if not visit.one("sure"):
        return visit.page("merge.html", id=id, other=visit.one("other"), done=done)
    await visit.note("merged", str(id), other=str(other))
    return RedirectResponse(f"/desk/leads/{id}", 303)


def same_address(given: str, email: str) -> bool:
    try:
        return email_key(given) == email_key(email)
    except ValueError:
        return False


async def lead_of(visit: Visit) -> UUID:
    """The lead of the address, as it goes on today. Raises 404."""
    try:
        id = UUID(visit.request.path_params["id"])
    except ValueError:
        raise missing() from None
    found = await lead_rows.find(visit.rt.db, "", id)
    if found is None:
        raise missing()
    return UUID(str(found[0]))


async def find(visit: Visit, who: str) -> UUID | None:
    id: UUID | None = None
    key = ""
    try:
        id = UUID(who.strip())
    except ValueError:
        try:
            key = email_key(who.strip())
        except ValueError:
            return None
    found = await lead_rows.find(visit.rt.db, key, id)
    return None if found is None else UUID(str(found[0]))

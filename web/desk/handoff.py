"""The page a sales colleague gets with a lead: profile, note, history, buttons. Its link names lead and person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Literal
from urllib.parse import quote
from uuid import UUID, uuid4

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from dsl.plan import HandOff, Program, Workspace
from engine.model.lead import TRACKING
from engine.rules.conditions.calendar import zone_of
from engine.rules.sales.routing import distinct, same
from engine.sales import handoffs
from engine.sales.handoff_view import HandoffView
from engine.wording import values
from web.http.answers import missing, page
from web.http.context import deployed, posted, runtime, token_parts, token_uuid
from web.http.fields import Refused, clean
from web.http.origins import own_page

router = APIRouter()
Action = Literal["acknowledge", "contacted", "accept", "reject"]
MORE = ("comment", "follow up", "reassign")
"""What can be done beside the ladder's steps."""
LONGEST = 2_000
"""Characters of a comment."""
REASONS = ("not ready", "no budget", "bad fit", "wrong contact", "duplicate", "no response")
ACTIONS: tuple[Action, ...] = ("acknowledge", "contacted", "accept", "reject")
STEPS: tuple[tuple[str, str], ...] = (
    ("assigned", "Assigned"),
    ("acknowledged", "Acknowledged"),
    ("contacted", "Contacted"),
    ("closed", "Decided"),
)
IGNORED: Mapping[str, str] = {
    "closed": "This handoff was closed before you pressed the button.",
    "done before": "That has already been recorded.",
    "taken": "Another team member has acknowledged this lead, so it stays with them.",
}
"""What to say when an action changed nothing (engine.rules.sales.ladder.Ignored)."""


LEFT = "This link no longer works, because you are not in a sales team anymore."
IN_VAIN: Mapping[str, str] = {
    **IGNORED,
    "no member": "Please choose the team member who gets this lead.",
    "past": "Please choose a day from tomorrow on, within the next two years.",
}


@router.get("/h/{token}")
async def show(request: Request, token: str) -> Response:
    return await _page(request, token)


@router.post("/h/{token}")
async def act(request: Request, token: str) -> Response:
    """`action` is acknowledge, contacted, accept or reject (with a `reason`); `comment` with a `text`, `follow up` with
    a `day` or none, `reassign` with the address `to`. 303 back to the page, 409 when it changed nothing."""
    if not own_page(request, runtime(request).settings.base_url):
        raise HTTPException(403, "Only the handoff’s own page can do this.")
    handoff_id, member, before = await _who(request, token)
    raw = await posted(request)
    given = _one(raw, "action")
    if given in MORE:
        return await _more(request, token, handoff_id, member, str(given), {name: _one(raw, name) for name in raw})
    if given not in ACTIONS:
        raise HTTPException(422, f"The actions are {', '.join((*ACTIONS, *MORE))}.")
    action: Action = given
    reason = _reason(_one(raw, "reason"), await _reasons(request)) if action == "reject" else None
    if action == "reject" and reason is None:
        return await _page(request, token, status=422, problem="Please choose why this lead is rejected.")
    result = await handoffs.act(runtime(request), handoff_id, action, member, reason)
    # "closed" is also what a decision leads to; it was in vain only if the handoff was closed before
    if result == "left":
        raise HTTPException(410, LEFT)
    if result in IGNORED and (result != "closed" or before.phase == "closed"):
        return await _page(request, token, status=409, problem=IGNORED[result])
    return RedirectResponse(f"/h/{token}", 303)


async def _more(
    request: Request, token: str, handoff_id: UUID, member: str, action: str, raw: Mapping[str, str]
) -> Response:
    """A comment, a day to follow up, or another member for the lead."""
    rt = runtime(request)
    if action == "comment":
        text = _text(raw.get("text", ""))
        if text is None:
            return await _page(request, token, status=422, problem=f"Please write 1 to {LONGEST:,} characters.")
        result = await handoffs.comment(rt, handoff_id, member, text, token_uuid(raw.get("once", "")))
    elif action == "reassign":
        result = await handoffs.reassign(rt, handoff_id, member, raw.get("to", "").strip())
    else:
        day = _day(raw.get("day", ""))
        if day is None and raw.get("day"):
            return await _page(request, token, status=422, problem=IN_VAIN["past"])
        result = await handoffs.follow_up(rt, handoff_id, member, day)
    if result == "left":
        raise HTTPException(410, LEFT)
    if result in IN_VAIN and not (action == "comment" and result == "closed"):
        return await _page(
            request, token, status=422 if result in ("past", "no member") else 409, problem=IN_VAIN[result]
        )
    return RedirectResponse(f"/h/{token}", 303)


def _one(raw: Mapping[str, Any], name: str) -> str:
    """The value of that name; nothing if it was given twice, since nobody knows which one is meant."""
    values = raw.get(name, ())
    return values[0] if len(values) == 1 and isinstance(values[0], str) else ""


def _text(given: str) -> str | None:
    """A comment without what cannot be seen; its lines stay. None if nothing is left, or too much."""
    lines = given.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    kept = "\n".join("".join(one for one in line if one.isprintable() or one == "\t") for line in lines).strip()
    return kept if 0 < len(kept) <= LONGEST else None


def _day(given: str) -> date | None:
    try:
        return date.fromisoformat(given) if len(given) == 10 else None
    except ValueError:
        return None


def reasons(program: Program | None) -> tuple[str, ...]:
    """The usual reasons, and those that a campaign has an answer to; each once, however it is written."""
    found = {reason.casefold(): reason for reason in REASONS}
    for reason in _named(program) if program else ():
        found.setdefault(reason.casefold(), reason)
    return tuple(found.values())


def _named(program: Program) -> Iterator[str]:
    for plan in program.campaigns:
        for step in plan.steps:
            if isinstance(step, HandOff):
                yield from (case.reason for case in step.cases if case.reason)


async def _reasons(request: Request) -> tuple[str, ...]:
    deployment = await deployed(request)
    return reasons(deployment.program if deployment else None)


def _reason(given: str, offered: Iterable[str]) -> str | None:
    """The offered reason that was chosen, or None."""
    try:
        text = clean(given).casefold()
    except Refused:
        return None
    return next((reason for reason in offered if reason.casefold() == text), None)


async def _who(request: Request, token: str) -> tuple[UUID, str, HandoffView]:
    """The handoff and the person of a link. Raises 404 where there is no such handoff, and 410 for a link to one that
    does exist, of somebody who is in no team any more."""
    given, member = token_parts(request, "handoff", token, 2)
    handoff_id = token_uuid(given)
    view = await handoffs.view(runtime(request), handoff_id)
    if view is None:
        raise missing()
    if not await handoffs.may_act(runtime(request), member):
        raise HTTPException(410, LEFT)
    if any(same(member, one) for one in view.passed_on):
        who = view.member or "another team member"
        raise HTTPException(410, f"This link no longer works: the lead is now assigned to {who}.")
    return handoff_id, member, view


async def _page(request: Request, token: str, *, status: int = 200, problem: str = "") -> Response:
    _, member, view = await _who(request, token)
    deployment = await deployed(request)
    program = deployment.program if deployment else None
    zone = zone_of(_zone(program, view.team))
    workspace = program.workspace if program else Workspace(name="")
    fields, locale = (program.all_fields if program else {}), workspace.languages[0]
    reached = [phase for phase, _ in STEPS].index(view.phase) if view.phase in dict(STEPS) else -1
    return page(
        "handoff.html",
        status=status,
        view=view,
        token=token,
        member=member,
        subscribed=[topic for topic, state in view.topics.items() if state == "subscribed" and topic != TRACKING],
        mine=view.member is not None and view.member.casefold() == member.casefold(),
        steps=[(label, number <= reached) for number, (_, label) in enumerate(STEPS)],
        open=view.phase != "closed",
        may=_offered(view.phase),
        reasons=reasons(program),
        shown=lambda name, value: values.readable(
            fields[name].type if name in fields else "text",
            values.labeled(fields.get(name), value, locale),
            locale,
            zone,
            workspace.currency,
        ),
        when=lambda at: values.moment(at, locale, zone),
        day=lambda at: values.day(at.astimezone(zone).date(), locale),
        link=lambda value: quote(str(value), safe="@+"),
        members=_members(program, view.member),
        once=uuid4(),
        problem=problem,
    )


def _zone(program: Program | None, team: str) -> str:
    """In which the team works, as in its mails; a team that is gone has the company's."""
    if program is None:
        return "UTC"
    return next((one.hours.zone for one in program.teams if one.name == team), program.workspace.timezone)


def _members(program: Program | None, now: str | None) -> Sequence[tuple[str, str]]:
    """To whom the lead can go: address and what is shown, by team; each address once."""
    if program is None:
        return ()
    found = {one.email: f"{one.email} ({team.name})" for team in reversed(program.teams) for one in team.members}
    addresses = distinct(one.email for team in program.teams for one in team.members)
    return [(address, found[address]) for address in addresses if not same(address, now)]


def _offered(phase: str) -> tuple[Action, ...]:
    """The buttons that still mean something in this phase."""
    match phase:
        case "waiting" | "assigned":
            return ACTIONS
        case "acknowledged":
            return ("contacted", "accept", "reject")
        case "contacted":
            return ("accept", "reject")
        case _:
            return ()

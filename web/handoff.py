"""The page a sales colleague gets with a lead: profile, note, history, four buttons. Its link names lead and person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal
from uuid import UUID

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from dsl.plan import AnyStep, HandOff, Program
from engine import handoffs
from web.answers import missing, page
from web.context import deployed, posted, runtime, token_parts, token_uuid
from web.fields import Refused, clean

router = APIRouter()
Action = Literal["acknowledge", "contacted", "accept", "reject"]
ACTIONS: tuple[Action, ...] = ("acknowledge", "contacted", "accept", "reject")
REASONS = ("not ready", "no budget", "bad fit", "wrong contact", "duplicate", "no response")
STEPS: tuple[tuple[str, str], ...] = (
    ("assigned", "Assigned"),
    ("acknowledged", "Acknowledged"),
    ("contacted", "Contacted"),
    ("closed", "Decided"),
)
MAX_REASON = 100


@router.get("/h/{token}")
async def show(request: Request, token: str) -> Response:
    return await _page(request, token)


@router.post("/h/{token}")
async def act(request: Request, token: str) -> Response:
    """`action` is acknowledge, contacted, accept or reject; a rejection has a `reason`. 303 back to the page."""
    handoff_id, member = _who(request, token)
    if await handoffs.view(runtime(request), handoff_id) is None:
        raise missing()
    raw = await posted(request)
    given = next(iter(raw.get("action", ())), "")
    if given not in ACTIONS:
        raise HTTPException(422, f"The actions are {', '.join(ACTIONS)}.")
    action: Action = given
    reason = _reason(raw.get("reason", ()), await _program(request)) if action == "reject" else None
    if action == "reject" and reason is None:
        return await _page(request, token, status=422, problem="Please choose why this lead is rejected.")
    await handoffs.act(runtime(request), handoff_id, action, member, reason)
    return RedirectResponse(f"/h/{token}", 303)


def reasons(program: Program | None) -> tuple[str, ...]:
    """The usual reasons, and those that a campaign has an answer to; each once, however it is written."""
    found = {reason.casefold(): reason for reason in REASONS}
    for reason in _named(program) if program else ():
        found.setdefault(reason.casefold(), reason)
    return tuple(found.values())


def _named(program: Program) -> Iterator[str]:
    steps: Iterable[AnyStep] = (step for plan in program.campaigns for step in plan.steps)
    for step in steps:
        if isinstance(step, HandOff):
            yield from (case.reason for case in step.cases if case.reason)


def _reason(given: Iterable[object], program: Program | None) -> str | None:
    value = next(iter(given), None)
    try:
        text = clean(value).casefold() if isinstance(value, str) else ""
    except Refused:
        return None
    return next((reason for reason in reasons(program) if reason.casefold() == text), None)


def _who(request: Request, token: str) -> tuple[UUID, str]:
    handoff_id, member = token_parts(request, "handoff", token, 2)
    return token_uuid(handoff_id), member


async def _program(request: Request) -> Program | None:
    deployment = await deployed(request)
    return deployment.program if deployment else None


async def _page(request: Request, token: str, *, status: int = 200, problem: str = "") -> Response:
    handoff_id, member = _who(request, token)
    view = await handoffs.view(runtime(request), handoff_id)
    if view is None:
        raise missing()
    program = await _program(request)
    reached = [phase for phase, _ in STEPS].index(view.phase) if view.phase in dict(STEPS) else -1
    return page(
        "handoff.html",
        status=status,
        view=view,
        token=token,
        member=member,
        mine=view.member is not None and view.member.casefold() == member.casefold(),
        steps=[(label, number <= reached) for number, (_, label) in enumerate(STEPS)],
        open=view.phase != "closed",
        may=_offered(view.phase),
        reasons=reasons(program),
        shown=shown,
        problem=problem,
    )


def shown(value: object) -> str:
    """A field's value as people write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)


def _offered(phase: str) -> tuple[Action, ...]:
    """The buttons that still mean something in this phase."""
    match phase:
        case "waiting" | "assigned":
            return ACTIONS
        case "acknowledged":
            return ("contacted", "accept", "reject")
        case "contacted":
            return ("accept", "reject")
    return ()
